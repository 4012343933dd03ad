package process

// What is owed: suppliers, employees, authorities and what is ordered.

func supplierPaymentRun() Process {
	return Process{
		Name: "ap-bill-run", Title: "Supplier payment run", Tier: Important, CloseTier: Critical,
		Windows:          []Window{daysBefore(1, "the payment cut-off")},
		Recovery:         Recovery{RTO: 4 * hour, RPO: 1 * hour},
		CriticalRecovery: Recovery{RTO: 1 * hour, RPO: 15 * minute},
		Needs: erp(
			Dependency{Kind: Bank, Role: Hard, Use: "payment files"},
			Dependency{Kind: Documents, Role: Soft, Use: "bills by scan and exchange"},
		),
		Operations: []string{"account.batch.payment/validate_batch", "account.payment.order/open2generated"},
		Objectives: []Objective{
			{
				Name: "file", Kind: Deadline, Every: true, Says: "approved bills are in the bank file before its cut-off",
				Unmeasured: "no metric tells that a bank file was made or accepted",
			},
			{
				Name: "intake", Kind: Freshness, Target: 99 * Percent, Threshold: 4 * hour, Says: "bills received are in the system",
				Unmeasured: "no metric tells when a bill was received",
			},
		},
		Team: platform, Owner: "AP lead", Vendor: "the bank", Responsibility: Shared,
		Stops: "Approved bills do not reach the bank file before its cut-off.",
		Symptoms: []Symptom{
			{Says: "approvals pile up before the run"},
			{Says: "making the payment file ends in an error", By: ByUsers},
			{Says: "a supplier's bank account is refused as not valid"},
			{Says: "the bank has not confirmed the file"},
		},
		Meanwhile:       "go on approving bills and make no second payment file",
		Workaround:      "Pay critical vendors in the bank portal under dual control; rerun without the bills already paid.",
		WorkaroundAfter: 30 * minute,
		DoFirst:         []string{"Check the time left to the cut-off.", "Check whether a payment file was already produced."},
		DoNot: []string{
			"Do not generate or upload a second payment file before the first is confirmed rejected.",
			"Do not pay in the portal what is still in a file that may be accepted.",
		},
	}
}

func payroll() Process {
	return Process{
		Name: "payroll", Title: "Payroll", Tier: Standard, CloseTier: Critical,
		Windows:          []Window{daysBefore(2, "the payroll cut-off")},
		Recovery:         Recovery{RTO: 24 * hour, RPO: 24 * hour},
		CriticalRecovery: Recovery{RTO: 1 * hour, RPO: 0},
		Refetch:          "the bank's and the authority's records",
		Needs: erp(
			Dependency{Kind: Bank, Role: Hard, Use: "payroll file"},
			Dependency{Kind: Tax, Role: Hard, Use: "filing with the authority"},
		),
		Operations: []string{"hr.payslip.run/action_validate", "hr.payslip/action_payslip_done"},
		Objectives: []Objective{
			{
				Name: "file", Kind: Deadline, Every: true, Says: "payslips are computed and the file is sent before its cut-off",
				Unmeasured: "no metric tells that the payroll file was sent",
			},
			{
				Name: "filing", Kind: Deadline, Every: true, Says: "the filing is made on or before payday",
				Unmeasured: "no metric tells that the authority has the filing",
			},
		},
		Team: platform, Owner: "Payroll lead", Vendor: "the payroll bureau", Responsibility: Shared,
		Stops: "Payslips cannot be computed or the payroll file cannot be sent.",
		Symptoms: []Symptom{
			{Says: "computing a batch of payslips is cut off at the time limit", By: ByUsers},
			{Says: "the payroll journal entry is refused"},
			{Says: "the authority does not accept the filing"},
			{Says: "workers are busy and Odoo answers late", By: BySignal, Signal: "odoo_health_latency"},
		},
		Meanwhile:       "keep changes ready and send no second payroll file",
		Workaround:      "Agree with the payroll lead whether to repeat the last net pay and adjust, or to use the bureau.",
		WorkaroundAfter: 1 * hour,
		DoFirst:         []string{"Check the time left to the payroll cut-off.", "Check whether the payroll file was already sent."},
		DoNot: []string{
			"Do not send the payroll file twice.",
			"Do not file again after a timeout before looking for an acknowledgement.",
		},
	}
}

