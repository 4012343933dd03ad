package collector

import (
	"math"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/signal"
)

// NativeSuffix is what the names of the series end with that FlattenNative makes.
// They are not published by themselves: the native buckets are, in the protobuf
// format.
const NativeSuffix = "_native"

// hasNative reports whether a histogram has native buckets.
func hasNative(h *dto.Histogram) bool { return len(h.GetPositiveSpan()) > 0 }

// FlattenNative calls yield with the native histograms of mf as cumulative
// buckets: those that a duration can end at exactly, always the same of a
// schema. What has no native buckets has none.
func FlattenNative(mf *dto.MetricFamily, yield func(Series)) {
	name := mf.GetName() + NativeSuffix
	for _, m := range mf.Metric {
		h := m.GetHistogram()
		if !hasNative(h) {
			continue
		}
		s := Series{Name: name, Labels: m.Label, Extra: "le", Created: instant(h.GetCreatedTimestamp())}
		if m.TimestampMs != nil {
			s.At = time.UnixMilli(m.GetTimestampMs())
		}
		cumulate(h, s, yield)
	}
}

// cumulate yields how many observations a native histogram has up to each bound.
func cumulate(h *dto.Histogram, s Series, yield func(Series)) {
	width := math.Ldexp(1, -int(h.GetSchema())) // of a bucket, in powers of two
	below, next := nativeBelow(h), positive{h: h}
	for _, bound := range signal.NativeBounds(h.GetSchema()) {
		seconds := bound.Seconds()
		if seconds < h.GetZeroThreshold() {
			continue // within the bucket of all that is next to nothing
		}
		exponent := math.Log2(seconds)
		for next.more() && float64(next.index())*width <= exponent {
			below += next.take()
		}
		s.ExtraValue, s.Value = formatFloat(seconds), below
		yield(s)
	}
}

// nativeBelow is how many observations are next to nothing, or less.
func nativeBelow(h *dto.Histogram) float64 {
	n := float64(h.GetZeroCount())
	if h.ZeroCountFloat != nil {
		n = h.GetZeroCountFloat()
	}
	for _, c := range h.GetNegativeCount() {
		n += c
	}
	count := int64(0)
	for _, d := range h.GetNegativeDelta() {
		count += d
		n += float64(count)
	}
	return n
}

// A positive walks through the buckets above zero.
type positive struct {
	h     *dto.Histogram
	span  int
	in    int   // bucket of the span
	first int32 // index of the span's first bucket
	at    int   // bucket of all
	count int64
}

// more reports whether there is another bucket, and moves to it.
func (p *positive) more() bool {
	spans := p.h.GetPositiveSpan()
	if p.at == 0 && p.in == 0 && p.span == 0 && len(spans) > 0 {
		p.first = spans[0].GetOffset()
	}
	for p.span < len(spans) && p.in >= int(spans[p.span].GetLength()) {
		p.first += int32(p.in) //nolint:gosec // a span has fewer buckets than there are
		p.span, p.in = p.span+1, 0
		if p.span < len(spans) {
			p.first += spans[p.span].GetOffset()
		}
	}
	return p.span < len(spans) && p.at < max(len(p.h.GetPositiveDelta()), len(p.h.GetPositiveCount()))
}

// index is that of the bucket, which ends at 2^(index/2^schema).
func (p *positive) index() int32 { return p.first + int32(p.in) } //nolint:gosec // a span has fewer buckets than there are

// take returns what the bucket counted, and goes on to the next.
func (p *positive) take() (n float64) {
	if counts := p.h.GetPositiveCount(); len(counts) > 0 {
		n = counts[p.at]
	} else {
		p.count += p.h.GetPositiveDelta()[p.at]
		n = float64(p.count)
	}
	p.in, p.at = p.in+1, p.at+1
	return n
}

// flattenAlso is Flatten and FlattenNative: a metric's name may end like that of
// native buckets.
func flattenAlso(mf *dto.MetricFamily, yield func(Series)) {
	Flatten(mf, yield)
	if isHistogram(mf.GetType()) {
		FlattenNative(mf, yield)
	}
}

func isHistogram(t dto.MetricType) bool {
	return t == dto.MetricType_HISTOGRAM || t == dto.MetricType_GAUGE_HISTOGRAM
}
