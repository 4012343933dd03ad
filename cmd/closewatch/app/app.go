package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/datadir"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/store"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
)

// Settings of an App.
type Settings struct {
	Plan    *Plan
	Data    string // overrides the estate's data directory when not empty
	Listen  string // overrides the estate's web.listen when not empty
	Version string
	Log     *slog.Logger
	Now     func() time.Time // nil means time.Now

	// Reload is what POST /-/reload does; nil: nothing.
	Reload Reloader
	// Access is told who read and changed what, and who was refused; nil means
	// that the log is.
	Access auth.Recorder
}

// An App is the daemon. New wires it, Start runs it, Stop drains it; Stop is
// safe without Start and twice.
type App struct {
	version string
	estate  *estate.Estate
	zone    *time.Location
	url     string
	log     *slog.Logger
	now     func() time.Time
	tick    time.Duration
	warmup  time.Duration
	started time.Time

	*decider  // its memory is the tick's own goroutine's
	data      *datadir.Dir
	store     *store.Store
	runner    *collector.Runner
	telemetry *telemetry.Telemetry
	probers   []*prober
	outbox    *delivery.Delivery
	workBook  *workBook
	windows   *windowBook
	flows     *flowBook
	engine    *engineMetrics
	meter     *incidentMeter
	own       ownMetrics
	others    []prometheus.Gatherer // what is published besides by the runner
	probes    *prometheus.Registry  // what flows published
	inbox     *inbox
	before    memory // what stood before the start
	rooms     *rooms
	upkeep    *upkeep
	baselines *baseliner

	telemetryOwn *telemetry.Own
	history      *flow.History
	runs         *runBook

	web      *auth.File
	guard    *auth.Guard
	reload   Reloader
	access   auth.Recorder
	listener net.Listener
	server   *http.Server
	cancel   context.CancelFunc
	running  sync.WaitGroup
	stop     sync.Once
	stopErr  error
}

// ownMetrics are the daemon's counters on its own tick.
type ownMetrics struct {
	ticks    *metrics.Counter
	duration *metrics.Histogram
}

func newOwnMetrics(own *telemetry.Own) ownMetrics {
	return ownMetrics{
		ticks:    own.Counter("closewatch_ticks_total", "Ticks decided."),
		duration: own.Histogram("closewatch_tick_duration_seconds", "Time to decide a tick."),
	}
}

func (m ownMetrics) tick(d time.Duration) {
	m.ticks.Inc()
	m.duration.Update(d.Seconds())
}

