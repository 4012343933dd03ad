package redis

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// bounds are the upper bounds of each distribution of a family, as text.
func bounds(p published, family string) map[string]string {
	out := map[string]string{}
	for _, m := range p.families[family].GetMetric() {
		var le []string
		for _, b := range m.GetHistogram().GetBucket() {
			le = append(le, fmt.Sprint(b.GetUpperBound()))
		}
		out[key("", m)] = strings.Join(le, " ")
	}
	return out
}

// R2: the server names the buckets that have calls, which differ from command to
// command and from look to look. R3: what took longer than it can measure is in
// no bucket.
func TestDistributionsAlwaysHaveTheSameBuckets(t *testing.T) {
	p := collectAll(t, NewInfo(Cache, nil, recorded(t, "redis_7.0", full()).ask, then))
	of := bounds(p, "redis_commands_latencies_usec")
	const want = "4 16 66 264 1056 4227 16908 67633 270532 541065"
	for cmd, got := range of {
		if got != want {
			t.Errorf("%s has the buckets %s, want %s", cmd, got, want)
		}
	}
	if len(of) != 3 {
		t.Errorf("%d distributions, want 3", len(of))
	}
	for _, m := range p.families["redis_commands_latencies_usec"].GetMetric() {
		buckets := m.GetHistogram().GetBucket()
		last := buckets[len(buckets)-1].GetCumulativeCount()
		if slow := m.GetHistogram().GetSampleCount() - last; strings.Contains(key("", m), "debug") != (slow == 1) {
			t.Errorf("%s has %d calls above every bucket", key("", m), slow)
		}
	}
}

// Commands beyond the bound are added up, and whoever has a series keeps it.
func TestCommandsAreBounded(t *testing.T) {
	stats := func(n, calls int) string {
		var b strings.Builder
		for k := range n {
			fmt.Fprintf(&b, "cmdstat_c%03d:calls=%d,usec=%d,rejected_calls=0,failed_calls=0\nerrorstat_E%03d:count=%d\n", k, calls+k, calls, k, calls)
		}
		return b.String()
	}
	histograms := func(n int) []any {
		var reply []any
		for k := range n {
			reply = append(reply, fmt.Sprintf("c%03d", k), []any{"calls", int64(k + 1), "histogram_usec", []any{int64(8), int64(k + 1)}})
		}
		return reply
	}
	r := replies{"INFO all": stats(60, 1), "LATENCY HISTOGRAM": histograms(60)}
	now := march31
	c := NewInfo(Cache, nil, r.ask, func() time.Time { return now })
	p := collectAll(t, c)
	for family, want := range map[string]int{
		"redis_commands_total": maxCommands + 1, "redis_errors_total": maxErrors + 1, "redis_commands_latencies_usec": maxHistograms + 1,
	} {
		if got := len(p.families[family].GetMetric()); got != want {
			t.Errorf("%s has %d series, want %d", family, got, want)
		}
	}
	const others = "redis_commands_total{cmd=other}"
	p.wants(t, map[string]any{others: 78, "redis_commands_total{cmd=c012}": 13, "redis_commands_total{cmd=c011}": nil, "redis_commands_latencies_usec{cmd=other}": 990})
	// The busiest is a newcomer now; the series stay what they were.
	r["INFO all"] = stats(60, 1) + "cmdstat_new:calls=5000,usec=1,rejected_calls=0,failed_calls=0\n"
	now = now.Add(time.Minute)
	collectAll(t, c).wants(t, map[string]any{others: 5078, "redis_commands_total{cmd=new}": nil, "redis_commands_total{cmd=c012}": 13})
}

// R4: the server repeats the latest spike for ever. It is counted once, and its
// length is told for a while.
func TestSpikeIsCountedOnceAndForgotten(t *testing.T) {
	const total, took, last = "redis_latency_spikes_total{event_name=command}", "redis_latency_spike_duration_seconds{event_name=command}", "redis_latency_spike_last{event_name=command}"
	now := march31
	server := func(at time.Time, ms int64) replies {
		return recorded(t, "info_cache_without_limit", replies{
			"INFO all":       fmt.Sprintf("server_time_usec:%d\n", now.UnixMicro()),
			"LATENCY LATEST": []any{[]any{"command", at.Unix(), ms, ms}},
		})
	}
	var r replies
	c := NewInfo(Cache, nil, func(ctx context.Context, commands ...command) ([]answer, error) { return r.ask(ctx, commands...) }, func() time.Time { return now })
	before := now.Add(-time.Hour)
	r = server(before, 500)
	collectAll(t, c).wants(t, map[string]any{total: 0, took: nil, last: int(before.Unix())})
	now = now.Add(15 * time.Second)
	spiked := now.Add(-time.Second)
	r = server(spiked, 12003)
	collectAll(t, c).wants(t, map[string]any{total: 1, took: 12.003})
	now = now.Add(15 * time.Second)
	r = server(spiked, 12003)
	collectAll(t, c).wants(t, map[string]any{total: 1, took: 12.003})
	now = now.Add(6 * time.Minute)
	r = server(spiked, 12003)
	collectAll(t, c).wants(t, map[string]any{total: 1, took: nil, last: int(spiked.Unix())})
}

