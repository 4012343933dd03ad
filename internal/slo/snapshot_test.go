package slo_test

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// three is an engine of three objectives of different targets.
func three(tb testing.TB) *slo.Engine {
	tb.Helper()
	var objectives []slo.Objective
	for i, target := range []string{"99.9%", "99%", "95%"} {
		r, _ := slo.ParseTarget(target)
		objectives = append(objectives, slo.Objective{ID: fmt.Sprintf("o%d", i), Target: r, MinBad: 2})
	}
	e, err := slo.New(slo.Settings{Tick: tick, Scale: 1}, objectives)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func states(e *slo.Engine) (out []slo.State) {
	for i := range e.Objectives() {
		out = append(out, e.State(i))
	}
	return out
}

func exactly() cmp.Option {
	return cmp.Comparer(func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })
}

// A restart at any tick changes nothing: neither from a snapshot of that tick,
// nor from an older one and the events since.
func TestARestartAtAnyTickChangesNothing(t *testing.T) {
	straight, restarted := three(t), three(t)
	nothing := straight.Snapshot(nil)
	rapid.Check(t, func(rt *rapid.T) {
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(rt, "seed")))
		if err := errors.Join(straight.Restore(nothing), restarted.Restore(nothing)); err != nil {
			rt.Fatal(err)
		}
		snapshot := nothing
		type tickOf struct {
			at     time.Time
			events []slo.Event
		}
		var since []tickOf // since the snapshot
		feed := func(e *slo.Engine, x tickOf) {
			e.Advance(x.at)
			for i, ev := range x.events {
				e.Observe(i, ev)
			}
		}
		at := start
		restarts := 0
		for range rapid.IntRange(50, 300).Draw(rt, "ticks") {
			at = at.Add(tick)
			if random.IntN(50) == 0 {
				at = at.Add(time.Duration(random.IntN(300)) * tick)
			}
			x := tickOf{at: at}
			for i := range 3 {
				ev := slo.Event{Observed: random.IntN(10) > 0}
				if ev.Observed {
					ev.Total = uint64(random.IntN(10 * (i + 1)))
					ev.Bad = uint64(random.IntN(int(ev.Total)/2 + 1))
				}
				x.events = append(x.events, ev)
			}
			feed(straight, x)
			feed(restarted, x)
			since = append(since, x)
			switch random.IntN(20) {
			case 0:
				snapshot, since = restarted.Snapshot(nil), nil
			case 1:
				if err := restarted.Restore(snapshot); err != nil {
					rt.Fatal(err)
				}
				for _, x := range since {
					feed(restarted, x)
				}
				restarts++
				if diff := cmp.Diff(states(straight), states(restarted), exactly()); diff != "" {
					rt.Fatalf("%s, after %d restarts (-without +with):\n%s", at, restarts, diff)
				}
			}
			for i := range 3 {
				for burn := range slo.BurnWindows() {
					if a, b := straight.Firing(i, burn), restarted.Firing(i, burn); a != b {
						rt.Fatalf("%s, after %d restarts: objective %d fires burn %d: %v, would have: %v", at, restarts, i, burn, b, a)
					}
				}
			}
		}
	})
}

func TestASnapshotIsTheSameTwice(t *testing.T) {
	e := three(t)
	fill(e, 3000)
	if a, b := e.Snapshot(nil), e.Snapshot(nil); !slices.Equal(a, b) {
		t.Error("two snapshots of one tick differ")
	}
	again := three(t)
	if err := again.Restore(e.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.Snapshot(nil), again.Snapshot(nil)) {
		t.Error("what was restored is written down differently")
	}
}

// fill feeds an engine n ticks and returns the last.
func fill(e *slo.Engine, n int) time.Time {
	at := start
	random := rand.New(rand.NewPCG(7, 8))
	for range n {
		at = at.Add(tick)
		e.Advance(at)
		for i := range e.Objectives() {
			total := uint64(random.IntN(100))
			e.Observe(i, slo.Event{Bad: total / 50, Total: total, Observed: true})
		}
	}
	return at
}

