package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/synthetic"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
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
}

// proberSettings are what probers share.
type proberSettings struct {
	state   string // directory
	version string
	tracer  trace.Tracer
	history *flow.History
	log     *slog.Logger
	now     func() time.Time
}

// killSwitch is the file in the state directory that stops every write.
const killSwitch = "kill-switch"

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
	stop := flow.NewKillSwitch(filepath.Join(s.state, killSwitch))
	if p.Estate.Schedule.Paused {
		stop.Pause("schedule.paused is set in the estate")
	}
	driver := flows.New(flows.Settings{
		Environment: c.Environment, Component: c.Name, Tenant: database, Client: client, Config: config, Intents: intents, KillSwitch: stop, Now: s.now,
	})
	out := &prober{component: c.Name, tenant: tenant{name: database, component: c.Name, environment: c.Environment}, client: client, driver: driver}
	out.entries = synthetic.Plan(config, driver)
	for _, e := range out.entries {
		s.history.Declare(flow.Series{Environment: c.Environment, Component: c.Name, Tenant: database, Flow: e.Flow.Name(), Level: e.Level})
	}
	out.schedule, err = schedule.New(schedule.Settings{
		Entries:    out.entries,
		Run:        flow.Settings{Environment: c.Environment, Component: c.Name, Tenant: database, Now: s.now, Tracer: s.tracer},
		Lease:      schedule.NewFileLease(filepath.Join(s.state, "lease-"+c.Name)),
		KillSwitch: stop,
		Sweep: func(ctx context.Context) error {
			report, err := driver.Sweep(ctx)
			if len(report.Left) > 0 {
				s.log.Warn("entries of earlier runs could not be removed", "component", c.Name, "left", len(report.Left))
			}
			if err == nil && report.Open > 0 {
				return schedule.ErrAgain
			}
			return err
		},
		Result: s.history.Add,
		Log:    s.log,
	})
	return out, err
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
			out[flowKey{p.tenant.environment, p.tenant.name, e.Flow.Name()}] = flowPlan{level: e.Level, interval: e.Interval, timeout: timeout}
		}
	}
	return out
}

// runProbers runs the flows of every component until ctx is done.
func (a *App) runProbers(ctx context.Context) {
	var wg sync.WaitGroup
	for _, p := range a.probers {
		wg.Go(func() {
			if err := p.schedule.Run(ctx); err != nil {
				a.log.Error("flows stopped", "component", p.component, "err", err)
			}
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

// Probe runs one flow once on an estate, outside the daemon, and returns what
// came of it on each Odoo component that has it. It takes the daemon's lease,
// so both never write at once.
func Probe(ctx context.Context, p *Plan, name string, s ProbeSettings) ([]flow.Run, error) {
	if !slices.Contains(synthetic.Names(), name) {
		return nil, &fault.Error{Op: "probe " + name, Kind: fault.Rejected, Err: errors.New("there is no such flow"), Hint: "use one of " + synthetic.NameList()}
	}
	data, err := probeDir(p, s.Data)
	if err != nil {
		return nil, err
	}
	history := flow.NewHistory()
	var out []flow.Run
	for _, c := range p.components {
		if c.odoo == nil || s.Component != "" && c.Name != s.Component {
			continue
		}
		pr, err := openProber(p.at(name, s.Level), c, proberSettings{
			state: data, version: s.Version, tracer: s.Tracer, history: history, log: s.Log, now: time.Now,
		})
		if err != nil {
			return out, err
		}
		run, err := pr.schedule.RunNow(ctx, name)
		pr.client.Close()
		if err != nil {
			return out, err
		}
		out = append(out, run)
	}
	if len(out) == 0 {
		missing := errors.New("the estate has no odoo component")
		if s.Component != "" {
			missing = fmt.Errorf("the estate has no odoo component %q", s.Component)
		}
		return nil, &fault.Error{Op: "probe " + name, Kind: fault.Rejected, Err: missing, Hint: "declare it under components"}
	}
	return out, nil
}

// ProbeSettings say how a flow is run by hand.
type ProbeSettings struct {
	Data      string     // overrides the estate's data directory when not empty
	Component string     // only this Odoo component
	Level     flow.Level // overrides the estate's level when not empty
	Version   string
	Tracer    trace.Tracer
	Log       *slog.Logger
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
