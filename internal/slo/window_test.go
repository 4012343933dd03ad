package slo_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/slo"
)

// A lesson is what a plain list of ticks says.
type lesson struct {
	bad, total, seen []uint64 // sums of all up to a tick, the first at place 1
}

func (l *lesson) add(ev slo.Event) {
	last := func(of []uint64) uint64 {
		if len(of) == 0 {
			return 0
		}
		return of[len(of)-1]
	}
	var seen uint64
	if ev.Observed {
		seen = 1
	}
	l.bad, l.total, l.seen = append(l.bad, last(l.bad)+ev.Bad), append(l.total, last(l.total)+ev.Total), append(l.seen, last(l.seen)+seen)
}

// last is what the newest n ticks add up to.
func last(of []uint64, n int64) uint64 {
	all := of[len(of)-1]
	if before := int64(len(of)) - 1 - n; before >= 0 {
		return all - of[before]
	}
	return all
}

// check compares a window with the list: at least its length, at most one cell
// more.
func (l *lesson) check(rt *rapid.T, w slo.Window) {
	rt.Helper()
	n, cell := int64(w.Length/tick), int64(0)
	switch {
	case w.Length > 72*time.Hour:
		cell = 120
	case w.Length > 6*time.Hour:
		cell = 10
	}
	for _, x := range []struct {
		name string
		got  uint64
		of   []uint64
	}{{"bad", w.Bad, l.bad}, {"total", w.Total, l.total}} {
		if low, high := last(x.of, n), last(x.of, n+cell); x.got < low || x.got > high {
			rt.Fatalf("%s of %v = %d, want %d to %d", x.name, w.Length, x.got, low, high)
		}
	}
	low, high := float64(last(l.seen, n))/float64(n), float64(last(l.seen, n+cell))/float64(n)
	if w.Measured < min(low, 1)-1e-12 || w.Measured > min(high, 1)+1e-12 {
		rt.Fatalf("measured of %v = %v, want %v to %v", w.Length, w.Measured, low, high)
	}
}

// Windows agree with a plain list of ticks, through traffic, silence and ticks
// that never were: those of up to six hours exactly, those of up to three days
// but for five minutes, those of thirty days but for an hour.
func TestWindowsAgreeWithBruteForce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := engine(t, "99%", 1)
		var l lesson
		l.add(slo.Event{}) // ticks are counted from 1
		now := start.UnixNano()/int64(tick) + rapid.Int64Range(0, 400).Draw(rt, "begins")
		for range rapid.IntRange(1, 12).Draw(rt, "runs") {
			gap := rapid.SampledFrom([]int{0, 0, 0, 1, 7, 119, 300, 719, 720, 2000, 9000, 30000, 86000, 90000}).Draw(rt, "gap")
			if len(l.bad) > 1 {
				for range gap {
					l.add(slo.Event{})
				}
				now += int64(gap)
			}
			busy, answers := rapid.IntRange(0, 9).Draw(rt, "busy"), rapid.IntRange(0, 3).Draw(rt, "answers") > 0
			random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(rt, "seed")))
			for range rapid.IntRange(1, 400).Draw(rt, "length") {
				ev := slo.Event{Observed: answers}
				if answers && busy > 0 {
					ev.Total = uint64(random.IntN(busy))
					ev.Bad = uint64(random.IntN(int(ev.Total) + 1))
				}
				if !e.Advance(time.Unix(0, now*int64(tick))) {
					rt.Fatal("time stood still")
				}
				e.Observe(0, ev)
				l.add(ev)
				now++
			}
			st := e.State(0)
			l.check(rt, st.Period)
			for _, b := range st.Burns {
				l.check(rt, b.Long)
				l.check(rt, b.Short)
			}
		}
	})
}

// A year of a probe that is asked twenty times an hour and fails by chance once
// in a thousand times pages at most once; two failures in a row page at once.
func TestAYearOfAProbeThatFailsByChance(t *testing.T) {
	h := begin(t, "99.9%", 2)
	random := rand.New(rand.NewPCG(2026, 1))
	pages, paging := 0, false
	page := func() bool { return h.Firing(0, 0) || h.Firing(0, 1) }
	step := func(probed, failed bool) {
		ev := slo.Event{Observed: true}
		if probed {
			ev.Total = 1
			if failed {
				ev.Bad = 1
			}
		}
		h.Advance(h.at)
		h.Observe(0, ev)
		h.at = h.at.Add(tick)
	}
	failures := 0
	for i := range 365 * 2880 {
		failed := i%6 == 0 && random.IntN(1000) == 0
		if failed {
			failures++
		}
		step(i%6 == 0, failed)
		if now := page(); now != paging {
			paging = now
			if now {
				pages++
			}
		}
	}
	if pages > 1 || failures < 100 {
		t.Errorf("%d pages for %d failures by chance in a year, want at most one", pages, failures)
	}
	h = begin(t, "99.9%", 2)
	for i := range 2880 {
		step(i%6 == 0, false)
	}
	step(true, true)
	if page() {
		t.Error("one failure pages")
	}
	for range 5 {
		step(false, false)
	}
	step(true, true)
	if !page() {
		t.Error("two failures in a row do not page")
	}
}

