package app

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// A prober runs the flows of one Odoo component.
type prober struct {
	component string
	tenant    tenant
	client    *odoorpc.Client
	driver    *flows.Prober
	schedule  *schedule.Schedule
	entries   []schedule.Entry
	daily     *neutrality.Daily // nil without a synthetic company
	meter     *meter
}

// proberSettings are what probers share.
type proberSettings struct {
	state     string // directory
	version   string
	tracer    trace.Tracer
	history   *flow.History
	result    func(flow.Run)   // receives every run
	observe   func(flow.Event) // may be nil
	sample    bool             // the rows that runs write
	calendars *calendars       // nil: the estate's are laid out anew
	log       *slog.Logger
	now       func() time.Time
}

// killSwitch is the file in the state directory that stops every write.
const killSwitch = "kill-switch"

// databases is the file there that remembers which database each component had.
const databases = "databases.json"

// openProber wires the flows of one component. Nothing is asked of Odoo yet.
func openProber(p *Plan, c plannedComponent, s proberSettings) (*prober, error) {
	config := c.odoo.flows(c.Name, p.Estate.Schedule)
	client, err := odoorpc.New(c.odoo.RPC, odoorpc.Options{Version: s.version})
	if err != nil {
		return nil, err
	}
	database := c.odoo.RPC.Database
	intents, err := flow.OpenIntentLog(filepath.Join(s.state, "intents-"+c.Name+".jsonl"))
	if err != nil {
		return nil, err
	}
	if s.calendars == nil {
		s.calendars = newCalendars(p.Estate, entities(p.Estate, p.tenants))
	}
	stop := flow.NewKillSwitch(filepath.Join(s.state, killSwitch))
	if p.Estate.Schedule.Paused {
		stop.Pause("schedule.paused is set in the estate")
	}
	driver := flows.New(flows.Settings{
		Environment: c.Environment, Component: c.Name, Tenant: database, Client: client, Config: config, Intents: intents, KillSwitch: stop, Now: s.now,
		Guards: []flow.Guard{p.hardClose(c, s.now)}, Databases: flows.NewDatabases(filepath.Join(s.state, databases)), Identify: p.identify(c, s.log),
	})
	out := &prober{component: c.Name, tenant: tenant{name: database, component: c.Name, environment: c.Environment}, client: client, driver: driver, meter: &meter{}}
	if s.sample {
		out.meter.rows = p.rowSampler(c, s)
	}
	out.entries = synthetic.Plan(config, driver)
	for _, e := range out.entries {
		levels := []flow.Level{e.Level}
		if rest, has := e.Rest(); has && p.Estate.ClosesHard() {
			levels = append(levels, rest)
		}
		for _, level := range levels {
			s.history.Declare(flow.Series{Environment: c.Environment, Component: c.Name, Tenant: database, Flow: e.Flow.Name(), Level: level})
		}
	}
	out.schedule, err = schedule.New(schedule.Settings{
		Entries:    out.entries,
		Run:        flow.Settings{Environment: c.Environment, Component: c.Name, Tenant: database, Now: s.now, Tracer: s.tracer, Observe: s.observe, Meter: out.meter.measure},
		Pace:       p.pacer(c, s.calendars),
		Lease:      p.lease(c, s),
		KillSwitch: stop,
		Sweep: func(ctx context.Context) error {
			report, err := driver.Sweep(ctx)
			if len(report.Left) > 0 {
				s.log.Warn("entries of earlier runs could not be removed", "component", c.Name, "left", len(report.Left))
			}
			if report.Removed > 0 {
				s.log.Warn("what an earlier run left over was removed", "component", c.Name, "removed", report.Removed)
			}
			if err == nil && report.Open > 0 {
				return schedule.ErrAgain
			}
			return err
		},
		Result: s.result,
		Log:    s.log,
	})
	return out, err
}

