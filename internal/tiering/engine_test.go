package tiering_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/tiering"
)

// run steps an engine every 30 s through phases of evidence and returns the
// standing tier after each phase.
type phase struct {
	evidence tiering.Evidence
	ticks    int
	want     tiering.Tier
	why      string
}

func run(t *testing.T, e *tiering.Engine, phases []phase) tiering.Impact {
	t.Helper()
	at := now
	var last tiering.Impact
	for _, p := range phases {
		for range p.ticks {
			last = e.Step(at, []tiering.Evidence{p.evidence})[0]
			at = at.Add(30 * time.Second)
		}
		if last.Tier != p.want {
			t.Errorf("%s: standing tier = %s, want %s", p.why, last.Tier, p.want)
		}
	}
	return last
}

func newEngine() *tiering.Engine {
	return tiering.NewEngine(tiering.DefaultHolds(), tiering.DefaultRules())
}

var (
	healthy = posting()
	broken  = posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill)
	blind   = posting(flowIs(tiering.FlowStale))
)

func TestATierIsRaisedAfterItsHoldAndLoweredAfterQuiet(t *testing.T) {
	e := newEngine()
	im := run(t, e, []phase{
		{healthy, 5, tiering.None, "healthy"},
		{broken, 1, tiering.None, "the first bad tick is not believed yet"},
		{broken, 2, tiering.BusinessCritical, "after one minute it stands"},
		{healthy, 19, tiering.BusinessCritical, "nine and a half quiet minutes are not enough"},
		{healthy, 2, tiering.None, "ten are"},
	})
	if im.Recovering {
		t.Error("still recovering after it was lowered")
	}
}

func TestAnImpactStartsAtItsFirstBadTick(t *testing.T) {
	im := run(t, newEngine(), []phase{{healthy, 4, tiering.None, ""}, {broken, 3, tiering.BusinessCritical, "raised"}})
	if want := now.Add(4 * 30 * time.Second); !im.Since.Equal(want) {
		t.Errorf("since = %v, want the first bad tick %v", im.Since, want)
	}
}

func TestMissingEvidenceFreezesWhatStands(t *testing.T) {
	im := run(t, newEngine(), []phase{
		{broken, 4, tiering.BusinessCritical, "raised"},
		{blind, 100, tiering.BusinessCritical, "an hour of silence resolves nothing"},
	})
	if !im.Frozen {
		t.Error("not marked frozen")
	}
}

func TestAHealedComponentIsBelievedWithoutEvidenceAboutTheOutcome(t *testing.T) {
	unmeasured := func(change ...func(*tiering.Evidence)) tiering.Evidence {
		e := posting(change...)
		e.Flows, e.Burns = nil, nil
		return e
	}
	run(t, newEngine(), []phase{
		{unmeasured(sick("db", "does not answer", now)), 12, tiering.Informational, "a part is down"},
		{unmeasured(), 62, tiering.None, "it is back, half an hour ago"},
	})
}

func TestTheWordsStayWhileATierStands(t *testing.T) {
	im := run(t, newEngine(), []phase{{broken, 4, tiering.BusinessCritical, ""}, {healthy, 2, tiering.BusinessCritical, ""}})
	if !im.Recovering || im.Headline() == "works" {
		t.Errorf("recovering=%v headline=%q, want recovering with its reason kept", im.Recovering, im.Headline())
	}
}

func TestFlappingIsDamped(t *testing.T) {
	var phases []phase
	for range 2 { // comes and goes twice within the half hour
		phases = append(phases, phase{broken, 4, tiering.BusinessCritical, "up"}, phase{healthy, 23, tiering.None, "down"})
	}
	phases = append(phases, phase{broken, 4, tiering.BusinessCritical, "up again"}, phase{healthy, 40, tiering.BusinessCritical, "what came and went four times within the hour is latched"})
	im := run(t, newEngine(), phases)
	if !im.Flapping || im.Flaps != 1 {
		t.Errorf("flapping %v, %d flaps; want it latched once", im.Flapping, im.Flaps)
	}
}

func TestMemorySurvivesARestart(t *testing.T) {
	e := newEngine()
	run(t, e, []phase{{broken, 4, tiering.BusinessCritical, "raised"}})
	restarted := newEngine()
	restarted.Restore(e.Memory())
	im := restarted.Step(now.Add(2*time.Minute), []tiering.Evidence{posting(flowIs(tiering.FlowNever))})[0]
	if im.Tier != tiering.BusinessCritical || !im.Frozen {
		t.Errorf("after a restart without evidence: %s frozen=%v, want business-critical, frozen", im.Tier, im.Frozen)
	}
}

