package collector_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	lag = prometheus.NewDesc("postgres_replay_lag_seconds", "Replay lag.", []string{"standby"}, nil)
	up  = prometheus.NewDesc("postgres_up", "Whether PostgreSQL answers.", nil, nil)
)

// collect is a collector of lag and up.
type collect func(ctx context.Context, ch chan<- prometheus.Metric) error

func (collect) Describe(ch chan<- *prometheus.Desc) { ch <- lag; ch <- up }

func (c collect) Collect(ctx context.Context, ch chan<- prometheus.Metric) error { return c(ctx, ch) }

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// instance is an instance of given tasks and background work.
type instance struct {
	tasks  []collector.Task
	run    func(context.Context) error
	closed atomic.Int32
}

func (i *instance) Tasks() []collector.Task { return i.tasks }

func (i *instance) Run(ctx context.Context) error {
	if i.run == nil {
		return nil
	}
	return i.run(ctx)
}

func (i *instance) Close() { i.closed.Add(1) }

func task(component string, c collector.Collector) collector.Task {
	return collector.Task{
		Component: component, Environment: "production", Name: "replication", Kind: "postgres",
		Collector: c, Interval: 15 * time.Second, Timeout: 5 * time.Second,
	}
}

// started runs a runner of the tasks until the test is over.
func started(t *testing.T, s collector.Settings, tasks ...collector.Task) (*collector.Runner, context.CancelFunc) {
	t.Helper()
	r := collector.New(s)
	if err := r.Add(&instance{tasks: tasks}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return r, stop
}

func only(t *testing.T, r *collector.Runner) *collector.Snapshot {
	t.Helper()
	s := r.Snapshots()
	if len(s) != 1 {
		t.Fatalf("%d snapshots, want 1", len(s))
	}
	return s[0]
}

// exposition is what g serves, without lines that do not contain every want.
func exposition(t *testing.T, g prometheus.Gatherer, want ...string) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, mf := range families {
		if _, err := expfmt.MetricFamilyToText(&b, mf); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(line, w) }) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestExposition pins everything a runner serves: two components with the same
// families, one of them failing half-way.
func TestExposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fine := collect(func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(lag, 3, "two")
			ch <- gauge(lag, 1, "one")
			ch <- gauge(up, 1)
			return nil
		})
		half := collect(func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(up, 0)
			return &fault.Error{Op: "read pg_stat_replication", Kind: fault.Denied}
		})
		r, _ := started(t, collector.Settings{}, task("db", fine), task("archive", half))
		time.Sleep(time.Minute)
		families, err := r.Gatherer().Gather()
		if err != nil {
			t.Fatal(err)
		}
		problems, err := promlint.NewWithMetricFamilies(families).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("promlint: %v %v", problems, err)
		}
		golden(t, "all.prom", withoutCPU(exposition(t, r.Gatherer())))
		golden(t, "db.prom", withoutCPU(exposition(t, r.GathererFor("db"))))
	})
}

// withoutCPU blanks the one value that differs from run to run.
func withoutCPU(text string) string {
	return regexp.MustCompile(`(?m)^(closewatch_scrape_collector_cpu_seconds_total\{.*\}) .*$`).ReplaceAllString(text, "$1 0.001")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestZeroForEveryKindBeforeTheFirstRun(t *testing.T) {
	r := collector.New(collector.Settings{})
	if err := r.Add(&instance{tasks: []collector.Task{task("db", collect(nil))}}); err != nil {
		t.Fatal(err)
	}
	got := exposition(t, r.Gatherer(), "closewatch_scrape_collector_failures_total{", "} 0")
	if n := strings.Count(got, "\n"); n != len(fault.Kinds()) {
		t.Errorf("%d kinds at zero, want %d:\n%s", n, len(fault.Kinds()), got)
	}
	if got := exposition(t, r.Gatherer(), "closewatch_scrape_collector_success{"); got != "" {
		t.Errorf("success is claimed before the first run: %s", got)
	}
}

func TestHungCollectorIsAbandonedAndNeverStartedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var running, most, runs atomic.Int32
		c := collect(func(_ context.Context, ch chan<- prometheus.Metric) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			ch <- gauge(up, 1)
			if runs.Add(1) == 1 {
				<-release
				ch <- gauge(lag, 99, "late")
			}
			return nil
		})
		r, _ := started(t, collector.Settings{}, task("db", c))
		time.Sleep(50 * time.Second)

		s := only(t, r)
		if fault.KindOf(s.Err) != fault.Timeout || s.Series != 1 {
			t.Errorf("while hanging: %d series, err %v; want 1 and a timeout", s.Series, s.Err)
		}
		if got := runs.Load(); got != 1 {
			t.Errorf("started %d times while hanging, want 1", got)
		}
		want := "closewatch_scrape_collector_hung_total{collector=\"replication\",component=\"db\",environment=\"production\"} 1\n"
		if got := exposition(t, r.Gatherer(), "hung_total{"); got != want {
			t.Errorf("got %swant %s", got, want)
		}

		close(release)
		time.Sleep(20 * time.Second)
		if s := only(t, r); s.Err != nil || s.Series != 1 || most.Load() != 1 {
			t.Errorf("after it returned: %d series, err %v, %d at once; want 1, nil, 1", s.Series, s.Err, most.Load())
		}
	})
}

