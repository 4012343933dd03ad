package odoo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// notes are what the steps of a run noted, by step.
func notes(run flow.Run) map[string]string {
	out := map[string]string{}
	for _, s := range run.Steps {
		out[s.Name] = s.Note
	}
	return out
}

// The prober's bank journal with an outstanding account, and without one.
var (
	withAccount    = fmt.Sprintf("UPDATE account_payment_method_line SET payment_account_id = %d WHERE journal_id = %d", odoosim.SyntheticOutstanding, odoosim.SyntheticBankJournal)
	withoutAccount = fmt.Sprintf("UPDATE account_payment_method_line SET payment_account_id = NULL WHERE journal_id = %d", odoosim.SyntheticBankJournal)
)

func TestAPaymentOfEveryVersionAndEdition(t *testing.T) {
	tests := map[string]struct {
		opts   odoosim.Options
		method string   // SQL
		runs   []string // what each run says in turn: the notes of its steps, or why it was blocked
	}{
		"16": {odoosim.Options{Version: 16}, withAccount, []string{"entry=always, state=posted, payment_state=paid"}},
		"19": {odoosim.Options{Version: 19}, withAccount, []string{"entry=expected, state=paid, payment_state=paid"}},
		"18 without an outstanding account": {odoosim.Options{Version: 18}, withoutAccount, []string{
			"entry=found, state=paid, payment_state=paid", "entry=expected, state=paid, payment_state=paid",
		}},
		"18 Enterprise": {odoosim.Options{Version: 18, Enterprise: true}, withAccount, []string{"entry=expected, state=in_process, payment_state=in_payment"}},
		"19 Enterprise without an outstanding account": {odoosim.Options{Version: 19, Enterprise: true}, withoutAccount, []string{
			"blocked: register a payment: it would have no journal entry", "blocked: register a payment: it would have no journal entry",
		}},
	}
	db := newDatabase(t, "edition")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, _ := serve(t, db, tt.opts)
			sql(t, l, tt.method)
			observer := l.client(t, nil)
			p := odoo.New(l.settings(t, l.client(t, nil)))
			for i, want := range tt.runs {
				run := execute(t.Context(), odoo.NewPaymentRegistration(p), flow.L3)
				said := notes(run)
				first := func(step string) string { word, _, _ := strings.Cut(said[step], " "); return word }
				got := strings.Join([]string{first("prepare-payment"), first("verify-payment"), first("verify-paid")}, ", ")
				if run.Outcome != flow.Passed {
					got = string(run.Outcome) + ": " + run.Reason
				}
				if !strings.HasPrefix(got, want) || len(run.Leftovers) > 0 {
					t.Errorf("run %d: %s (at %s), left %v; want %s", i+1, got, run.FailedStep, run.Leftovers, want)
				}
				if ours, all := l.tagged(t, observer); ours != 0 || all != 0 {
					t.Errorf("%d entries of ours, %d in all", ours, all)
				}
			}
		})
	}
}

// A changing client is one that another takes the place of.
type changing struct{ odoo.Client }

// TestAPaymentWithoutAnEntry installs full accounting after a payment was seen
// to have an entry.
func TestAPaymentWithoutAnEntry(t *testing.T) {
	db := newDatabase(t, "entryless")
	community, _ := serve(t, db, odoosim.Options{})
	enterprise, _ := serve(t, db, odoosim.Options{Enterprise: true})
	sql(t, community, withoutAccount)
	client := &changing{community.client(t, nil)}
	p := odoo.New(community.settings(t, client))
	pay := func(want flow.Outcome, wanted map[string]string) {
		t.Helper()
		run := execute(t.Context(), odoo.NewPaymentRegistration(p), flow.L3)
		if run.Outcome != want || len(run.Leftovers) > 0 {
			t.Errorf("%s at %s: %s; left %v", run.Outcome, run.FailedStep, run.Reason, run.Leftovers)
		}
		got := notes(run)
		for step, note := range wanted {
			if got[step] != note {
				t.Errorf("%s noted %q, want %q", step, got[step], note)
			}
		}
		if ours, _ := community.tagged(t, community.client(t, nil)); ours != 0 {
			t.Errorf("%d entries left", ours)
		}
	}
	pay(flow.Passed, map[string]string{"prepare-payment": "entry=found", "verify-paid": "payment_state=paid paid=ok residual=ok"})
	client.Client = enterprise.client(t, nil)
	pay(flow.Passed, map[string]string{
		"prepare-payment": "entry=expected",
		"verify-payment":  "state=in_process payment=ok place=ok date=ok entry=none",
		"verify-paid":     "payment_state=in_payment paid=ok open=ok",
		"remove-payment":  "found=1",
	})
	pay(flow.Blocked, nil)
}

