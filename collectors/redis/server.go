package redis

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	upDesc = prometheus.NewDesc("redis_up",
		"Whether Redis answered the latest PING.", nil, nil)
	answeredDesc = prometheus.NewDesc("redis_ping_answered_timestamp_seconds",
		"When a PING was last answered; absent until one is.", nil, nil)
	stallsDesc = prometheus.NewDesc("redis_stalls_total",
		"Times the server did not answer a PING within the timeout, however many in a row.", nil, nil)
	stalledDesc = prometheus.NewDesc("redis_stalled_seconds_total",
		"Time for which the server did not answer, from the first PING without an answer in time to the next answer.", nil, nil)
	askedDesc = prometheus.NewDesc("redis_own_commands_total",
		"Commands that closewatch itself has sent to the server, which counts them in its statistics too.", []string{"cmd"}, nil)

	pings = class{
		prometheus.NewDesc("redis_ping_duration_seconds",
			"Time until a PING was answered, as a client sees it. One that was not answered in time counts in the last bucket only.", nil, nil),
		prometheus.NewDesc("redis_ping_worst_seconds",
			"Slowest PING of the last 15 seconds; at least the timeout when one was not answered in time.", nil, nil),
		prometheus.NewDesc("redis_ping_failures_total",
			"PINGs that failed, by kind.", []string{"kind"}, nil),
	}
	reads = class{
		prometheus.NewDesc("redis_read_duration_seconds",
			"Time until a GET of a key that is not there was answered, as a client sees it. One that was not answered in time counts in the last bucket only.", nil, nil),
		prometheus.NewDesc("redis_read_worst_seconds",
			"Slowest GET of the last minute; at least the timeout when one was not answered in time.", nil, nil),
		prometheus.NewDesc("redis_read_failures_total",
			"GETs that failed, by kind.", []string{"kind"}, nil),
	}
)

// A class is a class of commands whose latency is measured.
type class struct{ duration, worst, failures *prometheus.Desc }

func (c class) describe(ch chan<- *prometheus.Desc) {
	ch <- c.duration
	ch <- c.worst
	ch <- c.failures
}

func (c class) publish(ch chan<- prometheus.Metric, v View) {
	ch <- prometheus.MustNewConstHistogram(c.duration, v.Count, v.Sum, v.Buckets)
	if v.Worst != nil {
		gauge(ch, c.worst, *v.Worst)
	}
	for _, kind := range slices.Sorted(maps.Keys(v.Failures)) {
		counter(ch, c.failures, float64(v.Failures[kind]), string(kind))
	}
}

// A View is what one class of commands has shown, for publication.
type View struct {
	Asked    bool // whether a first result is there
	Up       bool
	Err      error // of the latest one
	Buckets  map[float64]uint64
	Count    uint64
	Sum      float64
	Worst    *float64 // nil when nothing was measured of late
	Failures map[fault.Kind]uint64
	Answered time.Time // zero until there was an answer
	Stalls   uint64
	Stalled  time.Duration
}

// Server publishes whether and how fast Redis answers. It reads memory, never
// the server.
type Server struct {
	Ping, Read func() View
	// Own counts the commands sent to the server by name; nil counts none.
	Own func() map[string]uint64
}

// Describe implements collector.Collector.
func (Server) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{upDesc, answeredDesc, stallsDesc, stalledDesc, askedDesc} {
		ch <- d
	}
	pings.describe(ch)
	reads.describe(ch)
}

// Collect implements collector.Collector. Its error is why the latest PING was
// not answered.
func (s Server) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	v := s.Ping()
	if !v.Asked {
		return nil
	}
	gauge(ch, upDesc, truth(v.Up))
	if !v.Answered.IsZero() {
		gauge(ch, answeredDesc, float64(v.Answered.UnixMilli())/1000)
	}
	counter(ch, stallsDesc, float64(v.Stalls))
	counter(ch, stalledDesc, v.Stalled.Seconds())
	pings.publish(ch, v)
	if r := s.Read(); r.Asked {
		reads.publish(ch, r)
	}
	if s.Own != nil {
		for cmd, n := range s.Own() {
			counter(ch, askedDesc, float64(n), cmd)
		}
	}
	return v.Err
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
