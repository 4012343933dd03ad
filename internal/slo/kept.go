package slo

import (
	"math/bits"
	"time"
)

// KeptFor is the share of a phase's events that may fail, in billionths, when it
// is promised a share of the error budget of a period: allowed · share · N ÷ n,
// rounded down, N being the events of the period and n those of the phase. How
// many there will be nobody knows: they are taken to come evenly, so that N ÷ n
// is period ÷ phase. A phase that is as busy as it is important has more events,
// and is judged a little too kindly; its part of the budget, counted from what
// happened, is not.
//
// ok is false when all may fail, or nothing: then there is no rate to judge by.
func KeptFor(allowed, share uint64, phase, period time.Duration) (billionths uint64, ok bool) {
	whole, part := uint64(max(0, period/time.Second)), uint64(max(0, phase/time.Second)) //nolint:gosec // not negative
	if part == 0 || allowed > billion || share > billion {
		return 0, false
	}
	hi, lo := bits.Mul64(allowed*share, whole)
	divisor := billion * part
	if hi >= divisor {
		return 0, false
	}
	billionths, _ = bits.Div64(hi, lo, divisor)
	return billionths, billionths > 0 && billionths < billion
}
