package redis

import (
	"context"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	upDesc = prometheus.NewDesc("redis_up",
		"Whether Redis answered the latest PING.", nil, nil)
	pingDesc = prometheus.NewDesc("redis_ping_duration_seconds",
		"Time until a PING was answered, as a client sees it. One that was not answered in time counts in the last bucket only.", nil, nil)
	worstDesc = prometheus.NewDesc("redis_ping_worst_seconds",
		"Slowest PING of the last 15 seconds; at least the timeout when one was not answered in time.", nil, nil)
	failuresDesc = prometheus.NewDesc("redis_ping_failures_total",
		"PINGs that failed, by kind.", []string{"kind"}, nil)
)

// A View is what the pings have shown, for publication.
type View struct {
	Asked    bool // whether a first result is there
	Up       bool
	Err      error // of the latest ping
	Buckets  map[float64]uint64
	Count    uint64
	Sum      float64
	Worst    *float64 // nil when nothing was measured of late
	Failures map[fault.Kind]uint64
}

// Server publishes whether and how fast Redis answers. It reads memory, never
// the server.
type Server struct{ View func() View }

// Describe implements collector.Collector.
func (Server) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{upDesc, pingDesc, worstDesc, failuresDesc} {
		ch <- d
	}
}

// Collect implements collector.Collector. Its error is why the latest PING was
// not answered.
func (s Server) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	v := s.View()
	if !v.Asked {
		return nil
	}
	up := 0.0
	if v.Up {
		up = 1
	}
	gauge(ch, upDesc, up)
	ch <- prometheus.MustNewConstHistogram(pingDesc, v.Count, v.Sum, v.Buckets)
	if v.Worst != nil {
		gauge(ch, worstDesc, *v.Worst)
	}
	for _, kind := range slices.Sorted(maps.Keys(v.Failures)) {
		ch <- prometheus.MustNewConstMetric(failuresDesc, prometheus.CounterValue, float64(v.Failures[kind]), string(kind))
	}
	return v.Err
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
