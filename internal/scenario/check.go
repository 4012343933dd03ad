package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
)

// Check reports what the scenario names and its estate does not have, and
// returns the clock of the steps: the instant of each, in order. The error is
// estate.Mistakes.
func (s *Scenario) Check(g Ground, clock Clock) ([]time.Time, error) {
	c := checker{s, g}
	for _, name := range s.Healthy.Names {
		c.known("healthy", "component", name, g.names())
	}
	c.known("entity", "entity", s.Entity, slices.Sorted(maps.Keys(g.Entities)))
	var times []time.Time
	last := clock.Start
	for i := range s.Steps {
		at := fmt.Sprintf("steps[%d]", i)
		step := &s.Steps[i]
		t, ok := clock.On(step.At, last)
		switch {
		case !ok:
			s.Problem(at+".at", "lies nowhere: the calendar has no such day", "write a day and a time, or a close plan in the estate")
			t = last
		case t.Before(last):
			s.Problem(at+".at", "is before the step before it", "write the steps in the order of time")
			t = last
		case t.Sub(clock.Start) > longest:
			s.Problem(at+".at", "is more than a year after the start", "begin later, or split the scenario")
			t = last
		}
		last = t
		times = append(times, t)
		c.set(at+".set", &step.Set)
		c.expect(at+".expect", &step.Expect)
		for n, change := range step.Tell.Changes {
			c.known(fmt.Sprintf("%s.tell.changes[%d].component", at, n), "component", change.Component, g.names())
		}
	}
	if s.End.Paged != nil {
		c.subjects("end.paged", *s.End.Paged)
	}
	if end, ok := clock.On(s.End.At, last); !s.End.At.IsZero() && (!ok || end.Before(last) || end.Sub(clock.Start) > longest) {
		s.Problem("end.at", "is not after the last step, within a year", "write when the clock stops, or leave it out")
	}
	if ms := s.Mistakes(); len(ms) > 0 {
		return nil, ms
	}
	return times, nil
}

// longest is how long a scenario may last.
const longest = 366 * 24 * time.Hour

// A checker holds a scenario against its estate.
type checker struct {
	s *Scenario
	g Ground
}

// known reports a name that is not among those there are.
func (c checker) known(field, thing, name string, names []string) {
	if name == "" || slices.Contains(names, name) {
		return
	}
	p, _ := estate.OneOf("", name, names...)
	c.s.Problem(field, fmt.Sprintf("there is no %s %q", thing, name), p.Remedy)
}

func (c checker) set(at string, s *Set) {
	for _, name := range slices.Sorted(maps.Keys(s.Components)) {
		field := at + ".components." + name
		c.known(field, "component", name, c.g.names())
		if found, ok := c.g.component(name); ok && s.Components[name] == Down && len(found.vital()) == 0 {
			c.s.Problem(field, fmt.Sprintf("a %s has no signal that says whether it answers", found.Kind), "set one of its signals")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Signals)) {
		c.signal(at+".signals."+name, name, s.Signals[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Flows)) {
		_, flow := c.tenants(at+".flows."+name, name)
		c.known(at+".flows."+name, "flow", flow, c.g.Flows)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Users)) {
		_, process := c.tenants(at+".users."+name, name)
		c.known(at+".users."+name, "process with operations of users", process, slices.Sorted(maps.Keys(c.g.Operations)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Posted)) {
		c.known(at+".posted."+name, "entity", name, slices.Sorted(maps.Keys(c.g.Entities)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Jobs)) {
		c.tenants(at+".jobs."+name, name)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Actions)) {
		c.tenants(at+".actions."+name, name)
	}
}

// tenants reports a name that means none.
func (c checker) tenants(field, name string) ([]Tenant, string) {
	found, rest := c.g.tenants(name)
	if len(found) == 0 {
		c.s.Problem(field, "no Odoo database is watched in the estate's environment", "write tenant/name, or declare an odoo component")
	}
	return found, rest
}

func (c checker) signal(field, name string, v Value) {
	_, d, _, err := c.g.find(name)
	if err != nil {
		what, remedy, _ := strings.Cut(err.Error(), "; ")
		c.s.Problem(field, what, remedy)
		return
	}
	if _, has := past(d, v.state); v.kind == state && !has {
		c.s.Problem(field, fmt.Sprintf("%s is never %s", d.Name, v.state), "write another state, or a value")
	}
}

func (c checker) expect(at string, e *Expect) {
	for i := range e.Impacts {
		w := &e.Impacts[i]
		c.subjects(fmt.Sprintf("%s.impacts[%d].of", at, i), []Subject{w.Of})
		if w.Cause != "none" {
			c.known(fmt.Sprintf("%s.impacts[%d].cause", at, i), "component", w.Cause, c.g.names())
		}
	}
	for field, list := range map[string]*[]Subject{".pages": e.Pages, ".tickets": e.Tickets} {
		if list != nil {
			c.subjects(at+field, *list)
		}
	}
	for n, w := range e.Clocks {
		c.subjects(fmt.Sprintf("%s.clocks[%d].of", at, n), []Subject{w.Of})
	}
	c.routes(at, e)
	c.subjects(at+".members", slices.Sorted(maps.Keys(e.Members)))
	c.subjects(at+".critical", slices.Sorted(maps.Keys(e.Critical)))
	for _, name := range slices.Sorted(maps.Keys(e.Components)) {
		c.known(at+".components."+name, "component", name, c.g.names())
	}
	for _, name := range slices.Sorted(maps.Keys(e.Phases)) {
		c.known(at+".phases."+name, "entity", name, slices.Sorted(maps.Keys(c.g.Entities)))
	}
}

// subjects reports impacts that nobody judges in this estate.
func (c checker) subjects(field string, list []Subject) {
	for i, s := range list {
		process, entity := s.Split()
		at := field
		if len(list) > 1 {
			at = fmt.Sprintf("%s[%d]", field, i)
		}
		c.known(at, "process", process, c.g.Processes)
		c.known(at, "entity", entity, slices.Sorted(maps.Keys(c.g.Entities)))
	}
}
