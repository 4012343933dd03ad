package redis

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// connections are those of closewatch at the server.
func connections(t *testing.T, c *goredis.Client) int {
	t.Helper()
	list, err := c.ClientList(context.Background()).Result()
	must(t, err)
	return strings.Count(list, "name=closewatch")
}

// R1: a server that is busy for 12 seconds. What is published is there at once
// all the while, says that nothing is known, and keeps what was known; afterwards
// all of it adds up.
func TestServerBusyForTwelveSeconds(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{Args: []string{"--enable-debug-command", "yes", "--latency-monitor-threshold", "100"}})
	client := dial(t, r.URL())
	i := New(Settings{Component: "cache", Environment: "test", Config: configured(t, r.URL(), func(c *Config) { c.Interval /= 15 })})
	runner := collector.New(collector.Settings{})
	must(t, runner.Add(i))
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); runner.Run(ctx) }()
	defer func() { cancel(); <-stopped }()
	value := func(name string, labels ...string) (float64, bool) {
		for _, s := range runner.Samples(time.Now()) {
			ok := s.Name == name
			for n := 0; n < len(labels); n += 2 {
				ok = ok && s.Labels[labels[n]] == labels[n+1]
			}
			if ok {
				return s.Value, true
			}
		}
		return 0, false
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !ok(); {
			if time.Now().After(deadline) {
				t.Fatalf("never %s", what)
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	await("watched", func() bool {
		up, _ := value("redis_up")
		_, known := value("redis_connected_clients")
		_, log := value("redis_slow_commands_total")
		return up == 1 && known && log
	})
	lastSuccess, _ := value("closewatch_scrape_collector_last_success_timestamp_seconds", "collector", "info")

	awake := make(chan error, 1)
	go func() { awake <- client.Do(context.Background(), "DEBUG", "SLEEP", "12").Err() }()
	await("down", func() bool { up, ok := value("redis_up"); return ok && up == 0 })
	await("told as failing", func() bool { v, _ := value("closewatch_scrape_collector_success", "collector", "info"); return v == 0 })
	slowest := time.Duration(0)
	for range 50 {
		begun := time.Now()
		if _, err := runner.Gatherer().Gather(); err != nil {
			t.Error(err)
		}
		slowest = max(slowest, time.Since(begun))
		<-time.After(10 * time.Millisecond)
	}
	t.Logf("slowest of 50 scrapes of a busy server: %v", slowest)
	if _, known := value("redis_connected_clients"); !known {
		t.Error("what was known before the server was busy is gone at once")
	}
	if v, _ := value("closewatch_scrape_collector_last_success_timestamp_seconds", "collector", "info"); v != lastSuccess && v-lastSuccess > 3 {
		t.Errorf("the last success is told as %v after %v", v, lastSuccess)
	}
	select {
	case err := <-awake:
		t.Fatalf("the server woke up too soon for this test: %v", err)
	default:
	}
	must(t, <-awake)

	await("up again", func() bool { up, _ := value("redis_up"); return up == 1 })
	await("told by the slow log", func() bool { v, _ := value("redis_slow_commands_total"); return v >= 1 })
	between := func(name string, least, most float64, labels ...string) {
		t.Helper()
		if v, ok := value(name, labels...); !ok || v < least || v > most {
			t.Errorf("%s%v = %v (published %v), want %v to %v", name, labels, v, ok, least, most)
		}
	}
	between("redis_stalls_total", 1, 1)
	between("redis_stalled_seconds_total", 11, 20)
	between("redis_ping_failures_total", 5, 1000, "kind", "timeout")
	between("redis_slow_command_max_seconds", 12, 20)
	between("redis_latency_spikes_total", 1, 5, "event_name", "command")
	between("redis_latency_spike_duration_seconds", 12, 20, "event_name", "command")
	// Pings without an answer are above every bucket.
	within, _ := value("redis_ping_duration_seconds_bucket", "le", "1")
	all, _ := value("redis_ping_duration_seconds_count")
	if all-within < 5 {
		t.Errorf("%v of %v pings are above every bucket, want at least 5", all-within, all)
	}
	// The server closes those that were given up in the meantime.
	await("left with two connections", func() bool { return connections(t, client) <= 2 })
}

// P21: what closewatch asks is told, exactly: on a server that nobody else uses
// its statistics say the same.
func TestOwnCommandsAreAccountedFor(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{})
	client := dial(t, r.URL())
	tasks, stop := watchAs(t, configured(t, r.URL(), func(c *Config) { c.Keys = []string{"jobs"} }))
	becomes(t, tasks["server"], "read", func(p published) bool { return p.values["redis_read_duration_seconds"] >= 2 })
	for range 3 {
		collectAll(t, tasks["info"])
	}
	if n := connections(t, client); n != 2 {
		t.Errorf("%d connections, want one and one for the sampler", n)
	}
	stop()
	own := collectAll(t, tasks["server"])
	of, _ := usages(parseInfo(do(t, client, "INFO", "commandstats").(string)))
	for command, u := range of {
		switch command {
		case "info", "client|list", "hello": // ours to ask, too
			continue
		}
		got := own.values["redis_own_commands_total{cmd="+command+"}"]
		if command == "ping" {
			u.calls-- // the lab's, to see whether the server is up
		}
		if u.calls >= 0 && got != u.calls && command != "ping" || command == "ping" && (got > u.calls+1 || got < u.calls-200) {
			t.Errorf("own %s: %v, the server counted %v", command, got, u.calls)
		}
	}
	if own.values["redis_own_commands_total{cmd=get}"] < 2 || own.values["redis_own_commands_total{cmd=info}"] != 7 {
		t.Errorf("own commands: %v", own.values)
	}
	if _, scanned := of["scan"]; scanned { // R6
		t.Error("keys were scanned and nobody asked for it")
	}
}

// A server that takes no more clients keeps those it has; a newcomer is told
// why.
func TestClientsExhausted(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{Args: []string{"--maxclients", "10"}})
	early, _ := watch(t, r.URL())
	becomes(t, early["server"], "up", is("redis_up", 1))
	becomes(t, early["info"], "known", is("redis_max_clients", 10))
	var clients []*goredis.Client
	for range 20 {
		c := dial(t, r.URL())
		clients = append(clients, c)
		if c.Ping(context.Background()).Err() != nil {
			break
		}
	}
	becomes(t, early["info"], "full", is("redis_clients_used_ratio", 1))
	becomes(t, early["server"], "up all the same", is("redis_up", 1))
	late, _ := watch(t, r.URL())
	p := becomes(t, late["server"], "down", is("redis_up", 0))
	for task, err := range map[string]error{"server": p.err, "info": collectAll(t, late["info"]).err} {
		if fault.KindOf(err) != fault.Limit || !strings.Contains(fault.HintOf(err), "maxclients") {
			t.Errorf("task %s: %v (kind %s), want kind limit", task, err, fault.KindOf(err))
		}
	}
	for _, c := range clients {
		_ = c.Close()
	}
	becomes(t, late["server"], "up once there is room", is("redis_up", 1))
}

