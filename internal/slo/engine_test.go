package slo_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/slo"
)

const tick = 30 * time.Second

var start = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

func engine(tb testing.TB, target string, minBad uint64) *slo.Engine {
	tb.Helper()
	r, ok := slo.ParseTarget(target)
	if !ok {
		tb.Fatalf("ParseTarget(%q) is not a target", target)
	}
	e, err := slo.New(slo.Settings{Tick: tick, Scale: 1}, []slo.Objective{{ID: "o", Target: r, MinBad: minBad}})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// firing names the pairs that fire.
func firing(st slo.State) []string {
	var names []string
	for _, b := range st.Burns {
		if b.Firing {
			names = append(names, b.Window.Name)
		}
	}
	return names
}

func TestFactorsAreShareTimesPeriodOverLookback(t *testing.T) {
	var got []string
	for _, b := range slo.BurnWindows() {
		got = append(got, b.Factor().FloatString(1))
	}
	if diff := cmp.Diff([]string{"14.4", "6.0", "3.0", "1.0"}, got); diff != "" {
		t.Errorf("burn factors (-want +got):\n%s", diff)
	}
}

func TestParseTarget(t *testing.T) {
	tests := map[string]struct {
		in   string
		want string
		ok   bool
	}{
		"percent":         {"99.9%", "999/1000", true},
		"ratio":           {"0.995", "199/200", true},
		"no budget":       {"100%", "1/1", false},
		"nothing is good": {"0", "0/1", false},
		"not a number":    {"high", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, ok := slo.ParseTarget(tt.in)
			if ok != tt.ok || (r != nil && r.String() != tt.want) {
				t.Errorf("ParseTarget(%q) = %v, %v, want %s, %v", tt.in, r, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestTotalOutageOfThreeNinesBurnsFastWithinAMinute(t *testing.T) {
	e := engine(t, "99.9%", 2)
	at := start
	for range 120 { // an hour of health
		e.Advance(at)
		e.Observe(0, slo.Event{Total: 10, Observed: true})
		at = at.Add(tick)
	}
	for i := range 2 {
		e.Advance(at)
		e.Observe(0, slo.Event{Bad: 10, Total: 10, Observed: true})
		at = at.Add(tick)
		t.Logf("tick %d: %v", i, firing(e.State(0)))
	}
	if got := firing(e.State(0)); !cmp.Equal(got[:1], []string{"2% in 1h"}) {
		t.Errorf("firing after 60 s of outage = %v, want the fast pair", got)
	}
}

func TestABlipSoonAfterTheStartIsNoBurnOfDays(t *testing.T) {
	e := engine(t, "99.9%", 1)
	at := start
	for i := range 40 { // 20 minutes, 3 of them bad
		e.Advance(at)
		ev := slo.Event{Total: 10, Observed: true}
		if i >= 30 && i < 36 {
			ev.Bad = 1
		}
		e.Observe(0, ev)
		at = at.Add(tick)
	}
	if got := firing(e.State(0)); got != nil {
		t.Errorf("firing after a blip of 6 bad of 400 = %v, want none: the days before count as healthy", got)
	}
}

func TestExactlyAtTheObjectiveDoesNotBurn(t *testing.T) {
	e := engine(t, "99.9%", 1)
	at := start
	for range 10 {
		e.Advance(at)
		e.Observe(0, slo.Event{Bad: 1, Total: 1000, Observed: true})
		at = at.Add(tick)
	}
	if got := firing(e.State(0)); got != nil {
		t.Errorf("firing at exactly the objective = %v, want none", got)
	}
}

func TestOneFailureAmongFewEventsDoesNotBurn(t *testing.T) {
	e := engine(t, "99.9%", 2)
	at := start
	for i := range 20 {
		e.Advance(at)
		ev := slo.Event{Total: 1, Observed: true}
		if i == 19 {
			ev.Bad = 1
		}
		e.Observe(0, ev)
		at = at.Add(tick)
	}
	if got := firing(e.State(0)); got != nil {
		t.Errorf("firing after one failure in twenty = %v, want none", got)
	}
}

func TestAQuietGapLeavesTheBudgetReadable(t *testing.T) {
	e := engine(t, "99.9%", 1)
	at := start
	step := func(n int, ev slo.Event) {
		for range n {
			e.Advance(at)
			e.Observe(0, ev)
			at = at.Add(tick)
		}
	}
	step(100, slo.Event{Bad: 0, Total: 100, Observed: true})
	step(1, slo.Event{Bad: 5, Total: 100, Observed: true})
	step(60, slo.Event{Observed: true}) // half an hour without traffic
	st := e.State(0)
	if !st.Traffic || st.Period.Bad != 5 || st.Period.Total != 10100 {
		t.Errorf("period after a quiet gap = %+v, want 5 bad of 10100", st.Period)
	}
	if short := st.Burns[0].Short; short.Total != 0 || st.Burns[0].Firing {
		t.Errorf("short window without traffic = %+v firing %v, want empty and not firing", short, st.Burns[0].Firing)
	}
}

func TestUnobservedTicksLowerTheMeasuredFraction(t *testing.T) {
	e := engine(t, "99%", 1)
	at := start
	for i := range 20 { // 10 minutes, the source down for the second half
		e.Advance(at)
		e.Observe(0, slo.Event{Total: 1, Observed: i < 10})
		at = at.Add(tick)
	}
	if got := e.State(0).Burns[0].Short.Measured; got != 0 {
		t.Errorf("measured fraction of the last 5 min = %v, want 0: nothing was observed", got)
	}
}

func TestAClockStepBackLosesNothing(t *testing.T) {
	e := engine(t, "99%", 1)
	e.Advance(start)
	e.Observe(0, slo.Event{Bad: 1, Total: 2, Observed: true})
	if e.Advance(start.Add(-time.Hour)) {
		t.Error("Advance backwards reported progress")
	}
	e.Observe(0, slo.Event{Total: 3, Observed: true})
	if got := e.State(0).Period; got.Bad != 1 || got.Total != 5 {
		t.Errorf("period = %+v, want 1 bad of 5", got)
	}
}

func TestObjectiveWithoutBudgetIsRefused(t *testing.T) {
	_, err := slo.New(slo.Settings{Tick: tick, Scale: 1}, []slo.Objective{{ID: "o", Target: big.NewRat(1, 1)}})
	if err == nil {
		t.Error("New accepted a target of 1")
	}
}
