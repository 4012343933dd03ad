package collector_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/signal"
)

// Up to each bound a native histogram tells exactly how many there were: as many
// as were observed.
func TestNativeBucketsAreExactAtTheirBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		factor  float64 // between bounds
		dropped bool    // half of the observations are below zero or 0
	}{
		"eight buckets for each doubling": {1.1, false},
		"one":                             {2, false},
		"one for four doublings":          {16, false},
		"zero and less":                   {1.1, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := prometheus.NewHistogram(prometheus.HistogramOpts{
				Name: "took_seconds", Help: "h", NativeHistogramBucketFactor: tt.factor, NativeHistogramZeroThreshold: 1.0 / 1024, Buckets: []float64{3},
			})
			random := rand.New(rand.NewPCG(1, 2))
			var all []float64
			for range 2000 {
				v := math.Exp2(random.Float64()*20 - 10)
				if random.IntN(4) == 0 {
					v = math.Exp2(float64(random.IntN(12) - 8)) // a bound itself
				}
				if tt.dropped && random.IntN(2) == 0 {
					v = -v * float64(random.IntN(2))
				}
				all = append(all, v)
				h.Observe(v)
			}
			var m dto.Metric
			if err := h.Write(&m); err != nil {
				t.Fatal(err)
			}
			kind, family := dto.MetricType_HISTOGRAM, "took_seconds"
			mf := &dto.MetricFamily{Name: &family, Type: &kind, Metric: []*dto.Metric{&m}}
			got := map[time.Duration]float64{}
			collector.FlattenNative(mf, func(s collector.Series) {
				d, err := time.ParseDuration(s.ExtraValue + "s")
				if err != nil || s.Name != "took_seconds_native" || s.Extra != "le" {
					t.Errorf("%+v: %v", s, err)
				}
				got[d] = s.Value
			})
			bounds := signal.NativeBounds(m.GetHistogram().GetSchema())
			if len(got) != len(bounds) {
				t.Errorf("%d buckets, want %d", len(got), len(bounds))
			}
			for _, bound := range bounds {
				want := 0.0
				for _, v := range all {
					if v <= bound.Seconds() {
						want++
					}
				}
				if got[bound] != want {
					t.Errorf("%v up to %v, want %v", got[bound], bound, want)
				}
			}
		})
	}
}

// A histogram without native buckets has none to tell of.
func TestClassicBucketsAreNotNative(t *testing.T) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took_seconds", Help: "h", Buckets: []float64{1}})
	h.Observe(1)
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		t.Fatal(err)
	}
	kind, family := dto.MetricType_HISTOGRAM, "took_seconds"
	collector.FlattenNative(&dto.MetricFamily{Name: &family, Type: &kind, Metric: []*dto.Metric{&m}}, func(s collector.Series) { t.Errorf("%+v", s) })
}
