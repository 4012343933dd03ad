package slo

import (
	"math/big"
	"time"
)

// A CriticalBurn is a pair of burn windows inside a critical window, which has a
// budget of its own: a share of it is spent sooner than that of thirty days.
type CriticalBurn struct {
	Window BurnWindow
	Period time.Duration // length of the critical window
	Factor *big.Rat
	Firing bool
	Long   Window
	// Rate is the burn rate of the long window: 1 spends the critical window's
	// budget just as it ends. It is meaningful only with traffic.
	Rate float64
}

// Name says which share of the critical window's budget is spent within what.
func (c CriticalBurn) Name() string { return c.Window.Name + " of the critical window" }

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

// Critical judges the burn windows of a state by the target of a critical
// window and its length. Events just before the window count too: what burns
// as it begins burns.
func (s State) Critical(target *big.Rat, period time.Duration) []CriticalBurn {
	budget := new(big.Rat).Sub(big.NewRat(1, 1), target)
	allowed, _ := budget.Float64()
	var out []CriticalBurn
	for _, b := range s.Burns {
		factor, ok := b.Window.FactorIn(period)
		if !ok {
			continue
		}
		limit := criticalLimit(new(big.Rat).Mul(factor, budget))
		c := CriticalBurn{Window: b.Window, Period: period, Factor: factor, Long: b.Long}
		c.Firing = burns(b.Long, limit) && burns(b.Short, limit) && b.Long.Bad >= max(s.Objective.MinBad, 1) && significant(b.Long, limit)
		if b.Long.Total > 0 {
			c.Rate = float64(b.Long.Bad) / (float64(b.Long.Total) * allowed)
		}
		out = append(out, c)
	}
	return out
}

// criticalLimit is an error ratio that can be exceeded: total outage must burn
// whatever the factor.
func criticalLimit(r *big.Rat) ratio {
	if r.Cmp(big.NewRat(1, 1)) >= 0 {
		return ratio{999, 1000}
	}
	return ratio{r.Num().Uint64(), r.Denom().Uint64()}
}
