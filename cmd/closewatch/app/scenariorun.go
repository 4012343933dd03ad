package app

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/synthetic"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// A course is one run of a trial: its world, its flows, what was told and
// what came of it.
type course struct {
	trial *Trial
	world *scenario.World
	turns map[flowKey]*turn
	order []*turn
	next  int // step
	tell  Told
	page  *App // writes pages as the daemon does

	pending  []*pending
	outcome  Report
	was      map[tiering.Key]tiering.Tier
	sick     map[string]signal.State
	paging   map[string]bool
	firing   map[string]bool         // alerts, by their identity
	opened   map[string]tiering.Tier // incidents, by the highest tier they reached
	lastOpen []*incident.Incident    // at the newest tick
}

func newCourse(t *Trial, d *decider, cals *calendars) (*course, error) {
	e := t.plan.Estate
	r := &course{
		trial: t, turns: map[flowKey]*turn{}, world: scenario.NewWorld(t.ground, t.Scenario.Healthy, t.start),
		page: &App{estate: e, zone: t.clock.Zone, url: e.Web.URL(), decider: d, started: t.start},
		was:  map[tiering.Key]tiering.Tier{}, sick: map[string]signal.State{}, firing: map[string]bool{}, opened: map[string]tiering.Tier{},
		outcome: Report{File: t.Scenario.File, Name: t.Scenario.Name, From: t.start, Sent: []Sent{}},
	}
	for _, c := range t.plan.components {
		if c.odoo == nil {
			continue
		}
		if err := r.takeTurns(c, cals); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// takeTurns schedules the flows of a component, as a prober does.
func (r *course) takeTurns(c plannedComponent, cals *calendars) error {
	p := r.trial.plan
	pr := &prober{component: c.Name, tenant: tenant{name: c.odoo.RPC.Database, component: c.Name, environment: c.Environment}}
	pr.entries = synthetic.Plan(c.odoo.flows(c.Name, p.Estate.Schedule), nil)
	pace := p.pacer(c, cals)
	var err error
	pr.schedule, err = schedule.New(schedule.Settings{
		Entries: pr.entries, Pace: pace, Run: flow.Settings{Environment: c.Environment, Component: c.Name, Tenant: pr.tenant.name},
	})
	if err != nil {
		return err
	}
	on := slices.IndexFunc(r.trial.ground.Tenants, func(x scenario.Tenant) bool { return x.Component == c.Name })
	for key, plan := range plans([]*prober{pr}) {
		i := slices.IndexFunc(pr.entries, func(e schedule.Entry) bool { return e.Flow.Name() == key.flow })
		r.turns[key] = newTurn(r.trial.ground.Tenants[on], pr.entries[i], plan, pace, r.trial.start)
	}
	for _, key := range slices.SortedFunc(maps.Keys(r.turns), compareFlowKeys) {
		if key.tenant == pr.tenant.name && key.environment == c.Environment {
			r.order = append(r.order, r.turns[key])
		}
	}
	return nil
}

// advance lets everything happen that happens up to an instant, in its order. A
// step comes before the runs that begin with it, so that they find what it sets.
func (r *course) advance(to time.Time) {
	for {
		t := r.soonest()
		times := r.trial.times
		switch {
		case r.next < len(times) && !times[r.next].After(to) && (t == nil || !t.next.Before(times[r.next])):
			r.step(r.next, times[r.next])
			r.next++
		case t != nil && !t.next.After(to):
			r.world.Advance(t.next)
			r.run(t)
		default:
			r.world.Advance(to)
			return
		}
	}
}

// soonest is the flow that runs next; nil when none does.
func (r *course) soonest() *turn {
	var out *turn
	for _, t := range r.order {
		if out == nil || t.next.Before(out.next) {
			out = t
		}
	}
	return out
}

// step sets what a step sets, takes what it tells, and begins to look for what it
// expects.
func (r *course) step(i int, at time.Time) {
	s := &r.trial.Scenario.Steps[i]
	r.world.Set(at, s.Set, s.For.D())
	if s.Says != "" {
		r.moment(at, "— "+s.Says, "")
	}
	for _, c := range s.Tell.Changes {
		change := Change{
			At: at.Add(-c.Ago.D()).UTC(), Kind: c.Kind, Environment: cmp.Or(c.Environment, r.trial.plan.Estate.Environment), Component: c.Component,
			What: c.What, Reference: c.Reference, By: cmp.Or(c.By, "deploy"),
		}
		change.ID = change.id()
		r.tell.Changes = append(r.tell.Changes, change)
	}
	if by := s.Tell.Acknowledge; by != "" {
		for _, inc := range r.lastOpen {
			if inc.Pages > 0 {
				r.tell.Acknowledgements = append(r.tell.Acknowledgements, Acknowledgement{At: at.UTC(), Incident: inc.ID, By: by})
			}
		}
	}
	r.expect(i, at)
}

// told is what was told since the tick before.
func (r *course) told() Told {
	out := r.tell
	r.tell = Told{}
	return out
}

func (r *course) moment(at time.Time, text, detail string) {
	r.outcome.Timeline = append(r.outcome.Timeline, Moment{at, text, detail})
}
