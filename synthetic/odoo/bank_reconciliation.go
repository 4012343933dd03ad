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
// total, reconciles the two and verifies that the receivable is closed. Then
// everything is taken back. There is no L1: a statement line is posted as soon
// as it exists.
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
	return []string{"the bank feed and reconciliation models, which match real statement lines", "trouble in real companies, journals and customers"}
}

// An item is a journal item as far as reconciliation cares.
type item struct {
	ID            int64     `json:"id"`
	Account       reference `json:"account_id"`
	Residual      amount    `json:"amount_residual"`
	Reconciled    bool      `json:"reconciled"`
	FullReconcile reference `json:"full_reconcile_id"`
}

var itemFields = []string{"account_id", "amount_residual", "reconciled", "full_reconcile_id"}

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
		return t.reconcileWithBank(ctx, inv)
	})
}

// reconcileWithBank pays the invoice by a statement line and matches the two.
func (t *transaction) reconcileWithBank(ctx context.Context, inv int64) error {
	var receivable, suspense item
	var total amount
	err := t.r.Step(ctx, "read-receivable", func(ctx context.Context) (err error) {
		receivable, total, err = t.readReceivable(ctx, inv)
		return err
	})
	if err != nil {
		return err
	}
	line, err := t.createStatementLine(ctx, total)
	if err != nil {
		return err
	}
	err = t.r.Step(ctx, "find-suspense-line", func(ctx context.Context) (err error) {
		suspense, err = t.findSuspense(ctx, line)
		return err
	})
	if err != nil {
		return err
	}
	values := map[string]any{"account_id": int64(receivable.Account)}
	if err := t.write(ctx, "assign-receivable-account", "account.move.line", "write", []any{[]int64{suspense.ID}, values}, nil); err != nil {
		return err
	}
	if err := t.write(ctx, "reconcile", "account.move.line", "reconcile", []any{[]int64{suspense.ID, receivable.ID}}, nil); err != nil {
		return err
	}
	t.undo("undo-reconciliation", "account.bank.statement.line", "action_undo_reconciliation", line)
	return t.r.Step(ctx, "verify-reconciled", func(ctx context.Context) error {
		return t.verifyReconciled(ctx, inv, receivable.ID)
	})
}

// readReceivable finds the invoice's item on the receivable account.
func (t *transaction) readReceivable(ctx context.Context, inv int64) (item, amount, error) {
	posted, err := t.readInvoice(ctx, inv)
	if err != nil {
		return item{}, 0, err
	}
	domain := []any{[]any{"move_id", "=", inv}, []any{"account_id.account_type", "=", "asset_receivable"}}
	var rows []item
	if err := t.call(ctx, "account.move.line", "search_read", []any{domain}, map[string]any{"fields": itemFields}, &rows); err != nil {
		return item{}, 0, err
	}
	receivable, err := one(rows, "the invoice's receivable item")
	if err != nil {
		return item{}, 0, err
	}
	return receivable, posted.Total, errors.Join(
		flow.Assert(posted.State == "posted", "the state after posting"),
		flow.Assert(receivable.Residual.equals(posted.Total), "the receivable's residual before reconciliation"),
	)
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

// findSuspense finds the item of a fresh statement line that waits on the
// journal's suspense account.
func (t *transaction) findSuspense(ctx context.Context, line int64) (item, error) {
	if t.bank.Suspense == 0 {
		return item{}, &fault.Error{Op: "find the suspense item", Kind: fault.Rejected, Err: errors.New("the bank journal has no suspense account"), Hint: "set one on the journal under synthetic.bankJournal"}
	}
	var lines []struct {
		Move reference `json:"move_id"`
		Date text      `json:"date"`
	}
	if err := t.call(ctx, "account.bank.statement.line", "read", []any{[]int64{line}, []string{"move_id", "date"}}, nil, &lines); err != nil {
		return item{}, err
	}
	created, err := one(lines, "the statement line")
	if err != nil {
		return item{}, err
	}
	domain := []any{[]any{"move_id", "=", int64(created.Move)}, []any{"account_id", "=", int64(t.bank.Suspense)}}
	var rows []item
	if err := t.call(ctx, "account.move.line", "search_read", []any{domain}, map[string]any{"fields": itemFields}, &rows); err != nil {
		return item{}, err
	}
	suspense, err := one(rows, "the statement line's suspense item")
	if err != nil {
		return item{}, err
	}
	return suspense, flow.Assert(string(created.Date) == t.today(), "the statement line's date: Odoo moved it, as it does under a lock date")
}

// verifyReconciled looks at the receivable and the invoice. The statement
// line's own is_reconciled proves nothing: it only says that no item waits on
// the suspense account.
func (t *transaction) verifyReconciled(ctx context.Context, inv, receivable int64) error {
	var rows []item
	if err := t.call(ctx, "account.move.line", "read", []any{[]int64{receivable}, itemFields}, nil, &rows); err != nil {
		return err
	}
	open, err := one(rows, "the receivable item")
	if err != nil {
		return err
	}
	paid, err := t.readInvoice(ctx, inv)
	if err != nil {
		return err
	}
	t.r.Note("payment_state=%s full_reconcile=%t", paid.PaymentState, open.FullReconcile != 0)
	return errors.Join(
		flow.Assert(open.Residual.equals(0), "the receivable's residual after reconciliation"),
		flow.Assert(open.Reconciled, "the receivable's reconciled flag"),
		flow.Assert(open.FullReconcile != 0, "the receivable's full reconciliation"),
		flow.Assert(paid.PaymentState == "paid" || paid.PaymentState == "in_payment", "the invoice's payment state after reconciliation"),
		flow.Assert(paid.Residual.equals(0), "the invoice's residual after reconciliation"),
	)
}