// R5: a user without the right to CONFIG, LATENCY, SLOWLOG and GET, and a server
// that has renamed them: what they would tell is not known, the rest is.
func TestCommandsRefused(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	tests := map[string]struct {
		options lab.RedisOptions
		user    string
		reason  string
	}{
		"denied":  {lab.RedisOptions{Args: []string{"--user", "watcher", "on", ">seen", "+ping", "+info", "--save", "3600 1"}}, "watcher:seen@", denied},
		"renamed": {lab.RedisOptions{Args: []string{"--rename-command", "CONFIG", "", "--rename-command", "LATENCY", "", "--rename-command", "SLOWLOG", "", "--rename-command", "GET", "read"}}, "", unknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t, l, tt.options)
			tasks, _ := watchAs(t, configured(t, "redis://"+tt.user+r.Addr+"/0", func(c *Config) { c.Tolerance = Queue }))
			becomes(t, tasks["server"], "up", is("redis_up", 1))
			becomes(t, tasks["info"], "refused to read", is("redis_command_refused{command=GET,reason="+tt.reason+"}", 1))
			collectAll(t, tasks["server"]).wants(t, map[string]any{"redis_read_duration_seconds": nil})
			var p published
			for range 3 {
				p = collectAll(t, tasks["info"])
				must(t, p.err)
			}
			refused := map[string]any{"redis_slowlog_length": nil, "redis_slow_commands_total": nil, "redis_config_maxclients": nil, "redis_max_clients": 10000}
			for _, c := range []string{configGet, latencyLatest, latencyHistogram, slowlogLen, slowlogGet} {
				refused["redis_command_refused{command="+c+",reason="+tt.reason+"}"] = 1
			}
			p.wants(t, refused)
			p.wants(t, map[string]any{
				"redis_data_risk{risk=persistence_off,tolerance=queue}": func(v float64) bool { return v != v },
				"redis_data_risk{risk=save_overdue,tolerance=queue}":    func(v float64) bool { return v != v },
			})
			// Nine parameters once, four other commands once, one GET; a log-in's
			// CLIENT SETNAME on each connection.
			if n := p.values["redis_total_error_replies"]; n > 9+4+1+2 {
				t.Errorf("%v error replies: refused commands are asked again and again", n)
			}
		})
	}
}

