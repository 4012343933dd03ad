package tiering

import (
	"cmp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// Condition is how an outcome is, as far as its own evidence tells.
type Condition string

// Conditions.
const (
	ConditionFails   Condition = "fails"   // impaired now
	ConditionWorks   Condition = "works"   // seen to work
	ConditionUnknown Condition = "unknown" // nothing tells
)

// conditionOf judges an outcome by its own evidence. since is the instant from
// which on a success counts; the zero time counts any.
func conditionOf(e *Evidence, since time.Time) Condition {
	if len(signsOf(e)) > 0 {
		return ConditionFails
	}
	for _, f := range e.Flows {
		if f.State == FlowPassing && !f.LastRun.Before(since) {
			return ConditionWorks
		}
	}
	if e.Progress.Known && e.Progress.Advanced.After(since) {
		return ConditionWorks
	}
	return ConditionUnknown
}

// maxNeighbours bounds the processes named beside a need.
const maxNeighbours = 4

// Acquaint fills in, for each subject that is impaired, which other processes
// that need the same component fail as well and which are seen to work since:
// a component that others work with is hardly down. The same process of another
// entity is no other witness: its flows are the same. Evidence of subjects that
// are not impaired is left as it is.
func Acquaint(evidence []Evidence) {
	type place struct{ environment, component string }
	var needing map[place][]int // subjects, in the order of the evidence
	index := func() {
		needing = map[place][]int{}
		for i := range evidence {
			for _, n := range evidence[i].Needs {
				if n.Role == process.Hard {
					at := place{evidence[i].Environment, n.Component}
					needing[at] = append(needing[at], i)
				}
			}
		}
	}
	for i := range evidence {
		e := &evidence[i]
		if len(signsOf(e)) == 0 {
			continue
		}
		if needing == nil {
			index()
		}
		onset := onsetOf(e)
		for j := range e.Needs {
			n := &e.Needs[j]
			n.Fails, n.Works = nil, nil
			for _, k := range needing[place{e.Environment, n.Component}] {
				other := &evidence[k]
				if other.Process.Name == e.Process.Name && other.Tenant == e.Tenant || onlyExposed(other) {
					continue
				}
				switch conditionOf(other, onset) {
				case ConditionFails:
					n.Fails = named(n.Fails, other.Process.Name)
				case ConditionWorks:
					n.Works = named(n.Works, other.Process.Name)
				case ConditionUnknown: // no witness
				}
			}
		}
	}
}

// onlyExposed reports whether nothing is impaired but the recovery point: that
// says nothing about whether the outcome works.
func onlyExposed(e *Evidence) bool {
	signs := signsOf(e)
	return len(signs) == 1 && signs[0] == Exposed
}

// named adds a name to a sorted list of few.
func named(names []string, name string) []string {
	i, found := slices.BinarySearch(names, name)
	if found || len(names) == maxNeighbours {
		return names
	}
	return slices.Insert(names, i, name)
}

// A Reach is a process that needs a component, and how it is.
type Reach struct {
	Key
	Role      process.Role
	Condition Condition
}

// BlastRadius lists who needs a component, in its environment: those that fail
// first, then those nothing is known of, then those that still work; within
// them by how much they need it.
func BlastRadius(environment, component string, evidence []Evidence) []Reach {
	var out []Reach
	for i := range evidence {
		e := &evidence[i]
		if e.Environment != environment {
			continue
		}
		for _, n := range e.Needs {
			if n.Component == component {
				out = append(out, Reach{e.Key, n.Role, conditionOf(e, onsetOf(e))})
				break
			}
		}
	}
	conditions := []Condition{ConditionFails, ConditionUnknown, ConditionWorks}
	roles := process.Roles()
	slices.SortStableFunc(out, func(a, b Reach) int {
		return cmp.Or(
			cmp.Compare(slices.Index(conditions, a.Condition), slices.Index(conditions, b.Condition)),
			cmp.Compare(slices.Index(roles, a.Role), slices.Index(roles, b.Role)),
			compareKeys(a.Key, b.Key),
		)
	})
	return out
}
