package signal

import (
	"math"
	"slices"
	"time"
)

// A Layout is where the buckets of a published histogram of durations end. How
// many took no longer than a threshold is known exactly where one ends there,
// and nowhere else.
type Layout struct {
	Bounds []time.Duration // of its classic buckets
	Native []time.Duration // of its native ones, those that a duration can be: see NativeBounds
}

// LayoutOf is the layout of classic buckets that end at so many seconds; what is
// no duration, +Inf among it, is left out.
func LayoutOf(seconds ...float64) Layout {
	var l Layout
	for _, s := range seconds {
		if d := s * float64(time.Second); d > 0 && d < math.MaxInt64 {
			l.Bounds = append(l.Bounds, time.Duration(math.Round(d)))
		}
	}
	return l
}

// The longest and the shortest bound of native buckets that is used, as powers
// of two of a second: 2 ms, the first that is a whole number of nanoseconds, and
// 18 h.
const (
	shortestNative = -9
	longestNative  = 16
)

// NativeBounds are the bounds of native buckets of a schema that a duration can
// be, shortest first. Bucket i ends at 2^(i/2^schema) seconds: of these only
// powers of two are decimals.
func NativeBounds(schema int32) []time.Duration {
	var out []time.Duration
	for e := shortestNative; e <= longestNative; e++ {
		if schema < 0 && e%(1<<min(-schema, 8)) != 0 {
			continue
		}
		out = append(out, time.Duration(math.Ldexp(float64(time.Second), e)))
	}
	return out
}

// Exact reports whether a bucket ends at a threshold.
func (l Layout) Exact(threshold time.Duration) bool {
	return slices.Contains(l.Bounds, threshold) || slices.Contains(l.Native, threshold)
}

// Nearest are the bounds next to a threshold, the shorter one first: two, or one
// where there is none on the other side.
func (l Layout) Nearest(threshold time.Duration) []time.Duration {
	all := slices.Concat(l.Bounds, l.Native)
	slices.Sort(all)
	all = slices.Compact(all)
	i, _ := slices.BinarySearch(all, threshold)
	return all[max(0, i-1):min(len(all), i+1)]
}