// The rights that people are told to give are enough, and all of them are used.
func TestRightsAreEnough(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{Args: []string{"--latency-monitor-threshold", "1", "--slowlog-log-slower-than", "0", "--enable-debug-command", "yes"}})
	c := dial(t, r.URL())
	rules := []any{"ACL", "SETUSER", "watcher", "on", ">seen", "resetkeys", "resetchannels", "-@all"}
	for rule := range strings.FieldsSeq(Rights) {
		rules = append(rules, rule)
	}
	do(t, c, rules...)
	tasks, _ := watch(t, "redis://watcher:seen@"+r.Addr+"/0")
	becomes(t, tasks["server"], "read", func(p published) bool { return p.values["redis_read_duration_seconds"] >= 1 })
	must(t, collectAll(t, tasks["info"]).err)
	do(t, c, "DEBUG", "SLEEP", "0.01")
	p := becomes(t, tasks["info"], "told of a spike", is("redis_latency_spikes_total{event_name=command}", 1))
	if refused := p.families["redis_command_refused"]; p.err != nil || refused != nil {
		t.Errorf("refused: %v, %v", refused, p.err)
	}
}

// R6: keys are measured by their exact names, whatever their type, by their
// length only.
func TestKeys(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{Args: []string{"--user", "watcher", "on", ">seen", "~jobs", "~feed", "+@all"}})
	c := dial(t, strings.Replace(r.URL(), "/0", "/3", 1))
	do(t, c, "RPUSH", "jobs", "a", "b", "c")
	do(t, c, "SADD", "set", "a", "b")
	do(t, c, "ZADD", "zset", "1", "a")
	do(t, c, "HSET", "hash", "f", "v")
	do(t, c, "SET", "text", "12345")
	for n := range 4 {
		do(t, c, "XADD", "feed", fmt.Sprintf("1-%d", n+1), "k", "v")
	}
	do(t, c, "XGROUP", "CREATE", "feed", "all", "0")
	do(t, c, "XDEL", "feed", "1-3")
	do(t, c, "XGROUP", "CREATE", "feed", "middle", "1-2") // the server cannot tell its lag
	do(t, c, "XREADGROUP", "GROUP", "all", "reader", "COUNT", "2", "STREAMS", "feed", ">")
	keys := []string{"jobs", "set", "zset", "hash", "text", "feed", "gone"}
	tasks, _ := watchAs(t, configured(t, strings.Replace(r.URL(), "/0", "/3", 1), func(c *Config) { c.Keys = keys }))
	p := collectAll(t, tasks["info"])
	must(t, p.err)
	p.wants(t, map[string]any{
		"redis_key_size{db=db3,key=jobs}": 3, "redis_key_size{db=db3,key=set}": 2, "redis_key_size{db=db3,key=zset}": 1,
		"redis_key_size{db=db3,key=hash}": 1, "redis_key_size{db=db3,key=text}": 5, "redis_key_size{db=db3,key=feed}": 3,
		"redis_key_size{db=db3,key=gone}":                                      0,
		"redis_stream_length{db=db3,stream=feed}":                              3,
		"redis_stream_groups{db=db3,stream=feed}":                              2,
		"redis_stream_group_messages_pending{db=db3,group=all,stream=feed}":    2,
		"redis_stream_group_consumers{db=db3,group=all,stream=feed}":           1,
		"redis_stream_group_lag{db=db3,group=middle,stream=feed}":              nil, // R7: NULL is not 0
		"redis_stream_group_messages_pending{db=db3,group=middle,stream=feed}": 0,
		"redis_stream_length{db=db3,stream=jobs}":                              nil,
	})

	t.Run("a key that changes its type is left out", func(t *testing.T) {
		real := newClient(secret.New(strings.Replace(r.URL(), "/0", "/3", 1)), time.Second)
		defer real.close()
		changing := func(ctx context.Context, commands ...command) ([]answer, error) {
			if commands[0][0] == "SCARD" {
				must(t, c.Del(ctx, "set").Err())
				must(t, c.RPush(ctx, "set", "a").Err())
			}
			return real.ask(ctx, commands...)
		}
		info := NewInfo(Cache, []string{"set", "jobs"}, changing, time.Now)
		info.Database = 3
		p := collectAll(t, info)
		p.wants(t, map[string]any{"redis_key_size{db=db3,key=set}": nil, "redis_key_size{db=db3,key=jobs}": 3})
		if p.err == nil || !strings.Contains(p.err.Error(), `measure the Redis key "set": WRONGTYPE`) {
			t.Errorf("Collect() = %v, want it to say that the type is wrong", p.err)
		}
		collectAll(t, info).wants(t, map[string]any{"redis_key_size{db=db3,key=set}": 1})
	})
	t.Run("a key that may not be asked for", func(t *testing.T) {
		tasks, _ := watchAs(t, configured(t, "redis://watcher:seen@"+r.Addr+"/3", func(c *Config) { c.Keys = []string{"jobs", "hash"} }))
		p := collectAll(t, tasks["info"])
		p.wants(t, map[string]any{"redis_key_size{db=db3,key=hash}": nil, "redis_key_size{db=db3,key=jobs}": 3})
		if fault.KindOf(p.err) != fault.Denied || !strings.Contains(fault.HintOf(p.err), "ACL SETUSER") {
			t.Errorf("Collect() = %v (kind %s), want kind denied", p.err, fault.KindOf(p.err))
		}
	})
}

