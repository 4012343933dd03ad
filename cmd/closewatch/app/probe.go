package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/synthetic"
)

// ProbeSettings say how flows are run by hand.
type ProbeSettings struct {
	Flow      string     // empty: every flow that the estate turns on, in turn
	Data      string     // overrides the estate's data directory when not empty
	Component string     // only this Odoo component
	Level     flow.Level // overrides the estate's level of Flow when not empty
	Version   string
	Watch     Watcher // told of the runs as they go on; nil: nobody
	Log       *slog.Logger
}

// A Watcher follows runs, which come one after the other.
type Watcher interface {
	Began(s flow.Series, every time.Duration) // which its schedule leaves between two
	Step(flow.Event)
	Ended(flow.Run)
}

// Probe runs flows once on an estate, outside the daemon, and returns what came
// of them on each Odoo component that has them. It takes the daemon's lease, so
// both never write at once, keeps the runs in the daemon's archive, and sends
// traces where the estate says.
func Probe(ctx context.Context, p *Plan, s ProbeSettings) ([]flow.Run, error) {
	if s.Flow != "" && !slices.Contains(synthetic.Names(), s.Flow) {
		return nil, &fault.Error{Op: "probe " + s.Flow, Kind: fault.Rejected, Err: errors.New("there is no such flow"), Hint: "use one of " + synthetic.NameList()}
	}
	state, err := probeDir(p, s.Data)
	if err != nil {
		return nil, err
	}
	archive, err := flow.OpenArchive(flow.ArchiveOptions{Dir: RunsDir(cmp.Or(s.Data, p.Estate.Data)), Age: p.Estate.Store.Runs.D()})
	if err != nil {
		return nil, err
	}
	traces, err := telemetry.Start(ctx, telemetry.Settings{OTLP: otlpOf(p.Estate), Version: s.Version, Log: s.Log, Getenv: os.Getenv})
	if err != nil {
		return nil, err
	}
	h := &hand{
		settings: s, archive: archive, rows: rowsKnown(archive),
		prober: proberSettings{state: state, version: s.Version, tracer: traces.Tracer("closewatch/flows"), history: flow.NewHistory(), log: s.Log, now: time.Now},
	}
	if s.Watch != nil {
		h.prober.observe = s.Watch.Step
	}
	defer func() { _ = traces.Shutdown(context.WithoutCancel(ctx)) }() // what cannot be sent is logged
	return h.runAll(ctx, p)
}

// A hand runs flows for a person.
type hand struct {
	settings ProbeSettings
	archive  *flow.Archive
	rows     map[flow.Series]*flow.Rows
	prober   proberSettings
}

func (h *hand) runAll(ctx context.Context, p *Plan) ([]flow.Run, error) {
	var out []flow.Run
	found := false
	for _, c := range p.components {
		if c.odoo == nil || h.settings.Component != "" && c.Name != h.settings.Component {
			continue
		}
		found = true
		planned := p
		if h.settings.Flow != "" {
			planned = p.at(h.settings.Flow, h.settings.Level)
		}
		runs, err := h.runOn(ctx, planned, c)
		out = append(out, runs...)
		if err != nil {
			return out, err
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	e := &fault.Error{Op: "probe " + cmp.Or(h.settings.Flow, "every flow"), Kind: fault.Rejected, Hint: "declare it under components"}
	switch {
	case found:
		e.Err, e.Hint = errors.New("the estate turns no flow on"), "turn one on under schedule.flows, or name one of "+synthetic.NameList()
	case h.settings.Component != "":
		e.Err = fmt.Errorf("the estate has no odoo component %q", h.settings.Component)
	default:
		e.Err = errors.New("the estate has no odoo component")
	}
	return nil, e
}

// runOn runs what is asked for on one component.
func (h *hand) runOn(ctx context.Context, p *Plan, c plannedComponent) ([]flow.Run, error) {
	pr, err := openProber(p, c, h.prober)
	if err != nil {
		return nil, err
	}
	defer pr.client.Close()
	var out []flow.Run
	for _, e := range pr.entries {
		name := e.Flow.Name()
		if h.settings.Flow != "" && name != h.settings.Flow {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		if h.settings.Watch != nil {
			h.settings.Watch.Began(flow.Series{Environment: c.Environment, Component: c.Name, Tenant: pr.tenant.name, Flow: name, Level: e.Level}, e.Interval)
		}
		run, err := pr.schedule.RunNow(ctx, name)
		if err != nil {
			return out, err
		}
		out = append(out, h.keep(run)) //nolint:contextcheck // a run is kept whole, also when it was interrupted
	}
	return out, nil
}

// keep records a run that a person started. What it wrote at most is what the
// daemon's samples say.
func (h *hand) keep(run flow.Run) flow.Run {
	run.ByHand = true
	if run.Cost != nil {
		run.Cost.Rows = h.rows[flow.SeriesOf(run)]
	}
	if err := h.archive.Add(run); err != nil {
		h.settings.Log.Warn("the run is in no record", "err", err)
	}
	if h.settings.Watch != nil {
		h.settings.Watch.Ended(run)
	}
	return run
}

// rowsKnown is what runs of each series write at most, as far as the archive
// tells.
func rowsKnown(a *flow.Archive) map[flow.Series]*flow.Rows {
	out := map[flow.Series]*flow.Rows{}
	for run, err := range a.Runs() {
		if err == nil && run.Cost != nil && run.Cost.Rows != nil {
			out[flow.SeriesOf(run)] = run.Cost.Rows
		}
	}
	return out
}

// RunsDir is where the archive of runs is inside a data directory.
func RunsDir(data string) string { return filepath.Join(data, runsDir) }