// Where a probe is asked so rarely that five minutes hold one run, or none, two
// failures in a row page all the same, and the page ends; where it is asked more
// often than every three minutes, three or four do.
func TestProbesAreJudgedByTheirPace(t *testing.T) {
	for minutes, failures := range map[int]int{1: 4, 2: 3, 3: 2, 5: 2, 10: 2, 15: 2, 20: 2, 30: 2, 60: 2} {
		h := begin(t, "99.9%", 2)
		interval := 2 * minutes
		run := func(n int, bad uint64) (paged bool) {
			for range n {
				h.ticks(1, every(bad, 1))
				paged = h.Firing(0, 0) || h.Firing(0, 1)
				h.ticks(interval-1, every(0, 0))
			}
			return paged
		}
		run(2880/interval, 0)
		if run(failures-1, 1) {
			t.Errorf("every %d min: fewer than %d failures page", minutes, failures)
		}
		if !run(1, 1) {
			t.Errorf("every %d min: %d failures in a row do not page", minutes, failures)
		}
		if run(4*60/minutes, 0) {
			t.Errorf("every %d min: it still pages after four good hours", minutes)
		}
	}
}

// An outage is one burn from its beginning to its end, also where five minutes
// hold but a few events; and half an outage burns most of the time.
func TestAThinBurn(t *testing.T) {
	for name, tt := range map[string]struct{ of, changes, firing int }{"an outage": {1, 1, 220}, "half of one": {2, 20, 200}} {
		h := begin(t, "99.9%", 3)
		random := rand.New(rand.NewPCG(3, 4))
		h.ticks(2880, every(0, 1))
		changes, firing, was := 0, 0, false
		for range 240 { // two hours of four events in five minutes
			h.ticks(1, func(int) slo.Event {
				ev := slo.Event{Observed: true}
				if random.IntN(10) < 4 {
					ev.Total = 1
					if random.IntN(tt.of) == 0 {
						ev.Bad = 1
					}
				}
				return ev
			})
			now := h.Firing(0, 0)
			if now != was {
				changes, was = changes+1, now
			}
			if now {
				firing++
			}
		}
		if changes > tt.changes || firing < tt.firing {
			t.Errorf("%s: fired in %d of 240 ticks, with %d changes; want %d and at most %d", name, firing, changes, tt.firing, tt.changes)
		}
	}
}

// Nothing exported is ever NaN or infinite, no count ever falls below zero or
// above what can be counted, and what fires does not depend on who looks.
// CLOSEWATCH_SLO_TICKS=100000000 makes it the long run.
func TestRandomTicks(t *testing.T) {
	ticks := 1_000_000
	if s := os.Getenv("CLOSEWATCH_SLO_TICKS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		ticks = n
	}
	random := rand.New(rand.NewPCG(5, 6))
	looked, blind := engine(t, "99.9%", 2), engine(t, "99.9%", 2)
	sizes := []uint64{0, 0, 0, 1, 2, 10, 1000, 1 << 20, math.MaxUint32, math.MaxUint64}
	now := start.UnixNano() / int64(tick)
	var st slo.State
	for i := range ticks {
		switch n := random.IntN(10_000); {
		case n < 2:
			now += int64(random.IntN(100_000))
		case n < 20:
			now += int64(random.IntN(2000))
		case n < 30:
			now -= int64(random.IntN(2000)) // nothing moves until it has caught up
		default:
			now++
		}
		both := i <= ticks/5 // the other is for comparing; a fifth is enough
		looked.Advance(time.Unix(0, now*int64(tick)))
		if both {
			blind.Advance(time.Unix(0, now*int64(tick)))
		}
		for range random.IntN(3) {
			ev := slo.Event{Bad: sizes[random.IntN(len(sizes))], Total: sizes[random.IntN(len(sizes))], Observed: random.IntN(20) > 0}
			if random.IntN(4) > 0 {
				ev.Bad = min(ev.Bad, ev.Total/1000)
			}
			looked.Observe(0, ev)
			if both {
				blind.Observe(0, ev)
			}
		}
		for burn := 0; i == ticks/5 && burn < len(slo.BurnWindows()); burn++ {
			if looked.Firing(0, burn) != blind.Firing(0, burn) {
				t.Errorf("burn %d fires where somebody looked: %v, and where nobody did: %v", burn, looked.Firing(0, burn), blind.Firing(0, burn))
			}
		}
		if i%8 != 0 {
			continue
		}
		if looked.Read(0, &st); !sane(&st) {
			t.Fatalf("after %d ticks: %+v", i, st)
		}
	}
	looked.Read(0, &st)
	restored := engine(t, "99.9%", 2)
	if err := restored.Restore(looked.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
	if got := restored.State(0); got.Period != st.Period || got.Remaining != st.Remaining {
		t.Errorf("the sums are %+v, and their cells add up to %+v", st.Period, got.Period)
	}
}

func sane(st *slo.State) bool {
	const most = math.MaxUint32 * 900
	window := func(w *slo.Window) bool {
		return w.Bad <= w.Total && w.Total <= most && w.Measured >= 0 && w.Measured <= 1 && w.Begun <= w.Ticks
	}
	finite := func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
	if !finite(st.Remaining) || !window(&st.Period) {
		return false
	}
	for i := range st.Burns {
		b := &st.Burns[i]
		if !finite(b.Rate) || !window(&b.Long) || !window(&b.Short) || !window(&b.Recent) {
			return false
		}
	}
	return true
}
