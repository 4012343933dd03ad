package postgres

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/durable"
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
	i.superuser = pgsession.NoSuperuser(s.Environment, s.Config.AllowSuperuser, i.log)
	entrance, declared := i.open()
	i.cluster = newCluster(entrance, declared, s.Config.ForgetStandbyAfter.D())
	for _, sampler := range i.samplers {
		sampler.cluster = i.cluster
	}
	i.tables = i.newTables()
	i.relations = newRelations(s.Now, i.relationNames)
	i.poolers = openPgBouncers(s.Config, s.Now)
	i.load()
	i.sizes = i.newSizes()
	return i
}

type instance struct {
	settings   Settings
	log        *slog.Logger
	cluster    *cluster
	samplers   []*sampler
	sizes      *Sizes
	superuser  func(role string) error
	looks      collector.Meter               // of all samplers
	statistics map[string]*pgsession.Session // by name, of the entrance; opened on first use, one at a time
	tables     *Tables
	relations  *relations
	poolers    PgBouncers
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
		session := pgsession.Open(i.session(dsn, address))
		i.samplers = append(i.samplers, &sampler{
			name: name, batch: session.Batch, close: session.Close, now: i.settings.Now, log: i.log,
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
		Superuser:        i.superuser,
		MaxBackoff:       2 * time.Second,
		Now:              i.settings.Now,
	}
}

// The cadences of what reads memory only, and of what seldom changes.
const (
	serverEvery   = 5 * time.Second
	settingsEvery = 5 * time.Minute
)

// Tasks implements collector.Instance.
func (i *instance) Tasks() []collector.Task {
	cfg := i.settings.Config
	view := func() View { return i.cluster.view(i.settings.Now()) }
	behind := func(timeline uint32, pos uint64) (lsnclock.Bounds, bool) {
		return i.cluster.behind(timeline, pos, i.settings.Now())
	}
	slotBehind := func(pos uint64) (lsnclock.Bounds, bool) { return i.cluster.faceBehind(pos, i.settings.Now()) }
	memory := min(serverEvery, cfg.Interval.D())
	replication := i.task("replication", Replication{view, i.looks.Spent}, memory)
	replication.Budget, replication.Fresh = lookBudget(len(i.samplers), memory), 4*memory // what is read from memory is not put off
	tasks := []collector.Task{
		i.task("server", Server{view}, memory),
		replication,
		i.task("statistics", Statistics{i.ask, i.version, slices.Concat([]subject{
			connections, activity(cfg.Pools), contention(), blocking(i.relations.name), locks, slots(slotBehind), archiver(behind),
		}, databases(i.server), checkpoints, wal, inputOutput), true}, cfg.Interval.D()),
		i.task("settings", Statistics{i.ask, i.version, []subject{
			settings, roleLimits, databaseLimits, wraparound, walDirectory,
		}, false}, max(settingsEvery, cfg.Interval.D())),
		i.task("sizes", i.sizes, max(cfg.SizesInterval.D()/sizeRounds, time.Second)),
		i.tablesTask(),
		i.task("statements", newStatements(i.face), cfg.StatementsInterval.D()),
	}
	if len(i.poolers.list) > 0 {
		tasks = append(tasks, i.task("pgbouncer", i.poolers, cfg.Interval.D()))
	}
	return tasks
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
	"pgbouncer":  {Requests: 10 * maxPgBouncers, Waiting: time.Second, CPU: 50 * time.Millisecond},
	"sizes":      {Requests: 250, Waiting: 3 * time.Second, CPU: 100 * time.Millisecond},
	"settings":   {Requests: 16, Waiting: 3 * time.Second, CPU: 100 * time.Millisecond},
	"tables":     {Requests: 100, Waiting: 20 * time.Second, CPU: time.Second},
	"statements": {Requests: 16, Waiting: 5 * time.Second, CPU: 200 * time.Millisecond},
}

// MaxSeries is how many series one cluster publishes at most.
const MaxSeries = 5000

// shares divides MaxSeries among the tasks. What a task publishes beyond its
// share is dropped and counted: a task that can have more folds what matters
// least into a residual of its own before that.
var shares = map[string]int{
	"server":      60,
	"replication": 340,
	"statistics":  1050, // fast: sessions, locks, databases, slots, archiver
	"pgbouncer":   250,  // fast: pools and databases of poolers
	"sizes":       200,  // slow: sizes, growth
	"settings":    500,  // slow: parameters, limits, wraparound
	"tables":      2200, // slow, by database: tables, indexes, vacuum
	"statements":  400,  // slow: pg_stat_statements
}

// ask puts statistics' queries to the server that a client would get.
func (i *instance) ask(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
	_, ask := i.face()
	return ask(ctx, queries...)
}

// face is the name of that server, and how to ask it.
func (i *instance) face() (string, asker) {
	name := i.cluster.faceName(i.settings.Now())
	return name, i.statistics[name].Batch
}

// version is the major version of that server; 0 before it has answered.
func (i *instance) version() int { return i.cluster.faceVersion(i.settings.Now()) }

// server is the address of that server.
func (i *instance) server() string { return i.cluster.faceName(i.settings.Now()) }

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
	running.Go(func() { i.relations.run(ctx) })
	running.Wait()
	return nil
}

// Close implements collector.Instance.
func (i *instance) Close() {
	for _, s := range i.samplers {
		s.close()
	}
	for _, s := range i.statistics {
		s.Close()
	}
	i.tables.close()
	i.poolers.close()
}

// path is where the history is kept.
func (i *instance) path() string { return i.stateFile(".wal-history") }

// stateFile is where something is kept; "" when nothing is.
func (i *instance) stateFile(ending string) string {
	if i.settings.StateDir == "" {
		return ""
	}
	return filepath.Join(i.settings.StateDir, "postgres-"+i.settings.Environment+"-"+i.settings.Component+ending)
}

// newSizes takes up what an earlier run knew of growth. What cannot be read is
// left out: growth is then unknown for some hours.
func (i *instance) newSizes() *Sizes {
	s := &Sizes{Ask: i.ask, Interval: i.settings.Config.SizesInterval.D(), Capacity: float64(i.settings.Config.Capacity)}
	path := i.stateFile(".growth")
	if path == "" {
		return s
	}
	s.Keep = func(g *growth) error {
		text, err := g.dump()
		if err == nil {
			if err = os.MkdirAll(i.settings.StateDir, 0o700); err == nil {
				err = durable.WriteChecked(path, text)
			}
		}
		return fault.Wrap("keep the growth of "+i.settings.Component, err, "give the daemon a writable state directory")
	}
	text, found, err := durable.ReadChecked(path)
	if err == nil && found {
		err = s.growth.restore(text)
	}
	if err != nil {
		i.log.Warn("the growth of databases on disk is left out", "path", path, "err", err)
	}
	return s
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
