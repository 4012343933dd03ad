package slo

import "math"

// Among few events a ratio says little: two bad ones of six are no proof that
// more than thirty in a hundred go wrong.
const (
	// doubt is the probability of a false burn that is accepted.
	doubt = 0.05
	// plenty is the number of bad events to be expected at the limit from which
	// a ratio speaks for itself: the usual rule for trusting a proportion.
	plenty = 5
)

// significant reports whether the true error ratio lies above the limit with
// 95 % confidence: whether so many bad events would come by chance in fewer
// than one case in twenty if the ratio were just the limit. This is the
// one-sided exact binomial bound of Clopper and Pearson (1934), "The use of
// confidence or fiducial limits illustrated in the case of the binomial",
// Biometrika 26(4).
func significant(w Window, limit ratio) bool {
	p := float64(limit.num) / float64(limit.den)
	if w.Bad == 0 || float64(w.Total)*p >= plenty {
		return w.Bad > 0
	}
	return tail(w.Bad, w.Total, p) < doubt
}

// tail is P(X >= k) for X binomial with n trials of probability p, 0 < p < 1.
func tail(k, n uint64, p float64) float64 {
	logChoose := func(n, k uint64) float64 {
		a, _ := math.Lgamma(float64(n) + 1)
		b, _ := math.Lgamma(float64(k) + 1)
		c, _ := math.Lgamma(float64(n-k) + 1)
		return a - b - c
	}
	sum := 0.0
	for i := k; i <= n; i++ {
		sum += math.Exp(logChoose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(sum, 1)
}