func TestASnapshotOfAnotherConfiguration(t *testing.T) {
	e := three(t)
	fill(e, 300)
	before := e.State(1)
	target, _ := slo.ParseTarget("98%")
	objectives := []slo.Objective{{ID: "new", Target: target}, {ID: "o1", Target: target}}
	t.Run("objectives are found by their ID", func(t *testing.T) {
		other, err := slo.New(slo.Settings{Tick: tick, Scale: 1}, objectives)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Restore(e.Snapshot(nil)); err != nil {
			t.Fatal(err)
		}
		if got := other.State(1); got.Period != before.Period {
			t.Errorf("o1 has %+v, had %+v", got.Period, before.Period)
		}
		if got := other.State(0).Period; got.Total != 0 || got.Begun != 1 {
			t.Errorf("a new objective has %+v, want nothing and a beginning now", got)
		}
	})
	t.Run("other windows are worked out of the same cells", func(t *testing.T) {
		other, err := slo.New(slo.Settings{Tick: tick, Scale: 1, Burns: []slo.BurnWindow{
			{Name: "10% in 2h", Share: big.NewRat(1, 10), Lookback: 2 * time.Hour, Short: 30 * time.Minute},
		}}, objectives)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Restore(e.Snapshot(nil)); err != nil {
			t.Fatal(err)
		}
		was := before.Burns[2].Short // of two hours
		if got := other.State(1).Burns[0].Long; got.Bad != was.Bad || got.Total != was.Total || got.Total == 0 {
			t.Errorf("two hours hold %d of %d, want %d of %d", got.Bad, got.Total, was.Bad, was.Total)
		}
	})
	t.Run("other ticks", func(t *testing.T) {
		other, err := slo.New(slo.Settings{Tick: 2 * tick, Scale: 1}, objectives)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Restore(e.Snapshot(nil)); !errors.Is(err, slo.ErrGrid) {
			t.Errorf("Restore() = %v, want ErrGrid", err)
		}
		if other.State(1).Traffic || !other.Advance(start) {
			t.Error("an engine that could not be restored is not empty")
		}
	})
}

func FuzzRestore(f *testing.F) {
	e := three(f)
	f.Add(e.Snapshot(nil))
	fill(e, 200)
	whole := e.Snapshot(nil)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	m := requests()
	counted(m, map[string]float64{"good": 1}, map[string]float64{"good": 2})
	f.Add(m.Snapshot(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := three(t)
		if err := e.Restore(b); err == nil {
			e.Advance(e.Now().Add(tick))
			for _, st := range states(e) {
				if !sane(&st) {
					t.Errorf("%+v", st)
				}
			}
		}
		m := requests()
		if err := m.Restore(b, start); err == nil {
			counted(m, map[string]float64{"good": 3})
		}
	})
}

// What the ledger's cells of five minutes say is what was: exactly for windows
// of a day and more, to five minutes for shorter ones.
func TestRebuildFromCells(t *testing.T) {
	const perCell = 10
	e, again := three(t), three(t)
	random := rand.New(rand.NewPCG(9, 10))
	at := start
	var past []slo.Past
	for range 31 * 288 {
		cells := make([]slo.Past, 3)
		for range perCell {
			at = at.Add(tick)
			e.Advance(at)
			for i := range 3 {
				ev := slo.Event{Observed: random.IntN(10) > 0}
				if ev.Observed {
					ev.Total = uint64(random.IntN(5))
					ev.Bad = min(ev.Total, uint64(random.IntN(50)/49))
					cells[i].Observed++
				}
				e.Observe(i, ev)
				cells[i].Bad, cells[i].Total = cells[i].Bad+ev.Bad, cells[i].Total+ev.Total
			}
		}
		for i, c := range cells {
			c.Objective, c.End, c.Width, c.Expected = i, at, perCell*tick, perCell
			past = append(past, c)
		}
	}
	again.Rebuild(at, slices.Values(past))
	for i := range 3 {
		was, is := e.State(i), again.State(i)
		if diff := cmp.Diff(was.Period, is.Period); diff != "" {
			t.Errorf("30 days (-was +rebuilt):\n%s", diff)
		}
		for j := range was.Burns {
			for _, w := range [][2]slo.Window{{was.Burns[j].Long, is.Burns[j].Long}, {was.Burns[j].Short, is.Burns[j].Short}} {
				if w[0] != w[1] { // at the end of a cell every window begins with one
					t.Errorf("%s: was %+v, is %+v", was.Burns[j].Window.Name, w[0], w[1])
				}
			}
		}
	}
	for range 7 { // no cell of the ledger ends here
		at = at.Add(tick)
		for _, x := range []*slo.Engine{e, again} {
			x.Advance(at)
			x.Observe(0, slo.Event{Total: 4, Observed: true})
		}
	}
	was, is := e.State(0), again.State(0)
	for j := range was.Burns {
		if w, v := was.Burns[j].Short, is.Burns[j].Short; max(w.Total, v.Total)-min(w.Total, v.Total) > 5*perCell {
			t.Errorf("%v: was %d, is %d, want what differs to be less than a cell", w.Length, w.Total, v.Total)
		}
	}
}