// The slow log is counted by its numbers, also when more entered than are kept,
// when it was reset and when the server restarted.
func TestSlowLogIsCountedByItsNumbers(t *testing.T) {
	entry := func(id int64) []any { return []any{id, march31.Unix(), int64(20000), []any{"SET", "secret"}} }
	r := recorded(t, "info_cache_without_limit", replies{"SLOWLOG LEN": int64(1)})
	c := NewInfo(Cache, nil, r.ask, then)
	for _, look := range []struct {
		why    string
		latest []any // of SLOWLOG GET 1
		asks   int   // entries asked for beyond the first
		want   int
	}{
		{"what was there before is not counted", []any{entry(40)}, 0, 0},
		{"nothing new", []any{entry(40)}, 0, 0},
		{"two", []any{entry(42)}, 2, 2},
		{"reset by SLOWLOG RESET", []any{}, 0, 2},
		{"one after the reset", []any{entry(43)}, 0, 3},
		{"many more than are read", []any{entry(443)}, maxSlow, 403},
		{"a restart begins at 0", []any{entry(1)}, 2, 405},
	} {
		r["SLOWLOG GET 1"] = look.latest
		more := fmt.Sprintf("SLOWLOG GET %d", look.asks)
		if look.asks > 1 {
			r[more] = look.latest
		}
		p := collectAll(t, c)
		p.wants(t, map[string]any{"redis_slow_commands_total": look.want})
		if p.values["redis_command_refused{command=SLOWLOG GET,reason=unknown}"] != 0 {
			t.Errorf("%s: it asked for other entries than %q", look.why, more)
		}
		for name := range p.values {
			if strings.Contains(name, "secret") {
				t.Errorf("%s shows an argument", name)
			}
		}
		if t.Failed() {
			t.Fatal(look.why)
		}
	}
}

// R5: who is what changes between two looks; each change is counted once.
func TestTopologyEvents(t *testing.T) {
	r := replies{}
	c := NewInfo(Cache, nil, r.ask, then)
	server := func(run, role, primary string) {
		r["INFO all"] = "run_id:" + run + "\nrole:" + role + "\nmaster_host:" + primary + "\nmaster_port:6379\n"
	}
	want := map[string]any{}
	for _, name := range everyEvent {
		want["redis_topology_events_total{event="+name+"}"] = 0
	}
	for _, look := range []struct{ run, role, primary, event string }{
		{"a", "slave", "10.0.0.1", ""},
		{"a", "slave", "10.0.0.1", ""},
		{"a", "slave", "10.0.0.2", primaryChanged},
		{"a", "master", "", promoted},
		{"b", "master", "", restarted},
		{"b", "slave", "10.0.0.3", demoted},
	} {
		server(look.run, look.role, look.primary)
		if look.event != "" {
			want["redis_topology_events_total{event="+look.event+"}"] = 1
		}
		collectAll(t, c).wants(t, want)
	}
}

// R5: while a server loads its data it answers INFO and little else. That is no
// refusal, and what it tells is true.
func TestLoadingServer(t *testing.T) {
	loading := serverError("LOADING Redis is loading the dataset in memory")
	r := replies{
		"INFO all":       "role:master\nloading:1\nrdb_last_bgsave_status:ok\n",
		"LATENCY LATEST": loading, "SLOWLOG LEN": loading, "SLOWLOG GET 1": loading, "LATENCY HISTOGRAM": loading, "TYPE jobs": loading,
	}
	for _, name := range wanted {
		r["CONFIG GET "+name] = loading
	}
	p := collectAll(t, NewInfo(Queue, []string{"jobs"}, r.ask, then))
	p.wants(t, map[string]any{"redis_loading_dump_file": 1, "redis_key_size{db=db0,key=jobs}": nil, "redis_slowlog_length": nil})
	if p.families["redis_command_refused"] != nil {
		t.Error("a server that is loading is said to refuse commands")
	}
	if p.err == nil || !strings.Contains(p.err.Error(), "LOADING") {
		t.Errorf("Collect() = %v, want it to say that the key could not be measured", p.err)
	}
}

