package postgres

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	byDatabase      = []string{"datname"}
	blockedSessions = prometheus.NewDesc("pg_blocked_sessions",
		"Sessions that wait for a lock, by database.", byDatabase, nil)
	longestBlocked = prometheus.NewDesc("pg_longest_blocked_seconds",
		"How long the longest of them has waited; 0 when none waits.", byDatabase, nil)
	recentDeadlocks = prometheus.NewDesc("pg_recent_deadlocks",
		"Deadlocks of the last five minutes, or since the watch began.", byDatabase, nil)
	recentRollbacks = prometheus.NewDesc("pg_recent_rollback_ratio",
		"Share of the last five minutes' transactions that were rolled back, as after a serialization failure; absent when they are fewer than 100.", byDatabase, nil)
)

// contention finds who waits, in every database that accepts connections, and
// how often transactions failed there of late. The time of waiting is
// PostgreSQL 14's; before, that of the statement stands for it. Sessions that
// wait are found first: mostly there are none, and the locks are not read.
func contention() subject {
	histories := map[string]*mishapHistory{}
	return subject{
		needsMonitor: true,
		descs:        []*prometheus.Desc{blockedSessions, longestBlocked, recentDeadlocks, recentRollbacks},
		query: pgsession.Query{Name: "blocked sessions", SQL: `
SELECT d.datname, w.sessions, w.longest, now() AS now, pg_postmaster_start_time() AS started,
       pg_stat_get_db_deadlocks(d.oid) AS deadlocks,
       pg_stat_get_db_xact_commit(d.oid) AS committed, pg_stat_get_db_xact_rollback(d.oid) AS rolled_back
  FROM pg_database d
  LEFT JOIN (SELECT a.datid, count(*) AS sessions,
                    max(extract(epoch FROM clock_timestamp() - coalesce(l.since, a.query_start))) AS longest
               FROM pg_stat_activity a,
                    LATERAL (SELECT min((to_jsonb(l)->>'waitstart')::timestamptz) AS since
                               FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted) l
              WHERE a.wait_event_type = 'Lock' AND a.application_name <> 'closewatch'
              GROUP BY 1) w ON w.datid = d.oid
 WHERE d.datallowconn AND NOT d.datistemplate
 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 1000`},
		publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
			if r.Err == nil {
				publishContention(ch, r.Rows, histories)
			}
		},
	}
}

// contentionDatabases bounds the databases whose contention is told; the others
// are added up as "other".
const contentionDatabases = 16

// A databaseContention is what one database, or several, suffer.
type databaseContention struct {
	waiting, longest float64
	recent           mishaps
}

func publishContention(ch chan<- prometheus.Metric, rows []pgsession.Row, histories map[string]*mishapHistory) {
	databases := make(map[string]*databaseContention, len(rows))
	weight := make(map[string]float64, len(rows)) // what makes a database worth telling
	for _, row := range rows {
		name := row.String("datname")
		d := new(databaseContention)
		d.waiting, _ = row.Float("sessions")
		longest, _ := row.Float("longest")
		d.longest = max(longest, 0)
		if histories[name] == nil {
			histories[name] = new(mishapHistory)
		}
		d.recent = histories[name].add(row)
		databases[name] = d
		weight[name] = d.waiting*1e9 + d.recent.deadlocks*1e6 + d.recent.rolledBack + d.recent.committed
	}
	maps.DeleteFunc(histories, func(name string, _ *mishapHistory) bool { return databases[name] == nil })
	kept := largest(weight, contentionDatabases)
	rest, some := new(databaseContention), false
	for _, name := range slices.Sorted(maps.Keys(databases)) {
		d := databases[name]
		if kept[name] && name != residual {
			d.publish(ch, name)
			continue
		}
		some = true
		rest.waiting += d.waiting
		rest.longest = max(rest.longest, d.longest)
		rest.recent = rest.recent.plus(d.recent)
	}
	if some {
		rest.publish(ch, residual)
	}
}

func (d *databaseContention) publish(ch chan<- prometheus.Metric, name string) {
	gauge(ch, blockedSessions, d.waiting, name)
	gauge(ch, longestBlocked, d.longest, name)
	r := d.recent
	known(ch, recentDeadlocks, r.deadlocks, r.known, name)
	all := r.committed + r.rolledBack
	known(ch, recentRollbacks, r.rolledBack/all, r.known && all >= fewTransactions, name)
}

const (
	// recentFor is the past in which failures are counted.
	recentFor = 5 * time.Minute
	// fewTransactions are too few for a ratio.
	fewTransactions = 100
	// maxMoments bounds a history; the shortest interval needs 300.
	maxMoments = 301
)

// mishaps are counts of a period, or of all time.
type mishaps struct {
	deadlocks, committed, rolledBack float64
	known                            bool // there is a period
}

func (f mishaps) plus(g mishaps) mishaps {
	return mishaps{f.deadlocks + g.deadlocks, f.committed + g.committed, f.rolledBack + g.rolledBack, f.known || g.known}
}

func (f mishaps) minus(g mishaps) mishaps {
	return mishaps{f.deadlocks - g.deadlocks, f.committed - g.committed, f.rolledBack - g.rolledBack, true}
}

// A mishapHistory keeps what one database's counters said in the last five
// minutes of the server's time, oldest first. It starts over when they were
// reset and when another server answers.
type mishapHistory struct {
	started time.Time // of the server
	moments []mishapMoment
}

type mishapMoment struct {
	at     time.Time
	counts mishaps
}

// add takes what the counters say now and returns what happened since the
// oldest moment kept.
func (h *mishapHistory) add(row pgsession.Row) mishaps {
	var ok [5]bool
	var now mishapMoment
	var started time.Time
	now.at, ok[0] = row.Time("now")
	started, ok[1] = row.Time("started")
	now.counts.deadlocks, ok[2] = row.Float("deadlocks")
	now.counts.committed, ok[3] = row.Float("committed")
	now.counts.rolledBack, ok[4] = row.Float("rolled_back")
	if ok != [5]bool{true, true, true, true, true} {
		return mishaps{}
	}
	if n := len(h.moments); n > 0 && (!started.Equal(h.started) || now.before(h.moments[n-1])) {
		h.moments = nil
	}
	h.started = started
	h.moments = append(h.moments, now)
	old := 0
	for old < len(h.moments)-1 && (now.at.Sub(h.moments[old].at) > recentFor || len(h.moments)-old > maxMoments) {
		old++
	}
	h.moments = slices.Delete(h.moments, 0, old)
	if len(h.moments) == 1 {
		return mishaps{}
	}
	return now.counts.minus(h.moments[0].counts)
}

// before reports whether a moment is earlier than another, by its clock or by a
// counter, which only grow.
func (m mishapMoment) before(other mishapMoment) bool {
	d := m.counts.minus(other.counts)
	return m.at.Before(other.at) || d.deadlocks < 0 || d.committed < 0 || d.rolledBack < 0
}