// The recovery point tells by itself that it is within its objective again, also
// where nothing measures the outcome.
func TestARecoveryPointIsBelievedWithoutEvidenceAboutTheOutcome(t *testing.T) {
	unmeasured := func(change ...func(*tiering.Evidence)) tiering.Evidence {
		return posting(append([]func(*tiering.Evidence){unseen}, change...)...)
	}
	gone := unmeasured(func(e *tiering.Evidence) { e.Recovery = tiering.Recovery{} })
	run(t, newEngine(), []phase{
		{unmeasured(exposed(3 * time.Minute)), 4, tiering.BusinessCritical, "work is exposed"},
		{gone, 40, tiering.BusinessCritical, "nobody knows whether it still is"},
		{unmeasured(), 21, tiering.None, "it is not, for ten minutes"},
	})
}

// A phase that begins raises what stands at once, and says so; what does not
// stand yet waits for its hold.
func TestAPhaseRaisesWhatStandsAtOnce(t *testing.T) {
	late := posting(workMissing(now.Add(6*time.Hour)), important)
	inWindow := posting(workMissing(now.Add(6*time.Hour)), important, inOwnWindow, func(e *tiering.Evidence) {
		e.Process.CloseTier, e.Work[0].Due = "A", now.Add(90*time.Minute)
	})
	late.Work[0].Due = now.Add(90 * time.Minute)
	im := run(t, newEngine(), []phase{{late, 10, tiering.Degradation, "late"}, {inWindow, 1, tiering.BusinessCritical, "its window begins"}})
	last := im.Reasons[len(im.Reasons)-1]
	if last.Row != tiering.PhaseEscalation || !im.Since.Equal(im.At) || !im.Clock.Began.Equal(im.At) {
		t.Errorf("raised by %+v since %v, clock %+v; want a phase escalation at %v", last, im.Since, im.Clock, im.At)
	}
	run(t, newEngine(), []phase{{healthy, 3, tiering.None, "healthy"}, {inWindow, 1, tiering.None, "a hold first"}, {inWindow, 2, tiering.BusinessCritical, "then it stands"}})
}

func TestTheRTOClock(t *testing.T) {
	e := newEngine()
	im := run(t, e, []phase{{healthy, 1, tiering.None, ""}, {broken, 61, tiering.BusinessCritical, "half an hour"}})
	if c := im.Clock; c.Elapsed != 30*time.Minute || c.Mark != 50 || !c.Began.Equal(now.Add(30*time.Second)) || c.Objective != time.Hour {
		t.Errorf("after half of the RTO the clock is %+v", c)
	}
	at := im.At
	step := func(ev tiering.Evidence, ticks int) (last tiering.Impact) {
		for range ticks {
			at = at.Add(30 * time.Second)
			last = e.Step(at, []tiering.Evidence{ev})[0]
		}
		return last
	}
	if c := step(healthy, 10).Clock; c.Elapsed != 30*time.Minute+30*time.Second || c.Stopped.IsZero() {
		t.Errorf("while it is better the clock is %+v, want it stopped at the first better tick", c)
	}
	if c := step(broken, 50).Clock; c.Elapsed != 60*time.Minute || c.Mark != 100 || !c.Stopped.IsZero() {
		t.Errorf("when that did not last the clock is %+v, want it to have gone on", c)
	}
	if c := step(healthy, 40).Clock; c != (tiering.Clock{}) {
		t.Errorf("when it is over the clock is %+v", c)
	}
}

// What rests on a burn is not over while the long window is close to its
// threshold and failures go on.
func TestABurnThatLingersIsNotOver(t *testing.T) {
	burning := posting(burn("availability", "users", false), inOwnWindow)
	lingering := posting(burn("availability", "users", false), inOwnWindow)
	lingering.Burns[0].Firing, lingering.Burns[0].Lingers = false, true
	im := run(t, newEngine(), []phase{
		{burning, 6, tiering.Degradation, "it burns"},
		{lingering, 100, tiering.Degradation, "it hovers"},
		{healthy, 30, tiering.Degradation, "fifteen quiet minutes are not over"},
		{healthy, 1, tiering.None, "now they are"},
	})
	if im.Flaps != 0 {
		t.Errorf("%d flaps of what came once", im.Flaps)
	}
}
