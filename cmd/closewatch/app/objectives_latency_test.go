package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// An objective whose threshold ends no bucket of a histogram that only its source
// knows is not measured, and a finding says what could be.
func TestAThresholdThatNoBucketEndsAtIsTold(t *testing.T) {
	of := func(le ...string) (out []signal.Sample) {
		out = append(out, sample("other_seconds_count", 9, nil))
		for _, le := range append(le, "+Inf") {
			out = append(out, sample("other_seconds_bucket", 1, labels{"le": le}))
		}
		return out
	}
	tests := map[string]struct {
		published []signal.Sample
		want      string // in the finding; "" is none
	}{
		"a bucket ends there":            {of("0.5", "1", "2"), ""},
		"written with a point":           {of("0.5", "1.0", "2.0"), ""},
		"one before and one after":       {of("0.5", "2.5"), "(nearest: 500ms or 2s500ms)"},
		"longer than every bucket":       {of("0.1", "0.5"), "(nearest: 500ms)"},
		"no buckets but the last":        {of(), "(nearest: none)"},
		"the histogram is not there":     {nil, ""},
		"another tenant's has no bucket": {append(of("1"), elsewhere(sample("other_seconds_bucket", 1, labels{"le": "+Inf"}))), ""},
		"one of two series has none there": {
			append(of("0.5", "1", "2"), sample("other_seconds_bucket", 1, labels{"le": "0.5", "server": "b"}), sample("other_seconds_bucket", 1, labels{"le": "+Inf", "server": "b"})),
			"(nearest: 500ms)",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := watching(t, closing(t, ""), 1, measuredOn(process.Objective{
				Kind: process.Latency, Target: 50 * process.Percent, Threshold: time.Second,
				Indicator: &process.Indicator{Histogram: &process.Series{Metric: "other_seconds"}},
			}))
			signals, err := signal.NewEvaluator(bucketSignals())
			if err != nil {
				t.Fatal(err)
			}
			w.sees(noon, tt.published...)
			got := ""
			for _, r := range signals.Evaluate(noon, w.missing) {
				got += r.Text
			}
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("the finding is %q, want %q", got, tt.want)
			}
			if st := w.objective(t, noon, "it/records"); (st.Lacks == "") != (tt.want == "") {
				t.Errorf("the objective lacks %q", st.Lacks)
			}
			w.sees(noon.Add(tick), of("0.5", "1", "2")...)
			if diff := cmp.Diff([]signal.Sample(nil), w.missing); diff != "" {
				t.Errorf("once there is a bucket (-want +got):\n%s", diff)
			}
		})
	}
}

// What the layouts say of histograms is what users' and flows' latency is
// counted by, and every threshold of the catalogue is exact.
func TestHistogramsThatAreKnown(t *testing.T) {
	for metric, layout := range histograms() {
		if !strings.HasSuffix(metric, "_seconds") || len(layout.Bounds) == 0 {
			t.Errorf("%s: %v", metric, layout)
		}
	}
	for _, metric := range []string{"closewatch_probe_duration_seconds", "traefik_finance_operation_duration_seconds"} {
		for _, threshold := range thresholds() {
			if !histograms()[metric].Exact(threshold) {
				t.Errorf("%s ends no bucket at %v", metric, threshold)
			}
		}
	}
	if n := len(collectors.Histograms()["traefik_finance_operation_duration_seconds"].Native); n == 0 {
		t.Error("the native buckets of users' requests are not known")
	}
}
