package slo

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The probabilities of the first three cases are tabulated in any table of the
// binomial distribution.
func TestProbabilityOfSoManyBadEvents(t *testing.T) {
	tests := []struct {
		bad, n uint64
		at     ratio
		want   float64
	}{
		{1, 1, ratio{1, 2}, 0.5},
		{8, 10, ratio{1, 2}, 0.0547},
		{2, 6, ratio{3, 10}, 0.5798},
		{0, 5, ratio{1, 5}, 1},
		{2, 20, ratio{144, 10000}, 0.0332},
	}
	for _, tt := range tests {
		got, _ := new(big.Float).Sub(oneIn(1), newChance(tt.at).fewer(tt.bad, tt.n)).Float64()
		if math.Abs(got-tt.want) > 0.0005 {
			t.Errorf("P(X>=%d) of %d trials at %v = %.4f, want %.4f", tt.bad, tt.n, tt.at, got, tt.want)
		}
	}
}

func TestFewEventsMustBeSignificant(t *testing.T) {
	limit := newLimit(ratio{144, 10000}) // 14.4 times a budget of one in a thousand
	tests := map[string]struct {
		bad, total   uint64
		enough, sure bool
	}{
		"one of twenty is chance":          {1, 20, false, false},
		"two of twenty are hardly":         {2, 20, true, false},
		"four of twenty are not":           {4, 20, true, true},
		"a total outage of few":            {3, 3, true, true},
		"no failure at all":                {0, 20, false, false},
		"many events speak for themselves": {40, 2500, true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &sum{bad: tt.bad, total: tt.total}
			if enough, sure := limit.enough(s), limit.sure(s); enough != tt.enough || sure != tt.sure {
				t.Errorf("%d of %d: enough %v, sure %v, want %v, %v", tt.bad, tt.total, enough, sure, tt.enough, tt.sure)
			}
		})
	}
}

// The tables say what the probability says.
func TestTablesOfEvidenceAreExact(t *testing.T) {
	inTwenty, inAThousand := doubt()
	rapid.Check(t, func(rt *rapid.T) {
		den := rapid.Uint64Range(2, 1_000_000).Draw(rt, "den")
		at := ratio{rapid.Uint64Range(max(1, den/1000), den-1).Draw(rt, "num"), den}
		limit := newLimit(at)
		few := plenty * at.den / at.num
		n := rapid.Uint64Range(1, max(few, 1)).Draw(rt, "events")
		bad := rapid.Uint64Range(1, min(n, 20)).Draw(rt, "bad")
		p := new(big.Float).Sub(oneIn(1), newChance(at).fewer(bad, n))
		s := &sum{bad: bad, total: n}
		speaks := n*at.num >= plenty*at.den
		if want := speaks || p.Cmp(inTwenty) < 0; limit.enough(s) != want {
			rt.Errorf("%d of %d at %v by chance: %v, enough %v", bad, n, at, p, limit.enough(s))
		}
		if want := speaks || p.Cmp(inAThousand) < 0; limit.sure(s) != want {
			rt.Errorf("%d of %d at %v by chance: %v, sure %v", bad, n, at, p, limit.sure(s))
		}
	})
}

// Comparing in 128 and 192 bits is comparing exactly, whatever the numbers.
func TestTheLimitIsComparedExactly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		number := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 10))
		at := ratio{number.Draw(rt, "num"), number.Draw(rt, "den")}
		s := &sum{bad: number.Draw(rt, "bad"), total: number.Draw(rt, "total")}
		ticks := rapid.Int64Range(1, 1<<40).Draw(rt, "ticks")
		begun := rapid.OneOf(rapid.Just(ticks), rapid.Int64Range(1, ticks)).Draw(rt, "begun")
		big3 := func(a, b uint64, c int64) *big.Int {
			p := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
			return p.Mul(p, big.NewInt(c))
		}
		want := big3(s.bad, at.den, begun).Cmp(big3(s.total, at.num, ticks)) > 0
		if got := (&limit{ratio: at}).exceeded(s, begun, ticks); got != want {
			rt.Errorf("%d of %d over %v in %d of %d ticks = %v, want %v", s.bad, s.total, at, begun, ticks, got, want)
		}
	})
}

// A target with more decimals than can be compared is refused, one with many is
// not.
func TestExtremeTargets(t *testing.T) {
	tests := map[string]struct {
		target string
		ok     bool
	}{
		"nine nines":           {"0.999999999", true},
		"hardly a target":      {"0.000000001", true},
		"more than fits":       {"0.99999999999999999999999", false},
		"twelve nines percent": {"99.9999999999%", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			target, _ := ParseTarget(tt.target)
			_, err := New(Settings{Tick: 1e9, Scale: 1}, []Objective{{ID: "o", Target: target}})
			if (err == nil) != tt.ok {
				t.Errorf("New() = %v, want ok %v", err, tt.ok)
			}
		})
	}
}

func BenchmarkLimit(b *testing.B) {
	for b.Loop() {
		newLimit(ratio{6, 1000})
	}
}
