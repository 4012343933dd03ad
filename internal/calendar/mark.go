package calendar

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Mark is a place around the end of a period: a time of day on WD±n, or the
// period's end itself.
type Mark struct {
	WD int       // 1 is WD+1, -1 is WD-1; 0 is the period's end, which has no time of day
	At TimeOfDay // 24:00 is the end of the day
}

// PeriodEnd is the first instant after a period's last day.
func PeriodEnd() Mark { return Mark{} }

// periodEnd is how the period's end is written.
const periodEnd = "period_end"

// farthest bounds WD±n: a close that takes longer than its period is none.
const farthest = 30

// ParseMark reads WD-3 08:00, WD+5 24:00 or period_end. Its errors read "what
// is wrong; what to write instead".
func ParseMark(s string) (Mark, error) {
	const remedy = "write a working day and a time such as WD+5 18:00, or period_end"
	if s == periodEnd {
		return PeriodEnd(), nil
	}
	day, at, _ := strings.Cut(s, " ")
	number, ok := strings.CutPrefix(day, "WD")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || len(number) > 3 {
		return Mark{}, fmt.Errorf("is not a place in the close: %q; %s", s, remedy)
	}
	if n == 0 {
		return Mark{}, fmt.Errorf("there is no WD0: %q; write WD-1 for the period's last working day, WD+1 for the first after it", s)
	}
	if number[0] != '+' && number[0] != '-' {
		return Mark{}, fmt.Errorf("does not say before or after the period's end: %q; write WD+%d or WD-%d", s, n, n)
	}
	if n > farthest || n < -farthest {
		return Mark{}, fmt.Errorf("is more than %d working days from the period's end: %q; %s", farthest, s, remedy)
	}
	if at == "" {
		return Mark{}, fmt.Errorf("has no time of day: %q; write %s 00:00 for its start, %s 24:00 for its end", s, day, day)
	}
	tod, err := parseClock(at)
	if err != nil {
		return Mark{}, fmt.Errorf("is not a time of day: %q; write hours and minutes such as %s 18:00", at, day)
	}
	return Mark{n, tod}, nil
}

// parseClock reads 00:00 to 24:00.
func parseClock(s string) (TimeOfDay, error) {
	if s == "24:00" {
		return EndOfDay(), nil
	}
	return ParseTimeOfDay(s)
}

// String renders the mark as it is written.
func (m Mark) String() string {
	if m.WD == 0 {
		return periodEnd
	}
	return fmt.Sprintf("WD%+d %02d:%02d", m.WD, m.At.Hour, m.At.Minute)
}

// Compare orders marks as they follow one another in any period: WD-1 24:00 is
// never after the period's end, WD+1 00:00 never before it.
func (m Mark) Compare(other Mark) int {
	return cmp.Or(cmp.Compare(m.WD, other.WD), cmp.Compare(m.At.minutes(), other.At.minutes()))
}

// in returns the mark's instant for a period; false when the calendar has no
// such working day.
func (m Mark) in(p Period, w workdays, zone *time.Location) (time.Time, bool) {
	if m.WD == 0 {
		return p.Last.Add(1).In(zone), true
	}
	d, ok := w.nth(p.Last, m.WD)
	return instant(d, m.At, zone), ok
}

// Next returns the first instant at or after from at which a mark lies, in any
// period of the compiled time; false when there is none.
func (tl *Timeline) Next(m Mark, from time.Time) (time.Time, bool) {
	var next time.Time
	for i := range tl.closes {
		at, ok := m.in(tl.closes[i].period, tl.plan.works(), tl.plan.zone())
		if ok && !at.Before(from) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next.UTC(), !next.IsZero()
}
