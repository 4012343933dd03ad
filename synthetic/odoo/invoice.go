package odoo

import (
	"context"
	"errors"
	"slices"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// What the synthetic invoice says: two pieces, so that Odoo has something to
// multiply.
const (
	quantity  = 2
	unitPrice = 50.0
	untaxed   = amount(quantity * unitPrice)
)

// An invoice as Odoo reads it back.
type invoice struct {
	ID           int64     `json:"id"`
	Name         text      `json:"name"`
	State        string    `json:"state"`
	PaymentState text      `json:"payment_state"`
	Date         text      `json:"date"`
	Due          text      `json:"invoice_date_due"`
	Ref          text      `json:"ref"`
	Journal      reference `json:"journal_id"`
	Company      reference `json:"company_id"`
	Currency     reference `json:"currency_id"`
	PostedBefore bool      `json:"posted_before"`
	Untaxed      amount    `json:"amount_untaxed"`
	Tax          amount    `json:"amount_tax"`
	Total        amount    `json:"amount_total"`
	Residual     amount    `json:"amount_residual"`
}

var invoiceFields = []string{
	"name", "state", "payment_state", "date", "invoice_date_due", "ref", "journal_id", "company_id", "currency_id", "posted_before",
	"amount_untaxed", "amount_tax", "amount_total", "amount_residual",
}

// An item is a journal item as far as flows look at it.
type item struct {
	ID            int64     `json:"id"`
	Account       reference `json:"account_id"`
	AccountType   text      `json:"account_type"`
	Product       reference `json:"product_id"`
	Due           text      `json:"date_maturity"`
	Debit         amount    `json:"debit"`
	Credit        amount    `json:"credit"`
	Residual      amount    `json:"amount_residual"`
	Reconciled    bool      `json:"reconciled"`
	FullReconcile reference `json:"full_reconcile_id"`
}

var itemFields = []string{
	"account_id", "account_type", "product_id", "date_maturity",
	"debit", "credit", "amount_residual", "reconciled", "full_reconcile_id",
}

// createInvoice makes the draft and registers its deletion. What would keep it
// from being taken back without a trace is refused before.
func (t *transaction) createInvoice(ctx context.Context) (int64, error) {
	line := map[string]any{"name": "synthetic", "quantity": quantity, "price_unit": unitPrice}
	taxes := []int64{}
	if id := t.config.Synthetic.Tax; id != 0 {
		if err := t.r.Step(ctx, "read-tax", t.readTax); err != nil {
			return 0, err
		}
		taxes = append(taxes, id)
	}
	line["tax_ids"] = []any{[]any{6, 0, taxes}}
	if id := t.config.Synthetic.Product; id != 0 {
		line["product_id"] = id
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

// readTax learns the percentage of the configured tax.
func (t *transaction) readTax(ctx context.Context) error {
	var rows []struct {
		Type     string  `json:"amount_type"`
		Percent  float64 `json:"amount"`
		Included bool    `json:"price_include"`
		Due      text    `json:"tax_exigibility"`
	}
	fields := []string{"amount_type", "amount", "price_include", "tax_exigibility"}
	if err := t.call(ctx, "account.tax", "read", []any{[]int64{t.config.Synthetic.Tax}, fields}, nil, &rows); err != nil {
		return err
	}
	tax, err := one(rows, "the tax")
	if err != nil {
		return err
	}
	const hint = "configure another synthetic.tax, or none"
	switch {
	case tax.Type != "percent" || tax.Included:
		return &fault.Error{Op: "read the tax", Kind: fault.Rejected, Err: errors.New("it is not a percentage on top of the price"), Hint: hint}
	case tax.Due == "on_payment":
		return &fault.Error{Op: "read the tax", Kind: fault.Rejected, Err: errors.New("it falls due on payment: Odoo books entries of its own for it, which stay"), Hint: hint}
	}
	t.taxPercent = tax.Percent
	return nil
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

// readItems reads the items of an entry.
func (t *transaction) readItems(ctx context.Context, move int64) ([]item, error) {
	var items []item
	err := t.call(ctx, "account.move.line", "search_read", []any{[]any{[]any{"move_id", "=", move}}}, map[string]any{"fields": itemFields}, &items)
	return items, err
}

// receivableOf is the one item of an invoice on a receivable account.
func receivableOf(items []item) (item, error) {
	var rows []item
	for _, i := range items {
		if i.AccountType == "asset_receivable" {
			rows = append(rows, i)
		}
	}
	return one(rows, "the invoice's receivable item")
}

// balanced checks that an entry's debit equals its credit.
func balanced(items []item) error {
	t := balances{}.with(items).total()
	return flow.Assert(len(items) > 0 && t.Debit.equals(t.Credit), "the debit against the credit of the entry")
}

// verifyTotals checks what Odoo computed.
func (t *transaction) verifyTotals(ctx context.Context, v *verdict, inv invoice) error {
	tax := untaxed * amount(t.taxPercent) / 100
	if tax != 0 {
		unit, err := t.smallestCoin(ctx, inv.Currency)
		if err != nil {
			return err
		}
		tax = tax.rounded(unit)
	}
	v.check("totals",
		flow.Assert(inv.Untaxed.equals(untaxed), "the untaxed total"),
		flow.Assert(inv.Total.equals(untaxed+tax), "the total"),
	)
	v.check("tax", flow.Assert(inv.Tax.equals(tax), "the tax"))
	return nil
}

// smallestCoin is what a currency rounds to.
func (t *transaction) smallestCoin(ctx context.Context, currency reference) (amount, error) {
	var rows []struct {
		Rounding amount `json:"rounding"`
	}
	if err := t.call(ctx, "res.currency", "read", []any{[]int64{int64(currency)}, []string{"rounding"}}, nil, &rows); err != nil {
		return 0, err
	}
	c, err := one(rows, "the invoice's currency")
	return c.Rounding, err
}

// verifyPlace checks that the invoice is where and when it was asked to be.
func (t *transaction) verifyPlace(v *verdict, inv invoice) {
	v.check("place",
		flow.Assert(string(inv.Ref) == t.ref, "the reference"),
		flow.Assert(int64(inv.Company) == t.config.Synthetic.Company, "the company"),
		flow.Assert(int64(inv.Journal) == t.sale.ID, "the journal"),
	)
	v.check("date", flow.Assert(string(inv.Date) == t.today(), "the accounting date: Odoo moved it, as it does under a lock date"))
}

// verifyItems checks the double entry below the invoice.
func (t *transaction) verifyItems(v *verdict, inv invoice, items []item) {
	debit := balances{}.with(items).total().Debit
	v.check("balance", balanced(items), flow.Assert(debit.equals(inv.Total), "the debit of the entry against the total"))
	receivable, err := receivableOf(items)
	if err != nil {
		v.check("receivable", err)
		return
	}
	v.check("due",
		flow.Assert(inv.Due != "" && inv.Due >= inv.Date, "the due date"),
		// Without payment terms, 16 and 17 leave the item's own empty.
		flow.Assert(receivable.Due == "" || receivable.Due == inv.Due, "the due date of the receivable item"),
	)
	if id := t.config.Synthetic.Product; id != 0 {
		onLine := slices.ContainsFunc(items, func(i item) bool { return int64(i.Product) == id })
		v.check("product", flow.Assert(onLine, "the product on the line"))
	}
}
