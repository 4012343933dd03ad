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
	for range 4 { // four entries, 13.5 minutes apart
		phases = append(phases, phase{broken, 4, tiering.BusinessCritical, "up"}, phase{healthy, 23, tiering.None, "down"})
	}
	phases = phases[:len(phases)-1]
	phases = append(phases, phase{healthy, 40, tiering.BusinessCritical, "the fourth entry within the hour is latched"})
	if im := run(t, newEngine(), phases); !im.Flapping {
		t.Error("not marked flapping")
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
