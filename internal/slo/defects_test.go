package slo_test

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// What rules over ratios get wrong and a real Prometheus was seen to get wrong;
// doc.go has the table. One test each.

// A history feeds one objective tick by tick.
type history struct {
	*slo.Engine
	at time.Time
}

func begin(tb testing.TB, target string, minBad uint64) *history {
	tb.Helper()
	return &history{engine(tb, target, minBad), start}
}

// ticks feeds n ticks, of which from gives the events, and returns how many of
// them each burn fired in.
func (h *history) ticks(n int, of func(i int) slo.Event) map[string]int {
	fired := map[string]int{}
	var st slo.State
	for i := range n {
		h.Advance(h.at)
		h.Observe(0, of(i))
		h.at = h.at.Add(tick)
		h.Read(0, &st)
		for _, b := range st.Burns {
			if b.Firing {
				fired[b.Window.Name]++
			}
		}
	}
	return fired
}

func every(bad, total uint64) func(int) slo.Event {
	return func(int) slo.Event { return slo.Event{Bad: bad, Total: total, Observed: true} }
}

func silent(int) slo.Event { return slo.Event{} }

func TestDefect1TrafficThatStopsLeavesTheBudgetReadable(t *testing.T) {
	h := begin(t, "99.9%", 2)
	h.ticks(2880, every(0, 100))
	h.ticks(1, every(50, 100))
	h.ticks(40, every(0, 0)) // 20 minutes
	st := h.State(0)
	if want := 1 - 50/(288100*0.001); !st.Traffic || st.Period.Bad != 50 || st.Period.Total != 288100 || st.Remaining < want-1e-9 || st.Remaining > want+1e-9 {
		t.Errorf("after 20 minutes without traffic: %d bad of %d, %v left, want 50 of 288100 and %v", st.Period.Bad, st.Period.Total, st.Remaining, want)
	}
	if st.Burns[0].Short.Total != 0 || st.Burns[0].Short.Measured != 1 {
		t.Errorf("the last 5 minutes = %+v, want no traffic, measured", st.Burns[0].Short)
	}
}

// published has one counter for each outcome, of one component.
func published(at time.Time, counters map[string]float64) signal.Published {
	var out []signal.Sample
	for _, outcome := range []string{"good", "bad"} {
		if v, ok := counters[outcome]; ok {
			out = append(out, signal.Sample{Name: "requests_total", Labels: map[string]string{"component": "erp", "tenant": "prod", "outcome": outcome}, Value: v, At: at})
		}
	}
	return func(metric string) []signal.Sample {
		if metric != "requests_total" {
			return nil
		}
		return out
	}
}

func requests() *slo.Meter {
	tenant := map[string]string{"tenant": "prod"}
	return slo.NewMeter([]slo.Counting{{
		Total: slo.Selector{Metric: "requests_total", Labels: tenant},
		Good:  slo.Selector{Metric: "requests_total", Labels: tenant, Keep: func(l map[string]string) bool { return l["outcome"] == "good" }},
	}})
}

// counted reads one tick after the other and returns what was counted in each.
func counted(m *slo.Meter, ticks ...map[string]float64) (out []slo.Event) {
	for i, counters := range ticks {
		events := make([]slo.Event, 1)
		at := start.Add(time.Duration(i) * tick)
		m.Read(at, published(at, counters), events)
		out = append(out, events[0])
	}
	return out
}

