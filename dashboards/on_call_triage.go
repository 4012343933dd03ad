package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// OnCallTriage is the dashboard a page links to: which outcome is at risk,
// whether users or only the prober see it, what the causes look like, and
// whether Closewatch itself can be believed. From outcome to cause it reads
// from top to bottom.
func OnCallTriage(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "on-call-triage", "on-call triage", "Which finance outcome is at risk, and why.")
	atRisk(b)
	synthetic(b)
	users(b)
	recoveryPoint(b)
	components(b)
	expectedWork(b)
	burning(b)
	believed(b)
	return b.DashboardBuilder
}

func atRisk(b *board) {
	b.row("Which outcome is at risk")
	b.counts(4, 4)
	put(b, 4, 4, b.number("Least slack", "Time left before the tightest deadline once the backlog is worked off. Below zero it cannot be met any more.",
		`min(closewatch_process_slack_seconds{`+inEntity+`})`).
		Unit("s").NoValue("no deadline is near").Thresholds(steps(worst, from(0, good))))
	put(b, 16, 11, b.timeline("Finance processes", "The standing alert tier of each process, as Closewatch decided it. Choose a line to see why.",
		"{{process}} · {{entity}}", `max by (process, tenant, entity) (`+judged(inEntity)+`)`, tiers()).
		DataLinks(linked(why("tenant", "entity"), b.incidents())))
	put(b, 8, 11, b.timeline("Components", "Components by their health signals. A cause without a symptom never pages.",
		"{{component}} ({{kind}})", `max by (component, kind) (closewatch_component_state{`+inEnvironment+`})`, states()).
		DataLinks(linked(causes()...)))
}

func synthetic(b *board) {
	mean := func(by, name string) string {
		return `sum by (` + by + `) (rate(` + name + `_sum{` + inTenant + `}[$__rate_interval])) / sum by (` + by + `) (rate(` + name + `_count{` + inTenant + `}[$__rate_interval]))`
	}
	b.row("Synthetic transactions: does it work for us")
	put(b, 8, 7, b.timeline("Flows", "Whether the last run of each flow passed. A gap means that it was blocked by a guard or could not measure.",
		"{{flow}} {{level}}", `min by (flow, level) (closewatch_probe_success{`+inTenant+`})`, verdicts("Failed", "Passed")).
		DataLinks(linked(to("Synthetic flows", "synthetic-flows"))))
	put(b, 8, 7, b.line("Duration of a run", "Mean duration of the runs that passed, without guards and clean-up.", "s", "{{flow}}",
		mean("flow", "closewatch_probe_duration_seconds")))
	put(b, 8, 7, b.bars("Failures by kind", "Failed runs in the range shown, by kind of failure; the eight most frequent.", "short", "{{flow}} {{kind}}",
		`topk(8, sum by (flow, kind) (increase(closewatch_probe_failures_total{`+inTenant+`}[$__range])) > 0)`).
		NoValue(quiet("no run failed")).
		Decimals(0).Min(0).Thresholds(steps(good, from(1, worst))))
}

func users(b *board) {
	const real = inTenant + `,client="user"`
	const each = `sum by (operation) (rate(traefik_finance_operations_total{` + real + `}[$__rate_interval]))`
	b.row("Real users: does it work for them")
	put(b, 8, 8, b.line("Finance operations", "Requests per second of people and integrations, by finance operation, from the ingress access log. Probes are left out.", "reqps", "{{operation}}", each))
	put(b, 8, 8, b.line("Errors", "Share of operations that ended in a server or upstream error. Odoo answers HTTP 200 to a failed call, so a low share proves little: compare with postings.", "percentunit", "{{operation}}",
		`sum by (operation) (rate(traefik_finance_operations_total{`+real+`,outcome=~"server|upstream"}[$__rate_interval])) / `+each))
	put(b, 8, 8, b.line("Latency, 95th percentile", "Nineteen of twenty operations are faster than this.", "s", "{{operation}}",
		`histogram_quantile(0.95, sum by (operation, le) (rate(traefik_finance_operation_duration_seconds_bucket{`+real+`}[$__rate_interval])))`))
	put(b, 24, 7, b.line("Journal entries posted per minute", "The witness that cannot be fooled: entries posted in real companies. HTTP 200 without postings is not working.", "short", "{{entity}}",
		`sum by (entity) (rate(odoo_journal_entries_posted_total{`+inBooks+`}[$__rate_interval])) * 60`))
}

func recoveryPoint(b *board) {
	b.row("Recovery point: what a failover would lose")
	put(b, 8, 8, b.line("Exposure", "Age of the oldest committed work that no standby has: what would be lost if the primary failed now. Upper bound.", "s", "{{component}}",
		`max by (component) (pg_recovery_point_exposure_seconds{`+inEnvironment+`})`).DataLinks(linked(to("Recovery", "recovery"))))
	put(b, 8, 8, limit(b.line("Exposure against the objective", "Exposure as a share of each process's recovery point objective. From 100 % on, prolonged, it is business-critical.", "percentunit", "{{process}}",
		`max by (process) (closewatch_recovery_point_exposure_seconds{`+inEntity+`} / (closewatch_recovery_point_objective_seconds{`+inEntity+`} > 0))`),
		steps(good, from(1, worst))))
	put(b, 8, 8, b.line("Standby lag", "How far each standby is behind in replaying. The truth lies between the two bounds; the lower one is what is displayed elsewhere, the upper one is what the objective uses.", "s", "{{standby}} {{bound}} bound",
		`max by (standby, bound) (pg_standby_lag_seconds{`+inEnvironment+`,stage="replay"})`).NoValue("no standby"))
}

