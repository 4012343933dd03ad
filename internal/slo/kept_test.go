package slo_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/slo"
)

func TestWhatMayFailInAPhaseThatHasAPartOfTheBudget(t *testing.T) {
	const percent, day = 10_000_000, 24 * time.Hour
	tests := map[string]struct {
		allowed, share uint64
		phase, period  time.Duration
		want           uint64
		ok             bool
	}{
		"a sixth of the time and a sixth of the budget is as ever": {percent, 1_000_000_000 / 6, 5 * day, 30 * day, percent - 1, true}, // a sixth is rounded down
		"a sixth of the time and half of the budget":               {percent, 50 * percent, 5 * day, 30 * day, 3 * percent, true},
		"a sixth of the time and 5 % of the budget":                {percent, 5 * percent, 5 * day, 30 * day, 3 * percent / 10, true},
		"all of the budget in an hour: all may fail":               {percent, 100 * percent, time.Hour, 30 * day, 7_200_000_000, false},
		"nothing is kept":                 {percent, 0, 5 * day, 30 * day, 0, false},
		"so little that nothing may fail": {1, percent, 30 * day, 30 * day, 0, false},
		"a phase without length":          {percent, 50 * percent, 0, 30 * day, 0, false},
		"a month in which clocks change":  {percent, 50 * percent, 5*day + time.Hour, 31*day + time.Hour, 30_785_123, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := slo.KeptFor(tt.allowed, tt.share, tt.phase, tt.period)
			if got != tt.want || ok != tt.ok {
				t.Errorf("KeptFor() = %d, %v, want %d, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
