package collector

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/testing/protocmp"
)

var (
	sizeDesc      = prometheus.NewDesc("table_bytes", "Size.", []string{"relname", "datname"}, nil)
	upDesc        = prometheus.NewDesc("up", "Whether.", nil, nil)
	sizeAgainDesc = prometheus.NewDesc("table_bytes", "Size.", []string{"relname", "datname"}, nil)
	tookDesc      = prometheus.NewDesc("call_seconds", "Time.", nil, nil)
	callsDesc     = prometheus.NewDesc("call_seconds_count", "Collides.", nil, nil)
	fixedDesc     = prometheus.NewDesc("fixed", "Has a constant label.", nil, prometheus.Labels{"side": "left"})
	otherSideDesc = prometheus.NewDesc("fixed", "Has a constant label.", nil, prometheus.Labels{"side": "right"})
	mixedDesc     = prometheus.NewDesc("mixed", "Has labels of both kinds.", []string{"datname"}, prometheus.Labels{"side": "left"})
	secretDesc    = prometheus.NewDesc("secret", "Never declared.", nil, nil)
)

// declares is a collector that only describes.
type declares struct{ Collector }

func (declares) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sizeDesc, upDesc, tookDesc, callsDesc, fixedDesc, otherSideDesc, mixedDesc} {
		ch <- d
	}
}

func newJudge() *worker {
	return newWorker(Task{Name: "tables", Collector: declares{}}, New(Settings{}).settings)
}

// raw is a metric that keeps to nothing.
type raw struct {
	desc *prometheus.Desc
	dto  dto.Metric
}

func (r *raw) Desc() *prometheus.Desc { return r.desc }

func (r *raw) Write(m *dto.Metric) error {
	m.Label, m.Gauge = r.dto.Label, r.dto.Gauge
	return nil
}

// What is recognized is exactly what the registry would make of it, and what it
// would refuse is left to it.
func TestRecognizedAsTheRegistryJudges(t *testing.T) {
	size := func(table, database string, v float64) prometheus.Metric {
		return prometheus.MustNewConstMetric(sizeDesc, prometheus.GaugeValue, v, table, database)
	}
	value := func(d *prometheus.Desc, v float64) prometheus.Metric {
		return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	took := func(n uint64) prometheus.Metric {
		return prometheus.MustNewConstHistogram(tookDesc, n, 1, map[float64]uint64{1: n})
	}
	labelled := func(pairs ...*dto.LabelPair) prometheus.Metric {
		return &raw{sizeDesc, dto.Metric{Label: pairs, Gauge: &dto.Gauge{Value: new(1.0)}}}
	}
	tests := map[string]struct {
		before, now []prometheus.Metric
		recognized  bool
	}{
		"the first time":       {nil, []prometheus.Metric{value(upDesc, 1)}, false},
		"the same again":       {[]prometheus.Metric{value(upDesc, 1)}, []prometheus.Metric{value(upDesc, 1)}, true},
		"nothing":              {[]prometheus.Metric{value(upDesc, 1)}, nil, true},
		"another value":        {[]prometheus.Metric{value(upDesc, 1), took(1)}, []prometheus.Metric{took(2), value(upDesc, 0)}, true},
		"more rows, unordered": {[]prometheus.Metric{size("a", "x", 1)}, []prometheus.Metric{size("b", "x", 2), size("a", "y", 3), size("b", "a", 4), size("a", "x", 1)}, true},
		"a new description":    {[]prometheus.Metric{value(upDesc, 1)}, []prometheus.Metric{value(upDesc, 1), size("a", "x", 1)}, false},
		"a series twice":       {[]prometheus.Metric{size("a", "x", 1)}, []prometheus.Metric{size("a", "x", 1), size("b", "x", 1), size("a", "x", 2)}, false},
		"a series twice, at two times": {
			[]prometheus.Metric{value(upDesc, 1)},
			[]prometheus.Metric{prometheus.NewMetricWithTimestamp(time.Unix(1, 0), value(upDesc, 1)), prometheus.NewMetricWithTimestamp(time.Unix(2, 0), value(upDesc, 1))},
			false,
		},
		"undeclared":            {[]prometheus.Metric{value(secretDesc, 1)}, []prometheus.Metric{value(secretDesc, 1)}, false},
		"another type":          {[]prometheus.Metric{value(upDesc, 1)}, []prometheus.Metric{prometheus.MustNewConstMetric(upDesc, prometheus.CounterValue, 1)}, false},
		"a name that collides":  {[]prometheus.Metric{took(1)}, []prometheus.Metric{took(1), value(callsDesc, 1)}, false},
		"both known, colliding": {[]prometheus.Metric{value(callsDesc, 1), took(1)}, []prometheus.Metric{value(callsDesc, 1), took(1)}, false},
		"two types under a name": {
			[]prometheus.Metric{size("a", "x", 1), prometheus.MustNewConstMetric(sizeAgainDesc, prometheus.CounterValue, 1, "b", "x")},
			[]prometheus.Metric{size("a", "x", 1), prometheus.MustNewConstMetric(sizeAgainDesc, prometheus.CounterValue, 1, "b", "x")},
			false,
		},
		"constant labels": {
			[]prometheus.Metric{value(fixedDesc, 1), value(otherSideDesc, 2)}, []prometheus.Metric{value(otherSideDesc, 3), value(fixedDesc, 4)}, true,
		},
		"another value of a constant label": {
			[]prometheus.Metric{value(fixedDesc, 1)},
			[]prometheus.Metric{&raw{fixedDesc, dto.Metric{Label: []*dto.LabelPair{pair("side", "right")}, Gauge: &dto.Gauge{Value: new(1.0)}}}},
			false,
		},
		"labels of both kinds": {
			[]prometheus.Metric{prometheus.MustNewConstMetric(mixedDesc, prometheus.GaugeValue, 1, "x")},
			[]prometheus.Metric{prometheus.MustNewConstMetric(mixedDesc, prometheus.GaugeValue, 1, "x")},
			false,
		},
		"cannot be written": {[]prometheus.Metric{value(upDesc, 1)}, []prometheus.Metric{prometheus.NewInvalidMetric(upDesc, errors.New("broken"))}, false},
		"a value that is no text": {
			[]prometheus.Metric{size("a", "x", 1)}, []prometheus.Metric{labelled(pair("datname", "x"), pair("relname", "\xff"))}, false,
		},
		"a label is missing":      {[]prometheus.Metric{size("a", "x", 1)}, []prometheus.Metric{labelled(pair("datname", "x"))}, false},
		"a label of another name": {[]prometheus.Metric{size("a", "x", 1)}, []prometheus.Metric{labelled(pair("datname", "x"), pair("schema", "a"))}, false},
		"labels in another order": {[]prometheus.Metric{size("a", "x", 1)}, []prometheus.Metric{labelled(pair("relname", "a"), pair("datname", "x"))}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			seasoned, fresh := newJudge(), newJudge()
			for _, m := range tt.before {
				_, _ = seasoned.judge([]prometheus.Metric{m})
			}
			if _, recognized := seasoned.source.known.families(tt.now); recognized != tt.recognized {
				t.Errorf("recognized %v, want %v", recognized, tt.recognized)
			}
			got, err := seasoned.judge(tt.now)
			want, wantErr := fresh.judge(tt.now)
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("the registry makes something else of it (-want +got):\n%s", diff)
			}
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("err = %v, the registry says %v", err, wantErr)
			}
		})
	}
}

