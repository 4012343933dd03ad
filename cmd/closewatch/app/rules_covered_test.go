package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
)

// The head of a generated file names what rules do not tell of what they cover:
// what a process is as a whole, and what is stricter in its critical window.
func TestWhatRulesLeaveOutIsNamed(t *testing.T) {
	s := posting()
	s.process.Objectives[0].CriticalTarget = 99.9 * process.Percent
	s.process.Objectives[1].CriticalThreshold = 2 * time.Second
	want := []string{
		"production/prod/invoice-posting/availability in the critical window: the target is 0.999 there",
		"production/prod/invoice-posting/composite: every part of it, and what it cannot do without, works at the same time",
		"production/prod/invoice-posting/filed (deadline): ",
		"production/prod/invoice-posting/latency in the critical window: the threshold is 2s there",
	}
	_, got := ruleObjectives([]subject{s})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	s.flows = nil // and no ingress is watched
	if _, got = ruleObjectives([]subject{s}); slices.ContainsFunc(got, func(line string) bool {
		return strings.Contains(line, process.Composite) || strings.Contains(line, "critical window")
	}) {
		t.Errorf("of what nothing measures: %q", got)
	}
}
