package slo

import (
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What others are given to compare says of every window what the engine says.
func TestThresholdIsWhatTheEngineCompares(t *testing.T) {
	for name, target := range map[string]*big.Rat{
		"a strict target": big.NewRat(999, 1000), "a loose one": big.NewRat(95, 100), "one that an outage must still miss": big.NewRat(9, 10),
	} {
		t.Run(name, func(t *testing.T) {
			b := BurnWindows()[0]
			at, err := b.Threshold(target)
			if err != nil {
				t.Fatal(err)
			}
			ratio, _ := limitOf(new(big.Rat).Sub(big.NewRat(1, 1), target), b)
			l := newLimit(ratio)
			needed := func(most []uint64, total uint64) uint64 {
				n := uint64(1)
				for _, m := range most {
					if total > m && total < at.Plenty {
						n++
					}
				}
				return n
			}
			for total := uint64(1); total < min(at.Plenty+20, 500); total++ {
				for bad := uint64(0); bad <= min(total, 25); bad++ {
					s := &sum{bad: bad, total: total}
					if got := bad >= needed(at.Enough, total); got != l.enough(s) {
						t.Fatalf("%d of %d enough: %v, want %v", bad, total, got, l.enough(s))
					}
					if got := bad >= needed(at.Sure, total); got != l.sure(s) {
						t.Fatalf("%d of %d sure: %v, want %v", bad, total, got, l.sure(s))
					}
					if got := bad*at.Den > total*at.Num; got != l.exceeded(s, 1, 1) {
						t.Fatalf("%d of %d above: %v, want %v", bad, total, got, l.exceeded(s, 1, 1))
					}
				}
			}
		})
	}
}

func TestThresholdOfTooManyDigits(t *testing.T) {
	target, _ := new(big.Rat).SetString("0.99999999999999999999999")
	if _, err := BurnWindows()[0].Threshold(target); err == nil {
		t.Error("a target that cannot be compared exactly is taken")
	}
}

// Recents and Grid are where the engine itself has its windows.
func TestRecentsAndGridAreTheEngines(t *testing.T) {
	for name, s := range map[string]Settings{
		"as in production": {Tick: 30 * time.Second, Scale: 1},
		"as in a demo":     {Tick: 5 * time.Second, Scale: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(s, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, b := range BurnWindows() {
				var want []time.Duration
				for _, w := range e.pairs[i].recent {
					want = append(want, e.windows[w])
				}
				if diff := cmp.Diff(want, Recents(b, BurnWindows())); diff != "" {
					t.Errorf("%s (-engine +Recents):\n%s", b.Name, diff)
				}
			}
			for i, d := range e.windows {
				span := e.spans[i]
				if ticks, cell := s.Grid(d); ticks != span.ticks || cell != e.rings[span.level].ticks {
					t.Errorf("Grid(%v) = %d, %d, want %d, %d", d, ticks, cell, span.ticks, e.rings[span.level].ticks)
				}
			}
		})
	}
}
