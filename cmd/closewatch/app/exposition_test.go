package app

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
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
			exposition(registry, res, req)
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

func TestExpositionTellsAnErrorInPlainText(t *testing.T) {
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept-Encoding", "gzip")
	res := httptest.NewRecorder()
	exposition(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("nothing to be had") }), res, req)
	if res.Code != http.StatusInternalServerError || !strings.Contains(res.Body.String(), "nothing to be had") || res.Header().Get("Content-Encoding") != "" {
		t.Errorf("the answer is %d %q, encoded %q", res.Code, res.Body, res.Header().Get("Content-Encoding"))
	}
}

// BenchmarkExposition is one answer at /metrics with as many series as a cluster
// may publish, and how long the slowest of a hundred took.
func BenchmarkExposition(b *testing.B) {
	const families, each = 200, 25
	registry := prometheus.NewRegistry()
	for f := range families {
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: fmt.Sprintf("bench_subject_%d_bytes", f), Help: "What is measured."}, []string{"datname", "relname"})
		for n := range each {
			vec.WithLabelValues("odoo", fmt.Sprintf("table_%d", n)).Set(float64(n))
		}
		registry.MustRegister(vec)
	}
	gathered, err := registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			var times []time.Duration
			size := 0
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody)
				req.Header.Set("Accept-Encoding", encoding)
				res := httptest.NewRecorder()
				begun := time.Now()
				exposition(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gathered, nil }), res, req)
				times = append(times, time.Since(begun))
				size = res.Body.Len()
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100])/1e6, "p99-ms")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
