package collector

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/signal"
)

// What is put together from text written before is, byte by byte, what the
// formatter writes of the merged families, the second time too.
func TestTextIsWhatTheFormatterWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts []*part
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			parts = append(parts, &part{families: drawFamilies(t)})
		}
		for _, escaping := range []model.EscapingScheme{model.NoEscaping, model.UnderscoreEscaping, model.DotsEscaping, model.ValueEncodingEscaping} {
			e := merge(nil, parts...)
			want := formatted(t, e, escaping)
			var got bytes.Buffer
			if err := e.WriteText(&got, escaping); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Fatalf("%v (-formatter +ours):\n%s", escaping, diff)
			}
		}
	})
}

// formatted is what expfmt writes.
func formatted(t *rapid.T, e *Exposition, escaping model.EscapingScheme) string {
	families, _ := e.Gather() // names what is twice
	var out bytes.Buffer
	for _, mf := range families {
		if _, err := expfmt.MetricFamilyToText(&out, model.EscapeMetricFamily(mf, escaping)); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// drawFamilies draws what one task may publish, and worse: names that others
// publish too, and series that are there twice.
func drawFamilies(t *rapid.T) []*dto.MetricFamily {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"up", "lag_seconds", "calls", "calls_sum", "naïve.name", "#"}), 1, 4, rapid.ID[string]).Draw(t, "names")
	slices.Sort(names)
	var out []*dto.MetricFamily
	for _, name := range names {
		kind := rapid.SampledFrom([]dto.MetricType{
			dto.MetricType_GAUGE, dto.MetricType_COUNTER, dto.MetricType_UNTYPED, dto.MetricType_SUMMARY, dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM,
		}).Draw(t, "kind")
		mf := &dto.MetricFamily{Name: &name, Type: &kind}
		if rapid.Bool().Draw(t, "helpful") {
			mf.Help = new(rapid.SampledFrom([]string{"", "Size.", "Two\nlines, a \\ and a \"."}).Draw(t, "help"))
		}
		for range rapid.IntRange(1, 5).Draw(t, "metrics") {
			mf.Metric = append(mf.Metric, drawMetric(t, kind))
		}
		out = append(out, mf)
	}
	return out
}

func drawMetric(t *rapid.T, kind dto.MetricType) *dto.Metric {
	value := rapid.Map(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, -1, math.NaN(), math.Inf(1), math.Inf(-1)})), func(v float64) *float64 { return &v })
	m := &dto.Metric{}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"component", "datname", "relname", "dotted.name"}), 0, 3, rapid.ID[string]).Draw(t, "labels")
	slices.Sort(names)
	for _, name := range names {
		m.Label = append(m.Label, pair(name, rapid.SampledFrom([]string{"", "a", "b", "two\nlines", `a \ and a "`, "# TYPE", "naïve"}).Draw(t, "value")))
	}
	if rapid.IntRange(0, 4).Draw(t, "dated") == 0 {
		m.TimestampMs = new(rapid.Int64Range(-1, 2_000_000_000_000).Draw(t, "time"))
	}
	switch kind {
	case dto.MetricType_GAUGE:
		m.Gauge = &dto.Gauge{Value: value.Draw(t, "gauge")}
	case dto.MetricType_COUNTER:
		m.Counter = &dto.Counter{Value: value.Draw(t, "counter")}
	case dto.MetricType_UNTYPED:
		m.Untyped = &dto.Untyped{Value: value.Draw(t, "untyped")}
	case dto.MetricType_SUMMARY:
		m.Summary = &dto.Summary{SampleSum: value.Draw(t, "sum"), SampleCount: new(uint64(3))}
		for _, q := range []float64{0.5, 0.99}[:rapid.IntRange(0, 2).Draw(t, "quantiles")] {
			m.Summary.Quantile = append(m.Summary.Quantile, &dto.Quantile{Quantile: &q, Value: value.Draw(t, "quantile")})
		}
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		m.Histogram = &dto.Histogram{SampleSum: value.Draw(t, "sum"), SampleCount: new(uint64(3))}
		for _, le := range []float64{0.1, 1e6, math.Inf(1)}[:rapid.IntRange(0, 3).Draw(t, "buckets")] {
			m.Histogram.Bucket = append(m.Histogram.Bucket, &dto.Bucket{UpperBound: &le, CumulativeCount: new(uint64(2))})
		}
	}
	return m
}

