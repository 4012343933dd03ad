// Package calendar knows working days, close phases, cut-offs, deadlines,
// freezes and maintenance.
//
// Working days are counted around the end of a period: WD+1 is the first
// working day after it, WD-1 the last working day on or before it; there is no
// WD0. All arithmetic happens in a zone; results are instants. Intervals are
// half-open. A Plan is everything one entity's calendar says; Compile lays it
// out on the time line, where any instant is found in a binary search. A
// calendar that cannot be relied on at some day, or does not reach it, says so,
// and everything there is taken to be in its critical window.
//
// The package is pure: it reads no clock and no file.
package calendar

import (
	"cmp"
	"slices"
	"time"
)

// A Plan is everything the calendar says for one entity. It is not changed
// after it was given to Compile.
type Plan struct {
	Entity string
	Zone   *time.Location // nil is UTC
	// Days are those the entity's close works on; nil is Monday to Friday
	// without holidays. Cut-offs and deadlines have days of their own.
	Days *Days
	// Week is the entity's own work week; nil is that of Days.
	Week        *Workweek
	Fiscal      *Fiscal    // nil is the months of the civil year
	Close       *ClosePlan // nil: no close is planned, every phase is Normal
	Extensions  []Extension
	Cutoffs     []Cutoff
	Dues        []Due
	Payday      int // day of the month that wages are paid on, 31 is its last; 0 is none
	Freezes     []Freeze
	Maintenance []Maintenance
}

// Doubts returns why each calendar the plan rests on cannot be relied on at an
// instant, by its name; none for one that can.
func (p *Plan) Doubts(t time.Time) map[string][]Doubt {
	out := map[string][]Doubt{}
	for _, days := range p.calendars() {
		out[calendarName(days)] = days.Doubts(DateOf(t.In(p.zone())))
	}
	return out
}

// A Use is one calendar of a plan, and what it is for.
type Use struct {
	Days *Days
	For  []string // "close", then the titles of cut-offs and deadlines
}

// Uses lists the calendars the plan rests on, each once: that of the close
// first, then those of cut-offs and deadlines.
func (p *Plan) Uses() []Use {
	out := []Use{{orWeekdays(p.Days), []string{"close"}}}
	add := func(d *Days, what string) {
		i := 0 // nil is that of the close
		if d != nil {
			i = slices.IndexFunc(out, func(u Use) bool { return u.Days == d })
		}
		if i < 0 {
			i, out = len(out), append(out, Use{Days: d})
		}
		out[i].For = append(out[i].For, what)
	}
	for i := range p.Cutoffs {
		add(p.Cutoffs[i].Days, cmp.Or(p.Cutoffs[i].Title, p.Cutoffs[i].ID))
	}
	for i := range p.Dues {
		add(p.Dues[i].Days, cmp.Or(p.Dues[i].Title, p.Dues[i].ID))
	}
	return out
}

// calendars lists the days of Uses.
func (p *Plan) calendars() []*Days {
	uses := p.Uses()
	out := make([]*Days, len(uses))
	for i := range uses {
		out[i] = uses[i].Days
	}
	return out
}

// zone is never nil.
func (p *Plan) zone() *time.Location { return zoneOr(p.Zone, time.UTC) }

func zoneOr(zone, other *time.Location) *time.Location {
	if zone == nil {
		return other
	}
	return zone
}

// works are the days of the entity's close.
func (p *Plan) works() workdays { return workdays{orWeekdays(p.Days), p.Week} }

// A workdays is a calendar as an entity works it.
type workdays struct {
	days *Days
	week *Workweek // instead of that of days
}

func orWeekdays(d *Days) *Days {
	if d == nil {
		return NewDays("", MondayToFriday(), nil, nil)
	}
	return d
}

func (w workdays) on(d Date) bool {
	if w.week == nil {
		return w.days.IsWorkingDay(d)
	}
	_, holiday := w.days.Holiday(d)
	return w.week[d.Weekday()] && !holiday
}

// nth returns WD±n around the end of a period whose last day is last; false
// when the calendar has no such day.
func (w workdays) nth(last Date, n int) (Date, bool) {
	if n < 0 {
		return w.step(last.Add(1), n)
	}
	return w.step(last, n)
}

// step returns the nth working day after d, or before it when n is negative.
func (w workdays) step(d Date, n int) (Date, bool) {
	by := 1
	if n < 0 {
		by, n = -1, -n
	}
	for free := 0; n > 0; free++ {
		if free > longestGap {
			return d, false
		}
		if d = d.Add(by); w.on(d) {
			n, free = n-1, 0
		}
	}
	return d, true
}

// instant is a time of day on d; 24:00 is the end of the day.
func instant(d Date, at TimeOfDay, zone *time.Location) time.Time {
	if at.Hour >= 24 {
		return d.Add(1).In(zone)
	}
	return at.On(d, zone)
}

// EndOfDay is 24:00: the first instant of the next day.
func EndOfDay() TimeOfDay { return TimeOfDay{Hour: 24} }
