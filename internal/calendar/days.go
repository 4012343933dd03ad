package calendar

import "time"

// Days says which civil days are worked: a work week less holidays. Compose it
// with NewDays; it is not changed afterwards and is safe for concurrent use.
type Days struct {
	name     string
	week     Workweek
	holidays map[Date]string
	half     map[Date]TimeOfDay
}

// A Workweek tells the weekdays that are worked.
type Workweek [7]bool

// MondayToFriday is the usual work week.
func MondayToFriday() Workweek {
	return Workweek{time.Monday: true, time.Tuesday: true, time.Wednesday: true, time.Thursday: true, time.Friday: true}
}

// NewDays returns the days of a work week less holidays, each with its name.
// A half day is worked until the time given.
func NewDays(name string, week Workweek, holidays map[Date]string, half map[Date]TimeOfDay) *Days {
	return &Days{name: name, week: week, holidays: holidays, half: half}
}

// Name returns what the days are called in the estate.
func (c *Days) Name() string { return c.name }

// IsWorkingDay reports whether d is worked, if only for half of it.
func (c *Days) IsWorkingDay(d Date) bool {
	if !c.week[d.Weekday()] {
		return false
	}
	_, holiday := c.holidays[d]
	return !holiday
}

// Holiday returns the name of the holiday on d.
func (c *Days) Holiday(d Date) (name string, ok bool) {
	name, ok = c.holidays[d]
	return name, ok
}

// HalfDay returns until when d is worked, on a half day.
func (c *Days) HalfDay(d Date) (until TimeOfDay, ok bool) {
	until, ok = c.half[d]
	return until, ok && c.IsWorkingDay(d)
}

// WorkingDay returns WD±n around the end of a period whose last day is last:
// WD+1 is the first working day after it, WD-1 the last working day on or
// before it. n must not be 0: there is no WD0.
func (c *Days) WorkingDay(last Date, n int) Date {
	d, step := last.Add(1), 1
	if n < 0 {
		d, step, n = last, -1, -n
	}
	for {
		if c.IsWorkingDay(d) {
			if n--; n == 0 {
				return d
			}
		}
		d = d.Add(step)
	}
}

// A Doubt says why a calendar cannot be relied on at some instant: it is stale,
// does not reach far enough, or disagrees with another. With a doubt everything
// is taken to be in its critical window.
type Doubt struct {
	Calendar string // the name of the Days
	Why      string // "its newest entry is 2026-12-28, 32 days ahead; it must reach 60"
	Remedy   string // "fetch the file anew"
}

// Doubts returns why these days cannot be relied on at a day; nil when they
// can.
func (c *Days) Doubts(Date) []Doubt { return nil }
