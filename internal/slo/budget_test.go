package slo_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

const grid = 30 * time.Second

// november is the month in Vienna: an hour longer than thirty days would be in
// October, and not in November.
func month(tb testing.TB, name string) slo.Span {
	tb.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		tb.Fatal(err)
	}
	from, err := time.ParseInLocation("2006-01", name, zone)
	if err != nil {
		tb.Fatal(err)
	}
	return slo.Span{Name: name, From: from, To: from.AddDate(0, 1, 0)}
}

// share is what may fail below a target.
func share(target process.Share) uint64 { return uint64(process.Whole - target) }

func seen(bad, total uint64) slo.Count {
	return slo.Count{Event: slo.Event{Bad: bad, Total: total, Observed: true}}
}

func out(bad, total uint64) slo.Count {
	c := seen(bad, total)
	c.Excluded = true
	return c
}

// What is left is compared to the digit, also where a float would not be.
func TestABudgetIsComparedExactly(t *testing.T) {
	tests := map[string]struct {
		bad, total uint64
		target     process.Share
		left       process.Share
		want       bool
	}{
		"untouched is more than half":                {0, 1000, 99 * process.Percent, 50 * process.Percent, false},
		"exactly half is at most half":               {5, 1000, 99 * process.Percent, 50 * process.Percent, true},
		"one event less is more than half":           {4, 1000, 99 * process.Percent, 50 * process.Percent, false},
		"exactly at the target nothing is left":      {1, 1000, 99.9 * process.Percent, 0, true}, // 1-0.999 is less than 0.001 as a float
		"one below the target something is left":     {0, 1000, 99.9 * process.Percent, 0, false},
		"overspent":                                  {10, 1000, 99.9 * process.Percent, 0, true},
		"nothing happened":                           {0, 0, 99.9 * process.Percent, process.Whole, false},
		"none may fail: there is no budget":          {3, 1000, process.Whole, process.Whole, false},
		"numbers that fit into 64 bits barely":       {1 << 62, math.MaxUint64, 99 * process.Percent, 0, true},
		"numbers that fit into 64 bits barely, fine": {0, math.MaxUint64, 0.0000001 * process.Percent, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := slo.NewBalance(tt.bad, tt.total, share(tt.target)).AtMost(uint64(tt.left)); got != tt.want {
				t.Errorf("AtMost(%s) = %v, want %v", tt.left, got, tt.want)
			}
		})
	}
}

func TestAtMostAgreesWithFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Uint64Range(1, 1<<40).Draw(t, "total")
		bad := rapid.Uint64Range(0, total).Draw(t, "bad")
		allowed := rapid.Uint64Range(1, 1e9).Draw(t, "allowed")
		left := rapid.Uint64Range(0, 1e9).Draw(t, "left")
		rat := func(n uint64) *big.Rat { return new(big.Rat).SetInt(new(big.Int).SetUint64(n)) }
		whole := rat(1e9)
		budget := new(big.Rat).Mul(rat(total), new(big.Rat).Quo(rat(allowed), whole))
		remaining := new(big.Rat).Sub(big.NewRat(1, 1), new(big.Rat).Quo(rat(bad), budget))
		want := remaining.Cmp(new(big.Rat).Quo(rat(left), whole)) <= 0
		b := slo.NewBalance(bad, total, allowed)
		if got := b.AtMost(left); got != want {
			t.Fatalf("AtMost = %v, want %v: %s left", got, want, remaining.FloatString(12))
		}
		got, ok := b.Remaining()
		if exact, _ := remaining.Float64(); !ok || math.Abs(got-exact) > 1e-9*max(1, math.Abs(exact)) {
			t.Fatalf("Remaining = %v, %v, want %v", got, ok, exact)
		}
	})
}