// New wires the daemon. Nothing runs yet, but the data directory is held and
// the web address is open, so that what cannot work fails here.
func New(ctx context.Context, s Settings) (_ *App, err error) {
	e := s.Plan.Estate
	a := &App{
		version: s.Version, estate: e, zone: e.Timezone.Location(), url: e.Web.URL(), log: s.Log, now: s.Now,
		tick: e.Timing.Tick.D(), engine: &engineMetrics{}, telemetryOwn: telemetry.NewOwn(),
		web: s.Plan.web, reload: s.Reload, access: s.Access,
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	s.Log, s.Now = a.log, a.now
	defer func() {
		if err != nil {
			err = errors.Join(err, a.release(context.WithoutCancel(ctx)))
		}
	}()
	path := e.Data
	if s.Data != "" {
		path = s.Data
	}
	if err := a.openData(path, s); err != nil { //nolint:contextcheck // evidence is written whole, also while starting and stopping
		return nil, err
	}
	address := e.Web.Listen
	if s.Listen != "" {
		address = s.Listen
	}
	if a.listener, err = a.listen(ctx, address, s.Plan.web); err != nil {
		return nil, err
	}
	if e.Web.ExternalURL == "" {
		a.url = scheme(s.Plan.web) + "://" + a.listener.Addr().String()
	}
	if err := a.wire(ctx, s.Plan); err != nil {
		return nil, err
	}
	handler, err := a.guard.Handler(a.routes())
	if err != nil {
		return nil, err
	}
	a.server = a.newServer(handler)
	a.takeUpBudgets()
	return a, a.remember()
}

// wire connects collectors and flows to engines, and engines to what they
// feed.
func (a *App) wire(ctx context.Context, p *Plan) (err error) {
	e, scale := p.Estate, p.Estate.Timing.Scale
	own := a.telemetryOwn
	if a.store, err = store.Open(store.Options{Dir: a.data.Join("tsdb"), Retention: e.Store.Retention.D(), Now: a.now, Log: quiet(a.log), Own: own}); err != nil {
		return err
	}
	a.own = newOwnMetrics(own)
	if a.guard, err = auth.New(auth.Settings{Web: e.Web, Listen: a.Address(), File: p.web, Recorder: a.access, Own: own, Now: a.now}); err != nil {
		return err
	}
	a.runner = collector.New(collector.Settings{Log: a.log, Now: a.now, WithdrawFloor: scaled(collector.DefaultWithdrawFloor, scale)})
	history := flow.NewHistory()
	a.history = history
	archive, err := flow.OpenArchive(flow.ArchiveOptions{Dir: a.data.Join(runsDir), Age: e.Store.Runs.D(), Now: a.now})
	if err != nil {
		return err
	}
	a.runs = newRunBook(history, archive, a.log, own)
	a.probes = prometheus.NewPedanticRegistry()
	a.upkeep = &upkeep{environment: e.Environment, space: a.data.Space}
	a.baselines = p.baseliner(a)
	post := &postman{environment: e.Environment}
	a.probes.MustRegister(flow.NewMetrics(history), a.upkeep, a.baselines, post)
	decided := prometheus.NewPedanticRegistry()
	a.meter = newIncidentMeter(a.assembler.subjects)
	decided.MustRegister(a.engine, a.meter)
	a.others = []prometheus.Gatherer{
		labelled(a.probes, e.Environment), labelled(decided, e.Environment), labelled(own, e.Environment), labelled(telemetry.Process(a.version), e.Environment),
	}
	if a.telemetry, err = telemetry.Start(ctx, telemetry.Settings{
		OTLP: otlpOf(e), Version: a.version, Gatherer: prometheus.GathererFunc(a.gather), Own: own, Log: a.log, Getenv: os.Getenv,
	}); err != nil {
		return err
	}
	if err := a.open(p, history); err != nil { //nolint:contextcheck // evidence is written whole, also while starting and stopping
		return err
	}
	a.workBook = &workBook{ledger: a.assembler.work, recent: a.data.Join("state", "expected.json"), days: a.data.Join("state", "expected-days.json")}
	if a.outbox, err = openDelivery(e, a.data.Join("outbox"), a.url, a.now, a.log, own); err != nil {
		return err
	}
	post.watch(a.outbox.Status)
	a.warmup = max(3*a.tick, scaled(time.Minute, scale))
	return nil
}

// open starts watching every component and plans the flows.
func (a *App) open(p *Plan, history *flow.History) error {
	state := a.data.Join("state")
	collectors.LogTo(a.log)
	for _, c := range p.components {
		if err := a.runner.Add(c.Open(p.site(c, a.log, a.now, state))); err != nil {
			return err
		}
		if c.odoo == nil {
			continue
		}
		pr, err := openProber(p, c, proberSettings{
			state: state, version: a.version, tracer: a.telemetry.Tracer("closewatch/flows"), history: history, result: a.runs.add, sample: true,
			calendars: a.calendars, log: a.log, now: a.now,
		})
		if err != nil {
			return err
		}
		pr.daily = openDaily(p, c, pr.client, state, a.now, a.log, func(proof neutrality.Proof) {
			proven(a.log, pr.component, proof)
			a.rooms.chronicle.toldOfProof(pr.tenant, proof)
		})
		if pr.daily != nil {
			a.probes.MustRegister(neutrality.NewMetrics(pr.daily, c.Environment, c.Name, pr.tenant.name))
		}
		a.probers = append(a.probers, pr)
	}
	a.flows = &flowBook{history: history, plans: plans(a.probers)}
	if err := a.runs.takeUp(a.now(), a.rooms.toldOf); err != nil {
		a.rooms.damaged(runsDir, err)
	}
	if err := a.probes.Register(sweeps(a.probers)); err != nil {
		return err
	}
	return a.probes.Register(paceMetrics(a.probers, a.now))
}

// workGrace is how long runnable work may wait untouched before it counts as
// missing.
const workGrace = 5 * time.Minute

// openData holds the data directory, says what was found there, and opens what
// is kept in it.
func (a *App) openData(path string, s Settings) (err error) {
	if a.data, err = datadir.Open(path, a.now()); err != nil {
		return err
	}
	for _, f := range a.data.Findings() {
		a.log.Warn("data directory: "+f.Text, "finding", string(f.Kind), "hint", f.Hint)
	}
	e := a.estate
	if a.decider, err = newDecider(s.Plan, newCalendars(s.Plan.Estate, entities(s.Plan.Estate, s.Plan.tenants))); err != nil {
		return err
	}
	if a.rooms, err = openRooms(a.data.Join, a.tick, s, ledger.Context{Config: e.Hash, Calendar: a.calendars.hash}, a.telemetryOwn); err != nil {
		return err
	}
	if a.access == nil {
		a.access = a.rooms.chronicle
	}
	return nil
}

// lookAtSpace warns of a disk that is nearly full.
func (a *App) lookAtSpace() {
	if space, err := a.data.Space(); err != nil {
		a.log.Warn("the disk of the data directory cannot be measured", "err", err)
	} else if space.Low() {
		a.log.Warn("data directory: "+space.String(), "hint", "free space on its disk, or keep less: store.retention, store.ticks")
	}
}

// remember takes up what stood before a restart.
func (a *App) remember() error {
	inbox, err := openInbox(a.data.Join("state", "told.json"))
	if err != nil {
		a.log.Error("what was told and not yet decided on is forgotten", "err", err)
	}
	a.inbox = inbox
	if err := a.workBook.restore(a.now()); err != nil {
		a.log.Error("what work is usual is learned again", "err", err)
	}
	a.windows = &windowBook{path: a.data.Join("state", "windows"), objectives: a.objectives}
	a.windows.restore(a.now(), a.rooms, a.log)
	m, found, err := loadMemory(a.data.Join("state", "incidents.json"))
	a.before = m
	if errors.Is(err, durable.ErrDamaged) {
		a.log.Error("open incidents are forgotten", "err", err)
		return nil
	}
	if err != nil {
		return fault.Wrap("read kept incidents", err, "restore the file from a backup, or move it away to start without them")
	}
	if found {
		a.restore(m)
		a.log.Info("took up what stood before", "open_incidents", len(m.Incidents.Open), "kept_at", m.At)
		a.tellReload(m.Config)
	}
	return nil
}

// Address is where the daemon listens.
func (a *App) Address() string { return a.listener.Addr().String() }

// Scale is what the estate multiplies windows and holds by.
func (a *App) Scale() float64 { return a.estate.Timing.Scale }

// URL is what links in alerts start with.
func (a *App) URL() string { return a.url }

// Start runs the daemon until Stop, whatever becomes of ctx.
func (a *App) Start(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	a.started = a.now()
	a.upkeep.begin(a.started)
	a.rooms.begin(a.before) //nolint:contextcheck // evidence is written whole, also while starting and stopping
	a.running.Go(func() { a.rooms.tidy(ctx, a.lookAtSpace) })
	a.running.Go(func() { a.runner.Run(ctx) })
	a.running.Go(func() { a.baselines.run(ctx, a.now) })
	a.running.Go(func() { a.runProbers(ctx) })
	a.running.Go(func() { a.outbox.Run(ctx) })
	a.running.Go(func() { a.run(ctx) })
	a.running.Go(func() { a.guard.Run(ctx) })
	a.running.Go(func() {
		if err := a.web.Serve(a.server, a.listener, a.log); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the web server stopped", "err", err)
		}
	})
	a.log.Info("watching", "estate", a.estate.Metadata.Name, "components", len(a.estate.Components), "url", a.url, "config", a.estate.Hash[:12])
}

// Stop drains: flows clean up after themselves, what is owed to Alertmanager
// stays on disk, the store is closed. It returns within five seconds or so of
// ctx ending, whichever comes first.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() { a.stopErr = a.release(ctx) })
	return a.stopErr
}

func (a *App) release(ctx context.Context) error {
	var errs []error
	if a.server != nil {
		if err := a.server.Shutdown(ctx); err != nil {
			errs = append(errs, a.server.Close())
		}
	} else if a.listener != nil {
		errs = append(errs, a.listener.Close())
	}
	if a.cancel != nil {
		a.cancel()
	}
	done := make(chan struct{})
	go func() { a.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, fault.Wrap("stop", ctx.Err(), "something did not end in time; the data directory is consistent"))
	}
	if a.telemetry != nil {
		errs = append(errs, a.telemetry.Shutdown(ctx))
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.rooms != nil {
		errs = append(errs, a.rooms.close()) //nolint:contextcheck // evidence is written whole, also while starting and stopping
	}
	if a.data != nil {
		errs = append(errs, a.data.Close())
	}
	return errors.Join(errs...)
}
