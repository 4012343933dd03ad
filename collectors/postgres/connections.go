package postgres

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	maxConnections = prometheus.NewDesc("pg_settings_max_connections",
		"Server parameter max_connections.", nil, nil)
	reservedConnections = prometheus.NewDesc("pg_settings_superuser_reserved_connections",
		"Server parameter superuser_reserved_connections.", nil, nil)
	connectionsUsed = prometheus.NewDesc("pg_connections_used_ratio",
		"Client connections, ours included, as a share of those open to roles without a reservation: max_connections less superuser_reserved_connections and, from PostgreSQL 16, reserved_connections.", nil, nil)
	activeSessions = prometheus.NewDesc("pg_active_sessions",
		"Client sessions that execute a statement at this moment, ours left out.", nil, nil)
	idleTransactions = prometheus.NewDesc("pg_idle_in_transaction_sessions",
		"Client sessions that hold a transaction open and do nothing.", nil, nil)
	longestTransaction = prometheus.NewDesc("pg_longest_transaction_seconds",
		"Age of the oldest open transaction of a client; 0 when none is open.", nil, nil)
	longestIdle = prometheus.NewDesc("pg_longest_idle_in_transaction_seconds",
		"How long the longest of the idle clients with an open transaction has done nothing; 0 when there is none.", nil, nil)
	longestStatement = prometheus.NewDesc("pg_longest_statement_seconds",
		"How long the longest statement of a client has been running; 0 when none runs.", nil, nil)
	longTransactions = prometheus.NewDesc("pg_long_running_transactions_count",
		"Transactions of clients that have been open for at least threshold seconds.", []string{"threshold"}, nil)
	preparedTransactions = prometheus.NewDesc("pg_prepared_transactions",
		"Transactions prepared for a two-phase commit that nobody has finished.", nil, nil)
	longestPrepared = prometheus.NewDesc("pg_longest_prepared_transaction_seconds",
		"Age of the oldest of them; 0 when there is none.", nil, nil)
	oldestXmin = prometheus.NewDesc("pg_oldest_xmin_age",
		"Transactions begun since the oldest one that a holder keeps vacuum from cleaning up behind: an open transaction, a replication slot, a prepared transaction or a standby with hot_standby_feedback; absent where nothing is held.",
		[]string{"holder"}, nil)
)

// longThresholds are those of the peer, in seconds.
var longThresholds = []int{60, 300, 600, 1800}

// connections adds up client sessions and what else holds transactions open. The
// ratio counts ours, which takes its room like any other; what judges activity
// does not.
var connections = subject{
	needsMonitor: true,
	descs: []*prometheus.Desc{
		maxConnections, reservedConnections, connectionsUsed, activeSessions, idleTransactions, longestTransaction,
		longestIdle, longestStatement, longTransactions, preparedTransactions, longestPrepared, oldestXmin,
	},
	query:   pgsession.Query{Name: "connections", SQL: connectionsSQL()},
	publish: publishConnections,
}

// connectionsSQL counts beyond each threshold in a column of its own: long_60.
func connectionsSQL() string {
	var beyond strings.Builder
	for _, t := range longThresholds {
		s := strconv.Itoa(t)
		beyond.WriteString("\n       count(*) FILTER (WHERE others AND now() - xact_start >= " + s + " * interval '1 second') AS long_" + s + ",")
	}
	return `
SELECT current_setting('max_connections')::int AS most,
       current_setting('superuser_reserved_connections')::int AS reserved,
       coalesce(current_setting('reserved_connections', true)::int, 0) AS set_aside,
       count(*) FILTER (WHERE client) AS used,
       count(*) FILTER (WHERE others AND state = 'active') AS active,
       count(*) FILTER (WHERE others AND state LIKE 'idle in transaction%') AS idle_in_transaction,
       coalesce(max(extract(epoch FROM now() - xact_start)) FILTER (WHERE others), 0) AS longest,
       coalesce(max(extract(epoch FROM now() - state_change)) FILTER (WHERE others AND state LIKE 'idle in transaction%'), 0) AS longest_idle,
       coalesce(max(extract(epoch FROM now() - query_start)) FILTER (WHERE others AND state = 'active'), 0) AS longest_statement,` + beyond.String() + `
       max(greatest(age(backend_xmin), age(backend_xid))) FILTER (WHERE application_name <> 'closewatch' AND backend_type NOT IN ('walsender', 'autovacuum worker')) AS transaction,
       (SELECT max(greatest(age(xmin), age(catalog_xmin))) FROM pg_replication_slots) AS slot,
       (SELECT max(age(transaction)) FROM pg_prepared_xacts) AS prepared,
       max(age(backend_xmin)) FILTER (WHERE backend_type = 'walsender') AS standby,
       (SELECT count(*) FROM pg_prepared_xacts) AS prepared_count,
       (SELECT coalesce(max(extract(epoch FROM now() - prepared)), 0) FROM pg_prepared_xacts) AS longest_prepared
  FROM (SELECT *, backend_type = 'client backend' AS client,
               backend_type = 'client backend' AND application_name <> 'closewatch' AS others FROM pg_stat_activity) a`
}

func publishConnections(ch chan<- prometheus.Metric, r pgsession.Result) {
	row := r.First()
	most, ok := row.Float("most")
	known(ch, maxConnections, most, ok)
	reserved, okReserved := row.Float("reserved")
	known(ch, reservedConnections, reserved, okReserved)
	setAside, okAside := row.Float("set_aside")
	used, okUsed := row.Float("used")
	open := most - reserved - setAside
	known(ch, connectionsUsed, used/open, ok && okReserved && okAside && okUsed && open > 0)
	for column, desc := range map[string]*prometheus.Desc{
		"active": activeSessions, "idle_in_transaction": idleTransactions, "longest": longestTransaction,
		"longest_idle": longestIdle, "longest_statement": longestStatement,
		"prepared_count": preparedTransactions, "longest_prepared": longestPrepared,
	} {
		v, ok := row.Float(column)
		known(ch, desc, max(v, 0), ok)
	}
	for _, t := range longThresholds {
		threshold := strconv.Itoa(t)
		v, ok := row.Float("long_" + threshold)
		known(ch, longTransactions, v, ok, threshold)
	}
	for _, holder := range []string{"transaction", "slot", "prepared", "standby"} {
		v, ok := row.Float(holder)
		known(ch, oldestXmin, v, ok, holder)
	}
}