// gauges is a part with one family.
func gauges(name string, components ...string) *part {
	mf := &dto.MetricFamily{Name: &name, Help: new("Whether."), Type: dto.MetricType_GAUGE.Enum()}
	for i, c := range components {
		mf.Metric = append(mf.Metric, &dto.Metric{Label: []*dto.LabelPair{pair("component", c)}, Gauge: &dto.Gauge{Value: new(float64(i))}})
	}
	return &part{families: []*dto.MetricFamily{mf}}
}

func calls(kind dto.MetricType) *part {
	return &part{families: []*dto.MetricFamily{{
		Name: new("calls"), Type: &kind, Metric: []*dto.Metric{{Histogram: &dto.Histogram{}, Summary: &dto.Summary{}, Untyped: &dto.Untyped{}}},
	}}}
}

func TestMergedText(t *testing.T) {
	tests := map[string]struct {
		parts []*part
		want  string
		err   string
	}{
		"of one component after that of another": {
			[]*part{gauges("up", "b", "d"), gauges("up", "a", "c")},
			"# HELP up Whether.\n# TYPE up gauge\nup{component=\"a\"} 0\nup{component=\"b\"} 0\nup{component=\"c\"} 1\nup{component=\"d\"} 1\n", "",
		},
		"a series of two parts is the first's": {
			[]*part{gauges("up", "a"), gauges("up", "z", "a")},
			"# HELP up Whether.\n# TYPE up gauge\nup{component=\"a\"} 0\nup{component=\"z\"} 0\n", "up: 1 series are published twice",
		},
		"a series twice in one part": {
			[]*part{gauges("up", "a", "a", "a")},
			"# HELP up Whether.\n# TYPE up gauge\nup{component=\"a\"} 0\n", "up: 2 series are published twice",
		},
		"of two types, the first": {
			[]*part{calls(dto.MetricType_UNTYPED), calls(dto.MetricType_SUMMARY)},
			"# TYPE calls untyped\ncalls 0\n", "calls is published as UNTYPED and as SUMMARY",
		},
		"a histogram whose series are another's": {
			[]*part{calls(dto.MetricType_HISTOGRAM), gauges("calls_sum", "a")},
			"# HELP calls_sum Whether.\n# TYPE calls_sum gauge\ncalls_sum{component=\"a\"} 0\n", "calls, a HISTOGRAM, has series named as calls_sum is",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := merge(nil, tt.parts...)
			_, err := e.Gather()
			if err == nil && tt.err != "" || err != nil && err.Error() != tt.err {
				t.Errorf("err = %v, want %q", err, tt.err)
			}
			var got bytes.Buffer
			if err := e.WriteText(&got, model.UnderscoreEscaping); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.want, got.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be written costs its own family only.
func TestTextWithoutAFamilyThatCannotBeWritten(t *testing.T) {
	broken := &part{families: []*dto.MetricFamily{{Name: new("broken"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{}}}}}
	var got bytes.Buffer
	err := merge(nil, broken, gauges("up", "a")).WriteText(&got, model.NoEscaping)
	if err == nil || !strings.Contains(err.Error(), "write broken") || got.String() != "# HELP up Whether.\n# TYPE up gauge\nup{component=\"a\"} 0\n" {
		t.Errorf("wrote %q, %v", &got, err)
	}
}

func TestMergeKeepsWhyThereIsNotMore(t *testing.T) {
	down := errors.New("down")
	e := Merge(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, down }),
		prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gauges("up", "a").families, nil }))
	if families, err := e.Gather(); !errors.Is(err, down) || len(families) != 1 || e.Empty() {
		t.Errorf("%d families, %v", len(families), err)
	}
}

// Asked by name or all at once, the samples are the same.
func TestSampledAsAllSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []gathered
		var samples []signal.Sample
		for n := range rapid.IntRange(1, 3).Draw(t, "parts") {
			g := gathered{drawFamilies(t), time.Unix(int64(n), 0)}
			all = append(all, g)
			samples = AppendSamples(samples, g.families, g.at)
		}
		want := map[string][]signal.Sample{}
		for _, s := range samples {
			want[s.Name] = append(want[s.Name], s)
		}
		sampled := newSampled(all, &labelBook{of: map[string][]labelled{}})
		for metric := range want {
			for range 2 {
				if diff := cmp.Diff(want[metric], sampled.Named(metric), cmp.Comparer(sameValue)); diff != "" {
					t.Fatalf("%s (-all +named):\n%s", metric, diff)
				}
			}
		}
		if got := sampled.Named("nobody_publishes_it"); got != nil {
			t.Errorf("what nobody publishes is %v", got)
		}
	})
}

func sameValue(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }
