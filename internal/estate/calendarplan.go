package estate

import (
	"cmp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// CalendarPlans returns what the estate's calendar says for each of some
// entities, in their order.
func (e *Estate) CalendarPlans(entities []Entity) []calendar.Plan {
	days := e.DayCalendars()
	out := make([]calendar.Plan, len(entities))
	for i, ent := range entities {
		out[i] = e.calendarPlan(ent, days)
	}
	return out
}

func (e *Estate) calendarPlan(ent Entity, days map[string]*calendar.Days) calendar.Plan {
	p := calendar.Plan{
		Entity: ent.Name, Zone: ent.zone(e), Days: days[cmp.Or(ent.CloseCalendar, e.Calendar.Default)], Week: ent.week(), Fiscal: ent.Fiscal.of(),
		Close: e.closePlan(cmp.Or(ent.ClosePlan, e.Calendar.Close)), Payday: ent.Payday,
	}
	for _, x := range e.Calendar.Extensions {
		if x.Entity == "" || x.Entity == ent.Name {
			p.Extensions = append(p.Extensions, calendar.Extension{
				Period: x.Period, Milestone: x.Milestone, Phase: x.Phase, To: x.To.Mark, By: x.By, On: calendar.Date(x.On), Reason: x.Reason,
			})
		}
	}
	for _, c := range e.Calendar.Cutoffs {
		if c.Entity == "" || c.Entity == ent.Name {
			p.Cutoffs = append(p.Cutoffs, calendar.Cutoff{
				ID: c.ID, Title: c.Title, Process: c.Process, At: c.At.of(), Zone: c.Timezone.location, Days: e.bankDays(c, ent, days),
				Day: c.Day.CutoffDay, Weekdays: c.weekdays(), Margin: c.InternalMargin.D(), Source: c.Source,
			})
		}
	}
	for _, d := range e.Calendar.Deadlines {
		if d.Entity == "" || d.Entity == ent.Name {
			p.Dues = append(p.Dues, calendar.Due{
				ID: d.ID, Title: d.Title, Process: d.Process, Rule: d.Rule.DueRule, Adjust: d.Adjust, At: d.At.of(), Zone: d.Timezone.location,
				Days: days[d.Calendar], Source: d.Source,
			})
		}
	}
	for _, f := range e.Calendar.Freezes {
		if f.Scope.about(ent.Name) {
			p.Freezes = append(p.Freezes, calendar.Freeze{
				ID: f.ID, Title: f.Title, Components: f.Scope.Components, From: f.From.Mark, To: f.To.Mark, Level: f.Level, BreakGlass: calendar.BreakGlass(f.BreakGlass),
			})
		}
	}
	for _, m := range e.Calendar.Maintenance {
		if m.Scope.about(ent.Name) {
			p.Maintenance = append(p.Maintenance, calendar.Maintenance{
				ID: m.ID, Title: m.Title, Components: m.Scope.Components, On: calendar.Date(m.On), Repeat: m.Repeat.Repeat, Start: m.Start.of(),
				Duration: m.Duration.D(), Zone: cmp.Or(m.Timezone.location, e.Calendar.Timezone.Location()), Notice: int(m.Notice), Counts: m.CountsAgainst,
			})
		}
	}
	return p
}

// bankDays are those of a cut-off: of the calendar or currency it names, else
// of the entity's bank when it has only one. Nil is the close calendar.
func (e *Estate) bankDays(c Cutoff, ent Entity, declared map[string]*calendar.Days) *calendar.Days {
	name := cmp.Or(c.Calendar, ent.BankCalendars[c.Currency])
	if name == "" {
		name = ent.onlyBank()
	}
	return declared[name]
}

// onlyBank is the entity's bank calendar when all its currencies have the same.
func (e *Entity) onlyBank() string {
	name := ""
	for _, n := range e.BankCalendars {
		if name != "" && n != name {
			return ""
		}
		name = n
	}
	return name
}

func (e *Entity) zone(of *Estate) *time.Location {
	if e.Timezone.IsZero() {
		return of.Calendar.Timezone.Location()
	}
	return e.Timezone.Location()
}

// week is the entity's own work week; nil is that of its calendar.
func (e *Entity) week() *calendar.Workweek {
	if len(e.Workweek) == 0 {
		return nil
	}
	var w calendar.Workweek
	for _, d := range e.Workweek {
		w[d] = true
	}
	return &w
}

// appliesTo lists the entities something with an entity field is about.
func (e *Estate) appliesTo(entity string) []Entity {
	return slices.DeleteFunc(slices.Clone(e.Entities), func(ent Entity) bool { return entity != "" && ent.Name != entity })
}
