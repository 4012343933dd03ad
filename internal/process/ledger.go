package process

// What keeps the books: posting, the close, stock value and reports.

func invoicePosting() Process {
	return Process{
		Name: "invoice-posting", Title: "Invoice posting", Tier: Critical, CloseTier: Critical,
		Windows:          []Window{workingDays(-2, 2, ""), before(day, "a billing run")},
		Recovery:         Recovery{RTO: 4 * hour, RPO: 15 * minute},
		CriticalRecovery: Recovery{RTO: 1 * hour, RPO: 5 * minute},
		Needs:            erp(Dependency{Kind: Tax, Role: Soft, Use: "tax computation"}),
		Flows:            []string{"invoice-posting"},
		Operations:       []string{"account.move/action_post", "account.move/create"},
		Progress:         "odoo_journal_entries_posted_total",
		Work: []Work{{
			Source: History, Least: 20,
			Metric: "odoo_journal_entries_posted_total",
			Says:   "journal entries posted",
		}},
		Objectives: []Objective{
			{Name: "availability", Kind: Availability, Target: 99.5 * Percent, CriticalTarget: 99.9 * Percent, Says: "an entry is posted without an error"},
			{Name: "latency", Kind: Latency, Target: 95 * Percent, Threshold: 3 * second, CriticalThreshold: 5 * second, Says: "an entry is posted fast enough to work with"},
		},
		Team: platform, Owner: "AP and AR leads", Vendor: "Odoo support", Responsibility: Provider,
		Stops: "No invoice, bill or journal entry can be posted.",
		Symptoms: []Symptom{
			{Says: "posting ends in an error or does not end", By: ByFlow},
			{Says: "users get errors when they confirm invoices", By: ByUsers},
			{Says: "several people post in one journal and Odoo gives up after five tries", By: BySignal, Signal: "odoo_conflicts_exhausted"},
			{Says: "sessions wait for locks on journal entries", By: BySignal, Signal: "postgres_blocked"},
			{Says: "drafts that should post themselves do not", By: BySignal, Signal: "odoo_auto_post_due"},
			{Says: "users get no answer while they post", By: BySignal, Signal: "traefik_interrupted_writes"},
			{Says: "a number is missing in a journal's sequence", By: BySignal, Signal: "odoo_sequence_gaps"},
			{Says: "a secured entry was changed or is gone", By: BySignal, Signal: "odoo_hash_chain_broken"},
			{Says: "a posted entry does not balance", By: BySignal, Signal: "odoo_entries_unbalanced"},
			{Says: "test transactions left something in the books of a real company", By: BySignal, Signal: "probe_foreign_records"},
			{Says: "nobody can show that test transactions stay out of real books", By: BySignal, Signal: "probe_not_neutral"},
			{Says: "a date in a locked period is refused, or moved to the first open day"},
		},
		Meanwhile:       "keep saving drafts and do not resubmit",
		Workaround:      "Keep working in drafts and list them; post in small batches once posting works. Never number documents outside the system.",
		WorkaroundAfter: 30 * minute,
		DoFirst: []string{
			"Post one draft by hand in a real company, or ask a user to: does it fail the same way?",
			openIncident,
			"If a module was deployed in the last day, compare its version with the last good one.",
		},
		DoNot: []string{
			"Do not ask users to resubmit: entries may already be posted.",
			"Do not requeue jobs in state started: they may run twice.",
			"Do not delete numbered drafts to tidy up: their numbers are gone for good.",
		},
	}
}

