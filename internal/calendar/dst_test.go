package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A close that goes on until its lock date is set may end in the night in which
// clocks change. It ends at that instant, whatever a wall clock says: 02:30 comes
// twice in October and never in March. What is reckoned over it has its real hours.
func TestACloseThatEndsInTheNightClocksChange(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	tests := map[string]struct {
		period, before string // the lock date that is set, and the one before
		open, locked   string // when the lock date was read: before and after it was set
		wall           string // when that was in Berlin
		begins         string // of the close
		day            time.Duration
	}{
		"October, the first 02:30":     {"2026-09", "2026-08-31", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z", "02:30 CEST", "2026-10-01T00:00:00+02:00", 25 * time.Hour},
		"October, the second 02:30":    {"2026-09", "2026-08-31", "2026-10-25T00:45:00Z", "2026-10-25T01:30:00Z", "02:30 CET", "2026-10-01T00:00:00+02:00", 25 * time.Hour},
		"March, just before the gap":   {"2027-02", "2027-01-31", "2027-03-27T23:00:00Z", "2027-03-28T00:59:59Z", "01:59 CET", "2027-03-01T00:00:00+01:00", 23 * time.Hour},
		"March, at the end of the gap": {"2027-02", "2027-01-31", "2027-03-28T00:59:59Z", "2027-03-28T01:00:00Z", "03:00 CEST", "2027-03-01T00:00:00+01:00", 23 * time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			open, locked, begins := instantOf(t, tt.open), instantOf(t, tt.locked), instantOf(t, tt.begins)
			if wall := locked.In(berlin).Format("15:04 MST"); wall != tt.wall {
				t.Fatalf("that is %s in Berlin", wall)
			}
			planned := compiled(monthly(berlin, targetDays(t)))
			closing, ok := planned.Closing(tt.period, "")
			if !ok {
				t.Fatal("the period is not planned")
			}
			last := closing.Period.Last.String()
			actual := calendar.Actual{}.Observe(closing, closes(t, "fiscalyear "+tt.before), open)
			still := planned.With([]calendar.Actual{actual})
			live := planned.With([]calendar.Actual{actual.Observe(closing, closes(t, "fiscalyear "+last), locked)})
			phase := func(tl *calendar.Timeline, at time.Time) string {
				p := tl.At(at)
				return string(p.Phase) + " " + p.Period
			}
			goesOn, over := "close "+tt.period, phase(planned, locked)
			if over == goesOn {
				t.Fatal("the plan has it go on")
			}
			got := []string{phase(still, locked), phase(live, locked.Add(-time.Second)), phase(live, locked)}
			if diff := cmp.Diff([]string{goesOn, goesOn, over}, got); diff != "" {
				t.Errorf("open, a second before the lock and with it (-want +got):\n%s", diff)
			}
			from, to, ok := live.PhaseSpan(locked.Add(-time.Second))
			if !ok || !from.Equal(begins) || !to.Equal(locked) || to.Sub(from) != locked.Sub(begins) {
				t.Errorf("the close is from %v to %v, want %v to %v", from, to, begins, locked)
			}
			if c, until := live.CriticalUntil("p", nil, locked.Add(-time.Second)); !c.Critical || !until.Equal(locked) {
				t.Errorf("a second before the lock it is %+v until %v", c, until)
			}
			if c, _ := live.CriticalUntil("p", nil, locked); strings.Contains(c.Why, tt.period) { // in March the next pre-close has begun
				t.Errorf("with the lock it is %+v", c)
			}
			day := calendar.DateOf(locked.In(berlin))
			if length := day.Add(1).In(berlin).Sub(day.In(berlin)); length != tt.day {
				t.Errorf("the day has %v, want %v", length, tt.day)
			}
		})
	}
}
