package process

import "time"

const (
	minute = time.Minute
	hour   = time.Hour
)

// Catalog returns the built-in processes in the order they are shown. Each call
// returns a fresh copy: an estate changes its own.
func Catalog() []Process {
	return []Process{
		{
			Name: "invoice-posting", Title: "Invoice posting", Tier: Critical, CloseTier: Critical,
			Recovery: Recovery{RTO: 4 * hour, RPO: 15 * minute},
			Needs:    erp(),
			Flows:    []string{"invoice-posting"},
			Operations: []string{
				"account.move/action_post", "account.move/create",
			},
			Progress:   "odoo_journal_entries_posted_total",
			Objectives: serviceLevel(0.995, 3*time.Second),
			Team:       "finance-platform", Owner: "AP and AR leads",
			Stops:      "No invoice, bill or journal entry can be posted.",
			Workaround: "Keep working in drafts and list them; post in small batches once posting works. Never number documents outside the system.",
			DoFirst: []string{
				"Post one draft by hand in a real company, or ask a user to: does it fail the same way?",
				"Open the incident: at which step does it fail, and since which change?",
				"If a module was deployed in the last day, compare its version with the last good one.",
			},
			DoNot: []string{
				"Do not ask users to resubmit: entries may already be posted.",
				"Do not requeue jobs in state started: they may run twice.",
			},
		},
		{
			Name: "payment-registration", Title: "Payment registration", Tier: Critical, CloseTier: Critical,
			Recovery:   Recovery{RTO: 4 * hour, RPO: 5 * minute},
			Needs:      erp(),
			Flows:      []string{"payment-registration"},
			Operations: []string{"account.payment.register/action_create_payments", "account.payment/action_post"},
			Objectives: serviceLevel(0.995, 5*time.Second),
			Team:       "finance-platform", Owner: "Treasury lead",
			Stops:      "Payments received or made cannot be registered.",
			Workaround: "Note payments at the bank portal and register them as a batch afterwards, checking each reference for duplicates.",
			DoFirst:    []string{"Check whether payments hang in process or fail at once.", "Open the incident: at which step does it fail, and since which change?"},
			DoNot:      []string{"Do not click register again after a timeout: the first one may have gone through."},
		},
		{
			Name: "bank-reconciliation", Title: "Bank reconciliation", Tier: Important, CloseTier: Critical,
			Recovery:   Recovery{RTO: 8 * hour, RPO: 1 * hour},
			Needs:      erp(),
			Flows:      []string{"bank-reconciliation"},
			Operations: []string{"account.move.line/reconcile", "account.bank.statement.line/create"},
			Objectives: serviceLevel(0.99, 5*time.Second),
			Team:       "finance-platform", Owner: "Treasury lead",
			Stops:      "Bank lines cannot be matched with invoices and payments.",
			Workaround: "Match the largest items first once it works; import the statement by file if the feed is the problem.",
			DoFirst:    []string{"Open the incident: at which step does it fail, and since which change?", "Try to reconcile one small line by hand."},
			DoNot:      []string{"Do not import a statement that may already be in: duplicates are hard to undo."},
		},
		{
			Name: "ap-bill-run", Title: "Supplier payment run", Tier: Critical, CloseTier: Critical,
			Recovery:   Recovery{RTO: 4 * hour, RPO: 1 * hour},
			Needs:      erp(),
			Operations: []string{"account.batch.payment/validate_batch", "account.payment.order/open2generated"},
			Team:       "finance-platform", Owner: "AP lead",
			Stops:      "Approved bills do not reach the bank file before its cut-off.",
			Workaround: "Pay critical vendors in the bank portal under dual control; rerun without the bills already paid.",
			DoFirst:    []string{"Check the time left to the cut-off.", "Check whether a payment file was already produced."},
			DoNot:      []string{"Do not generate or upload a second payment file before the first is confirmed rejected."},
		},
		{
			Name: "payroll", Title: "Payroll", Tier: Standard, CloseTier: Critical,
			Recovery:   Recovery{RTO: 24 * hour, RPO: 24 * hour},
			Needs:      erp(),
			Operations: []string{"hr.payslip.run/action_validate", "hr.payslip/action_payslip_done"},
			Team:       "finance-platform", Owner: "Payroll lead",
			Stops:      "Payslips cannot be computed or the payroll file cannot be sent.",
			Workaround: "Agree with the payroll lead whether to repeat the last net pay and adjust, or to use the bureau.",
			DoFirst:    []string{"Check the time left to the payroll cut-off.", "Check whether the payroll file was already sent."},
			DoNot:      []string{"Do not send the payroll file twice."},
		},
		{
			Name: "month-end-close", Title: "Month-end close", Tier: Important, CloseTier: Critical,
			Recovery: Recovery{RTO: 8 * hour, RPO: 15 * minute},
			Needs:    erp(),
			Work: []Work{{
				Source: ScheduledAction, Within: 4 * hour,
				Match: []string{"Account: Post draft entries*", "Accounting: Post draft entries*"},
				Says:  "automatic posting of draft entries due",
			}},
			Team: "finance-platform", Owner: "Close manager",
			Stops:      "Close milestones slip: entries due in the period are not posted.",
			Workaround: "Reorder close tasks, post provisional accruals, extend the soft close with approval.",
			DoFirst:    []string{"Check which milestone is due next.", "Check the scheduled actions listed above."},
			DoNot:      []string{"Do not change lock dates to make room: ask the close manager."},
		},
		{
			Name: "statutory-reporting", Title: "Statutory and VAT reporting", Tier: Important, CloseTier: Critical,
			Recovery:   Recovery{RTO: 24 * hour, RPO: 15 * minute},
			Needs:      erp(),
			Operations: []string{"account.report/export_file"},
			Team:       "finance-platform", Owner: "Tax lead",
			Stops:      "Returns cannot be generated or filed.",
			Workaround: "File in the authority's portal from the last good export and keep the receipt.",
			DoFirst:    []string{"Check the days left to the filing date.", "Check whether the filing was already acknowledged."},
			DoNot:      []string{"Do not file again after a timeout before looking for an acknowledgement."},
		},
		{
			Name: "subscription-billing", Title: "Subscription billing", Tier: Critical, CloseTier: Critical,
			Recovery: Recovery{RTO: 8 * hour, RPO: 15 * minute},
			Needs:    erp(),
			Work: []Work{{
				Source: ScheduledAction, Within: 8 * hour,
				Match: []string{"Generate Recurring Invoices*", "Sale Subscription: generate recurring invoices*"},
				Says:  "recurring invoices due",
			}},
			Team: "finance-platform", Owner: "AR lead",
			Stops:      "Recurring invoices are not generated.",
			Workaround: "Run the batch invoicing wizard for the due period, then check for duplicates by period.",
			DoFirst: []string{
				"Open Scheduled Actions and look at the action named above: is it active, when did it run last?",
				"Find out why it was switched off before switching it on again.",
			},
			DoNot: []string{"Do not run the action by hand while another run may be active: periods are invoiced twice."},
		},
		{
			Name: "procurement", Title: "Procurement", Tier: Important, CloseTier: Important,
			Recovery:   Recovery{RTO: 8 * hour, RPO: 1 * hour},
			Needs:      erp(),
			Operations: []string{"purchase.order/button_confirm", "stock.picking/button_validate"},
			Objectives: serviceLevel(0.99, 5*time.Second),
			Team:       "finance-platform", Owner: "Procurement lead",
			Stops:      "Purchase orders and receipts cannot be confirmed.",
			Workaround: "Keep a register of orders and receipts; accrue goods received not invoiced.",
			DoFirst:    []string{"Open the incident: at which step does it fail, and since which change?"},
			DoNot:      []string{"Do not confirm a receipt twice."},
		},
		{
			Name: "inventory-valuation", Title: "Inventory valuation", Tier: Important, CloseTier: Critical,
			Recovery:   Recovery{RTO: 24 * hour, RPO: 15 * minute},
			Needs:      erp(),
			Operations: []string{"stock.landed.cost/button_validate"},
			Team:       "finance-platform", Owner: "Inventory controller",
			Stops:      "Stock value and general ledger drift apart.",
			Workaround: "Freeze stock moves, process landed costs in smaller lots, post a reviewed manual adjustment.",
			DoFirst:    []string{"Open the incident: at which step does it fail, and since which change?"},
			DoNot:      []string{"Do not post a manual valuation entry without review."},
		},
		{
			Name: "reporting", Title: "Financial reporting", Tier: Important, CloseTier: Critical,
			Recovery:   Recovery{RTO: 8 * hour, RPO: 15 * minute},
			Needs:      erp(),
			Flows:      []string{"login", "reporting"},
			Operations: []string{"report"},
			Objectives: serviceLevel(0.99, 30*time.Second),
			Team:       "finance-platform", Owner: "Reporting lead",
			Stops:      "Financial reports cannot be produced.",
			Workaround: "Use the last good snapshot, stamped with its time; export to a spreadsheet instead of PDF.",
			DoFirst:    []string{"Open the incident: at which step does it fail, and since which change?", "Look for a heavy report that is still running."},
			DoNot:      []string{"Do not rerun the same heavy report from several screens."},
		},
		{
			Name: "e-invoicing", Title: "E-invoicing", Tier: Critical, CloseTier: Critical,
			Recovery: Recovery{RTO: 8 * hour, RPO: 15 * minute},
			Needs:    erp(),
			Work: []Work{{
				Source: QueueJobs, Within: 4 * hour,
				Match: []string{"*einvoice*", "*edi*", "*peppol*"},
				Says:  "e-invoices waiting to be sent",
			}},
			Team: "finance-platform", Owner: "AR lead",
			Stops:      "E-invoices are not sent to customers or authorities.",
			Workaround: "Use the authority's contingency mode or portal and keep the proof.",
			DoFirst: []string{
				"Restart the job runner only, not the whole of Odoo. Expect the first job to start within a minute.",
				"List jobs in state started and enqueued and their age.",
			},
			DoNot: []string{
				"Do not requeue jobs in state started before checking whether the document went out: it may be sent twice.",
				"Do not resend an e-invoice after a timeout: the authority may have accepted it.",
			},
		},
		{
			Name: "bank-feed", Title: "Bank feed", Tier: Important, CloseTier: Critical,
			Recovery: Recovery{RTO: 24 * hour, RPO: 24 * hour},
			Needs:    []Dependency{{Kind: "postgres", Role: Hard}, {Kind: "odoo", Role: Hard}},
			Work: []Work{{
				Source: ScheduledAction, Within: 12 * hour,
				Match: []string{"*online sync*", "*Fetch bank statements*", "*Bank Statement*Pull*"},
				Says:  "bank statements due",
			}},
			Team: "finance-platform", Owner: "Treasury lead",
			Stops:      "New bank statements do not arrive.",
			Workaround: "Download the statement from the bank and import it once; switch the feed off until duplicates are excluded.",
			DoFirst:    []string{"Check whether the bank consent has expired.", "Check the scheduled action named above."},
			DoNot:      []string{"Do not reconnect the feed and import a file for the same days: lines are doubled."},
		},
	}
}

// erp is what every process inside the ERP needs. Redis is soft by default:
// stock Odoo runs without it. An estate that keeps sessions there says hard.
func erp() []Dependency {
	return []Dependency{
		{Kind: "postgres", Role: Hard, Use: "system of record"},
		{Kind: "odoo", Role: Hard, Use: "application"},
		{Kind: "traefik", Role: Hard, Use: "ingress"},
		{Kind: "redis", Role: Soft, Use: "sessions and queues"},
	}
}

// serviceLevel is the usual pair: outcomes without error, and nineteen of
// twenty within the threshold.
func serviceLevel(availability float64, latency time.Duration) []Objective {
	return []Objective{
		{Name: "availability", Target: availability},
		{Name: "latency", Target: 0.95, Latency: latency},
	}
}
