package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// PostgreSQL is for whoever runs the database: what holds it up, what runs
// out, what lags. Panels on names that postgres_exporter has too answer with
// its data as well.
func PostgreSQL(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "postgresql", "PostgreSQL", "Does the database hold finance up: what waits, what runs out, what lags behind.")
	b.component("pg_up")
	rate := func(by, metric string) string {
		return `sum by (` + by + `) (rate(` + metric + `{` + inComponent + `}[$__rate_interval]))`
	}
	b.outcome()
	b.row("Does it answer")
	put(b, 4, 9, b.number("Answers", "Whether the server that a client would get answers.",
		`min(pg_up{`+inComponent+`})`).Mappings(verdicts("Does not answer", "Answers")).Thresholds(steps(good)))
	b.signals(10, 9, "Signals of PostgreSQL", "postgres")
	put(b, 10, 9, b.line("Time by finance process", "Seconds per second spent on the statements of each finance process: who loads it.", "s", "{{process}}", rate("process", "pg_process_statement_seconds_total")).
		DataLinks(linked(to("The process", "process-detail", "process"))))
	b.row("What waits")
	put(b, 8, 7, b.line("Waiting for locks", "The session that has waited longest for a lock, and the longest transaction that may hold it.", "s", "{{component}} {{datname}} waits",
		`max by (component, datname) (pg_longest_blocked_seconds{`+inComponent+`})`).
		WithTarget(over("B", "{{component}} longest transaction", `max by (component) (pg_longest_transaction_seconds{`+inComponent+`})`)))
	put(b, 8, 7, b.line("Sessions that wait for locks", "Blocked sessions by database; the depth of the longest chain says how many wait one for the other.", "short", "{{datname}} blocked",
		`sum by (datname) (pg_blocked_sessions{`+inComponent+`})`).
		WithTarget(over("B", "{{component}} depth", `max by (component) (pg_blocking_chain_depth{`+inComponent+`})`)))
	put(b, 8, 7, b.line("Open too long", "How long the session that holds a transaction open has done nothing, and how long the longest statement runs.", "s", "{{component}} does nothing",
		`max by (component) (pg_longest_idle_in_transaction_seconds{`+inComponent+`})`).
		WithTarget(over("B", "{{component}} longest statement", `max by (component) (pg_longest_statement_seconds{`+inComponent+`})`)))
	b.row("What runs out")
	put(b, 8, 7, against(b.line("Connections", "Connections by database, and the limit of the server as a dashed line.", "short", "{{datname}}",
		`sum by (datname) (pg_stat_database_numbackends{`+inComponent+`})`), "limit", `max(pg_settings_max_connections{`+inComponent+`})`))
	put(b, 8, 7, b.line("Size", "Disk space by database.", "bytes", "{{datname}}", `max by (datname) (pg_database_size_bytes{`+inComponent+`})`))
	put(b, 8, 7, limit(b.line("Transaction ids", "How near each database is to where autovacuum must freeze: 1 is where it must, long before the server refuses writes.", "percentunit", "{{datname}}",
		`max by (datname) (pg_wraparound_freeze_ratio{`+inComponent+`})`), steps(good, from(1, bad))))
	b.row("What it does")
	put(b, 8, 7, b.line("Transactions", "Committed and rolled back per second.", "ops", "{{datname}} committed", rate("datname", "pg_stat_database_xact_commit")).
		WithTarget(over("B", "{{datname}} rolled back", rate("datname", "pg_stat_database_xact_rollback"))))
	put(b, 8, 7, b.line("Rows", "Rows written per second: inserted, updated, deleted.", "ops", "inserted", `sum(rate(pg_stat_database_tup_inserted{`+inComponent+`}[$__rate_interval]))`).
		WithTarget(over("B", "updated", `sum(rate(pg_stat_database_tup_updated{`+inComponent+`}[$__rate_interval]))`)).
		WithTarget(over("C", "deleted", `sum(rate(pg_stat_database_tup_deleted{`+inComponent+`}[$__rate_interval]))`)))
	put(b, 8, 7, b.line("Found in memory", "Share of blocks that did not have to be read.", "percentunit", "{{datname}}",
		rate("datname", "pg_stat_database_blks_hit")+` / (`+rate("datname", "pg_stat_database_blks_hit")+` + `+rate("datname", "pg_stat_database_blks_read")+` > 0)`).Max(1).NoValue("no block was asked for"))
	put(b, 8, 7, b.line("Deadlocks", "Transactions that waited for each other, one of which was ended, in the range of a rate.", "short", "{{datname}}", `sum by (datname) (increase(pg_stat_database_deadlocks{`+inComponent+`}[$__rate_interval]))`))
	put(b, 8, 7, b.line("Temporary files", "Bytes per second written to temporary files: sorts and joins that do not fit into memory.", "Bps", "{{datname}}", rate("datname", "pg_stat_database_temp_bytes")))
	put(b, 8, 7, b.line("Checkpoints, per minute", "Checkpoints per minute, by time and on request: many on request mean that max_wal_size is small.", "short", "by time",
		`sum(rate(pg_stat_bgwriter_checkpoints_timed_total{`+inComponent+`}[$__rate_interval])) * 60`).
		WithTarget(over("B", "on request", `sum(rate(pg_stat_bgwriter_checkpoints_req_total{`+inComponent+`}[$__rate_interval])) * 60`)))
	b.row("What lags behind")
	put(b, 8, 7, b.line("Standby lag", "How far each standby is behind in replaying. The truth lies between the two bounds.", "s", "{{standby}} {{bound}} bound",
		`max by (standby, bound) (pg_standby_lag_seconds{`+inComponent+`,stage="replay"})`).NoValue("no standby").DataLinks(linked(to("Recovery", "recovery"))))
	put(b, 8, 7, b.line("Kept for slots", "Bytes of WAL that each replication slot retains: a slot without a consumer fills the disk.", "bytes", "{{slot_name}}",
		`max by (slot_name) (pg_replication_slots_pg_wal_lsn_diff{`+inComponent+`})`).NoValue("no slot"))
	put(b, 8, 7, b.line("Dead rows in finance tables", "Dead rows, estimated by the server, of the ten tables that have the most.", "short", "{{datname}} {{relname}}",
		`topk(10, max by (datname, relname) (pg_stat_user_tables_n_dead_tup{`+inComponent+`}))`))
	return b.DashboardBuilder
}
