package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// startPostgres starts a primary, and a standby if wanted, with a role mon that
// may monitor and a table that receives writes. Nothing but the test writes:
// autovacuum is off.
func startPostgres(t *testing.T, o lab.PostgresOptions) *lab.Postgres {
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
	if o.Settings == nil {
		o.Settings = map[string]string{}
	}
	o.Settings["autovacuum"] = "off"
	p, err := l.Postgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, p, `CREATE ROLE mon LOGIN; GRANT pg_monitor TO mon; CREATE ROLE plain LOGIN; CREATE TABLE moves (n int)`)
	return p
}

// execute runs SQL as superuser. A statement that waits for ever is a failure
// with its name, not the end of the whole run.
func execute(t *testing.T, p *lab.Postgres, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	if err := p.Exec(ctx, "postgres", "postgres", sql); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A watch is an instance that runs.
type watch struct {
	collector.Instance
	tasks map[string]collector.Collector
	stop  func()
}

// startWatch runs an instance until the test ends or stop is called.
func startWatch(t *testing.T, dsn, stateDir string, standbys ...postgres.Standby) *watch {
	t.Helper()
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN, cfg.Standbys = secret.New(dsn), standbys
	if problems := cfg.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	return runWatch(t, postgres.Settings{Component: "db", Environment: "test", Config: cfg, StateDir: stateDir})
}

// runWatch runs an instance until the test ends or stop is called.
func runWatch(t *testing.T, s postgres.Settings) *watch {
	t.Helper()
	w := &watch{Instance: postgres.New(s), tasks: map[string]collector.Collector{}}
	for _, task := range w.Tasks() {
		w.tasks[task.Name] = task.Collector
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
		w.Close()
	}
	t.Cleanup(w.stop)
	return w
}

// series is what tasks publish, each series by name{label=value,…}.
type series map[string]float64

// collect runs tasks once.
func (w *watch) collect(t *testing.T, tasks ...string) (series, error) {
	t.Helper()
	got := series{}
	var failed error
	for _, name := range tasks {
		some, err := w.run(t.Context(), w.tasks[name])
		if err != nil && failed == nil {
			failed = err
		}
		maps.Copy(got, some)
	}
	return got, failed
}

// run gathers a collector once through a registry that checks it.
func (w *watch) run(ctx context.Context, c collector.Collector) (series, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	reg := prometheus.NewPedanticRegistry()
	a := &adapter{Collector: c, ctx: ctx}
	if err := reg.Register(a); err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	families, err := reg.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather: %w", err)
	}
	got := series{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[key(f.GetName(), m)] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return got, a.err
}

type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

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

func (s series) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s %v\n", k, s[k])
	}
	return b.String()
}

// A check says what is wrong with what is published, "" when nothing is.
type check func(series) string

// is wants a series to have a value.
func is(name string, want float64) check {
	return func(s series) string {
		if got, ok := s[name]; !ok || got != want {
			return fmt.Sprintf("%s = %v (published: %v), want %v", name, got, ok, want)
		}
		return ""
	}
}

// between wants a series to lie within bounds.
func between(name string, low, high float64) check {
	return func(s series) string {
		if got, ok := s[name]; !ok || got < low || got > high {
			return fmt.Sprintf("%s = %v (published: %v), want %v to %v", name, got, ok, low, high)
		}
		return ""
	}
}

// absent wants a series, or all whose name begins so, not to be published.
func absent(prefix string) check {
	return func(s series) string {
		for k := range s {
			if strings.HasPrefix(k, prefix) {
				return fmt.Sprintf("%s is published", k)
			}
		}
		return ""
	}
}

// How often and how long a state is waited for.
const (
	step          = 100 * time.Millisecond
	patience      = 20 * time.Second
	patienceSteps = int(patience / step)
)

// becomes waits until all checks hold at once.
func (w *watch) becomes(t *testing.T, checks ...check) {
	t.Helper()
	wrong, got := "", series{}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pass(t) {
		if got, wrong = w.wrong(t, checks); wrong == "" {
			return
		}
	}
	t.Fatalf("after %v: %s\n%v", patience, wrong, got)
}

// stays wants all checks to hold for a while.
func (w *watch) stays(t *testing.T, d time.Duration, checks ...check) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); pass(t) {
		if got, wrong := w.wrong(t, checks); wrong != "" {
			t.Fatalf("%s\n%v", wrong, got)
		}
	}
}

func (w *watch) wrong(t *testing.T, checks []check) (series, string) {
	t.Helper()
	got, _ := w.collect(t, "server", "replication")
	for _, c := range checks {
		if wrong := c(got); wrong != "" {
			return got, wrong
		}
	}
	return got, ""
}

// pass lets a step of time go by, as a state that has to last needs.
func pass(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(step):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

func lag(standby, stage, bound string) string {
	return fmt.Sprintf("pg_standby_lag_seconds{bound=%s,stage=%s,standby=%s}", bound, stage, standby)
}

func state(standby, state string) string {
	return fmt.Sprintf("pg_standby_state{standby=%s,state=%s}", standby, state)
}

func bytes(standby, stage string) string {
	return fmt.Sprintf("pg_standby_lag_bytes{stage=%s,standby=%s}", stage, standby)
}
