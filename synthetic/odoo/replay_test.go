package odoo_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// A tape is what Odoo answered in one run, by model/method and in order.
type tape map[string][]json.RawMessage

// A taper writes a tape.
type taper struct {
	odoo.Client
	tape tape
}

func (c taper) Call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	var raw json.RawMessage
	if err := c.Client.Call(ctx, model, method, args, kwargs, &raw); err != nil {
		return err
	}
	c.tape[model+"/"+method] = append(c.tape[model+"/"+method], slices.Clone(raw))
	return decode(raw, out)
}

func decode(raw json.RawMessage, out any) error {
	if out == nil || len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// A player answers from a tape instead of asking Odoo. The last answer to a
// call is repeated.
type player struct {
	odoo.Client
	tape tape
	n    map[string]int
}

func (c player) Call(_ context.Context, model, method string, _ []any, _ map[string]any, out any) error {
	answers := c.tape[model+"/"+method]
	if len(answers) == 0 {
		return &fault.Error{Op: "replay " + model + "/" + method, Kind: fault.Internal}
	}
	i := min(c.n[model+"/"+method], len(answers)-1)
	c.n[model+"/"+method]++
	return decode(answers[i], out)
}

// An edit changes the records of one answer: set in all that have the field.
type edit struct {
	call  string // model/method
	nth   int    // from 0
	field string
	value any
}

// on edits a copy of t.
func (e edit) on(t *testing.T, in tape) tape {
	t.Helper()
	out := tape{}
	for call, answers := range in {
		out[call] = slices.Clone(answers)
	}
	if e.nth >= len(out[e.call]) {
		t.Fatalf("%s is called %d times", e.call, len(out[e.call]))
	}
	var rows []map[string]any
	if err := json.Unmarshal(out[e.call][e.nth], &rows); err != nil {
		t.Fatal(err)
	}
	if e.field == "" {
		rows, _ = e.value.([]map[string]any)
	}
	for _, row := range rows {
		if _, ok := row[e.field]; ok {
			row[e.field] = e.value
		} else if e.field != "" {
			t.Fatalf("%s has no %s", e.call, e.field)
		}
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	out[e.call][e.nth] = raw
	return out
}

// replayed runs a flow at a moment and under an id that do not change from run
// to run, so that what one run wrote is what another expects.
func replayed(t *testing.T, l ledger, at time.Time, client odoo.Client, make func(*odoo.Prober) flow.Flow, level flow.Level) flow.Run {
	t.Helper()
	s := l.settings(t, client)
	s.Now = func() time.Time { return at }
	return flow.Execute(t.Context(), make(odoo.New(s)), level, flow.Settings{
		Environment: "test", Component: "erp", Tenant: "t", Timeout: 2 * time.Minute, CleanupTimeout: time.Minute,
		NewID: func() string { return "replayed" },
	})
}

// TestEveryAssertionCanFail changes one answer of a run that passed, for each
// thing that a step asserts.
func TestEveryAssertionCanFail(t *testing.T) {
	const (
		moves    = "account.move/read"
		items    = "account.move.line/search_read"
		groups   = "account.move.line/read_group"
		payments = "account.payment/search_read"
		taxes    = "account.tax/read"
		coins    = "res.currency/read"
		lines    = "account.bank.statement.line/read"
	)
	invoicing := func(p *odoo.Prober) flow.Flow { return odoo.NewInvoicePosting(p) }
	paying := func(p *odoo.Prober) flow.Flow { return odoo.NewPaymentRegistration(p) }
	banking := func(p *odoo.Prober) flow.Flow { return odoo.NewBankReconciliation(p) }
	reporting := func(p *odoo.Prober) flow.Flow { return odoo.NewReporting(p) }
	none := []map[string]any{}
	type expected struct {
		edit edit
		step string // that fails
		want string // in its reason; empty: the run passes
	}
	tests := []struct {
		make  func(*odoo.Prober) flow.Flow
		level flow.Level
		cases map[string]expected
	}{
		{invoicing, flow.L1, map[string]expected{
			"a draft that is posted":         {edit{moves, 0, "state", "posted"}, "verify-draft", "the state of a new invoice"},
			"a draft that was posted before": {edit{moves, 0, "posted_before", true}, "verify-draft", "posted before"},
			"a draft with another tax":       {edit{moves, 0, "amount_tax", 14.99}, "verify-draft", "the tax"},
			"a draft that does not balance":  {edit{items, 0, "debit", 1.0}, "verify-draft", "the debit against the credit"},
		}},
		{invoicing, flow.L3, map[string]expected{
			"another untaxed total":         {edit{moves, 0, "amount_untaxed", 100.01}, "verify-posted", "the untaxed total"},
			"another tax":                   {edit{moves, 0, "amount_tax", 14.99}, "verify-posted", "the tax"},
			"another total":                 {edit{moves, 0, "amount_total", 115.01}, "verify-posted", "the total"},
			"another reference":             {edit{moves, 0, "ref", "somebody's"}, "verify-posted", "the reference"},
			"another company":               {edit{moves, 0, "company_id", []any{1, "x"}}, "verify-posted", "the company"},
			"another journal":               {edit{moves, 0, "journal_id", []any{1, "x"}}, "verify-posted", "the journal"},
			"another accounting date":       {edit{moves, 0, "date", "2026-01-02"}, "verify-posted", "the accounting date: Odoo moved it"},
			"no due date":                   {edit{moves, 0, "invoice_date_due", false}, "verify-posted", "the due date"},
			"a due date before its time":    {edit{moves, 0, "invoice_date_due", "2020-01-02"}, "verify-posted", "the due date"},
			"another due date of the item":  {edit{items, 0, "date_maturity", "2020-01-02"}, "verify-posted", "the due date of the receivable item"},
			"no due date of the item":       {edit{items, 0, "date_maturity", false}, "", ""},
			"still a draft":                 {edit{moves, 0, "state", "draft"}, "verify-posted", "the state after posting"},
			"paid already":                  {edit{moves, 0, "payment_state", "paid"}, "verify-posted", "the payment state after posting"},
			"no number":                     {edit{moves, 0, "name", "/"}, "verify-posted", "the number after posting"},
			"nothing left to pay":           {edit{moves, 0, "amount_residual", 0.0}, "verify-posted", "the invoice's residual after posting"},
			"a settled receivable":          {edit{items, 0, "reconciled", true}, "verify-posted", "the receivable's residual after posting"},
			"another receivable's residual": {edit{items, 0, "amount_residual", 114.0}, "verify-posted", "the receivable's residual after posting"},
			"no receivable":                 {edit{items, 0, "account_type", "income"}, "verify-posted", "the invoice's receivable item: found 0, want 1"},
			"two receivables":               {edit{items, 0, "account_type", "asset_receivable"}, "verify-posted", "the invoice's receivable item: found 3, want 1"},
			"an entry out of balance":       {edit{items, 0, "credit", 7.0}, "verify-posted", "the debit against the credit of the entry"},
			"no items":                      {edit{items, 0, "", none}, "verify-posted", "the debit against the credit of the entry"},
			"no product":                    {edit{items, 0, "product_id", false}, "verify-posted", "the product on the line"},
			"not in the trial balance":      {edit{groups, 1, "", none}, "verify-reported", "the trial balance of the prober's journals after posting"},
			"another figure in it":          {edit{groups, 1, "debit", 115.01}, "verify-reported", "the trial balance of the prober's journals after posting"},
			"another number of items in it": {edit{groups, 1, "__count", 2}, "verify-reported", "the trial balance of the prober's journals after posting"},
			"an invoice that is gone":       {edit{moves, 0, "", none}, "verify-posted", "read the invoice: found 0, want 1"},
			"a fixed tax":                   {edit{taxes, 0, "amount_type", "fixed"}, "read-tax", "not a percentage on top of the price"},
			"a tax in the price":            {edit{taxes, 0, "price_include", true}, "read-tax", "not a percentage on top of the price"},
			"a tax due on payment":          {edit{taxes, 0, "tax_exigibility", "on_payment"}, "read-tax", "it falls due on payment"},
			"another percentage":            {edit{taxes, 0, "amount", 15.5}, "verify-posted", "the tax"},
			"a currency without cents":      {edit{coins, 0, "rounding", 1.0}, "", ""},
			"a currency of tens":            {edit{coins, 0, "rounding", 10.0}, "verify-posted", "the tax"},
		}},
		{paying, flow.L3, map[string]expected{
			"a payment that is not found":      {edit{payments, 1, "", none}, "verify-payment", "the payment by its reference: found 0, want 1"},
			"a payment still a draft":          {edit{payments, 1, "state", "draft"}, "verify-payment", "the state of the payment"},
			"another amount":                   {edit{payments, 1, "amount", 100.0}, "verify-payment", "the amount of the payment"},
			"money going out":                  {edit{payments, 1, "payment_type", "outbound"}, "verify-payment", "the direction of the payment"},
			"a supplier's":                     {edit{payments, 1, "partner_type", "supplier"}, "verify-payment", "the direction of the payment"},
			"another customer":                 {edit{payments, 1, "partner_id", []any{10, "x"}}, "verify-payment", "the customer of the payment"},
			"another company":                  {edit{payments, 1, "company_id", []any{1, "x"}}, "verify-payment", "the company of the payment"},
			"another journal":                  {edit{payments, 1, "journal_id", []any{6, "x"}}, "verify-payment", "the journal of the payment"},
			"another date":                     {edit{payments, 1, "date", "2026-01-02"}, "verify-payment", "the date of the payment"},
			"an entry still a draft":           {edit{moves, 1, "state", "draft"}, "verify-payment", "the state of the payment's entry"},
			"an entry on another date":         {edit{moves, 1, "date", "2026-01-02"}, "verify-payment", "the accounting date of the payment"},
			"an entry out of balance":          {edit{items, 1, "debit", 3.0}, "verify-payment", "the debit against the credit"},
			"an entry on another account":      {edit{items, 1, "account_id", []any{1, "x"}}, "verify-payment", "the credit on the receivable account"},
			"an invoice still not paid":        {edit{moves, 2, "payment_state", "not_paid"}, "verify-paid", "the invoice's payment state"},
			"an invoice paid in part":          {edit{moves, 2, "payment_state", "partial"}, "verify-paid", "the invoice's payment state"},
			"an invoice in payment":            {edit{moves, 2, "payment_state", "in_payment"}, "", ""},
			"an invoice with a residual":       {edit{moves, 2, "amount_residual", 0.01}, "verify-paid", "the invoice's residual"},
			"a receivable with a residual":     {edit{items, 2, "amount_residual", 0.01}, "verify-paid", "the receivable's residual"},
			"a receivable not reconciled":      {edit{items, 2, "reconciled", false}, "verify-paid", "the receivable's reconciled flag"},
			"a receivable matched in part":     {edit{items, 2, "full_reconcile_id", false}, "verify-paid", "the receivable's full reconciliation"},
			"no entry, and yet a paid invoice": {edit{payments, 1, "move_id", false}, "verify-paid", "after a payment that booked no entry"},
		}},
		{banking, flow.L3, map[string]expected{
			"a line on another date":           {edit{lines, 0, "date", "2026-01-02"}, "find-suspense-line", "the statement line's date"},
			"a line out of balance":            {edit{items, 1, "debit", 3.0}, "find-suspense-line", "the debit against the credit"},
			"nothing on the suspense account":  {edit{items, 1, "account_id", []any{1, "x"}}, "find-suspense-line", "the statement line's suspense item: found 0, want 1"},
			"another amount waiting there":     {edit{items, 1, "credit", 3.0}, "find-suspense-line", "the amount on the suspense account"},
			"an invoice still not paid":        {edit{moves, 1, "payment_state", "not_paid"}, "verify-reconciled", "the invoice's payment state"},
			"an invoice with a residual":       {edit{moves, 1, "amount_residual", 0.01}, "verify-reconciled", "the invoice's residual"},
			"a receivable with a residual":     {edit{items, 2, "amount_residual", 0.01}, "verify-reconciled", "the receivable's residual"},
			"a receivable not reconciled":      {edit{items, 2, "reconciled", false}, "verify-reconciled", "the receivable's reconciled flag"},
			"a receivable matched in part":     {edit{items, 2, "full_reconcile_id", false}, "verify-reconciled", "the receivable's full reconciliation"},
			"something left on suspense":       {edit{items, 3, "account_id", []any{odoosim.SyntheticSuspense, "x"}}, "verify-reconciled", "the items left on the suspense account"},
			"a reconciled line out of balance": {edit{items, 3, "debit", 3.0}, "verify-reconciled", "the debit against the credit"},
		}},
		{reporting, flow.L0, map[string]expected{
			"a debit without its credit":       {edit{groups, 0, "debit", 3.0}, "verify-trial-balance", "debit against credit"},
			"journals that add up differently": {edit{groups, 1, "credit", 3.0}, "verify-journal-totals", "the totals of the journals against those of the accounts"},
			"journals with an item too many":   {edit{groups, 1, "__count", 77}, "verify-journal-totals", "the totals of the journals against those of the accounts"},
		}},
	}
	at := time.Now()
	l, _ := standIn(t, "replay")
	l.synthetic.Tax, l.synthetic.Product = 3, 7
	l.post(t) // so that reporting has something to sum
	for _, tt := range tests {
		recorded := taper{l.client(t, nil), tape{}}
		run := replayed(t, l, at, recorded, tt.make, tt.level)
		if run.Outcome != flow.Passed {
			t.Fatalf("undisturbed, %s %s: %s at %s: %s", run.Flow, tt.level, run.Outcome, run.FailedStep, run.Reason)
		}
		if tt.level == flow.L0 { // figures that differ are read once more
			recorded.tape[groups] = append(recorded.tape[groups], recorded.tape[groups][0])
		}
		for name, c := range tt.cases {
			t.Run(run.Flow+" "+string(tt.level)+"/"+name, func(t *testing.T) {
				got := replayed(t, l, at, player{recorded.Client, c.edit.on(t, recorded.tape), map[string]int{}}, tt.make, tt.level)
				if c.want == "" {
					if got.Outcome != flow.Passed {
						t.Errorf("%s at %s: %s; want passed", got.Outcome, got.FailedStep, got.Reason)
					}
					return
				}
				if got.Outcome != flow.Failed || got.FailedStep != c.step || !strings.Contains(got.Reason, c.want) {
					t.Errorf("%s at %s: %s; want failed at %s: %s", got.Outcome, got.FailedStep, got.Reason, c.step, c.want)
				}
				if strings.HasPrefix(c.step, "verify") && got.Kind != fault.Assertion {
					t.Errorf("kind = %s", got.Kind)
				}
			})
		}
	}
}

// TestReportingWaitsForBooksThatMove lets somebody post between its readings.
func TestReportingWaitsForBooksThatMove(t *testing.T) {
	accounts := func(debit string) json.RawMessage {
		return json.RawMessage(`[{"account_id": [1, "x"], "__count": 1, "debit": ` + debit + `, "credit": 0}, {"account_id": [2, "x"], "__count": 1, "debit": 0, "credit": ` + debit + `}]`)
	}
	journals := func(debit string) json.RawMessage {
		return json.RawMessage(`[{"journal_id": [1, "x"], "__count": 2, "debit": ` + debit + `, "credit": ` + debit + `}]`)
	}
	tests := map[string]struct {
		answers []json.RawMessage
		want    flow.Outcome
		note    string
	}{
		"nobody posts":    {[]json.RawMessage{accounts("5"), journals("5")}, flow.Passed, "journals=1 totals=ok"},
		"somebody posted": {[]json.RawMessage{accounts("5"), journals("6"), accounts("6"), journals("6")}, flow.Passed, "journals=1 totals=ok"},
		"somebody always does": {[]json.RawMessage{
			accounts("5"), journals("6"), accounts("7"), journals("8"), accounts("9"), journals("10"), accounts("11"),
		}, flow.Passed, "totals=moving"},
		"wrong all the time": {[]json.RawMessage{accounts("5"), journals("6"), accounts("5")}, flow.Failed, "journals=1 totals=wrong"},
	}
	l := ledger{synthetic: odoo.Synthetic{Company: 2}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := player{loggedIn{}, tape{"account.move.line/read_group": tt.answers}, map[string]int{}}
			run := replayed(t, l, time.Now(), p, func(p *odoo.Prober) flow.Flow { return odoo.NewReporting(p) }, flow.L0)
			if last := run.Steps[len(run.Steps)-1]; run.Outcome != tt.want || last.Note != tt.note {
				t.Errorf("%s: %s, note %q; want %s, note %q", run.Outcome, run.Reason, last.Note, tt.want, tt.note)
			}
		})
	}
}

// loggedIn is a client that has logged in and can do nothing else.
type loggedIn struct{ odoo.Client }

func (loggedIn) UserID(context.Context) (int64, error) { return 2, nil }
