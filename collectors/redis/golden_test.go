package redis

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
)

var march31 = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

func then() time.Time { return march31 }

func TestServer(t *testing.T) {
	silent := &fault.Error{Op: "ask Redis", Kind: fault.Timeout, Err: errors.New("no answer within the deadline")}
	refused := &fault.Error{Op: "ask Redis", Kind: fault.Unreachable, Err: errors.New("connection refused")}
	type ping struct {
		took time.Duration
		err  error
	}
	tests := map[string]struct {
		pings, reads []ping
		later        time.Duration // after the last ping
		err          error
	}{
		"server_not_asked_yet": {},
		"server_answers": {
			pings: []ping{{took: 200 * time.Microsecond}, {took: 30 * time.Millisecond}, {took: 250 * time.Microsecond}},
			reads: []ping{{took: 300 * time.Microsecond}, {time.Second, silent}},
		},
		"server_stalled":       {pings: []ping{{took: 200 * time.Microsecond}, {time.Second, silent}, {time.Second, silent}}, err: silent},
		"server_refuses":       {pings: []ping{{time.Millisecond, refused}}, err: refused},
		"server_recovered":     {pings: []ping{{time.Second, silent}, {took: 300 * time.Microsecond}}},
		"server_result_is_old": {pings: []ping{{took: 300 * time.Microsecond}}, later: time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			asked, read, now := newLatency(recent), newLatency(recentReads), march31
			for _, p := range tt.pings {
				now = now.Add(time.Second)
				asked.record(now, p.took, p.err)
			}
			for _, p := range tt.reads {
				read.record(now, p.took, p.err)
			}
			s := Server{
				Ping: func() View { return asked.view(now.Add(tt.later), 3*time.Second) },
				Read: func() View { return read.view(now.Add(tt.later), 3*time.Second) },
			}
			if len(tt.reads) > 0 {
				s.Own = func() map[string]uint64 { return map[string]uint64{"ping": 3, "get": 2, "config|get": 9} }
			}
			if err := collectortest.Golden(t, s, name); !errors.Is(err, tt.err) {
				t.Errorf("Collect() = %v, want %v", err, tt.err)
			}
		})
	}
}

// configuration is what CONFIG GET answers of a server with Redis' defaults, but
// for the parameters given.
func configuration(changed map[string]string) replies {
	parameters := map[string]string{
		"maxmemory": "0", "maxclients": "10000", "io-threads": "1", "repl-backlog-size": "1048576",
		"client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
		"save":                       "3600 1 300 100 60 10000", "appendfsync": "everysec",
		"stop-writes-on-bgsave-error": "yes", "min-replicas-to-write": "0",
	}
	maps.Copy(parameters, changed)
	r := replies{}
	for name, value := range parameters {
		r["CONFIG GET "+name] = []any{name, value}
	}
	return r
}

func recorded(t *testing.T, name string, more ...replies) replies {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".txt")
	must(t, err)
	r := replies{"INFO all": string(text)}
	for _, m := range more {
		maps.Copy(r, m)
	}
	return r
}

// TestInfo publishes answers of Redis 7.0, reduced to what is read.
func TestInfo(t *testing.T) {
	for name, tt := range map[string]struct {
		tolerance string
		config    map[string]string // nil: CONFIG GET is not known
	}{
		"info_primary_with_replica":   {Session, map[string]string{}},
		"info_replica_cut_off":        {Session, nil},
		"info_replica_saving":         {Queue, map[string]string{}},
		"info_cache_without_limit":    {Cache, map[string]string{"save": ""}},
		"info_session_store_evicting": {Session, map[string]string{"save": ""}},
		"info_queue_failing_to_save":  {Queue, map[string]string{}},
		"info_append_only":            {Queue, map[string]string{"appendfsync": "no"}},
		"info_nonsense":               {Session, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := recorded(t, name)
			if tt.config != nil {
				maps.Copy(r, configuration(tt.config))
			}
			c := NewInfo(tt.tolerance, nil, r.ask, then)
			if err := collectortest.Golden(t, c, name); err != nil {
				t.Errorf("Collect() = %v", err)
			}
		})
	}
}

