package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// ObjectivesAndBudgets tells which promises are kept and what may still fail.
func ObjectivesAndBudgets(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "objectives-and-budgets", "objectives and budgets", "Which objectives are kept, how much may still fail, and what is to be done about it.")
	b.process()
	const these = inObjective + `,process=~"$process"`
	const rolling = these + `,window="rolling"`
	b.row("Are our promises kept")
	put(b, 6, 5, b.number("Overspent", "Objectives whose rolling error budget is spent.",
		`sum(closewatch_slo_error_budget_remaining_ratio{`+rolling+`,reading="raw"} <= bool 0)`).NoValue("no traffic in the period").Thresholds(steps(good, from(1, worst))))
	put(b, 6, 5, b.number("Burning", "Objectives that spend their error budget faster than it lasts, in a window of at least six hours.",
		`sum(max by (objective) (closewatch_slo_burn_rate{`+these+`,window!~".* in 1h"}) > bool 1)`).NoValue("no traffic in the windows").Thresholds(steps(good, from(1, bad))))
	put(b, 6, 5, b.number("Measured", "Share of the rolling window up to now in which the worst observed objective was observed: what is not measured is not good.",
		`min(closewatch_slo_measured_ratio{`+rolling+`})`).Unit("percentunit").Thresholds(steps(unknown, from(1, good))))
	put(b, 6, 5, b.number("Deploys", "The strictest thing an error-budget policy asks for now.",
		`max(closewatch_slo_policy_state{`+these+`})`).Mappings(policies()).NoValue("no policy").Thresholds(steps(good)))
	put(b, 12, 9, b.bars("Error budget left", "Share of the rolling error budget that is left; below zero it is overspent. The twelve least.", "percentunit", "{{objective}}",
		`bottomk(12, min by (process, objective) (closewatch_slo_error_budget_remaining_ratio{`+rolling+`,reading="raw"}))`).
		NoValue("no traffic in the period").Max(1).Thresholds(steps(worst, from(0, good))).DataLinks(linked(why())))
	put(b, 12, 9, b.timeline("What the policy asks for", "By objective: nothing, watch, approval, a freeze of deploys, a report to management.",
		"{{objective}}", `max by (process, objective) (closewatch_slo_policy_state{`+these+`}) > 0`, policies()).NoValue(quiet("nothing is asked for")).
		DataLinks(linked(why())))
	b.row("How fast are they spent")
	put(b, 12, 9, limit(b.line("Burn rate", "1 spends exactly the error budget over its period; a window's name says what it takes to tell somebody.", "short", "{{objective}} {{window}}",
		`max by (process, objective, window) (closewatch_slo_burn_rate{`+these+`})`).NoValue("no traffic in the windows").Legend(legendTable()), steps(good, from(1, bad))).
		DataLinks(linked(why(), b.incidents())))
	put(b, 12, 9, b.line("Error budget left over time", "Share of the rolling error budget that is left.", "percentunit", "{{objective}}",
		`min by (objective) (closewatch_slo_error_budget_remaining_ratio{`+rolling+`,reading="raw"})`).NoValue("no traffic in the period").Max(1).Legend(legendTable()))
	put(b, 12, 8, against(b.line("Good events against the target", "Share of events in the rolling window that were good, and the targets as dashed lines.", "percentunit", "{{objective}}",
		`min by (objective) (closewatch_slo_good_ratio{`+rolling+`,reading="raw"})`).NoValue("no traffic in the period").Max(1),
		"{{objective}} target", `max by (objective) (closewatch_slo_target_ratio{`+rolling+`})`))
	put(b, 12, 8, b.line("Bad events, per minute", "Events that failed, per minute, by process.", "short", "{{process}} {{source}}",
		`sum by (process, source) (rate(closewatch_slo_events_total{`+these+`,result="bad"}[$__rate_interval])) * 60`).
		DataLinks(linked(why())))
	b.row("What is ahead")
	put(b, 12, 8, b.bars("Left when the month ends", "Estimate: the share of the budget left at the end of the month, if the rest fails like the last day. The eight least.", "percentunit", "{{objective}}",
		`bottomk(8, min by (objective) (closewatch_slo_error_budget_projected_ratio{`+these+`,window="month"}))`).
		NoValue("not enough was observed").Max(1).Thresholds(steps(worst, from(0, good))))
	put(b, 12, 8, b.bars("Events that may still fail", "Estimate: how many more events may fail before the month's budget is spent. The eight fewest.", "short", "{{objective}}",
		`bottomk(8, min by (objective) (closewatch_slo_error_budget_events{`+these+`,window="month"}))`).
		NoValue("not enough was observed").Decimals(0).Thresholds(steps(worst, from(0, good))))
	b.row("And in the close")
	put(b, 12, 8, b.bars("Left of the critical window", "Share left of the budget of the close, of pay day or of a filing: it is one of its own, so that quiet days before never make up for it. The eight least.", "percentunit", "{{objective}}",
		`bottomk(8, min by (objective) (closewatch_slo_error_budget_remaining_ratio{`+these+`,window="critical",reading="raw"}))`).
		NoValue("no critical window yet, or no traffic in it").Max(1).Thresholds(steps(worst, from(0, good))))
	put(b, 12, 8, b.bars("Kept for the phase of the close", "Share left of the part of the month's budget that is kept for the phase the entity is in. The eight least.", "percentunit", "{{objective}}",
		`bottomk(8, min by (objective) (closewatch_slo_phase_error_budget_remaining_ratio{`+these+`}))`).
		NoValue("nothing is kept for the phase").Max(1).Thresholds(steps(worst, from(0, good))))
	b.row("Can the numbers be believed")
	put(b, 8, 7, b.line("Share of the window observed", "By objective, of the rolling window up to now.", "percentunit", "{{objective}}",
		`min by (objective) (closewatch_slo_measured_ratio{`+rolling+`})`).Max(1))
	put(b, 8, 7, b.line("Maintenance beyond what may be left out", "1 where more maintenance was announced than the adjusted reading may leave out.", "short", "{{objective}}",
		`max by (objective) (closewatch_slo_exclusion_capped{`+these+`})`))
	put(b, 8, 7, b.line("Events left out as doubtful", "Good or bad events counted beyond all events: one of two counters is wrong.", "short", "{{objective}}",
		`max by (objective) (closewatch_slo_events_doubted_total{`+these+`})`))
	return b.DashboardBuilder
}

// policies are the words of closewatch_slo_policy_state.
func policies() []dashboard.ValueMapping {
	return words([2]string{"Free", good}, [2]string{"Watch", notice}, [2]string{"Needs approval", bad}, [2]string{"Freeze deploys", worst}, [2]string{"Report to management", worst})
}
