package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// Redis is for whoever runs the cache and the queue: does it answer in time,
// would it lose anything. Panels on names that redis_exporter has too answer
// with its data as well.
func Redis(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "redis", "Redis", "Does Redis answer in time, does it run out of anything, and would it lose what it was given.")
	b.component("redis_up")
	rate := func(by, metric string) string {
		return `sum by (` + by + `) (rate(` + metric + `{` + inComponent + `}[$__rate_interval]))`
	}
	worstOf := func(metric string) string { return `max by (component) (` + metric + `{` + inComponent + `})` }
	b.outcome()
	b.row("Does it answer in time")
	put(b, 4, 9, b.number("Answers", "Whether Redis answered the latest PING.",
		`min(redis_up{`+inComponent+`})`).Mappings(verdicts("Does not answer", "Answers")).Thresholds(steps(good)))
	b.signals(10, 9, "Signals of Redis", "redis")
	put(b, 10, 9, b.line("Slowest answer", "The slowest PING of the last quarter of a minute and the slowest GET of the last minute, measured by us.", "s", "{{component}} PING", worstOf("redis_ping_worst_seconds")).
		WithTarget(over("B", "{{component}} GET", worstOf("redis_read_worst_seconds"))))
	put(b, 8, 7, b.line("Commands", "Commands per second.", "ops", "{{component}}", rate("component", "redis_commands_processed_total")))
	put(b, 8, 7, b.line("Time by command", "Seconds per second spent in each command; the eight that take most. The server runs one at a time.", "s", "{{cmd}}",
		`topk(8, `+rate("cmd", "redis_commands_duration_seconds_total")+`)`))
	put(b, 8, 7, b.line("Stalled, per minute", "Seconds per minute for which the server did not answer.", "s", "{{component}}", rate("component", "redis_stalled_seconds_total")+` * 60`))
	b.row("Does it run out of anything")
	put(b, 8, 7, b.line("Memory", "Memory used, as the operating system sees it, and its peak.", "bytes", "{{component}} used", worstOf("redis_memory_used_bytes")).
		WithTarget(over("B", "{{component}} resident", worstOf("redis_memory_used_rss_bytes"))).
		WithTarget(over("C", "{{component}} peak", worstOf("redis_memory_used_peak_bytes"))))
	put(b, 8, 7, b.line("Memory against its limit", "Share of the limit that is used.", "percentunit", "{{component}}",
		worstOf("redis_memory_used_bytes")+` / (`+worstOf("redis_memory_max_bytes")+` > 0)`).NoValue("no limit is set").Max(1))
	put(b, 8, 7, b.line("Keys evicted and expired", "Keys per second that were evicted for want of memory, and that expired as they should.", "ops", "{{component}} evicted", rate("component", "redis_evicted_keys_total")).
		WithTarget(over("B", "{{component}} expired", rate("component", "redis_expired_keys_total"))))
	put(b, 8, 7, against(b.line("Clients", "Client connections, and the limit as a dashed line.", "short", "{{component}}", worstOf("redis_connected_clients")), "{{component}} limit", worstOf("redis_config_maxclients")))
	put(b, 8, 7, b.line("Clients that wait", "Clients in a blocking command, and connections rejected in the range of a rate because of the limit.", "short", "{{component}} blocked", worstOf("redis_blocked_clients")).
		WithTarget(over("B", "{{component}} rejected", `sum by (component) (increase(redis_rejected_connections_total{`+inComponent+`}[$__rate_interval]))`)))
	put(b, 8, 7, b.line("Found", "Share of look-ups that found their key.", "percentunit", "{{component}}",
		rate("component", "redis_keyspace_hits_total")+` / (`+rate("component", "redis_keyspace_hits_total")+` + `+rate("component", "redis_keyspace_misses_total")+` > 0)`).Max(1).NoValue("nothing was looked up"))
	b.row("Would it lose anything")
	put(b, 8, 7, b.timeline("Risk of loss", "Whether the server is set up, or in a state, to lose more than it may: by eviction, without persistence, with a snapshot overdue or changes unsaved.", "{{component}} {{risk}}",
		`max by (component, risk) (redis_data_risk{`+inComponent+`})`, words([2]string{"No risk", good}, [2]string{"At risk", bad})))
	put(b, 8, 7, b.line("Not saved", "Changes since the last snapshot.", "short", "{{component}}", worstOf("redis_rdb_changes_since_last_save")))
	put(b, 8, 7, b.line("Age of the last snapshot", "Time since the last snapshot was written, or the server started.", "s", "{{component}}",
		`time() - min by (component) (redis_rdb_last_save_timestamp_seconds{`+inComponent+`})`))
	put(b, 8, 7, b.line("Keys", "Keys by database, and those of them that will expire.", "short", "{{component}} {{db}}", `max by (component, db) (redis_db_keys{`+inComponent+`})`).
		WithTarget(over("B", "{{component}} {{db}} that expire", `max by (component, db) (redis_db_keys_expiring{`+inComponent+`})`)))
	put(b, 8, 7, b.line("Network", "Bytes per second in and out.", "Bps", "{{component}} in", rate("component", "redis_net_input_bytes_total")).
		WithTarget(over("B", "{{component}} out", rate("component", "redis_net_output_bytes_total"))))
	put(b, 8, 7, b.line("Processor", "Processor time per second: the main thread runs every command, so 1 is the end.", "percentunit", "{{component}} user", rate("component", "redis_cpu_user_seconds_total")).
		WithTarget(over("B", "{{component}} system", rate("component", "redis_cpu_sys_seconds_total"))))
	return b.DashboardBuilder
}