func monthEndClose() Process {
	return Process{
		Name: "month-end-close", Title: "Month-end close", Tier: Important, CloseTier: Critical,
		Windows:          []Window{workingDays(-2, 5, "")},
		Recovery:         Recovery{RTO: 8 * hour, RPO: 15 * minute},
		CriticalRecovery: Recovery{RTO: 2 * hour, RPO: 5 * minute},
		Needs:            erp(Dependency{Kind: Bank, Role: Soft, Use: "statements to period end"}, Dependency{Kind: Documents, Role: Soft, Use: "reports as documents"}),
		Work: []Work{
			{
				Source: ScheduledAction, Within: 4 * hour,
				Match: []string{"Account: Post draft entries*", "Accounting: Post draft entries*"},
				Says:  "automatic posting of draft entries due",
			},
			{
				Source: Schedule, Within: day, Habit: true,
				Metric: "odoo_journal_entries_draft_past_period",
				Due:    "WD+5 18:00", Done: Done{AtMost: new(0.0)},
				Says: "drafts of the period to be posted or deleted",
			},
			{ // six working days before WD+5 is the last of the period that is closed
				Source: Schedule, Within: day, Habit: true,
				Metric: "odoo_lock_date_timestamp_seconds", Labels: map[string]string{"lock": "fiscalyear"},
				Due: "WD+5 18:00", Done: Done{Dated: new(6)},
				Says: "lock date of the period to be set",
			},
		},
		Objectives: []Objective{
			{
				Name: "milestones", Kind: Deadline, Every: true, Says: "each milestone is reached on the working day it is due",
				Unmeasured: "no metric tells that a milestone is reached",
			},
			{
				Name: "close", Kind: Deadline, Target: 95 * Percent, Says: "the period is closed by WD+5",
				Indicator: &Indicator{Work: "lock date of the period to be set"},
			},
		},
		Team: platform, Owner: "Close manager", Responsibility: Shared,
		Stops: "Close milestones slip: entries due in the period are not posted.",
		Symptoms: []Symptom{
			{Says: "automatic posting of entries is late or switched off", By: ByWork},
			{Says: "one bad entry holds up all automatic posting", By: BySignal, Signal: "odoo_auto_post_stuck"},
			{Says: "automatic posting starts over and over", By: BySignal, Signal: "odoo_auto_post_looping"},
			{Says: "it fails again and again", By: BySignal, Signal: "odoo_scheduled_action_failing"},
			{Says: "drafts dated in the period are left after their due date", By: BySignal, Signal: "odoo_auto_post_due"},
			{Says: "a lock date is not set when the plan says so", By: BySignal, Signal: "lock_date_late"},
			{Says: "a closed period is open again", By: BySignal, Signal: "closed_period_open_again"},
			{Says: "an exception opens a closed period", By: BySignal, Signal: "lock_exception_in_closed_period"},
			{Says: "an exception to a lock date never ends", By: BySignal, Signal: "odoo_lock_exception_endless"},
			{Says: "an exception to a lock date is for everyone", By: BySignal, Signal: "odoo_lock_exception_for_everyone"},
			{Says: "a lock date is set back", By: BySignal, Signal: "odoo_lock_date_set_back"},
			{Says: "entries arrive late in a period that is locked", By: BySignal, Signal: "odoo_drafts_in_locked_period"},
			{Says: "reports take longer than usual"},
		},
		Meanwhile:       "go on with other close tasks and keep drafts",
		Workaround:      "Reorder close tasks, post provisional accruals, extend the soft close with approval.",
		WorkaroundAfter: 2 * hour,
		DoFirst:         []string{"Check which milestone is due next.", "Check the scheduled actions listed above."},
		DoNot: []string{
			"Do not change lock dates to make room: ask the close manager.",
			"Do not run automatic posting by hand while another run may be active: entries that repeat are made twice.",
		},
	}
}

