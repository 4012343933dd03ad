package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Recurrence is when work that returns is due: at a time of every working
// day, at a place around the end of each period, or on the day a rule gives.
// The zero Recurrence is never.
type Recurrence struct {
	daily bool
	mark  Mark
	rule  DueRule
	at    TimeOfDay // unless it is a mark
}

// everyWorkingDay is how a day that is worked is written.
const everyWorkingDay = "every working day"

// ParseRecurrence reads "every working day 10:00", a mark such as "WD+1 10:00",
// or a rule and a time such as "payday - 2 BD 22:00". Its errors read "what is
// wrong; what to write instead".
func ParseRecurrence(s string) (Recurrence, error) {
	const remedy = "write every working day 10:00, WD+1 10:00, or a rule and a time such as payday - 2 BD 22:00"
	if strings.HasPrefix(s, "WD") {
		m, err := ParseMark(s)
		return Recurrence{mark: m}, err
	}
	cut := strings.LastIndexByte(s, ' ')
	if cut < 0 {
		return Recurrence{}, fmt.Errorf("does not say a day and a time: %q; %s", s, remedy)
	}
	day, clock := strings.TrimSpace(s[:cut]), s[cut+1:]
	at, err := parseClock(clock)
	if err != nil {
		return Recurrence{}, fmt.Errorf("does not end with a time of day: %q; %s", clock, remedy)
	}
	if day == everyWorkingDay {
		return Recurrence{daily: true, at: at}, nil
	}
	rule, err := ParseDueRule(day)
	if err != nil {
		return Recurrence{}, fmt.Errorf("has a rule that cannot be read: %w", err)
	}
	return Recurrence{rule: rule, at: at}, nil
}

// String renders the recurrence as it is written.
func (r Recurrence) String() string {
	switch {
	case r.daily:
		return everyWorkingDay + " " + r.at.String()
	case r.rule.Base != "":
		return r.rule.String() + " " + r.at.String()
	case r.mark.WD != 0:
		return r.mark.String()
	default:
		return "never"
	}
}

// An Occasion is one time that returning work is due. The zero Occasion is
// none.
type Occasion struct {
	At  time.Time
	Day Date // in the entity's calendar; that which ends, at 24:00
}

// How many days around an instant are searched for occasions of a mark: a
// fiscal period has at most five weeks, and a mark lies at most farthest working
// days from its end.
const aroundMark = 150

// Occasions returns the newest occasion at or before t and the next after it. Either is
// zero when the calendar has none. It holds for any t, not only for the compiled
// time.
func (tl *Timeline) Occasions(r Recurrence, t time.Time) (last, next Occasion) {
	all := tl.occasions(r, DateOf(t.In(tl.plan.zone())))
	slices.SortFunc(all, func(a, b Occasion) int { return cmp.Or(a.At.Compare(b.At), a.Day.Compare(b.Day)) })
	for _, o := range all {
		if o.At.After(t) {
			return last, o
		}
		last = o
	}
	return last, Occasion{}
}

// occasions lists those around a day, in any order: one before and one after it
// at least, if the calendar has them.
func (tl *Timeline) occasions(r Recurrence, around Date) []Occasion {
	works := tl.plan.works()
	var days []Date
	at := r.at
	switch {
	case r.daily:
		for _, n := range []int{-2, -1, 1, 2} {
			if d, ok := works.step(around, n); ok {
				days = append(days, d)
			}
		}
		if works.on(around) {
			days = append(days, around)
		}
	case r.rule.Base != "":
		for _, base := range r.rule.bases(around.Year-ruleYears, around.Year+ruleYears, tl.plan.Payday, works) {
			if d, ok := r.rule.from(base, works); ok {
				days = append(days, d)
			}
		}
	case r.mark.WD != 0:
		at = r.mark.At
		for d := around.Add(-aroundMark); d.Before(around.Add(aroundMark)); {
			period, ok := tl.fiscal().Month(d)
			if !ok || period.Last.Before(d) {
				d = d.Add(1)
				continue
			}
			if day, ok := works.nth(period.Last, r.mark.WD); ok {
				days = append(days, day)
			}
			d = period.Last.Add(1)
		}
	}
	out := make([]Occasion, len(days))
	for i, d := range days {
		out[i] = Occasion{instant(d, at, tl.plan.zone()).UTC(), d}
	}
	return out
}

func (tl *Timeline) fiscal() *Fiscal {
	if tl.plan.Fiscal == nil {
		return Monthly()
	}
	return tl.plan.Fiscal
}

// WorkingDay returns the nth working day of the entity after d, or before it when n
// is negative; false when its calendar has none.
func (tl *Timeline) WorkingDay(d Date, n int) (Date, bool) { return tl.plan.works().step(d, n) }

// IsWorkingDay reports whether the entity works on d, if only for half of it.
func (tl *Timeline) IsWorkingDay(d Date) bool { return tl.plan.works().on(d) }

// Working days around the end of a period on which other work is done than on
// the same weekday in the middle of it: those of the usual pre-close and close.
const (
	distinctBefore = 3
	distinctAfter  = 5
)

// Class names what kind of day d is for the entity; on days of one class much
// the same work is usual. Half days and holidays are classes of their own;
// working days around the end of a period go by their number, WD-3 to WD+5,
// others by their weekday, as do days that are not worked.
func (tl *Timeline) Class(d Date) string {
	works := tl.plan.works()
	if name := d.Weekday().String(); !works.on(d) {
		if _, holiday := works.days.Holiday(d); holiday {
			return "holiday"
		}
		return name
	}
	if _, half := works.days.HalfDay(d); half {
		return "half day"
	}
	for n := 1; n <= distinctAfter; n++ { // the period may be any that has just ended
		if before, ok := works.step(d, -n); ok && tl.endsPeriod(before, works) {
			return fmt.Sprintf("WD+%d", n)
		}
	}
	for n := range distinctBefore {
		on := d
		if n > 0 {
			var ok bool
			if on, ok = works.step(d, n); !ok {
				break
			}
		}
		if tl.endsPeriod(on, works) {
			return fmt.Sprintf("WD-%d", n+1)
		}
	}
	return d.Weekday().String()
}

// endsPeriod reports whether a working day is the last of its period.
func (tl *Timeline) endsPeriod(d Date, works workdays) bool {
	period, ok := tl.fiscal().Month(d)
	if !ok {
		return false
	}
	next, ok := works.step(d, 1)
	return ok && period.Last.Before(next)
}
