package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/telemetry"
)

func TestExpositionIsCompressedForThoseWhoAskForIt(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "probe_up", Help: "Whether."}, func() float64 { return 1 }))
	tests := map[string]struct {
		accept     []string
		compressed bool
	}{
		"nothing asked":         {nil, false},
		"as Prometheus asks":    {[]string{"gzip"}, true},
		"among others":          {[]string{"br;q=1.0, GZIP;q=0.5"}, true},
		"in a line of its own":  {[]string{"br", "gzip"}, true},
		"forbidden":             {[]string{"gzip;q=0"}, false},
		"worth what no one can": {[]string{"gzip;q=much"}, false},
		"something else":        {[]string{"br, zstd"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
			req.Header["Accept-Encoding"] = tt.accept
			res := httptest.NewRecorder()
			exposition(collector.Merge(registry), res, req)
			if got := res.Header().Get("Content-Encoding") == "gzip"; got != tt.compressed {
				t.Fatalf("compressed %v, want %v", got, tt.compressed)
			}
			body := io.Reader(res.Body)
			if tt.compressed {
				unpacked, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = unpacked
			}
			text, err := io.ReadAll(body)
			if err != nil || !strings.Contains(string(text), "probe_up 1\n") {
				t.Errorf("the body is %q, %v", text, err)
			}
			if kind := res.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
				t.Errorf("the type is %q", kind)
			}
		})
	}
}

// However it is asked for, the answer is promhttp's.
func TestExpositionAnswersAsPromhttp(t *testing.T) {
	runner := ranOnce(t, newTables(3, 4))
	tests := map[string]struct{ accept, query string }{
		"nothing said":           {"", ""},
		"text":                   {"text/plain;version=0.0.4", ""},
		"text, names as they be": {"text/plain;version=0.0.4;escaping=allow-utf-8", ""},
		"as Prometheus asks":     {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2", ""},
		"messages":               {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", ""},
		"one metric":             {"text/plain", "?name[]=bench_subject_1_bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics"+tt.query, http.NoBody)
			req.Header.Set("Accept", tt.accept)
			e := runner.Expose("")
			got, want := httptest.NewRecorder(), httptest.NewRecorder()
			exposition(e, got, req)
			promhttp.HandlerFor(e, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(want, req)
			if got.Code != want.Code || !bytes.Equal(got.Body.Bytes(), want.Body.Bytes()) {
				t.Errorf("answer %d (-promhttp +ours):\n%s", got.Code, cmp.Diff(want.Body.String(), got.Body.String()))
			}
			if diff := cmp.Diff(want.Header(), got.Header()); diff != "" {
				t.Errorf("header (-promhttp +ours):\n%s", diff)
			}
		})
	}
}

func TestExpositionTellsAnErrorInPlainText(t *testing.T) {
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept-Encoding", "gzip")
	res := httptest.NewRecorder()
	nothing := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("nothing to be had") })
	exposition(collector.Merge(nothing), res, req)
	if res.Code != http.StatusInternalServerError || !strings.Contains(res.Body.String(), "nothing to be had") || res.Header().Get("Content-Encoding") != "" {
		t.Errorf("the answer is %d %q, encoded %q", res.Code, res.Body, res.Header().Get("Content-Encoding"))
	}
}

// tables is a collector of as many families and series as a large one has.
type tables struct{ metrics []prometheus.Metric }

func newTables(families, each int) tables {
	var t tables
	for f := range families {
		d := prometheus.NewDesc(fmt.Sprintf("bench_subject_%d_bytes", f), "What is measured.", []string{"datname", "relname"}, nil)
		for n := range each {
			t.metrics = append(t.metrics, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n*f), "odoo", fmt.Sprintf("table_%d", n)))
		}
	}
	return t
}

func (t tables) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range t.metrics {
		ch <- m.Desc()
	}
}

func (t tables) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	for _, m := range t.metrics {
		ch <- m
	}
	return nil
}

type tablesInstance struct{ task collector.Task }

func (i tablesInstance) Tasks() []collector.Task { return []collector.Task{i.task} }
func (tablesInstance) Run(context.Context) error { return nil }
func (tablesInstance) Close()                    {}

// ranOnce is a runner whose task has published.
func ranOnce(tb testing.TB, c collector.Collector) *collector.Runner {
	tb.Helper()
	runner := collector.New(collector.Settings{})
	if err := runner.Add(tablesInstance{collector.Task{
		Component: "db", Environment: "production", Name: "tables", Kind: "postgres", Collector: c, Interval: time.Hour, Timeout: time.Minute,
	}}); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan struct{})
	go func() { defer close(done); runner.Run(ctx) }()
	tb.Cleanup(func() { cancel(); <-done })
	for len(runner.Snapshots()) == 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-tb.Context().Done():
			tb.Fatal("the task did not run")
		}
	}
	return runner
}

// BenchmarkExposition is one answer at /metrics with as many series as a cluster
// may publish, and how long the slowest of a hundred took.
func BenchmarkExposition(b *testing.B) {
	runner := ranOnce(b, newTables(200, 25))
	process := telemetry.Process("bench")
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			var times []time.Duration
			size := 0
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody)
				req.Header.Set("Accept-Encoding", encoding)
				res := httptest.NewRecorder()
				begun := time.Now()
				exposition(runner.Expose("", process), res, req)
				times = append(times, time.Since(begun))
				size = res.Body.Len()
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2])/1e6, "p50-ms")
			b.ReportMetric(float64(times[len(times)*99/100])/1e6, "p99-ms")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
