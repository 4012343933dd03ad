package redis

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
)

var march31 = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

func TestServer(t *testing.T) {
	silent := &fault.Error{Op: "ask Redis", Kind: fault.Timeout, Err: errors.New("no answer within the deadline")}
	refused := &fault.Error{Op: "ask Redis", Kind: fault.Unreachable, Err: errors.New("connection refused")}
	type ping struct {
		took time.Duration
		err  error
	}
	tests := map[string]struct {
		pings []ping
		later time.Duration // after the last ping
		err   error
	}{
		"server_not_asked_yet": {},
		"server_answers":       {pings: []ping{{took: 200 * time.Microsecond}, {took: 30 * time.Millisecond}, {took: 250 * time.Microsecond}}},
		"server_stalled":       {pings: []ping{{took: 200 * time.Microsecond}, {time.Second, silent}, {time.Second, silent}}, err: silent},
		"server_refuses":       {pings: []ping{{time.Millisecond, refused}}, err: refused},
		"server_recovered":     {pings: []ping{{time.Second, silent}, {took: 300 * time.Microsecond}}},
		"server_result_is_old": {pings: []ping{{took: 300 * time.Microsecond}}, later: time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, now := newLatency(), march31
			for _, p := range tt.pings {
				now = now.Add(time.Second)
				l.record(now, p.took, p.err)
			}
			view := func() View { return l.view(now.Add(tt.later), 3*time.Second) }
			if err := collectortest.Golden(t, Server{view}, name); !errors.Is(err, tt.err) {
				t.Errorf("Collect() = %v, want %v", err, tt.err)
			}
		})
	}
}

// TestInfo publishes answers of Redis 7.0, reduced to what is read.
func TestInfo(t *testing.T) {
	for name, role := range map[string]string{
		"info_primary_with_replica":   Session,
		"info_replica_cut_off":        Session,
		"info_cache_without_limit":    Cache,
		"info_session_store_evicting": Session,
		"info_queue_failing_to_save":  Queue,
		"info_append_only":            Queue,
		"info_nonsense":               Session,
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			c := Info{Role: role, Ask: func(context.Context) (info, error) { return parseInfo(string(text)), nil }, Now: func() time.Time { return march31 }}
			if err := collectortest.Golden(t, c, name); err != nil {
				t.Errorf("Collect() = %v", err)
			}
		})
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add("# Server\r\nredis_version:7.0.15\r\ndb0:keys=1,expires=0,avg_ttl=0\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := Info{Role: Session, Ask: func(context.Context) (info, error) { return parseInfo(text), nil }, Now: func() time.Time { return march31 }}
		_ = collectAll(t, c)
	})
}
