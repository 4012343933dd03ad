package prometheus

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// march31 is when everything is asked; it lies on every grid.
var march31 = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

// query is one with its defaults.
func query(text string, change func(*Query)) Query {
	zero := 0.0
	q := Query{Name: "q", Query: text, Warning: &zero}
	q.SetDefaults()
	if change != nil {
		change(&q)
	}
	return q
}

// settings are those of a component with its defaults.
func settings(url string, queries ...Query) Settings {
	s := Settings{Component: "metrics", Environment: "test", Now: func() time.Time { return march31 }}
	s.Config.SetDefaults()
	s.Config.URL, s.Config.Queries = secret.New(url), queries
	return s
}

// start returns the collectors of a component, which is closed with the test.
func start(t *testing.T, s Settings) []collector.Collector {
	t.Helper()
	i := New(s)
	t.Cleanup(i.Close)
	var out []collector.Collector
	for _, task := range i.Tasks() {
		out = append(out, task.Collector)
	}
	return out
}

// collect runs a collector once, within its registry's rules.
func collect(t *testing.T, c collector.Collector, timeout time.Duration) ([]*dto.MetricFamily, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	a := &adapter{Collector: c, ctx: ctx}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(a)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	collectortest.Lint(t, families)
	return families, a.err
}

// run is collect with the series by name and label values.
func run(t *testing.T, c collector.Collector) (map[string]float64, error) {
	t.Helper()
	families, err := collect(t, c, 10*time.Second)
	values := map[string]float64{}
	for _, f := range families {
		collector.Flatten(f, func(s collector.Series) {
			key := strings.TrimPrefix(s.Name, "prometheus_query_")
			for _, l := range s.Labels {
				if l.GetName() != "query" {
					key += "/" + l.GetValue()
				}
			}
			values[key] = s.Value
		})
	}
	return values, err
}

type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

// serve starts a web server that ends with the test.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// answering answers with a status and a body.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// vector is an answer with results at march31, and more beside data.
func vector(results, more string) string {
	results = strings.ReplaceAll(results, "NOW", "1774980000")
	return `{"status":"success","data":{"resultType":"vector","result":[` + results + `]}` + more + `}`
}

func duration(d time.Duration) estate.Duration { return estate.Duration(d) }
