package slo

import "math/big"

// exitMargin is the share of its threshold that a burning long window must come
// back to before what it raised is over.
const exitMargin = 80 // percent

// lingers reports whether what burns at a limit is not over, whether it fires or
// not: the long window has not come back to four fifths of the limit, and the
// short one still sees failures. A short window without any has nothing to
// flicker. As when it fires, what lies before the objective began counts as
// healthy.
func (l *limit) lingers(long *sum, begun, ticks int64, short *sum) bool {
	return long.bad > 0 && short.bad > 0 && l.compare(&sum{bad: 100 * long.bad, total: exitMargin * long.total}, begun, ticks) >= 0
}

// LeftPermille is the share of the error budget that is left of a window in
// thousandths, rounded down; false without traffic.
func (w Window) LeftPermille(target *big.Rat) (left int64, traffic bool) {
	if w.Total == 0 {
		return 0, false
	}
	budget := new(big.Rat).Sub(big.NewRat(1, 1), target)
	spent := new(big.Rat).SetFrac(new(big.Int).SetUint64(w.Bad), new(big.Int).SetUint64(w.Total))
	spent.Quo(spent, budget)
	rest := new(big.Rat).Sub(big.NewRat(1, 1), spent)
	rest.Mul(rest, big.NewRat(1000, 1))
	return new(big.Int).Div(rest.Num(), rest.Denom()).Int64(), true // Div rounds down: the denominator is positive
}

// LeftPermille is the share of the budget that is left in thousandths, rounded
// down; false without a budget.
func (b Balance) LeftPermille() (left int64, known bool) {
	if b.Total == 0 || b.Allowed.IsZero() {
		return 0, false
	}
	allowed := new(big.Int).Lsh(new(big.Int).SetUint64(b.Allowed.hi), 64)
	allowed.Add(allowed, new(big.Int).SetUint64(b.Allowed.lo))
	rest := new(big.Int).Mul(new(big.Int).SetUint64(b.Bad), big.NewInt(billion))
	rest.Sub(allowed, rest)
	rest.Mul(rest, big.NewInt(1000))
	return rest.Div(rest, allowed).Int64(), true // Div rounds down: the divisor is positive
}
