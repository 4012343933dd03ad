package slo

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"sort"
)

// Among few events a ratio says little: two bad ones of six are no proof that
// more than thirty in a hundred go wrong. So, besides the ratio, a burn needs a
// number of bad events that would come by chance in fewer than one case in
// twenty if the ratio were just the limit. This is the one-sided exact binomial
// bound of Clopper and Pearson (1934), "The use of confidence or fiducial limits
// illustrated in the case of the binomial", Biometrika 26(4).
//
// A probe that is asked twenty times an hour draws that lot again and again: in
// a year a single failure in a thousand makes three pairs of them within an hour
// each. So, where chance is not all but ruled out, what is recent must hold as
// many bad events as it takes for a burn at all.
const (
	// plenty is the number of bad events to be expected at the limit from which
	// a ratio speaks for itself: the usual rule for trusting a proportion.
	plenty = 5
	// precision of the probabilities, in bits: what is a decision on one machine
	// is the same on another.
	precision = 128
)

// doubt is the probability of a false burn that is accepted, where it is seen to
// go on and where it is not.
func doubt() (inTwenty, inAThousand *big.Float) {
	return oneIn(20), oneIn(1000)
}

func oneIn(n int64) *big.Float {
	return new(big.Float).SetPrec(precision).SetRat(big.NewRat(1, n))
}

// A ratio is num/den in lowest terms.
type ratio struct{ num, den uint64 }

// A limit is an error ratio at which something burns, with what is needed to
// compare quickly and exactly.
type limit struct {
	ratio
	// At place n-1, the largest number of events among which n bad ones are
	// evidence, in doubt of one in twenty and of one in a thousand. Beyond the
	// end any number is.
	doubtful, certain []uint64
}

// limitOf is the error ratio at which a budget burns. ok is false when it cannot
// be compared in integers.
func limitOf(budget *big.Rat, b BurnWindow) (_ ratio, ok bool) {
	r := new(big.Rat).Mul(b.Factor(), budget)
	if r.Cmp(big.NewRat(1, 1)) >= 0 { // more than everything cannot fail: total outage must still burn
		r = big.NewRat(999, 1000)
	}
	return ratio{r.Num().Uint64(), r.Denom().Uint64()}, r.Num().IsUint64() && r.Denom().IsUint64()
}

func newLimit(at ratio) *limit {
	inTwenty, inAThousand := doubt()
	c := newChance(at)
	return &limit{at, c.evidence(inTwenty), c.evidence(inAThousand)}
}

// A chance is how often events are bad that are bad with a probability.
type chance struct {
	few     uint64       // this many events and more speak for themselves
	odds    *big.Float   // of being bad
	squares []*big.Float // the probability of being good, to the power of 1, 2, 4, 8 and so on
}

func newChance(at ratio) *chance {
	p := new(big.Float).SetPrec(precision).SetRat(new(big.Rat).SetFrac(new(big.Int).SetUint64(at.num), new(big.Int).SetUint64(at.den)))
	q := new(big.Float).Sub(oneIn(1), p)
	c := &chance{few: math.MaxInt64, odds: new(big.Float).Quo(p, q), squares: []*big.Float{q}}
	if high, low := bits.Mul64(plenty, at.den); high < at.num {
		quotient, _ := bits.Div64(high, low, at.num)
		c.few = min(c.few, quotient)
	}
	for range bits.Len64(c.few) {
		q = new(big.Float).Mul(q, q)
		c.squares = append(c.squares, q)
	}
	return c
}

// evidence lists, for one bad event and more, the largest number of events among
// which so many come by chance with less than the given probability.
func (c *chance) evidence(doubt *big.Float) (largest []uint64) {
	settled := new(big.Float).Sub(oneIn(1), doubt)
	for bad, low := uint64(1), uint64(0); ; bad++ { // each more than the one before
		low += uint64(sort.Search(int(c.few-low), func(i int) bool { //nolint:gosec // at most MaxInt64
			return c.fewer(bad, low+uint64(i)+1).Cmp(settled) <= 0 //nolint:gosec // not negative
		}))
		if low >= c.few {
			return largest
		}
		largest = append(largest, low)
	}
}

// fewer is the probability of less than bad of n events.
func (c *chance) fewer(bad, n uint64) *big.Float {
	term := oneIn(1) // none is bad
	for i := range bits.Len64(n) {
		if n&(1<<i) != 0 {
			term.Mul(term, c.squares[i])
		}
	}
	out, factor := new(big.Float).SetPrec(precision), new(big.Float).SetPrec(precision)
	for i := range min(bad, n+1) {
		out.Add(out, term)
		term.Mul(term, c.odds).Mul(term, factor.SetUint64(n-i)).Quo(term, factor.SetUint64(i+1))
	}
	return out
}

// exceeded reports whether bad/total is above the limit, the traffic of the part
// of the window that has not begun taken to be like the rest and healthy; being
// exactly at the limit is not a burn.
func (l *limit) exceeded(s *sum, begun, ticks int64) bool {
	if begun == ticks {
		return more(s.bad, l.den, s.total, l.num)
	}
	return l.compare(s, begun, ticks) > 0
}

// compare compares bad/total with the limit, the traffic of the part of the
// window that has not begun taken to be like the rest and healthy.
func (l *limit) compare(s *sum, begun, ticks int64) int {
	// bad·den·begun and total·num·ticks, in 192 bits.
	left, right := product(s.bad, l.den, uint64(begun)), product(s.total, l.num, uint64(ticks)) //nolint:gosec // not negative
	return slices.Compare(left[:], right[:])
}

// enough reports whether so many bad events are evidence at all; sure, whether
// they all but rule out chance.
func (l *limit) enough(s *sum) bool { return l.within(l.doubtful, s) }
func (l *limit) sure(s *sum) bool   { return l.within(l.certain, s) }

func (l *limit) within(largest []uint64, s *sum) bool {
	switch {
	case s.bad == 0:
		return false
	case s.bad > uint64(len(largest)):
		return true
	default:
		return s.total <= largest[s.bad-1] || !more(plenty, l.den, s.total, l.num)
	}
}

// more reports whether a·b > c·d.
func more(a, b, c, d uint64) bool {
	high1, low1 := bits.Mul64(a, b)
	high2, low2 := bits.Mul64(c, d)
	return high1 > high2 || high1 == high2 && low1 > low2
}

// product is a·b·c, the most significant word first.
func product(a, b, c uint64) [3]uint64 {
	high, low := bits.Mul64(a, b)
	carry, out2 := bits.Mul64(low, c)
	top, mid := bits.Mul64(high, c)
	out1, over := bits.Add64(mid, carry, 0)
	return [3]uint64{top + over, out1, out2}
}
