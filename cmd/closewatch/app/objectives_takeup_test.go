package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// A restart at any time leaves every budget as it was: it is taken up from cells
// and from the ticks since the last of them.
func TestBudgetsOutliveARestart(t *testing.T) {
	for name, ticks := range map[string]int{"at the end of a cell": 40, "within a cell": 47, "in the first cell": 3} {
		t.Run(name, func(t *testing.T) {
			began := time.Date(2026, 11, 25, 23, 55, 0, 0, time.UTC) // pre-close begins within
			cells, _, err := ledger.Open(ledger.Options{Dir: t.TempDir(), Grid: tick})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cells.Close() }()
			live := watching(t, closing(t, ""), 1, posting())
			book := targetBook{}
			book.note(began, live.tracked)
			var tail []recordedTick
			at := began
			for n := range ticks {
				at = at.Add(tick)
				events := live.sees(at, runs(float64(10*n), float64(n), float64(9*n))...)
				if err := cells.Observe(at, observations(events, ledger.Context{Calendar: "c", Config: "c"})); err != nil {
					t.Fatal(err)
				}
				tail = append(tail, recordedTick{at, events})
			}
			fresh := watching(t, closing(t, ""), 1, posting())
			if err := fresh.takeUp(at, fresh.assembler.calendars.around(at), book, cells, tail); err != nil {
				t.Fatal(err)
			}
			for i, was := range live.tracked {
				is := fresh.tracked[i]
				for j, b := range was.budgets {
					for window, pair := range map[process.BudgetWindow][2]*slo.Aligned{
						process.MonthWindow: {b.month, is.budgets[j].month}, process.FiscalWindow: {b.fiscal, is.budgets[j].fiscal},
						process.CriticalWindow: {b.critical, is.budgets[j].critical},
					} {
						if diff := cmp.Diff(pair[0].Raw(), pair[1].Raw(), cmp.AllowUnexported(slo.Allowance{})); diff != "" {
							t.Errorf("%s of %s (-before +after):\n%s", window, was.ID, diff)
						}
						if m, n := pair[0].Measured(at), pair[1].Measured(at); m != n {
							t.Errorf("%s of %s: measured %v before, %v after", window, was.ID, m, n)
						}
					}
				}
			}
			if live.tracked[0].budgets[0].month.Raw().Total == 0 {
				t.Error("nothing was counted")
			}
		})
	}
}

// What happened before a target was changed is allowed for by the old one, also
// after the restart that the change takes.
func TestAChangedTargetDoesNotRewriteThePast(t *testing.T) {
	loose, strict := posting(), posting()
	loose.process.Objectives = loose.process.Objectives[:1]
	strict.process.Objectives = []process.Objective{{Name: "availability", Kind: process.Availability, Target: 99.9 * process.Percent}}
	cells, _, err := ledger.Open(ledger.Options{Dir: t.TempDir(), Grid: tick})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cells.Close() }()
	w := watching(t, closing(t, ""), 1, loose)
	book := targetBook{}
	book.note(noon, w.tracked)
	at := noon
	for n := range 10 {
		at = at.Add(tick)
		if err := cells.Observe(at, observations(w.sees(at, runs(float64(100*n), 0, 0)...), ledger.Context{})); err != nil {
			t.Fatal(err)
		}
	}
	w = watching(t, closing(t, ""), 1, strict)
	if !book.note(at, w.tracked) || book.note(at, w.tracked) {
		t.Error("a change of the target is noted once")
	}
	if err := w.takeUp(at, w.assembler.calendars.around(at), book, cells, nil); err != nil {
		t.Fatal(err)
	}
	w.sees(at.Add(tick), runs(5000, 0, 0)...)
	w.sees(at.Add(2*tick), runs(6000, 0, 0)...)
	raw := w.tracked[0].budgets[0].month.Raw()
	if n := raw.Allowed.Events(); raw.Total != 1900 || n != 5 { // 900 of which 4.5 may fail, and 1000 of which one may
		t.Errorf("of %d events %d may fail, want 5 of 1900", raw.Total, n)
	}
}
