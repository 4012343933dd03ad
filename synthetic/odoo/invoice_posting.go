package odoo

import (
	"context"
	"errors"

	"github.com/closewatch/closewatch/internal/flow"
)

// InvoicePostingName is the name of the flow InvoicePosting.
const InvoicePostingName = "invoice-posting"

// InvoicePosting makes a customer invoice. At L1 it stays a draft; at L3 it is
// posted, verified, reset to draft and deleted, which gives its number back.
type InvoicePosting struct{ p *Prober }

// NewInvoicePosting returns the flow on p's tenant.
func NewInvoicePosting(p *Prober) InvoicePosting { return InvoicePosting{p} }

// Name implements flow.Flow.
func (InvoicePosting) Name() string { return InvoicePostingName }

// Process implements flow.Flow.
func (InvoicePosting) Process() string { return "invoice-posting" }

// Levels implements flow.Flow.
func (InvoicePosting) Levels() []flow.Level { return levels[InvoicePostingName] }

// CannotDetect implements flow.Limiter.
func (InvoicePosting) CannotDetect(level flow.Level) []string {
	if level == flow.L1 {
		return []string{"failures of posting itself: numbering, hashing, payment terms, e-invoicing", "trouble in real companies, journals and customers"}
	}
	return []string{"trouble in real companies, journals and customers", "e-invoicing and mail, which are off in the synthetic company"}
}

// Run implements flow.Flow.
func (f InvoicePosting) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	return f.p.transact(ctx, f.Name(), level, r, func(ctx context.Context, t *transaction) error {
		id, err := t.createInvoice(ctx)
		if err != nil {
			return err
		}
		if level == flow.L1 {
			return r.Step(ctx, "verify-draft", func(ctx context.Context) error { return t.verifyDraft(ctx, id) })
		}
		if err := t.postInvoice(ctx, id); err != nil {
			return err
		}
		return r.Step(ctx, "verify-posted", func(ctx context.Context) error { return t.verifyPosted(ctx, id) })
	})
}

func (t *transaction) verifyDraft(ctx context.Context, id int64) error {
	inv, err := t.readInvoice(ctx, id)
	if err != nil {
		return err
	}
	t.r.Note("state=%s", inv.State)
	return errors.Join(
		flow.Assert(inv.State == "draft", "the state of a new invoice"),
		flow.Assert(!inv.PostedBefore, "a new invoice that was posted before"),
		t.verifyTotals(ctx, inv),
	)
}

func (t *transaction) verifyPosted(ctx context.Context, id int64) error {
	inv, err := t.readInvoice(ctx, id)
	if err != nil {
		return err
	}
	t.r.Note("state=%s payment_state=%s", inv.State, inv.PaymentState)
	return errors.Join(
		flow.Assert(inv.State == "posted", "the state after posting"),
		flow.Assert(inv.PaymentState == "not_paid", "the payment state after posting"),
		flow.Assert(inv.Name != "" && inv.Name != "/", "the number after posting"),
		flow.Assert(inv.Residual.equals(inv.Total), "the residual after posting"),
		t.verifyTotals(ctx, inv),
	)
}
