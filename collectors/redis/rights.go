package redis

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
)

var refusedDesc = prometheus.NewDesc("redis_command_refused",
	"1 for each command that the server refuses to closewatch: denied to its user, or unknown to the server, which is renamed, switched off or too old. What it would tell is not known.",
	[]string{"command", "reason"}, nil)

// Reasons for which a command is refused.
const (
	denied  = "denied"
	unknown = "unknown"
)

// Rights are what a user of a server needs to be watched with, as ACL SETUSER of
// Redis 7 takes them.
const Rights = "+ping +info +get ~" + absentKey + " +client|setname +latency|latest +latency|history +latency|histogram" +
	" +slowlog|len +slowlog|get +config|get +cluster|info +cluster|nodes"

// askAgain is after what time a refused command is tried once more: a refusal
// is an error in the server's statistics, and a right that was granted should
// be noticed soon.
const askAgain = 5 * time.Minute

// rights remembers which commands a server refused.
type rights struct{ refused map[string]refusal }

type refusal struct {
	reason string
	until  time.Time
}

// allowed reports whether a command is worth sending.
func (r *rights) allowed(command string, now time.Time) bool {
	known, ok := r.refused[command]
	return !ok || !now.Before(known.until)
}

// learn takes note of a command's answer and reports whether it was refused.
func (r *rights) learn(command string, err error, now time.Time) bool {
	reason := refusedBecause(err)
	if reason == "" {
		delete(r.refused, command)
		return false
	}
	if r.refused == nil {
		r.refused = map[string]refusal{}
	}
	r.refused[command] = refusal{reason, now.Add(askAgain)}
	return true
}

// forget starts over: another server answers.
func (r *rights) forget() { r.refused = nil }

func (r *rights) publish(ch chan<- prometheus.Metric) {
	for _, command := range slices.Sorted(maps.Keys(r.refused)) {
		gauge(ch, refusedDesc, 1, command, r.refused[command].reason)
	}
}

// refusedBecause is why a command was refused, or "" when it was not.
func refusedBecause(err error) string {
	switch {
	case err == nil:
		return ""
	case goredis.IsPermissionError(err):
		return denied
	case strings.Contains(strings.ToLower(err.Error()), "unknown command"),
		strings.Contains(strings.ToLower(err.Error()), "unknown subcommand"):
		return unknown
	default:
		return ""
	}
}