func components(b *board) {
	b.row("Causes: PostgreSQL, Redis, Traefik")
	put(b, 8, 7, b.line("PostgreSQL connections", "Share of the connections allowed that are in use.", "percentunit", "{{component}}",
		`max by (component) (pg_connections_used_ratio{`+inEnvironment+`})`).Max(1).DataLinks(linked(to("PostgreSQL", "postgresql"))))
	put(b, 8, 7, b.line("Waiting for locks", "The session that has waited longest for a lock, and the longest transaction that may be holding it.", "s", "{{component}} {{datname}} blocked",
		`max by (component, datname) (pg_longest_blocked_seconds{`+inEnvironment+`})`).
		WithTarget(over("B", "{{component}} transaction", `max by (component) (pg_longest_transaction_seconds{`+inEnvironment+`})`)).DataLinks(linked(to("PostgreSQL", "postgresql"))))
	put(b, 8, 7, b.line("Redis latency", "The slowest PING of the last quarter of a minute, measured by us.", "s", "{{component}}",
		`max by (component) (redis_ping_worst_seconds{`+inEnvironment+`})`).DataLinks(linked(to("Redis", "redis"))))
	put(b, 12, 7, b.timeline("What answers", "Whether each system answers us: PostgreSQL, Redis, Traefik's entrypoint from outside, Odoo's health check.",
		"{{component}} PostgreSQL", `min by (component) (pg_up{`+inEnvironment+`})`, verdicts("Does not answer", "Answers")).
		WithTarget(over("B", "{{component}} Redis", `min by (component) (redis_up{`+inEnvironment+`})`)).
		WithTarget(over("C", "{{component}} entrypoint", `min by (component) (traefik_entrypoint_reachable{`+inEnvironment+`})`)).
		WithTarget(over("D", "{{component}} Odoo", `min by (component) (odoo_up{`+inEnvironment+`})`)))
	put(b, 12, 7, b.line("Requests through Traefik", "Requests per second by status code, as Traefik counts them. Code 0 is a websocket.", "reqps", "code {{code}}",
		`sum by (code) (rate(traefik_entrypoint_requests_total{`+inEnvironment+`}[$__rate_interval]))`).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)).DataLinks(linked(to("Traefik", "traefik"))))
}

func expectedWork(b *board) {
	b.row("Work that must happen")
	put(b, 8, 8, b.line("Queue jobs", "Jobs by channel and state. Pending jobs that only grow, without an error anywhere, are a deaf job runner.", "short", "{{channel}} {{state}}",
		`sum by (channel, state) (odoo_queue_jobs{`+inTenant+`,state=~"pending|enqueued|started|failed"})`).NoValue("no queue is read").DataLinks(linked(to("Odoo jobs", "odoo-jobs"))))
	put(b, 8, 8, b.line("Oldest job that could run", "How long the oldest pending job whose time has come has waited, by channel; 0 when none waits.", "s", "{{channel}}",
		`max by (channel) (odoo_queue_waiting_seconds{`+inTenant+`})`).NoValue("no queue is read"))
	put(b, 8, 8, b.bars("Scheduled actions overdue", "How late active scheduled actions are, beyond what is usual; the ten latest.", "s", "{{action}}",
		`topk(10, max by (action) (odoo_scheduled_action_overdue_seconds{`+inTenant+`}))`).Min(0).Thresholds(steps(good, from(1, bad))))
}

func burning(b *board) {
	b.row("Objectives")
	put(b, 12, 8, limit(b.line("Burn rate", "How fast each objective spends its error budget: 1 spends it exactly over its period. A page needs a long and a short window.", "short", "{{objective}} {{window}}",
		`max by (process, objective, window) (closewatch_slo_burn_rate{`+inObjective+`})`).NoValue("no traffic in the windows").Legend(legendTable()), steps(good, from(1, bad))).
		DataLinks(linked(promises())))
	put(b, 12, 8, b.bars("Error budget left", "Share of the rolling error budget that is left; below zero it is overspent. The ten least.", "percentunit", "{{objective}}",
		`bottomk(10, min by (objective) (closewatch_slo_error_budget_remaining_ratio{`+inObjective+`,window="rolling",reading="raw"}))`).
		NoValue("no traffic in the period").Max(1).Thresholds(steps(worst, from(0, good))))
}

func believed(b *board) {
	b.row("Can Closewatch be believed")
	put(b, 6, 7, b.number("Last decision", "Age of the newest tick. An old one means that nothing above is current.",
		`time() - max(closewatch_tick_timestamp_seconds{`+inEnvironment+`})`).Unit("s").Decimals(0).Thresholds(steps(notice)).
		DataLinks(linked(to("Closewatch itself", "closewatch-itself"))))
	put(b, 6, 7, b.number("Open incidents", "Incidents that are open, of any tier.",
		`sum(closewatch_incidents_open{`+inEnvironment+`})`).Thresholds(steps(notice, from(1, bad))).DataLinks(linked(b.incidents())))
	put(b, 12, 7, b.bars("Age of the data, in intervals", "Time since each collector last succeeded as a multiple of its interval: 1 is the run that is due. The ten oldest.", "short", "{{component}} {{collector}}",
		`topk(10, (time() - max by (component, collector) (closewatch_scrape_collector_last_success_timestamp_seconds{`+inEnvironment+`})) / max by (component, collector) (closewatch_scrape_collector_interval_seconds{`+inEnvironment+`}))`).
		Decimals(1).Min(0).Thresholds(steps(notice)))
}