func inventoryValuation() Process {
	return Process{
		Name: "inventory-valuation", Title: "Inventory valuation", Tier: Important, CloseTier: Critical,
		Windows:          []Window{workingDays(-1, 2, ""), before(day, "a stock count")},
		Recovery:         Recovery{RTO: 24 * hour, RPO: 15 * minute},
		CriticalRecovery: Recovery{RTO: 4 * hour, RPO: 15 * minute},
		Needs:            erp(),
		Operations:       []string{"stock.landed.cost/button_validate"},
		Objectives: []Objective{
			{
				Name: "difference", Kind: Completeness, Every: true, Says: "stock value equals the general ledger within the agreed tolerance",
				Unmeasured: "no metric tells the value of stock and that of the general ledger",
			},
			{
				Name: "report", Kind: Freshness, Every: true, Threshold: 10 * minute, Says: "the valuation report is ready in time",
				Unmeasured: "no metric tells how long the valuation report takes",
			},
		},
		Team: platform, Owner: "Inventory controller", Responsibility: Shared,
		Stops: "Stock value and general ledger drift apart.",
		Symptoms: []Symptom{
			{Says: "confirming landed costs ends without an answer: the worker ran out of memory", By: BySignal, Signal: "odoo_workers_killed_memory"},
			{Says: "it ends at the time limit", By: BySignal, Signal: "odoo_workers_killed_time"},
			{Says: "stock value and general ledger differ"},
			{Says: "the valuation report does not finish"},
			{Says: "workers are busy and Odoo answers late", By: BySignal, Signal: "odoo_health_latency"},
		},
		Meanwhile:       "go on moving stock and keep a list of costs to add",
		Workaround:      "Freeze stock moves, process landed costs in smaller lots, post a reviewed manual adjustment.",
		WorkaroundAfter: 4 * hour,
		DoFirst: []string{
			openIncident,
			"Ask whether a large landed cost was being confirmed: try it with fewer lines.",
		},
		DoNot: []string{
			"Do not post a manual valuation entry without review.",
			"Do not confirm the same landed cost again before checking whether the first one went through.",
		},
	}
}

func reporting() Process {
	return Process{
		Name: "reporting", Title: "Financial reporting", Tier: Important, CloseTier: Critical,
		Windows:          []Window{workingDays(2, 6, ""), daysBefore(1, "a board date")},
		Recovery:         Recovery{RTO: 8 * hour, RPO: 15 * minute},
		CriticalRecovery: Recovery{RTO: 2 * hour, RPO: 15 * minute},
		Needs:            erp(Dependency{Kind: Documents, Role: Soft, Use: "reports as documents"}),
		Flows:            []string{"login", "reporting", "report-pdf", "websocket"},
		Operations:       []string{"report"},
		Objectives: append(serviceLevel(99*Percent, 30*second),
			Objective{
				Name: "data-age", Kind: Freshness, Every: true, Threshold: 15 * minute, Says: "what a report shows is no older than that",
				Unmeasured: "no metric tells which copy of the data reports are made from",
			},
			Objective{
				Name: "pack", Kind: Deadline, Every: true, CriticalOnly: true, Says: "the reporting pack is ready on its working day",
				Unmeasured: "no metric tells that the reporting pack is ready",
			},
		),
		Team: platform, Owner: "Reporting lead", Vendor: "Odoo support", Responsibility: Provider,
		Stops: "Financial reports cannot be produced.",
		Symptoms: []Symptom{
			{Says: "a report ends in an error or does not end", By: ByFlow},
			{Says: "users wait for reports or get errors", By: ByUsers},
			{Says: "the copy that reports read is behind", By: BySignal, Signal: "postgres_standby_lag"},
			{Says: "a long transaction of one report slows the others down", By: BySignal, Signal: "postgres_longest_transaction"},
			{Says: "large reports come as spreadsheets but not as PDF documents", By: BySignal, Signal: "odoo_pdf_failures"},
		},
		Meanwhile:       "use the last good report and its time, or a spreadsheet",
		Workaround:      "Use the last good snapshot, stamped with its time; export to a spreadsheet instead of PDF.",
		WorkaroundAfter: 1 * hour,
		DoFirst:         []string{openIncident, "Look for a heavy report that is still running."},
		DoNot: []string{
			"Do not rerun the same heavy report from several screens.",
			"Do not end a running report's session without asking who waits for it.",
		},
	}
}
