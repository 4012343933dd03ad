package traefik

import (
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/signal"
)

// buckets is how many finite buckets a histogram has.
const buckets = 11

// Buckets are the upper bounds, in seconds, of every duration histogram. The
// latency objectives of finance processes use thresholds from this list.
func Buckets() []float64 {
	return []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60}
}

// Layout is where the buckets of every duration histogram of finance operations
// end, the native ones included.
func Layout() signal.Layout {
	l := signal.LayoutOf(Buckets()...)
	for _, b := range signal.NativeBounds(nativeSchema) {
		if b.Seconds() >= nativeZero {
			l.Native = append(l.Native, b)
		}
	}
	return l
}

// bounds are Buckets in nanoseconds.
var bounds = [buckets]int64{50e6, 100e6, 250e6, 500e6, 1e9, 2e9, 3e9, 5e9, 10e9, 30e9, 60e9}

// A histogram counts durations per bucket, the last being +Inf, and in the
// narrow buckets of a native histogram.
type histogram struct {
	Counts [buckets + 1]uint64 `json:"counts"`
	Sum    float64             `json:"sum"` // seconds
	Native native              `json:"native"`
}

func (h *histogram) observe(ns int64) {
	i := 0
	for i < buckets && ns > bounds[i] {
		i++
	}
	h.Counts[i]++
	seconds := float64(ns) / 1e9
	h.Sum += seconds
	h.Native.observe(seconds)
}

func (h *histogram) count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// clone returns a copy that later observations do not change.
func (h *histogram) clone() histogram {
	c := *h
	c.Native.Counts = slices.Clone(c.Native.Counts)
	return c
}

// write fills both kinds of buckets.
func (h *histogram) write(out *dto.Histogram) {
	count := h.count()
	out.SampleCount, out.SampleSum = &count, &h.Sum
	n := uint64(0)
	for i, bound := range Buckets() {
		n += h.Counts[i]
		out.Bucket = append(out.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: new(n)})
	}
	h.Native.write(out)
}

const (
	// nativeSchema makes eight buckets for each doubling, so that a quantile is
	// within 5 % of the truth.
	nativeSchema = 3
	perDoubling  = 1 << nativeSchema
	// nativeZero is the bound of the bucket of all that is shorter, in seconds:
	// about a millisecond, the unit of Traefik's common format.
	nativeZero = 1.0 / 1024
)

// mantissas are the bounds of the buckets from 0.5 to 1: 2^(i/8 - 1).
var mantissas = [perDoubling]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// native counts durations in exponential buckets. Only the stretch of buckets
// that were needed is kept: at most 300, since a duration is an int64 of
// nanoseconds.
type native struct {
	Zero   uint64   `json:"zero,omitempty"`
	From   int      `json:"from,omitempty"` // index of Counts[0]
	Counts []uint64 `json:"counts,omitempty"`
}

func (n *native) observe(seconds float64) {
	if seconds <= nativeZero {
		n.Zero++
		return
	}
	i := bucketOf(seconds)
	switch {
	case len(n.Counts) == 0:
		n.From, n.Counts = i, make([]uint64, 1, perDoubling)
	case i < n.From:
		n.Counts = slices.Insert(n.Counts, 0, make([]uint64, n.From-i)...)
		n.From = i
	case i >= n.From+len(n.Counts):
		n.Counts = append(n.Counts, make([]uint64, i-n.From-len(n.Counts)+1)...)
	}
	n.Counts[i-n.From]++
}

// bucketOf returns the index of the bucket of a positive value: bucket i ends
// at 2^(i/8), which belongs to it.
func bucketOf(v float64) int {
	frac, exp := math.Frexp(v)
	i := 0
	for i < perDoubling && mantissas[i] < frac {
		i++
	}
	return i + (exp-1)*perDoubling
}

// write fills the buckets of a native histogram, which are one span.
func (n *native) write(out *dto.Histogram) {
	out.Schema, out.ZeroThreshold, out.ZeroCount = new(int32(nativeSchema)), new(nativeZero), new(n.Zero)
	if len(n.Counts) == 0 { // the empty span tells that the histogram is native
		out.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}
		return
	}
	out.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32(n.From)), Length: new(uint32(len(n.Counts)))}}
	last := uint64(0)
	for _, c := range n.Counts {
		out.PositiveDelta = append(out.PositiveDelta, int64(c-last))
		last = c
	}
}
