package tiering

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/process"
)

// Who fails as well and who works is what going through everybody for each
// subject would find.
func TestWitnessesAreThoseAmongAll(t *testing.T) {
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		ago := func(label string) time.Time {
			return at.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, label)) * time.Minute)
		}
		names := []string{"a", "b", "c", "d", "e", "f"}[:rapid.IntRange(1, 6).Draw(t, "processes")]
		var all []Evidence
		for tenant := range rapid.IntRange(1, 3).Draw(t, "tenants") {
			for range rapid.IntRange(1, 2).Draw(t, "entities") {
				for _, name := range names {
					e := Evidence{Process: process.Process{Name: name}}
					e.Process.Name, e.Key = name, Key{Process: name, Tenant: strconv.Itoa(tenant), Environment: "production"}
					for _, component := range []string{"db", "erp-" + e.Tenant} {
						e.Needs = append(e.Needs, Need{Component: component, Role: rapid.SampledFrom([]process.Role{process.Hard, process.Hard, process.Soft}).Draw(t, "role")})
					}
					switch rapid.IntRange(0, 4).Draw(t, "is") {
					case 0:
						e.Flows = []Flow{{Name: "f", State: FlowFailing, FirstFailure: ago("failing since")}}
					case 1:
						e.Flows = []Flow{{Name: "f", State: FlowPassing, LastRun: ago("passed")}}
					case 2:
						e.Progress.Known, e.Progress.Advanced = true, ago("advanced")
					case 3:
						e.Recovery.BeyondSince = ago("beyond")
					}
					all = append(all, e)
				}
			}
		}
		Acquaint(all)
		for i := range all {
			e := &all[i]
			for _, n := range e.Needs {
				var fails, works []string
				if len(signsOf(e)) > 0 {
					fails, works = witnessesAmong(all, e, n.Component)
				}
				agree(t, e.Key, n.Component+" fails", fails, n.Fails)
				agree(t, e.Key, n.Component+" works", works, n.Works)
			}
		}
	})
}

func agree(t *rapid.T, k Key, what string, want, got []string) {
	t.Helper()
	few := len(want) <= maxNeighbours
	if !slices.IsSorted(got) || few && !slices.Equal(want, got) || !few && len(got) != maxNeighbours {
		t.Fatalf("%v: %s %q, want (of) %q", k, what, got, want)
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Fatalf("%v: %s %q, want of %q", k, what, got, want)
		}
	}
}

// witnessesAmong goes through everybody, and bounds nothing.
func witnessesAmong(all []Evidence, e *Evidence, component string) (fails, works []string) {
	for i := range all {
		other := &all[i]
		hard := slices.ContainsFunc(other.Needs, func(n Need) bool { return n.Component == component && n.Role == process.Hard })
		signs := signsOf(other)
		if !hard || other.Process.Name == e.Process.Name && other.Tenant == e.Tenant || slices.Equal(signs, []Sign{Exposed}) {
			continue
		}
		switch conditionOf(other, onsetOf(e)) {
		case ConditionFails:
			fails = append(fails, other.Process.Name)
		case ConditionWorks:
			works = append(works, other.Process.Name)
		case ConditionUnknown:
		}
	}
	slices.Sort(fails)
	slices.Sort(works)
	return slices.Compact(fails), slices.Compact(works)
}
