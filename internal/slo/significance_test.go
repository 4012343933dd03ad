package slo

import (
	"math"
	"testing"
)

// The probabilities of the first three cases are tabulated in any table of the
// binomial distribution.
func TestTail(t *testing.T) {
	tests := []struct {
		k, n uint64
		p    float64
		want float64
	}{
		{1, 1, 0.5, 0.5},
		{8, 10, 0.5, 0.0547},
		{2, 6, 0.3, 0.5798},
		{0, 5, 0.2, 1},
		{2, 20, 0.0144, 0.0332},
	}
	for _, tt := range tests {
		if got := tail(tt.k, tt.n, tt.p); math.Abs(got-tt.want) > 0.0005 {
			t.Errorf("P(X>=%d) of %d trials at %v = %.4f, want %.4f", tt.k, tt.n, tt.p, got, tt.want)
		}
	}
}

func TestFewEventsMustBeSignificant(t *testing.T) {
	limit := ratio{144, 10000} // 14.4 times a budget of one in a thousand
	tests := map[string]struct {
		bad, total uint64
		want       bool
	}{
		"one of twenty is chance":          {1, 20, false},
		"two of twenty are not":            {2, 20, true},
		"a total outage of few":            {3, 3, true},
		"no failure at all":                {0, 20, false},
		"many events speak for themselves": {40, 2500, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := significant(Window{Bad: tt.bad, Total: tt.total}, limit); got != tt.want {
				t.Errorf("significant(%d of %d) = %v, want %v", tt.bad, tt.total, got, tt.want)
			}
		})
	}
}