// A month is counted from its first instant to its last in the entity's zone,
// the hour that clocks gain included.
func TestAnAlignedBudgetCountsItsSpanOnly(t *testing.T) {
	for name, length := range map[string]time.Duration{"2026-10": 31*24*time.Hour + time.Hour, "2026-11": 30 * 24 * time.Hour, "2026-03": 31*24*time.Hour - time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := month(t, name)
			if s.Length() != length {
				t.Fatalf("the month has %v, want %v", s.Length(), length)
			}
			a := slo.NewAligned(grid, nil)
			a.Begin(s)
			ticks := 0
			for at := s.From.Add(-2 * grid); !at.After(s.To.Add(2 * grid)); at = at.Add(grid) {
				a.Observe(at, seen(1, 2), share(99*process.Percent))
				ticks++
			}
			raw := a.Raw()
			if want := uint64(length / grid); raw.Total != 2*want || raw.Bad != want {
				t.Errorf("counted %d of %d in %d ticks, want %d of %d", raw.Bad, raw.Total, ticks, want, 2*want)
			}
			if m := a.Measured(s.To.Add(time.Hour)); m != 1 {
				t.Errorf("measured %v of it", m)
			}
		})
	}
}

// The tick at the end of a span counts what happened before it; the one at its
// beginning what happened before the span.
func TestWhereASpanBegins(t *testing.T) {
	s := month(t, "2026-11")
	a := slo.NewAligned(grid, nil)
	a.Begin(s)
	a.Observe(s.From, seen(7, 7), 0)
	a.Observe(s.From.Add(grid), seen(0, 1), 0)
	a.Observe(s.To, seen(0, 2), 0)
	a.Observe(s.To.Add(grid), seen(7, 7), 0)
	if got := a.Raw(); got.Total != 3 || got.Bad != 0 {
		t.Errorf("counted %d of %d, want 0 of 3", got.Bad, got.Total)
	}
}

func TestAChangeOfTheTargetAddsUp(t *testing.T) {
	a := slo.NewAligned(grid, nil)
	s := month(t, "2026-11")
	a.Begin(s)
	a.Observe(s.From.Add(grid), seen(5, 1000), share(99*process.Percent))     // ten may fail
	a.Observe(s.From.Add(2*grid), seen(0, 1000), share(99.9*process.Percent)) // one more
	a.Observe(s.From.Add(3*grid), seen(0, 1000), share(process.Whole))        // none
	a.Observe(s.From.Add(4*grid), seen(0, 1000), share(99*process.Percent))   // ten again
	raw := a.Raw()
	if n := raw.Allowed.Events(); n != 21 {
		t.Errorf("%d may fail, want 21", n)
	}
	if left, ok := raw.Remaining(); !ok || math.Abs(left-16.0/21) > 1e-12 {
		t.Errorf("left %v, %v, want 16/21", left, ok)
	}
	only := slo.NewAligned(grid, nil)
	only.Begin(s)
	only.Observe(s.From.Add(grid), seen(5, 1000), share(process.Whole))
	if left, ok := only.Raw().Remaining(); ok {
		t.Errorf("where none may fail, %v is left; want no budget at all, not infinity", left)
	}
}

// Raw and adjusted are side by side, and maintenance is bounded.
func TestMaintenanceIsLeftOutUpToALimit(t *testing.T) {
	s := slo.Span{From: time.Unix(0, 0).UTC(), To: time.Unix(0, 0).UTC().Add(1000 * grid)} // of which twenty ticks may be left out
	a := slo.NewAligned(grid, nil)
	a.Begin(s)
	at := s.From
	observe := func(n int, c slo.Count) {
		for range n {
			at = at.Add(grid)
			a.Observe(at, c, share(90*process.Percent))
		}
	}
	observe(10, seen(0, 10))
	observe(20, out(10, 10))
	adjusted, capped := a.Adjusted()
	if raw := a.Raw(); raw.Bad != 200 || raw.Total != 300 || adjusted.Bad != 0 || adjusted.Total != 100 || capped {
		t.Errorf("raw %d of %d, adjusted %d of %d, capped %v", raw.Bad, raw.Total, adjusted.Bad, adjusted.Total, capped)
	}
	if n := adjusted.Allowed.Events(); n != 10 {
		t.Errorf("the adjusted budget allows %d, want 10: what is left out is not allowed for either", n)
	}
	observe(1, out(10, 10))
	if adjusted, capped = a.Adjusted(); adjusted.Bad != 10 || !capped {
		t.Errorf("beyond the limit %d are bad, capped %v; want 10 and that it says so", adjusted.Bad, capped)
	}
}

