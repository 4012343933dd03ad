package app

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/tiering"
)

// flowBook answers what the newest runs of a flow say.
type flowBook struct {
	history *flow.History
	plans   map[flowKey]flowPlan
}

// A flowKey is a flow on a tenant: an estate may run it at another level, or
// not at all, on the next.
type flowKey struct{ environment, tenant, flow string }

// A flowPlan is how a flow is scheduled.
type flowPlan struct {
	level    flow.Level
	rest     flow.Level                       // while nothing may be posted; "" when it has none
	interval func(at time.Time) time.Duration // at the pace in force
	timeout  time.Duration
}

// at reports whether the flow is scheduled at a level.
func (p flowPlan) at(level flow.Level) bool {
	return level != "" && (level == p.level || level == p.rest)
}

// patience is how long after a run began there must be another: three turns and
// the time that a run may take. When the pace became faster less than that ago,
// the turns are still those of the pace before.
func (p flowPlan) patience(at time.Time) time.Duration {
	now := 3*p.interval(at) + p.timeout
	return max(now, 3*p.interval(at.Add(-now))+p.timeout)
}

// Flow implements flowEvidence.
func (b *flowBook) Flow(environment, tenant, name string, at time.Time) (tiering.Flow, []flow.Run) {
	out := tiering.Flow{Name: name, State: tiering.FlowNever}
	plan := b.plans[flowKey{environment, tenant, name}]
	out.Level = string(plan.level)
	var runs []flow.Run
	for _, s := range b.history.Series() {
		if s.Environment == environment && s.Tenant == tenant && s.Flow == name && plan.at(s.Level) {
			runs = append(runs, b.history.Runs(s)...)
		}
	}
	slices.SortStableFunc(runs, func(a, b flow.Run) int { return b.Started.Compare(a.Started) })
	// An interrupted run tells nothing about what was watched.
	telling := slices.IndexFunc(runs, func(r flow.Run) bool { return r.Outcome != flow.Unknown })
	if telling < 0 {
		return out, runs
	}
	latest := runs[telling]
	out.Level, out.LastRun = string(latest.Level), latest.Started
	if plan.interval != nil {
		out.Next = runs[0].Started.Add(plan.interval(at))
	}
	out.CannotDetect = latest.CannotDetect
	for _, r := range runs { // newest first: the unbroken row of failures
		if r.Outcome == flow.Unknown {
			continue
		}
		if r.Outcome != flow.Failed {
			break
		}
		out.Failures++
		out.FirstFailure = r.Started
		if out.Failures <= 2 {
			out.Previous = r.Started
		}
	}
	switch latest.Outcome {
	case flow.Passed:
		out.State = tiering.FlowPassing
	case flow.Failed:
		out.State, out.Kind, out.Step, out.Reason = tiering.FlowFailing, latest.Kind, latest.FailedStep, latest.Reason
	case flow.Blocked:
		out.State, out.Reason = tiering.FlowBlocked, latest.Reason
	case flow.Unknown: // left out above
	}
	if at.Sub(latest.Started) > plan.patience(at) { // it has stopped running
		out.State = tiering.FlowStale
	}
	return out, runs
}
