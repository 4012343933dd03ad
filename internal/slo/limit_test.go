package slo

import (
	"math/big"
	"testing"
	"time"
)

// The table says for every total and every number of bad events what the bound
// says.
func TestEvidenceIsTheBound(t *testing.T) {
	for name, limit := range map[string]*big.Rat{
		"a loose limit":       big.NewRat(9, 10),
		"a strict one":        big.NewRat(9, 625),
		"the cap of a budget": big.NewRat(999, 1000),
		"one in twenty":       big.NewRat(1, 20),
	} {
		t.Run(name, func(t *testing.T) {
			most, plenty := Evidence(limit)
			r := ratio{limit.Num().Uint64(), limit.Denom().Uint64()}
			for total := uint64(1); total < plenty+20; total++ {
				needed := uint64(1)
				for _, n := range most {
					if total > n && total < plenty {
						needed++
					}
				}
				for bad := uint64(0); bad <= min(total, 20); bad++ {
					want := significant(Window{Bad: bad, Total: total}, r)
					if got := bad >= needed; got != want {
						t.Fatalf("%d of %d: %v, want %v; the table is %v up to %d", bad, total, got, want, most, plenty)
					}
				}
			}
		})
	}
}

func TestLimit(t *testing.T) {
	fast := BurnWindows()[0]
	for name, tt := range map[string]struct{ target, want *big.Rat }{
		"14.4 times a thousandth":                      {big.NewRat(999, 1000), big.NewRat(9, 625)},
		"never above everything: an outage must burn": {big.NewRat(9, 10), big.NewRat(999, 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fast.Limit(tt.target); got.Cmp(tt.want) != 0 {
				t.Errorf("Limit(%v) = %v, want %v", tt.target, got, tt.want)
			}
		})
	}
}

func TestTicks(t *testing.T) {
	s := Settings{Tick: 30 * time.Second, Scale: 0.1}
	for window, want := range map[time.Duration]int64{5 * time.Minute: 1, time.Hour: 12, 6 * time.Hour: 72, time.Minute: 1} {
		if got := s.Ticks(window); got != want {
			t.Errorf("Ticks(%v) = %d, want %d", window, got, want)
		}
	}
}
