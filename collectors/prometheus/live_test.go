package prometheus

import (
	"context"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/store"
)

// history is what the server has been scraping every 15 seconds until march31,
// but for a series that ended 3 minutes before.
func history() string {
	var b strings.Builder
	series := func(name, labels string, until time.Duration, value func(n int) float64) {
		for n := range 40 {
			at := march31.Add(-until - time.Duration(39-n)*15*time.Second)
			fmt.Fprintf(&b, "%s{%s} %v %d\n", name, labels, value(n), at.Unix())
		}
	}
	always := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	b.WriteString("# TYPE disk_free gauge\n")
	series("disk_free", `instance="db1"`, 0, always(0.9))
	series("disk_free", `instance="db2"`, 0, always(0.05))
	series("disk_free", `instance="db3"`, 0, always(0.5))
	b.WriteString("# TYPE ended gauge\n")
	series("ended", `instance="db1"`, 3*time.Minute, always(7))
	b.WriteString("# TYPE work counter\n")
	series("work_total", `instance="db1"`, 0, func(n int) float64 { return float64(30 * n) })
	b.WriteString("# EOF\n")
	return b.String()
}

// startServer starts a Prometheus that holds history.
func startServer(t *testing.T) *lab.Prometheus {
	t.Helper()
	dir := t.TempDir()
	text, data := filepath.Join(dir, "history.om"), filepath.Join(dir, "data")
	if err := os.WriteFile(text, []byte(history()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "promtool", "tsdb", "create-blocks-from", "openmetrics", text, data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s (make setup installs it)", err, out)
	}
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := l.Prometheus(ctx, lab.PrometheusOptions{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What a real Prometheus answers to all sorts of expressions.
func TestOnPrometheus(t *testing.T) {
	server := startServer(t)
	by := func(q *Query) { q.By = []string{"instance"} }
	rule := func(a Aggregate) func(*Query) { return func(q *Query) { q.Aggregate = a } }
	fresh := func(d time.Duration) func(*Query) { return func(q *Query) { q.Fresh = duration(d) } }
	tests := map[string]struct {
		text  string
		query func(*Query)
		want  map[string]float64 // of the values, and counts of series that are not 0
		kind  fault.Kind
		says  string
	}{
		"one value for each":              {text: "disk_free", query: by, want: map[string]float64{"value/db1": 0.9, "value/db2": 0.05, "value/db3": 0.5, "series/used": 3}},
		"the worst is the greatest":       {text: "disk_free", want: map[string]float64{"value": 0.9, "series/used": 3}},
		"the worst is the least":          {text: "disk_free", query: func(q *Query) { q.Direction = Below }, want: map[string]float64{"value": 0.05, "series/used": 3}},
		"sum":                             {text: "disk_free > 0.1", query: rule(Sum), want: map[string]float64{"value": 1.4, "series/used": 2}},
		"count":                           {text: "disk_free > 0.1", query: rule(Count), want: map[string]float64{"value": 2, "series/used": 2}},
		"a rate":                          {text: "rate(work_total[5m])", want: map[string]float64{"value": 2, "series/used": 1}},
		"a scalar":                        {text: "scalar(max(disk_free)) * 2", want: map[string]float64{"value": 1.8, "series/used": 1}},
		"nothing is no value":             {text: "count(disk_free > 5)", want: map[string]float64{}},
		"nothing is 0 when told so":       {text: "count(disk_free > 5) or vector(0)", want: map[string]float64{"value": 0, "series/used": 1}},
		"not a number":                    {text: "scalar(disk_free)", want: map[string]float64{"series/not_a_number": 1}},
		"infinite":                        {text: "1 / 0", want: map[string]float64{"value": math.Inf(1), "series/used": 1}},
		"ended, and still looked back at": {text: "ended", want: map[string]float64{"value": 7, "series/used": 1}},
		"this version looks back anyway":  {text: "ended", query: fresh(2 * time.Minute), want: map[string]float64{"value": 7, "series/used": 1}},
		"but for what the query says":     {text: "ended and timestamp(ended) > time() - 120", want: map[string]float64{}},
		"ended, and looked back at later": {text: "ended offset -4m", query: fresh(time.Hour), want: map[string]float64{}},
		"wrong syntax":                    {text: "sum(", kind: fault.Rejected, says: "parse error"},
		"unknown function":                {text: `maximum(disk_free)`, kind: fault.Rejected, says: `unknown function with name "maximum"`},
		"cannot be executed":              {text: `disk_free * on (job) group_left disk_free{instance=~"db[12]"}`, kind: fault.Rejected, says: "HTTP 422"},
		"a string":                        {text: `"db1"`, kind: fault.Schema, says: "gives a string"},
		"a range":                         {text: "disk_free[1m]", kind: fault.Schema, says: "gives a range"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := run(t, start(t, settings(server.URL, query(tt.text, tt.query)))[0])
			if kind := fault.KindOf(err); kind != tt.kind {
				t.Fatalf("Collect() = %v of kind %q, want %q", err, kind, tt.kind)
			}
			if err != nil {
				if text := err.Error(); !strings.Contains(text, tt.says) || strings.Contains(text, "db1") {
					t.Errorf("Collect() = %q, want it with %q and without labels", text, tt.says)
				}
				return
			}
			kept := map[string]float64{}
			for name, v := range got {
				if strings.HasPrefix(name, "value") || v != 0 {
					kept[name] = v
				}
			}
			if diff := cmp.Diff(tt.want, kept, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
		})
	}

	t.Run("a server that hangs and comes back", func(t *testing.T) {
		c := start(t, settings(server.URL, query("max(disk_free)", nil)))[0]
		if _, err := run(t, c); err != nil {
			t.Fatal(err)
		}
		if err := server.Pause(); err != nil {
			t.Fatal(err)
		}
		families, err := collect(t, c, 200*time.Millisecond)
		if fault.KindOf(err) != fault.Timeout || len(families) > 0 {
			t.Errorf("paused: %d families, %v of kind %s, want a timeout", len(families), err, fault.KindOf(err))
		}
		if err := server.Resume(); err != nil {
			t.Fatal(err)
		}
		if got, err := run(t, c); err != nil || got["value"] != 0.9 {
			t.Errorf("resumed: %v, %v", got, err)
		}
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, c); fault.KindOf(err) != fault.Unreachable {
			t.Errorf("killed: %v of kind %s, want unreachable", err, fault.KindOf(err))
		}
	})
}

// A server of this day looks back no farther than a value is to count, and no
// farther than it would by itself.
func TestFreshness(t *testing.T) {
	s, err := store.Open(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	name, kind, v := "ended", dto.MetricType_GAUGE, 7.0
	ended := []*dto.MetricFamily{{Name: &name, Type: &kind, Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &v}}}}}
	if err := s.Append(march31.Add(-3*time.Minute), ended); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler("/prometheus"))
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	tests := map[string]struct {
		text  string
		fresh time.Duration
		there bool
	}{
		"as told":          {"ended", 2 * time.Minute, false},
		"a little longer":  {"ended", 3*time.Minute + time.Second, true},
		"by itself":        {"ended", 0, true},
		"never farther":    {"ended offset -4m", time.Hour, false},
		"a range is whole": {"max_over_time(ended[4m])", 2 * time.Minute, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := run(t, start(t, settings(server.URL+"/prometheus", query(tt.text, func(q *Query) { q.Fresh = duration(tt.fresh) })))[0])
			if err != nil {
				t.Fatal(err)
			}
			if _, there := got["value"]; there != tt.there {
				t.Errorf("metrics %v, want a value: %v", got, tt.there)
			}
		})
	}
}
