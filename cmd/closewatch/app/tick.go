package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A Tick is everything that was known and decided at one instant of the grid.
// It is immutable: pages, metrics and explanations read the newest one.
type Tick struct {
	At           time.Time
	Readings     []signal.Reading
	Components   []componentState // worst first
	Evidence     []tiering.Evidence
	Impacts      []tiering.Impact // in the order of Evidence
	Objectives   []objectiveState
	Incidents    []*incident.Incident // open and remembered, newest first
	Environments []string
}

// run ticks on the grid until ctx is done.
func (a *App) run(ctx context.Context) {
	for {
		now := a.now()
		next := now.Truncate(a.tick).Add(a.tick)
		select {
		case <-ctx.Done():
			return
		case <-time.After(next.Sub(now)):
		}
		a.step(next) //nolint:contextcheck // a tick is decided and recorded whole, also while stopping
	}
}

// step decides one tick. A fault in one part is logged and leaves the others
// working: the store being full must not silence an alert.
func (a *App) step(at time.Time) {
	began := a.now()
	published := a.published(at)
	s := indexSamples(published)
	readings := a.signals.Evaluate(at, published)
	components := a.components.states(at, a.estate.Components, readings)
	a.objectives.observe(at, s)
	evidence := a.assembler.evidence(at, s, components, a.objectives, a.flows)
	impacts := a.tiers.Step(at, evidence)
	t := &Tick{
		At: at, Readings: readings, Components: worstFirst(components), Evidence: evidence, Impacts: impacts,
		Environments: a.environments,
	}
	for _, subj := range a.assembler.subjects {
		for _, st := range a.objectives.states(subj) {
			t.Objectives = append(t.Objectives, objectiveState{st, subj.key.Environment})
		}
	}
	t.Objectives = slices.CompactFunc(t.Objectives, func(x, y objectiveState) bool { return x.Objective.ID == y.Objective.ID })
	a.lookingAt = t // the incidents' recovery checks read it
	if a.warm(at) {
		a.incidents.Step(at, impacts)
	}
	t.Incidents = copyIncidents(a.incidents.All())
	if a.warm(at) {
		if err := (memory{At: at, Standing: a.tiers.Memory(), Incidents: a.incidents.Memory()}).save(a.data.Join("state", "incidents.json")); err != nil {
			a.log.Error("cannot keep incidents; a restart now would page again", "err", err)
		}
		if err := a.data.Touch(at); err != nil {
			a.log.Error("cannot keep when the data directory was used", "err", err)
		}
		if err := a.outbox.Publish(at, a.alerts(t)); err != nil {
			a.log.Error("cannot keep alerts", "err", err)
		}
	}
	a.engine.last.Store(t)
	a.record(at)
	a.own.tick(a.now().Sub(began))
}

// warm reports whether enough has been seen to judge: right after a start
// nothing has been measured, and what stood before stays frozen.
func (a *App) warm(at time.Time) bool { return at.Sub(a.started) >= a.warmup }

// record appends everything published to the store.
func (a *App) record(at time.Time) {
	families, err := a.gatherer.Gather()
	if err != nil {
		a.log.Warn("some metrics cannot be recorded", "err", err)
	}
	if err := a.store.Append(at, families); err != nil {
		a.log.Error("cannot record samples", "err", err)
	}
}

// published lists all samples a decision may rest on: what collectors and flows
// published.
func (a *App) published(at time.Time) []signal.Sample {
	families, err := a.probes.Gather()
	if err != nil {
		a.log.Error("flow metrics are inconsistent", "err", err)
	}
	return collector.AppendSamples(a.runner.Samples(at), families, at)
}

// copyIncidents makes incidents that later ticks do not change.
func copyIncidents(in []*incident.Incident) []*incident.Incident {
	out := make([]*incident.Incident, len(in))
	for i, inc := range in {
		c := *inc
		c.Members = slices.Clone(inc.Members)
		for n := range c.Members {
			c.Members[n].Alerts = slices.Clone(c.Members[n].Alerts)
		}
		c.Timeline = slices.Clone(inc.Timeline)
		c.Checks = slices.Clone(inc.Checks)
		out[i] = &c
	}
	return out
}

// recoveryChecks are what must hold again before recovery from the loss of a
// database is said: it is writable, the flows have passed since, jobs are taken
// and scheduled actions advance.
func (a *App) recoveryChecks(inc *incident.Incident, _ time.Time) []incident.Check {
	if inc.Cause == nil || inc.Cause.Kind != "postgres" || a.lookingAt == nil {
		return nil
	}
	t := a.lookingAt
	var checks []incident.Check
	add := func(name string, passed bool, text string) {
		checks = append(checks, incident.Check{Name: name, Passed: passed, Text: text})
	}
	for _, c := range t.Components {
		if c.Name == inc.Cause.Component {
			add("database", c.State != signal.Critical && c.State != signal.Unknown, c.Name+" is "+c.State.String())
		}
	}
	for _, ev := range t.Evidence {
		if ev.Environment != inc.Environment || !slices.ContainsFunc(ev.Needs, func(n tiering.Need) bool { return n.Component == inc.Cause.Component }) {
			continue
		}
		for _, f := range ev.Flows {
			if f.State == tiering.FlowFailing || f.State == tiering.FlowPassing {
				add(f.Name, f.State == tiering.FlowPassing && f.LastRun.After(inc.Detected), fmt.Sprintf("%s is %s", f.Name, f.State))
			}
		}
		for _, w := range ev.Work {
			add(w.Name, !w.Missing, w.Name+": "+map[bool]string{true: w.Why, false: "advancing"}[w.Missing])
		}
	}
	return checks
}
