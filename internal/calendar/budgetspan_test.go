package calendar_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A phase is the whole of it, whatever is frozen or maintained within: just
// before it and at its end there is another.
func TestAPhaseIsTheWholeOfIt(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p := monthly(zone, targetDays(t))
	p.Maintenance = []calendar.Maintenance{{ID: "m", Repeat: calendar.Repeat{Weekdays: []time.Weekday{time.Sunday}}, Start: calendar.TimeOfDay{Hour: 2}, Duration: 3 * time.Hour}}
	tl := compiled(p)
	from, to := tl.Span()
	phases := map[calendar.Phase]int{}
	unknown := 0
	for at := from; at.Before(to); at = at.Add(7 * time.Hour) {
		begins, ends, ok := tl.PhaseSpan(at)
		if !ok {
			unknown++
			continue
		}
		is := tl.At(at)
		phases[is.Phase]++
		same := func(at time.Time) bool { x := tl.At(at); return x.Phase == is.Phase && x.Period == is.Period }
		if at.Before(begins) || !at.Before(ends) || !same(begins) || !same(ends.Add(-time.Second)) || same(begins.Add(-time.Second)) || same(ends) {
			t.Fatalf("at %v the %s is from %v to %v", at, is.Phase, begins, ends)
		}
	}
	if len(phases) != 4 || unknown > 2*40*24/7 {
		t.Errorf("phases %v, unknown %d times: only the first and the last are cut off", phases, unknown)
	}
}
