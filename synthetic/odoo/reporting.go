package odoo

import (
	"context"

	"github.com/closewatch/closewatch/internal/flow"
)

// ReportingName is the name of the flow Reporting.
const ReportingName = "reporting"

// Reporting computes the trial balance of the synthetic company, by account
// and by journal, and verifies that debit equals credit and that both ways
// give the same figures of the same number of posted items. It only reads, and
// reads only what its user may.
//
// Between runs the company's books are as its owner left them, mostly empty:
// flows take back what they post. That posted items reach a trial balance is
// therefore verified where some are posted, by InvoicePosting at L3.
type Reporting struct{ p *Prober }

// NewReporting returns the flow on p's tenant.
func NewReporting(p *Prober) Reporting { return Reporting{p} }

// Name implements flow.Flow.
func (Reporting) Name() string { return ReportingName }

// Process implements flow.Flow.
func (Reporting) Process() string { return "reporting" }

// Levels implements flow.Flow.
func (Reporting) Levels() []flow.Level { return levels[ReportingName] }

// CannotDetect implements flow.Limiter.
func (Reporting) CannotDetect(flow.Level) []string {
	return []string{
		"reports over real companies, whose size decides their duration",
		"wrong sums while the synthetic company's books are empty; each run notes over how many accounts it summed",
		"printing: PDF and spreadsheet exports; and the report pages of Enterprise, which compute in their own way",
	}
}

// maxReadings bounds how often sums are read anew because the books moved
// meanwhile.
const maxReadings = 3

// Run implements flow.Flow.
func (f Reporting) Run(ctx context.Context, _ flow.Level, r *flow.Recorder) error {
	if err := r.Step(ctx, "log-in", func(ctx context.Context) error { _, err := f.p.client.UserID(ctx); return err }); err != nil {
		return err
	}
	var accounts balances
	err := r.Step(ctx, "compute-trial-balance", func(ctx context.Context) (err error) {
		accounts, err = f.p.trialBalance(ctx, "account_id")
		r.Note("accounts=%d", len(accounts))
		return err
	})
	if err != nil {
		return err
	}
	err = r.Step(ctx, "verify-trial-balance", func(context.Context) error {
		var v verdict
		total := accounts.total()
		v.check("balance", flow.Assert(same(total.Debit, total.Credit), "debit against credit of the trial balance"))
		r.Note("%s", v.note())
		return v.err()
	})
	if err != nil {
		return err
	}
	return r.Step(ctx, "verify-journal-totals", func(ctx context.Context) error { return f.verifyJournals(ctx, r, accounts) })
}

// verifyJournals checks that journals add up to what accounts do. Somebody may
// post between two readings: only sums before and after which the accounts
// were the same are compared.
func (f Reporting) verifyJournals(ctx context.Context, r *flow.Recorder, accounts balances) error {
	for range maxReadings {
		journals, err := f.p.trialBalance(ctx, "journal_id")
		if err != nil {
			return err
		}
		if journals.total().equals(accounts.total()) {
			r.Note("journals=%d totals=ok", len(journals))
			return nil
		}
		again, err := f.p.trialBalance(ctx, "account_id")
		if err != nil {
			return err
		}
		if again.equal(accounts) {
			r.Note("journals=%d totals=wrong", len(journals))
			return flow.Assert(false, "the totals of the journals against those of the accounts")
		}
		accounts = again
	}
	r.Note("totals=moving") // not comparable while others post, and no fault
	return nil
}
