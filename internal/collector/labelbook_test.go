package collector

import (
	"maps"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/signal"
)

// gathering is a counter and a histogram with the given series.
func gathering(t *rapid.T, series []int) []*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewRegistry()
	runs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "runs_total", Help: "Runs."}, []string{"flow", "outcome"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "took_seconds", Help: "Took.", Buckets: []float64{1, 2}}, []string{"flow"})
	reg.MustRegister(runs, took)
	for _, n := range series {
		runs.WithLabelValues("f"+strconv.Itoa(n/2), "o"+strconv.Itoa(n%2)).Add(float64(n))
		took.WithLabelValues("f" + strconv.Itoa(n)).Observe(float64(n))
	}
	out, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Whatever series come and go, samples are those that flattening gives, and a
// series that stays in its place has the map it had.
func TestLabelsAreRemembered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book := &labelBook{of: map[string][]labelled{}}
		before := map[string][]signal.Sample{}
		for range rapid.IntRange(1, 8).Draw(t, "ticks") {
			all := []gathered{
				{gathering(t, rapid.SliceOfN(rapid.IntRange(0, 9), 0, 6).Draw(t, "one")), time.Unix(1_800_000_000, 0)},
				{gathering(t, rapid.SliceOfN(rapid.IntRange(0, 9), 0, 6).Draw(t, "other")), time.Unix(1_800_000_000, 0).Add(1)},
			}
			sampled := newSampled(all, book)
			for _, metric := range []string{"runs_total", "took_seconds_bucket", "took_seconds_sum", "took_seconds_count", "nothing"} {
				var want []signal.Sample
				for _, g := range all {
					for _, x := range AppendSamples(nil, g.families, g.at) {
						if x.Name == metric {
							want = append(want, x)
						}
					}
				}
				got := sampled.Named(metric)
				if diff := cmp.Diff(want, append([]signal.Sample(nil), got...)); diff != "" {
					t.Fatalf("%s (-flattened +remembered):\n%s", metric, diff)
				}
				for i := range min(len(got), len(before[metric])) {
					if was := before[metric][i].Labels; maps.Equal(was, got[i].Labels) && reflect.ValueOf(was).Pointer() != reflect.ValueOf(got[i].Labels).Pointer() {
						t.Fatalf("%s: the labels of place %d were made again", metric, i)
					}
				}
				before[metric] = got
			}
		}
	})
}
