package postgres

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	blockingChains = prometheus.NewDesc("pg_blocking_chains",
		"Sessions that others wait for and that wait for nobody: each is the root of a chain.", nil, nil)
	blockingDepth = prometheus.NewDesc("pg_blocking_chain_depth",
		"Sessions that wait one for the other in the longest chain, its root not counted; 0 when nobody waits.", nil, nil)
	blockingRoot = prometheus.NewDesc("pg_blocking_root_sessions",
		"Sessions that wait, directly or behind others, for a root of a chain, by database, application and state of the root and the relation that is waited for (unknown until its name was read). "+
			"Those who wait for several roots count for each; all but the ten that hold up most are added up as other.",
		[]string{"datname", "application_name", "state", "relation"}, nil)
)

const (
	maxRoots = 10
	unknown  = "unknown"
	// prepared is the state of a root that is no session: a prepared transaction.
	prepared = "prepared"
)

// blocking finds who waits for whom. What a transaction waits for names no
// relation when the lock is a row's: then the waiting session holds the row's
// lock of the heap, which does. Asking who blocks a session stops the lock
// manager for a moment, hence only those that wait are asked about, and of them
// the fifty that have waited longest.
func blocking(name func(database string, oid int64) string) subject {
	return subject{
		needsMonitor: true,
		descs:        []*prometheus.Desc{blockingChains, blockingDepth, blockingRoot},
		query: pgsession.Query{Name: "blocking sessions", SQL: `
WITH waiting AS MATERIALIZED (
       SELECT pid, pg_blocking_pids(pid) AS blockers
         FROM (SELECT pid FROM pg_stat_activity
                WHERE wait_event_type = 'Lock' AND application_name <> 'closewatch'
                ORDER BY query_start LIMIT 50) longest),
     involved AS (SELECT pid FROM waiting UNION SELECT unnest(blockers) FROM waiting)
SELECT pid, w.blockers, a.datname, a.application_name, a.backend_type, a.state, a.wait_event_type = 'Lock' AS waits, l.relation
  FROM involved
  LEFT JOIN waiting w USING (pid)
  LEFT JOIN pg_stat_activity a USING (pid)
  LEFT JOIN LATERAL (SELECT l.relation FROM pg_locks l
                      WHERE l.pid = w.pid AND l.relation IS NOT NULL AND (NOT l.granted OR l.locktype = 'tuple')
                      ORDER BY l.granted LIMIT 1) l ON w.pid IS NOT NULL
 ORDER BY pid LIMIT 1000`},
		publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
			if r.Err != nil {
				return
			}
			g := newWaitGraph(readWaiting(r.Rows, name))
			roots := g.roots()
			gauge(ch, blockingChains, float64(len(roots)))
			gauge(ch, blockingDepth, float64(g.depth()))
			for k, waiting := range g.heldUp(roots) {
				gauge(ch, blockingRoot, waiting, k.database, k.application, k.state, k.relation)
			}
		},
	}
}

// A waiter is a session of a chain; a root does not wait itself. Of a session
// that waits but was not asked about, no blockers are known.
type waiter struct {
	pid      int64
	waits    bool
	blockers []int64
	rootKey  // its own, and the relation it waits for
}

// A rootKey is what is told of a root.
type rootKey struct{ database, application, state, relation string }

// readWaiting reads the sessions of all chains. A blocker of pid 0 is a prepared
// transaction; one that is gone meanwhile is nameless.
func readWaiting(rows []pgsession.Row, name func(database string, oid int64) string) []waiter {
	list := make([]waiter, 0, len(rows))
	for _, row := range rows {
		pid, ok := row.Int("pid")
		if !ok {
			continue
		}
		w := waiter{pid: pid, blockers: pids(row.String("blockers"))}
		waits, _ := row.Bool("waits")
		w.waits = waits || len(w.blockers) > 0
		w.database, w.relation = row.String("datname"), unknown
		w.application = application(programName(row.String("application_name")))
		if w.application == "" && row.String("backend_type") != "client backend" {
			w.application = row.String("backend_type")
		}
		if w.state = row.String("state"); pid == 0 {
			w.state = prepared
		}
		if oid, ok := row.Int("relation"); ok {
			w.relation = cmp.Or(name(w.database, oid), unknown)
		}
		list = append(list, w)
	}
	return list
}

