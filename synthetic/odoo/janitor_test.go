package odoo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// leaveInvoices makes posted invoices as broken runs leave them.
func (l ledger) leaveInvoices(t *testing.T, c *odoorpc.Client, journal int64, n int) {
	t.Helper()
	with := map[string]any{"context": map[string]any{"allowed_company_ids": []int64{l.synthetic.Company}}}
	today := time.Now().UTC().Format(time.DateOnly)
	var drafts []any
	for i := range n {
		drafts = append(drafts, map[string]any{
			"move_type": "out_invoice", "journal_id": journal, "partner_id": l.synthetic.Partner, "invoice_date": today, "date": today, "ref": fmt.Sprintf("%sbroken-%d", odoo.Tag, i),
			"invoice_line_ids": []any{[]any{0, 0, map[string]any{"name": "synthetic", "quantity": 1, "price_unit": 1, "tax_ids": []any{[]any{6, 0, []any{}}}}}},
		})
	}
	var ids []int64
	if err := c.Call(t.Context(), "account.move", "create", []any{drafts}, with, &ids); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(ids) // the newest gets the lowest number
	if err := c.Call(t.Context(), "account.move", "action_post", []any{ids}, with, nil); err != nil {
		t.Fatal(err)
	}
}

// TestASweepGoesOnUntilNothingIsLeft has more to remove than is looked for at
// a time, with numbers that can only be given back against the order in which
// the entries were made.
func TestASweepGoesOnUntilNothingIsLeft(t *testing.T) {
	l, _ := standIn(t, "many")
	observer := l.client(t, nil)
	l.leaveInvoices(t, observer, odoosim.SyntheticSaleJournal, 45)
	report, err := odoo.New(l.settings(t, observer)).Sweep(t.Context())
	if err != nil || report.Found != 45 || report.Removed != 45 || len(report.Left) > 0 {
		t.Errorf("Sweep() = %+v, %v", report, err)
	}
	if ours, _ := l.tagged(t, observer); ours != 0 {
		t.Errorf("%d entries left", ours)
	}
}

// TestDraftsThatShareANumberAreSwept meets two drafts that were made at once:
// both show the first number of the year, and Odoo deletes neither.
func TestDraftsThatShareANumberAreSwept(t *testing.T) {
	l, _ := standIn(t, "shared_number")
	observer := l.client(t, nil)
	l.leaveInvoices(t, observer, odoosim.SyntheticSaleJournal, 2)
	sql(t, l, "UPDATE account_move SET state = 'draft'")
	sql(t, l, "UPDATE account_move m SET name = f.name, sequence_number = 1 FROM account_move f WHERE f.sequence_number = 1")
	report, err := odoo.New(l.settings(t, observer)).Sweep(t.Context())
	if err != nil || report.Removed != 2 || len(report.Left) > 0 {
		t.Errorf("Sweep() = %+v, %v", report, err)
	}
}

// TestEntriesInOtherJournalsAreSweptLater: another replica may still be at
// those in its own.
func TestEntriesInOtherJournalsAreSweptLater(t *testing.T) {
	l, _ := standIn(t, "elsewhere")
	observer := l.client(t, nil)
	const journalOfOldConfiguration = 8 // INV of the synthetic company
	l.leaveInvoices(t, observer, journalOfOldConfiguration, 1)
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {5 * time.Minute, 1}, {time.Hour, 0}} {
		s := l.settings(t, observer)
		s.Now = func() time.Time { return time.Now().Add(tt.after) }
		if _, err := odoo.New(s).Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ours, _ := l.tagged(t, observer); ours != tt.want {
			t.Errorf("%s later: %d entries, want %d", tt.after, ours, tt.want)
		}
	}
}

// TestARunWhoseAnswersWereLostStaysOpen until nothing of it can appear.
func TestARunWhoseAnswersWereLostStaysOpen(t *testing.T) {
	l, _ := standIn(t, "open")
	s := l.settings(t, l.client(t, nil))
	if err := s.Intents.Begin(flow.Intent{ID: "1", Tenant: s.Tenant, Ref: odoo.Tag + "1", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {9 * time.Minute, 1}, {11 * time.Minute, 0}} {
		s.Now = func() time.Time { return time.Now().Add(tt.after) }
		report, err := odoo.New(s).Sweep(t.Context())
		if err != nil || report.Open != tt.want {
			t.Errorf("%s later: Sweep() = %+v, %v; want %d open", tt.after, report, err, tt.want)
		}
	}
}

func TestASweepWithoutBooksDoesNothing(t *testing.T) {
	l, _ := standIn(t, "nothing")
	seen := newBreaker()
	seen.armed = true
	for name, change := range map[string]func(*odoo.Settings){
		"no company":    func(s *odoo.Settings) { s.Config.Synthetic.Company = 0 },
		"no journal":    func(s *odoo.Settings) { s.Config.Synthetic.SaleJournal = "" },
		"no intent log": func(s *odoo.Settings) { s.Intents = nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := l.settings(t, l.client(t, seen))
			change(&s)
			if report, err := odoo.New(s).Sweep(t.Context()); err != nil || report.Found > 0 || len(seen.seen) > 0 {
				t.Errorf("Sweep() = %+v, %v; it called %s", report, err, strings.Join(seen.seen, ", "))
			}
		})
	}
}

