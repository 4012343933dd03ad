package postgres

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	activityLabels = []string{"application_name", "backend_type", "datname", "state", "usename", "wait_event", "wait_event_type"}

	activityCount = prometheus.NewDesc("pg_stat_activity_count",
		"Server processes by application, database, user, state and what they wait for. Numbers that applications append to their name are left out; names that are no program's, and roles that are somebody's mail address, are other.",
		activityLabels, nil)
	activityLongest = prometheus.NewDesc("pg_stat_activity_max_tx_duration",
		"Age of the oldest transaction among them, in seconds.", activityLabels, nil)
)

// activity counts server processes as the peer does, without our own, and what
// the same sessions take of their limits and pools.
func activity(declared []Pool) subject {
	return subject{
		needsMonitor: true,
		descs:        slices.Concat([]*prometheus.Desc{activityCount, activityLongest}, limitDescs, poolDescs),
		query: pgsession.Query{Name: "activity", SQL: `
SELECT a.application_name, a.backend_type, a.datname, a.state, a.usename, a.wait_event, a.wait_event_type,
       host(a.client_addr) AS address, d.datconnlimit, r.rolconnlimit,
       count(*) AS count, max(extract(epoch FROM now() - a.xact_start)) AS longest,
       sum(count(*)) OVER () AS total,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0) AS open
  FROM pg_stat_activity a
  LEFT JOIN pg_database d ON d.oid = a.datid
  LEFT JOIN pg_roles r ON r.oid = a.usesysid
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
 ORDER BY count DESC LIMIT 3000`},
		publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
			sessions, left := readSessions(r.Rows)
			publishActivity(ch, foldActivity(sessions, left))
			if left > 0 {
				return // what is taken of a limit is not known
			}
			publishUsedLimits(ch, sessions)
			publishPools(ch, declared, sessions)
		},
	}
}

// A sessionGroup is server processes that do not differ in what is told of them.
type sessionGroup struct {
	activityKey
	name          string // the application's, as it calls itself
	address       string // of the client; "" on a socket
	count         float64
	longest       *float64 // age of their oldest transaction, in seconds
	databaseLimit float64  // -1 without one
	roleLimit     float64
	open          float64 // connections open to roles without a reservation; 0 when not known
}

type activityKey struct{ application, backend, database, state, user, event, eventType string }

// own reports whether the sessions are ours.
func (g sessionGroup) own() bool { return g.name == pgsession.ApplicationName }

// numbered reports whether the application tells its processes apart.
func (g sessionGroup) numbered() bool { return g.name != g.application }

// client reports whether the sessions take connections.
func (g sessionGroup) client() bool { return g.backend == "client backend" }

// appended is the process or worker number in names such as odoo-12345.
var appended = regexp.MustCompile(`[-_.:#/ ]*\d+$`)

// application is a name without the number appended to it.
func application(name string) string {
	return cmp.Or(appended.ReplaceAllString(name, ""), name)
}

// readSessions reads the groups, and how many processes are in those left out
// of the answer.
func readSessions(rows []pgsession.Row) (groups []sessionGroup, left float64) {
	for i, row := range rows {
		if i == 0 {
			left, _ = row.Float("total")
		}
		count, ok := row.Float("count")
		if !ok {
			continue
		}
		left -= count
		name := programName(row.String("application_name"))
		g := sessionGroup{
			activityKey: activityKey{
				application(name), row.String("backend_type"), row.String("datname"), row.String("state"),
				roleName(row.String("usename")), row.String("wait_event"), row.String("wait_event_type"),
			},
			name: name, address: row.String("address"), count: count, databaseLimit: -1, roleLimit: -1,
		}
		if v, ok := row.Float("longest"); ok {
			g.longest = new(max(v, 0))
		}
		if v, ok := row.Float("datconnlimit"); ok {
			g.databaseLimit = v
		}
		if v, ok := row.Float("rolconnlimit"); ok {
			g.roleLimit = v
		}
		g.open, _ = row.Float("open")
		groups = append(groups, g)
	}
	return groups, max(left, 0)
}

// maxActivity bounds the series of each family; smaller groups are added up
// under the application name "other".
const maxActivity = 90

type activityGroup struct {
	key     activityKey
	count   float64
	longest *float64
}

func publishActivity(ch chan<- prometheus.Metric, groups []activityGroup) {
	for _, g := range groups {
		k := g.key
		labels := []string{k.application, k.backend, k.database, k.state, k.user, k.event, k.eventType}
		gauge(ch, activityCount, g.count, labels...)
		if g.longest != nil {
			gauge(ch, activityLongest, *g.longest, labels...)
		}
	}
}

// residual is the label under which what is beyond a bound is added up; what has
// that name itself is part of it.
const residual = "other"

// foldActivity adds up the groups that differ only in a number appended to
// their name, largest first, and the smallest into "other" with what was left
// out before.
func foldActivity(sessions []sessionGroup, left float64) []activityGroup {
	byKey := make(map[activityKey]*activityGroup)
	add := func(k activityKey, count float64, longest *float64) {
		g := byKey[k]
		if g == nil {
			g = &activityGroup{key: k}
			byKey[k] = g
		}
		g.count += count
		if longest != nil && (g.longest == nil || *longest > *g.longest) {
			g.longest = longest
		}
	}
	for _, s := range sessions {
		if !s.own() {
			add(s.activityKey, s.count, s.longest)
		}
	}
	groups := sortedGroups(byKey)
	var rest []activityGroup
	if len(groups) > maxActivity || left > 0 {
		kept := min(len(groups), maxActivity-1)
		groups, rest = groups[:kept], groups[kept:]
	}
	clear(byKey)
	if left > 0 {
		add(activityKey{application: residual}, left, nil)
	}
	for _, g := range rest {
		add(activityKey{application: residual}, g.count, g.longest)
	}
	return append(groups, sortedGroups(byKey)...)
}

func sortedGroups(byKey map[activityKey]*activityGroup) []activityGroup {
	list := make([]activityGroup, 0, len(byKey))
	for _, g := range byKey {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b activityGroup) int {
		return cmp.Or(
			cmp.Compare(b.count, a.count), cmp.Compare(a.key.application, b.key.application),
			cmp.Compare(a.key.database, b.key.database), cmp.Compare(a.key.state, b.key.state),
			cmp.Compare(a.key.user, b.key.user), cmp.Compare(a.key.backend, b.key.backend),
			cmp.Compare(a.key.eventType, b.key.eventType), cmp.Compare(a.key.event, b.key.event),
		)
	})
	return list
}
