package tiering_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// What is not as usual never pages: alone it is informational at most, beside
// anything else it changes nothing.
func TestWhatIsUnusualNeverPages(t *testing.T) {
	at := time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		e := tiering.Evidence{
			Process: process.Process{
				Name: "x", Tier: rapid.SampledFrom(process.ServiceTiers()).Draw(t, "tier"),
				Recovery: process.Recovery{RTO: time.Hour, RPO: time.Minute},
			},
			Critical: rapid.Bool().Draw(t, "critical"),
			Flows: []tiering.Flow{{
				Name: "x", State: rapid.SampledFrom([]tiering.FlowState{tiering.FlowPassing, tiering.FlowFailing, tiering.FlowStale, tiering.FlowNever}).Draw(t, "flow"),
				Failures: rapid.IntRange(1, 3).Draw(t, "failures"), LastRun: at.Add(-time.Hour),
			}},
			Needs: []tiering.Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: rapid.SampledFrom([]signal.State{signal.OK, signal.Critical}).Draw(t, "db")}},
		}
		without := tiering.Decide(at, e, tiering.DefaultRules())
		for range rapid.IntRange(1, 4).Draw(t, "anomalies") {
			e.Unusual = append(e.Unusual, tiering.Anomaly{Signal: "cache_hits", Text: "cache hits of db: 97.8 % against 99.2 % usual"})
		}
		with := tiering.Decide(at, e, tiering.DefaultRules())
		switch {
		case without.Tier > tiering.None && with.Tier != without.Tier:
			t.Fatalf("%s with, %s without", with.Tier, without.Tier)
		case with.Tier > max(without.Tier, tiering.Informational):
			t.Fatalf("an anomaly alone is %s", with.Tier)
		}
		for _, r := range with.Reasons {
			if r.Symptom == tiering.Unusually && len(without.Reasons) > 0 {
				t.Fatalf("an anomaly is a reason beside %+v", without.Reasons)
			}
		}
	})
}

// On a day on which nothing else is wrong, an anomaly is told, with what it is
// held against and that nobody notices.
func TestWhatIsUnusualIsTold(t *testing.T) {
	e := tiering.Evidence{
		Process: process.Process{Name: "reporting", Tier: process.Important},
		Flows:   []tiering.Flow{{Name: "reporting", State: tiering.FlowPassing}},
		Unusual: []tiering.Anomaly{{Signal: "cache_hits", Text: "cache hits of db: 97.8 % against 99.2 % usual at this time of the week (6 weeks)"}},
	}
	v := tiering.Decide(time.Date(2026, 11, 17, 10, 0, 0, 0, time.UTC), e, tiering.DefaultRules())
	if want := "cache hits of db: 97.8 % against 99.2 % usual at this time of the week (6 weeks), no user effect"; v.Tier != tiering.Informational || v.Headline() != want {
		t.Errorf("%s: %q, want informational: %q", v.Tier, v.Headline(), want)
	}
}
