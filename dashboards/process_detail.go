package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// ProcessDetail is where a line of another dashboard leads: one process, from
// its outcome over its objectives to what it needs.
func ProcessDetail(o Options) *dashboard.DashboardBuilder {
	const of = inEntity + `,process=~"$process"`
	const objective = inObjective + `,process=~"$process"`
	b := newBoard(o, "process-detail", "process detail", "Does this process work, does it keep its objectives, and what is it that it waits for.")
	b.process()
	b.row("Does it work")
	put(b, 6, 5, b.number("Worst tier", "The worst standing alert tier of the processes chosen.",
		`max(`+judged(of)+`)`).Mappings(tiers()).Thresholds(steps(good)).DataLinks(linked(b.incidents())))
	put(b, 6, 5, b.number("Cannot be told", "Processes of which nothing tells whether they work: unknown, not fine.",
		`sum(closewatch_impact_unknown{`+of+`})`).Thresholds(steps(good, from(1, unknown))))
	put(b, 6, 5, b.number("Down against its recovery time", "How long a business-critical impact has lasted against the recovery time objective.",
		`max(closewatch_impact_rto_elapsed_seconds{`+of+`})`).Unit("s").NoValue(quiet("no clock is running")).Thresholds(steps(good, from(1, worst))))
	put(b, 6, 5, b.number("Least error budget left", "Of the objectives of the processes chosen, over the rolling window.",
		`min(closewatch_slo_error_budget_remaining_ratio{`+objective+`,window="rolling",reading="raw"})`).
		Unit("percentunit").NoValue("no traffic in the period").Thresholds(steps(worst, from(0, good))).
		DataLinks(linked(to("Its objectives", "objectives-and-budgets", "$process"))))
	put(b, 24, 7, b.timeline("Tier over time", "The standing alert tier, as Closewatch decided it. Incidents tell why.",
		"{{process}} · {{entity}}", `max by (process, tenant, entity) (`+judged(of)+`)`, tiers()).
		DataLinks(linked(b.incidents(), promises("tenant", "entity"))))
	b.row("Does it keep its objectives")
	put(b, 12, 8, limit(b.line("Burn rate", "1 spends exactly the error budget over its period; a window's name says what it takes to tell somebody.", "short", "{{objective}} {{window}}",
		`max by (process, objective, window) (closewatch_slo_burn_rate{`+objective+`})`).NoValue("no traffic in the windows"), steps(good, from(1, bad))).
		DataLinks(linked(promises())))
	put(b, 12, 8, against(b.line("Good events against the target", "Share of events in the rolling window that were good, and the target as a dashed line.", "percentunit", "{{objective}}",
		`min by (objective) (closewatch_slo_good_ratio{`+objective+`,window="rolling",reading="raw"})`).NoValue("no traffic in the period").Max(1),
		"{{objective}} target", `max by (objective) (closewatch_slo_target_ratio{`+objective+`,window="rolling"})`))
	b.row("Is its work being done")
	put(b, 12, 8, b.line("Expected work missing", "How much of each piece of expected work should have happened by now and did not.", "short", "{{process}} {{work}}",
		`sum by (process, work) (closewatch_expected_work_missing{`+of+`})`).NoValue("no work is expected of it"))
	put(b, 12, 8, b.bars("Expected work due in", "Time until each piece of expected work is due; below zero it is late. The ten most urgent.", "s", "{{process}} {{work}}",
		`bottomk(10, min by (process, work) (closewatch_expected_work_due_timestamp_seconds{`+of+`}) - time())`).
		NoValue("no work is expected of it").Thresholds(steps(bad, from(0, notice))))
	b.row("What a failover would cost it")
	put(b, 12, 7, against(b.line("Recovery point exposure", "What would be lost now, and the objective as a dashed line.", "s", "{{process}}",
		`max by (process) (closewatch_recovery_point_exposure_seconds{`+of+`})`).DataLinks(linked(to("Recovery", "recovery"))),
		"{{process}} objective", `max by (process) (closewatch_recovery_point_objective_seconds{`+of+`})`))
	put(b, 12, 7, b.line("Postings at risk", "Journal entries that would have to be entered again, at most.", "short", "{{process}}",
		`max by (process) (closewatch_postings_at_risk{`+of+`})`))
	b.row("What it waits for")
	put(b, 8, 8, b.timeline("Components", "Components by their health signals. A cause without a symptom never pages.",
		"{{component}} ({{kind}})", `max by (component, kind) (closewatch_component_state{`+inEnvironment+`})`, states()).DataLinks(linked(causes()...)))
	put(b, 8, 8, b.line("Time in the database by process", "Seconds per second the database spends on the statements of each finance process.", "s", "{{process}}",
		`sum by (process) (rate(pg_process_statement_seconds_total{`+inEnvironment+`,process=~"$process"}[$__rate_interval]))`).
		NoValue("none of its statements is known").DataLinks(linked(to("PostgreSQL", "postgresql"))))
	put(b, 8, 8, b.line("How unusual it is", "Distance of each measure from what is usual at this time of day, in usual deviations.", "short", "{{baseline}} ({{component}})",
		`max by (component, baseline) (closewatch_baseline_deviation{`+inTenant+`})`).NoValue("not enough history yet").Min(-10))
	return b.DashboardBuilder
}
