package telemetry_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/closewatch/closewatch/internal/telemetry"
)

func TestOwnIsServedAsPrometheusExpects(t *testing.T) {
	own := telemetry.NewOwn()
	own.Counter("closewatch_notifications_sent_total", "Alerts sent.", "endpoint", `http://a:9093/"x"`).Add(3)
	own.Counter("closewatch_notifications_sent_total", "Alerts sent.", "endpoint", "b\nc\\").Inc()
	own.Counter("closewatch_notifications_sent_total", "Alerts sent.", "endpoint", "b\nc\\").Inc()
	own.Gauge("closewatch_notifications_queue_length", "Alerts waiting.").Set(2.5)
	own.GaugeFunc("closewatch_ticks_lag_seconds", "Lag.", func() float64 { return 99 })
	own.GaugeFunc("closewatch_ticks_lag_seconds", "Lag.", func() float64 { return 0.25 }) // replaces it
	own.GaugeFunc("closewatch_nothing_seconds", "Nothing.", math.NaN)
	h := own.Histogram("closewatch_tick_duration_seconds", "Duration of a tick.", "phase", "evaluate")
	for _, v := range []float64{0.00005, 0.001, 0.0011, 0.002154, 0.3, 0.4642, 5, 5000} {
		h.Update(v)
	}
	families, err := own.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	var got strings.Builder
	if err := own.WritePrometheus(&got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "own.prom")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}

func TestOwnRefusesWhatNoProgramMeans(t *testing.T) {
	own := telemetry.NewOwn()
	own.Counter("closewatch_a_total", "A.")
	for name, f := range map[string]func(){
		"another's name": func() { own.Counter("pg_up", "Up.") },
		"half a label":   func() { own.Counter("closewatch_b_total", "B.", "kind") },
		"two kinds":      func() { own.Gauge("closewatch_a_total", "A.") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			f()
		})
	}
}

func TestProcessServesGoAndProcessAndVersion(t *testing.T) {
	families, err := telemetry.Process("1.2.3").Gather()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, mf := range families {
		have[mf.GetName()] = true
	}
	for _, want := range []string{"go_goroutines", "process_cpu_seconds_total", "closewatch_build_info"} {
		if !have[want] {
			t.Errorf("%s is missing", want)
		}
	}
	if _, err := (prometheus.Gatherers{telemetry.Process("1"), telemetry.NewOwn()}).Gather(); err != nil {
		t.Errorf("does not go with the daemon's own set: %v", err)
	}
}

func BenchmarkCounter(b *testing.B) {
	c := telemetry.NewOwn().Counter("closewatch_a_total", "A.")
	for b.Loop() {
		c.Inc()
	}
}
