package app

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// An EntityCalendar is one entity's calendar over some time, for people and
// machines.
type EntityCalendar struct {
	Entity        string          `json:"entity"`
	Zone          string          `json:"zone"`
	CloseCalendar string          `json:"close_calendar"`
	ClosePlan     string          `json:"close_plan,omitempty"`
	Days          []DaysShown     `json:"days"`
	Hash          string          `json:"calendar_hash"`
	From          time.Time       `json:"from"`
	To            time.Time       `json:"to"`
	Closes        []Close         `json:"closes"` // of which lock dates tell, planned against actual
	Events        []CalendarEvent `json:"events"`
	Cutoffs       []CutoffShown   `json:"cutoffs"`
	Extensions    []string        `json:"extensions"`
}

// A DaysShown is a calendar of working days that an entity's calendar rests on.
type DaysShown struct {
	Name    string        `json:"name"`
	For     []string      `json:"for"` // "close", then the titles of cut-offs and deadlines
	Week    string        `json:"week"`
	First   string        `json:"first,omitempty"` // the days it can answer for; "" has no bound
	Last    string        `json:"last,omitempty"`
	Sources []SourceShown `json:"sources"`
	// DoubtFrom is the first day shown on which it cannot be relied on, for the
	// reasons that Doubts gives.
	DoubtFrom string   `json:"doubt_from,omitempty"`
	Doubts    []string `json:"doubts"`
}

// A SourceShown is where days come from.
type SourceShown struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Source  string `json:"source,omitempty"`
	Checked string `json:"checked,omitempty"`
	Hash    string `json:"hash,omitempty"`
}

// A CalendarEvent is something that begins or falls due.
type CalendarEvent struct {
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	AllDay  bool      `json:"all_day,omitempty"`
	What    string    `json:"what"`
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Process string    `json:"process,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Day     string    `json:"day"` // "WD+1 of 2026-11"
}

// A CutoffShown is a cut-off as it returns.
type CutoffShown struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Process  string    `json:"process"`
	Rule     string    `json:"rule"`
	Calendar string    `json:"calendar"`
	Next     time.Time `json:"next,omitzero"`
	Bank     time.Time `json:"bank_at,omitzero"`
	Source   string    `json:"source,omitempty"`
}

// margin is compiled beside what is shown: phases that began before, deadlines
// that follow.
const margin = 62 * 24 * time.Hour

// Calendars lists what the calendar says over [from, to), for one entity or,
// with an empty name, for all.
func (p *Plan) Calendars(entity string, from, to time.Time) []EntityCalendar {
	var out []EntityCalendar
	for _, plan := range p.Estate.CalendarPlans(entities(p.Estate, p.tenants)) {
		if entity == "" || plan.Entity == entity {
			out = append(out, entityCalendar(plan, p.went(plan.Entity), from, to))
		}
	}
	return out
}

func entityCalendar(plan calendar.Plan, went []calendar.Actual, from, to time.Time) EntityCalendar {
	planned := calendar.Compile(plan, from.Add(-margin), to.Add(margin))
	tl := planned.With(went)
	zone := tl.Zone()
	out := EntityCalendar{
		Entity: plan.Entity, Zone: zone.String(), CloseCalendar: plan.Days.Name(), Hash: plan.Hash(), From: from.In(zone), To: to.In(zone),
		Closes: filled(closesSeen(tl, planned)), Events: []CalendarEvent{}, Cutoffs: []CutoffShown{}, Extensions: []string{},
	}
	if plan.Close != nil {
		out.ClosePlan = plan.Close.Name
	}
	for _, use := range plan.Uses() {
		out.Days = append(out.Days, daysShown(use, plan.Week, out.From, out.To))
	}
	for _, e := range tl.Events(from, to) {
		day := calendar.DateOf(e.Start)
		if e.Due() {
			day = calendar.DateOf(e.Start.Add(-time.Second)) // due at midnight is due in the day that ends
		}
		out.Events = append(out.Events, CalendarEvent{e.Start, e.End, e.AllDay, e.What, e.ID, e.Title, e.Process, e.Detail, tl.Day(day)})
	}
	next := tl.Deadlines(from.Add(-time.Second), "")
	for i := range plan.Cutoffs {
		c := &plan.Cutoffs[i]
		shown := CutoffShown{ID: c.ID, Title: c.Title, Process: c.Process, Rule: c.Words(), Calendar: c.Calendar(&plan), Source: c.Source}
		if n := slices.IndexFunc(next, func(d calendar.Deadline) bool { return d.ID == c.ID }); n >= 0 {
			shown.Next, shown.Bank = next[n].At.In(zone), next[n].Bank.In(zone)
		}
		out.Cutoffs = append(out.Cutoffs, shown)
	}
	for _, x := range plan.Extensions {
		out.Extensions = append(out.Extensions, x.Words())
	}
	return out
}

// daysShown tells of one calendar; week is the entity's own, instead of that of
// the calendar its close is on.
func daysShown(use calendar.Use, week *calendar.Workweek, from, to time.Time) DaysShown {
	first, last := use.Days.Coverage()
	out := DaysShown{
		Name: use.Days.Name(), For: use.For, Week: use.Days.Week().String(), First: dayOrNone(first), Last: dayOrNone(last),
		Sources: []SourceShown{}, Doubts: []string{},
	}
	if week != nil && slices.Contains(use.For, "close") {
		out.Week = week.String()
	}
	for _, s := range use.Days.Sources() {
		out.Sources = append(out.Sources, SourceShown{s.Name, s.Title, s.Source, dayOrNone(s.Checked), s.Hash})
	}
	for d, end := calendar.DateOf(from), calendar.DateOf(to); d.Before(end) && len(out.Doubts) == 0; d = d.Add(1) {
		for _, doubt := range use.Days.Doubts(d) {
			out.DoubtFrom = d.String()
			out.Doubts = append(out.Doubts, doubt.String())
		}
	}
	return out
}

// dayOrNone renders a day; "" when there is none.
func dayOrNone(d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// Entities names the entities whose outcomes are judged.
func (p *Plan) Entities() []string {
	var out []string
	for _, ent := range entities(p.Estate, p.tenants) {
		out = append(out, ent.Name)
	}
	return out
}

// CalendarChanges says in words what changes from one estate's calendar to
// another's, over the two years from an instant. Entities are told apart by
// their names.
func CalendarChanges(old, now *Plan, from time.Time) []calendar.Change {
	_, to := calendar.Horizon(from)
	lay := func(p *Plan) map[string]*calendar.Timeline {
		out := map[string]*calendar.Timeline{}
		for _, plan := range p.Estate.CalendarPlans(entities(p.Estate, p.tenants)) {
			out[plan.Entity] = calendar.Compile(plan, from, to)
		}
		return out
	}
	was, is := lay(old), lay(now)
	var out []calendar.Change
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(old.Entities(), now.Entities())))) {
		out = append(out, calendar.Diff(was[name], is[name])...)
	}
	return out
}
