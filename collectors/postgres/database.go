package postgres

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// A databaseColumn is a column of pg_stat_database, or of what else is counted
// by database, and the family it is published as.
type databaseColumn struct {
	name  string
	sql   string // what is read; "" is the column of that name
	kind  prometheus.ValueType
	desc  *prometheus.Desc
	since int     // the major version of PostgreSQL that has it; 0 is every one
	unit  float64 // what one of the column is in the family; 0 is 1
}

// databaseColumns are published as the peer does, pg_stat_database_<column>.
var databaseColumns = []databaseColumn{
	gaugeColumn("numbackends", "Sessions connected to this database."),
	counterColumn("xact_commit", "Transactions committed."),
	counterColumn("xact_rollback", "Transactions rolled back."),
	counterColumn("blks_read", "Blocks read from disk."),
	counterColumn("blks_hit", "Blocks found in the buffer cache."),
	counterColumn("tup_returned", "Rows returned by queries."),
	counterColumn("tup_fetched", "Rows fetched by queries."),
	counterColumn("tup_inserted", "Rows inserted."),
	counterColumn("tup_updated", "Rows updated."),
	counterColumn("tup_deleted", "Rows deleted."),
	counterColumn("conflicts", "Queries of a standby cancelled for conflicts with recovery."),
	counterColumn("temp_files", "Temporary files created."),
	counterColumn("temp_bytes", "Bytes written to temporary files."),
	counterColumn("deadlocks", "Deadlocks detected."),
	timingColumn("blk_read_time", "Milliseconds spent reading blocks; absent unless track_io_timing is on."),
	timingColumn("blk_write_time", "Milliseconds spent writing blocks; absent unless track_io_timing is on."),
	{
		name: "active_time", kind: prometheus.CounterValue, since: 14, unit: 1e-3,
		desc: databaseDesc("active_time_seconds_total", "Time sessions spent executing statements, in seconds."),
	},
}

// conflictColumns are those of pg_stat_database_conflicts, read from its
// functions: joining the view would double what planning costs. They have a
// label more, as the peer does: the server's address.
var conflictColumns = []databaseColumn{
	conflictColumn("confl_tablespace", "tablespace", "dropped tablespaces"),
	conflictColumn("confl_lock", "lock", "lock timeouts"),
	conflictColumn("confl_snapshot", "snapshot", "old snapshots"),
	conflictColumn("confl_bufferpin", "bufferpin", "pinned buffers"),
	conflictColumn("confl_deadlock", "startup_deadlock", "deadlocks"),
}

// sessionColumns are published as one sum over the cluster: how sessions end is
// a matter of the application and the network, not of a database.
var sessionColumns = []databaseColumn{
	{name: "sessions", since: 14, desc: prometheus.NewDesc("pg_sessions_established_total", "Sessions established: logins that succeeded.", nil, nil)},
	{name: "sessions_abandoned", since: 14, desc: lost("abandoned")},
	{name: "sessions_fatal", since: 14, desc: lost("fatal")},
	{name: "sessions_killed", since: 14, desc: lost("killed")},
	{
		name: "idle_in_transaction_time", since: 14, unit: 1e-3,
		desc: prometheus.NewDesc("pg_idle_in_transaction_seconds_total", "Time sessions held a transaction open and did nothing, in seconds.", nil, nil),
	},
	{name: "checksum_failures", desc: prometheus.NewDesc("pg_checksum_failures_total", "Pages whose checksum did not match, in every database and the shared catalogues; absent without data checksums.", nil, nil)},
}

var databaseReset = databaseDesc("stats_reset", "When these counters were last reset, in seconds since 1970.")

var databaseLabels = []string{"datid", "datname"}

func databaseDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("pg_stat_database_"+name, help, databaseLabels, nil)
}

func gaugeColumn(name, help string) databaseColumn {
	return databaseColumn{name: name, kind: prometheus.GaugeValue, desc: databaseDesc(name, help)}
}

func counterColumn(name, help string) databaseColumn {
	return databaseColumn{name: name, kind: prometheus.CounterValue, desc: databaseDesc(name, help)}
}

func timingColumn(name, help string) databaseColumn {
	c := counterColumn(name, help)
	c.sql = "CASE WHEN current_setting('track_io_timing') = 'on' THEN " + name + " END"
	return c
}

