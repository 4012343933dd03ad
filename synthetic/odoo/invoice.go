package odoo

import (
	"context"
	"errors"
	"math"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// What the synthetic invoice says: two pieces, so that Odoo has something to
// multiply.
const (
	quantity  = 2
	unitPrice = 50.0
)

// An invoice as Odoo reads it back.
type invoice struct {
	ID           int64     `json:"id"`
	Name         text      `json:"name"`
	State        string    `json:"state"`
	PaymentState text      `json:"payment_state"`
	Date         text      `json:"date"`
	Ref          text      `json:"ref"`
	Journal      reference `json:"journal_id"`
	Company      reference `json:"company_id"`
	PostedBefore bool      `json:"posted_before"`
	Untaxed      amount    `json:"amount_untaxed"`
	Tax          amount    `json:"amount_tax"`
	Total        amount    `json:"amount_total"`
	Residual     amount    `json:"amount_residual"`
}

var invoiceFields = []string{
	"name", "state", "payment_state", "date", "ref", "journal_id", "company_id", "posted_before",
	"amount_untaxed", "amount_tax", "amount_total", "amount_residual",
}

// createInvoice makes the draft and registers its deletion.
func (t *transaction) createInvoice(ctx context.Context) (int64, error) {
	taxes := []int64{}
	if id := t.config.Synthetic.Tax; id != 0 {
		taxes = append(taxes, id)
	}
	line := map[string]any{
		"name": "synthetic", "quantity": quantity, "price_unit": unitPrice,
		"tax_ids": []any{[]any{6, 0, taxes}},
	}
	values := map[string]any{
		"move_type": "out_invoice", "journal_id": t.sale.ID, "partner_id": t.partner.ID,
		"invoice_date": t.today(), "date": t.today(), "ref": t.ref,
		"invoice_line_ids": []any{[]any{0, 0, line}},
	}
	var id int64
	if err := t.write(ctx, "create-invoice", "account.move", "create", []any{values}, &id); err != nil {
		return 0, err
	}
	t.undo("delete-invoice", "account.move", "unlink", id)
	return id, nil
}

// postInvoice posts the draft and registers its return to one.
func (t *transaction) postInvoice(ctx context.Context, id int64) error {
	if err := t.write(ctx, "post-invoice", "account.move", "action_post", []any{[]int64{id}}, nil); err != nil {
		return err
	}
	t.undo("reset-invoice", "account.move", "button_draft", id)
	return nil
}

func (t *transaction) readInvoice(ctx context.Context, id int64) (invoice, error) {
	var rows []invoice
	if err := t.call(ctx, "account.move", "read", []any{[]int64{id}, invoiceFields}, nil, &rows); err != nil {
		return invoice{}, err
	}
	return one(rows, "the invoice")
}

// verifyTotals checks what Odoo computed, and that the invoice is where and
// when it was asked to be.
func (t *transaction) verifyTotals(ctx context.Context, inv invoice) error {
	tax, err := t.expectedTax(ctx)
	if err != nil {
		return err
	}
	const untaxed = amount(quantity * unitPrice)
	return errors.Join(
		flow.Assert(inv.Untaxed.equals(untaxed), "the untaxed total"),
		flow.Assert(inv.Tax.equals(tax), "the tax"),
		flow.Assert(inv.Total.equals(untaxed+tax), "the total"),
		flow.Assert(string(inv.Ref) == t.ref, "the reference"),
		flow.Assert(int64(inv.Company) == t.config.Synthetic.Company, "the company"),
		flow.Assert(int64(inv.Journal) == t.sale.ID, "the journal"),
		flow.Assert(string(inv.Date) == t.today(), "the accounting date: Odoo moved it, as it does under a lock date"),
	)
}

// expectedTax computes the tax from the configured tax's percentage.
func (t *transaction) expectedTax(ctx context.Context) (amount, error) {
	id := t.config.Synthetic.Tax
	if id == 0 {
		return 0, nil
	}
	var rows []struct {
		Type     string  `json:"amount_type"`
		Percent  float64 `json:"amount"`
		Included bool    `json:"price_include"`
	}
	if err := t.call(ctx, "account.tax", "read", []any{[]int64{id}, []string{"amount_type", "amount", "price_include"}}, nil, &rows); err != nil {
		return 0, err
	}
	tax, err := one(rows, "the tax")
	if err != nil {
		return 0, err
	}
	if tax.Type != "percent" || tax.Included {
		return 0, &fault.Error{Op: "read the tax", Kind: fault.Rejected, Err: errors.New("it is not a percentage on top of the price"), Hint: "configure another synthetic.tax, or none"}
	}
	return amount(math.Round(quantity*unitPrice*tax.Percent) / 100), nil
}
