package routing

import (
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// An Interval is a named set of times, as Alertmanager has it.
type Interval struct {
	Name  string
	Says  string // a comment for people
	Slots []Slot // in any of which the interval holds
}

// A Slot is times of day on some days, in a zone.
type Slot struct {
	From, To int      // minutes of the day, half-open; 0 and 1440 are the whole day
	Weekdays []bool   // Sunday first; nil is any
	Days     [][2]int // of the month, both included; nil is any
	Months   [2]int   // both included; zero is any
	Years    [2]int   // both included; zero is any
	Zone     *time.Location
}

// wholeDay is how many minutes a day has.
const wholeDay = 24 * 60

// lastYear is the end of what is not laid out day by day.
const lastYear = 2100

// Holds reports whether an instant lies in the interval.
func (i Interval) Holds(t time.Time) bool {
	return slices.ContainsFunc(i.Slots, func(s Slot) bool { return s.holds(t) })
}

func (s Slot) holds(t time.Time) bool {
	t = t.In(s.Zone)
	minute := t.Hour()*60 + t.Minute()
	within := func(v int, in [2]int) bool { return in == [2]int{} || in[0] <= v && v <= in[1] }
	return s.From <= minute && minute < s.To &&
		(s.Weekdays == nil || s.Weekdays[t.Weekday()]) &&
		(s.Days == nil || slices.ContainsFunc(s.Days, func(in [2]int) bool { return within(t.Day(), in) })) &&
		within(int(t.Month()), s.Months) && within(t.Year(), s.Years)
}

// A span is a half-open time.
type span struct{ from, to time.Time }

// spansOf are the times at which a calendar's place is so, those that meet as one.
func spansOf(tl *calendar.Timeline, from, to time.Time, is func(calendar.Place) bool) []span {
	var out []span
	for _, s := range tl.Spans() {
		x := span{s.From, s.To}
		if x.from.Before(from) {
			x.from = from
		}
		if x.to.After(to) {
			x.to = to
		}
		switch {
		case !is(s.Place) || !x.from.Before(x.to):
		case len(out) > 0 && out[len(out)-1].to.Equal(x.from):
			out[len(out)-1].to = x.to
		default:
			out = append(out, x)
		}
	}
	return out
}

// slotsOf lays spans out in days of the zone's months: whole days together, and
// parts of days by themselves.
func slotsOf(spans []span, zone *time.Location) []Slot {
	var days []dayPart
	for _, s := range spans {
		from, to := s.from.In(zone), s.to.In(zone)
		for d := calendar.DateOf(from); d.In(zone).Before(to); d = d.Add(1) {
			part := dayPart{d, 0, wholeDay}
			if d == calendar.DateOf(from) {
				part.from = from.Hour()*60 + from.Minute()
			}
			if d == calendar.DateOf(to) {
				part.to = to.Hour()*60 + to.Minute()
			}
			if part.from < part.to {
				days = append(days, part)
			}
		}
	}
	return together(days, zone)
}

// A dayPart is a part of a day, in minutes.
type dayPart struct {
	date     calendar.Date
	from, to int
}

// together joins days of a month that have the same hours.
func together(days []dayPart, zone *time.Location) []Slot {
	var out []Slot
	for _, d := range days {
		i := slices.IndexFunc(out, func(s Slot) bool {
			return s.From == d.from && s.To == d.to && s.Years[0] == d.date.Year && s.Months[0] == int(d.date.Month)
		})
		if i < 0 {
			i = len(out)
			out = append(out, Slot{From: d.from, To: d.to, Months: [2]int{int(d.date.Month), int(d.date.Month)}, Years: [2]int{d.date.Year, d.date.Year}, Zone: zone})
		}
		s := &out[i]
		if n := len(s.Days); n > 0 && s.Days[n-1][1] == d.date.Day-1 {
			s.Days[n-1][1] = d.date.Day
		} else {
			s.Days = append(s.Days, [2]int{d.date.Day, d.date.Day})
		}
	}
	return out
}

// workingHours are those of an entity: on its working days as far as they are laid
// out, and on the days of its week from then on, so that an old file mutes no more
// than weekends. A day on which its calendar is in doubt is a working day.
func workingHours(c Calendar, hours Hours, first, end calendar.Date) []Slot {
	zone := c.Timeline.Zone()
	var days []dayPart
	for d := first; d.Before(end); d = d.Add(1) {
		noon := d.In(zone).Add(12 * time.Hour)
		if c.Timeline.IsWorkingDay(d) || c.Timeline.At(noon).Doubt != "" {
			days = append(days, dayPart{d, hours.From, hours.To})
		}
	}
	out := together(days, zone)
	week := make([]bool, 7)
	for i := range week {
		week[i] = c.Week[i]
	}
	if int(end.Month) > 1 {
		out = append(out, Slot{From: hours.From, To: hours.To, Weekdays: week, Months: [2]int{int(end.Month), 12}, Years: [2]int{end.Year, end.Year}, Zone: zone})
		end = calendar.Date{Year: end.Year + 1, Month: time.January, Day: 1}
	}
	return append(out, Slot{From: hours.From, To: hours.To, Weekdays: week, Years: [2]int{end.Year, lastYear}, Zone: zone})
}

// intervals are those of every entity, from the first day up to end.
func intervals(calendars []Calendar, hours Hours, first, end calendar.Date) []Interval {
	var out []Interval
	for _, c := range calendars {
		zone := c.Timeline.Zone()
		from, to := first.In(zone), end.In(zone)
		inClose := slotsOf(spansOf(c.Timeline, from, to, func(p calendar.Place) bool { return p.Phase == calendar.PreClose || p.Phase == calendar.Close }), zone)
		frozen := slotsOf(spansOf(c.Timeline, from, to, func(p calendar.Place) bool { return p.Freeze != "" }), zone)
		for _, i := range []Interval{
			{closeOf(c.Entity), "Pre-close and close of " + c.Entity + ", as planned.", inClose},
			{freezeOf(c.Entity), "Changes are frozen at " + c.Entity + ".", frozen},
			{hoursOf(c.Entity), fmt.Sprintf("Working days of %s, %s to %s.", c.Entity, clock(hours.From), clock(hours.To)), workingHours(c, hours, first, end)},
		} {
			if len(i.Slots) > 0 { // Alertmanager takes an empty one for always
				out = append(out, i)
			}
		}
	}
	return out
}

func closeOf(entity string) string  { return "closewatch-close-" + entity }
func freezeOf(entity string) string { return "closewatch-freeze-" + entity }
func hoursOf(entity string) string  { return "closewatch-working-hours-" + entity }

// clock renders minutes of a day.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
