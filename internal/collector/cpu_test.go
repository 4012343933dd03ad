package collector

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkCollect is a run that sends metrics, with the measurement of its CPU
// time and without.
func BenchmarkCollect(b *testing.B) {
	d := prometheus.NewDesc("postgres_replay_lag_seconds", "Replay lag.", []string{"standby"}, nil)
	for _, metrics := range []int{10, 1000} {
		task := Task{Name: "x", MaxSeries: DefaultMaxSeries, Timeout: time.Second, Interval: time.Second, Collector: sending{d, metrics}}
		b.Run(strconv.Itoa(metrics), func(b *testing.B) {
			var used time.Duration
			for b.Loop() {
				used += collect(b.Context(), task).cpu
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

type sending struct {
	d *prometheus.Desc
	n int
}

func (s sending) Describe(ch chan<- *prometheus.Desc) { ch <- s.d }

func (s sending) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	for i := range s.n {
		ch <- prometheus.MustNewConstMetric(s.d, prometheus.GaugeValue, float64(i), strconv.Itoa(i))
	}
	return nil
}
