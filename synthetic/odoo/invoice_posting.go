package odoo

import (
	"context"

	"github.com/closewatch/closewatch/internal/flow"
)

// InvoicePostingName is the name of the flow InvoicePosting.
const InvoicePostingName = "invoice-posting"

// InvoicePosting makes a customer invoice. At L1 it stays a draft; at L3 it is
// posted, verified, reset to draft and deleted, which gives its number back.
// The trial balance of the prober's own journals has to move by exactly the
// invoice, and to be as before once it is deleted.
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
		return []string{
			"failures of posting itself: numbering, hashing, payment terms, e-invoicing",
			"a lock date: Odoo refuses no draft for it, and moves the date only when posting",
			"trouble in real companies, journals and customers",
		}
	}
	return []string{
		"trouble in real companies, journals and customers: their taxes, numbering and size",
		"e-invoicing, mail and hashing, which are off in the synthetic company",
		"credit notes and vendor bills",
	}
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
		posted, err := t.verifyPosted(ctx, id)
		if err != nil {
			return err
		}
		return r.Step(ctx, "verify-reported", func(ctx context.Context) error { return t.verifyMoved(ctx, posted.items) })
	})
}

func (t *transaction) verifyDraft(ctx context.Context, id int64) error {
	inv, err := t.readInvoice(ctx, id)
	if err != nil {
		return err
	}
	items, err := t.readItems(ctx, id)
	if err != nil {
		return err
	}
	var v verdict
	v.say("state", inv.State)
	if err := t.verifyTotals(ctx, &v, inv); err != nil {
		return err
	}
	t.verifyPlace(&v, inv)
	t.verifyItems(&v, inv, items)
	v.check("draft",
		flow.Assert(inv.State == "draft", "the state of a new invoice"),
		flow.Assert(!inv.PostedBefore, "a new invoice that was posted before"),
	)
	t.r.Note("%s", v.note())
	return v.err()
}

// A posted invoice is its items, of which the receivable waits to be paid.
type posted struct {
	items      []item
	receivable item
}

// verifyPosted is the step that looks at an invoice which was just posted.
func (t *transaction) verifyPosted(ctx context.Context, id int64) (p posted, err error) {
	err = t.r.Step(ctx, "verify-posted", func(ctx context.Context) error {
		inv, err := t.readInvoice(ctx, id)
		if err != nil {
			return err
		}
		if p.items, err = t.readItems(ctx, id); err != nil {
			return err
		}
		var v verdict
		v.say("state", inv.State)
		v.say("payment_state", string(inv.PaymentState))
		if err := t.verifyTotals(ctx, &v, inv); err != nil {
			return err
		}
		t.verifyPlace(&v, inv)
		t.verifyItems(&v, inv, p.items)
		p.receivable, err = receivableOf(p.items)
		v.check("posted", err,
			flow.Assert(inv.State == "posted", "the state after posting"),
			flow.Assert(inv.PaymentState == "not_paid", "the payment state after posting"),
			flow.Assert(inv.Name != "" && inv.Name != "/", "the number after posting"),
		)
		v.check("residual",
			flow.Assert(inv.Residual.equals(inv.Total), "the invoice's residual after posting"),
			flow.Assert(p.receivable.Residual.equals(inv.Total) && !p.receivable.Reconciled, "the receivable's residual after posting"),
		)
		t.r.Note("%s", v.note())
		return v.err()
	})
	return p, err
}
