package estate

import (
	"fmt"
	"maps"
	"slices"

	"github.com/closewatch/closewatch/internal/calendar"
)

// calendar reports what the calendar names and what does not exist.
func (c checker) calendar() {
	cal := c.e.Calendar
	c.closePlanName("calendar.close", cal.Close)
	for i, ent := range c.e.Entities {
		at := fmt.Sprintf("entities[%d]", i)
		c.closePlanName(at+".closePlan", ent.ClosePlan)
		c.dayCalendar(at+".closeCalendar", ent.CloseCalendar)
		for _, currency := range slices.Sorted(maps.Keys(ent.BankCalendars)) {
			c.dayCalendar(at+".bankCalendars."+clip(currency), ent.BankCalendars[currency])
		}
	}
	used := ids{c, "cut-off, deadline or milestone", map[string]bool{}}
	for i, cut := range cal.Cutoffs {
		at := fmt.Sprintf("calendar.cutoffs[%d]", i)
		used.take(at, cut.ID)
		c.dueFor(at, cut.Process, cut.Entity)
		c.dayCalendar(at+".calendar", cut.Calendar)
		c.currency(at, cut)
	}
	for i, dl := range cal.Deadlines {
		at := fmt.Sprintf("calendar.deadlines[%d]", i)
		used.take(at, dl.ID)
		c.dueFor(at, dl.Process, dl.Entity)
		c.dayCalendar(at+".calendar", dl.Calendar)
		c.payday(at, dl)
	}
	for _, name := range slices.Sorted(maps.Keys(cal.ClosePlans)) {
		c.milestones("calendar.closePlans."+clip(name), cal.ClosePlans[name], used)
	}
	for i, x := range cal.Extensions {
		c.extension(fmt.Sprintf("calendar.extensions[%d]", i), x)
	}
	freezes := ids{c, "freeze", map[string]bool{}}
	for i, f := range cal.Freezes {
		at := fmt.Sprintf("calendar.freezes[%d]", i)
		freezes.take(at, f.ID)
		c.scope(at+".scope", f.Scope)
	}
	windows := ids{c, "maintenance", map[string]bool{}}
	for i, m := range cal.Maintenance {
		at := fmt.Sprintf("calendar.maintenance[%d]", i)
		windows.take(at, m.ID)
		c.scope(at+".scope", m.Scope)
	}
}

// ids reports names that are used twice.
type ids struct {
	c    checker
	each string
	seen map[string]bool
}

func (s ids) take(at, id string) {
	if id != "" && s.seen[id] {
		s.c.problem(at+".id", fmt.Sprintf("%q is used twice", clip(id)), "give each "+s.each+" an id of its own")
	}
	s.seen[id] = true
}

func (c checker) closePlanName(at, name string) {
	names := append(slices.Sorted(maps.Keys(c.e.Calendar.ClosePlans)), MonthlyClose, NoClose)
	c.known(at, "close plan", name, slices.Compact(slices.Sorted(slices.Values(names))))
}

func (c checker) dayCalendar(at, name string) {
	names := slices.Sorted(maps.Keys(c.e.Calendar.Days))
	if name != "" && len(names) == 0 {
		c.problem(at, "names a calendar, and the estate declares none", "declare it under calendar.days")
		return
	}
	c.known(at, "calendar", name, names)
}

func (c checker) entity(at, name string) {
	c.known(at, "entity", name, c.entityNames())
	if name != "" && len(c.e.Entities) == 0 {
		c.problem(at, "names an entity, and the estate declares none", "declare it under entities")
	}
}

func (c checker) dueFor(at, process, entity string) {
	c.known(at+".process", "process", process, c.opts.Processes)
	c.entity(at+".entity", entity)
}

func (c checker) scope(at string, s Scope) {
	for i, name := range s.Entities {
		c.entity(fmt.Sprintf("%s.entities[%d]", at, i), name)
	}
	for i, name := range s.Components {
		c.known(fmt.Sprintf("%s.components[%d]", at, i), "component", name, c.componentNames())
	}
}

// currency reports entities without a bank for it.
func (c checker) currency(at string, cut Cutoff) {
	if cut.Currency == "" || cut.Calendar != "" {
		return
	}
	for _, ent := range c.e.appliesTo(cut.Entity) {
		if ent.BankCalendars[cut.Currency] == "" {
			c.problem(at+".currency", fmt.Sprintf("%s has no bank calendar for %s", ent.Name, clip(cut.Currency)), "add it to the entity's bankCalendars, or name a calendar")
			return
		}
	}
}

// payday reports entities that have none.
func (c checker) payday(at string, dl Deadline) {
	if dl.Rule.Base != calendar.Payday {
		return
	}
	for _, ent := range c.e.appliesTo(dl.Entity) {
		if ent.Payday == 0 {
			c.problem(at+".rule", fmt.Sprintf("counts from payday, and %s has none", ent.Name), "write payday: 25 at the entity, or entity: here")
			return
		}
	}
}

func (c checker) milestones(at string, p ClosePlan, used ids) {
	for i, m := range p.Milestones {
		here := fmt.Sprintf("%s.milestones[%d]", at, i)
		c.known(here+".process", "process", m.Process, c.opts.Processes)
		if used.seen[m.ID] { // of another plan it may have the name: an entity has one plan
			c.problem(here+".id", fmt.Sprintf("%q is the id of a cut-off or deadline", clip(m.ID)), "give the milestone an id of its own")
		}
	}
}

// extension reports one that extends nothing.
func (c checker) extension(at string, x Extension) {
	c.entity(at+".entity", x.Entity)
	for _, ent := range c.e.appliesTo(x.Entity) {
		name := ent.ClosePlan
		if name == "" {
			name = c.e.Calendar.Close
		}
		plan := c.e.closePlan(name)
		if plan == nil {
			continue
		}
		if x.Period != "" && !x.On.IsZero() && !hasPeriod(ent.Fiscal.of(), x.Period, calendar.Date(x.On)) {
			c.problem(at+".period", fmt.Sprintf("%s has no period %q around %s", ent.Name, clip(x.Period), x.On), "write a period as calendar show names it, such as 2026-11")
			return
		}
		if x.Milestone != "" {
			c.extendedMilestone(at, x, plan)
			return
		}
		end := map[calendar.Phase]calendar.Mark{calendar.Close: plan.Close.To, calendar.Tail: plan.Tail.To}[x.Phase]
		if x.To.given && x.To.Compare(end) <= 0 {
			c.problem(at+".to", fmt.Sprintf("%s is not later than the plan's %s", x.To, end), "write a later place; to close earlier, change the plan")
		}
		return
	}
}

func (c checker) extendedMilestone(at string, x Extension, plan *calendar.ClosePlan) {
	var names []string
	for _, m := range plan.Milestones {
		names = append(names, m.ID)
		if m.ID == x.Milestone && x.To.given && x.To.Compare(m.Due) <= 0 {
			c.problem(at+".to", fmt.Sprintf("%s is not later than the plan's %s", x.To, m.Due), "write a later place; to have it earlier, change the plan")
		}
	}
	if len(names) == 0 {
		c.problem(at+".milestone", "the close plan has no milestones", "write phase: close")
		return
	}
	c.known(at+".milestone", "milestone", x.Milestone, names)
}

// hasPeriod looks for a period in the years around the day it was extended on.
func hasPeriod(f *calendar.Fiscal, name string, on calendar.Date) bool {
	const around = 2 * 366
	for d, end := on.Add(-around), on.Add(around); d != end; d = d.Add(1) {
		if p, ok := f.Month(d); ok && p.Name == name {
			return true
		}
	}
	return false
}