func statutoryReporting() Process {
	return Process{
		Name: "statutory-reporting", Title: "Statutory and VAT reporting", Tier: Important, CloseTier: Critical,
		Windows:          []Window{daysBefore(5, "the filing date")},
		Recovery:         Recovery{RTO: 24 * hour, RPO: 15 * minute},
		CriticalRecovery: Recovery{RTO: 2 * hour, RPO: 15 * minute},
		Needs:            erp(Dependency{Kind: Tax, Role: Hard, Use: "filing with the authority"}),
		Operations:       []string{"account.report/export_file"},
		Work: []Work{{ // eleven working days before WD+10 is the last of the period
			Source: Schedule, Within: 5 * day, Habit: true,
			Metric: "odoo_lock_date_timestamp_seconds", Labels: map[string]string{"lock": "tax"},
			Due: "WD+10 18:00", Done: Done{Dated: new(11)},
			Says: "tax lock date of the period to be set",
		}},
		Objectives: []Objective{
			{
				Name: "filed", Kind: Deadline, Every: true, Says: "the return is filed and acknowledged a working day before it is due",
				Unmeasured: "no metric tells that the authority has acknowledged the return",
			},
		},
		Team: platform, Owner: "Tax lead", Vendor: "the tax authority", Responsibility: Shared,
		Stops: "Returns cannot be generated or filed.",
		Symptoms: []Symptom{
			{Says: "an export is cut off at the time limit", By: ByUsers},
			{Says: "the tax lock date is not set although the return is filed", By: ByWork},
			{Says: "no acknowledgement comes back"},
			{Says: "a certificate for the authority has expired"},
		},
		Meanwhile:       "prepare returns and wait with filing",
		Workaround:      "File in the authority's portal from the last good export and keep the receipt.",
		WorkaroundAfter: 2 * hour,
		DoFirst:         []string{"Check the days left to the filing date.", "Check whether the filing was already acknowledged."},
		DoNot: []string{
			"Do not file again after a timeout before looking for an acknowledgement.",
			"Do not move the tax lock date to make an export pass: ask the tax lead.",
		},
	}
}

func procurement() Process {
	return Process{
		Name: "procurement", Title: "Procurement", Tier: Important, CloseTier: Important,
		Windows:    []Window{workingDays(-2, -2, "receipt cut-off")},
		Recovery:   Recovery{RTO: 8 * hour, RPO: 1 * hour},
		Needs:      erp(Dependency{Kind: Documents, Role: Soft, Use: "exchange with suppliers"}),
		Operations: []string{"purchase.order/button_confirm", "stock.picking/button_validate"},
		Objectives: append(serviceLevel(99*Percent, 5*second),
			Objective{
				Name: "exceptions", Kind: Freshness, Target: 95 * Percent, Threshold: 5 * day, Says: "differences between order, receipt and bill are settled",
				Unmeasured: "no metric tells of differences between order, receipt and bill",
			},
		),
		Team: platform, Owner: "Procurement lead", Responsibility: Provider,
		Stops: "Purchase orders and receipts cannot be confirmed.",
		Symptoms: []Symptom{
			{Says: "confirming orders or receipts ends in an error", By: ByUsers},
			{Says: "receipts are not valued"},
			{Says: "approvals are stuck"},
		},
		Meanwhile:       "keep a list of orders and receipts",
		Workaround:      "Keep a register of orders and receipts; accrue goods received not invoiced.",
		WorkaroundAfter: 2 * hour,
		DoFirst:         []string{openIncident},
		DoNot: []string{
			"Do not confirm a receipt twice.",
			"Do not send an order to a supplier again before asking whether it arrived.",
		},
	}
}