// What is taken up from cells is what ticks came to: a restart changes nothing.
func TestABudgetIsTakenUpFromCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := time.UTC
		s := slo.Span{From: time.Date(2026, 11, 1, 0, 0, 0, 0, zone), To: time.Date(2026, 11, 2, 0, 0, 0, 0, zone)}
		rules := []slo.PhaseRule{{Phase: "close", Weight: 3, Share: uint64(25 * process.Percent)}}
		live, taken := slo.NewAligned(grid, rules), slo.NewAligned(grid, rules)
		live.Begin(s)
		taken.Begin(s)
		cells := rapid.IntRange(1, 40).Draw(t, "cells")
		restart := rapid.IntRange(0, cells).Draw(t, "restart")
		start := s.From.Add(time.Duration(rapid.IntRange(-20, 280).Draw(t, "start")) * 5 * time.Minute)
		for n := range cells {
			phase := rapid.SampledFrom([]string{"normal", "close"}).Draw(t, "phase")
			excluded := rapid.Bool().Draw(t, "excluded")
			c := slo.Cell{End: start.Add(time.Duration(n+1) * 5 * time.Minute), Length: 5 * time.Minute, Phase: phase}
			for k := range 10 {
				total := rapid.Uint64Range(0, 5).Draw(t, "total")
				count := slo.Count{
					Event: slo.Event{Bad: rapid.Uint64Range(0, total).Draw(t, "bad"), Total: total, Observed: true}, Phase: phase, Excluded: excluded,
				}
				live.Observe(c.End.Add(time.Duration(k-9)*grid), count, 5_000_000)
				if n >= restart {
					taken.Observe(c.End.Add(time.Duration(k-9)*grid), count, 5_000_000)
				}
				c.Bad, c.Total, c.Observed = c.Bad+count.Bad, c.Total+count.Total, c.Observed+1
				if excluded {
					c.BadOut, c.TotalOut = c.Bad, c.Total
				}
			}
			if n < restart {
				taken.Resume(c, 5_000_000)
			}
		}
		if !cmp.Equal(live.Raw(), taken.Raw(), cmp.AllowUnexported(slo.Allowance{})) {
			t.Fatalf("raw: live %+v, taken up %+v", live.Raw(), taken.Raw())
		}
		w1, ok1 := live.Weighted()
		w2, ok2 := taken.Weighted()
		p1, _ := live.OfPhase("close")
		p2, _ := taken.OfPhase("close")
		if ok1 != ok2 || !cmp.Equal(w1, w2, cmp.AllowUnexported(slo.Allowance{})) || !cmp.Equal(p1, p2, cmp.AllowUnexported(slo.Allowance{})) {
			t.Fatalf("by phase: live %+v %+v, taken up %+v %+v", w1, p1, w2, p2)
		}
		at := start.Add(time.Duration(cells) * 5 * time.Minute)
		if m1, m2 := live.Measured(at), taken.Measured(at); m1 != m2 {
			t.Fatalf("measured: live %v, taken up %v", m1, m2)
		}
	})
}

