package slo

import (
	"math/big"
	"time"
)

// ExactTicks is the longest window that is exact to the tick. Longer ones
// begin with a cell of CellTicks ticks or more, on a grid counted from the
// epoch, and so hold up to a cell more than their length.
const (
	ExactTicks = cells0
	CellTicks  = ticksL1
)

// Limit returns the error ratio above which the pair burns for a target: factor
// × (1 − target), and just below 1 where that would be more than everything, so
// that a total outage burns however loose the target.
func (b BurnWindow) Limit(target *big.Rat) *big.Rat {
	budget := new(big.Rat).Sub(big.NewRat(1, 1), target)
	limit := budget.Mul(budget, b.Factor())
	if limit.Cmp(big.NewRat(1, 1)) >= 0 {
		return big.NewRat(999, 1000)
	}
	return limit
}

// Ticks returns the length of a window on the grid, scaled and rounded up.
func (s Settings) Ticks(window time.Duration) int64 {
	scaled := time.Duration(float64(window) * s.Scale)
	return max(1, int64((scaled+s.Tick-1)/s.Tick))
}

// Evidence is the low-traffic guard of a limit as a table, for those who can
// count but not compute a binomial bound: k bad events are evidence among at
// most most[k-1] events, and any number is among plenty events and more, where
// the ratio speaks for itself. most ends where it covers all totals below
// plenty.
func Evidence(limit *big.Rat) (most []uint64, plenty uint64) {
	r := ratio{limit.Num().Uint64(), limit.Denom().Uint64()}
	// last returns the last n from low on for which holds still holds, given
	// that it holds for low and, once it does not, never again.
	last := func(low uint64, holds func(n uint64) bool) uint64 {
		high := low + 1
		for holds(high) {
			low, high = high, 2*high
		}
		for high-low > 1 {
			if mid := low + (high-low)/2; holds(mid) {
				low = mid
			} else {
				high = mid
			}
		}
		return low
	}
	enough := func(k, n uint64) bool { return significant(Window{Bad: k, Total: n}, r) }
	one := last(0, func(n uint64) bool { return enough(1, n) })
	plenty = last(one+1, func(n uint64) bool { return !enough(1, n) }) + 1
	for most = []uint64{one}; most[len(most)-1]+1 < plenty; {
		k := uint64(len(most)) + 1
		most = append(most, last(max(k-1, most[k-2]), func(n uint64) bool { return n < plenty && enough(k, n) }))
	}
	return most, plenty
}
