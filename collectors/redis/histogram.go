package redis

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var spentDesc = prometheus.NewDesc("redis_commands_latencies_usec",
	"Time spent in a command, in microseconds. The buckets are always the same ones; the server measures up to about a second, so that slower calls are above every bucket.",
	byCommand, nil)

// spentBuckets are the published bounds in microseconds. Redis counts up to
// 1.032 * 2^k microseconds, k from 0 to 19, and the rest under 1073741, however
// long it took (LATENCY HISTOGRAM of Redis 7.0). These are every second of its
// bounds and the last true one.
var spentBuckets = []float64{4, 16, 66, 264, 1056, 4227, 16908, 67633, 270532, 541065}

// histogramEvery is the cadence of LATENCY HISTOGRAM and of INFO's latencystats:
// reckoning them takes Redis 7.0 ten times as long as the rest of INFO.
const histogramEvery = time.Minute

// maxHistograms bounds the commands with a distribution of their own.
const maxHistograms = 16

// A distribution is the time spent in one command.
type distribution struct {
	buckets map[float64]uint64 // cumulated, by bound
	count   uint64
	usec    float64 // in total, from commandstats
}

// parseHistograms reads the answer to LATENCY HISTOGRAM: for each command its
// calls and the bounds that have any, with the calls up to each.
func parseHistograms(reply []any, of map[string]usage) map[string]distribution {
	out := map[string]distribution{}
	for n := 0; n+1 < len(reply) && len(out) < maxFields; n += 2 {
		command, _ := reply[n].(string)
		details, _ := reply[n+1].([]any)
		d := distribution{buckets: map[float64]uint64{}, usec: of[command].seconds * 1e6}
		for k := 0; k+1 < len(details); k += 2 {
			switch details[k] {
			case "calls":
				d.count = natural(details[k+1])
			case "histogram_usec":
				bounds, _ := details[k+1].([]any)
				d.fill(bounds)
			}
		}
		if command = label(command); command != "" {
			out[command] = d
		}
	}
	return out
}

// fill cumulates sparse bounds into the fixed ones. A fixed bound is one of the
// server's, so the calls up to it are those up to its largest reported bound
// that is not above.
func (d *distribution) fill(reported []any) {
	for _, bound := range spentBuckets {
		for n := 0; n+1 < len(reported); n += 2 {
			if float64(natural(reported[n])) <= bound {
				d.buckets[bound] = max(d.buckets[bound], natural(reported[n+1]))
			}
		}
	}
}

// natural is a count in an answer, 0 when it is none.
func natural(v any) uint64 {
	n, _ := v.(int64)
	return uint64(max(n, 0))
}

// publishHistograms publishes the distributions of admitted commands and the
// sum of the others.
func publishHistograms(ch chan<- prometheus.Metric, of map[string]distribution, admitted *admission) {
	admitted.admit(slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b].count, of[a].count), cmp.Compare(a, b))
	}))
	sums := map[string]distribution{}
	for command, d := range of {
		name := admitted.label(command)
		s := sums[name]
		if s.buckets == nil {
			s.buckets = map[float64]uint64{}
		}
		for _, bound := range spentBuckets {
			s.buckets[bound] += d.buckets[bound]
		}
		s.count, s.usec = s.count+d.count, s.usec+d.usec
		sums[name] = s
	}
	for command, s := range sums {
		ch <- prometheus.MustNewConstHistogram(spentDesc, s.count, s.usec, s.buckets, command)
	}
}

// A lasting metric is sent again as it was, until the server is asked anew.
type lasting struct {
	prometheus.Metric
	written dto.Metric
}

// Write implements prometheus.Metric for distributions and percentiles.
func (l *lasting) Write(m *dto.Metric) error {
	m.Label, m.Histogram, m.Summary = l.written.Label, l.written.Histogram, l.written.Summary
	return nil
}

// keep returns what publish sends, to be sent again.
func keep(publish func(chan<- prometheus.Metric)) []*lasting {
	kept := []*lasting{}
	sent, done := make(chan prometheus.Metric), make(chan struct{})
	go func() {
		defer close(done)
		for m := range sent {
			l := &lasting{Metric: m}
			if m.Write(&l.written) == nil {
				kept = append(kept, l)
			}
		}
	}()
	func() {
		defer close(sent)
		publish(sent)
	}()
	<-done
	return kept
}
