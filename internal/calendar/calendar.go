// Package calendar knows working days, close phases and deadlines.
//
// Working days are counted around the end of a period: WD+1 is the first
// working day after it, WD-1 the last working day on or before it; there is no
// WD0. All arithmetic happens in the calendar's zone; results are instants. A
// calendar that cannot answer (no holidays for the year asked) says so, and the
// phase is then taken to be the more critical one.
//
// The package is pure: it reads no clock and no file.
package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A Phase is where an instant lies around a period end.
type Phase string

// Phases.
const (
	Normal   Phase = "normal"
	PreClose Phase = "pre_close" // WD-3 to period end
	Close    Phase = "close"     // period end to the close target
	Tail     Phase = "tail"      // after the close target, late entries still expected
)

// Critical reports whether a process's critical-window tier applies.
func (p Phase) Critical() bool { return p == PreClose || p == Close }

// A ClosePlan places the phases in working days around the period end. Times
// are the start of the day for From and the end of the day for To.
type ClosePlan struct {
	PreCloseFrom int // negative: -3 is WD-3
	CloseTo      int // positive: 5 is the end of WD+5
	TailTo       int // positive: 8 is the end of WD+8
}

// DefaultClosePlan closes in five working days.
func DefaultClosePlan() ClosePlan { return ClosePlan{PreCloseFrom: -3, CloseTo: 5, TailTo: 8} }

// A Cutoff is a daily deadline of a process, on working days only.
type Cutoff struct {
	ID      string
	Title   string // "AP cut-off"
	Process string
	At      TimeOfDay
	Days    []time.Weekday // of the working days, those it falls on; nil means all
}

// A Calendar is one entity's.
type Calendar struct {
	Zone     *time.Location
	Holidays map[Date]string
	Close    *ClosePlan // nil: no close is planned, every phase is Normal
	Cutoffs  []Cutoff
}

// IsWorkingDay reports whether d is Monday to Friday and no holiday.
func (c *Calendar) IsWorkingDay(d Date) bool {
	if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
		return false
	}
	_, holiday := c.Holidays[d]
	return !holiday
}

// WorkingDay returns WD±n of the month that ends before day one of the month
// after period. n must not be 0: there is no WD0.
func (c *Calendar) WorkingDay(period Date, n int) Date {
	first := Date{period.Year, period.Month + 1, 1}.Add(0) // day one after the period, normalised
	d, step := first, 1
	if n < 0 {
		d, step, n = first.Add(-1), -1, -n
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

// A Place is where an instant lies in the close calendar.
type Place struct {
	Phase  Phase
	Period string // "2026-11": the period the phase belongs to; "" in Normal
	Ends   time.Time
}

// String renders the place for people.
func (p Place) String() string {
	switch p.Phase {
	case PreClose:
		return "pre-close of " + p.Period
	case Close:
		return "close of " + p.Period
	case Tail:
		return "tail of " + p.Period
	default:
		return "normal days"
	}
}

// At returns where t lies. The phases of the month before and of t's own month
// are considered; the more critical one wins where they meet.
func (c *Calendar) At(t time.Time) Place {
	if c.Close == nil {
		return Place{Phase: Normal}
	}
	local := t.In(c.Zone)
	this := Date{local.Year(), local.Month(), 1}
	last := this.Add(-1)
	for _, period := range []Date{{last.Year, last.Month, 1}, this} {
		periodEnd := Date{period.Year, period.Month + 1, 1}.Add(0).In(c.Zone)
		preFrom := c.WorkingDay(period, c.Close.PreCloseFrom).In(c.Zone)
		closeTo := c.WorkingDay(period, c.Close.CloseTo).Add(1).In(c.Zone)
		tailTo := c.WorkingDay(period, c.Close.TailTo).Add(1).In(c.Zone)
		name := fmt.Sprintf("%04d-%02d", period.Year, period.Month)
		switch {
		case t.Before(preFrom):
		case t.Before(periodEnd):
			return Place{PreClose, name, periodEnd}
		case t.Before(closeTo):
			return Place{Close, name, closeTo}
		case t.Before(tailTo):
			return Place{Tail, name, tailTo}
		}
	}
	return Place{Phase: Normal}
}

// A Deadline is an instant by which a process's work must be done.
type Deadline struct {
	ID      string
	Title   string
	Process string
	At      time.Time
}

// Deadlines returns the next occurrence of every cut-off after t, soonest
// first.
func (c *Calendar) Deadlines(t time.Time) []Deadline {
	var out []Deadline
	for _, cut := range c.Cutoffs {
		day := DateOf(t.In(c.Zone))
		for {
			at := cut.At.On(day, c.Zone)
			falls := cut.Days == nil || slices.Contains(cut.Days, day.Weekday())
			if falls && c.IsWorkingDay(day) && at.After(t) {
				out = append(out, Deadline{cut.ID, cut.Title, cut.Process, at})
				break
			}
			day = day.Add(1)
		}
	}
	slices.SortFunc(out, func(a, b Deadline) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return out
}
