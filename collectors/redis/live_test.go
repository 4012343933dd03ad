package redis

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

type published struct {
	values map[string]float64
	err    error
}

// collectAll runs a collector once, within its registry's rules.
func collectAll(t *testing.T, c collector.Collector) published {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a := &adapter{Collector: c, ctx: ctx}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(a)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	p := published{map[string]float64{}, a.err}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			p.values[key(f.GetName(), m)] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return p
}

func key(name string, m *dto.Metric) string {
	var labels []string
	for _, l := range m.GetLabel() {
		labels = append(labels, l.GetName()+"="+l.GetValue())
	}
	if len(labels) == 0 {
		return name
	}
	return name + "{" + strings.Join(labels, ",") + "}"
}

// watch runs an instance with a short timeout until the test ends or stop is
// called, and returns its tasks.
func watch(t *testing.T, url string) (tasks map[string]collector.Collector, stop func()) {
	t.Helper()
	var cfg Config
	cfg.SetDefaults()
	cfg.URL = secret.New(url)
	cfg.PingInterval, cfg.Timeout = cfg.PingInterval/5, cfg.Timeout*3/10
	if problems := cfg.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	i := New(Settings{Component: "cache", Environment: "test", Config: cfg})
	tasks = map[string]collector.Collector{}
	for _, task := range i.Tasks() {
		tasks[task.Name] = task.Collector
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
		i.Close()
	}
	t.Cleanup(stop)
	return tasks, stop
}

