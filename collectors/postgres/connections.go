package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	maxConnections = prometheus.NewDesc("pg_settings_max_connections",
		"Server parameter max_connections.", nil, nil)
	reservedConnections = prometheus.NewDesc("pg_settings_superuser_reserved_connections",
		"Server parameter superuser_reserved_connections.", nil, nil)
	connectionsUsed = prometheus.NewDesc("pg_connections_used_ratio",
		"Client connections, ours included, as a share of those open to roles that are not superuser.", nil, nil)
	activeSessions = prometheus.NewDesc("pg_active_sessions",
		"Client sessions that execute a statement at this moment, ours left out.", nil, nil)
	idleTransactions = prometheus.NewDesc("pg_idle_in_transaction_sessions",
		"Client sessions that hold a transaction open and do nothing.", nil, nil)
	longestTransaction = prometheus.NewDesc("pg_longest_transaction_seconds",
		"Age of the oldest open transaction of a client; 0 when none is open.", nil, nil)
)

// connections adds up client sessions. The ratio counts ours, which takes its
// room like any other; what judges activity does not.
var connections = subject{
	needsMonitor: true,
	descs:        []*prometheus.Desc{maxConnections, reservedConnections, connectionsUsed, activeSessions, idleTransactions, longestTransaction},
	query: pgsession.Query{Name: "connections", SQL: `
SELECT current_setting('max_connections')::int AS most,
       current_setting('superuser_reserved_connections')::int AS reserved,
       count(*) AS used,
       count(*) FILTER (WHERE others AND state = 'active') AS active,
       count(*) FILTER (WHERE others AND state LIKE 'idle in transaction%') AS idle_in_transaction,
       coalesce(max(extract(epoch FROM now() - xact_start)) FILTER (WHERE others), 0) AS longest
  FROM (SELECT *, application_name <> 'closewatch' AS others FROM pg_stat_activity) a
 WHERE backend_type = 'client backend'`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		row := r.First()
		most, ok := row.Float("most")
		known(ch, maxConnections, most, ok)
		reserved, okReserved := row.Float("reserved")
		known(ch, reservedConnections, reserved, okReserved)
		used, okUsed := row.Float("used")
		known(ch, connectionsUsed, used/(most-reserved), ok && okReserved && okUsed && most > reserved)
		for column, desc := range map[string]*prometheus.Desc{
			"active": activeSessions, "idle_in_transaction": idleTransactions, "longest": longestTransaction,
		} {
			v, ok := row.Float(column)
			known(ch, desc, max(v, 0), ok)
		}
	},
}