// A meter that is restored counts what happened while nobody looked, once.
func TestAMeterOverARestart(t *testing.T) {
	read := func(m *slo.Meter, after time.Duration, s map[string]float64) slo.Event {
		events := make([]slo.Event, 1)
		m.Read(start.Add(after), published(start.Add(after), s), events)
		return events[0]
	}
	tests := map[string]struct {
		counted time.Duration // after the snapshot's own tick
		now     map[string]float64
		want    slo.Event
	}{
		"stopped in order": {0, map[string]float64{"good": 17, "bad": 2}, slo.Event{Bad: 1, Total: 8, Observed: true}},
		"stopped in order, and the target was restarted":   {0, map[string]float64{"good": 4, "bad": 0}, slo.Event{Total: 4, Observed: true}},
		"killed: nobody knows what of it was counted":      {2 * time.Minute, map[string]float64{"good": 17, "bad": 2}, slo.Event{Observed: true}},
		"killed, and the target was restarted":             {2 * time.Minute, map[string]float64{"good": 4, "bad": 0}, slo.Event{Total: 4, Observed: true}},
		"stopped in order, and the target does not answer": {0, nil, slo.Event{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := requests()
			read(m, 0, map[string]float64{"good": 3, "bad": 1})
			read(m, time.Minute, map[string]float64{"good": 10, "bad": 1})
			again := requests()
			if err := again.Restore(m.Snapshot(nil), start.Add(time.Minute+tt.counted)); err != nil {
				t.Fatal(err)
			}
			if got := read(again, 10*time.Minute, tt.now); got != tt.want {
				t.Errorf("counted %+v, want %+v", got, tt.want)
			}
			if !slices.Equal(again.Snapshot(nil), again.Snapshot(nil)) {
				t.Error("two snapshots differ")
			}
			later := map[string]float64{"good": tt.now["good"] + 30, "bad": tt.now["bad"] + 1}
			if got := read(again, 11*time.Minute, later); tt.now != nil && got != (slo.Event{Bad: 1, Total: 31, Observed: true}) {
				t.Errorf("a minute later it counted %+v, want 1 of 31", got)
			}
		})
	}
	t.Run("a series created meanwhile", func(t *testing.T) {
		m := requests()
		read(m, 0, map[string]float64{"good": 3})
		again := requests()
		if err := again.Restore(m.Snapshot(nil), start); err != nil {
			t.Fatal(err)
		}
		if got := read(again, 10*time.Minute, map[string]float64{"good": 3, "bad": 5}); got != (slo.Event{Bad: 5, Total: 5, Observed: true}) {
			t.Errorf("counted %+v, want five failures", got)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		m := requests()
		if err := m.Restore([]byte{1, 2, 3}, start); !errors.Is(err, slo.ErrFormat) {
			t.Errorf("Restore() = %v, want ErrFormat", err)
		}
	})
}

// Series that come, go and change places are counted by what they are.
func TestSeriesComeAndGo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tenants := []string{"a", "b", "c"}
		var countings []slo.Counting
		for _, tenant := range tenants {
			l := map[string]string{"tenant": tenant}
			countings = append(countings, slo.Counting{
				Total: slo.Selector{Metric: "requests_total", Labels: l},
				Bad:   slo.Selector{Metric: "requests_total", Labels: l, Keep: func(l map[string]string) bool { return l["outcome"] == "bad" }},
			})
		}
		m := slo.NewMeter(countings)
		values := map[[2]string]float64{}
		events := make([]slo.Event, len(tenants))
		var want, got [3]slo.Event
		random := rand.New(rand.NewPCG(2, rapid.Uint64().Draw(rt, "seed")))
		at := start
		pending := map[[2]string]uint64{}
		for n := range rapid.IntRange(2, 60).Draw(rt, "ticks") {
			at = at.Add(tick)
			var out []signal.Sample
			for i, tenant := range tenants {
				for _, outcome := range []string{"good", "bad", "other"} {
					k := [2]string{tenant, outcome}
					if n > 0 {
						more := uint64(random.IntN(4))
						values[k] += float64(more)
						pending[k] += more
					}
					if n > 0 && random.IntN(4) == 0 {
						continue // away
					}
					out = append(out, signal.Sample{Name: "requests_total", Labels: map[string]string{"component": "erp", "tenant": tenant, "outcome": outcome}, Value: values[k], At: at})
					want[i].Total += pending[k]
					if outcome == "bad" {
						want[i].Bad += pending[k]
					}
					pending[k] = 0
				}
			}
			random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
			m.Read(at, func(string) []signal.Sample { return out }, events)
			for i, ev := range events {
				got[i].Bad, got[i].Total = got[i].Bad+ev.Bad, got[i].Total+ev.Total
			}
		}
		if got != want {
			rt.Errorf("counted %+v, want %+v", got, want)
		}
	})
}