// A collector that makes its descriptions anew in every run is judged every time
// and leaves nothing behind without end.
func TestDescriptionsRememberedAreBounded(t *testing.T) {
	w := newJudge()
	for range maxForms + 10 {
		d := prometheus.NewDesc("up", "Whether.", nil, nil)
		if _, err := w.judge([]prometheus.Metric{prometheus.MustNewConstMetric(d, prometheus.GaugeValue, 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.source.known); n > maxForms {
		t.Errorf("%d are remembered, want at most %d", n, maxForms)
	}
}

func TestMergeKeepsTheOrderAndNamesWhatIsTwice(t *testing.T) {
	family := func(values ...string) *part {
		mf := &dto.MetricFamily{Name: new("up"), Type: dto.MetricType_GAUGE.Enum()}
		for _, v := range values {
			mf.Metric = append(mf.Metric, &dto.Metric{Label: []*dto.LabelPair{pair("component", v)}})
		}
		return &part{families: []*dto.MetricFamily{mf}}
	}
	out, err := merge(nil, family("c", "d"), family("a", "d")).Gather()
	if err == nil || err.Error() != "up: 1 series are published twice" {
		t.Errorf("err = %v", err)
	}
	var got []string
	for _, metric := range out[0].Metric {
		got = append(got, labelOf(metric, "component"))
	}
	if !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Errorf("merged %v", got)
	}
}

func TestSeriesAreCountedAsTheyAreFlattened(t *testing.T) {
	bucket := func(le float64) *dto.Bucket { return &dto.Bucket{UpperBound: &le, CumulativeCount: new(uint64(1))} }
	tests := map[string]struct {
		kind   dto.MetricType
		metric *dto.Metric
	}{
		"a gauge":                            {dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{}}},
		"a counter":                          {dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{}}},
		"untyped":                            {dto.MetricType_UNTYPED, &dto.Metric{Untyped: &dto.Untyped{}}},
		"a summary without quantiles":        {dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{}}},
		"a summary":                          {dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{Quantile: []*dto.Quantile{{}, {}}}}},
		"a histogram":                        {dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{Bucket: []*dto.Bucket{bucket(1), bucket(2)}}}},
		"a histogram that has the last one":  {dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{Bucket: []*dto.Bucket{bucket(1), bucket(math.Inf(1))}}}},
		"a histogram of gauges, with nobody": {dto.MetricType_GAUGE_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want := 0
			Flatten(&dto.MetricFamily{Type: &tt.kind, Metric: []*dto.Metric{tt.metric}}, func(Series) { want++ })
			if got := seriesOf(tt.kind, tt.metric); got != want {
				t.Errorf("%d series, want %d", got, want)
			}
		})
	}
}
