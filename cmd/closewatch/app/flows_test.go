package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/tiering"
)

// ran is a run of invoice posting that began some time before noon.
func ran(ago time.Duration, outcome flow.Outcome) flow.Run {
	r := flow.Run{
		Environment: "production", Component: "erp", Tenant: "prod", Flow: "invoice-posting", Level: flow.L3,
		Started: noon.Add(-ago), Duration: time.Second, Outcome: outcome,
	}
	switch outcome {
	case flow.Failed:
		r.Kind, r.FailedStep, r.Reason = fault.Rejected, "post-invoice", "the journal is locked"
	case flow.Blocked:
		r.Kind, r.Reason = fault.Blocked, "in hard close"
	case flow.Passed, flow.Unknown: // have nothing to explain
	}
	return r
}

// every is a pace that never changes.
func every(interval time.Duration) func(time.Time) time.Duration {
	return func(time.Time) time.Duration { return interval }
}

func TestFlowEvidence(t *testing.T) {
	const minute = time.Minute
	before := func(d time.Duration) time.Time { return noon.Add(-d) }
	failing := func(f tiering.Flow) tiering.Flow {
		f.State, f.Kind, f.Step, f.Reason = tiering.FlowFailing, fault.Rejected, "post-invoice", "the journal is locked"
		return f
	}
	tests := map[string]struct {
		runs []flow.Run // oldest first
		want tiering.Flow
	}{
		"it has not run yet": {
			want: tiering.Flow{State: tiering.FlowNever},
		},
		"it passes": {
			runs: []flow.Run{ran(2*minute, flow.Failed), ran(minute, flow.Passed)},
			want: tiering.Flow{State: tiering.FlowPassing, LastRun: before(minute)},
		},
		"it failed once": {
			runs: []flow.Run{ran(2*minute, flow.Passed), ran(minute, flow.Failed)},
			want: failing(tiering.Flow{Failures: 1, FirstFailure: before(minute), Previous: before(minute), LastRun: before(minute)}),
		},
		"it failed three times": {
			runs: []flow.Run{ran(4*minute, flow.Passed), ran(3*minute, flow.Failed), ran(2*minute, flow.Failed), ran(minute, flow.Failed)},
			want: failing(tiering.Flow{Failures: 3, FirstFailure: before(3 * minute), Previous: before(2 * minute), LastRun: before(minute)}),
		},
		"an interrupted run does not end the row": {
			runs: []flow.Run{ran(3*minute, flow.Failed), ran(2*minute, flow.Unknown), ran(minute, flow.Failed)},
			want: failing(tiering.Flow{Failures: 2, FirstFailure: before(3 * minute), Previous: before(3 * minute), LastRun: before(minute)}),
		},
		"the newest was interrupted: the one before tells": {
			runs: []flow.Run{ran(2*minute, flow.Passed), ran(minute, flow.Unknown)},
			want: tiering.Flow{State: tiering.FlowPassing, LastRun: before(2 * minute)},
		},
		"all were interrupted": {
			runs: []flow.Run{ran(2*minute, flow.Unknown), ran(minute, flow.Unknown)},
			want: tiering.Flow{State: tiering.FlowNever},
		},
		"a guard holds it back": {
			runs: []flow.Run{ran(2*minute, flow.Failed), ran(minute, flow.Blocked)},
			want: tiering.Flow{State: tiering.FlowBlocked, Reason: "in hard close", LastRun: before(minute)},
		},
		"three turns and a run's time may pass": {
			runs: []flow.Run{ran(3*minute+30*time.Second, flow.Passed)},
			want: tiering.Flow{State: tiering.FlowPassing, LastRun: before(3*minute + 30*time.Second)},
		},
		"then it has stopped running": {
			runs: []flow.Run{ran(3*minute+31*time.Second, flow.Passed)},
			want: tiering.Flow{State: tiering.FlowStale, LastRun: before(3*minute + 31*time.Second)},
		},
		"runs at another level or elsewhere tell nothing": {
			runs: []flow.Run{
				changed(ran(minute, flow.Failed), func(r *flow.Run) { r.Level = flow.L1 }),
				changed(ran(minute, flow.Failed), func(r *flow.Run) { r.Tenant = "copy" }),
				changed(ran(minute, flow.Failed), func(r *flow.Run) { r.Environment = "staging" }),
			},
			want: tiering.Flow{State: tiering.FlowNever},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &flowBook{history: flow.NewHistory(), plans: map[flowKey]flowPlan{
				{"production", "prod", "invoice-posting"}: {level: flow.L3, interval: every(time.Minute), timeout: 30 * time.Second},
			}}
			for _, r := range tt.runs {
				b.history.Add(r)
			}
			got, _ := b.Flow("production", "prod", "invoice-posting", noon)
			tt.want.Name, tt.want.Level = "invoice-posting", "L3"
			if tt.want.State != tiering.FlowNever { // the next run follows the newest, whatever came of it
				tt.want.Next = tt.runs[len(tt.runs)-1].Started.Add(time.Minute)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("evidence (-want +got):\n%s", diff)
			}
		})
	}
}

// Two tenants may run one flow at different levels.
func TestFlowsOfTwoTenantsAreKeptApart(t *testing.T) {
	b := &flowBook{history: flow.NewHistory(), plans: map[flowKey]flowPlan{
		{"production", "prod", "invoice-posting"}: {level: flow.L1, interval: every(time.Minute), timeout: time.Minute},
		{"staging", "copy", "invoice-posting"}:    {level: flow.L3, interval: every(time.Hour), timeout: time.Minute},
	}}
	b.history.Add(changed(ran(time.Minute, flow.Passed), func(r *flow.Run) { r.Level = flow.L1 }))
	b.history.Add(changed(ran(time.Hour, flow.Failed), func(r *flow.Run) { r.Environment, r.Tenant = "staging", "copy" }))
	if f, _ := b.Flow("production", "prod", "invoice-posting", noon); f.State != tiering.FlowPassing || f.Level != "L1" {
		t.Errorf("prod: %+v, want L1 passing", f)
	}
	if f, _ := b.Flow("staging", "copy", "invoice-posting", noon); f.State != tiering.FlowFailing || f.Level != "L3" {
		t.Errorf("copy: %+v, want L3 failing", f)
	}
}

func changed(r flow.Run, change func(*flow.Run)) flow.Run {
	change(&r)
	return r
}
