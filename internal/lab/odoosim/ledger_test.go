package odoosim_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// newInvoice creates a draft invoice of one line without tax.
func (u *user) newInvoice(journal, partner int, price float64) int64 {
	u.t.Helper()
	var id int64
	u.call(&id, "account.move", "create", []any{map[string]any{
		"move_type": "out_invoice", "journal_id": journal, "partner_id": partner, "invoice_date": time.Now().UTC().Format(time.DateOnly),
		"invoice_line_ids": []any{[]any{0, 0, map[string]any{"name": "work", "quantity": 1, "price_unit": price, "tax_ids": []any{[]any{6, 0, []any{}}}}}},
	}}, nil)
	return id
}

func (u *user) post(id int64) {
	u.t.Helper()
	u.call(nil, "account.move", "action_post", []any{[]int64{id}}, nil)
}

type moveView struct {
	Name         any     `json:"name"`
	State        string  `json:"state"`
	PaymentState string  `json:"payment_state"`
	Untaxed      float64 `json:"amount_untaxed"`
	Tax          float64 `json:"amount_tax"`
	Total        float64 `json:"amount_total"`
	Residual     float64 `json:"amount_residual"`
	Gap          bool    `json:"made_sequence_gap"`
}

func (u *user) read(id int64) moveView {
	u.t.Helper()
	var views []moveView
	u.call(&views, "account.move", "read", []any{[]int64{id}, []string{"name", "state", "payment_state", "amount_untaxed", "amount_tax", "amount_total", "amount_residual", "made_sequence_gap"}}, nil)
	if len(views) != 1 {
		u.t.Fatalf("read %d records, want 1", len(views))
	}
	return views[0]
}