// R6: keys are scanned when the estate asks for it, in the background, at its
// pace and within its budget.
func TestScan(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{})
	c := dial(t, r.URL())
	do(t, c, "EVAL", "for i=1,3000 do redis.call('set', 'sess:'..i, 1) end for i=1,5 do redis.call('rpush', 'queue:'..i, 1, 2) end", "0")
	do(t, c, "SET", "queue:text", "12345")
	own := newClient(secretURL(r), 10*time.Second)
	defer own.close()
	scan := func(pattern string, most int) *scanner {
		s := newScanner(Scan{Patterns: []string{pattern}, Interval: estate.Duration(time.Hour), KeysPerSecond: 100_000, MaxKeys: most}, 0, own.ask, time.Now)
		s.patience = time.Minute
		keys, elements, err := s.sweep(t.Context(), pattern)
		s.record(pattern, keys, elements, err)
		return s
	}
	result := func(result string) string {
		return "redis_pattern_scans_total{db=db0,pattern=queue:*,result=" + result + "}"
	}
	const keys, elements = "redis_pattern_keys{db=db0,pattern=queue:*}", "redis_pattern_elements{db=db0,pattern=queue:*}"
	collectAll(t, scan("queue:*", 1_000_000)).wants(t, map[string]any{keys: 6, elements: 10, result("complete"): 1})
	collectAll(t, scan("queue:*", 1000)).wants(t, map[string]any{keys: nil, elements: nil, result("complete"): 0, result("over_budget"): 1})
	collectAll(t, scan("sess:*", 1_000_000)).wants(t, map[string]any{
		"redis_pattern_keys{db=db0,pattern=sess:*}": 3000, "redis_pattern_elements{db=db0,pattern=sess:*}": nil, // too many to measure
	})

	// Slowly: the pace is one step a second, so a second step has not come yet
	// when the first is seen, and the end of the watch does not wait for it.
	before, _ := usages(parseInfo(do(t, c, "INFO", "commandstats").(string)))
	tasks, stop := watchAs(t, configured(t, r.URL(), func(c *Config) {
		c.Scan = &Scan{Patterns: []string{"queue:*"}, Interval: estate.Duration(time.Hour), KeysPerSecond: scanStep, MaxKeys: 1_000_000}
	}))
	becomes(t, tasks["server"], "scanning", func(p published) bool { return p.values["redis_own_commands_total{cmd=scan}"] >= 1 })
	stop()
	after, _ := usages(parseInfo(do(t, c, "INFO", "commandstats").(string)))
	if n := after["scan"].calls - before["scan"].calls; n > 3 {
		t.Errorf("%v steps of the scan in an instant, at a pace of one a second", n)
	}
	collectAll(t, tasks["patterns"]).wants(t, map[string]any{result("failed"): 0, result("complete"): 0})
}