func conflictColumn(name, function, cause string) databaseColumn {
	return databaseColumn{
		name: name, kind: prometheus.CounterValue, sql: "pg_stat_get_db_conflict_" + function + "(datid)",
		desc: prometheus.NewDesc("pg_stat_database_conflicts_"+name, "Queries of a standby cancelled because of "+cause+".", append(databaseLabels, "server"), nil),
	}
}

func lost(reason string) *prometheus.Desc {
	return prometheus.NewDesc("pg_sessions_lost_total",
		"Sessions that ended otherwise than by the client's wish: abandoned by the client, by a fatal error, or killed by an operator.",
		nil, prometheus.Labels{"reason": reason})
}

// maxDatabases have series of their own in what is read often: twenty, and the
// three that a new server has. 23 families of them are within the share of the
// task.
const maxDatabases = 23

// databases publishes the statistics of every database, those beyond
// maxDatabases added up. server is the address of the server that is asked.
func databases(server func() string) []subject {
	own, all := newFold(maxDatabases), newFold(0)
	publish := func(version int) func(chan<- prometheus.Metric, pgsession.Result) {
		return func(ch chan<- prometheus.Metric, r pgsession.Result) {
			if r.Err != nil {
				return // sums over a part of the databases would be wrong
			}
			var rows []pgsession.Row // without the shared catalogues
			for _, row := range r.Rows {
				if _, ok := row.Text("datname"); ok {
					rows = append(rows, row)
				}
			}
			by, at := since(version, databaseColumns), server()
			conflicts := len(by)
			for _, d := range own.add(rows, append(by, conflictColumns...)) {
				publishColumns(ch, by, d.values[:conflicts], d.id, d.name)
				publishColumns(ch, conflictColumns, d.values[conflicts:], d.id, d.name, at)
				if d.reset != nil {
					counter(ch, databaseReset, *d.reset, d.id, d.name)
				}
			}
			sums := since(version, sessionColumns)
			for _, d := range all.add(r.Rows, sums) {
				for i, c := range sums {
					if !math.IsNaN(d.values[i]) {
						counter(ch, c.desc, d.values[i])
					}
				}
			}
		}
	}
	subjects := []subject{
		{until: 13, query: databaseQuery(0), publish: publish(0)},
		{from: 14, query: databaseQuery(14), publish: publish(14)},
	}
	for i := range subjects {
		subjects[i].descs = databaseDescs(subjects[i].from)
	}
	return subjects
}

// since lists the columns that a version has.
func since(version int, columns []databaseColumn) []databaseColumn {
	var list []databaseColumn
	for _, c := range columns {
		if c.since <= version {
			list = append(list, c)
		}
	}
	return list
}

// databaseDescs are what only a version from that one on has; for 0, what every
// one has: two subjects may not declare the same.
func databaseDescs(from int) []*prometheus.Desc {
	var list []*prometheus.Desc
	for _, columns := range [][]databaseColumn{databaseColumns, conflictColumns, sessionColumns} {
		for _, c := range columns {
			if c.since == from {
				list = append(list, c.desc)
			}
		}
	}
	if from == 0 {
		list = append(list, databaseReset)
	}
	return list
}

// databaseQuery reads the busiest databases first. It costs 0.4 ms for 20
// databases, half of it planning.
func databaseQuery(version int) pgsession.Query {
	var read strings.Builder
	for _, columns := range [][]databaseColumn{databaseColumns, conflictColumns, sessionColumns} {
		for _, c := range since(version, columns) {
			fmt.Fprintf(&read, ", %s AS %s", cmp.Or(c.sql, c.name), c.name)
		}
	}
	return pgsession.Query{Name: "databases", SQL: `
SELECT datid, datname, extract(epoch FROM stats_reset) AS stats_reset` + read.String() + `
  FROM pg_stat_database
 ORDER BY xact_commit + xact_rollback DESC, datid LIMIT 5000`}
}

// publishColumns sends what is known of one database, of which every column has
// the same labels.
func publishColumns(ch chan<- prometheus.Metric, columns []databaseColumn, values []float64, labels ...string) {
	pairs := prometheus.MakeLabelPairs(columns[0].desc, valid(labels))
	for i, c := range columns {
		if !math.IsNaN(values[i]) {
			ch <- collector.NewMetric(c.desc, c.kind, values[i], pairs)
		}
	}
}
