package collectortest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
)

var (
	peer    = prometheus.NewDesc("pg_stat_database_xact_commit", "Committed transactions.", []string{"datname"}, nil)
	ours    = prometheus.NewDesc("postgres_up", "Whether PostgreSQL answers.", nil, nil)
	misnome = prometheus.NewDesc("postgres_lag_ms", "Lag.", nil, nil)
)

type fake struct {
	descs   []*prometheus.Desc
	collect func(context.Context, chan<- prometheus.Metric) error
}

func (f fake) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range f.descs {
		ch <- d
	}
}

func (f fake) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	return f.collect(ctx, ch)
}

func TestGoldenAcceptsPeerNamesAndReturnsTheError(t *testing.T) {
	half := errors.New("half")
	c := fake{[]*prometheus.Desc{peer, ours}, func(_ context.Context, ch chan<- prometheus.Metric) error {
		ch <- prometheus.MustNewConstMetric(peer, prometheus.CounterValue, 7, "prod")
		ch <- prometheus.MustNewConstMetric(ours, prometheus.GaugeValue, 1)
		return half
	}}
	if err := Golden(t, c, "peer"); !errors.Is(err, half) {
		t.Errorf("Golden() = %v, want %v", err, half)
	}
}

func TestLintKeepsProblemsNobodyExcused(t *testing.T) {
	c := fake{[]*prometheus.Desc{misnome, peer}, func(_ context.Context, ch chan<- prometheus.Metric) error {
		ch <- prometheus.MustNewConstMetric(misnome, prometheus.GaugeValue, 7)
		ch <- prometheus.MustNewConstMetric(peer, prometheus.CounterValue, 7, "prod")
		return nil
	}}
	families, _ := gather(t, c)
	got := lint(t, families, nil)
	if len(got) != 1 || got[0] != (promlint.Problem{Metric: "postgres_lag_ms", Text: "metric names should not contain abbreviated units"}) {
		t.Errorf("lint = %v, want only the abbreviated unit", got)
	}
	if got := lint(t, families, []string{"postgres_lag_ms"}); len(got) != 0 {
		t.Errorf("lint with exemption = %v, want none", got)
	}
}

// Series are compared and their label names read, each set of names once.
func TestLintLooksAtEverySeries(t *testing.T) {
	series := func(pairs ...string) *dto.Metric {
		m := &dto.Metric{Gauge: &dto.Gauge{Value: new(float64)}}
		for i := 0; i < len(pairs); i += 2 {
			m.Label = append(m.Label, &dto.LabelPair{Name: &pairs[i], Value: &pairs[i+1]})
		}
		return m
	}
	tests := map[string]struct {
		series []*dto.Metric
		want   []string
	}{
		"all differ":           {[]*dto.Metric{series("a", "1"), series("a", "2"), series("a", "1", "b", "1"), series()}, nil},
		"two are alike":        {[]*dto.Metric{series("a", "1", "b", "2"), series("a", "2"), series("b", "2", "a", "1")}, []string{"metric not unique"}},
		"three are alike":      {[]*dto.Metric{series("a", "1"), series("a", "1"), series("a", "1")}, []string{"metric not unique", "metric not unique"}},
		"the last has a label": {[]*dto.Metric{series("a", "1"), series("a", "2", "le", "1")}, []string{`non-histogram metrics should not have "le" label`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			mf := &dto.MetricFamily{Name: new(string), Help: new(string), Type: dto.MetricType_GAUGE.Enum(), Metric: tt.series}
			*mf.Name, *mf.Help = "closewatch_things", "Things."
			var got []string
			for _, p := range lint(t, []*dto.MetricFamily{mf}, nil) {
				got = append(got, p.Text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("lint = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDeadlineReturnsWhatCollectReturned(t *testing.T) {
	c := fake{[]*prometheus.Desc{ours}, func(ctx context.Context, ch chan<- prometheus.Metric) error {
		ch <- prometheus.MustNewConstMetric(ours, prometheus.GaugeValue, 1)
		<-ctx.Done()
		return ctx.Err()
	}}
	if err := Deadline(t, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Deadline() = %v, want deadline exceeded", err)
	}
}
