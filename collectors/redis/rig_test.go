package redis

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	goredis "github.com/redis/go-redis/v9"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

type published struct {
	values   map[string]float64
	families map[string]*dto.MetricFamily
	err      error
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
	p := published{map[string]float64{}, map[string]*dto.MetricFamily{}, a.err}
	for _, f := range families {
		p.families[f.GetName()] = f
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

// configured is the configuration of a server at url with short times.
func configured(t *testing.T, url string, change func(*Config)) Config {
	t.Helper()
	var cfg Config
	cfg.SetDefaults()
	cfg.URL = secret.New(url)
	cfg.PingInterval, cfg.Timeout = cfg.PingInterval/5, cfg.Timeout*3/10
	if change != nil {
		change(&cfg)
	}
	if problems := cfg.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	return cfg
}

// watch runs an instance with a short timeout until the test ends or stop is
// called, and returns its tasks.
func watch(t *testing.T, url string) (tasks map[string]collector.Collector, stop func()) {
	t.Helper()
	return watchAs(t, configured(t, url, nil))
}

func watchAs(t *testing.T, cfg Config) (tasks map[string]collector.Collector, stop func()) {
	t.Helper()
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

// becomes collects until ok, for at most twenty seconds.
func becomes(t *testing.T, c collector.Collector, what string, ok func(published) bool) published {
	t.Helper()
	var p published
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
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

// wants fails the test unless each value is published; a nil one is absent.
func (p published) wants(t *testing.T, want map[string]any) {
	t.Helper()
	for name, value := range want {
		got, ok := p.values[name]
		switch v := value.(type) {
		case nil:
			if ok {
				t.Errorf("%s = %v, want it absent", name, got)
			}
		case float64:
			if !ok || got != v {
				t.Errorf("%s = %v (published %v), want %v", name, got, ok, v)
			}
		case int:
			if !ok || got != float64(v) {
				t.Errorf("%s = %v (published %v), want %v", name, got, ok, v)
			}
		case func(float64) bool:
			if !ok || !v(got) {
				t.Errorf("%s = %v (published %v), which is not as wanted", name, got, ok)
			}
		}
	}
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

// program is the server that tests run: the one installed, or the one that
// CLOSEWATCH_REDIS_BIN names.
func program() string { return os.Getenv("CLOSEWATCH_REDIS_BIN") }

func startRedis(t *testing.T, l *lab.Lab, o lab.RedisOptions) *lab.Redis {
	t.Helper()
	o.Program = program()
	r, err := l.Redis(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// dial connects as an application would.
func dial(t *testing.T, url string) *goredis.Client {
	t.Helper()
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	o.ReadTimeout, o.PoolSize, o.DisableIdentity = 20*time.Second, 1, true
	c := goredis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func do(t *testing.T, c *goredis.Client, words ...any) any {
	t.Helper()
	v, err := c.Do(context.Background(), words...).Result()
	if err != nil && err != goredis.Nil { //nolint:errorlint // the library returns it as it is
		t.Fatalf("%v: %v", words, err)
	}
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// replies is a server that gives recorded answers by command; it does not know
// others.
type replies map[string]any

func (r replies) ask(_ context.Context, commands ...command) ([]answer, error) {
	out := make([]answer, len(commands))
	for n, c := range commands {
		switch v := r.reply(c.String()).(type) {
		case error:
			out[n].err = v
		case nil:
			out[n].err = serverError("ERR unknown command '" + c.String() + "'")
		default:
			out[n].value = v
		}
	}
	return out, nil
}

// reply is what the server has to say to a command. What INFO tells is recorded as
// a whole and given section by section.
func (r replies) reply(to string) any {
	text, recorded := r["INFO all"].(string)
	if !recorded || !strings.HasPrefix(to, "INFO") {
		if to == "INFO" {
			return r["INFO all"]
		}
		return r[to]
	}
	section := strings.TrimPrefix(to, "INFO ")
	var out strings.Builder
	for line := range strings.Lines(text) {
		in := "INFO"
		switch {
		case strings.HasPrefix(line, "cmdstat_"):
			in = "commandstats"
		case strings.HasPrefix(line, "latency_percentiles_usec_"):
			in = "latencystats"
		}
		if in == section {
			out.WriteString(line)
		}
	}
	return out.String()
}

// serverError is an error reply.
type serverError string

func (e serverError) Error() string { return string(e) }
func (serverError) RedisError()     {}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

func secretURL(r *lab.Redis) secret.Value { return secret.New(r.URL()) }