func TestPhasesWeighAndHaveTheirShare(t *testing.T) {
	a := slo.NewAligned(grid, []slo.PhaseRule{{Phase: "close", Weight: 3, Share: uint64(25 * process.Percent)}})
	s := month(t, "2026-11")
	a.Begin(s)
	inPhase := func(n int, phase string, bad, total uint64) {
		c := seen(bad, total)
		c.Phase = phase
		a.Observe(s.From.Add(time.Duration(n)*grid), c, share(99*process.Percent))
	}
	inPhase(1, "normal", 2, 600)
	inPhase(2, "close", 1, 400)
	weighted, ok := a.Weighted()
	if !ok || weighted.Bad != 5 || weighted.Total != 1800 || weighted.Allowed.Events() != 18 {
		t.Errorf("weighted %+v, %v; want 2+3·1 of 600+3·400, of which eighteen may fail", weighted, ok)
	}
	close, ok := a.OfPhase("close") // a quarter of the ten that may fail
	if left, known := close.Remaining(); !ok || !known || math.Abs(left-0.6) > 1e-12 {
		t.Errorf("of the close's part %v is left, want 1 - 1/2.5", left)
	}
	if _, ok := a.OfPhase("normal"); ok {
		t.Error("something is kept for a phase that has no share")
	}
	plain := slo.NewAligned(grid, nil)
	plain.Begin(s)
	if _, ok := plain.Weighted(); ok {
		t.Error("events weigh though nobody said so")
	}
}

func TestWhatABudgetComesTo(t *testing.T) {
	s := slo.Span{From: time.Unix(0, 0).UTC(), To: time.Unix(0, 0).UTC().Add(1000 * grid)}
	begun := func(bad, total uint64) *slo.Aligned {
		a := slo.NewAligned(grid, nil)
		a.Begin(s)
		a.Observe(s.From.Add(250*grid), seen(bad, total), share(99*process.Percent))
		return a
	}
	at := s.From.Add(250 * grid)
	if o, ok := begun(4, 1000).Ahead(at, slo.Window{Bad: 1, Total: 100}); !ok || o.Total != 4000 || o.EventsLeft != 36 || math.Abs(o.Remaining-(1-34.0/40)) > 1e-9 {
		t.Errorf("a quarter in, %+v, %v; want 4000 events, 36 left, and 4+30 of 40 bad at the end", o, ok)
	}
	if o, ok := begun(100, 1000).Ahead(at, slo.Window{}); !ok || o.EventsLeft != -60 {
		t.Errorf("overspent, %+v, %v; want 60 too many", o, ok)
	}
	if o, ok := begun(0, 0).Ahead(at, slo.Window{}); ok {
		t.Errorf("before anything happened, %+v", o)
	}
	if o, ok := begun(1, 10).Ahead(s.From.Add(grid), slo.Window{}); ok {
		t.Errorf("a thousandth in, %+v: that says nothing", o)
	}
}

// The close is extended: its budget goes on.
func TestASpanWhoseEndMovesGoesOn(t *testing.T) {
	s := month(t, "2026-11")
	a := slo.NewAligned(grid, nil)
	a.Begin(s)
	a.Observe(s.From.Add(grid), seen(1, 10), 0)
	s.To = s.To.Add(24 * time.Hour)
	a.Begin(s)
	if a.Raw().Total != 10 || !a.Span().To.Equal(s.To) {
		t.Errorf("counted %d until %v", a.Raw().Total, a.Span().To)
	}
	a.Begin(month(t, "2026-12"))
	if a.Raw().Total != 0 {
		t.Errorf("the next month begins with %d", a.Raw().Total)
	}
}

func TestRollingMaintenanceLeaves(t *testing.T) {
	r := slo.NewRolling(slo.Period)
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	r.Observe(at, time.Hour, 5, 10)
	w := slo.Window{Bad: 6, Total: 100}
	b, capped := r.Adjusted(w, share(99*process.Percent))
	if b.Bad != 1 || b.Total != 90 || capped {
		t.Errorf("adjusted %d of %d, capped %v", b.Bad, b.Total, capped)
	}
	r.Observe(at.Add(time.Hour), 14*time.Hour, 1, 1)
	if _, capped := r.Adjusted(w, 0); !capped {
		t.Error("fifteen hours are more than 2 % of thirty days, and nothing says so")
	}
	r.Advance(at.Add(slo.Period + 2*time.Hour))
	if b, capped := r.Adjusted(w, 0); b.Bad != 6 || b.Total != 100 || capped {
		t.Errorf("thirty days later %d of %d, capped %v", b.Bad, b.Total, capped)
	}
}
