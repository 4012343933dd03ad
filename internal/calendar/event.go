package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Event is one entry of a printed or published calendar.
type Event struct {
	Start   time.Time // in the entity's zone
	End     time.Time // equal to Start for an instant
	AllDay  bool
	What    string // phase, holiday, half day, milestone, cut-off, deadline, freeze, maintenance
	ID      string // unique with What and Start
	Title   string
	Process string
	Detail  string // owner, source, what is needed: for people
}

// Due reports whether the event is an instant up to which something is done.
func (e Event) Due() bool { return e.Start.Equal(e.End) }

// Events lists everything that begins in [from, to) of the compiled time, in
// order.
func (tl *Timeline) Events(from, to time.Time) []Event {
	in := stretch{max(from.Unix(), tl.from), min(to.Unix(), tl.to)}
	out := slices.Concat(tl.phaseEvents(in), tl.dayEvents(in), tl.deadlineEvents(in), tl.freezeEvents(in), tl.maintenanceEvents(in))
	slices.SortStableFunc(out, func(a, b Event) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(eventRank(a), eventRank(b)), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// eventRank puts what frames a day before what is due in it.
func eventRank(e Event) int {
	frames := []string{"holiday", "half day", "phase", "freeze", "maintenance"}
	if i := slices.Index(frames, e.What); i >= 0 {
		return i
	}
	return len(frames)
}

func (tl *Timeline) local(at int64) time.Time { return time.Unix(at, 0).In(tl.plan.zone()) }

func (tl *Timeline) phaseEvents(in stretch) []Event {
	var out []Event
	for _, c := range tl.closes {
		for _, s := range c.stretches() {
			if s.from < s.to && in.holds(s.from) {
				out = append(out, Event{
					Start: tl.local(s.from), End: tl.local(s.to), What: "phase", ID: s.id(c.period.Name),
					Title: tl.placeIn(s, c.period.Name).String() + s.verb(),
				})
			}
		}
	}
	return out
}

// dayEvents lists holidays and half days of the close calendar and of the
// banks'; a holiday of several is one event.
func (tl *Timeline) dayEvents(in stretch) []Event {
	zone := tl.plan.zone()
	var out []Event
	for d, end := tl.civil(in.from), tl.civil(in.to); d.Before(end); d = d.Add(1) {
		if d.In(zone).Unix() < in.from {
			continue
		}
		names := map[string][]string{} // calendars by what they call the day
		var order []string
		for _, days := range tl.plan.calendars() {
			title, what := dayTitle(days, d)
			if what == "" {
				continue
			}
			key := what + "\x00" + title
			if _, seen := names[key]; !seen {
				order = append(order, key)
			}
			names[key] = append(names[key], calendarName(days))
		}
		for _, key := range order {
			what, title, _ := strings.Cut(key, "\x00")
			out = append(out, Event{
				Start: d.In(zone), End: d.Add(1).In(zone), AllDay: true, What: what, ID: strings.Join(names[key], "-"),
				Title: title, Detail: strings.Join(names[key], ", "),
			})
		}
	}
	return out
}

func dayTitle(days *Days, d Date) (title, what string) {
	if name, ok := days.Holiday(d); ok {
		return cmp.Or(name, "holiday"), "holiday"
	}
	if until, ok := days.HalfDay(d); ok {
		return fmt.Sprintf("half day until %02d:%02d", until.Hour, until.Minute), "half day"
	}
	return "", ""
}

func (tl *Timeline) deadlineEvents(in stretch) []Event {
	var out []Event
	for i := range tl.series {
		s := &tl.series[i]
		for n := s.after(in.from - 1); n < len(s.at) && s.at[n].at < in.to; n++ {
			d := s.occurs(n)
			at := tl.local(s.at[n].at)
			out = append(out, Event{Start: at, End: at, What: string(s.Kind), ID: s.ID, Title: s.Title, Process: s.Process, Detail: tl.detail(d)})
		}
	}
	return out
}

// detail says what a reader should know about a deadline beside its time.
func (tl *Timeline) detail(d Deadline) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch d.Kind {
	case CutoffKind:
		i := slices.IndexFunc(tl.plan.Cutoffs, func(c Cutoff) bool { return c.ID == d.ID })
		c := &tl.plan.Cutoffs[i]
		add("%s %s", map[bool]string{true: "entry", false: "value"}[c.Day.Entry], d.For)
		if c.Margin > 0 {
			add("bank %s", d.Bank.In(zoneOr(c.Zone, tl.plan.zone())).Format("15:04 MST"))
		}
		if c.Source != "" {
			add("source %s", c.Source)
		}
	case DueKind:
		i := slices.IndexFunc(tl.plan.Dues, func(du Due) bool { return du.ID == d.ID })
		add("%s", tl.plan.Dues[i].Rule)
		if src := tl.plan.Dues[i].Source; src != "" {
			add("source %s", src)
		}
	case MilestoneKind:
		m := tl.milestone(d.ID)
		add("%s", d.For)
		for _, fact := range []struct{ word, value string }{
			{"owner", m.Owner},
			{"known by", string(m.Source)},
			{"after", strings.Join(m.Depends, ", ")},
			{"sets", string(m.SoftClose)},
			{"not reviewed by", m.ReviewerNot},
			{"checks", m.Check},
		} {
			if fact.value != "" {
				add("%s %s", fact.word, fact.value)
			}
		}
	}
	return strings.Join(parts, "; ")
}

func (tl *Timeline) milestone(id string) Milestone {
	for _, m := range tl.plan.Close.Milestones {
		if m.ID == id {
			return m
		}
	}
	return Milestone{}
}

func (tl *Timeline) freezeEvents(in stretch) []Event {
	var out []Event
	for _, n := range tl.freezes {
		if !in.holds(n.from) {
			continue
		}
		i := slices.IndexFunc(tl.plan.Freezes, func(f Freeze) bool { return f.ID == n.id })
		f := tl.plan.Freezes[i]
		out = append(out, Event{
			Start: tl.local(n.from), End: tl.local(n.to), What: "freeze", ID: n.id + "-" + n.period,
			Title: cmp.Or(f.Title, f.ID) + " begins", Detail: f.Words(),
		})
	}
	return out
}

// Words says what the freeze forbids, of what, and what breaks it.
func (f Freeze) Words() string {
	said := string(f.Level) + " freeze of " + scope(f.Components)
	if f.BreakGlass.Approvers > 0 {
		said += fmt.Sprintf("; break-glass needs %d approvers", f.BreakGlass.Approvers)
		if f.BreakGlass.Ticket {
			said += " and a ticket"
		}
	}
	return said
}

func scope(components []string) string {
	if len(components) == 0 {
		return "everything"
	}
	return strings.Join(components, ", ")
}

func (tl *Timeline) maintenanceEvents(in stretch) []Event {
	var out []Event
	for _, n := range tl.windows {
		if !in.holds(n.from) {
			continue
		}
		i := slices.IndexFunc(tl.plan.Maintenance, func(m Maintenance) bool { return m.ID == n.id })
		m := tl.plan.Maintenance[i]
		detail := []string{m.Words()}
		for _, h := range tl.hits(n) {
			detail = append(detail, "collides with "+h.with)
		}
		out = append(out, Event{Start: tl.local(n.from), End: tl.local(n.to), What: "maintenance", ID: n.id, Title: cmp.Or(m.Title, m.ID), Detail: strings.Join(detail, "; ")})
	}
	return out
}

// Words says what is worked on and what it counts against.
func (m Maintenance) Words() string {
	said := "of " + scope(m.Components)
	if m.Notice > 0 {
		said += fmt.Sprintf("; notice %d BD", m.Notice)
	}
	if m.Counts == CountsBoth {
		return said + "; counts against raw and adjusted figures"
	}
	return said + "; counts against raw figures only"
}

// A hit is something a maintenance window should not lie in.
type hit struct {
	with  string // "close of 2026-11", "SEPA file cut-off"
	phase bool
}

// hits lists the critical phases and the cut-offs a window lies in.
func (tl *Timeline) hits(w named) []hit {
	var out []hit
	for _, c := range tl.closes {
		for _, phase := range []Phase{PreClose, Close} {
			if s := c.spans[phase]; s.from < w.to && w.from < s.to {
				out = append(out, hit{Place{Phase: phase, Period: c.period.Name}.String(), true})
			}
		}
	}
	for i := range tl.series {
		s := &tl.series[i]
		if n := s.after(w.from - 1); s.Kind == CutoffKind && n < len(s.at) && s.at[n].at < w.to {
			out = append(out, hit{s.Title, false})
		}
	}
	return out
}

// A Collision is maintenance in a critical phase or over a cut-off: allowed,
// and to be known before it is announced.
type Collision struct {
	Maintenance string
	First       time.Time // the first window that does
	With        string    // "close of 2026-11", "SEPA file cut-off"
	Phase       bool      // With is a phase, not a cut-off
	Windows     int       // how many do
}

// Collisions lists, for every maintenance, the first critical phase it lies in
// and the first of each cut-off, with how many windows do the same.
func (tl *Timeline) Collisions() []Collision {
	var out []Collision
	at := map[string]int{} // by maintenance and cut-off; all phases are one
	for _, w := range tl.windows {
		counted := map[string]bool{}
		for _, h := range tl.hits(w) {
			key := w.id + "\x00"
			if !h.phase {
				key += h.with
			}
			if counted[key] {
				continue
			}
			counted[key] = true
			if _, seen := at[key]; !seen {
				at[key] = len(out)
				out = append(out, Collision{Maintenance: w.id, First: tl.local(w.from), With: h.with, Phase: h.phase})
			}
			out[at[key]].Windows++
		}
	}
	return out
}
