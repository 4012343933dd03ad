package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/internal/tiering"
)

func TestWhatIsExpectedOfClocksAndChecks(t *testing.T) {
	under, over := scenario.Distance{}, scenario.Distance{}
	for d, text := range map[*scenario.Distance]string{&under: "under 30m", &over: "over 30m"} {
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	inc := &incident.Incident{
		ID: "I-1", Checks: []incident.Check{{Name: "writable", State: incident.Waiting, Text: "no writes"}, {Name: "answers", State: incident.Passed}},
		Members: []incident.Member{{
			Impact: tiering.Impact{Verdict: tiering.Verdict{Key: tiering.Key{Process: "payroll", Entity: "acme"}}},
			RTO:    incident.Clock{Began: noon, Elapsed: 40 * time.Minute, Objective: time.Hour},
		}},
	}
	now := &Tick{Incidents: []*incident.Incident{{ID: "I-2", Into: "I-1", Members: inc.Members}, inc}}
	for name, tt := range map[string]struct {
		failure *Failure
		want    []string // and what came
	}{
		"as it is":                   {clock(now, &scenario.ClockWant{Of: "payroll", RTO: "running", RPO: "not measured", Elapsed: over}), nil},
		"not as it is":               {clock(now, &scenario.ClockWant{Of: "payroll/acme", RTO: "met", RPO: "missed", Elapsed: under}), []string{"rto met", "rpo missed", "away under 30m", "rto running", "rpo not measured", "away 40m0s"}},
		"in no incident":             {clock(now, &scenario.ClockWant{Of: "reporting", RTO: "met"}), []string{"an incident", "none"}},
		"it waits":                   {awaited(now, []string{"writable"}), nil},
		"it does not wait for that":  {awaited(now, []string{"answers", "writable"}), []string{"answers", "writable"}},
		"it waits, and should not":   {awaited(now, nil), []string{"none", "writable"}},
		"nothing waits, as expected": {awaited(&Tick{}, nil), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			if tt.failure != nil {
				got = append(append(got, tt.failure.Want...), tt.failure.Got...)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("expected and came (-want +got):\n%s", diff)
			}
		})
	}
}
