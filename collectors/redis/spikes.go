package redis

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	byEvent = []string{"event_name"}

	spikesDesc    = prometheus.NewDesc("redis_latency_spikes_total", "Seconds in which the server's latency monitor saw a spike, since the watch began.", byEvent, nil)
	spikeLastDesc = prometheus.NewDesc("redis_latency_spike_last", "When the latest latency spike was, in seconds since 1970.", byEvent, nil)
	spikeTookDesc = prometheus.NewDesc("redis_latency_spike_duration_seconds", "Length of the latest latency spike; absent five minutes after it.", byEvent, nil)
)

const (
	// spikeShown is how long a spike's length is told: the server itself repeats
	// it until the next one, for years.
	spikeShown = 5 * time.Minute
	// maxEvents bounds the events; Redis 7 knows 20.
	maxEvents = 32
)

// A spike is the latest one of an event, as LATENCY LATEST tells.
type spike struct {
	event string
	at    int64 // seconds since 1970, of the server
	took  float64
}

// parseSpikes reads the answer to LATENCY LATEST.
func parseSpikes(reply []any) []spike {
	var out []spike
	for _, item := range reply {
		row, _ := item.([]any)
		if len(row) < 3 || len(out) == maxEvents {
			continue
		}
		event, _ := row[0].(string)
		event = label(event)
		at, okAt := row[1].(int64)
		ms, okMS := row[2].(int64)
		if event != "" && okAt && okMS {
			out = append(out, spike{event, at, float64(ms) / 1000})
		}
	}
	return out
}

// spikes counts them. What happened before the watch began is not counted.
type spikes struct {
	begun bool
	seen  map[string]int64 // time of the latest one counted, by event
	count map[string]float64
}

func newSpikes() *spikes { return &spikes{seen: map[string]int64{}, count: map[string]float64{}} }

// news lists the events that have had spikes since the last look.
func (s *spikes) news(latest []spike) []string {
	var events []string
	for _, l := range latest {
		if s.begun && l.at > s.seen[l.event] {
			events = append(events, l.event)
		}
	}
	return events
}

// observe counts, given the history of each event that has news: a list of
// time and length. Without one, news are one spike.
func (s *spikes) observe(latest []spike, histories map[string][]any) {
	for _, l := range latest {
		if _, known := s.count[l.event]; !known && len(s.count) >= maxEvents {
			continue
		}
		s.count[l.event] += s.since(l, histories[l.event])
		s.seen[l.event] = max(s.seen[l.event], l.at)
	}
	s.begun = true
}

func (s *spikes) since(l spike, history []any) float64 {
	if !s.begun || l.at <= s.seen[l.event] {
		return 0
	}
	n := 0.0
	for _, item := range history {
		row, _ := item.([]any)
		if len(row) < 2 {
			continue
		}
		if at, ok := row[0].(int64); ok && at > s.seen[l.event] {
			n++
		}
	}
	return max(n, 1)
}

func (s *spikes) publish(ch chan<- prometheus.Metric, latest []spike, now time.Time) {
	for event, n := range s.count {
		counter(ch, spikesDesc, n, event)
	}
	seen := map[string]bool{}
	for _, l := range latest {
		if seen[l.event] {
			continue
		}
		seen[l.event] = true
		gauge(ch, spikeLastDesc, float64(l.at), l.event)
		if now.Sub(time.Unix(l.at, 0)) <= spikeShown {
			gauge(ch, spikeTookDesc, l.took, l.event)
		}
	}
}

func describeSpikes(ch chan<- *prometheus.Desc) {
	ch <- spikesDesc
	ch <- spikeLastDesc
	ch <- spikeTookDesc
}