// Series that are gone for good are forgotten.
func TestSeriesThatAreGoneAreForgotten(t *testing.T) {
	m := requests()
	events := make([]slo.Event, 1)
	at := start
	for n := range 20_000 {
		at = at.Add(tick)
		s := signal.Sample{Name: "requests_total", Labels: map[string]string{"component": "erp", "tenant": "prod", "outcome": strconv.Itoa(n)}, Value: 1, At: at}
		m.Read(at, func(string) []signal.Sample { return []signal.Sample{s} }, events)
	}
	if size := len(m.Snapshot(nil)); size > 200_000 {
		t.Errorf("20,000 series that came and went take %d bytes", size)
	}
}

func TestATickDoesNotAllocate(t *testing.T) {
	e := three(t)
	m := requests()
	at := fill(e, 1000)
	p := published(at, map[string]float64{"good": 1, "bad": 1})
	samples := p("requests_total")
	events := make([]slo.Event, 1)
	var st slo.State
	e.Read(0, &st)
	step := func() {
		at = at.Add(tick)
		for i := range samples {
			samples[i].Value++
			samples[i].At = at
		}
		m.Read(at, p, events)
		e.Advance(at)
		for i := range 3 {
			e.Observe(i, events[0])
			e.Read(i, &st)
			_ = e.Firing(i, 0)
		}
	}
	step()
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("a tick allocates %v times, want 0", n)
	}
}

// An objective that a snapshot does not know is taken up from the ledger's cells;
// the others are as they were.
func TestAnObjectiveThatIsNewToASnapshot(t *testing.T) {
	const perCell = 10
	all := three(t)
	known, err := slo.New(slo.Settings{Tick: tick, Scale: 1}, all.Objectives()[:2])
	if err != nil {
		t.Fatal(err)
	}
	at := start.Truncate(perCell * tick)
	var past []slo.Past
	for n := range 300 * perCell {
		at = at.Add(tick)
		ev := slo.Event{Bad: uint64(n % 7 / 6), Total: 10, Observed: true}
		for _, e := range []*slo.Engine{all, known} {
			e.Advance(at)
			for i := range e.Objectives() {
				e.Observe(i, ev)
			}
		}
		if n%perCell == 0 {
			past = append(past, slo.Past{Objective: 2, Width: perCell * tick, Expected: perCell})
		}
		p := &past[len(past)-1]
		p.End, p.Bad, p.Total, p.Observed = at, p.Bad+ev.Bad, p.Total+ev.Total, p.Observed+1
	}
	again := three(t)
	if err := again.Restore(known.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2}, again.Fresh()); diff != "" {
		t.Errorf("new to the snapshot (-want +got):\n%s", diff)
	}
	if total := again.State(2).Period.Total; total != 0 {
		t.Errorf("before it is recalled %d events are known of it", total)
	}
	again.Recall(slices.Values(past))
	for i := range 3 {
		was, is := all.State(i), again.State(i)
		if diff := cmp.Diff(was.Period, is.Period); diff != "" {
			t.Errorf("objective %d, 30 days (-was +is):\n%s", i, diff)
		}
		if diff := cmp.Diff(was.Burns[2].Long, is.Burns[2].Long); diff != "" {
			t.Errorf("objective %d, a day (-was +is):\n%s", i, diff)
		}
	}
	if len(again.Fresh()) != 0 {
		t.Error("it would be recalled again")
	}
}
