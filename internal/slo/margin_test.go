package slo

import (
	"math/big"
	"testing"
)

// What raised an alert is not over before its long window has come back far
// enough. What lies before a start was healthy, for that as for firing.
func TestABurnLingers(t *testing.T) {
	target := big.NewRat(95, 100) // a budget of five in a hundred; four fifths of it burn four
	pair := BurnWindows()[len(BurnWindows())-1]
	if f := pair.Factor(); f.Cmp(big.NewRat(1, 1)) != 0 {
		t.Fatalf("the slowest pair burns by a factor of %s, and this is reckoned with 1", f)
	}
	at, ok := limitOf(new(big.Rat).Sub(big.NewRat(1, 1), target), pair)
	if !ok {
		t.Fatal("the target cannot be compared")
	}
	limit := newLimit(at)
	type counted struct {
		sum
		begun int64 // of 8,640 ticks
	}
	window := func(bad, total uint64, begun int64) counted { return counted{sum{bad: bad, total: total}, begun} }
	tests := map[string]struct {
		long, short counted
		want        bool
	}{
		"four in a hundred, and it goes on": {window(4, 100, 8640), window(1, 10, 720), true},
		"less":                              {window(39, 1000, 8640), window(1, 10, 720), false},
		"four in a hundred, and nothing fails any more": {window(4, 100, 8640), window(0, 10, 720), false},
		"nothing was bad": {window(0, 100, 8640), window(0, 10, 720), false},
		"a bad minute soon after a start is no bad week": {window(25, 140, 1140), window(25, 90, 720), false},
		"a bad day after a start is":                     {window(900, 1440, 1440), window(90, 720, 720), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := limit.lingers(&tt.long.sum, tt.long.begun, 8640, &tt.short.sum); got != tt.want {
				t.Errorf("it lingers: %v, want %v", got, tt.want)
			}
		})
	}
}