// becomes collects until ok, for at most ten seconds.
func becomes(t *testing.T, c collector.Collector, what string, ok func(published) bool) published {
	t.Helper()
	var p published
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if p = collectAll(t, c); ok(p) {
			return p
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
	t.Fatalf("never %s: %v %v", what, p.values, p.err)
	return p
}

func is(name string, want float64) func(published) bool {
	return func(p published) bool { v, ok := p.values[name]; return ok && v == want }
}

func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func startRedis(t *testing.T, l *lab.Lab, o lab.RedisOptions) *lab.Redis {
	t.Helper()
	r, err := l.Redis(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStalledAndKilled(t *testing.T) {
	r := startRedis(t, startLab(t), lab.RedisOptions{})
	tasks, stop := watch(t, r.URL())
	becomes(t, tasks["server"], "up", is("redis_up", 1))
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	p := becomes(t, tasks["server"], "down while stalled", is("redis_up", 0))
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v to see the stall", took)
	}
	if fault.KindOf(p.err) != fault.Timeout || p.values["redis_ping_worst_seconds"] < 0.3 {
		t.Errorf("stalled: worst ping %v, %v", p.values["redis_ping_worst_seconds"], p.err)
	}
	becomes(t, tasks["server"], "counting timeouts", func(p published) bool { return p.values["redis_ping_failures_total{kind=timeout}"] >= 2 })
	begun = time.Now()
	if p := collectAll(t, tasks["info"]); fault.KindOf(p.err) != fault.Timeout || len(p.values) > 0 || time.Since(begun) > 2*time.Second {
		t.Errorf("INFO of a stalled server took %v: %v %v", time.Since(begun), p.values, p.err)
	}
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	becomes(t, tasks["server"], "up again", is("redis_up", 1))
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	p = becomes(t, tasks["server"], "down when killed", func(p published) bool {
		return is("redis_up", 0)(p) && fault.KindOf(p.err) == fault.Unreachable
	})
	if want := "ask Redis " + r.Addr + ": connection refused (check that the server runs, its bind address and any firewall between)"; p.err.Error() != want {
		t.Errorf("got  %v\nwant %s", p.err, want)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	becomes(t, tasks["server"], "up after a restart", is("redis_up", 1))
	stop()
}

func TestReplica(t *testing.T) {
	l := startLab(t)
	primary := startRedis(t, l, lab.RedisOptions{Password: secret.New("pass:word")})
	replica := startRedis(t, l, lab.RedisOptions{ReplicaOf: primary})
	p, _ := watch(t, primary.URL())
	s, _ := watch(t, replica.URL())
	_, replicaPort, err := net.SplitHostPort(replica.Addr)
	if err != nil {
		t.Fatal(err)
	}
	_, primaryPort, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	becomes(t, p["info"], "followed", is("redis_replica_lag_bytes{slave_ip=127.0.0.1,slave_port="+replicaPort+"}", 0))
	link := "redis_master_link_up{master_host=127.0.0.1,master_port=" + primaryPort + "}"
	becomes(t, s["info"], "linked", is(link, 1))
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	becomes(t, s["info"], "cut off", is(link, 0))
	becomes(t, s["server"], "up, cut off or not", is("redis_up", 1))
}

func TestFindings(t *testing.T) {
	l := startLab(t)
	r := startRedis(t, l, lab.RedisOptions{Password: secret.New("right"), Args: []string{"--user", "blind", "on", ">seen", "+ping"}})
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	tests := map[string]struct {
		url  string
		kind fault.Kind
		want string // the end of the message
	}{
		"wrong password": {"redis://:hunter2@" + r.Addr + "/0", fault.Auth, "(check user and password in the URL)"},
		"no password":    {"redis://" + r.Addr + "/0", fault.Auth, "(check user and password in the URL)"},
		"no database":    {"redis://:right@" + r.Addr + "/99", fault.Schema, "(name a database that exists, such as /0)"},
		"refused":        {"redis://127.0.0.1:1/0", fault.Unreachable, "(check that the server runs, its bind address and any firewall between)"},
		"unknown host":   {"redis://no-such-host.invalid:6379/0", fault.DNS, "(check the host name)"},
		"silent":         {"redis://" + silent.Addr().String() + "/0", fault.Timeout, "no answer within the deadline"},
		"a web server":   {"redis://" + strings.TrimPrefix(web.URL, "http://") + "/0", fault.Schema, "(check that a Redis server listens at this address)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tasks, _ := watch(t, tt.url)
			p := becomes(t, tasks["server"], "down", is("redis_up", 0))
			q := collectAll(t, tasks["info"])
			for task, err := range map[string]error{"server": p.err, "info": q.err} {
				if fault.KindOf(err) != tt.kind || err == nil || !strings.HasSuffix(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("task %s:\ngot  %v (kind %s)\nwant … %s (kind %s)", task, err, fault.KindOf(err), tt.want, tt.kind)
				}
			}
			if len(q.values) > 0 {
				t.Errorf("INFO of a server that does not answer publishes %v", q.values)
			}
		})
	}
	t.Run("a user who may not read INFO", func(t *testing.T) {
		tasks, _ := watch(t, "redis://blind:seen@"+r.Addr+"/0")
		becomes(t, tasks["server"], "up", is("redis_up", 1))
		if p := collectAll(t, tasks["info"]); fault.KindOf(p.err) != fault.Denied {
			t.Errorf("INFO = %v, want kind denied", p.err)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"sound":      {func(*Config) {}, ""},
		"no url":     {func(c *Config) { c.URL = secret.Value{} }, "url"},
		"not redis":  {func(c *Config) { c.URL = secret.New("http://h:6379") }, "url"},
		"role":       {func(c *Config) { c.Role = "sessions" }, "role"},
		"too fast":   {func(c *Config) { c.Interval, c.PingInterval, c.Timeout = 1, 1, 1 }, "interval pingInterval timeout"},
		"everything": {func(c *Config) { *c = Config{} }, "url role interval pingInterval timeout"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			c.URL = secret.New("redis://127.0.0.1:6379/0")
			tt.change(&c)
			var fields []string
			for _, p := range c.Validate() {
				fields = append(fields, p.Field)
			}
			if got := strings.Join(fields, " "); got != tt.want {
				t.Errorf("problems with %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSignalsReadPublishedMetrics(t *testing.T) {
	if err := signal.Check(Signals()); err != nil {
		t.Error(err)
	}
	descs := make(chan *prometheus.Desc, 1000)
	Server{}.Describe(descs)
	Info{}.Describe(descs)
	close(descs)
	names := map[string]bool{}
	for d := range descs {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		names[name] = true
	}
	for _, d := range Signals() {
		if d.Kind != "redis" || !names[d.Metric] {
			t.Errorf("signal %s reads %s of kind %q, which no task describes", d.Name, d.Metric, d.Kind)
		}
	}
}