func TestFailures(t *testing.T) {
	broken := errors.New("connection reset")
	undeclared := prometheus.NewDesc("postgres_secret", "Never declared.", nil, nil)
	own := prometheus.NewDesc("postgres_replay_lag_seconds", "Replay lag.", []string{"standby"}, prometheus.Labels{})
	tests := map[string]struct {
		collect collect
		kind    fault.Kind
		series  int
		says    string
	}{
		"nothing wrong": {func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(up, 1)
			return nil
		}, "", 1, ""},
		"partial result is kept": {func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(up, 1)
			return &fault.Error{Op: "read slots", Kind: fault.Denied, Err: broken}
		}, fault.Denied, 1, "read slots: connection reset"},
		"plain error is named": {func(context.Context, chan<- prometheus.Metric) error {
			return broken
		}, fault.Internal, 0, "collect replication: connection reset"},
		"deadline": {func(ctx context.Context, _ chan<- prometheus.Metric) error {
			<-ctx.Done()
			return ctx.Err()
		}, fault.Timeout, 0, "collect replication: context deadline exceeded"},
		"panic is a fault": {func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(up, 1)
			var none []int
			_ = none[len(none)]
			return nil
		}, fault.Internal, 1, "panic: runtime error: index out of range [0] with length 0"},
		"undeclared metric is left out": {func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(up, 1)
			ch <- gauge(undeclared, 1)
			return nil
		}, fault.Internal, 1, "postgres_secret"},
		"series sent twice is left out": {func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(up, 1)
			ch <- gauge(own, 1, "a")
			ch <- gauge(own, 1, "a")
			return nil
		}, fault.Internal, 2, "collected before with the same name"},
		"failure and bad metric are both told": {func(_ context.Context, ch chan<- prometheus.Metric) error {
			ch <- gauge(undeclared, 1)
			return &fault.Error{Op: "read slots", Kind: fault.Denied, Err: broken}
		}, fault.Denied, 0, "postgres_secret"},
		"kind outside the closed set": {func(context.Context, chan<- prometheus.Metric) error {
			return &fault.Error{Op: "read slots", Kind: "odd"}
		}, "odd", 0, "read slots"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := started(t, collector.Settings{}, task("db", tt.collect))
				time.Sleep(10 * time.Second)
				s := only(t, r)
				if fault.KindOf(s.Err) != tt.kind || s.Series != tt.series {
					t.Errorf("kind %q, %d series; want %q, %d (err %v)", fault.KindOf(s.Err), s.Series, tt.kind, tt.series, s.Err)
				}
				if tt.says != "" && !strings.Contains(s.Err.Error(), tt.says) {
					t.Errorf("error %q does not say %q", s.Err, tt.says)
				}
				counted := exposition(t, r.Gatherer(), "failures_total{", "} 1")
				if (tt.kind != "") != (counted != "") {
					t.Errorf("kind %q, counted %q", tt.kind, counted)
				}
			})
		})
	}
}

func TestLabelsOfTheRunnerAreNotTheCollectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := prometheus.NewDesc("postgres_up", "Whether PostgreSQL answers.", []string{"component"}, nil)
		r, _ := started(t, collector.Settings{}, task("db", bad{d}))
		time.Sleep(10 * time.Second)
		if err := only(t, r).Err; err == nil || !strings.Contains(err.Error(), "has a label component of its own") {
			t.Errorf("err = %v", err)
		}
		if got, want := exposition(t, r.Gatherer(), "postgres_up{"), "postgres_up{component=\"db\",environment=\"production\"} 1\n"; got != want {
			t.Errorf("got %swant %s", got, want)
		}
	})
}

// bad sends a label that belongs to the runner.
type bad struct{ d *prometheus.Desc }

func (b bad) Describe(ch chan<- *prometheus.Desc) { ch <- b.d }

func (b bad) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	ch <- gauge(b.d, 1, "mine")
	return nil
}

