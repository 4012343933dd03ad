package redis

import (
	"net"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

func port(t *testing.T, r *lab.Redis) string {
	t.Helper()
	_, port, err := net.SplitHostPort(r.Addr)
	must(t, err)
	return port
}

func TestReplica(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	primary := startRedis(t, l, lab.RedisOptions{Password: secret.New("pass:word")})
	replica := startRedis(t, l, lab.RedisOptions{ReplicaOf: primary})
	p, _ := watch(t, primary.URL())
	s, _ := watch(t, replica.URL())
	becomes(t, p["info"], "followed", is("redis_replica_lag_bytes{slave_ip=127.0.0.1,slave_port="+port(t, replica)+"}", 0))
	link := "redis_master_link_up{master_host=127.0.0.1,master_port=" + port(t, primary) + "}"
	becomes(t, s["info"], "linked", is(link, 1))
	must(t, primary.Kill())
	becomes(t, s["info"], "cut off", is(link, 0))
	becomes(t, s["server"], "up, cut off or not", is("redis_up", 1))
	do(t, dial(t, replica.URL()), "REPLICAOF", "NO", "ONE")
	becomes(t, s["info"], "promoted", is("redis_topology_events_total{event=promoted}", 1)).wants(t, map[string]any{
		link: nil, "redis_topology_events_total{event=restarted}": 0,
	})
	must(t, primary.Start(t.Context()))
	becomes(t, p["info"], "restarted", is("redis_topology_events_total{event=restarted}", 1))
}

// The primary stops answering; the Sentinels promote its replica; the watch goes
// over to it.
func TestFailoverThroughSentinels(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	password := secret.New("failover")
	primary := startRedis(t, l, lab.RedisOptions{Password: password, Args: []string{"--masterauth", "failover"}})
	replica := startRedis(t, l, lab.RedisOptions{Password: password, ReplicaOf: primary})
	cfg := configured(t, primary.URL(), func(c *Config) { c.Sentinels = &Sentinels{Master: "mymaster"} })
	for range 3 {
		s, err := l.Sentinel(t.Context(), lab.SentinelOptions{Primary: primary, Name: "mymaster", Quorum: 2, Program: program()})
		must(t, err)
		cfg.Sentinels.URLs = append(cfg.Sentinels.URLs, secret.New("redis://"+s.Addr))
	}
	if problems := cfg.Sentinels.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	cfg.Interval /= 15 // asks the Sentinels each second
	tasks, _ := watchAs(t, cfg)
	sentinel := cfg.Sentinels.URLs[0].Reveal()[len("redis://"):]
	labels := "master_address=" + primary.Addr + ",master_name=mymaster,sentinel=" + sentinel
	becomes(t, tasks["sentinels"], "ready to fail over", func(p published) bool {
		return p.values["redis_sentinel_master_slaves{"+labels+"}"] == 1 && p.values["redis_sentinel_master_sentinels{"+labels+"}"] == 3
	}).wants(t, map[string]any{
		"redis_sentinel_disagreement{master_name=mymaster}":                                                                                 0,
		"redis_sentinel_failovers_total{master_name=mymaster}":                                                                              0,
		"redis_sentinel_primary_info{master_address=" + primary.Addr + ",master_name=mymaster}":                                             1,
		"redis_sentinel_master_quorum{master_name=mymaster,sentinel=" + sentinel + "}":                                                      2,
		"redis_sentinel_master_status{master_address=" + primary.Addr + ",master_name=mymaster,master_status=ok,sentinel=" + sentinel + "}": 1,
	})
	becomes(t, tasks["server"], "up", is("redis_up", 1))
	collectAll(t, tasks["info"])

	must(t, primary.Pause())
	becomes(t, tasks["server"], "down", is("redis_up", 0))
	becomes(t, tasks["sentinels"], "failed over", is("redis_sentinel_failovers_total{master_name=mymaster}", 1))
	becomes(t, tasks["server"], "up on the new primary", is("redis_up", 1))
	p := becomes(t, tasks["info"], "about the new primary", is("redis_topology_events_total{event=restarted}", 1))
	becomes(t, tasks["sentinels"], "agreed", is("redis_sentinel_disagreement{master_name=mymaster}", 0)).wants(t, map[string]any{
		"redis_sentinel_primary_info{master_address=" + replica.Addr + ",master_name=mymaster}": 1,
	})
	if got := p.families["redis_instance_info"].GetMetric()[0]; key("", got) == "" || labelOf(got, "tcp_port") != port(t, replica) || labelOf(got, "role") != "master" {
		t.Errorf("watched is %v, want the promoted replica on port %s", got, port(t, replica))
	}
	must(t, primary.Resume())
	becomes(t, tasks["sentinels"], "with two servers again", func(p published) bool {
		return p.values["redis_sentinel_master_slaves{master_address="+replica.Addr+",master_name=mymaster,sentinel="+sentinel+"}"] == 1
	}).wants(t, map[string]any{"redis_sentinel_failovers_total{master_name=mymaster}": 1})

	// Back by hand: the one that is demoted answers all the while, and is left.
	asking := dial(t, "redis://"+sentinel)
	becomes(t, tasks["sentinels"], "failed over back", func(p published) bool {
		_ = asking.Do(t.Context(), "SENTINEL", "FAILOVER", "mymaster").Err() // refused while one is going on
		return is("redis_sentinel_failovers_total{master_name=mymaster}", 2)(p)
	})
	becomes(t, tasks["info"], "about the first primary again", func(p published) bool {
		of := p.families["redis_instance_info"]
		return of != nil && labelOf(of.GetMetric()[0], "tcp_port") == port(t, primary)
	})
}

func TestSentinelFindings(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	r := startRedis(t, l, lab.RedisOptions{})
	s, err := l.Sentinel(t.Context(), lab.SentinelOptions{Primary: r, Name: "mymaster", Quorum: 1, Program: program()})
	must(t, err)
	tests := map[string]struct {
		url, master, sentinel string
		task                  string
		kind                  fault.Kind
	}{
		"a server among the Sentinels": {r.URL(), "mymaster", r.URL(), "sentinels", fault.Schema},
		"no such primary":              {r.URL(), "yours", "redis://" + s.Addr, "sentinels", fault.Schema},
		"nobody there":                 {r.URL(), "mymaster", "redis://127.0.0.1:1", "sentinels", fault.Unreachable},
		"a Sentinel for the server":    {"redis://" + s.Addr, "", "", "info", fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tasks, _ := watchAs(t, configured(t, tt.url, func(c *Config) {
				if tt.master != "" {
					c.Sentinels = &Sentinels{Master: tt.master, URLs: []secret.Value{secret.New(tt.sentinel)}}
				}
			}))
			p := becomes(t, tasks[tt.task], "told", func(p published) bool { return p.err != nil })
			if fault.KindOf(p.err) != tt.kind || fault.HintOf(p.err) == "" {
				t.Errorf("Collect() = %v (kind %s), want kind %s and a hint", p.err, fault.KindOf(p.err), tt.kind)
			}
			if tt.sentinel != "" { // the server is watched whatever its Sentinels say
				becomes(t, tasks["server"], "up", is("redis_up", 1))
			}
		})
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	var nodes []*lab.Redis
	for range 3 {
		nodes = append(nodes, startRedis(t, l, lab.RedisOptions{Cluster: true}))
	}
	must(t, lab.JoinCluster(t.Context(), nodes...))
	var tasks []map[string]collector.Collector
	for _, n := range nodes {
		of, _ := watch(t, n.URL())
		tasks = append(tasks, of)
	}
	for n := range nodes { // the key that is read is on one of them: the others answer, too
		becomes(t, tasks[n]["server"], "read", func(p published) bool { return p.values["redis_read_duration_seconds"] > 0 })
		becomes(t, tasks[n]["info"], "serving", is("redis_cluster_state", 1)).wants(t, map[string]any{
			"redis_cluster_slots_ok": 16384, "redis_cluster_size": 3, "redis_cluster_primaries_without_replica": 3,
			"redis_cluster_nodes{role=primary,state=ok}": 3, "redis_cluster_nodes{role=primary,state=fail}": 0,
		})
	}
	must(t, nodes[2].Kill())
	begun := time.Now()
	becomes(t, tasks[0]["info"], "without a node", is("redis_cluster_state", 0))
	t.Logf("the failure was seen after %v", time.Since(begun))
	becomes(t, tasks[0]["info"], "without a node's slots", is("redis_cluster_slots_fail", 5462)).wants(t, map[string]any{
		"redis_cluster_nodes{role=primary,state=fail}": 1, "redis_cluster_nodes{role=primary,state=ok}": 2,
	})
	becomes(t, tasks[0]["server"], "up itself", is("redis_up", 1))
}

// A primary that the Sentinels have given up and that still answers us is left:
// what is written to it will be lost.
func TestConnectionFollowsThePrimary(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	given, promoted := startRedis(t, l, lab.RedisOptions{}), startRedis(t, l, lab.RedisOptions{})
	address := ""
	c := newClient(secretURL(given), 3*time.Second)
	defer c.close()
	c.target = func() string { return address }
	for _, step := range []struct {
		address string
		want    *lab.Redis
	}{{"", given}, {promoted.Addr, promoted}, {promoted.Addr, promoted}, {given.Addr, given}, {"", given}} {
		address = step.address
		answers, err := c.ask(t.Context(), command{"INFO", "server"})
		must(t, err)
		text, _ := answers[0].value.(string)
		if got := parseInfo(text)["tcp_port"]; got != port(t, step.want) {
			t.Errorf("wanted at %q, it asks port %s, not %s", step.address, got, port(t, step.want))
		}
		must(t, c.ping(t.Context()))
	}
	if got := parseInfo(do(t, dial(t, given.URL()), "INFO", "clients").(string))["connected_clients"]; got != "2" {
		t.Errorf("%s clients on the first server, want this test and one connection", got)
	}
}
