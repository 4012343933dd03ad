package traefik

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// buckets64 are the counts of a native histogram by index.
func buckets64(h *dto.Histogram) map[int]int64 {
	out := map[int]int64{}
	i, at, count := 0, 0, int64(0)
	for _, span := range h.PositiveSpan {
		i += int(span.GetOffset())
		for range span.GetLength() {
			count += h.PositiveDelta[at]
			if count > 0 {
				out[i] = count
			}
			at++
			i++
		}
	}
	return out
}

func TestHistogramAgreesWithPrometheusOwn(t *testing.T) {
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "h_seconds", Help: "Durations.", Buckets: Buckets(), NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: nativeZero,
	})
	var ours histogram
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 3000 {
		ns := int64(math.Exp(random.Float64()*30 - 2)) // up to 16 minutes
		switch i {
		case 0:
			ns = 0
		case 1:
			ns = 1e9 // a bound of both kinds of buckets
		case 2:
			ns = math.MaxInt64
		case 3:
			ns = 50e6
		}
		ours.observe(ns)
		theirs.Observe(float64(ns) / 1e9)
	}
	var want dto.Metric
	if err := theirs.Write(&want); err != nil {
		t.Fatal(err)
	}
	got := &dto.Histogram{}
	ours.write(got)
	if got.GetSchema() != want.Histogram.GetSchema() || got.GetZeroThreshold() != want.Histogram.GetZeroThreshold() || got.GetZeroCount() != want.Histogram.GetZeroCount() || got.GetSampleCount() != want.Histogram.GetSampleCount() {
		t.Errorf("schema %d threshold %g zero %d count %d, want %d %g %d %d",
			got.GetSchema(), got.GetZeroThreshold(), got.GetZeroCount(), got.GetSampleCount(),
			want.Histogram.GetSchema(), want.Histogram.GetZeroThreshold(), want.Histogram.GetZeroCount(), want.Histogram.GetSampleCount())
	}
	if diff := cmp.Diff(buckets64(want.Histogram), buckets64(got)); diff != "" {
		t.Errorf("native buckets (-prometheus +ours):\n%s", diff)
	}
	for i, b := range want.Histogram.Bucket {
		if g := got.Bucket[i]; g.GetUpperBound() != b.GetUpperBound() || g.GetCumulativeCount() != b.GetCumulativeCount() {
			t.Errorf("bucket %g has %d, want %g %d", g.GetUpperBound(), g.GetCumulativeCount(), b.GetUpperBound(), b.GetCumulativeCount())
		}
	}
}

func TestHistogramOfFastRequestsOnlyIsNative(t *testing.T) {
	var h histogram
	h.observe(1000)
	out := &dto.Histogram{}
	h.write(out)
	if len(out.PositiveSpan) == 0 || out.GetZeroCount() != 1 {
		t.Errorf("spans %v zero %d, want a span, so that it is seen to be native, and 1", out.PositiveSpan, out.GetZeroCount())
	}
}

func TestSavedHistogramIsNotChangedByLaterRequests(t *testing.T) {
	var h histogram
	h.observe(2e9)
	c := h.clone()
	h.observe(2e9)
	if c.Native.Counts[0] != 1 {
		t.Errorf("the copy counts %d, want 1", c.Native.Counts[0])
	}
}
