package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// SyntheticFlows tells of the test transactions: do they pass, what became
// slow, what do they cost, do real books stay free of them.
func SyntheticFlows(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "synthetic-flows", "synthetic flows", "Do test transactions go through, which step became slow, and do they leave anything behind.")
	mean := func(by, name, over string) string {
		return `sum by (` + by + `) (rate(` + name + `_sum{` + inTenant + `}[` + over + `])) / sum by (` + by + `) (rate(` + name + `_count{` + inTenant + `}[` + over + `]))`
	}
	now := mean("flow, step", "closewatch_probe_step_duration_seconds", "$__rate_interval")
	b.outcome()
	b.row("Do they go through")
	put(b, 4, 8, b.number("Failing now", "Flows whose last run failed.",
		`sum(closewatch_probe_success{`+inTenant+`} == bool 0)`).Thresholds(steps(good, from(1, worst))))
	put(b, 10, 8, b.timeline("Flows", "Whether the last run of each flow passed. A gap means that it was blocked by a guard or could not measure.",
		"{{flow}} {{level}}", `min by (flow, level) (closewatch_probe_success{`+inTenant+`})`, verdicts("Failed", "Passed")))
	put(b, 10, 8, b.line("Time since a run passed, in runs", "How long ago the newest run that passed began, as a multiple of how often the flow runs: 1 is the run that is due.", "short", "{{flow}}",
		`(time() - max by (flow) (closewatch_probe_last_success_timestamp_seconds{`+inTenant+`})) / max by (flow) (closewatch_probe_interval_seconds{`+inTenant+`})`))
	put(b, 12, 7, b.bars("Failures by kind", "Failed runs in the range shown, by kind of failure; the eight most frequent.", "short", "{{flow}} {{kind}}",
		`topk(8, sum by (flow, kind) (increase(closewatch_probe_failures_total{`+inTenant+`}[$__range])) > 0)`).
		NoValue(quiet("no run failed")).Decimals(0).Min(0).Thresholds(steps(good, from(1, worst))))
	put(b, 12, 7, b.line("Runs per minute by outcome", "Passed, failed, blocked by a guard, unknown because interrupted.", "short", "{{outcome}}",
		`sum by (outcome) (rate(closewatch_probe_runs_total{`+inTenant+`}[$__rate_interval])) * 60`))
	b.row("Which step became slow")
	put(b, 8, 9, b.line("Duration of a run", "Mean duration of the runs that passed, without guards and clean-up.", "s", "{{flow}}", mean("flow", "closewatch_probe_duration_seconds", "$__rate_interval")))
	put(b, 8, 9, b.bars("Steps that take longest", "Mean duration of the steps of the newest runs that passed; the ten longest.", "s", "{{flow}} {{step}}",
		`topk(10, `+now+` > 0)`).NoValue("no run passed lately").Min(0).Thresholds(steps(notice)))
	put(b, 8, 9, b.bars("Steps that became slow", "Mean duration in the newest runs that passed, as a share of that in the range shown: 100 % is as before; the ten that grew most.", "percentunit", "{{flow}} {{step}}",
		`topk(10, `+now+` / (`+mean("flow, step", "closewatch_probe_step_duration_seconds", "$__range")+`) > 0)`).NoValue("no run passed lately").Min(0).Thresholds(steps(notice)))
	b.row("Do real books stay free of them")
	put(b, 6, 6, b.number("Proven neutral", "Whether the last proof showed that real books hold nothing of the prober's.",
		`min(closewatch_probe_neutral{`+inTenant+`})`).NoValue("not proven yet").Mappings(verdicts("Not neutral", "Neutral")).Thresholds(steps(good)))
	put(b, 6, 6, b.number("Foreign records", "Records of the prober's in the books of real companies.",
		`sum(closewatch_probe_foreign_records{`+inTenant+`})`).NoValue("not proven yet").Decimals(0).Thresholds(steps(good, from(1, worst))))
	put(b, 6, 6, b.number("Left over", "Records that the last runs and the last sweep could not remove.",
		`sum(closewatch_probe_leftovers{`+inTenant+`})`).Decimals(0).Thresholds(steps(good, from(1, bad))))
	put(b, 6, 6, b.number("Proof is old", "Time since a proof last showed whether real books hold anything of the prober's.",
		`time() - min(closewatch_probe_neutrality_proof_timestamp_seconds{`+inTenant+`})`).NoValue("not proven yet").Unit("s").Decimals(0).Thresholds(steps(notice)))
	b.row("What they cost")
	put(b, 8, 7, b.line("Time of Odoo's workers", "Share of the time of one worker that each flow takes.", "percentunit", "{{flow}}",
		`max by (flow) (closewatch_probe_worker_ratio{`+inTenant+`})`))
	put(b, 8, 7, b.line("Requests", "Requests per second that the runs make to Odoo.", "reqps", "{{flow}}",
		`sum by (flow) (rate(closewatch_probe_requests_total{`+inTenant+`}[$__rate_interval]))`))
	put(b, 8, 7, b.line("Rows written", "Rows a run writes to the database at most, by flow.", "short", "{{flow}} {{operation}}",
		`max by (flow, operation) (closewatch_probe_database_rows{`+inTenant+`})`))
	return b.DashboardBuilder
}