// A refused command is asked again after a while, not at each look: every
// refusal is an error in the server's statistics.
func TestRefusedCommandIsAskedAgainAfterAWhile(t *testing.T) {
	now, asked := march31, map[string]int{}
	r := replies{"INFO all": "run_id:a\nrole:master\n", "SLOWLOG LEN": int64(0), "SLOWLOG GET 1": []any{}}
	c := NewInfo(Cache, nil, func(ctx context.Context, commands ...command) ([]answer, error) {
		for _, cmd := range commands {
			asked[cmd.String()]++
		}
		return r.ask(ctx, commands...)
	}, func() time.Time { return now })
	const refused = "redis_command_refused{command=LATENCY LATEST,reason=denied}"
	r["LATENCY LATEST"] = serverError("NOPERM this user has no permissions to run the 'latency|latest' command")
	for range 10 {
		collectAll(t, c).wants(t, map[string]any{refused: 1, "redis_command_refused{command=CONFIG GET,reason=unknown}": 1})
		now = now.Add(15 * time.Second)
	}
	if asked["LATENCY LATEST"] != 1 || asked["INFO"] != 10 {
		t.Errorf("asked %v", asked)
	}
	now = now.Add(askAgain)
	r["LATENCY LATEST"] = []any{}
	maps.Copy(r, configuration(nil))
	collectAll(t, c).wants(t, map[string]any{refused: nil, "redis_config_maxclients": 10000})
}

// A server that took too long is spared what is long, and what it said before
// stays.
func TestBusyServerIsAskedForLess(t *testing.T) {
	now, took, asked := march31, time.Duration(0), map[string]int{}
	r := recorded(t, "redis_7.0", full())
	c := NewInfo(Cache, nil, func(ctx context.Context, commands ...command) ([]answer, error) {
		for _, cmd := range commands {
			asked[cmd.String()]++
		}
		now = now.Add(took)
		return r.ask(ctx, commands...)
	}, func() time.Time { return now })
	const histogram = "LATENCY HISTOGRAM"
	for n, look := range []struct {
		took time.Duration
		want int // times the distribution was asked for so far
	}{{0, 1}, {2 * infoWaiting, 2}, {2 * infoWaiting, 2}, {0, 2}, {0, 3}} {
		took = look.took
		p := collectAll(t, c)
		p.wants(t, map[string]any{"redis_config_maxclients": 10000, "redis_commands_latencies_usec{cmd=get}": 6})
		if p.families["redis_latency_percentiles_usec"] == nil {
			t.Errorf("look %d: no percentiles", n)
		}
		if asked[histogram] != look.want || asked["INFO latencystats"] != look.want || asked["CONFIG GET save"] != look.want || asked["INFO"] != n+1 {
			t.Errorf("look %d: asked %d times for the distribution and %d for a parameter, want %d", n, asked[histogram], asked["CONFIG GET save"], look.want)
		}
		now = now.Add(2 * time.Minute)
	}
}

// What is asked once a minute is not told of a server that answers in the place of
// another one before it has been asked.
func TestAnotherServerIsNotToldByWhatTheOneBeforeSaid(t *testing.T) {
	const stats = "role:master\ncmdstat_get:calls=6,usec=60\nlatency_percentiles_usec_get:p50=1.003\n"
	r := replies{"INFO all": "run_id:a\n" + stats, "LATENCY HISTOGRAM": []any{"get", []any{"calls", int64(6), "histogram_usec", []any{int64(8), int64(6)}}}}
	now := march31
	c := NewInfo(Cache, nil, r.ask, func() time.Time { return now })
	for _, look := range []struct {
		run   string
		shown bool
	}{{"a", true}, {"a", true}, {"b", false}, {"b", true}} {
		r["INFO all"] = "run_id:" + look.run + "\n" + stats
		p := collectAll(t, c)
		for _, family := range []string{"redis_commands_latencies_usec", "redis_latency_percentiles_usec"} {
			if shown := p.families[family] != nil; shown != look.shown {
				t.Errorf("run %s: %s is published: %v, want %v", look.run, family, shown, look.shown)
			}
		}
		now = now.Add(15 * time.Second)
	}
}
