package load

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// An invoice is one that was posted.
type invoice struct {
	id, customer int64
	amount       float64
}

// sell posts an invoice and does with it what the mix says.
func (c *client) sell(ctx context.Context) error {
	inv, err := c.invoice(ctx)
	if err != nil {
		return err
	}
	mix := c.opts.Mix
	if rand.Float64() < mix.Sent {
		if err := c.send(ctx, inv); err != nil {
			return err
		}
	}
	if rand.Float64() < mix.Printed {
		if err := c.print(ctx, inv); err != nil {
			return err
		}
	}
	switch money := rand.Float64(); {
	case money < mix.Paid:
		return c.pay(ctx, inv)
	case money < mix.Paid+mix.Reconciled:
		return c.reconcile(ctx, inv)
	}
	return nil
}

func (c *client) invoice(ctx context.Context) (invoice, error) {
	_, p, err := c.session(ctx)
	if err != nil {
		return invoice{}, err
	}
	inv := invoice{customer: p.customers[rand.IntN(len(p.customers))], amount: float64(10 + rand.IntN(990))}
	today := time.Now().UTC().Format(time.DateOnly)
	err = c.call(ctx, &inv.id, "account.move", "create", []any{map[string]any{
		"move_type": "out_invoice", "journal_id": p.saleJournal, "partner_id": inv.customer, "invoice_date": today, "date": today,
		"invoice_line_ids": []any{[]any{0, 0, map[string]any{"name": "Services", "quantity": 1, "price_unit": inv.amount, "tax_ids": []any{[]any{6, 0, []any{}}}}}},
	}}, nil)
	if err != nil {
		return inv, err
	}
	if err := c.call(ctx, nil, "account.move", "action_post", []any{[]int64{inv.id}}, nil); err != nil {
		return inv, err
	}
	c.stats.add(func(s *Stats) { s.Invoices++ })
	var read []struct {
		State string `json:"state"`
	}
	if err := c.call(ctx, &read, "account.move", "read", []any{[]int64{inv.id}, []string{"name", "state", "payment_state", "amount_total"}}, nil); err != nil {
		return inv, err
	}
	if len(read) != 1 || read[0].State != "posted" {
		return inv, &fault.Error{Op: "post an invoice", Kind: fault.Assertion, Err: fmt.Errorf("it reads as %v", read)}
	}
	return inv, nil
}

func (c *client) send(ctx context.Context, inv invoice) error {
	var wizard int64
	on := map[string]any{"context": map[string]any{"active_model": "account.move", "active_ids": []int64{inv.id}}}
	if err := c.call(ctx, &wizard, "account.move.send.wizard", "create", []any{map[string]any{"move_id": inv.id}}, on); err != nil {
		return err
	}
	if err := c.call(ctx, nil, "account.move.send.wizard", "action_send_and_print", []any{[]int64{wizard}}, on); err != nil {
		return err
	}
	c.stats.add(func(s *Stats) { s.Sent++ })
	return nil
}

func (c *client) pay(ctx context.Context, inv invoice) error {
	_, p, err := c.session(ctx)
	if err != nil {
		return err
	}
	var wizard int64
	on := map[string]any{"context": map[string]any{"active_model": "account.move", "active_ids": []int64{inv.id}, "dont_redirect_to_payments": true}}
	if err := c.call(ctx, &wizard, "account.payment.register", "create", []any{map[string]any{"journal_id": p.bankJournal}}, on); err != nil {
		return err
	}
	if err := c.call(ctx, nil, "account.payment.register", "action_create_payments", []any{[]int64{wizard}}, on); err != nil {
		return err
	}
	c.stats.add(func(s *Stats) { s.Payments++ })
	return nil
}

// reconcile imports the bank line that pays the invoice and matches the two.
func (c *client) reconcile(ctx context.Context, inv invoice) error {
	_, p, err := c.session(ctx)
	if err != nil {
		return err
	}
	var receivables []struct {
		ID      int64 `json:"id"`
		Account []any `json:"account_id"`
	}
	if err := c.call(ctx, &receivables, "account.move.line", "search_read",
		[]any{[]any{[]any{"move_id", "=", inv.id}, []any{"account_id.account_type", "=", "asset_receivable"}}},
		map[string]any{"fields": []string{"account_id", "amount_residual"}}); err != nil {
		return err
	}
	if len(receivables) != 1 || len(receivables[0].Account) == 0 {
		return &fault.Error{Op: "match an invoice", Kind: fault.Assertion, Err: fmt.Errorf("%d receivable items", len(receivables))}
	}
	var line int64
	if err := c.call(ctx, &line, "account.bank.statement.line", "create", []any{map[string]any{
		"journal_id": p.bankJournal, "date": time.Now().UTC().Format(time.DateOnly), "payment_ref": "transfer", "amount": inv.amount, "partner_id": inv.customer,
	}}, nil); err != nil {
		return err
	}
	c.stats.add(func(s *Stats) { s.BankLines++ })
	var suspense []int64
	if err := c.call(ctx, &suspense, "account.move.line", "search",
		[]any{[]any{[]any{"statement_line_id", "=", line}, []any{"account_id", "=", p.suspense}}}, nil); err != nil {
		return err
	}
	if len(suspense) != 1 {
		return &fault.Error{Op: "match a bank line", Kind: fault.Assertion, Err: fmt.Errorf("%d suspense items", len(suspense))}
	}
	if err := c.call(ctx, nil, "account.move.line", "write", []any{suspense, map[string]any{"account_id": receivables[0].Account[0]}}, nil); err != nil {
		return err
	}
	if err := c.call(ctx, nil, "account.move.line", "reconcile", []any{[]int64{suspense[0], receivables[0].ID}}, nil); err != nil {
		return err
	}
	c.stats.add(func(s *Stats) { s.Reconciled++ })
	return nil
}

// browse reads what a bookkeeper looks at in the morning.
func (c *client) browse(ctx context.Context) error {
	reads := []func() error{
		func() error {
			return c.call(ctx, nil, "account.move", "search_read", []any{[]any{[]any{"state", "=", "posted"}, []any{"payment_state", "!=", "paid"}}},
				map[string]any{"fields": []string{"name", "date", "payment_state", "amount_residual"}, "limit": 40})
		},
		func() error {
			return c.call(ctx, nil, "account.bank.statement.line", "search_count", []any{[]any{[]any{"is_reconciled", "=", false}}}, nil)
		},
		func() error {
			return c.call(ctx, nil, "account.move.line", "read_group",
				[]any{[]any{[]any{"parent_state", "=", "posted"}, []any{"date", ">=", time.Now().UTC().AddDate(0, -1, 0).Format(time.DateOnly)}}, []string{"debit", "credit", "balance"}, []string{"account_id"}}, nil)
		},
	}
	for _, read := range reads {
		if err := read(); err != nil {
			return err
		}
		c.stats.add(func(s *Stats) { s.Reads++ })
	}
	return nil
}

// print downloads the invoice as PDF.
func (c *client) print(ctx context.Context, inv invoice) error {
	cookie, _, err := c.session(ctx)
	if err != nil {
		return err
	}
	resp, err := c.do(ctx, http.MethodGet, fmt.Sprintf("/report/pdf/account.report_invoice/%d", inv.id), cookie, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/pdf" {
		return &fault.Error{Op: "print an invoice", Kind: fault.Unavailable, Err: fmt.Errorf("status %d", resp.StatusCode)}
	}
	c.stats.add(func(s *Stats) { s.Printed++ })
	return nil
}
