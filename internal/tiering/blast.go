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
//
// What needs a component is gone through once, however many are impaired: when a
// cluster is lost all that rests on it is.
func Acquaint(evidence []Evidence) {
	var at map[place]*neighbours
	for i := range evidence {
		e := &evidence[i]
		if len(signsOf(e)) == 0 {
			continue
		}
		if at == nil {
			at = neighboursOf(evidence)
		}
		onset := onsetOf(e)
		for j := range e.Needs {
			n := &e.Needs[j]
			n.Fails, n.Works = at[place{e.Environment, n.Component}].witnesses(e, onset)
		}
	}
}

// A place is a component of an environment.
type place struct{ environment, component string }

// neighbours are the processes that cannot do without a component, in the order
// of the evidence.
type neighbours struct {
	order []*neighbour
	named map[string]*neighbour
}

// A neighbour is one process, of whatever tenants, and how it does.
type neighbour struct {
	process          string
	fails            newest // since the zero time
	passed, advanced newest
}

// A newest is the newest instant of something, and that of other tenants than
// the one that has it.
type newest struct {
	is, others bool
	tenant     string
	at, other  time.Time
}

func (n *newest) note(tenant string, at time.Time) {
	switch {
	case !n.is:
		n.is, n.tenant, n.at = true, tenant, at
	case n.tenant == tenant:
		if at.After(n.at) {
			n.at = at
		}
	case at.After(n.at):
		n.others, n.other = true, n.at
		n.tenant, n.at = tenant, at
	case !n.others || at.After(n.other):
		n.others, n.other = true, at
	}
}

// but is the newest instant, of other tenants than one when it is not to count.
func (n *newest) but(tenant string, not bool) (at time.Time, is bool) {
	if not && n.is && n.tenant == tenant {
		return n.other, n.others
	}
	return n.at, n.is
}

// neighboursOf finds for each component who needs it.
func neighboursOf(evidence []Evidence) map[place]*neighbours {
	out := map[place]*neighbours{}
	for i := range evidence {
		e := &evidence[i]
		signs := signsOf(e)
		if len(signs) == 1 && signs[0] == Exposed {
			continue // no witness
		}
		for _, n := range e.Needs {
			if n.Role != process.Hard {
				continue
			}
			at := place{e.Environment, n.Component}
			if out[at] == nil {
				out[at] = &neighbours{named: map[string]*neighbour{}}
			}
			out[at].note(e, len(signs) > 0)
		}
	}
	return out
}

func (n *neighbours) note(e *Evidence, fails bool) {
	of := n.named[e.Process.Name]
	if of == nil {
		of = &neighbour{process: e.Process.Name}
		n.named[e.Process.Name] = of
		n.order = append(n.order, of)
	}
	if fails {
		of.fails.note(e.Tenant, time.Time{})
		return
	}
	for _, f := range e.Flows {
		if f.State == FlowPassing {
			of.passed.note(e.Tenant, f.LastRun)
		}
	}
	if e.Progress.Known {
		of.advanced.note(e.Tenant, e.Progress.Advanced)
	}
}

// witnesses are the processes besides a subject's own that fail, and those that
// are seen to work since.
func (n *neighbours) witnesses(e *Evidence, since time.Time) (fails, works []string) {
	if n == nil {
		return nil, nil
	}
	for _, of := range n.order {
		same := of.process == e.Process.Name
		if _, is := of.fails.but(e.Tenant, same); is {
			fails = named(fails, of.process)
		}
		passed, passes := of.passed.but(e.Tenant, same)
		advanced, advances := of.advanced.but(e.Tenant, same)
		if passes && !passed.Before(since) || advances && advanced.After(since) {
			works = named(works, of.process)
		}
	}
	return fails, works
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
