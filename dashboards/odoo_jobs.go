package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// OdooJobs is about work that nobody watches a screen for: queue jobs,
// scheduled actions, mails, bank statements.
func OdooJobs(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "odoo-jobs", "Odoo jobs", "Is the work done that runs by itself, and what must not be started again by hand.")
	b.component("odoo_up")
	const here = inTenant + `,component=~"$component"`
	rate := func(by, metric string) string {
		return `sum by (` + by + `) (rate(` + metric + `{` + here + `}[$__rate_interval])) * 60`
	}
	b.outcome()
	b.row("Is it being done")
	put(b, 4, 9, b.number("Actions overdue", "Active scheduled actions that are overdue.",
		`sum(odoo_scheduled_actions_overdue{`+here+`})`).Decimals(0).Thresholds(steps(good, from(1, bad))))
	put(b, 4, 9, b.number("Do not start again", "Jobs that would be done twice or given up if they were touched: payment files, e-invoices, statements among them.",
		`sum(odoo_queue_requeue_risk_jobs{`+here+`})`).Decimals(0).NoValue("no queue is read").Thresholds(steps(good, from(1, worst))))
	b.signals(8, 9, "Signals of Odoo", "odoo")
	put(b, 8, 9, b.timeline("Job runner", "What takes the jobs. Takes none: jobs wait and nothing holds it up, without an error anywhere. Held up: jobs wait behind some that nobody works on.",
		"{{tenant}}", numbered("tenant", "odoo_jobrunner_state", here, "state", "idle", "taking", "full", "blocked", "deaf", "gone"),
		words([2]string{"Nothing waits", good}, [2]string{"Takes jobs", good}, [2]string{"Full, others wait", notice}, [2]string{"Held up", worst}, [2]string{"Takes none", worst}, [2]string{"Not connected", worst})).NoValue("no queue is read"))
	b.row("Queue jobs")
	put(b, 8, 8, b.line("Jobs", "Jobs by channel and state that are not done.", "short", "{{channel}} {{state}}",
		`sum by (channel, state) (odoo_queue_jobs{`+here+`,state=~"pending|enqueued|started|failed"})`).NoValue("no queue is read"))
	put(b, 8, 8, b.line("Waiting", "How long the oldest pending job whose time has come has waited; 0 when none waits.", "s", "{{channel}}",
		`max by (channel) (odoo_queue_waiting_seconds{`+here+`})`).NoValue("no queue is read"))
	put(b, 8, 8, b.line("Time to catch up", "How long the jobs that wait take at the present rate.", "s", "{{channel}}",
		`max by (channel) (odoo_queue_catch_up_seconds{`+here+`})`).NoValue("no queue is read, or nothing is drained"))
	put(b, 8, 8, b.line("Put in and done, per minute", "Jobs per minute put into the queue and done.", "short", "{{channel}} put in", rate("channel", "odoo_queue_jobs_created_total")).
		WithTarget(over("B", "{{channel}} done", rate("channel", "odoo_queue_jobs_done_total"))).NoValue("no queue is read"))
	put(b, 8, 8, b.line("Failed, per minute", "Jobs per minute that failed.", "short", "{{channel}}", rate("channel", "odoo_queue_jobs_failed_total")).NoValue("no queue is read"))
	put(b, 8, 8, b.bars("Do not touch, and orphans", "Jobs that would be done twice or given up if they were touched, and jobs that nobody works on, by cause; the five most of each.", "short", "{{channel}} {{cause}}",
		`topk(5, sum by (channel, cause) (odoo_queue_requeue_risk_jobs{`+here+`}))`).
		WithTarget(latest("B", "{{channel}} orphan: {{cause}}", `topk(5, sum by (channel, cause) (odoo_queue_orphan_jobs{`+here+`}))`)).
		NoValue("no queue is read").Decimals(0).Min(0).Thresholds(steps(good, from(1, bad))))
	b.row("Scheduled actions")
	put(b, 12, 8, b.bars("Overdue", "How late active scheduled actions are, beyond what is usual; the ten latest.", "s", "{{action}}",
		`topk(10, max by (action) (odoo_scheduled_action_overdue_seconds{`+here+`}))`).Min(0).Thresholds(steps(good, from(1, bad))))
	put(b, 12, 8, b.bars("Time since it ran, in intervals", "Time since each active action ran as a multiple of how often it is to run; the ten longest.", "short", "{{action}}",
		`topk(10, max by (action) ((time() - odoo_scheduled_action_last_call_timestamp_seconds{`+here+`}) / odoo_scheduled_action_interval_seconds{`+here+`}))`).
		NoValue("none has run").Min(0).Decimals(1).Thresholds(steps(notice)))
	put(b, 12, 7, b.line("Runs, per minute", "Runs of scheduled actions seen, per minute.", "short", "{{action}}", rate("action", "odoo_scheduled_action_runs_total")).Legend(legendTable()))
	put(b, 12, 7, b.bars("Failing, killed, repeated", "Consecutive failures, runs killed before they ended, and runs too many in the last hour.", "short", "{{action}} failed",
		`topk(6, max by (action) (odoo_scheduled_action_failures{`+here+`}))`).
		WithTarget(latest("B", "{{action}} killed", `topk(4, max by (action) (odoo_scheduled_action_timeouts{`+here+`}))`)).
		NoValue("none has run").Decimals(0).Min(0).Thresholds(steps(good, from(1, bad))))
	b.row("Mails and statements")
	put(b, 8, 7, b.line("Mails", "Mails to be sent and failed, and those that could have been sent more than two hours ago.", "short", "{{state}}", `sum by (state) (odoo_mails{`+here+`})`).
		WithTarget(over("B", "overdue", `sum(odoo_mails_overdue{`+here+`})`)))
	put(b, 8, 7, b.line("Bank lines created, per minute", "Bank statement lines created per minute, counted when they are an hour old.", "short", "{{entity}} {{journal}}",
		`sum by (entity, journal) (rate(odoo_bank_statement_lines_created_total{`+here+`,entity!="synthetic"}[$__rate_interval])) * 60`))
	put(b, 8, 7, b.line("Odoo's own answer", "How long its health check took: it needs a free worker, so it grows when all are busy.", "s", "{{component}} {{tenant}}",
		`max by (component, tenant) (odoo_health_duration_seconds{`+here+`})`))
	return b.DashboardBuilder
}
