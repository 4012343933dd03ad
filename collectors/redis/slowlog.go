package redis

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	slowLengthDesc = prometheus.NewDesc("redis_slowlog_length", "Commands in the slow log.", nil, nil)
	slowLastIDDesc = prometheus.NewDesc("redis_slowlog_last_id", "Number of the latest command in the slow log.", nil, nil)
	slowLastDesc   = prometheus.NewDesc("redis_last_slow_execution_duration_seconds", "Duration of the latest command in the slow log, however long ago it was.", nil, nil)
	slowCountDesc  = prometheus.NewDesc("redis_slow_commands_total", "Commands that entered the slow log since the watch began.", nil, nil)
	slowMaxDesc    = prometheus.NewDesc("redis_slow_command_max_seconds", "Longest command in the slow log that ended in the last minute; absent when none did.", nil, nil)
)

func describeSlow(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{slowLengthDesc, slowLastIDDesc, slowLastDesc, slowCountDesc, slowMaxDesc} {
		ch <- d
	}
}

const (
	// slowShown is the time over which the longest command is told.
	slowShown = time.Minute
	// maxSlow bounds the entries read at once; Redis keeps 128 by default.
	maxSlow = 128
)

// A slow command is an entry of the slow log. Its arguments are never read.
type slowCommand struct {
	id   int64
	at   time.Time
	took time.Duration
}

func parseSlow(reply []any) []slowCommand {
	var out []slowCommand
	for _, item := range reply {
		row, _ := item.([]any)
		if len(row) < 3 || len(out) == maxSlow {
			continue
		}
		id, okID := row[0].(int64)
		at, okAt := row[1].(int64)
		usec, okTook := row[2].(int64)
		if okID && okAt && okTook {
			out = append(out, slowCommand{id, time.Unix(at, 0), time.Duration(usec) * time.Microsecond})
		}
	}
	return out
}

// slowlog remembers how far the slow log was read.
type slowlog struct {
	begun  bool
	next   int64 // number of the first entry not yet counted
	count  float64
	latest *slowCommand // nil while the log is empty
	recent []slowCommand
}

// missed is how many entries there are beyond what was read, given the latest
// one; the numbers start anew with the server.
func (s *slowlog) missed(latest []slowCommand) int64 {
	switch {
	case len(latest) == 0 || !s.begun:
		return 0
	case latest[0].id < s.next-1:
		return latest[0].id + 1
	default:
		return latest[0].id + 1 - s.next
	}
}

// observe takes the latest entry and, when there was news, as many entries as
// could be read of it.
func (s *slowlog) observe(latest, news []slowCommand, now time.Time) {
	s.count += float64(s.missed(latest))
	known := s.next
	if len(latest) > 0 && latest[0].id < s.next-1 {
		known = 0
	}
	s.latest = nil
	if len(latest) > 0 {
		s.latest, s.next = &latest[0], latest[0].id+1
	}
	for _, c := range news {
		if s.begun && c.id >= known {
			s.recent = append(s.recent, c)
		}
	}
	s.begun = true
	kept := s.recent[:0]
	for _, c := range s.recent {
		if now.Sub(c.at) <= slowShown {
			kept = append(kept, c)
		}
	}
	s.recent = kept[max(0, len(kept)-maxSlow):]
}

func (s *slowlog) publish(ch chan<- prometheus.Metric) {
	if !s.begun {
		return
	}
	counter(ch, slowCountDesc, s.count)
	if s.latest != nil {
		gauge(ch, slowLastIDDesc, float64(s.latest.id))
		gauge(ch, slowLastDesc, s.latest.took.Seconds())
	}
	longest := time.Duration(-1)
	for _, c := range s.recent {
		longest = max(longest, c.took)
	}
	if longest >= 0 {
		gauge(ch, slowMaxDesc, longest.Seconds())
	}
}
