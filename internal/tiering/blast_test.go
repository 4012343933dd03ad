package tiering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// named makes a situation another process's, or another entity's.
func named(process, entity string, change ...func(*tiering.Evidence)) tiering.Evidence {
	e := situation(change...)
	e.Key.Process, e.Process.Name, e.Entity = process, process, entity
	e.Flows[0].Name = process
	return e
}

func TestNeighboursAreWitnesses(t *testing.T) {
	posted := ago(20 * time.Second)
	evidence := []tiering.Evidence{
		named("invoice-posting", "acme-uk", fails(fault.Timeout)),
		named("invoice-posting", "acme-ie", fails(fault.Timeout)), // the same flow: no witness
		named("payroll", "acme-uk", fails(fault.Timeout)),
		named("reporting", "acme-uk", func(e *tiering.Evidence) { e.Flows[0].LastRun = posted }),
		named("bank-feed", "acme-uk", func(e *tiering.Evidence) { e.Flows[0].LastRun = began.Add(-time.Minute) }), // passed before it began
		named("procurement", "acme-uk", exposed(time.Minute)),                                                     // its copies are late, no more
		named("login", "acme-uk", func(e *tiering.Evidence) { e.Environment = "staging" }),
	}
	evidence[5].Flows[0].State = tiering.FlowNever
	tiering.Acquaint(evidence)
	for _, n := range evidence[0].Needs {
		want := [2]string{"", ""}
		if n.Role == process.Hard {
			want = [2]string{"payroll", "reporting"}
		}
		if got := [2]string{strings.Join(n.Fails, " "), strings.Join(n.Works, " ")}; got != want {
			t.Errorf("%s: fails and works %q, want %q", n.Component, got, want)
		}
	}
	if n := evidence[3].Needs[4]; n.Fails != nil || n.Works != nil {
		t.Errorf("a subject that is fine was given neighbours: %+v", n)
	}
}

func TestBlastRadius(t *testing.T) {
	evidence := []tiering.Evidence{
		named("reporting", "acme", func(e *tiering.Evidence) { e.Progress = tiering.Progress{} }),
		named("invoice-posting", "acme", fails(fault.Timeout)),
		named("payroll", "acme", flowIs(tiering.FlowStale), func(e *tiering.Evidence) { e.Progress = tiering.Progress{} }),
		named("e-invoicing", "acme", fails(fault.Timeout), func(e *tiering.Evidence) { e.Needs[2].Role = process.Hard }),
		named("bank-feed", "acme", func(e *tiering.Evidence) { e.Needs = e.Needs[:2] }),
		named("login", "acme", func(e *tiering.Evidence) { e.Environment = "staging" }),
	}
	var got []string
	for _, r := range tiering.BlastRadius("production", "cache", evidence) {
		got = append(got, r.Process+" "+string(r.Role)+" "+string(r.Condition))
	}
	want := []string{"e-invoicing hard fails", "invoice-posting soft fails", "payroll soft unknown", "reporting soft works"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blast radius (-want +got):\n%s", diff)
	}
}

func TestRecoverInThisOrder(t *testing.T) {
	outage := func(e *tiering.Evidence) {
		fails(fault.Timeout)(e)
		sees("db", "+postgres_up", crit, began, "does not answer")(e)
		sees("erp", "+odoo_up", crit, began, "does not answer")(e)
		sees("cache", "+redis_latency", warn, began, "is slow")(e) // soft and no more than slow
	}
	due := func(in time.Duration) func(*tiering.Evidence) {
		return func(e *tiering.Evidence) {
			e.Deadlines = []calendar.Deadline{{ID: "x", Title: "AP cut-off", At: now.Add(in)}}
		}
	}
	evidence := []tiering.Evidence{
		named("a-quiet", "acme"), // not impaired
		named("b-important", "acme", outage, tier(process.Important)),
		named("c-later", "acme", outage, due(5*time.Hour)),
		named("d-sooner", "acme", outage, tier(process.Important), due(3*time.Hour)),
		named("e-in-its-window", "acme", outage, tier(process.Important), inClose),
		named("f-critical", "acme", outage),
		named("g-too-late", "acme", outage, tier(process.Standard), due(-time.Hour)),
	}
	engine := tiering.NewEngine(tiering.Holds{}, tiering.DefaultRules())
	impacts := engine.Step(now, evidence)
	var got []string
	for _, turn := range tiering.RecoveryOrder(now, evidence, impacts) {
		what := turn.Component
		if turn.Process != nil {
			what = turn.Process.Process
		}
		got = append(got, what+": "+turn.Why)
	}
	want := []string{
		"db: critical; b-important, c-later, d-sooner and e-in-its-window need it",
		"erp: critical; b-important, c-later, d-sooner and e-in-its-window need it, and it rests on cache and db",
		"e-in-its-window: service tier B, no deadline is near, in its critical window (close of 2026-10)",
		"g-too-late: service tier C, its deadline can no longer be met",
		"d-sooner: service tier B, 3h00m left for AP cut-off",
		"c-later: service tier A, 5h00m left for AP cut-off",
		"f-critical: service tier A, no deadline is near",
		"b-important: service tier B, no deadline is near",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// What a part of a component does says nothing about the rest of it.
func TestPartsOfAComponentAreCausesOfTheirOwn(t *testing.T) {
	cause := func(change ...func(*tiering.Evidence)) tiering.Cause {
		v := tiering.Decide(now, situation(change...), tiering.DefaultRules())
		if v.Cause == nil {
			t.Fatalf("no cause is found: %+v", v.Candidates)
		}
		return *v.Cause
	}
	deaf := cause(missing(process.QueueJobs, "jobs"), sees("erp", "odoo_jobrunner_deaf", crit, began, "takes no jobs"))
	off := cause(missing(process.ScheduledAction, "actions"), sees("erp", "odoo_scheduled_action_deactivated", warn, began, "switched off"))
	down := cause(fails(fault.Unavailable), sees("erp", "+odoo_up", crit, began, "does not answer"))
	busy := cause(fails(fault.Timeout), sees("erp", "odoo_workers_killed_time", crit, began, "killed"))
	if deaf.Same(off) || deaf.Same(down) || !down.Same(busy) || deaf.String() != "erp (job-runner)" || down.String() != "erp" {
		t.Errorf("deaf %v, off %v, down %v, busy %v", deaf, off, down, busy)
	}
	if deaf.State != signal.Critical || deaf.Since != began {
		t.Errorf("the cause is %+v", deaf)
	}
}

func tier(t process.ServiceTier) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) { e.Process.Tier, e.Process.CloseTier = t, t }
}
