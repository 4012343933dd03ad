package odoo

import (
	"context"
	"errors"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// BankReconciliationName is the name of the flow BankReconciliation.
const BankReconciliationName = "bank-reconciliation"

// BankReconciliation posts an invoice, books a bank statement line over its
// total, reconciles the two and verifies that the receivable is closed and that
// nothing waits on the suspense account any more. Then everything is taken
// back, and the trial balance of the prober's journals has to be as before.
// There is no L1: a statement line is posted as soon as it exists.
type BankReconciliation struct{ p *Prober }

// NewBankReconciliation returns the flow on p's tenant.
func NewBankReconciliation(p *Prober) BankReconciliation { return BankReconciliation{p} }

// Name implements flow.Flow.
func (BankReconciliation) Name() string { return BankReconciliationName }

// Process implements flow.Flow.
func (BankReconciliation) Process() string { return "bank-reconciliation" }

// Levels implements flow.Flow.
func (BankReconciliation) Levels() []flow.Level { return levels[BankReconciliationName] }

// CannotDetect implements flow.Limiter.
func (BankReconciliation) CannotDetect(flow.Level) []string {
	return []string{
		"the bank feed, and the models which match real statement lines",
		"the reconciliation page of Enterprise, which Community lacks: the two items are matched by the call below it",
		"differences: write-offs, currencies, early payment discounts",
		"trouble in real companies, journals and customers",
	}
}

// Run implements flow.Flow.
func (f BankReconciliation) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	return f.p.transact(ctx, f.Name(), level, r, func(ctx context.Context, t *transaction) error {
		if t.bank.ID == 0 {
			return notFound("bank journal", "synthetic.bankJournal")
		}
		inv, err := t.createInvoice(ctx)
		if err != nil {
			return err
		}
		if err := t.postInvoice(ctx, inv); err != nil {
			return err
		}
		p, err := t.verifyPosted(ctx, inv)
		if err != nil {
			return err
		}
		return t.reconcileWithBank(ctx, inv, p.receivable)
	})
}

// reconcileWithBank pays the invoice by a statement line and matches the two.
func (t *transaction) reconcileWithBank(ctx context.Context, inv int64, receivable item) error {
	line, err := t.createStatementLine(ctx, receivable.Residual)
	if err != nil {
		return err
	}
	var entry int64
	var suspense item
	err = t.r.Step(ctx, "find-suspense-line", func(ctx context.Context) (err error) {
		entry, suspense, err = t.findSuspense(ctx, line, receivable.Residual)
		return err
	})
	if err != nil {
		return err
	}
	t.undo("undo-reconciliation", "account.bank.statement.line", "action_undo_reconciliation", line)
	values := map[string]any{"account_id": int64(receivable.Account)}
	if err := t.write(ctx, "assign-receivable-account", "account.move.line", "write", []any{[]int64{suspense.ID}, values}, nil); err != nil {
		return err
	}
	if err := t.write(ctx, "reconcile", "account.move.line", "reconcile", []any{[]int64{suspense.ID, receivable.ID}}, nil); err != nil {
		return err
	}
	return t.r.Step(ctx, "verify-reconciled", func(ctx context.Context) error {
		return t.verifyReconciled(ctx, inv, entry)
	})
}

// createStatementLine books the money as the bank would report it, and
// registers the line's deletion.
func (t *transaction) createStatementLine(ctx context.Context, total amount) (int64, error) {
	values := map[string]any{
		"journal_id": t.bank.ID, "date": t.today(), "payment_ref": t.ref, "ref": t.ref,
		"amount": float64(total), "partner_id": t.partner.ID,
	}
	var id int64
	if err := t.write(ctx, "create-statement-line", "account.bank.statement.line", "create", []any{values}, &id); err != nil {
		return 0, err
	}
	t.undo("delete-statement-line", "account.bank.statement.line", "unlink", id)
	return id, nil
}

// findSuspense finds the entry of a fresh statement line, and in it the item
// that waits on the journal's suspense account.
func (t *transaction) findSuspense(ctx context.Context, line int64, total amount) (entry int64, suspense item, err error) {
	if t.bank.Suspense == 0 {
		return 0, item{}, &fault.Error{Op: "find the suspense item", Kind: fault.Rejected, Err: errors.New("the bank journal has no suspense account"), Hint: "set one on the journal under synthetic.bankJournal"}
	}
	var lines []struct {
		Move reference `json:"move_id"`
		Date text      `json:"date"`
	}
	if err := t.call(ctx, "account.bank.statement.line", "read", []any{[]int64{line}, []string{"move_id", "date"}}, nil, &lines); err != nil {
		return 0, item{}, err
	}
	created, err := one(lines, "the statement line")
	if err != nil {
		return 0, item{}, err
	}
	items, err := t.readItems(ctx, int64(created.Move))
	if err != nil {
		return 0, item{}, err
	}
	suspense, err = one(onAccount(items, t.bank.Suspense), "the statement line's suspense item")
	if err != nil {
		return 0, item{}, err
	}
	var v verdict
	v.check("date", flow.Assert(string(created.Date) == t.today(), "the statement line's date: Odoo moved it, as it does under a lock date"))
	v.check("balance", balanced(items))
	v.check("suspense", flow.Assert((suspense.Credit-suspense.Debit).equals(total), "the amount on the suspense account"))
	t.r.Note("%s", v.note())
	return int64(created.Move), suspense, v.err()
}

// onAccount selects the items on an account.
func onAccount(items []item, account reference) []item {
	var on []item
	for _, i := range items {
		if i.Account == account {
			on = append(on, i)
		}
	}
	return on
}

// verifyReconciled looks at the receivable, the invoice and the statement
// line's entry. The statement line's own is_reconciled proves nothing: it only
// says that no item waits on the suspense account.
func (t *transaction) verifyReconciled(ctx context.Context, inv, entry int64) error {
	paid, err := t.readInvoice(ctx, inv)
	if err != nil {
		return err
	}
	items, err := t.readItems(ctx, inv)
	if err != nil {
		return err
	}
	receivable, err := receivableOf(items)
	if err != nil {
		return err
	}
	booked, err := t.readItems(ctx, entry)
	if err != nil {
		return err
	}
	var v verdict
	v.say("payment_state", string(paid.PaymentState))
	v.check("paid", paidState(paid))
	v.check("residual", settled(paid, receivable))
	v.check("suspense", flow.Assert(len(onAccount(booked, t.bank.Suspense)) == 0, "the items left on the suspense account"))
	v.check("balance", balanced(booked))
	t.r.Note("%s", v.note())
	return v.err()
}