// lease is what keeps two processes from writing to a component's tenant at
// once: a file among those of one machine, and a lock in the database, where it
// can be read, among all.
func (p *Plan) lease(c plannedComponent, s proberSettings) schedule.Lease {
	file := schedule.NewFileLease(filepath.Join(s.state, "lease-"+c.Name))
	servers, allowed := p.servers(c)
	if p.Estate.Schedule.Lease == estate.FileLease || len(servers) == 0 {
		return file
	}
	refuse := pgsession.NoSuperuser(c.Environment, allowed, s.log)
	settings := make([]pgsession.Settings, len(servers))
	for i, dsn := range servers {
		settings[i] = pgsession.Settings{DSN: dsn, Database: c.odoo.RPC.Database, Superuser: refuse}
	}
	return schedule.Leases{file, schedule.NewAdvisoryLease(c.odoo.RPC.Database, settings...)}
}

// servers lists the connection strings of those that may be the primary of a
// component's tenant, and whether their role may be a superuser: the tenant's
// own, or those of its environment's PostgreSQL.
func (p *Plan) servers(c plannedComponent) (dsns []secret.Value, superuser bool) {
	if own := c.odoo.SQL.DSN; !own.IsZero() {
		return []secret.Value{own}, c.odoo.SQL.AllowSuperuser
	}
	server := p.postgres[c.Environment]
	if server.DSN.IsZero() {
		return nil, false
	}
	dsns = []secret.Value{server.DSN}
	for _, standby := range server.Standbys {
		dsns = append(dsns, standby.DSN)
	}
	return dsns, server.AllowSuperuser || c.odoo.SQL.AllowSuperuser
}

// sweeps publishes what probers found left over.
func sweeps(probers []*prober) flows.Sweeps {
	drivers := make(flows.Sweeps, len(probers))
	for i, p := range probers {
		drivers[i] = p.driver
	}
	return drivers
}

// plans says how the scheduled flows run.
func plans(probers []*prober) map[flowKey]flowPlan {
	out := map[flowKey]flowPlan{}
	for _, p := range probers {
		for _, e := range p.entries {
			timeout := e.Timeout
			if timeout == 0 {
				timeout = flow.DefaultTimeout
			}
			name := e.Flow.Name()
			plan := flowPlan{level: e.Level, timeout: timeout, interval: func(at time.Time) time.Duration { return p.schedule.Interval(name, at) }}
			plan.rest, _ = e.Rest()
			out[flowKey{p.tenant.environment, p.tenant.name, name}] = plan
		}
	}
	return out
}

// runProbers runs the flows of every component until ctx is done.
func (a *App) runProbers(ctx context.Context) {
	var wg sync.WaitGroup
	for _, p := range a.probers {
		if p.daily != nil {
			wg.Go(func() { p.daily.Run(ctx) })
		}
		wg.Go(func() {
			if err := p.schedule.Run(ctx); err != nil {
				a.log.Error("flows stopped", "component", p.component, "err", err)
			}
			p.meter.rows.close()
		})
	}
	wg.Wait()
}

// SetProbing lets flows write or holds them back. Reading and cleaning up go
// on.
func (a *App) SetProbing(on bool) {
	for _, p := range a.probers {
		if on {
			p.schedule.Resume()
		} else {
			p.schedule.Pause("held back by the operator")
		}
	}
}

// probeDir is where the lease and the intent log are, the same as the daemon's.
func probeDir(p *Plan, override string) (string, error) {
	dir := filepath.Join(cmp.Or(override, p.Estate.Data), "state")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fault.Wrap("use the data directory", err, "name one you may write with --data")
	}
	return dir, nil
}

// at is the plan with one flow turned on, at a level when one is given.
func (p *Plan) at(name string, level flow.Level) *Plan {
	e := *p.Estate
	e.Schedule.Flows = maps.Clone(e.Schedule.Flows)
	if e.Schedule.Flows == nil {
		e.Schedule.Flows = map[string]estate.FlowSchedule{}
	}
	plan := e.Schedule.Flows[name]
	on := true
	plan.Enabled = &on
	if level != "" {
		plan.Level = string(level)
	}
	e.Schedule.Flows[name] = plan
	changed := *p
	changed.Estate = &e
	return &changed
}