// What is told of the time since the look before.
func TestSecondLook(t *testing.T) {
	r := recorded(t, "info_cache_without_limit", full())
	c := NewInfo(Cache, nil, r.ask, then)
	_ = collectAll(t, c)
	at := march31.Unix()
	maps.Copy(r, replies{
		"LATENCY LATEST":          []any{[]any{"command", at - 5, int64(12003), int64(12003)}},
		"LATENCY HISTORY command": []any{[]any{at - 60, int64(61)}, []any{at - 9, int64(300)}, []any{at - 5, int64(12003)}},
		"SLOWLOG LEN":             int64(5),
		"SLOWLOG GET 1":           []any{[]any{int64(10), at - 5, int64(12000137), []any{"DEBUG"}}},
		"SLOWLOG GET 3": []any{
			[]any{int64(10), at - 5, int64(12000137), []any{"DEBUG"}}, []any{int64(9), at - 9, int64(300000), []any{"KEYS"}}, []any{int64(8), at - 90, int64(99000000), []any{"SORT"}},
		},
	})
	if err := collectortest.Golden(t, c, "second_look"); err != nil {
		t.Errorf("Collect() = %v", err)
	}
}

// full are the answers of a server with something to tell about everything.
func full() replies {
	r := configuration(map[string]string{"maxmemory": "67108864"})
	maps.Copy(r, replies{
		"LATENCY LATEST": []any{
			[]any{"command", march31.Unix() - 60, int64(61), int64(12003)},
			[]any{"fork", march31.Unix() - 86400, int64(70), int64(70)},
		},
		"SLOWLOG LEN":   int64(2),
		"SLOWLOG GET 1": []any{[]any{int64(7), march31.Unix() - 20, int64(60137), []any{"DEBUG", "SLEEP"}, "127.0.0.1:1", ""}},
		"LATENCY HISTOGRAM": []any{
			"get",
			[]any{"calls", int64(6), "histogram_usec", []any{int64(1), int64(1), int64(2), int64(4), int64(4), int64(5), int64(264), int64(6)}},
			"config|get",
			[]any{"calls", int64(2), "histogram_usec", []any{int64(33816), int64(2)}},
			"debug",
			[]any{"calls", int64(3), "histogram_usec", []any{int64(270532), int64(2), int64(1073741), int64(3)}},
		},
		"TYPE jobs": "list", "LLEN jobs": int64(3), "TYPE gone": "none", "TYPE feed": "stream", "XLEN feed": int64(9),
		"XINFO GROUPS feed": []any{
			[]any{"name", "mail", "consumers", int64(2), "pending", int64(4), "last-delivered-id", "1-0", "entries-read", int64(5), "lag", int64(4)},
			[]any{"name", "edi", "consumers", int64(0), "pending", int64(0), "last-delivered-id", "0-0", "entries-read", nil, "lag", nil},
		},
	})
	return r
}

