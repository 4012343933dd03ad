package calendar

import "slices"

// Bounds of what is counted, so that no calendar makes a search endless.
const (
	longestGap = 400     // days without a working day; more is a mistake or a doubt
	mostSteps  = 100_000 // working days in one step: four hundred years
)

// A Convention says where a day goes that is not worked.
type Convention string

// Conventions, as in the market's day-count definitions (ISDA 2006, 4.12).
const (
	None              Convention = "none"               // it stays
	Preceding         Convention = "preceding"          // to the working day before
	Following         Convention = "following"          // to the working day after
	ModifiedFollowing Convention = "modified_following" // after, but before when that is in the next month
)

// step returns the nearest working day after (step 1) or before (step -1) a
// numbered day. After longestGap days without one it gives up and returns the
// day it has come to; Doubts then says so.
func (c *Days) step(number, step int) int {
	for range longestGap {
		number += step
		if c.works(number) {
			break
		}
	}
	return number
}

// gap returns the first day of a run of longestGap days without work.
func (c *Days) gap() (from int, found bool) {
	if !slices.Contains(c.worked, 0) {
		return 0, false // every 64 days somebody works
	}
	for day := laidOut.first; day+longestGap <= laidOut.last; {
		next := c.step(day, 1)
		if !c.works(next) {
			return day + 1, true
		}
		day = next
	}
	return 0, false
}

// WorkingDay returns WD±n around the end of a period whose last day is last:
// WD+1 is the first working day after it, WD-1 the last working day on or
// before it. There is no WD0: it returns last itself. n is cut to ±100,000.
func (c *Days) WorkingDay(last Date, n int) Date {
	if n < 0 {
		return c.AddWorkingDays(last.Add(1), n)
	}
	return c.AddWorkingDays(last, n)
}

// AddWorkingDays returns the n-th working day after d, or before it when n is
// negative; with 0 it is d itself, worked or not. n is cut to ±100,000.
func (c *Days) AddWorkingDays(d Date, n int) Date {
	if n == 0 {
		return d
	}
	step := 1
	if n < 0 {
		step, n = -1, max(-n, 1) // -MinInt is still negative
	}
	number := d.number()
	for range min(n, mostSteps) {
		number = c.step(number, step)
	}
	return dateOf(number)
}

// WorkingDaysBetween counts the working days after from, up to and including
// to. When to is before from it counts those from to on and before from, as a
// negative number. So it undoes AddWorkingDays in either direction.
func (c *Days) WorkingDaysBetween(from, to Date) int {
	count := 0
	for day := from.number() + 1; day <= to.number(); day++ {
		if c.works(day) {
			count++
		}
	}
	for day := to.number(); day < from.number(); day++ {
		if c.works(day) {
			count--
		}
	}
	return count
}

// Adjust returns d when it is worked, and otherwise the day the convention
// moves it to.
func (c *Days) Adjust(d Date, convention Convention) Date {
	number := d.number()
	if c.works(number) || convention == None {
		return d
	}
	if convention == Preceding {
		return dateOf(c.step(number, -1))
	}
	after := dateOf(c.step(number, 1))
	if convention == ModifiedFollowing && after.Month != dateOf(number).Month {
		return dateOf(c.step(number, -1))
	}
	return after
}

// OrdinalOf returns which working day around the end of a period d is: 1 for
// WD+1, -1 for WD-1, never 0. ok is false when d is not worked.
func (c *Days) OrdinalOf(d Date, period Period) (n int, ok bool) {
	if !c.IsWorkingDay(d) {
		return 0, false
	}
	if period.Last.Before(d) {
		return c.WorkingDaysBetween(period.Last, d), true
	}
	return c.WorkingDaysBetween(period.Last.Add(1), d), true
}
