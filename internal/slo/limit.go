package slo

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"slices"
	"time"
)

// A Threshold is when a burn window burns for a target, in numbers that others
// can compare as the engine does.
type Threshold struct {
	Num, Den uint64 // the error ratio above which it burns
	// At place n-1, the largest number of events among which n bad ones are
	// evidence, and among which they all but rule out chance. Beyond the end, and
	// among Plenty events and more, any number is.
	Enough, Sure []uint64
	Plenty       uint64
}

// Threshold works out when the pair burns for a target.
func (b BurnWindow) Threshold(target *big.Rat) (Threshold, error) {
	at, ok := limitOf(new(big.Rat).Sub(big.NewRat(1, 1), target), b)
	if !ok {
		return Threshold{}, fmt.Errorf("slo: the target %s has too many digits to be compared exactly; eighteen are enough", target.RatString())
	}
	l := newLimit(at)
	t := Threshold{Num: at.num, Den: at.den, Enough: l.doubtful, Sure: l.certain, Plenty: math.MaxUint64}
	if high, low := bits.Mul64(plenty, at.den); high < at.num {
		quotient, rest := bits.Div64(high, low, at.num)
		t.Plenty = quotient + min(rest, 1)
	}
	return t, nil
}

// Recents are the windows that say whether the burn of a pair goes on, among
// those of all pairs: the short one, and the longer ones up to half of the long
// one that take its place while it holds too few events.
func Recents(b BurnWindow, all []BurnWindow) []time.Duration {
	out := []time.Duration{b.Short}
	for _, other := range all {
		for _, d := range []time.Duration{other.Lookback, other.Short} {
			if d > b.Short && d <= b.Lookback/2 && !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Grid returns the length of a window in ticks, and that of the cells it is made
// of: a window of cells of one tick is exact, others keep one cell more, which is
// still filling. Cells are counted from the epoch and end with a tick whose
// number is a multiple of their length.
func (s Settings) Grid(window time.Duration) (ticks, cell int64) {
	of := resolutions()
	level := slices.IndexFunc(of[:], func(r resolution) bool { return window <= r.reach })
	if level < 0 {
		level = len(of) - 1
	}
	r := newRing(of[level], s.Tick, s.Scale, 0)
	return ticksOf(window, s.Tick, s.Scale), r.ticks
}
