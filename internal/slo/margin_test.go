package slo

import (
	"math/big"
	"testing"
	"time"
)

// What raised an alert is not over before its long window has come back far
// enough. What lies before a start was healthy, for that as for firing.
func TestABurnLingers(t *testing.T) {
	target := big.NewRat(95, 100) // a budget of five in a hundred; four fifths of it burn four
	pair := BurnWindows()[len(BurnWindows())-1]
	if f := pair.Factor(); f.Cmp(big.NewRat(1, 1)) != 0 {
		t.Fatalf("the slowest pair burns by a factor of %s, and this is reckoned with 1", f)
	}
	window := func(bad, total, begun uint64) Window {
		return Window{Length: 72 * time.Hour, Bad: bad, Total: total, Begun: begun, Ticks: 8640}
	}
	tests := map[string]struct {
		long, short Window
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
			if got := (BurnState{Window: pair, Long: tt.long, Short: tt.short}).Lingers(target); got != tt.want {
				t.Errorf("it lingers: %v, want %v", got, tt.want)
			}
		})
	}
}
