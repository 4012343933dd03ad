package odoo_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

var steps = map[string][]string{
	"login/L0":     {"read-version", "log-in", "read-user"},
	"reporting/L0": {"log-in", "compute-trial-balance", "verify-trial-balance", "verify-journal-totals"},
	"invoice-posting/L1": {
		"log-in", "read-books", "read-balances", "create-invoice", "verify-draft",
		"(delete-invoice)", "(verify-clean)", "(verify-balances)",
	},
	"report-pdf/L1": {
		"log-in", "read-books", "read-balances", "create-invoice", "print-one-page", "add-pages", "print-many-pages",
		"(delete-invoice)", "(verify-clean)", "(verify-balances)",
	},
	"websocket/L0": {"log-in", "open-websocket", "subscribe", "close-websocket"},
	"websocket/L1": {"log-in", "open-websocket", "subscribe", "receive-notification", "close-websocket"},
	"invoice-posting/L3": {
		"log-in", "read-books", "read-balances", "create-invoice", "post-invoice", "verify-posted", "verify-reported",
		"(reset-invoice)", "(delete-invoice)", "(verify-clean)", "(verify-balances)",
	},
	"payment-registration/L3": {
		"log-in", "read-books", "read-balances", "prepare-payment", "create-invoice", "post-invoice", "verify-posted",
		"open-payment", "register-payment", "verify-payment", "verify-paid",
		"(remove-payment)", "(reset-invoice)", "(delete-invoice)", "(verify-clean)", "(verify-balances)",
	},
	"bank-reconciliation/L3": {
		"log-in", "read-books", "read-balances", "create-invoice", "post-invoice", "verify-posted", "create-statement-line",
		"find-suspense-line", "assign-receivable-account", "reconcile", "verify-reconciled",
		"(undo-reconciliation)", "(delete-statement-line)", "(reset-invoice)", "(delete-invoice)", "(verify-clean)", "(verify-balances)",
	},
}

func TestEveryFlowPassesAndLeavesTheBooksAsTheyWere(t *testing.T) {
	l := openLedger(t)
	observer := l.client(t, nil)
	before := l.books(t, observer)
	p := odoo.New(l.settings(t, l.client(t, nil)))
	for _, f := range []flow.Flow{
		odoo.NewLogin(p), odoo.NewReporting(p), odoo.NewReportPDF(p), odoo.NewWebsocket(p),
		odoo.NewInvoicePosting(p), odoo.NewPaymentRegistration(p), odoo.NewBankReconciliation(p),
	} {
		for _, level := range f.Levels() {
			t.Run(f.Name()+"/"+string(level), func(t *testing.T) {
				run := execute(t.Context(), f, level)
				logRun(t, run)
				if run.Outcome != flow.Passed || len(run.Leftovers) > 0 {
					t.Fatalf("outcome = %s, %s (%s), left %v", run.Outcome, run.Reason, run.Hint, run.Leftovers)
				}
				names := slices.DeleteFunc(stepNames(run), func(s string) bool { return s == "read-tax" && l.synthetic.Tax != 0 })
				if diff := cmp.Diff(steps[f.Name()+"/"+string(level)], names); diff != "" {
					t.Errorf("steps:\n%s", diff)
				}
				for _, s := range run.Steps {
					if s.Error != "" {
						t.Errorf("step %s: %s", s.Name, s.Error)
					}
				}
				if len(run.CannotDetect) == 0 {
					t.Error("the run does not say what it cannot detect")
				}
				if ours, _ := l.tagged(t, observer); ours != 0 {
					t.Errorf("%d entries of ours", ours)
				}
				if diff := cmp.Diff(before, l.books(t, observer)); diff != "" {
					t.Errorf("the books changed:\n%s", diff)
				}
			})
		}
	}
}

