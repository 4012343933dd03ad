package main

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/collectors/redis"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// tier is the time per which costs are told.
const tier = 15 * time.Second

// A watched is a server and what watches it.
type watched struct {
	name   string
	server *lab.Server
	idle   float64 // milliseconds of the server's CPU in a second while nobody asks
	open   func(now func() time.Time) collector.Instance
	// steps has the collector's clock go as far between two runs of a task as its
	// interval, so that what it does once a minute is in proportion.
	steps bool
	// statements and logins count so far; nil where there are none.
	statements, logins func(context.Context) (float64, error)
}

func (s *servers) watchedPostgres() watched {
	return watched{
		name: "postgres", server: s.postgres.Server,
		open: func(now func() time.Time) collector.Instance {
			var cfg postgres.Config
			cfg.SetDefaults()
			cfg.DSN = secret.New(s.postgres.DSN(ownRole, "postgres"))
			return postgres.New(postgres.Settings{Component: "db", Environment: "production", Config: cfg, Now: now})
		},
		statements: func(ctx context.Context) (float64, error) { return s.statements(ctx, ownRole) },
		logins:     s.logins,
	}
}

func (s *servers) watchedRedis() watched {
	return watched{
		name: "redis", server: s.redis.Server, steps: true,
		open: func(now func() time.Time) collector.Instance {
			var cfg redis.Config
			cfg.SetDefaults()
			cfg.URL = secret.New(s.redis.URL())
			return redis.New(redis.Settings{Component: "cache", Environment: "production", Config: cfg, Now: now})
		},
	}
}

// A cost is what something took: milliseconds of CPU, and counts.
type cost struct {
	own, server        float64
	statements, logins float64
}

func (c cost) minus(d cost) cost {
	return cost{c.own - d.own, c.server - d.server, c.statements - d.statements, c.logins - d.logins}
}

func (c cost) plus(d cost) cost {
	return cost{c.own + d.own, c.server + d.server, c.statements + d.statements, c.logins + d.logins}
}

func (c cost) times(f float64) cost {
	return cost{c.own * f, c.server * f, c.statements * f, c.logins * f}
}

// A task is a measured one.
type task struct {
	name     string
	interval time.Duration
	each     cost // of one run
	series   int
	err      error
}

// perTier is the task's cost by its own cadence.
func (t task) perTier() cost { return t.each.times(float64(tier) / float64(t.interval)) }

// quick reports whether the task is of the fast tier.
func (t task) quick() bool { return t.interval <= tier }

// A measurement is all that watching one server costs; the sampler at its own
// cadence, the tasks back to back.
type measurement struct {
	name    string
	sampler cost // per tier
	tasks   []task
}

// fast is the cost of the quick tasks per tier.
func (m measurement) fast() cost {
	var sum cost
	for _, t := range m.tasks {
		if t.quick() {
			sum = sum.plus(t.perTier())
		}
	}
	return sum
}

// whole is the cost of every task per tier, by its own cadence.
func (m measurement) whole() cost {
	var sum cost
	for _, t := range m.tasks {
		sum = sum.plus(t.perTier())
	}
	return sum
}

func (m measurement) series() int {
	n := 0
	for _, t := range m.tasks {
		n += t.series
	}
	return n
}

// A clock is the time plus what it was moved by.
type clock struct {
	mu    sync.Mutex
	moved time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.moved)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
}

