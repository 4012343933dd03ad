package slo

import (
	"math/big"
	"time"
)

// A CriticalBurn is a pair of burn windows inside a critical window, or a phase
// that a part of the budget is kept for: a stretch that has a budget of its own,
// of which a share is spent sooner than of that of thirty days.
type CriticalBurn struct {
	Window BurnWindow
	Period time.Duration // length of the critical window
	Factor *big.Rat
	Firing bool
	Long   Window
	Short  Window
	// Rate is the burn rate of the long window: 1 spends the critical window's
	// budget just as it ends. It is meaningful only with traffic.
	Rate float64
}

// FactorIn is the burn rate of the pair in a period: share × period ÷ lookback,
// as The Site Reliability Workbook computes it for thirty days, and at least 1.
// Below 1 a burn would not spend the budget before the period ends. ok is false
// for a pair that looks back farther than the period reaches.
func (b BurnWindow) FactorIn(period time.Duration) (f *big.Rat, ok bool) {
	if b.Lookback > period {
		return nil, false
	}
	f = new(big.Rat).Mul(b.Share, big.NewRat(int64(period), 1))
	f.Quo(f, big.NewRat(int64(b.Lookback), 1))
	if one := big.NewRat(1, 1); f.Cmp(one) < 0 {
		f = one
	}
	return f, true
}

// A Stretch is what burns in a critical window, or in a phase that a part of the
// budget is kept for: worked out once from its target and its length.
type Stretch struct {
	period  time.Duration
	allowed float64
	factors []*big.Rat // by burn; nil looks back farther than the period reaches
	limits  []*limit   // nil cannot be compared exactly
}

// Stretch works out what burns in a period of a length, by a target of its own.
func (e *Engine) Stretch(target *big.Rat, period time.Duration) *Stretch {
	budget := new(big.Rat).Sub(big.NewRat(1, 1), target)
	s := &Stretch{period: period, factors: make([]*big.Rat, len(e.burns)), limits: make([]*limit, len(e.burns))}
	s.allowed, _ = budget.Float64()
	for burn, b := range e.burns {
		if factor, ok := b.FactorIn(period); ok {
			s.factors[burn], s.limits[burn] = factor, e.criticalLimit(factor, budget)
		}
	}
	return s
}

// Period is the length of the stretch.
func (s *Stretch) Period() time.Duration { return s.period }

// Critical judges the burn windows of an objective in a stretch, and appends them
// to out, in the order of the windows. What happened just before the stretch counts
// too: what burns as it begins burns. stood are the bits of those that fired at the
// tick before, and stands of those that do now: as in the rolling windows, what
// fired goes on while the source is silent, and nothing begins.
func (e *Engine) Critical(objective int, in *Stretch, stood uint32, out []CriticalBurn) (burns []CriticalBurn, stands uint32) {
	for burn, b := range e.burns {
		if in.factors[burn] == nil {
			continue
		}
		c := CriticalBurn{
			Window: b, Period: in.period, Factor: in.factors[burn],
			Long: e.window(objective, e.pairs[burn].long), Short: e.window(objective, e.pairs[burn].recent[0]),
		}
		c.Firing = in.limits[burn] != nil && e.firesAt(objective, burn, in.limits[burn], stood)
		if c.Firing {
			stands |= 1 << burn
		}
		if c.Long.Total > 0 {
			c.Rate = float64(c.Long.Bad) / (float64(c.Long.Total) * in.allowed)
		}
		out = append(out, c)
	}
	return out, stands
}

// mostCritical bounds the limits that are kept: there is one for each target,
// length of a critical window, and pair.
const mostCritical = 10_000

// criticalLimit is the error ratio at which a budget burns by a factor, nil when
// it cannot be compared exactly.
func (e *Engine) criticalLimit(factor, budget *big.Rat) *limit {
	r := new(big.Rat).Mul(factor, budget)
	if r.Cmp(big.NewRat(1, 1)) >= 0 { // total outage must burn whatever the factor
		r = big.NewRat(999, 1000)
	}
	if !r.Num().IsUint64() || !r.Denom().IsUint64() {
		return nil
	}
	at := ratio{r.Num().Uint64(), r.Denom().Uint64()}
	if e.critical == nil || len(e.critical) >= mostCritical {
		e.critical = map[ratio]*limit{}
	}
	if e.critical[at] == nil {
		e.critical[at] = newLimit(at)
	}
	return e.critical[at]
}
