package signal_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/signal"
)

func TestALayoutIsExactWhereABucketEnds(t *testing.T) {
	classic := signal.LayoutOf(0.05, 1, 2.5, 5, math.Inf(1))
	both := classic
	both.Native = signal.NativeBounds(3)
	tests := map[string]struct {
		signal.Layout
		threshold time.Duration
		exact     bool
		nearest   []time.Duration
	}{
		"a classic bucket":                  {classic, 2500 * time.Millisecond, true, []time.Duration{time.Second, 2500 * time.Millisecond}},
		"between two":                       {classic, 3 * time.Second, false, []time.Duration{2500 * time.Millisecond, 5 * time.Second}},
		"shorter than all":                  {classic, time.Millisecond, false, []time.Duration{50 * time.Millisecond}},
		"longer than all":                   {classic, time.Minute, false, []time.Duration{5 * time.Second}},
		"a boundary of the native schema":   {both, 4 * time.Second, true, []time.Duration{2500 * time.Millisecond, 4 * time.Second}},
		"no boundary of the native schema":  {both, 3 * time.Second, false, []time.Duration{2500 * time.Millisecond, 4 * time.Second}},
		"no buckets":                        {signal.Layout{}, time.Second, false, nil},
		"half a second, of a native bucket": {signal.Layout{Native: signal.NativeBounds(0)}, 500 * time.Millisecond, true, []time.Duration{250 * time.Millisecond, 500 * time.Millisecond}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.Exact(tt.threshold); got != tt.exact {
				t.Errorf("Exact(%v) = %v", tt.threshold, got)
			}
			if got := tt.Nearest(tt.threshold); !cmp.Equal(got, tt.nearest) && len(got)+len(tt.nearest) > 0 {
				t.Errorf("Nearest(%v) = %v, want %v", tt.threshold, got, tt.nearest)
			}
		})
	}
}

// Coarse schemas have few bounds; all are powers of two.
func TestNativeBounds(t *testing.T) {
	if got := signal.NativeBounds(-2); !cmp.Equal(got, []time.Duration{time.Second >> 8, time.Second >> 4, time.Second, 16 * time.Second, 256 * time.Second, 4096 * time.Second, 65536 * time.Second}) {
		t.Errorf("of schema -2: %v", got)
	}
	fine := signal.NativeBounds(8)
	for i := 1; i < len(fine); i++ {
		if fine[i] != 2*fine[i-1] {
			t.Errorf("%v follows %v", fine[i], fine[i-1])
		}
	}
	if len(fine) != 26 || fine[0] != 1953125 {
		t.Errorf("of schema 8: %v", fine)
	}
}