// Every version publishes what it tells; what it does not know is refused or
// absent, never 0.
func TestVersions(t *testing.T) {
	for name, r := range map[string]replies{
		"redis_7.0": full(),
		"redis_8.0": full(),
		// 6.0 knows neither LATENCY HISTOGRAM nor the lag of a group.
		"redis_6.0": {
			"LATENCY LATEST": []any{}, "SLOWLOG LEN": int64(0), "SLOWLOG GET 1": []any{},
			"TYPE jobs": "list", "LLEN jobs": int64(3), "TYPE gone": "none", "TYPE feed": "stream", "XLEN feed": int64(9),
			"XINFO GROUPS feed": []any{[]any{"name", "mail", "consumers", int64(2), "pending", int64(4), "last-delivered-id", "1-0"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewInfo(Queue, []string{"jobs", "gone", "feed"}, recorded(t, name, r).ask, then)
			if err := collectortest.Golden(t, c, name); err != nil {
				t.Errorf("Collect() = %v", err)
			}
		})
	}
}

func TestClusterNode(t *testing.T) {
	const nodes = `07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002,hostname2 master - 0 1426238316232 2 connected 5461-10922
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 master,fail? - 0 1426238318243 3 connected 10923-16383
6ec23923021cf3ffec47632106199cb7f496ce01 127.0.0.1:30005@31005 slave,fail 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 0 1426238316232 5 disconnected
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460
not a node
`
	r := recorded(t, "info_cache_without_limit", replies{
		"CLUSTER INFO":  "cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:10923\r\ncluster_slots_pfail:5461\r\ncluster_slots_fail:0\r\ncluster_known_nodes:5\r\ncluster_size:3\r\ncluster_current_epoch:6\r\ncluster_my_epoch:1\r\ncluster_stats_messages_sent:1483972\r\ncluster_stats_messages_received:1483968\r\n",
		"CLUSTER NODES": nodes,
	})
	r["INFO all"] = r["INFO all"].(string) + "# Cluster\ncluster_enabled:1\n"
	c := NewInfo(Cache, nil, r.ask, then)
	if err := collectortest.Golden(t, c, "cluster_node"); err != nil {
		t.Errorf("Collect() = %v", err)
	}
	// A replica of 2 and one of 1 remain; a failover moves the slots of 3.
	r["CLUSTER NODES"] = strings.ReplaceAll(nodes, "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f", "07c37dfeb235213a872192d90877d0cd55635b92")
	collectAll(t, c).wants(t, map[string]any{"redis_topology_events_total{event=cluster_failover}": 1})
}

func TestSentinels(t *testing.T) {
	primary := func(address, flags string) monitored {
		host, port, _ := strings.Cut(address, ":")
		return monitored{info{"name": "mymaster", "ip": host, "port": port, "flags": flags, "num-slaves": "2", "num-other-sentinels": "2", "quorum": "2"}}
	}
	own := func(status string) info {
		return parseInfo("sentinel_masters:1\nsentinel_tilt:0\nsentinel_running_scripts:0\nsentinel_scripts_queue_length:0\nsentinel_simulate_failure_flags:0\nmaster0:name=mymaster,status=" + status + ",address=10.0.0.1:6379,slaves=2,sentinels=3\n")
	}
	usable := answer{value: "OK 3 usable Sentinels. Quorum and failover authorization can be reached"}
	s := &sentinels{
		master: "mymaster", primary: "10.0.0.1:6379", failovers: 1,
		opinions: []opinion{
			{sentinel: "s-1:26379", info: own("ok"), primaries: []monitored{primary("10.0.0.1:6379", "master")}, usable: usable},
			{sentinel: "s-2:26379", info: own("odown"), primaries: []monitored{primary("10.0.0.2:6379", "master,s_down,o_down")}, usable: answer{err: serverError("NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master")}},
			{sentinel: "s-3:26379", err: &fault.Error{Op: "ask Redis s-3:26379", Kind: fault.Unreachable}},
		},
	}
	if err := collectortest.Golden(t, s, "sentinels"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("Collect() = %v", err)
	}
	if err := collectortest.Golden(t, &sentinels{master: "mymaster"}, "sentinels_not_asked_yet"); err != nil {
		t.Errorf("Collect() = %v", err)
	}
}

func TestPatterns(t *testing.T) {
	config := Scan{Patterns: []string{"queue:*", "session:*"}, Interval: estate.Duration(10 * time.Minute)}
	s := newScanner(config, 0, nil, then)
	n := int64(12)
	s.found["queue:*"] = &finding{at: march31.Add(-time.Minute), keys: 3, elements: &n, results: map[string]float64{"complete": 2, "slow": 1}}
	s.found["session:*"] = &finding{at: march31.Add(-2 * time.Hour), keys: 5, results: map[string]float64{"complete": 1, "over_budget": 9}}
	if err := collectortest.Golden(t, s, "patterns"); err != nil {
		t.Errorf("Collect() = %v", err)
	}
}

// described lists what the tasks describe.
func described() map[string]bool {
	descs := make(chan *prometheus.Desc, 1000)
	for _, c := range []collector.Collector{Server{}, &Info{}, &sentinels{}, &scanner{}} {
		c.Describe(descs)
	}
	close(descs)
	names := map[string]bool{}
	for d := range descs {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		names[name] = true
	}
	return names
}

func TestEveryFamilyHasAGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.prom")
	must(t, err)
	var all strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		must(t, err)
		all.Write(data)
	}
	for name := range described() {
		if !strings.Contains(all.String(), "# TYPE "+name+" ") {
			t.Errorf("no golden holds %s", name)
		}
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add("# Server\r\nredis_version:7.0.15\r\ndb0:keys=1,expires=0,avg_ttl=0\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\ncmdstat_get:calls=1,usec=2\r\nlatency_percentiles_usec_get:p50=1\r\nerrorstat_ERR:count=1\r\n", "x 127.0.0.1:1@2 master - 0 0 1 connected 0-5")
	f.Fuzz(func(t *testing.T, text, nodes string) {
		r := replies{"INFO all": text + "\ncluster_enabled:1\n", "CLUSTER INFO": text, "CLUSTER NODES": nodes}
		_ = collectAll(t, NewInfo(Session, nil, r.ask, then))
	})
}
