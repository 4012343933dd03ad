package app

import (
	"cmp"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// A turn is one flow on one tenant of a scenario: when it runs next, what its
// runs say, and what they come to.
type turn struct {
	tenant scenario.Tenant
	entry  schedule.Entry
	plan   flowPlan
	pace   func(process string, at time.Time) schedule.Pace // nil: steady
	next   time.Time
	row    runRow
	totals []*runTotals // by level, in a fixed order
}

// A runTotals is what a flow's runs at one level come to.
type runTotals struct {
	level                   flow.Level
	passed, failed, blocked float64
	within                  []float64 // of those that passed, by bucket
}

func newTurn(on scenario.Tenant, e schedule.Entry, plan flowPlan, pace func(string, time.Time) schedule.Pace, start time.Time) *turn {
	t := &turn{tenant: on, entry: e, plan: plan, pace: pace, next: start}
	for _, level := range []flow.Level{plan.level, plan.rest} {
		if level != "" {
			t.totals = append(t.totals, &runTotals{level: level, within: make([]float64, len(flow.Buckets()))})
		}
	}
	return t
}

func compareFlowKeys(a, b flowKey) int {
	return cmp.Or(cmp.Compare(a.environment, b.environment), cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.flow, b.flow))
}

// run runs a flow in its turn. What the scenario says nothing about does not run.
func (r *course) run(t *turn) {
	at, name := t.next, t.entry.Flow.Name()
	t.next = at.Add(t.plan.interval(at))
	if o, said := r.world.Flow(t.tenant, name); said && o.State != scenario.Stopped {
		t.add(t.outcome(o, at))
	}
}

// outcome is the run that begins at an instant: as the schedule runs it, ending
// as the scenario says.
func (t *turn) outcome(o scenario.Outcome, at time.Time) flow.Run {
	run := flow.Run{
		Flow: t.entry.Flow.Name(), Process: t.entry.Flow.Process(), Environment: t.tenant.Environment, Component: t.tenant.Component,
		Tenant: t.tenant.Name, Level: t.plan.level, Started: at, Duration: o.Takes, Outcome: flow.Passed,
	}
	closed := t.closed(at)
	switch {
	case closed != "" && t.plan.rest == "":
		run.Outcome, run.Kind, run.Reason = flow.Blocked, fault.Blocked, closed
		return run
	case closed != "":
		run.Level = t.plan.rest
	}
	switch o.State {
	case scenario.HeldBack:
		run.Outcome, run.Kind, run.Reason = flow.Blocked, fault.Blocked, "held back"
	case scenario.Failing:
		run.Outcome, run.Kind, run.FailedStep, run.Reason = flow.Failed, o.Kind, o.Step, string(o.Kind)
	case scenario.Passing, scenario.Stopped:
	}
	return run
}

// closed says why nothing may be posted now; "" is that it may.
func (t *turn) closed(at time.Time) string {
	if t.plan.level != flow.L3 || t.pace == nil {
		return ""
	}
	return t.pace(t.entry.Flow.Process(), at).Closed
}

// add counts a run and remembers what it says.
func (t *turn) add(run flow.Run) {
	t.row.add(run)
	for _, k := range t.totals {
		if k.level == run.Level {
			k.add(run)
		}
	}
}

func (k *runTotals) add(run flow.Run) {
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

// A runRow is what the newest runs of a flow say, in the words of flowBook,
// without their history: a scenario asks at every tick of months.
type runRow struct {
	latest   flow.Run
	failures int
	first    time.Time // of the unbroken row of failures
	previous time.Time
}

func (r *runRow) add(run flow.Run) {
	switch {
	case run.Outcome != flow.Failed:
		r.failures, r.first, r.previous = 0, time.Time{}, time.Time{}
	case r.failures == 0:
		r.failures, r.first, r.previous = 1, run.Started, run.Started
	default:
		r.failures, r.previous = r.failures+1, r.latest.Started
	}
	r.latest = run
}

// Flow implements flowEvidence.
func (r *course) Flow(environment, tenant, name string, at time.Time) (tiering.Flow, []flow.Run) {
	t := r.turns[flowKey{environment, tenant, name}]
	if t == nil {
		return tiering.Flow{Name: name, State: tiering.FlowNever}, nil
	}
	return t.flow(at), nil
}

func (t *turn) flow(at time.Time) tiering.Flow {
	latest := t.row.latest
	out := tiering.Flow{Name: t.entry.Flow.Name(), State: tiering.FlowNever, Level: string(t.plan.level)}
	if latest.Outcome == "" {
		return out
	}
	out.Level, out.LastRun, out.Next = string(latest.Level), latest.Started, latest.Started.Add(t.plan.interval(at))
	out.Failures, out.FirstFailure, out.Previous = t.row.failures, t.row.first, t.row.previous
	switch latest.Outcome {
	case flow.Passed:
		out.State = tiering.FlowPassing
	case flow.Failed:
		out.State, out.Kind, out.Step, out.Reason = tiering.FlowFailing, latest.Kind, latest.FailedStep, latest.Reason
	case flow.Blocked:
		out.State, out.Reason = tiering.FlowBlocked, latest.Reason
	case flow.Unknown: // a scenario has none
	}
	if age := at.Sub(latest.Started); age > t.plan.timeout && age > t.plan.patience(at) {
		out.State = tiering.FlowStale
	}
	return out
}

// published is what is published at a tick: by collectors, and by flows.
func (r *course) published(at time.Time) signal.Published {
	world := r.world.Published()
	runs := map[string][]signal.Sample{}
	for _, t := range r.order {
		for _, k := range t.totals {
			t.publish(runs, k, at)
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

// publish adds what a flow's runs at one level come to.
func (t *turn) publish(into map[string][]signal.Sample, k *runTotals, at time.Time) {
	put := func(metric string, value float64, more ...string) {
		l := map[string]string{
			"environment": t.tenant.Environment, "component": t.tenant.Component, "tenant": t.tenant.Name,
			"flow": t.entry.Flow.Name(), "level": string(k.level),
		}
		if len(more) > 0 {
			l[more[0]] = more[1]
		}
		into[metric] = append(into[metric], signal.Sample{Name: metric, Labels: l, Value: value, At: at})
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