// pids reads an array of PostgreSQL: {4711,4712}. A parallel query stands in it
// once for each of its processes.
func pids(array string) []int64 {
	var list []int64
	for part := range strings.SplitSeq(strings.Trim(array, "{}"), ",") {
		if pid, err := strconv.ParseInt(part, 10, 64); err == nil {
			list = append(list, pid)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// A waitGraph says who waits for whom. For as long as it takes the server to
// find a deadlock, it has cycles.
type waitGraph struct {
	sessions []waiter // by pid
	byPID    map[int64]*waiter
}

func newWaitGraph(sessions []waiter) waitGraph {
	g := waitGraph{slices.SortedFunc(slices.Values(sessions), func(a, b waiter) int { return cmp.Compare(a.pid, b.pid) }), map[int64]*waiter{}}
	for i := range g.sessions {
		g.byPID[g.sessions[i].pid] = &g.sessions[i]
	}
	return g
}

// roots lists the sessions that do not wait: the others are here because those
// wait for them.
func (g waitGraph) roots() []int64 {
	var list []int64
	for _, s := range g.sessions {
		if !s.waits {
			list = append(list, s.pid)
		}
	}
	return list
}

// depth is the number of sessions that wait in the longest chain. A cycle counts
// at most once around.
func (g waitGraph) depth() int {
	depths := map[int64]int{} // 0 while it is being found
	var of func(pid int64) int
	of = func(pid int64) int {
		if d, ok := depths[pid]; ok {
			return d
		}
		depths[pid] = 0
		s := g.byPID[pid]
		if s == nil || !s.waits {
			return 0
		}
		below := 0
		for _, b := range s.blockers {
			below = max(below, of(b))
		}
		depths[pid] = below + 1
		return below + 1
	}
	deepest := 0
	for _, s := range g.sessions {
		deepest = max(deepest, of(s.pid))
	}
	return deepest
}

// behind lists the sessions that wait for a root, directly or behind others.
func (g waitGraph) behind(root int64) map[int64]bool {
	found := map[int64]bool{}
	for next := []int64{root}; len(next) > 0; {
		pid := next[0]
		next = next[1:]
		for _, s := range g.sessions {
			if !found[s.pid] && slices.Contains(s.blockers, pid) {
				found[s.pid] = true
				next = append(next, s.pid)
			}
		}
	}
	return found
}

// heldUp counts the sessions behind roots that are told alike, and adds up what
// is beyond maxRoots as other.
func (g waitGraph) heldUp(roots []int64) map[rootKey]float64 {
	behind := map[rootKey]map[int64]bool{}
	for _, pid := range roots {
		k := g.byPID[pid].rootKey
		k.relation = g.wanted(pid)
		if pid == 0 {
			k.database = g.databaseBehind(pid)
		}
		if behind[k] == nil {
			behind[k] = map[int64]bool{}
		}
		maps.Copy(behind[k], g.behind(pid))
	}
	keys := slices.SortedFunc(maps.Keys(behind), func(a, b rootKey) int {
		return cmp.Or(cmp.Compare(len(behind[b]), len(behind[a])), cmp.Compare(a.database, b.database),
			cmp.Compare(a.application, b.application), cmp.Compare(a.state, b.state), cmp.Compare(a.relation, b.relation))
	})
	counts := map[rootKey]float64{}
	rest := map[int64]bool{}
	for i, k := range keys {
		if i < maxRoots {
			counts[k] = float64(len(behind[k]))
		} else {
			maps.Copy(rest, behind[k])
		}
	}
	if len(rest) > 0 {
		counts[rootKey{residual, residual, residual, residual}] = float64(len(rest))
	}
	return counts
}

// wanted is the relation that most sessions waiting directly for a root want,
// a known one rather than none.
func (g waitGraph) wanted(root int64) string {
	votes := map[string]float64{}
	for _, s := range g.sessions {
		if slices.Contains(s.blockers, root) && s.relation != unknown {
			votes[s.relation]++
		}
	}
	if len(votes) == 0 {
		return unknown
	}
	return byValue(votes)[0]
}

// databaseBehind is the database of the first session that waits for pid.
func (g waitGraph) databaseBehind(pid int64) string {
	for _, s := range g.sessions {
		if slices.Contains(s.blockers, pid) {
			return s.database
		}
	}
	return ""
}
