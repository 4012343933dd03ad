package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// ClosewatchItself tells whether Closewatch can be believed, and what it costs
// what it watches.
func ClosewatchItself(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "closewatch-itself", "Closewatch itself", "Can Closewatch be believed, do its pages arrive, and what does it cost.")
	rate := func(by, metric string) string {
		return `sum by (` + by + `) (rate(` + metric + `{` + inEnvironment + `}[$__rate_interval]))`
	}
	all := func(metric string) string { return `sum(` + metric + `{` + inEnvironment + `})` }
	b.outcome()
	b.row("Can it be believed")
	put(b, 4, 5, b.number("Last decision", "Age of the newest tick. An old one means that nothing is current.",
		`time() - max(closewatch_tick_timestamp_seconds{`+inEnvironment+`})`).Unit("s").Decimals(0).Thresholds(steps(notice)))
	put(b, 4, 5, b.number("Collectors failing", "Collectors whose last run failed. A failing one still publishes what it could read.",
		`sum(closewatch_scrape_collector_success{`+inEnvironment+`} == bool 0)`).Thresholds(steps(good, from(1, bad))))
	put(b, 4, 5, b.number("Lost records", "Records that the evidence log could not take.", all("closewatch_evidence_lost_total")).Decimals(0).Thresholds(steps(good, from(1, worst))))
	put(b, 4, 5, b.number("Samples refused", "Samples that the store refused.", all("closewatch_store_rejected_samples_total")).Decimals(0).Thresholds(steps(good, from(1, bad))))
	put(b, 4, 5, b.number("Disk", "Whether the disk of the data directory has little room left.", `max(closewatch_data_low{`+inEnvironment+`})`).
		Mappings(words([2]string{"Room enough", good}, [2]string{"Little room", worst})).Thresholds(steps(good)))
	put(b, 4, 5, b.number("Calendar in doubt", "Reasons why a calendar cannot be relied on today: then every process counts as critical.",
		`max(closewatch_calendar_doubts{`+inEnvironment+`})`).Thresholds(steps(good, from(1, bad))))
	put(b, 12, 9, b.timeline("Collectors", "Whether the last runs of all collectors of each component succeeded: which one is behind stands beside it.",
		"{{component}}", `min by (component) (closewatch_scrape_collector_success{`+inEnvironment+`})`, verdicts("One failed", "All succeeded")))
	put(b, 12, 9, b.bars("Age of the data, in intervals", "Time since each collector last succeeded as a multiple of its interval: 1 is the run that is due. The twelve oldest.", "short", "{{component}} {{collector}}",
		`topk(12, (time() - max by (component, collector) (closewatch_scrape_collector_last_success_timestamp_seconds{`+inEnvironment+`})) / max by (component, collector) (closewatch_scrape_collector_interval_seconds{`+inEnvironment+`}))`).
		Decimals(1).Min(0).Thresholds(steps(notice)))
	b.row("Do its pages arrive")
	put(b, 8, 7, b.line("Waiting to be told", "Alerts that an Alertmanager is still to be told of.", "short", "{{endpoint}}",
		`max by (endpoint) (closewatch_notifications_queue_length{`+inEnvironment+`})`).NoValue("no Alertmanager"))
	put(b, 8, 7, b.line("Told and failed, per minute", "Alerts an Alertmanager took, repetitions included, and requests that failed, per minute.", "short", "{{endpoint}} told",
		rate("endpoint", "closewatch_notifications_sent_total")+` * 60`).
		WithTarget(over("B", "{{endpoint}} failed", rate("endpoint", "closewatch_notifications_failed_total")+` * 60`)).NoValue("no Alertmanager"))
	put(b, 8, 7, b.line("Time since an Alertmanager took alerts", "It is told again at intervals, so this stays small while all is well.", "s", "{{endpoint}}",
		`clamp_min(time() - max by (endpoint) (closewatch_notifications_last_success_timestamp_seconds{`+inEnvironment+`} > 0), 0)`).NoValue("none has taken any yet"))
	b.row("How good are its pages")
	put(b, 8, 7, b.bars("Pages and incidents recovered", "Incidents that recovered, by the highest tier they reached, since this process began.", "short", "{{tier}} recovered",
		`sum by (tier) (closewatch_incident_recovered_total{`+inEnvironment+`})`).
		WithTarget(latest("B", "pages", all("closewatch_incident_pages_total"))).Decimals(0).Min(0).Thresholds(steps(notice)))
	put(b, 8, 7, b.line("Detect, take, restore", "Median time from the first bad tick until an incident was raised, from there until somebody took it, and until its last outcome worked.", "s", "detect",
		`histogram_quantile(0.5, sum by (le) (closewatch_incident_detect_seconds_bucket{`+inEnvironment+`}))`).
		WithTarget(over("B", "take", `histogram_quantile(0.5, sum by (le) (closewatch_incident_acknowledge_seconds_bucket{`+inEnvironment+`}))`)).
		WithTarget(over("C", "restore", `histogram_quantile(0.5, sum by (le) (closewatch_incident_restore_seconds_bucket{`+inEnvironment+`}))`)).NoValue("no incident has recovered"))
	put(b, 8, 7, b.line("Time to decide a tick", "Mean time.", "s", "decide",
		`sum(rate(closewatch_tick_duration_seconds_sum{`+inEnvironment+`}[$__rate_interval])) / sum(rate(closewatch_tick_duration_seconds_count{`+inEnvironment+`}[$__rate_interval]))`).
		WithTarget(over("B", "store", `sum(rate(closewatch_store_append_duration_seconds_sum{`+inEnvironment+`}[$__rate_interval])) / sum(rate(closewatch_store_append_duration_seconds_count{`+inEnvironment+`}[$__rate_interval]))`)))
	b.row("What it costs")
	put(b, 8, 7, b.line("Processors used", "Processors that the daemon uses.", "short", "daemon", `sum(rate(process_cpu_seconds_total{`+inEnvironment+`,component="closewatch"}[$__rate_interval]))`))
	put(b, 8, 7, b.line("Memory", "Resident memory, and what the Go runtime holds.", "bytes", "resident", `sum(process_resident_memory_bytes{`+inEnvironment+`,component="closewatch"})`).
		WithTarget(over("B", "heap in use", `sum(go_memstats_heap_inuse_bytes{`+inEnvironment+`,component="closewatch"})`)))
	put(b, 8, 7, b.line("Series", "Series in the store's memory.", "short", "series", all("closewatch_store_series")))
	put(b, 8, 7, b.line("Time taken of what it watches", "Seconds per second that each component spends on answering: of collectors.", "s", "{{component}}", rate("component", "closewatch_scrape_collector_target_seconds_total")))
	put(b, 8, 7, b.line("Requests to what it watches", "Statements, commands or calls per second.", "reqps", "{{component}}", rate("component", "closewatch_scrape_collector_requests_total")))
	put(b, 8, 7, b.bars("Runs beyond their budget", "Runs of collectors that cost more than their budget, in the range shown; the eight most.", "short", "{{component}} {{resource}}",
		`topk(8, sum by (component, resource) (increase(closewatch_scrape_collector_over_budget_total{`+inEnvironment+`}[$__range])))`).Decimals(0).Min(0).Thresholds(steps(notice, from(1, bad))))
	return b.DashboardBuilder
}