// TestWhatIsStuckHidesNothing has more entries that can never be removed than
// are looked for at a time.
func TestWhatIsStuckHidesNothing(t *testing.T) {
	l, _ := standIn(t, "hidden")
	observer := l.client(t, nil)
	l.leaveInvoices(t, observer, odoosim.SyntheticSaleJournal, 44)
	sql(t, l, "UPDATE account_move SET inalterable_hash = 'x' WHERE sequence_number > 2")
	for _, removed := range []int{0, 2} {
		report, err := odoo.New(l.settings(t, observer)).Sweep(t.Context())
		if err == nil || report.Found != 44 || report.Removed != removed || len(report.Left) != 44-removed {
			t.Errorf("Sweep() = found %d, removed %d, left %d, %v; want %d removed of 44", report.Found, report.Removed, len(report.Left), err, removed)
		}
		sql(t, l, "UPDATE account_move SET name = '/', sequence_number = 0, sequence_prefix = NULL, state = 'draft' WHERE inalterable_hash IS NULL")
	}
}

// TestASweepDoesNotBelieveWhatItIsTold meets an Odoo that says it deletes.
func TestASweepDoesNotBelieveWhatItIsTold(t *testing.T) {
	l, _ := standIn(t, "liar")
	observer := l.client(t, nil)
	l.leaveInvoices(t, observer, odoosim.SyntheticSaleJournal, 2)
	liar := tamper{Client: observer, instead: func(_, method string) (error, bool) { return nil, method == "unlink" || method == "button_draft" }}
	report, err := odoo.New(l.settings(t, liar)).Sweep(t.Context())
	if err == nil || report.Found != 2 || report.Removed != 0 || len(report.Left) != 2 {
		t.Errorf("Sweep() = %+v, %v", report, err)
	}
}

// TestTheGaugeSaysWhatSweepsLeft, and nothing while no sweep could look.
func TestTheGaugeSaysWhatSweepsLeft(t *testing.T) {
	l, server := standIn(t, "gauge")
	observer := l.client(t, nil)
	s := l.settings(t, observer)
	s.Component = "erp"
	s.Now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	p := odoo.New(s)
	expect := func(when, want string) {
		t.Helper()
		if problems, err := testutil.CollectAndLint(odoo.Sweeps{p}); err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", when, problems, err)
		}
		if err := testutil.CollectAndCompare(odoo.Sweeps{p}, strings.NewReader(strings.ReplaceAll(want, "LABELS", fmt.Sprintf(`{component="erp",environment="test",tenant=%q}`, s.Tenant)))); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	const left = `# HELP closewatch_probe_sweep_leftovers Entries of earlier runs that the last sweep could not remove: nothing is written until they are gone. Absent until a sweep could look.
# TYPE closewatch_probe_sweep_leftovers gauge
closewatch_probe_sweep_leftoversLABELS `
	const clean = `# HELP closewatch_probe_sweep_last_clean_timestamp_seconds When a sweep last left nothing. Absent until one has.
# TYPE closewatch_probe_sweep_last_clean_timestamp_seconds gauge
closewatch_probe_sweep_last_clean_timestamp_secondsLABELS 1.8e+09
`
	sweep := func() { _, _ = p.Sweep(t.Context()) } // the gauge is what is looked at

	expect("before the first", "")
	server.Faults().SetHTMLInstead(true)
	sweep()
	expect("when Odoo was away", "")
	server.Faults().SetHTMLInstead(false)
	l.leaveInvoices(t, observer, odoosim.SyntheticSaleJournal, 2)
	sql(t, l, "UPDATE account_move SET inalterable_hash = 'x'")
	sweep()
	expect("when two are stuck", left+"2\n")
	server.Faults().SetHTMLInstead(true)
	sweep()
	expect("when Odoo is away again", left+"2\n")
	server.Faults().SetHTMLInstead(false)
	sql(t, l, "UPDATE account_move SET inalterable_hash = NULL")
	sweep()
	expect("when they are gone", left+"0\n"+clean)
}