// TestPaymentsAreFoundByReference leaves payments in every state a broken run
// can leave them in, without an intent, beside one that is somebody else's.
func TestPaymentsAreFoundByReference(t *testing.T) {
	l := openLedger(t)
	c := l.client(t, nil)
	var known map[string]any
	l.call(t, c, &known, "account.payment", "fields_get", []string{"memo"}, []string{"type"})
	field := "ref"
	if len(known) > 0 {
		field = "memo"
	}
	var journals []struct {
		ID int64 `json:"id"`
	}
	l.call(t, c, &journals, "account.journal", "search_read", []any{[]any{"code", "=", l.synthetic.BankJournal}}, []string{"code"})
	create := func(ref string) (id int64) {
		l.call(t, c, &id, "account.payment", "create", map[string]any{
			"payment_type": "inbound", "partner_type": "customer", "partner_id": l.synthetic.Partner, "amount": 5.0,
			"journal_id": journals[0].ID, "date": time.Now().UTC().Format(time.DateOnly), field: ref,
		})
		return id
	}
	do := func(id int64, methods ...string) {
		for _, m := range methods {
			l.call(t, c, nil, "account.payment", m, []int64{id})
		}
	}
	count := func() (n int) {
		l.call(t, c, &n, "account.payment", "search_count", []any{[]any{"company_id", "=", l.synthetic.Company}})
		return n
	}
	_, before := l.tagged(t, c)

	foreign := create("somebody's")
	do(foreign, "action_post")
	create(odoo.Tag + "a-draft")
	do(create(odoo.Tag+"cancelled"), "action_post", "action_draft", "action_cancel")
	do(create(odoo.Tag+"reset"), "action_post", "action_draft")
	do(create(odoo.Tag+"posted"), "action_post")
	if n := count(); n != 5 {
		t.Fatalf("%d payments, want 5", n)
	}
	report, err := odoo.New(l.settings(t, c)).Sweep(t.Context())
	if err != nil || report.Found != 4 || report.Removed != 4 {
		t.Errorf("Sweep() = %+v, %v; want 4 found and removed", report, err)
	}
	if n := count(); n != 1 {
		t.Errorf("%d payments left, want the one that is somebody else's", n)
	}
	do(foreign, "action_draft", "unlink")
	if ours, all := l.tagged(t, c); ours != 0 || all != before {
		t.Errorf("%d entries of ours, %d in all; want 0 and %d", ours, all, before)
	}
}

// A witness remembers the numbers that entries get, in memory only.
type witness struct {
	odoo.Client
	numbers *[]string
}

func (w witness) Call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	if model+"/"+method == "account.move/button_draft" || model+"/"+method == "account.payment/action_draft" || model+"/"+method == "account.bank.statement.line/action_undo_reconciliation" {
		var rows []struct {
			Name string `json:"name"`
		}
		if err := w.Client.Call(ctx, model, "read", []any{args[0], []string{"name"}}, kwargs, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			*w.numbers = append(*w.numbers, r.Name)
		}
	}
	return w.Client.Call(ctx, model, method, args, kwargs, out)
}

// TestNumbersAreGivenBack runs each flow twice: what was posted gets the same
// numbers again, so that no gap stays.
func TestNumbersAreGivenBack(t *testing.T) {
	l := openLedger(t)
	for name, f := range map[string]struct {
		make    func(*odoo.Prober) flow.Flow
		numbers int
	}{
		odoo.InvoicePostingName:      {func(p *odoo.Prober) flow.Flow { return odoo.NewInvoicePosting(p) }, 1},
		odoo.PaymentRegistrationName: {func(p *odoo.Prober) flow.Flow { return odoo.NewPaymentRegistration(p) }, 2},
		odoo.BankReconciliationName:  {func(p *odoo.Prober) flow.Flow { return odoo.NewBankReconciliation(p) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var numbers []string
			p := odoo.New(l.settings(t, witness{l.client(t, nil), &numbers}))
			for range 2 {
				if run := execute(t.Context(), f.make(p), flow.L3); run.Outcome != flow.Passed {
					t.Fatalf("%s at %s: %s", run.Outcome, run.FailedStep, run.Reason)
				}
			}
			if len(numbers) != 2*f.numbers || slices.Contains(numbers, "") || slices.Contains(numbers, "/") {
				t.Fatalf("%d numbers, want %d", len(numbers), 2*f.numbers)
			}
			if !cmp.Equal(numbers[:f.numbers], numbers[f.numbers:]) {
				t.Error("the second run got other numbers than the first")
			}
		})
	}
}