// measure measures the sampler of w alone, then each task of it.
func measure(ctx context.Context, w watched) (m measurement, err error) {
	m.name = w.name
	if err := w.measureIdle(ctx); err != nil {
		return m, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var c clock
	instance := w.open(c.now)
	ended := make(chan error, 1)
	go func() { ended <- instance.Run(ctx) }()
	defer func() {
		cancel()
		if failed := <-ended; err == nil {
			err = failed
		}
		instance.Close()
	}()
	if err := wait(ctx, settle); err != nil {
		return m, err
	}
	if m.sampler, err = w.window(ctx); err != nil {
		return m, err
	}
	say("%s sampler, as it is: %.2f ms of ours and %.2f ms of the server's in 15 s", w.name, m.sampler.own, m.sampler.server)
	for _, t := range instance.Tasks() {
		measured, err := w.task(ctx, &c, t, m.sampler)
		if err != nil {
			return m, err
		}
		m.tasks = append(m.tasks, measured)
		say("%s task %s, every %v: %.2f ms of ours and %.2f ms of the server's each", w.name, t.Name, t.Interval, measured.each.own, measured.each.server)
	}
	return m, nil
}

// settle is how long a server is left alone before it is measured, and idling how
// long it is measured then.
const (
	settle = 2 * time.Second
	idling = 5 * time.Second
)

// measureIdle measures what the server does of itself.
func (w *watched) measureIdle(ctx context.Context) error {
	if err := wait(ctx, settle); err != nil {
		return err
	}
	before, err := w.server.CPU()
	if err != nil {
		return err
	}
	if err := wait(ctx, idling); err != nil {
		return err
	}
	after, err := w.server.CPU()
	w.idle = milliseconds(after-before) / idling.Seconds()
	say("%s, idle, uses %.2f ms of CPU in 15 s", w.name, w.idle*tier.Seconds())
	return err
}

// window is what is used in one tier's time, whatever runs.
func (w watched) window(ctx context.Context) (cost, error) {
	begin, err := w.begin(ctx)
	if err != nil {
		return cost{}, err
	}
	if err := wait(ctx, tier); err != nil {
		return cost{}, err
	}
	used, took, err := w.since(ctx, begin)
	return used.times(float64(tier) / float64(took)), err
}

// A pace is how tasks are run and exporters scraped: so many times, after some that
// do not count.
type pace struct {
	warmUp, runs int
	// every is the time from run to run of a task, which bounds how long one may
	// take: what is quick is over later than that, one run is right after the other.
	every time.Duration
}

// paceOf is that of a task.
func paceOf(t task) pace {
	if t.quick() {
		return pace{10, 200, time.Millisecond}
	}
	return pace{1, 4, 2 * time.Second}
}

// task runs one task by itself, the sampler going on beside it.
func (w watched) task(ctx context.Context, c *clock, t collector.Task, sampler cost) (task, error) {
	out := task{name: t.Name, interval: t.Interval}
	p := paceOf(out)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var runner *collector.Runner
	var begin marks
	var failure error
	turn := 0
	before := func() {
		if w.steps && out.interval >= tier {
			c.move(out.interval)
		}
		switch turn++; turn {
		case p.warmUp + 1:
			begin, failure = w.begin(ctx)
		case p.warmUp + p.runs + 1:
			used, took, err := w.since(ctx, begin)
			if err != nil && failure == nil {
				failure = err
			}
			out.each = used.minus(sampler.times(float64(took) / float64(tier))).times(1 / float64(p.runs))
			for _, s := range runner.Snapshots() {
				out.series, out.err = s.Series, s.Err
			}
			cancel()
		}
	}
	t.Collector = counted{t.Collector, before, t.Timeout}
	t.Interval, t.Timeout = p.every, p.every
	t.Budget = collector.Budget{} // which is for its own cadence
	runner = collector.New(collector.Settings{})
	if err := runner.Add(alone{t}); err != nil {
		return out, err
	}
	runner.Run(ctx)
	if turn <= p.warmUp+p.runs && failure == nil {
		failure = ctx.Err()
	}
	return out, failure
}

// counted is a collector that tells before each run, which has the time it has in
// the daemon.
type counted struct {
	collector.Collector
	before  func()
	timeout time.Duration
}

// Collect implements collector.Collector.
func (c counted) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	c.before()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	defer cancel()
	return c.Collector.Collect(ctx, ch)
}

// alone is an instance of one task.
type alone struct{ task collector.Task }

// Tasks implements collector.Instance.
func (a alone) Tasks() []collector.Task { return []collector.Task{a.task} }

// Run implements collector.Instance.
func (alone) Run(context.Context) error { return nil }

// Close implements collector.Instance.
func (alone) Close() {}

// marks are all counters at a moment.
type marks struct {
	at   time.Time
	used cost
}

// begin reads the counters; what reading them costs comes before.
func (w watched) begin(ctx context.Context) (marks, error) {
	var m marks
	if err := w.countInto(ctx, &m.used); err != nil {
		return m, err
	}
	return m, w.cpuInto(&m)
}

// since is what has been used since, and in what time.
func (w watched) since(ctx context.Context, begin marks) (cost, time.Duration, error) {
	var end marks
	if err := w.cpuInto(&end); err != nil {
		return cost{}, 0, err
	}
	took := end.at.Sub(begin.at)
	err := w.countInto(ctx, &end.used)
	used := end.used.minus(begin.used)
	used.server = max(used.server-w.idle*took.Seconds(), 0)
	return used, took, err
}

func (w watched) countInto(ctx context.Context, c *cost) (err error) {
	if w.statements != nil {
		if c.statements, err = w.statements(ctx); err != nil {
			return err
		}
	}
	if w.logins != nil {
		c.logins, err = w.logins(ctx)
	}
	return err
}

func (w watched) cpuInto(m *marks) error {
	server, err := w.server.CPU()
	if err != nil {
		return err
	}
	own, err := ownCPU()
	m.at, m.used.server, m.used.own = time.Now(), milliseconds(server), milliseconds(own)
	return err
}

// ownCPU is the CPU time of this process so far.
func ownCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read our own CPU time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
