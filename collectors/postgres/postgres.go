package postgres

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// Settings is what code says about one cluster.
type Settings struct {
	Component, Environment string
	Config                 Config
	Log                    *slog.Logger // nil discards
	// StateDir is where the WAL history is kept; "" keeps it in memory only.
	StateDir string
	Now      func() time.Time // time.Now
}

// New prepares the watch over one cluster. It does not connect and does not
// fail: servers that cannot be asked are the finding of its tasks.
func New(s Settings) collector.Instance {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	i := &instance{settings: s, log: s.Log.With("component", s.Component), statistics: make(map[string]*pgsession.Session)}
	entrance, declared := i.open()
	i.cluster = newCluster(entrance, declared, s.Config.ForgetStandbyAfter.D())
	for _, sampler := range i.samplers {
		sampler.cluster = i.cluster
	}
	i.load()
	return i
}

type instance struct {
	settings   Settings
	log        *slog.Logger
	cluster    *cluster
	samplers   []*sampler
	looks      collector.Meter               // of all samplers
	statistics map[string]*pgsession.Session // by name, of the entrance; opened on first use, one at a time
}

// open makes a sampler for every server and a session for statistics for those
// of the connection string.
func (i *instance) open() (entrance, declared []string) {
	cfg := i.settings.Config
	addresses, err := pgsession.Addresses(cfg.DSN)
	if err != nil {
		addresses = []string{""} // the session itself says what is wrong
	}
	seen := make(map[string]bool)
	add := func(name string, dsn secret.Value, address string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		i.samplers = append(i.samplers, &sampler{
			name: name, session: pgsession.Open(i.session(dsn, address)), now: i.settings.Now, log: i.log,
		})
		return true
	}
	for _, a := range addresses {
		if add(a, cfg.DSN, a) {
			entrance = append(entrance, a)
			i.statistics[a] = pgsession.Open(i.session(cfg.DSN, a))
		}
	}
	for _, s := range cfg.Standbys {
		name := s.Name
		if name == "" {
			if a, err := pgsession.Addresses(s.DSN); err == nil {
				name = a[0]
			}
		}
		if add(name, s.DSN, "") {
			declared = append(declared, name)
		}
	}
	return entrance, declared
}

func (i *instance) session(dsn secret.Value, address string) pgsession.Settings {
	cfg := i.settings.Config
	return pgsession.Settings{
		DSN: dsn, Address: address,
		ConnectTimeout:   cfg.ConnectTimeout.D(),
		StatementTimeout: cfg.StatementTimeout.D(),
		LockTimeout:      cfg.LockTimeout.D(),
		MaxBackoff:       2 * time.Second,
		Now:              i.settings.Now,
	}
}

// serverEvery is the cadence of what reads memory only.
const serverEvery = 5 * time.Second

// Tasks implements collector.Instance.
func (i *instance) Tasks() []collector.Task {
	cfg := i.settings.Config
	view := func() View { return i.cluster.view(i.settings.Now()) }
	behind := func(timeline uint32, pos uint64) (lsnclock.Bounds, bool) {
		return i.cluster.behind(timeline, pos, i.settings.Now())
	}
	memory := min(serverEvery, cfg.Interval.D())
	return []collector.Task{
		i.task("server", metered{Server{view}, &i.looks}, memory),
		i.task("replication", Replication{view}, memory),
		i.task("statistics", Statistics{i.ask, i.version, []subject{
			connections, activity, blocked, locks, databases, slots, archiver(behind),
		}, true}, cfg.Interval.D()),
		i.task("sizes", Statistics{i.ask, i.version, []subject{sizes}, false}, cfg.SizesInterval.D()),
	}
}

func (i *instance) task(name string, c collector.Collector, every time.Duration) collector.Task {
	return collector.Task{
		Component: i.settings.Component, Environment: i.settings.Environment,
		Kind: "postgres", Name: name, Collector: c, MaxSeries: shares[name],
		Interval: every, Timeout: min(every, 10*time.Second),
		Budget: budgets[name], Fresh: max(freshFor, 2*every),
	}
}

// freshFor is how long what is asked at the default interval counts.
const freshFor = time.Minute

// budgets bound each run, by task: statements as many as its subjects are, and
// what a healthy server and a large cluster need for them. Those that read memory
// have none: asking them less would spare nobody.
var budgets = map[string]collector.Budget{
	"statistics": {Requests: 14, Waiting: time.Second, CPU: 50 * time.Millisecond},
	"sizes":      {Requests: 4, Waiting: 3 * time.Second, CPU: 100 * time.Millisecond},
	"settings":   {Requests: 16, Waiting: 3 * time.Second, CPU: 100 * time.Millisecond},
	"tables":     {Requests: 1000, Waiting: 20 * time.Second, CPU: time.Second},
	"statements": {Requests: 16, Waiting: 5 * time.Second, CPU: 200 * time.Millisecond},
}

// metered is a task that reads memory, with what it costs to fill that.
type metered struct {
	collector.Collector
	collector.Spender
}

// MaxSeries is how many series one cluster publishes at most.
const MaxSeries = 5000

// shares divides MaxSeries among the tasks. What a task publishes beyond its
// share is dropped and counted: a task that can have more folds what matters
// least into a residual of its own before that.
var shares = map[string]int{
	"server":      60,
	"replication": 340,
	"statistics":  1300, // fast: sessions, locks, databases, slots, archiver
	"sizes":       300,  // slow: sizes, growth
	"settings":    400,  // slow: parameters, roles
	"tables":      2200, // slow, by database: tables, indexes, vacuum
	"statements":  400,  // slow: pg_stat_statements
}

// ask puts statistics' queries to the server that a client would get.
func (i *instance) ask(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
	return i.statistics[i.cluster.faceName(i.settings.Now())].Batch(ctx, queries...)
}

// version is the major version of that server; 0 before it has answered.
func (i *instance) version() int { return i.cluster.faceVersion(i.settings.Now()) }

// Run implements collector.Instance: it looks at every server once a second and
// keeps the history.
func (i *instance) Run(ctx context.Context) error {
	var running sync.WaitGroup
	ctx = collector.WithMeter(ctx, &i.looks)
	for _, s := range i.samplers {
		running.Go(func() { s.run(ctx) })
	}
	if i.path() != "" {
		running.Go(func() { i.saver(ctx) })
	}
	running.Wait()
	return nil
}

// Close implements collector.Instance.
func (i *instance) Close() {
	for _, s := range i.samplers {
		s.session.Close()
	}
	for _, s := range i.statistics {
		s.Close()
	}
}

// path is where the history is kept.
func (i *instance) path() string {
	if i.settings.StateDir == "" {
		return ""
	}
	return filepath.Join(i.settings.StateDir, "postgres-"+i.settings.Environment+"-"+i.settings.Component+".wal-history")
}

// load takes up the history of an earlier run. One that cannot be read is left
// out: exposure is then unknown until the standbys are seen again.
func (i *instance) load() {
	if i.path() == "" {
		return
	}
	text, err := readChecked(i.path())
	if err == nil {
		err = i.cluster.restore(text)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		i.log.Warn("the WAL history on disk is left out", "path", i.path(), "err", err)
	}
}

func (i *instance) save() error {
	text, err := i.cluster.dump()
	if err == nil && text != nil {
		if err = os.MkdirAll(i.settings.StateDir, 0o700); err == nil {
			err = writeChecked(i.path(), text)
		}
	}
	return fault.Wrap("keep the WAL history of "+i.settings.Component, err, "give the daemon a writable state directory")
}