func TestFailureKeepsTheLastResultsUntilTheyAreWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		r, _ := started(t, collector.Settings{}, task("db", collect(func(_ context.Context, ch chan<- prometheus.Metric) error {
			if runs.Add(1) > 1 {
				return &fault.Error{Op: "connect", Kind: fault.Unreachable}
			}
			ch <- gauge(up, 1)
			return nil
		})))
		time.Sleep(5 * time.Second)
		first := only(t, r)

		time.Sleep(65 * time.Second) // 70 s: 5 intervals are 75 s
		s := only(t, r)
		if s.Err == nil || s.Series != 1 || !s.Gathered.Equal(first.At) || !s.LastSuccess.Equal(first.At) || !s.At.After(first.At) {
			t.Errorf("last results are not kept with their age: %+v", s)
		}
		samples := r.Samples(time.Now())
		i := slices.IndexFunc(samples, func(s signal.Sample) bool { return s.Name == "postgres_up" })
		if i < 0 || !samples[i].At.Equal(first.At) {
			t.Errorf("sample of kept results does not carry their age: %v", samples)
		}

		time.Sleep(10 * time.Second)
		if s := only(t, r); len(s.Families) != 0 || s.Err == nil || s.Series != 0 {
			t.Errorf("not withdrawn: %+v", s)
		}
		if got := exposition(t, r.Gatherer(), "postgres_up"); got != "" {
			t.Errorf("still served: %s", got)
		}
	})
}

func TestWithdrawFloor(t *testing.T) {
	for floor, want := range map[time.Duration]int{0: 1, time.Second: 0} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			var runs atomic.Int32
			fast := task("db", collect(func(_ context.Context, ch chan<- prometheus.Metric) error {
				if runs.Add(1) > 1 {
					<-release
				}
				ch <- gauge(up, 1)
				return nil
			}))
			fast.Interval, fast.Timeout = time.Second, time.Second
			r, _ := started(t, collector.Settings{WithdrawFloor: floor}, fast)
			time.Sleep(30 * time.Second)
			if got := len(only(t, r).Families); got != want {
				t.Errorf("floor %v: %d families after 30 intervals, want %d", floor, got, want)
			}
		})
	}
}

func TestSeriesBeyondTheBoundAreDroppedAndCounted(t *testing.T) {
	latency := prometheus.NewDesc("redis_ping_seconds", "Ping.", nil, nil)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		many := task("db", flood{latency})
		many.MaxSeries = 10
		r, _ := started(t, collector.Settings{Log: slog.New(slog.NewTextHandler(&log, nil))}, many)
		time.Sleep(25 * time.Second) // two runs
		s := only(t, r)
		if s.Series != 9 || s.Dropped != 96 || s.Err != nil {
			t.Errorf("%d series, %d dropped, err %v; want 9, 96, nil", s.Series, s.Dropped, s.Err)
		}
		if got := exposition(t, r.Gatherer(), "dropped_series_total{", "} 192"); got == "" {
			t.Errorf("drops are not counted: %s", exposition(t, r.Gatherer(), "dropped"))
		}
		if n := strings.Count(log.String(), "series dropped"); n != 1 {
			t.Errorf("told %d times, want once:\n%s", n, &log)
		}
	})
}

// flood sends 100 gauges and a histogram, which is 5 series and fits no more
// beside the first 9 gauges.
type flood struct{ histogram *prometheus.Desc }

func (f flood) Describe(ch chan<- *prometheus.Desc) { ch <- lag; ch <- f.histogram }

func (f flood) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	for i := range 7 {
		ch <- gauge(lag, 1, string(rune('a'+i)))
	}
	ch <- prometheus.MustNewConstHistogram(f.histogram, 3, 6, map[float64]uint64{1: 1, 2: 2})
	for i := range 93 {
		ch <- gauge(lag, 1, string(rune('A'+i)))
	}
	return nil
}

func TestFailureIsLoggedWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := &fault.Error{Op: "read slots", Kind: fault.Denied, Hint: "grant pg_monitor"}
		refused := func(port string) error {
			return &fault.Error{Op: "connect", Kind: fault.Unreachable, Err: errors.New("refused from port " + port)}
		}
		results := []error{nil, denied, denied, refused("4001"), refused("4002"), nil, nil, denied}
		var runs atomic.Int32
		var log bytes.Buffer
		drop := func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "time" || a.Key == "duration_seconds" {
				return slog.Attr{}
			}
			return a
		}
		_, stop := started(t, collector.Settings{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: drop}))},
			task("db", collect(func(context.Context, chan<- prometheus.Metric) error { return results[runs.Add(1)-1] })))
		time.Sleep(time.Duration(len(results)) * 15 * time.Second)
		stop()
		const who = "collector=replication component=db environment=production"
		want := "level=WARN msg=\"collector failed\" " + who + " kind=denied err=\"read slots (grant pg_monitor)\" hint=\"grant pg_monitor\"\n" +
			"level=WARN msg=\"collector failed\" " + who + " kind=unreachable err=\"connect: refused from port 4001\"\n" +
			"level=INFO msg=\"collector recovered\" " + who + " failed_runs=4\n" +
			"level=WARN msg=\"collector failed\" " + who + " kind=denied err=\"read slots (grant pg_monitor)\" hint=\"grant pg_monitor\"\n"
		if diff := cmp.Diff(want, log.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestShutdownIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := started(t, collector.Settings{}, task("db", collect(func(ctx context.Context, _ chan<- prometheus.Metric) error {
			<-ctx.Done()
			return ctx.Err()
		})))
		time.Sleep(4 * time.Second)
		stop()
		if got := r.Snapshots(); len(got) != 0 {
			t.Errorf("interrupted run was published: %+v", got[0])
		}
	})
}

func TestBackgroundWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts atomic.Int32
		failing := &instance{tasks: []collector.Task{task("db", collect(func(context.Context, chan<- prometheus.Metric) error { return nil }))}}
		failing.run = func(ctx context.Context) error {
			switch starts.Add(1) {
			case 1:
				return io.EOF
			case 2:
				panic("sampler")
			}
			<-ctx.Done()
			return ctx.Err()
		}
		stuck, release := &instance{}, make(chan struct{})
		stuck.run = func(context.Context) error { <-release; return nil }
		r := collector.New(collector.Settings{})
		for _, i := range []*instance{failing, stuck} {
			if err := r.Add(i); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		time.Sleep(10 * time.Second)
		if got := exposition(t, r.GathererFor("db"), "background_restarts_total{", "} 2"); got == "" || starts.Load() != 3 {
			t.Errorf("%d starts; %s", starts.Load(), exposition(t, r.Gatherer(), "restarts"))
		}
		if failing.closed.Load() != 0 {
			t.Error("closed while running")
		}
		cancel()
		<-done
		if failing.closed.Load() != 1 || stuck.closed.Load() != 0 {
			t.Errorf("closed %d times (want 1), the one that never stopped %d times (want 0)", failing.closed.Load(), stuck.closed.Load())
		}
		close(release)
	})
}

func TestAddRefusesWhatCannotRun(t *testing.T) {
	fine := task("db", collect(nil))
	tests := map[string]struct {
		change func(*collector.Task)
		want   string
	}{
		"no name":          {func(c *collector.Task) { c.Name = "" }, "needs an environment, a component and a name"},
		"no collector":     {func(c *collector.Task) { c.Collector = nil }, "has no collector"},
		"timeout too long": {func(c *collector.Task) { c.Timeout = time.Minute }, "timeout 1m0s and interval 15s"},
		"twice":            {func(*collector.Task) {}, "is there twice"},
		"not UTF-8":        {func(c *collector.Task) { c.Component = "\xff" }, "not UTF-8"},
		"negative bound":   {func(c *collector.Task) { c.Name, c.MaxSeries = "x", -1 }, "negative bound"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bad := fine
			tt.change(&bad)
			err := collector.New(collector.Settings{}).Add(&instance{tasks: []collector.Task{fine, bad}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Add = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestFamiliesThatDisagreeAreNamedAndTheRestServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		as := func(kind prometheus.ValueType) collector.Collector {
			return collect(func(_ context.Context, ch chan<- prometheus.Metric) error {
				ch <- prometheus.MustNewConstMetric(up, kind, 1)
				ch <- gauge(lag, 1, "one")
				return nil
			})
		}
		r, _ := started(t, collector.Settings{}, task("one", as(prometheus.GaugeValue)), task("two", as(prometheus.CounterValue)))
		time.Sleep(10 * time.Second)
		families, err := r.Gatherer().Gather()
		if err == nil || err.Error() != "postgres_up is published as GAUGE and as COUNTER" {
			t.Errorf("err = %v", err)
		}
		for name, want := range map[string]int{"postgres_up": 1, "postgres_replay_lag_seconds": 2} {
			i := slices.IndexFunc(families, func(mf *dto.MetricFamily) bool { return mf.GetName() == name })
			if i < 0 || len(families[i].Metric) != want {
				t.Errorf("%s is not served %d times: %v", name, want, families)
			}
		}
	})
}