func TestLedger(t *testing.T) {
	r := newRig(t, "ledger", nil)
	asLoad := func(t *testing.T) *user {
		return r.in(t).login(odoosim.LoadLogin, loadPassword, odoosim.MainCompany)
	}
	asProbe := func(t *testing.T) *user {
		return r.in(t).login(odoosim.ProbeLogin, probePassword, odoosim.SyntheticCompany)
	}
	asAdmin := func(t *testing.T) *user {
		return r.in(t).login(odoosim.AdminLogin, adminPassword, odoosim.MainCompany)
	}

	t.Run("taxes are added unless a line says none", func(t *testing.T) {
		u := asLoad(t)
		var id int64
		u.call(&id, "account.move", "create", []any{map[string]any{
			"move_type": "out_invoice", "partner_id": odoosim.FirstCustomer,
			"invoice_line_ids": []any{
				[]any{0, 0, map[string]any{"name": "taxed", "quantity": 2, "price_unit": 50}},
				[]any{0, 0, map[string]any{"name": "free", "price_unit": 10, "tax_ids": []any{}}},
			},
		}}, nil)
		u.post(id)
		want := moveView{State: "posted", PaymentState: "not_paid", Untaxed: 110, Tax: 15, Total: 125, Residual: 125}
		got := u.read(id)
		got.Name = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("invoice (-want +got):\n%s", diff)
		}
		if sum := r.value(fmt.Sprintf("SELECT sum(balance) FROM account_move_line WHERE move_id = %d", id)); sum != "0.00" && sum != "0" {
			t.Errorf("the entry is out of balance by %s", sum)
		}
	})

	t.Run("the first draft of a series is numbered, later ones are not", func(t *testing.T) {
		u := asProbe(t)
		first := u.newInvoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, 1)
		second := u.newInvoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, 1)
		year := time.Now().UTC().Year()
		if got, want := u.read(first).Name, fmt.Sprintf("SYNI/%d/00001", year); got != want {
			t.Errorf("first draft is called %v, want %s", got, want)
		}
		if got := u.read(second).Name; got != "/" {
			t.Errorf("second draft is called %v, want /", got)
		}
		u.call(nil, "account.move", "unlink", []any{[]int64{second, first}}, nil)
	})

	t.Run("editing a draft's lines moves its totals", func(t *testing.T) {
		u := asLoad(t)
		id := u.newInvoice(odoosim.MainSaleJournal, odoosim.FirstCustomer, 10)
		u.call(nil, "account.move", "write", []any{[]int64{id}, map[string]any{"invoice_line_ids": []any{
			[]any{0, 0, map[string]any{"name": "more", "price_unit": 5, "tax_ids": []any{}}},
		}}}, nil)
		if got := u.read(id).Total; got != 15 {
			t.Errorf("total is %v, want 15", got)
		}
		u.call(nil, "account.move", "unlink", []any{[]int64{id}}, nil)
	})

	t.Run("a partial payment leaves the rest open", func(t *testing.T) {
		u := asLoad(t)
		id := u.newInvoice(odoosim.MainSaleJournal, odoosim.FirstCustomer, 100)
		u.post(id)
		on := func() map[string]any {
			return map[string]any{"context": map[string]any{"active_model": "account.move", "active_ids": []int64{id}, "dont_redirect_to_payments": true}}
		}
		pay := func(amount float64) {
			var wizard int64
			u.call(&wizard, "account.payment.register", "create", []any{map[string]any{"journal_id": odoosim.MainBankJournal, "amount": amount}}, on())
			u.call(nil, "account.payment.register", "action_create_payments", []any{[]int64{wizard}}, on())
		}
		pay(40)
		if got := u.read(id); got.PaymentState != "partial" || got.Residual != 60 {
			t.Errorf("after 40 of 100: %s with %v open, want partial with 60", got.PaymentState, got.Residual)
		}
		pay(60)
		if got := u.read(id); got.PaymentState != "paid" || got.Residual != 0 {
			t.Errorf("after 100 of 100: %s with %v open, want paid with 0", got.PaymentState, got.Residual)
		}
		if full := r.value(fmt.Sprintf("SELECT count(DISTINCT full_reconcile_id) FROM account_move_line WHERE move_id = %d AND full_reconcile_id IS NOT NULL", id)); full != "1" {
			t.Errorf("the invoice has %s full reconciliations, want 1", full)
		}
		name, message := u.refused("account.payment.register", "create", []any{map[string]any{"journal_id": odoosim.MainBankJournal}}, on())
		if name != "odoo.exceptions.UserError" || !strings.Contains(message, "nothing left to pay") {
			t.Errorf("a third payment was refused with %s: %s", name, message)
		}
	})

	t.Run("a vendor bill is paid the other way round", func(t *testing.T) {
		u := asLoad(t)
		var id, wizard int64
		u.call(&id, "account.move", "create", []any{map[string]any{
			"move_type": "in_invoice", "journal_id": odoosim.MainPurchaseJournal, "partner_id": odoosim.FirstCustomer, "invoice_date": time.Now().UTC().Format(time.DateOnly),
			"invoice_line_ids": []any{[]any{0, 0, map[string]any{"name": "rent", "price_unit": 30}}},
		}}, nil)
		u.post(id)
		on := map[string]any{"context": map[string]any{"active_model": "account.move", "active_ids": []int64{id}, "dont_redirect_to_payments": true}}
		u.call(&wizard, "account.payment.register", "create", []any{map[string]any{"journal_id": odoosim.MainBankJournal}}, on)
		u.call(nil, "account.payment.register", "action_create_payments", []any{[]int64{wizard}}, on)
		if got := u.read(id); got.PaymentState != "paid" {
			t.Errorf("the bill is %s, want paid", got.PaymentState)
		}
		if got := r.value("SELECT payment_type || ' ' || partner_type || ' ' || state FROM account_payment ORDER BY id DESC LIMIT 1"); got != "outbound supplier paid" {
			t.Errorf("the payment is %q, want outbound supplier paid", got)
		}
	})

	t.Run("an accountant may not delete a middle number, a manager leaves a gap", func(t *testing.T) {
		u := asProbe(t)
		ids := []int64{}
		for range 3 {
			id := u.newInvoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, 1)
			u.post(id)
			ids = append(ids, id)
		}
		u.call(nil, "account.move", "button_draft", []any{ids[1:2]}, nil)
		if name, message := u.refused("account.move", "unlink", []any{ids[1:2]}, nil); !strings.Contains(message, "not the last one in the chain") {
			t.Errorf("unlink was refused with %s: %s", name, message)
		}
		admin := asAdmin(t)
		admin.company = odoosim.SyntheticCompany
		admin.call(nil, "account.move", "unlink", []any{ids[1:2]}, nil)
		if !u.read(ids[2]).Gap {
			t.Error("the number after the deleted one is not marked as a gap")
		}
		u.call(nil, "account.move", "button_draft", []any{[]int64{ids[2], ids[0]}}, nil)
		u.call(nil, "account.move", "unlink", []any{[]int64{ids[2]}}, nil)
		u.call(nil, "account.move", "unlink", []any{[]int64{ids[0]}}, nil)
	})

	t.Run("concurrent posts in one journal get consecutive numbers", func(t *testing.T) {
		u := asLoad(t)
		const n = 24
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = u.newInvoice(odoosim.MainSaleJournal, odoosim.FirstCustomer, 1)
		}
		errs := make([]string, n)
		var posting sync.WaitGroup
		for i, id := range ids {
			posting.Go(func() {
				reply, err := u.try(t.Context(), "account.move", "action_post", []any{[]int64{id}}, nil)
				if err != nil {
					errs[i] = err.Error()
				} else if reply.Error != nil {
					errs[i] = reply.Error.Data.Message
				}
			})
		}
		posting.Wait()
		if failed := slices.DeleteFunc(errs, func(s string) bool { return s == "" }); len(failed) > 0 {
			t.Fatalf("%d of %d posts failed: %s", len(failed), n, failed[0])
		}
		got := r.value("SELECT count(*) = max(sequence_number) AND count(DISTINCT name) = count(*) AND NOT bool_or(made_sequence_gap) FROM account_move WHERE journal_id = 1 AND state = 'posted'")
		if got != "t" {
			t.Error("the numbers of the journal have a hole, a duplicate or a false gap")
		}
	})

	t.Run("a trial balance adds up to nothing", func(t *testing.T) {
		u := asLoad(t)
		var rows []struct {
			Account any     `json:"account_id"`
			Count   int     `json:"__count"`
			Balance float64 `json:"balance"`
		}
		u.call(&rows, "account.move.line", "read_group", []any{[]any{[]any{"parent_state", "=", "posted"}}, []string{"balance:sum"}, []string{"account_id"}}, map[string]any{"lazy": false})
		sum := 0.0
		for _, row := range rows {
			sum += row.Balance
		}
		if len(rows) < 3 || sum > 0.001 || sum < -0.001 {
			t.Errorf("%d accounts add up to %v, want some that add up to 0", len(rows), sum)
		}
		if rows[0].Count == 0 {
			t.Error("an account has no items")
		}
	})

	t.Run("rights and fields can be asked for", func(t *testing.T) {
		u := asProbe(t)
		var yes, no, old bool
		u.call(&yes, "res.users", "has_group", []any{[]int{odoosim.ProbeUID}, "account.group_account_user"}, nil)
		u.call(&old, "res.users", "has_group", []any{"account.group_account_invoice"}, nil)
		u.call(&no, "res.users", "has_group", []any{[]int{odoosim.ProbeUID}, "account.group_account_manager"}, nil)
		if !yes || !old || no {
			t.Errorf("has_group says user %v, invoice %v, manager %v; want true, true, false", yes, old, no)
		}
		var fields map[string]struct{ Type string }
		u.call(&fields, "account.move", "fields_get", []any{[]string{"state", "partner_id", "checked"}}, nil)
		if len(fields) != 3 || fields["partner_id"].Type != "many2one" || fields["checked"].Type != "boolean" {
			t.Errorf("fields_get() = %v", fields)
		}
	})

	t.Run("a search understands Odoo's domains", func(t *testing.T) {
		u := asLoad(t)
		for name, tt := range map[string]struct {
			domain []any
			want   string
		}{
			"nothing":        {[]any{}, "company_id = 1"},
			"or":             {[]any{"|", []any{"move_type", "=", "in_invoice"}, []any{"payment_state", "=", "paid"}}, "company_id = 1 AND (move_type = 'in_invoice' OR payment_state = 'paid')"},
			"not":            {[]any{"!", []any{"state", "=", "posted"}}, "company_id = 1 AND state <> 'posted'"},
			"in":             {[]any{[]any{"state", "in", []string{"posted", "cancel"}}}, "company_id = 1 AND state IN ('posted', 'cancel')"},
			"in ids":         {[]any{[]any{"journal_id", "in", []int{1, 6}}}, "company_id = 1 AND journal_id IN (1, 6)"},
			"not in":         {[]any{[]any{"move_type", "not in", []string{"entry"}}}, "company_id = 1 AND move_type <> 'entry'"},
			"not set":        {[]any{[]any{"reversed_entry_id", "=", false}}, "company_id = 1 AND reversed_entry_id IS NULL"},
			"false boolean":  {[]any{[]any{"checked", "=", false}}, "company_id = 1 AND checked IS NOT TRUE"},
			"compared":       {[]any{[]any{"amount_total", ">", 20.5}}, "company_id = 1 AND amount_total > 20.5"},
			"like":           {[]any{[]any{"name", "ilike", "bill/"}}, "company_id = 1 AND name ILIKE '%bill/%'"},
			"through a line": {[]any{[]any{"line_ids.account_id.account_type", "=", "asset_receivable"}}, "company_id = 1 AND id IN (SELECT move_id FROM account_move_line l JOIN account_account a ON a.id = l.account_id WHERE a.account_type = 'asset_receivable')"},
			"by name":        {[]any{[]any{"journal_id", "ilike", "vendor"}}, "company_id = 1 AND journal_id = 2"},
		} {
			var got int
			u.call(&got, "account.move", "search_count", []any{tt.domain}, nil)
			if want := r.value("SELECT count(*) FROM account_move WHERE " + tt.want); strconv.Itoa(got) != want {
				t.Errorf("%s: %d found, want %s", name, got, want)
			}
		}
	})

	t.Run("an SQL fragment in a name is a value", func(t *testing.T) {
		u := asLoad(t)
		var got int
		u.call(&got, "account.move", "search_count", []any{[]any{[]any{"name", "=", "'; DROP TABLE account_move; --"}}}, nil)
		if got != 0 {
			t.Errorf("%d found, want 0", got)
		}
		if name, _ := u.refused("account.move", "search", []any{[]any{}}, map[string]any{"order": "id; DROP TABLE account_move"}); name != "builtins.ValueError" {
			t.Errorf("a bad order raised %s, want builtins.ValueError", name)
		}
	})
}
