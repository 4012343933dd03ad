package app

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
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
	flows *flowBook
	turns []*turn // of the flows
	next  int     // step
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

// A turn is when a flow runs next on a tenant.
type turn struct {
	tenant   scenario.Tenant
	entry    schedule.Entry
	pace     func(process string, at time.Time) schedule.Pace // nil: steady
	interval func(at time.Time) time.Duration
	next     time.Time
	count    int
	totals   map[flow.Level]*runTotals
}

func newCourse(t *Trial, d *decider) (*course, error) {
	e := t.plan.Estate
	r := &course{
		trial: t, world: scenario.NewWorld(t.ground, t.Scenario.Healthy, t.start),
		page: &App{estate: e, zone: t.clock.Zone, url: e.Web.URL(), decider: d, started: t.start},
		was:  map[tiering.Key]tiering.Tier{}, sick: map[string]signal.State{}, firing: map[string]bool{}, opened: map[string]tiering.Tier{},
		outcome: Report{File: t.Scenario.File, Name: t.Scenario.Name, From: t.start, Sent: []Sent{}},
	}
	history := flow.NewHistory()
	var probers []*prober
	for _, c := range t.plan.components {
		if c.odoo == nil {
			continue
		}
		pr := &prober{component: c.Name, tenant: tenant{name: c.odoo.RPC.Database, component: c.Name, environment: c.Environment}}
		pr.entries = synthetic.Plan(c.odoo.flows(c.Name, e.Schedule), nil)
		pace := t.plan.pacer(c, t.cals)
		var err error
		pr.schedule, err = schedule.New(schedule.Settings{
			Entries: pr.entries, Pace: pace, Run: flow.Settings{Environment: c.Environment, Component: c.Name, Tenant: pr.tenant.name},
		})
		if err != nil {
			return nil, err
		}
		probers = append(probers, pr)
		on := t.ground.Tenants[slices.IndexFunc(t.ground.Tenants, func(x scenario.Tenant) bool { return x.Component == c.Name })]
		for _, entry := range pr.entries {
			for _, level := range levelsOf(entry, e.ClosesHard()) {
				history.Declare(flow.Series{Environment: c.Environment, Component: c.Name, Tenant: pr.tenant.name, Flow: entry.Flow.Name(), Level: level})
			}
			name := entry.Flow.Name()
			turn := &turn{
				tenant: on, entry: entry, pace: pace, next: t.start, totals: map[flow.Level]*runTotals{},
				interval: func(at time.Time) time.Duration { return pr.schedule.Interval(name, at) },
			}
			for _, level := range levelsOf(entry, e.ClosesHard()) {
				turn.totals[level] = &runTotals{within: make([]float64, len(flow.Buckets()))}
			}
			r.turns = append(r.turns, turn)
		}
	}
	r.flows = &flowBook{history: history, plans: plans(probers)}
	return r, nil
}

// levelsOf are those at which a flow may run.
func levelsOf(e schedule.Entry, closesHard bool) []flow.Level {
	if rest, has := e.Rest(); has && closesHard {
		return []flow.Level{e.Level, rest}
	}
	return []flow.Level{e.Level}
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
	for _, t := range r.turns {
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
			if inc.Paged > tiering.None {
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

// run runs a flow in its turn. What the scenario says nothing about does not run.
func (r *course) run(t *turn) {
	at, name := t.next, t.entry.Flow.Name()
	t.next = at.Add(t.interval(at))
	o, said := r.world.Flow(t.tenant, name)
	if !said || o.State == scenario.Stopped {
		return
	}
	t.count++
	run := flow.Run{
		ID: fmt.Sprintf("%s-%s-%d", t.tenant.Name, name, t.count), Flow: name, Process: t.entry.Flow.Process(),
		Environment: t.tenant.Environment, Component: t.tenant.Component, Tenant: t.tenant.Name, Level: t.entry.Level,
		Started: at, Duration: o.Takes, Outcome: flow.Passed,
	}
	closed := t.closed(at)
	rest, has := t.entry.Rest()
	switch {
	case closed != "" && !has:
		run.Outcome, run.Kind, run.Reason = flow.Blocked, fault.Blocked, closed
	case o.State == scenario.HeldBack:
		run.Outcome, run.Kind, run.Reason = flow.Blocked, fault.Blocked, "held back"
	case o.State == scenario.Failing:
		run.Outcome, run.Kind, run.FailedStep, run.Reason = flow.Failed, o.Kind, o.Step, string(o.Kind)
	}
	if closed != "" && has {
		run.Level = rest
	}
	r.flows.history.Add(run)
	t.tell(run)
}

// closed says why nothing may be posted now; "" is that it may.
func (t *turn) closed(at time.Time) string {
	if t.entry.Level != flow.L3 || t.pace == nil {
		return ""
	}
	return t.pace(t.entry.Flow.Process(), at).Closed
}

// tell counts a run.
func (t *turn) tell(run flow.Run) {
	k := t.totals[run.Level]
	switch run.Outcome {
	case flow.Passed:
		k.passed++
		for i, bound := range flow.Buckets() {
			if run.Duration.Seconds() <= bound {
				k.within[i]++
			}
		}
	case flow.Failed:
		k.failed++
	case flow.Blocked:
		k.blocked++
	case flow.Unknown: // a scenario has none
	}
}

// A runTotals is what a flow's runs at one level come to.
type runTotals struct {
	passed, failed, blocked float64
	within                  []float64 // of those that passed, by bucket
}

// published is what is published at a tick: by collectors, and by flows.
func (r *course) published(at time.Time) signal.Published {
	world := r.world.Published()
	runs := map[string][]signal.Sample{}
	for _, t := range r.turns {
		for level, k := range t.totals {
			put := func(metric string, value float64, more ...string) {
				l := map[string]string{
					"environment": t.tenant.Environment, "component": t.tenant.Component, "tenant": t.tenant.Name,
					"flow": t.entry.Flow.Name(), "level": string(level),
				}
				if len(more) > 0 {
					l[more[0]] = more[1]
				}
				runs[metric] = append(runs[metric], signal.Sample{Name: metric, Labels: l, Value: value, At: at})
			}
			put(probeRuns, k.passed, "outcome", string(flow.Passed))
			put(probeRuns, k.failed, "outcome", string(flow.Failed))
			put(probeRuns, k.blocked, "outcome", string(flow.Blocked))
			put(probeDuration+"_count", k.passed)
			for i, bound := range flow.Buckets() {
				put(probeDuration+"_bucket", k.within[i], "le", strconv.FormatFloat(bound, 'g', -1, 64))
			}
			put(probeDuration+"_bucket", k.passed, "le", "+Inf")
		}
	}
	return func(metric string) []signal.Sample {
		if own, ok := runs[metric]; ok {
			return own
		}
		return world(metric)
	}
}

// Names of metrics that flows publish and objectives count.
const (
	probeRuns     = "closewatch_probe_runs_total"
	probeDuration = "closewatch_probe_duration_seconds"
)

func (r *course) moment(at time.Time, text, detail string) {
	r.outcome.Timeline = append(r.outcome.Timeline, Moment{at, text, detail})
}