// TestAnythingThatBreaksLeavesNothing breaks each call of each writing flow
// in turn, in every way a call can break.
func TestAnythingThatBreaksLeavesNothing(t *testing.T) {
	l := openLedger(t)
	observer := l.client(t, nil)
	ways := map[string]struct {
		how    func(*breaker, *http.Request) (*http.Response, error)
		forAll bool
	}{
		"refused":                {how: refuse},
		"answer lost":            {how: lose},
		"killed before the call": {how: die, forAll: true},
		"killed after the call":  {how: dieAfter, forAll: true},
	}
	for _, c := range []struct {
		level flow.Level
		make  func(*odoo.Prober) flow.Flow
		from  string // nothing is written before, or nothing that another flow does not write
	}{
		{flow.L1, func(p *odoo.Prober) flow.Flow { return odoo.NewInvoicePosting(p) }, "account.move/create"},
		{flow.L3, func(p *odoo.Prober) flow.Flow { return odoo.NewInvoicePosting(p) }, "account.move/create"},
		{flow.L3, func(p *odoo.Prober) flow.Flow { return odoo.NewPaymentRegistration(p) }, "account.payment.register/create"},
		{flow.L3, func(p *odoo.Prober) flow.Flow { return odoo.NewBankReconciliation(p) }, "account.bank.statement.line/create"},
	} {
		calls := countCalls(t, l, c.make, c.level)
		first := slices.Index(calls, c.from)
		if first < 0 {
			t.Fatalf("%s is not among %v", c.from, calls)
		}
		for way, w := range ways {
			for i := first; i < len(calls); i++ {
				name := fmt.Sprintf("%s %s/%s/call %d %s", c.make(nil).Name(), c.level, way, i+1, calls[i])
				t.Run(name, func(t *testing.T) {
					b := newBreaker()
					s := l.settings(t, l.client(t, b))
					b.armed, b.at, b.how, b.forAll = true, i+1, w.how, w.forAll
					run := execute(t.Context(), c.make(odoo.New(s)), c.level)
					if b.n < b.at {
						t.Fatalf("the run made only %d calls", b.n)
					}
					if run.Outcome == flow.Unknown || run.Kind == fault.Internal && !w.forAll {
						t.Errorf("outcome = %s, kind %s: %s", run.Outcome, run.Kind, run.Reason)
					}
					ours, _ := l.tagged(t, observer)
					if ours > 0 && !w.forAll && len(run.Leftovers) == 0 {
						t.Errorf("%d entries left and not reported; steps %v", ours, stepNames(run))
					}
					pending, err := s.Intents.Pending()
					if err != nil {
						t.Fatal(err)
					}
					if ours > 0 && len(pending) == 0 {
						t.Errorf("%d entries left and no open intent", ours)
					}

					// The next start: another process, the same state directory.
					later := l.settings(t, observer)
					later.Intents = s.Intents
					later.Now = func() time.Time { return time.Now().Add(time.Hour) }
					report, err := odoo.New(later).Sweep(t.Context())
					if err != nil || report.Found != ours || report.Removed != ours {
						t.Errorf("Sweep() = %+v, %v; want %d removed", report, err, ours)
					}
					if ours, _ := l.tagged(t, observer); ours != 0 {
						t.Errorf("%d entries left after the sweep", ours)
					}
					if pending, err := s.Intents.Pending(); err != nil || len(pending) > 0 {
						t.Errorf("open intents after the sweep: %v, %v", pending, err)
					}
				})
			}
		}
	}
}

// countCalls lets a flow run undisturbed and returns the calls that it made.
func countCalls(t *testing.T, l ledger, make func(*odoo.Prober) flow.Flow, level flow.Level) []string {
	t.Helper()
	b := newBreaker()
	b.armed = true
	run := execute(t.Context(), make(odoo.New(l.settings(t, l.client(t, b)))), level)
	if run.Outcome != flow.Passed {
		t.Fatalf("undisturbed, %s %s: %s", run.Flow, run.Outcome, run.Reason)
	}
	return slices.Clone(b.seen)
}

func stepNames(run flow.Run) []string {
	var names []string
	for _, s := range run.Steps {
		if s.Cleanup {
			names = append(names, "("+s.Name+")")
		} else {
			names = append(names, s.Name)
		}
	}
	return names
}

func logRun(t *testing.T, run flow.Run) {
	t.Helper()
	var b strings.Builder
	for _, s := range run.Steps {
		fmt.Fprintf(&b, "\n  %-28s %6d ms  %s%s", s.Name, s.Duration.Milliseconds(), s.Note, s.Error)
	}
	t.Logf("%s %s: %s in %d ms%s", run.Flow, run.Level, run.Outcome, run.Duration.Milliseconds(), b.String())
}
