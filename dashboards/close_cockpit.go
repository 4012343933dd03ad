package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// CloseCockpit is for the days of the close, on a wall: what is due when, what
// has not happened, whether books are closed, who could still post.
func CloseCockpit(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "close-cockpit", "close cockpit", "Will the books close in time, and what is in the way.")
	const next = `min by (id, entity) (closewatch_deadline_seconds{` + inCalendar + `})`
	b.row("Will we make it")
	b.impaired(4, 5)
	put(b, 5, 5, b.number("Next milestone in", "Time to the nearest cut-off, deadline or milestone of the entities chosen.",
		`min(closewatch_deadline_seconds{`+inCalendar+`})`).Unit("s").NoValue("no milestone in the calendar").Thresholds(steps(notice, from(0, notice))))
	put(b, 5, 5, b.number("Least slack", "Time left before the tightest deadline once the backlog is worked off. Below zero it cannot be met any more.",
		`min(closewatch_process_slack_seconds{`+inEntity+`})`).Unit("s").NoValue("no deadline is near").Thresholds(steps(worst, from(0, good))))
	put(b, 5, 5, b.number("Expected work missing", "Pieces of expected work that should have happened by now and did not: jobs, runs, statements, entries.",
		`sum(closewatch_expected_work_missing{`+inEntity+`})`).Decimals(0).Thresholds(steps(good, from(1, bad))))
	put(b, 5, 5, b.number("Drafts of past periods", "Journal entries still in draft that belong before the current month: to be posted or deleted before it can be closed.",
		`sum(odoo_journal_entries_draft_past_period{`+inBooks+`})`).Decimals(0).Thresholds(steps(good, from(1, bad))))
	put(b, 8, 9, b.timeline("Phase of the close", "The phase each entity is in; impacts weigh more, and budgets are judged tighter, while a close goes on.",
		"{{entity}}", numbered("entity", "closewatch_calendar_phase", inCalendar, "phase", "normal", "pre_close", "close", "tail", "unknown"), phases()))
	put(b, 16, 9, b.timeline("Finance processes", "The standing alert tier of each process: what is not green is in the way of the close. Choose a line to see why.",
		"{{process}} · {{entity}}", `max by (process, tenant, entity) (`+judged(inEntity)+`)`, tiers()).
		DataLinks(linked(why("tenant", "entity"), b.incidents())))
	b.row("What is due")
	put(b, 8, 9, b.bars("Milestones ahead", "Time to each cut-off, deadline and milestone; the ten nearest.", "s", "{{id}} · {{entity}}", `bottomk(10, `+next+`)`).
		NoValue("no milestone in the calendar").Min(0).Thresholds(steps(notice)))
	put(b, 8, 9, b.table("Closes by period", "How the close of each period stands to its plan, by the lock dates of the books.",
		`max by (entity, period) (closewatch_close_state{`+inCalendar+`})`,
		map[string]string{"Value": "State", "entity": "Entity", "period": "Period"},
		words([2]string{"Planned", notice}, [2]string{"Open", notice}, [2]string{"Overrun", worst}, [2]string{"Closed", good}, [2]string{"Reopened", bad})).
		NoValue("no close is near"))
	put(b, 8, 9, b.bars("Planned end of each close, from now", "Time to the planned end of the close of each period; below zero it should have ended.", "s", "{{period}} · {{entity}}",
		`max by (entity, period) (closewatch_close_planned_end_timestamp_seconds{`+inCalendar+`}) - time()`).
		NoValue("no close is near").Thresholds(steps(bad, from(0, notice))))
	b.row("Is the work being done")
	put(b, 12, 8, b.line("Journal entries posted per minute", "Entries posted in real companies: the close goes on, or stands still.", "short", "{{entity}}",
		`sum by (entity) (rate(odoo_journal_entries_posted_total{`+inBooks+`}[$__rate_interval])) * 60`))
	put(b, 12, 8, b.line("Journal entries in draft", "What is still to be posted, and what is to be reviewed.", "short", "{{entity}} draft",
		`sum by (entity) (odoo_journal_entries_draft{`+inBooks+`})`).
		WithTarget(over("B", "{{entity}} to review", `sum by (entity) (odoo_journal_entries_to_review{`+inBooks+`})`)))
	put(b, 8, 8, b.line("Bank lines not reconciled", "Bank statement lines that nobody has matched, by journal: open items at the end of the period.", "short", "{{entity}} {{journal}}",
		`sum by (entity, journal) (odoo_bank_statement_lines_unreconciled{`+inBooks+`})`))
	put(b, 8, 8, b.line("How far the bank is known", "Age of the newest bank statement line: no statement, no reconciliation.", "s", "{{entity}} {{journal}}",
		`time() - max by (entity, journal) (odoo_bank_last_line_timestamp_seconds{`+inBooks+`})`).NoValue("no bank statement is known"))
	put(b, 8, 8, b.line("Expected work missing", "How much of each piece of expected work is missing; 0 when all of it happened.", "short", "{{process}} {{work}}",
		`sum by (process, work) (closewatch_expected_work_missing{`+inEntity+`})`))
	b.row("Is what was closed still closed")
	put(b, 12, 6, b.bars("Lock dates against the plan", "Differences between lock dates and the plan of the close, by kind.", "short", "{{entity}} {{finding}}",
		`max by (entity, finding) (closewatch_lock_plan_findings{`+inEntity+`})`).
		NoValue("no plan, or lock dates are not read").Decimals(0).Min(0).Thresholds(steps(good, from(1, bad))))
	put(b, 12, 6, b.bars("Entries that disturb a closed period", "Drafts dated in a locked period, documents cancelled while their entry is locked, numbers missing in sequences.", "short", "{{entity}} drafts in a locked period",
		`sum by (entity) (odoo_journal_entries_draft_locked{`+inBooks+`})`).
		WithTarget(latest("B", "{{entity}} cancelled while locked", `sum by (entity) (odoo_documents_voided_while_locked{`+inBooks+`})`)).
		WithTarget(latest("C", "{{entity}} numbers missing", `sum by (entity) (odoo_sequence_gaps{`+inBooks+`})`)).
		Decimals(0).Min(0).Thresholds(steps(good, from(1, bad))))
	return b.DashboardBuilder
}

// phases are the words of the phases of the close. None of them is good or bad:
// the nearer the close, the darker.
func phases() []dashboard.ValueMapping {
	return words([2]string{"Normal", "super-light-blue"}, [2]string{"Before the close", "light-blue"}, [2]string{"Close", "dark-blue"}, [2]string{"After the close", "light-blue"}, [2]string{cannotTell, unknown})
}
