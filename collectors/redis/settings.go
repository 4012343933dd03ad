package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	limitLabels     = []string{"class", "limit"}
	bufferDesc      = prometheus.NewDesc("redis_config_client_output_buffer_limit_bytes", "Configured limit of clients' output buffers.", limitLabels, nil)
	overcomeDesc    = prometheus.NewDesc("redis_config_client_output_buffer_limit_overcome_seconds", "Time for which clients may exceed the soft limit of output buffers.", limitLabels, nil)
	configuredDescs = map[string]*prometheus.Desc{
		"maxmemory":         prometheus.NewDesc("redis_config_maxmemory", "Configured limit of memory in bytes; 0 is none.", nil, nil),
		"maxclients":        prometheus.NewDesc("redis_config_maxclients", "Configured limit of client connections.", nil, nil),
		"io-threads":        prometheus.NewDesc("redis_config_io_threads", "Configured I/O threads.", nil, nil),
		"repl-backlog-size": prometheus.NewDesc("redis_config_repl_backlog_size", "Configured size of the replication backlog in bytes.", nil, nil),
	}
)

// wanted are the parameters read by CONFIG GET. Each is asked for by its own
// command, since a server before version 7 takes one only.
var wanted = []string{
	"maxmemory", "maxclients", "io-threads", "repl-backlog-size", "client-output-buffer-limit",
	"save", "appendfsync", "stop-writes-on-bgsave-error", "min-replicas-to-write",
}

// settingsEvery is the cadence of CONFIG GET: people change settings rarely.
const settingsEvery = time.Minute

// settings are configuration parameters; nil when they are not known.
type settings map[string]string

// savePoint is a rule of the parameter save: a snapshot is due once so many
// changes are older than the time.
type savePoint struct {
	after   time.Duration
	changes float64
}

// savePoints reads the parameter save; ok is false when it is not known.
func (s settings) savePoints() (points []savePoint, ok bool) {
	text, ok := s["save"]
	words := strings.Fields(text)
	for n := 0; n+1 < len(words); n += 2 {
		seconds, errSeconds := strconv.Atoi(words[n])
		changes, errChanges := strconv.Atoi(words[n+1])
		if errSeconds != nil || errChanges != nil {
			return nil, false
		}
		points = append(points, savePoint{time.Duration(seconds) * time.Second, float64(changes)})
	}
	return points, ok
}

func (s settings) number(name string) (float64, bool) { return info(s).number(name) }

func describeSettings(ch chan<- *prometheus.Desc) {
	for _, d := range configuredDescs {
		ch <- d
	}
	ch <- bufferDesc
	ch <- overcomeDesc
}

func publishSettings(ch chan<- prometheus.Metric, s settings) {
	for name, d := range configuredDescs {
		if v, ok := s.number(name); ok {
			gauge(ch, d, v)
		}
	}
	// For each class of clients: its name, the hard limit, the soft limit and
	// how long that may be exceeded.
	words := strings.Fields(s["client-output-buffer-limit"])
	seen := map[string]bool{}
	for ; len(words) >= 4; words = words[4:] {
		class := label(words[0])
		hard, errHard := strconv.ParseFloat(words[1], 64)
		soft, errSoft := strconv.ParseFloat(words[2], 64)
		seconds, errSeconds := strconv.ParseFloat(words[3], 64)
		if errHard != nil || errSoft != nil || errSeconds != nil || seen[class] {
			return
		}
		seen[class] = true
		gauge(ch, bufferDesc, hard, class, "hard")
		gauge(ch, bufferDesc, soft, class, "soft")
		gauge(ch, overcomeDesc, seconds, class, "soft")
	}
}
