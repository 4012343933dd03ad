package odoo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// A tamper is a client between a flow and Odoo that does something else.
type tamper struct {
	odoo.Client
	before  func(model, method string)
	instead func(model, method string) (err error, done bool)
	change  func(model, method string, args []any)
}

func (c tamper) Call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	if c.before != nil {
		c.before(model, method)
	}
	if c.change != nil {
		c.change(model, method, args)
	}
	if c.instead != nil {
		if err, done := c.instead(model, method); done {
			return err
		}
	}
	return c.Client.Call(ctx, model, method, args, kwargs, out)
}

func TestAFlowDoesNotBelieveWhatItDidNotSee(t *testing.T) {
	skip := func(wantModel, wantMethod string) func(model, method string) (error, bool) {
		return func(model, method string) (error, bool) { return nil, model == wantModel && method == wantMethod }
	}
	tests := map[string]struct {
		tamper tamper
		step   string
		want   string
	}{
		"posting that does nothing":        {tamper{instead: skip("account.move", "action_post")}, "verify-posted", "the state after posting"},
		"reconciliation that does nothing": {tamper{instead: skip("account.move.line", "reconcile")}, "verify-reconciled", "the receivable's residual"},
		"a line that stays on suspense":    {tamper{instead: skip("account.move.line", "write")}, "reconcile", ""},
		"another date": {tamper{change: func(model, method string, args []any) {
			if model == "account.bank.statement.line" && method == "create" {
				args[0].(map[string]any)["date"] = "2026-01-02"
			}
		}}, "find-suspense-line", "the statement line's date"},
		"another amount": {tamper{change: func(model, method string, args []any) {
			if model == "account.bank.statement.line" && method == "create" {
				args[0].(map[string]any)["amount"] = 99.0
			}
		}}, "find-suspense-line", "the amount on the suspense account"},
	}
	l, _ := standIn(t, "tamper")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.tamper.Client = l.client(t, nil)
			run := execute(t.Context(), odoo.NewBankReconciliation(odoo.New(l.settings(t, tt.tamper))), flow.L3)
			if run.Outcome != flow.Failed || run.FailedStep != tt.step || !strings.Contains(run.Reason, tt.want) {
				t.Errorf("outcome %s at %s: %s; want failed at %s: %s", run.Outcome, run.FailedStep, run.Reason, tt.step, tt.want)
			}
			if tt.want != "" && run.Kind != fault.Assertion {
				t.Errorf("kind = %s", run.Kind)
			}
			if ours, _ := l.tagged(t, l.client(t, nil)); ours != 0 {
				t.Errorf("%d entries left", ours)
			}
		})
	}
}

func TestWhatOdooSuffersIsWhatTheRunSays(t *testing.T) {
	l, server := standIn(t, "faults")
	post := func(change func(*ledger)) flow.Run {
		there := l
		change(&there)
		return execute(t.Context(), odoo.NewInvoicePosting(odoo.New(there.settings(t, there.client(t, nil)))), flow.L3)
	}
	none := func(*ledger) {}
	tests := []struct {
		name   string
		break_ func()
		change func(*ledger)
		want   flow.Outcome
		kind   fault.Kind
		step   string
	}{
		{"posting fails", func() { server.Faults().SetPostingFails(true) }, none, flow.Failed, fault.Rejected, "post-invoice"},
		{"posting hangs", func() { server.Faults().SetPostingSlow(1, 3*time.Second) }, func(l *ledger) { l.rpc.Timeout = estate.Duration(time.Second) }, flow.Failed, fault.Timeout, "post-invoice"},
		{"a page instead of Odoo", func() { server.Faults().SetHTMLInstead(true) }, none, flow.Failed, fault.Schema, "log-in"},
		{"a wrong password", func() {}, func(l *ledger) { l.rpc.Password = secret.New("wrong") }, flow.Failed, fault.Auth, "log-in"},
		{"an unknown database", func() {}, func(l *ledger) { l.rpc.Database = "nowhere" }, flow.Failed, fault.Unavailable, "log-in"},
		{"nobody at the address", func() {}, func(l *ledger) { l.rpc.URL = "http://127.0.0.1:1" }, flow.Failed, fault.Unreachable, "log-in"},
		{"a company that does not exist", func() {}, func(l *ledger) { l.synthetic.Company = 77 }, flow.Failed, fault.Denied, "read-books"},
		{"a journal that does not exist", func() {}, func(l *ledger) { l.synthetic.SaleJournal = "NOPE" }, flow.Failed, fault.Rejected, "read-books"},
		{"nothing", func() {}, none, flow.Passed, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.break_()
			run := post(tt.change)
			if err := server.Faults().Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			if run.Outcome != tt.want || run.Kind != tt.kind || run.FailedStep != tt.step {
				t.Errorf("outcome %s, kind %s at %q: %s", run.Outcome, run.Kind, run.FailedStep, run.Reason)
			}
		})
	}
}
