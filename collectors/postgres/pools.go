package postgres

import (
	"cmp"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	roleUsed = prometheus.NewDesc("pg_role_connections_used_ratio",
		"Connections of a role, ours included, as a share of its CONNECTION LIMIT; absent for roles without one.", []string{"rolname"}, nil)
	databaseUsed = prometheus.NewDesc("pg_database_connections_used_ratio",
		"Connections to a database, ours included, as a share of its CONNECTION LIMIT; absent for databases without one.", []string{"datname"}, nil)
	limitDescs = []*prometheus.Desc{roleUsed, databaseUsed}

	byApplication   = []string{"application"}
	poolConnections = prometheus.NewDesc("pg_pool_connections",
		"Client connections of an application whose processes append a number to its name, as Odoo's do (odoo-12345), or that is declared as a pool.", byApplication, nil)
	poolProcesses = prometheus.NewDesc("pg_pool_processes",
		"Processes of the application that hold connections, told apart by their number and address.", byApplication, nil)
	poolLargest = prometheus.NewDesc("pg_pool_largest_process_connections",
		"Connections of the process that holds most.", byApplication, nil)
	poolPossible = prometheus.NewDesc("pg_pool_possible_connections",
		"Connections the application opens when every process fills its pool: the processes declared, or those seen when they are more, times maxConnections.", byApplication, nil)
	poolShortfall = prometheus.NewDesc("pg_pool_shortfall_connections",
		"Connections that would be refused if every declared pool were full while all others stay as they are; 0 when there is room.", nil, nil)
	poolDescs = []*prometheus.Desc{poolConnections, poolProcesses, poolLargest, poolPossible, poolShortfall}
)

// Bounds on series: of limits, those most used are kept; pools beyond the bound
// are added up as "other".
const (
	maxLimits = 8
	maxPools  = 12
)

// publishUsedLimits publishes what is used of the limits of roles and databases.
// Those without a session are left out, as they are far from any.
func publishUsedLimits(ch chan<- prometheus.Metric, sessions []sessionGroup) {
	publishUsedLimit(ch, roleUsed, sessions, func(s sessionGroup) (string, float64) { return s.user, s.roleLimit })
	publishUsedLimit(ch, databaseUsed, sessions, func(s sessionGroup) (string, float64) { return s.database, s.databaseLimit })
}

func publishUsedLimit(ch chan<- prometheus.Metric, desc *prometheus.Desc, sessions []sessionGroup, of func(sessionGroup) (name string, limit float64)) {
	held, used := map[string]float64{}, map[string]float64{}
	for _, s := range sessions {
		if name, limit := of(s); s.client() && limit > 0 && name != residual {
			held[name] += s.count
			used[name] = held[name] / limit
		}
	}
	names := byValue(used)
	for _, name := range names[:min(len(names), maxLimits)] {
		gauge(ch, desc, used[name], name)
	}
}

// A pool is what one application holds. Only processes that append a number to
// the application's name can be told apart.
type pool struct {
	application        string
	declared           bool
	connections        float64
	processes, largest float64
}

// told reports whether processes are known: a pool that holds connections of
// none has some that cannot be told apart.
func (p pool) told() bool { return p.processes > 0 || p.connections == 0 }

// publishPools does the arithmetic of connection pools: what each application
// holds, could hold, and whether the server has room for that.
func publishPools(ch chan<- prometheus.Metric, declared []Pool, sessions []sessionGroup) {
	pools := seenPools(declared, sessions)
	for _, p := range foldPools(pools) {
		gauge(ch, poolConnections, p.connections, p.application)
		known(ch, poolProcesses, p.processes, p.told(), p.application)
		known(ch, poolLargest, p.largest, p.told(), p.application)
	}
	if len(declared) == 0 || len(sessions) == 0 || sessions[0].open <= 0 {
		return
	}
	wanted := 0.0
	for _, s := range sessions {
		if s.client() {
			wanted += s.count
		}
	}
	for _, d := range declared {
		p := pools[d.Application]
		possible := max(float64(d.Processes), p.processes) * float64(d.MaxConnections)
		gauge(ch, poolPossible, possible, d.Application)
		wanted += max(possible-p.connections, 0)
	}
	gauge(ch, poolShortfall, max(wanted-sessions[0].open, 0))
}

// seenPools adds up the connections of applications that number their processes
// and of those declared, by application.
func seenPools(declared []Pool, sessions []sessionGroup) map[string]*pool {
	pools := map[string]*pool{}
	for _, d := range declared {
		pools[d.Application] = &pool{application: d.Application, declared: true}
	}
	for _, s := range sessions {
		if s.client() && s.numbered() && pools[s.application] == nil {
			pools[s.application] = &pool{application: s.application}
		}
	}
	type process struct{ name, address string }
	held := map[process]float64{}
	for _, s := range sessions {
		p := pools[s.application]
		if p == nil || !s.client() {
			continue
		}
		p.connections += s.count
		if !s.numbered() {
			continue
		}
		id := process{s.name, s.address}
		if held[id] == 0 {
			p.processes++
		}
		held[id] += s.count
		p.largest = max(p.largest, held[id])
	}
	return pools
}

// foldPools lists the declared pools and the largest of the others.
func foldPools(pools map[string]*pool) []*pool {
	list := slices.SortedFunc(maps.Values(pools), func(a, b *pool) int {
		return cmp.Or(cmp.Compare(number(b.declared), number(a.declared)), cmp.Compare(b.connections, a.connections), cmp.Compare(a.application, b.application))
	})
	if len(list) <= maxPools {
		return list
	}
	kept := slices.DeleteFunc(slices.Clone(list[:maxPools-1]), func(p *pool) bool { return p.application == residual })
	rest := &pool{application: residual}
	for _, p := range list {
		if slices.Contains(kept, p) {
			continue
		}
		rest.connections += p.connections
		rest.processes += p.processes
		rest.largest = max(rest.largest, p.largest)
	}
	return append(kept, rest)
}
