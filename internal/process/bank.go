package process

// What goes through banks: payments, reconciliation and statements.

func paymentRegistration() Process {
	return Process{
		Name: "payment-registration", Title: "Payment registration", Tier: Critical, CloseTier: Critical,
		Windows:          []Window{before(4*hour, "a payment cut-off"), workingDays(-1, -1, "")},
		Recovery:         Recovery{RTO: 4 * hour, RPO: 5 * minute},
		CriticalRecovery: Recovery{RTO: 1 * hour, RPO: 0},
		Refetch:          "the bank's records",
		Needs:            erp(Dependency{Kind: Bank, Role: Soft, Use: "payment provider"}),
		Flows:            []string{"payment-registration"},
		Operations:       []string{"account.payment.register/action_create_payments", "account.payment/action_post"},
		Work: []Work{{
			Source: ScheduledAction, Within: 2 * hour,
			Match: []string{"payment: post-process transactions*"},
			Says:  "payments of providers to be posted",
		}},
		Objectives: []Objective{
			{Name: "availability", Kind: Availability, Target: 99.5 * Percent, Says: "a payment is registered without an error"},
			{Name: "latency", Kind: Latency, Target: 99.5 * Percent, Threshold: 1 * minute, Says: "a registered payment is posted"},
			{
				Name: "duplicates", Kind: Completeness, Every: true, Says: "no payment is registered twice",
				Indicator: &Indicator{Value: &Series{Metric: "odoo_payments_duplicated"}, AtMost: new(0.0)},
			},
		},
		Team: platform, Owner: "Treasury lead", Vendor: "the payment provider", Responsibility: Provider,
		Stops: "Payments received or made cannot be registered.",
		Symptoms: []Symptom{
			{Says: "registering a payment ends in an error", By: ByUsers},
			{Says: "payments stay in process", By: BySignal, Signal: "odoo_payments_in_process_late"},
			{Says: "a payment is there twice after somebody clicked again", By: BySignal, Signal: "odoo_payments_duplicated"},
			{Says: "users get no answer while they book", By: BySignal, Signal: "traefik_interrupted_writes"},
			{Says: "answers of the payment provider do not arrive", By: BySignal, Signal: "traefik_upstream_errors"},
		},
		Meanwhile:       "note payments in a list and do not register them again",
		Workaround:      "Note payments at the bank portal and register them as a batch afterwards, checking each reference for duplicates.",
		WorkaroundAfter: 30 * minute,
		DoFirst:         []string{"Check whether payments hang in process or fail at once.", openIncident},
		DoNot: []string{
			"Do not click register again after a timeout: the first one may have gone through.",
			"Do not generate or upload a payment file again before the first is confirmed rejected.",
		},
	}
}

func bankReconciliation() Process {
	return Process{
		Name: "bank-reconciliation", Title: "Bank reconciliation", Tier: Important, CloseTier: Critical,
		Windows:          []Window{workingDays(1, 3, "")},
		Recovery:         Recovery{RTO: 8 * hour, RPO: 1 * hour},
		CriticalRecovery: Recovery{RTO: 2 * hour, RPO: 1 * hour},
		Needs:            erp(Dependency{Kind: Bank, Role: Soft, Use: "statements"}),
		Flows:            []string{"bank-reconciliation"},
		Operations:       []string{"account.move.line/reconcile", "account.bank.statement.line/create"},
		Work: []Work{
			{
				Source: History, Least: 20,
				Metric: "odoo_bank_statement_lines_matched_early_total",
				Says:   "bank lines matched without work by hand",
			},
			{
				Source: Schedule, Within: day, Habit: true,
				Metric: "odoo_bank_statement_lines_unreconciled_older", Labels: map[string]string{"than": "7d"}, By: "journal",
				Due: "WD+2 18:00", Done: Done{AtMost: new(0.0)},
				Says: "bank lines older than a week to be reconciled",
			},
		},
		Objectives: append(serviceLevel(99*Percent, 5*second),
			Objective{
				Name: "matched", Kind: Completeness, Target: 90 * Percent, Says: "statement lines are matched without work by hand",
				Indicator: &Indicator{
					Total: &Series{Metric: "odoo_bank_statement_lines_created_total"}, Good: &Series{Metric: "odoo_bank_statement_lines_matched_early_total"},
				},
			},
			Objective{
				Name: "aged", Kind: Freshness, Target: 99 * Percent, Threshold: 7 * day, Says: "statement lines are reconciled",
				Indicator: &Indicator{
					Oldest: &Series{Metric: "odoo_bank_statement_line_oldest_unreconciled_timestamp_seconds"}, Idle: &Series{Metric: "odoo_bank_last_line_timestamp_seconds"},
				},
			},
			Objective{
				Name: "accounts", Kind: Deadline, Every: true, CriticalOnly: true, Says: "every bank account is complete to period end by WD+2",
				Unmeasured: "nothing tells which bank accounts are in use and which rest",
			},
		),
		Team: platform, Owner: "Treasury lead", Responsibility: Provider,
		Stops: "Bank lines cannot be matched with invoices and payments.",
		Symptoms: []Symptom{
			{Says: "matching a line ends in an error or does not end", By: ByFlow},
			{Says: "users wait for the reconciliation screen", By: ByUsers},
			{Says: "fewer lines than usual are matched without work by hand", By: ByWork},
			{Says: "lines that are not reconciled pile up", By: BySignal, Signal: "odoo_bank_lines_left_over"},
			{Says: "lines count as reconciled while their invoices are open again"},
		},
		Meanwhile:       "wait with matching and import no statement twice",
		Workaround:      "Match the largest items first once it works; import the statement by file if the feed is the problem.",
		WorkaroundAfter: 2 * hour,
		DoFirst:         []string{openIncident, "Try to reconcile one small line by hand."},
		DoNot: []string{
			"Do not import a statement that may already be in: duplicates are hard to undo.",
			"Do not undo reconciliations in bulk: payments made from them are deleted too.",
		},
	}
}

