package odoo

import (
	"context"
	"math"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// ReportingName is the name of the flow Reporting.
const ReportingName = "reporting"

// Reporting computes the trial balance of the synthetic company and verifies
// that debit equals credit. It only reads, and reads only what its user may.
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
	return []string{"reports over real companies, whose size decides their duration", "printing: PDF and spreadsheet exports"}
}

// Run implements flow.Flow.
func (f Reporting) Run(ctx context.Context, _ flow.Level, r *flow.Recorder) error {
	if err := r.Step(ctx, "log-in", func(ctx context.Context) error { _, err := f.p.client.UserID(ctx); return err }); err != nil {
		return err
	}
	var balance []balanceRow
	err := r.Step(ctx, "compute-trial-balance", func(ctx context.Context) (err error) {
		balance, err = f.p.trialBalance(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return r.Step(ctx, "verify-trial-balance", func(context.Context) error {
		r.Note("accounts=%d", len(balance))
		return verifyBalance(balance)
	})
}

// A balanceRow is one account of a trial balance.
type balanceRow struct{ Debit, Credit float64 }

// trialBalance sums posted items by account, as Odoo's report does: by
// read_group up to 18, by its successor where that is gone.
func (p *Prober) trialBalance(ctx context.Context) ([]balanceRow, error) {
	domain := []any{[]any{"company_id", "=", p.config.Synthetic.Company}, []any{"parent_state", "=", "posted"}}
	var grouped []struct {
		Debit  amount `json:"debit"`
		Credit amount `json:"credit"`
	}
	err := p.call(ctx, "account.move.line", "read_group",
		[]any{domain, []string{"debit:sum", "credit:sum"}, []string{"account_id"}}, map[string]any{"lazy": false}, &grouped)
	if fault.KindOf(err) == fault.Schema {
		return p.trialBalanceFormatted(ctx, domain)
	}
	rows := make([]balanceRow, len(grouped))
	for i, g := range grouped {
		rows[i] = balanceRow{float64(g.Debit), float64(g.Credit)}
	}
	return rows, err
}

func (p *Prober) trialBalanceFormatted(ctx context.Context, domain []any) ([]balanceRow, error) {
	var grouped []struct {
		Debit  amount `json:"debit:sum"`
		Credit amount `json:"credit:sum"`
	}
	err := p.call(ctx, "account.move.line", "formatted_read_group",
		[]any{domain}, map[string]any{"groupby": []string{"account_id"}, "aggregates": []string{"debit:sum", "credit:sum"}}, &grouped)
	rows := make([]balanceRow, len(grouped))
	for i, g := range grouped {
		rows[i] = balanceRow{float64(g.Debit), float64(g.Credit)}
	}
	return rows, err
}

// verifyBalance checks that the books balance, to the cent and the rounding of
// a float.
func verifyBalance(rows []balanceRow) error {
	var debit, credit float64
	for _, row := range rows {
		debit += row.Debit
		credit += row.Credit
	}
	tolerance := 0.005 + 1e-12*math.Abs(debit)
	return flow.Assert(math.Abs(debit-credit) <= tolerance, "debit against credit of the trial balance")
}
