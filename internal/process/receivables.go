package process

// What customers are billed by.

func subscriptionBilling() Process {
	return Process{
		Name: "subscription-billing", Title: "Subscription billing", Tier: Important, CloseTier: Critical,
		Windows:          []Window{before(day, "a billing run"), workingDays(-1, -1, "revenue cut-off")},
		Recovery:         Recovery{RTO: 8 * hour, RPO: 15 * minute},
		CriticalRecovery: Recovery{RTO: 2 * hour, RPO: 15 * minute},
		Needs: erp(
			Dependency{Kind: Bank, Role: Soft, Use: "payment provider"},
			Dependency{Kind: Documents, Role: Soft, Use: "sending by e-mail"},
		),
		Work: []Work{{
			Source: ScheduledAction, Within: 8 * hour,
			Match: []string{"Generate Recurring Invoices*", "Sale Subscription: generate recurring invoices*"},
			Says:  "recurring invoices due",
		}},
		Objectives: []Objective{
			{
				Name: "invoiced", Kind: Deadline, Target: 99.9 * Percent, Says: "subscriptions that are due are invoiced by 08:00",
				Unmeasured: "no metric tells how many subscriptions were due",
			},
			{
				Name: "duplicates", Kind: Completeness, Every: true, Says: "no period is invoiced twice",
				Unmeasured: "no metric tells which period an invoice is for",
			},
			{
				Name: "dunning", Kind: Freshness, Every: true, Threshold: 24 * hour, Says: "reminders go out in time",
				Unmeasured: "no metric tells when a reminder was due",
			},
		},
		Team: platform, Owner: "AR lead", Vendor: "the payment provider", Responsibility: Shared,
		Stops: "Recurring invoices are not generated.",
		Symptoms: []Symptom{
			{Says: "the action that makes recurring invoices is late or switched off", By: ByWork},
			{Says: "it fails again and again, or stops half way and starts over", By: BySignal, Signal: "odoo_scheduled_action_failing"},
			{Says: "one long action holds up all the others", By: BySignal, Signal: "odoo_scheduled_action_holds_up"},
			{Says: "a period is invoiced twice"},
			{Says: "stored payment means are refused"},
			{Says: "invoices count as sent and were not delivered", By: BySignal, Signal: "odoo_invoices_undelivered"},
			{Says: "invoices wait to be sent", By: BySignal, Signal: "odoo_invoices_unsent"},
			{Says: "mail does not leave", By: BySignal, Signal: "odoo_mails_waiting"},
		},
		Meanwhile:       "wait with billing by hand: invoices may still be made",
		Workaround:      "Run the batch invoicing wizard for the due period, then check for duplicates by period.",
		WorkaroundAfter: 2 * hour,
		DoFirst: []string{
			"Open Scheduled Actions and look at the action named above: is it active, when did it run last?",
			"Find out why it was switched off before switching it on again.",
		},
		DoNot: []string{
			"Do not run the action by hand while another run may be active: periods are invoiced twice.",
			"Do not invoice a period in the wizard before switching the action off: both would bill it.",
			"Do not charge stored payment means again before the provider says the first try failed.",
		},
	}
}

func eInvoicing() Process {
	return Process{
		Name: "e-invoicing", Title: "E-invoicing", Tier: Critical, CloseTier: Critical,
		Windows:          []Window{{Kind: Always, Says: "clearance has legal clocks"}},
		Recovery:         Recovery{RTO: 8 * hour, RPO: 0},
		CriticalRecovery: Recovery{RTO: 2 * hour, RPO: 0},
		Refetch:          "the access point's and the authority's records",
		Needs: erp(
			Dependency{Kind: Documents, Role: Hard, Use: "access point"},
			Dependency{Kind: Tax, Role: Hard, Use: "clearance by the authority"},
		),
		Flows: []string{"queue-roundtrip"},
		Work: []Work{
			{
				Source: QueueJobs, Within: 4 * hour,
				Match: []string{"*einvoice*", "*.edi*", "*_edi*", "*peppol*"},
				Says:  "e-invoices waiting to be sent",
			},
			{
				Source: ScheduledAction, Within: 13 * hour,
				Match: []string{"EDI*", "Peppol*", "Send invoices automatically*"},
				Says:  "e-invoices to be sent and fetched",
			},
			{
				Source: Schedule, Within: 4 * hour,
				Metric: "odoo_einvoices_overdue", By: "state",
				Due: "every working day 16:00", Done: Done{AtMost: new(0.0)},
				Says: "overdue e-invoices to be settled",
			},
			{
				Source: History, Least: 20,
				Metric: "odoo_einvoices_finished_total",
				Says:   "e-invoices accepted or rejected",
			},
		},
		Objectives: []Objective{
			{
				Name: "accepted", Kind: Freshness, Target: 99 * Percent, Threshold: 4 * hour, Says: "an e-invoice is accepted soon after it was posted",
				Indicator: &Indicator{
					Oldest: &Series{Metric: "odoo_einvoice_oldest_timestamp_seconds", Labels: map[string]string{"state": "queued|sent"}}, Idle: &Series{Metric: "odoo_einvoices"},
				},
			},
			{
				Name: "rejections", Kind: Freshness, Every: true, Threshold: day, Says: "a rejection is settled within a working day",
				Indicator: &Indicator{
					Oldest: &Series{Metric: "odoo_einvoice_oldest_timestamp_seconds", Labels: map[string]string{"state": "rejected"}}, Idle: &Series{Metric: "odoo_einvoices"},
				},
			},
			{
				Name: "inbound", Kind: Freshness, Every: true, Threshold: 13 * hour, Says: "received e-invoices are fetched",
				Unmeasured: "no metric tells when an e-invoice was received",
			},
		},
		Team: platform, Owner: "AR lead", Vendor: "the access point", Responsibility: Vendor,
		Stops: "E-invoices are not sent to customers or authorities.",
		Symptoms: []Symptom{
			{Says: "jobs wait and none is taken, although Odoo runs: its job runner is deaf after a failover", By: BySignal, Signal: "odoo_jobrunner_deaf"},
			{Says: "jobs stay started for hours and block their channel", By: BySignal, Signal: "odoo_queue_stuck"},
			{Says: "jobs fail", By: BySignal, Signal: "odoo_queue_jobs_failed"},
			{Says: "documents stay to be sent", By: BySignal, Signal: "odoo_einvoices_unsent"},
			{Says: "documents stay in processing", By: BySignal, Signal: "odoo_einvoices_unanswered"},
			{Says: "nobody knows whether a document arrived", By: BySignal, Signal: "odoo_einvoices_unclear"},
			{Says: "many are rejected at once, often after a change of a module", By: BySignal, Signal: "odoo_einvoices_rejections_rise"},
			{Says: "rejected documents are left", By: BySignal, Signal: "odoo_einvoices_rejected_unsettled"},
			{Says: "a document is cancelled outside and posted in a locked period", By: BySignal, Signal: "odoo_documents_voided_while_locked"},
			{Says: "a certificate or token of the access point has expired"},
		},
		Meanwhile:       "go on invoicing and do not resend anything",
		Workaround:      "Use the authority's contingency mode or portal and keep the proof.",
		WorkaroundAfter: 2 * hour,
		DoFirst: []string{
			"Restart the job runner only, not the whole of Odoo. Expect the first job to start within a minute.",
			"List jobs in state started and enqueued and their age.",
		},
		DoNot: []string{
			"Do not requeue jobs in state started before checking whether the document went out: it may be sent twice.",
			"Do not resend an e-invoice after a timeout: the authority may have accepted it.",
		},
	}
}