func TestDefect2ASeriesCreatedByItsFirstFailuresCountsThem(t *testing.T) {
	got := counted(requests(), map[string]float64{"good": 100}, map[string]float64{"good": 103}, map[string]float64{"good": 103, "bad": 5})
	if diff := cmp.Diff([]slo.Event{{Observed: true}, {Total: 3, Observed: true}, {Bad: 5, Total: 5, Observed: true}}, got); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestDefect3ASourceThatFallsSilentNeitherResolvesNorFires(t *testing.T) {
	burning := begin(t, "99.9%", 2)
	burning.ticks(120, every(0, 10))
	burning.ticks(30, every(5, 10))
	fired := burning.ticks(60, silent) // 30 minutes
	if fired["2% in 1h"] != 60 {
		t.Errorf("a source went silent while a burn fired: it fired in %d of 60 ticks, want all", fired["2% in 1h"])
	}
	if b := burning.State(0).Burns[0]; !b.Frozen || b.Short.Measured != 0 {
		t.Errorf("the burn is frozen: %v, %v measured, want it to say so", b.Frozen, b.Short.Measured)
	}
	if fired := burning.ticks(120, silent); fired["2% in 1h"] > 90 {
		t.Errorf("fired in %d of 120 ticks after 30 minutes of silence, want an end with the long window", fired["2% in 1h"])
	}

	over := begin(t, "99.9%", 2)
	over.ticks(60, every(0, 10))
	over.ticks(20, every(5, 10))
	if fired := over.ticks(40, every(0, 10)); fired["2% in 1h"] > 15 {
		t.Fatalf("fired in %d ticks after the burn, want an end with the short window", fired["2% in 1h"])
	}
	if fired := over.ticks(60, silent); len(fired) > 0 && fired["2% in 1h"] > 0 {
		t.Errorf("a source went silent after a burn: fired %v, want nothing to begin", fired)
	}
}

func TestDefect4HoursCountByTheirTraffic(t *testing.T) {
	h := begin(t, "99.9%", 2)
	var bad, total uint64
	for day := range 30 {
		for i := range 2880 {
			ev := slo.Event{Observed: true}
			if hour := i / 120; hour >= 8 && hour < 18 {
				ev.Total = 40
				if day == 3 && hour >= 10 && hour < 12 {
					ev.Bad = 8
				}
			} else if i%20 == 0 {
				ev.Total = 1
			}
			bad, total = bad+ev.Bad, total+ev.Total
			h.Advance(h.at)
			h.Observe(0, ev)
			h.at = h.at.Add(tick)
		}
	}
	st := h.State(0)
	if st.Period.Bad != bad || st.Period.Total != total {
		t.Errorf("30 days = %d bad of %d, want %d of %d: sums of events, never of ratios", st.Period.Bad, st.Period.Total, bad, total)
	}
}

func TestDefect5ResetsLoseNothingThatWasSeen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := slo.NewCounters()
	slot := c.Add(false)
	var value float64
	var want, got uint64
	at := start
	got += c.Increase(slot, slo.Sample{Value: value, At: at})
	for i := range 240 { // two hours, a restart every ten minutes
		if i%20 == 19 {
			value = 0 // whatever came after the last reading is lost with it
		}
		n := 1 + random.IntN(3)
		value += float64(n)
		want += uint64(n)
		at = at.Add(tick)
		got += c.Increase(slot, slo.Sample{Value: value, At: at})
	}
	if got != want {
		t.Errorf("counted %d, want %d: all that was ever shown", got, want)
	}
}

func TestDefect6OneFailureOfAProbeIsNoBurn(t *testing.T) {
	h := begin(t, "99.9%", 2)
	probe := func(failed int) func(int) slo.Event { // 20 an hour
		return func(i int) slo.Event {
			ev := slo.Event{Observed: true}
			if i%6 == 0 {
				ev.Total = 1
				if i/6 == failed {
					ev.Bad = 1
				}
			}
			return ev
		}
	}
	if fired := h.ticks(2400, probe(200)); len(fired) > 0 {
		t.Errorf("one failure of a probe: fired %v, want nothing", fired)
	}
}

func TestDefect7ABlipAfterTheStartIsNoBurnOfDays(t *testing.T) {
	h := begin(t, "99.9%", 2)
	fired := h.ticks(40, func(i int) slo.Event { // 20 minutes, 3 of them with one failure in twelve
		ev := slo.Event{Total: 100, Observed: true}
		if i >= 30 && i < 36 {
			ev.Bad = 2
		}
		return ev
	})
	if n := fired["10% in 3d"] + fired["10% in 1d"]; n > 0 {
		t.Errorf("fired %v, want no burn of days: it took 0.3 %% of what three days allow", fired)
	}
}

func TestDefect8ExactlyAtTheObjectiveNothingFires(t *testing.T) {
	for _, target := range []string{"99.9%", "99.95%", "99%", "95%"} {
		h := begin(t, target, 1)
		r, _ := slo.ParseTarget(target)
		budget := new(big.Rat).Sub(big.NewRat(1, 1), r)
		// At the limit of the slowest burn, which is the budget itself.
		fired := h.ticks(2880*4, every(budget.Num().Uint64(), budget.Denom().Uint64()))
		if len(fired) > 0 {
			t.Errorf("%s: fired %v at exactly the objective", target, fired)
		}
		more := begin(t, target, 1)
		if fired := more.ticks(2880*4, every(budget.Num().Uint64()*1000+1, budget.Denom().Uint64()*1000)); fired["10% in 3d"] == 0 {
			t.Errorf("%s: nothing fired just beyond the objective", target)
		}
	}
}

func TestDefect9ANewNameForATenantOrTargetKeepsWhatWasCounted(t *testing.T) {
	h := begin(t, "99.9%", 2)
	h.ticks(200, every(1, 10))
	target, _ := slo.ParseTarget("99.5%")
	edited, err := slo.New(slo.Settings{Tick: tick, Scale: 1}, []slo.Objective{
		{ID: "new", Target: target, MinBad: 2},
		{ID: "o", Process: "renamed", Tenant: "renamed", Indicator: "renamed", Source: slo.Users, Target: target, MinBad: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := edited.Restore(h.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
	was, is := h.State(0), edited.State(1)
	if diff := cmp.Diff(was.Period, is.Period); diff != "" {
		t.Errorf("what was counted changed with a label (-before +after):\n%s", diff)
	}
	if is.Burns[0].Firing != was.Burns[0].Firing || edited.State(0).Traffic {
		t.Errorf("firing %v, was %v; the new objective has traffic: %v", is.Burns[0].Firing, was.Burns[0].Firing, edited.State(0).Traffic)
	}
}
