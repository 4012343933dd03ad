package calendar_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Whether a process is in its critical window stays what it is for as long as is
// said, and whoever looks again at the end sees what there is to see.
func TestCriticalityStaysUntil(t *testing.T) {
	p := monthly(zone(t, "Europe/Berlin"), targetDays(t))
	p.Cutoffs = []calendar.Cutoff{{ID: "ap", Title: "AP cut-off", Process: "p", At: calendar.TimeOfDay{Hour: 17}, Days: targetDays(t)}}
	p.Dues = []calendar.Due{{ID: "vat", Title: "VAT return", Process: "p", Rule: rule(t, "quarter_end + 1 month + 7 days"), At: calendar.EndOfDay()}}
	planned := compiled(p)
	late := calendar.Actual{Period: "2026-10", Lock: calendar.FiscalYearLock, Turns: []time.Time{utc(t, "2026-11-13T15:00:00Z")}, Overrun: true, Seen: utc(t, "2026-11-14T00:00:00Z")}
	overrun := planned.With([]calendar.Actual{late})
	tests := map[string][]calendar.Window{
		"none of its own":    nil,
		"around period ends": {{Kind: calendar.WorkingDays, From: -2, To: 3}},
		"before deadlines":   {{Kind: calendar.BeforeDeadline, Before: 4 * time.Hour}, {Kind: calendar.BeforeDeadline, BeforeDays: 3}},
		"all at once":        {{Kind: calendar.BeforeDeadline, Before: 90 * time.Minute}, {Kind: calendar.WorkingDays, From: 1, To: 2}, {Kind: calendar.WorkingDays, From: -1, To: 12}},
		"always":             {{Kind: calendar.Always}},
	}
	for name, windows := range tests {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 5))
			for _, tl := range []*calendar.Timeline{planned, overrun} {
				from, to := tl.Span()
				critical := 0
				for range 1500 {
					at := from.Add(-time.Hour + time.Duration(random.Int64N(int64(to.Sub(from)+2*time.Hour))))
					got, until := tl.CriticalUntil("p", windows, at)
					if want := tl.Critical("p", windows, at); got != want || !until.After(at) {
						t.Fatalf("at %v: %+v until %v, want %+v", at, got, until, want)
					}
					if got.Critical {
						critical++
					}
					for range 4 {
						then := at.Add(time.Duration(random.Int64N(int64(until.Sub(at)))))
						if is := tl.Critical("p", windows, then); is != got {
							t.Fatalf("from %v it is %+v until %v, but at %v %+v", at, got, until, then, is)
						}
					}
					if last := until.Add(-time.Second); last.After(at) && tl.Critical("p", windows, last) != got {
						t.Fatalf("from %v it is %+v until %v, but not a second before", at, got, until)
					}
				}
				if critical == 0 {
					t.Error("it never was critical")
				}
			}
		})
	}
}