// A server that is slow when it is scanned is left alone.
func TestScanOfABusyServerIsGivenUp(t *testing.T) {
	now := march31
	s := newScanner(Scan{Patterns: []string{"*"}, KeysPerSecond: scanStep, MaxKeys: 1000}, 0, func(context.Context, ...command) ([]answer, error) {
		now = now.Add(2 * scanPatience)
		return []answer{{value: []any{"7", []any{}}}}, nil
	}, func() time.Time { return now })
	_, _, err := s.sweep(t.Context(), "*")
	s.record("*", 0, nil, err)
	collectAll(t, s).wants(t, map[string]any{"redis_pattern_scans_total{db=db0,pattern=*,result=slow}": 1, "redis_pattern_keys{db=db0,pattern=*}": nil})
}

// R5: statistics start anew, saving fails and writes are refused.
func TestResetAndFailingToSave(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	r := startRedis(t, l, lab.RedisOptions{Args: []string{"--save", "3600 1", "--latency-monitor-threshold", "1"}})
	c := dial(t, r.URL())
	for n := range 20 {
		do(t, c, "SET", "k", n)
	}
	tasks, _ := watchAs(t, configured(t, r.URL(), func(c *Config) { c.Tolerance = Queue }))
	before := collectAll(t, tasks["info"])
	before.wants(t, map[string]any{"redis_commands_total{cmd=set}": 20, "redis_writes_refused{reason=persistence}": 0, "redis_persistence_failing": 0})
	do(t, c, "CONFIG", "RESETSTAT")
	collectAll(t, tasks["info"]).wants(t, map[string]any{
		"redis_commands_total{cmd=set}": nil, "redis_topology_events_total{event=restarted}": 0,
		"redis_commands_processed_total": func(v float64) bool { return v < before.values["redis_commands_processed_total"]+20 },
	})
	// The directory of the snapshot is gone.
	must(t, os.RemoveAll(filepath.Join(l.Dir(), r.Name())))
	_ = c.Do(context.Background(), "BGSAVE").Err()
	becomes(t, tasks["info"], "failing to save", is("redis_persistence_failing", 1)).wants(t, map[string]any{
		"redis_writes_refused{reason=persistence}": 1, "redis_rdb_last_bgsave_status": 0,
	})
	if err := c.Set(context.Background(), "k", 1, 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "MISCONF") {
		t.Errorf("SET = %v, want the server to refuse writes", err)
	}
	do(t, c, "CONFIG", "SET", "save", "") // or it would not stop without having saved
}

// R7: a limit that is reached, and none.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{})
	c := dial(t, r.URL())
	tasks, _ := watch(t, r.URL())
	collectAll(t, tasks["info"]).wants(t, map[string]any{
		"redis_memory_used_ratio": nil, "redis_memory_max_bytes": 0, "redis_writes_refused{reason=memory}": 0, "redis_data_risk{risk=no_eviction,tolerance=cache}": 0,
	})
	do(t, c, "CONFIG", "SET", "maxmemory", "1000")
	collectAll(t, tasks["info"]).wants(t, map[string]any{
		"redis_memory_used_ratio": func(v float64) bool { return v > 1 }, "redis_writes_refused{reason=memory}": 1, "redis_data_risk{risk=no_eviction,tolerance=cache}": 1,
	})
	if err := c.Set(context.Background(), "k", "v", 0).Err(); !goredis.IsOOMError(err) {
		t.Errorf("SET = %v, want the server to refuse writes", err)
	}
}

// The buckets that the distribution relies on are those the server has.
func TestBucketsAreTheServers(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{Args: []string{"--enable-debug-command", "yes"}})
	c := dial(t, r.URL())
	for _, seconds := range []string{"0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3"} {
		do(t, c, "DEBUG", "SLEEP", seconds)
	}
	reply := do(t, c, "LATENCY", "HISTOGRAM", "debug").(map[any]any)["debug"].(map[any]any)["histogram_usec"].(map[any]any)
	valid := map[int64]bool{1073741: true}
	for k := range 20 {
		valid[int64(1.032*float64(int64(1)<<k))] = true
	}
	for bound := range maps.Keys(reply) {
		if !valid[bound.(int64)] {
			t.Errorf("the server has a bound of %v µs, which the published ones do not reckon with", bound)
		}
	}
	for _, bound := range spentBuckets {
		if !valid[int64(bound)] {
			t.Errorf("the published bound %v µs is none of the server's", bound)
		}
	}
}
