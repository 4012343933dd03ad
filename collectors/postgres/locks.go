package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	lockCount = prometheus.NewDesc("pg_locks_count",
		"Locks held or waited for, by database and mode.", []string{"datname", "mode"}, nil)
	blockedSessions = prometheus.NewDesc("pg_blocked_sessions",
		"Sessions that wait for a lock, by database.", []string{"datname"}, nil)
	longestBlocked = prometheus.NewDesc("pg_longest_blocked_seconds",
		"How long the longest of them has waited; 0 when none waits.", []string{"datname"}, nil)
)

// locks counts locks as the peer does, without our own.
var locks = subject{
	descs: []*prometheus.Desc{lockCount},
	query: pgsession.Query{Name: "locks", SQL: `
SELECT d.datname, lower(l.mode) AS mode, count(*) AS count
  FROM pg_locks l
  JOIN pg_database d ON d.oid = l.database
 WHERE l.pid IS DISTINCT FROM pg_backend_pid()
 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 1000`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			v, ok := row.Float("count")
			known(ch, lockCount, v, ok, row.String("datname"), row.String("mode"))
		}
	},
}

// blocked finds who waits, in every database that accepts connections. The time
// of waiting is PostgreSQL 14's; before, that of the statement stands for it.
var blocked = subject{
	needsMonitor: true,
	descs:        []*prometheus.Desc{blockedSessions, longestBlocked},
	query: pgsession.Query{Name: "blocked sessions", SQL: `
SELECT d.datname, count(w.pid) AS sessions,
       coalesce(max(extract(epoch FROM clock_timestamp() - w.since)), 0) AS longest
  FROM pg_database d
  LEFT JOIN (SELECT a.datid, a.pid, min(coalesce((to_jsonb(l)->>'waitstart')::timestamptz, a.query_start)) AS since
               FROM pg_locks l JOIN pg_stat_activity a USING (pid)
              WHERE NOT l.granted AND a.application_name <> 'closewatch'
              GROUP BY 1, 2) w ON w.datid = d.oid
 WHERE d.datallowconn AND NOT d.datistemplate
 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			name := row.String("datname")
			sessions, ok := row.Float("sessions")
			known(ch, blockedSessions, sessions, ok, name)
			longest, ok := row.Float("longest")
			known(ch, longestBlocked, max(longest, 0), ok, name)
		}
	},
}
