package calendar

import (
	"fmt"
	"time"
)

// A Situation is what the calendar says about one instant, for people.
type Situation struct {
	Entity    string
	At        time.Time // in the entity's zone
	Place     Place
	Day       string     // "WD-1 of 2026-12, half day until 14:00", "no working day (Christmas Day), after WD-5 of 2026-12"
	Deadlines []Deadline // the next of each, soonest first
	Freezes   []Freeze
	Works     []Maintenance // in progress
}

// WhatIf tells everything the calendar says about an instant.
func (tl *Timeline) WhatIf(t time.Time) Situation {
	local := t.In(tl.plan.zone())
	s := Situation{
		Entity: tl.plan.Entity, At: local, Place: tl.At(t), Day: tl.Day(DateOf(local)), Deadlines: tl.Deadlines(t, ""),
	}
	if title, what := dayTitle(tl.plan.works().days, DateOf(local)); what == "half day" {
		s.Day = join(s.Day, ", ", title)
	}
	s.Freezes = tl.FreezesAt(t)
	for _, m := range tl.plan.Maintenance {
		if isListed(s.Place.Maintenance, m.ID) {
			s.Works = append(s.Works, m)
		}
	}
	return s
}

// near is how many working days from a period's end a day is still named after
// it.
const near = 10

// Day names a day by its working day around the nearest period's end; "" when
// there is none.
func (tl *Timeline) Day(d Date) string {
	works := tl.plan.works()
	said := ""
	if !works.on(d) {
		said = "no working day"
		if name, ok := works.days.Holiday(d); ok {
			said = fmt.Sprintf("no working day (%s)", name)
		}
	}
	wd, period, ok := tl.ordinal(d, works)
	switch {
	case !ok && said == "" && tl.plan.Close != nil:
		return "working day"
	case !ok:
		return said
	case said == "":
		return fmt.Sprintf("WD%+d of %s", wd, period)
	default:
		return fmt.Sprintf("%s, after WD%+d of %s", said, wd, period)
	}
}

// ordinal returns which WD±n d is, or the newest working day before it.
func (tl *Timeline) ordinal(d Date, works workdays) (wd int, period string, ok bool) {
	if !works.on(d) {
		var found bool
		if d, found = works.step(d, -1); !found {
			return 0, "", false
		}
	}
	for i := range tl.closes {
		p := tl.closes[i].period
		for n := 1; n <= near; n++ {
			if after, found := works.nth(p.Last, n); found && after == d {
				return n, p.Name, true
			}
			if before, found := works.nth(p.Last, -n); found && before == d {
				return -n, p.Name, true
			}
		}
	}
	return 0, "", false
}
