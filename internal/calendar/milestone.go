package calendar

import (
	"fmt"
	"slices"
	"strings"
)

// A MilestoneSource says how it is known that a milestone is done.
type MilestoneSource string

// Sources of a milestone.
const (
	Probe  MilestoneSource = "probe"  // Closewatch looks for itself
	Attest MilestoneSource = "attest" // a person says so
)

// A Milestone is a step of the close with a due time.
type Milestone struct {
	ID          string
	Title       string
	Process     string // the finance process that does it; "" is none
	Due         Mark
	Depends     []string // ids of milestones that come first
	Owner       string   // role
	Source      MilestoneSource
	Check       string   // what is looked at, in words or as an expression
	SoftClose   LockKind // the lock that is set with it; "" is none
	ReviewerNot string   // the role that may not review it: "preparer"
}

// Flaws returns everything wrong with the plan; none when it can be compiled.
func (p ClosePlan) Flaws() []Flaw {
	flaws := p.phaseFlaws()
	ids := map[string]int{}
	for i, m := range p.Milestones {
		if _, twice := ids[m.ID]; twice {
			flaws = append(flaws, Flaw{fmt.Sprintf("milestones[%d].id", i), fmt.Sprintf("%q is used twice", m.ID), "give each milestone an id of its own"})
			continue
		}
		ids[m.ID] = i
	}
	cyclic := false
	for i, m := range p.Milestones {
		for j, id := range m.Depends {
			at := fmt.Sprintf("milestones[%d].depends[%d]", i, j)
			other, known := ids[id]
			switch {
			case !known:
				flaws = append(flaws, Flaw{at, fmt.Sprintf("there is no milestone %q in this plan", id), "write the id of a milestone of the same close plan"})
			case p.Milestones[other].Due.Compare(m.Due) > 0:
				flaws = append(flaws, Flaw{
					at, fmt.Sprintf("%s is due %s, before %s (%s) that it depends on", m.ID, m.Due, id, p.Milestones[other].Due),
					"make it due later, or drop the dependency",
				})
			}
		}
		if ring := p.ring(ids, i); len(ring) > 0 && !cyclic {
			cyclic = true // one ring is told once, not at each of its members
			flaws = append(flaws, Flaw{fmt.Sprintf("milestones[%d].depends", i), "goes in a circle: " + strings.Join(ring, " needs "), "remove one of these dependencies"})
		}
	}
	return flaws
}

func (p ClosePlan) phaseFlaws() []Flaw {
	var flaws []Flaw
	order := []struct {
		field string
		span  Span
	}{{"preClose", p.PreClose}, {"close", p.Close}, {"tail", p.Tail}}
	if p.Close.IsZero() {
		flaws = append(flaws, Flaw{"phases.close", "is missing", "write close: [period_end, WD+5 24:00]"})
	}
	for i, ph := range order {
		if ph.span.IsZero() {
			continue
		}
		if ph.span.To.Compare(ph.span.From) <= 0 {
			flaws = append(flaws, Flaw{"phases." + ph.field, fmt.Sprintf("ends %s, not after it begins %s", ph.span.To, ph.span.From), "write its start first, then its end"})
			continue
		}
		for _, later := range order[i+1:] {
			if !later.span.IsZero() && ph.span.To.Compare(later.span.From) > 0 {
				flaws = append(flaws, Flaw{
					"phases." + later.field, fmt.Sprintf("begins %s, before %s ends (%s)", later.span.From, ph.field, ph.span.To),
					"let one phase end where the next begins",
				})
			}
		}
	}
	if !p.Close.IsZero() && p.Target.WD <= 0 {
		flaws = append(flaws, Flaw{"target", fmt.Sprintf("%s is not after the period's end", p.Target), "write a working day after it, such as WD+5 18:00"})
	}
	return flaws
}

// ring returns the milestones on a way from i back to itself; nil when there is
// none.
func (p ClosePlan) ring(ids map[string]int, from int) []string {
	seen := map[int]bool{}
	var walk func(at int, way []string) []string
	walk = func(at int, way []string) []string {
		way = append(way, p.Milestones[at].ID)
		for _, id := range p.Milestones[at].Depends {
			next, known := ids[id]
			switch {
			case known && next == from:
				return append(slices.Clone(way), id)
			case known && !seen[next]:
				seen[next] = true
				if found := walk(next, way); found != nil {
					return found
				}
			}
		}
		return nil
	}
	return walk(from, nil)
}
