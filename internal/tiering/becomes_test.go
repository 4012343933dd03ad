package tiering_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/tiering"
)

func TestBecomes(t *testing.T) {
	tests := map[string]struct {
		evidence tiering.Evidence
		after    time.Duration // 0 is never
	}{
		"nothing is wrong, a deadline is near":   {posting(deadlineIn(3 * time.Hour)), 0},
		"tests fail and users are fine, no date": {posting(flowFails(2, ago(20*time.Second))), 0},
		"tests fail and users are fine": { // that is so until it is too late
			posting(flowFails(2, ago(20*time.Second)), deadlineIn(3*time.Hour)), 3 * time.Hour,
		},
		"an important process fails": { // the RTO before its cut-off
			posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, important, deadlineIn(3*time.Hour)), 2 * time.Hour,
		},
		"the cut-off is days away": {
			posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, important, deadlineIn(50*time.Hour)), 49 * time.Hour,
		},
		"the cut-off is weeks away": {
			posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, important, deadlineIn(30*24*time.Hour)), 0,
		},
		"it is so already": {posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill), 0},
		"a backlog that is worked off": {
			posting(backlog(2*time.Hour, now.Add(170*time.Minute))), 50 * time.Minute,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			when, ok := tiering.Becomes(now, tt.evidence, tiering.DefaultRules(), tiering.BusinessCritical)
			if ok != (tt.after > 0) || ok && !when.Equal(now.Add(tt.after)) {
				t.Fatalf("Becomes = %v, %v, want %v", when, ok, now.Add(tt.after))
			}
			if !ok {
				return
			}
			if v := tiering.Decide(when, tt.evidence, tiering.DefaultRules()); v.Tier >= tiering.BusinessCritical && name != "a backlog that is worked off" {
				t.Errorf("at that instant it is %s: it is so before", v.Tier)
			}
		})
	}
}