func bankFeed() Process {
	return Process{
		Name: "bank-feed", Title: "Bank feed", Tier: Important, CloseTier: Critical,
		Windows:          []Window{workingDays(-1, 2, "")},
		Recovery:         Recovery{RTO: 24 * hour, RPO: 0},
		CriticalRecovery: Recovery{RTO: 4 * hour, RPO: 0},
		Refetch:          "the bank's statements",
		Needs: []Dependency{
			{Kind: Postgres, Role: Hard, Use: "system of record"},
			{Kind: Odoo, Role: Hard, Use: "application"},
			{Kind: Bank, Role: Hard, Use: "statements"},
		},
		Work: []Work{
			{
				Source: ScheduledAction, Within: 12 * hour,
				Match: []string{"*online sync*", "*Fetch bank statements*", "*Bank Statement*Pull*", "*Pull*Bank Statement*"},
				Says:  "bank statements due",
			},
			{
				Source: Schedule, Within: day, Habit: true,
				Metric: "odoo_bank_last_statement_timestamp_seconds", By: "journal",
				Due: everyMorning, Done: Done{Dated: new(1)},
				Says: "bank statement of the last working day",
			},
			{ // a bank account may rest for a day
				Source: Schedule, Within: day, Habit: true,
				Metric: "odoo_bank_last_line_timestamp_seconds", By: "journal",
				Due: everyMorning, Done: Done{Dated: new(2)},
				Says: "bank lines of the last two working days",
			},
		},
		Objectives: []Objective{
			{
				Name: "newest", Kind: Deadline, Target: 99 * Percent, Says: "each account's newest statement is a banking day old at most",
				Indicator: &Indicator{Work: "bank statement of the last working day"},
			},
			{
				Name: "balance", Kind: Completeness, Every: true, Says: "each statement leads from its opening to its closing balance",
				Indicator: &Indicator{Value: &Series{Metric: "odoo_bank_statements_incomplete"}, AtMost: new(0.0)},
			},
		},
		Team: platform, Owner: "Treasury lead", Vendor: "the bank or its feed provider", Responsibility: Vendor,
		Stops: "New bank statements do not arrive.",
		Symptoms: []Symptom{
			{Says: "the action that fetches statements is late or switched off", By: ByWork},
			{Says: "it fails again and again", By: BySignal, Signal: "odoo_scheduled_action_failing"},
			{Says: "the bank's consent has expired and nothing is said", By: ByWork},
			{Says: "lines are there twice after somebody imported a file", By: BySignal, Signal: "odoo_bank_lines_duplicated"},
			{Says: "a statement is imported twice after a timeout", By: BySignal, Signal: "odoo_bank_statement_imported_twice"},
			{Says: "statements do not add up", By: BySignal, Signal: "odoo_bank_statements_incomplete"},
		},
		Meanwhile:       "wait with matching and import no statement twice",
		Workaround:      "Download the statement from the bank and import it once; switch the feed off until duplicates are excluded.",
		WorkaroundAfter: 4 * hour,
		DoFirst:         []string{"Check whether the bank consent has expired.", "Check the scheduled action named above."},
		DoNot: []string{
			"Do not reconnect the feed and import a file for the same days: lines are doubled.",
			"Do not upload a statement again after a timeout: the first import may have gone through.",
		},
	}
}
