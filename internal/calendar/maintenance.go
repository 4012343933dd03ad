package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Maintenance is work on components that was announced. Each of its windows is
// half-open and lasts Duration of elapsed time, also over a change of the clocks.
type Maintenance struct {
	ID         string
	Title      string
	Components []string // nil is all
	On         Date     // of a single window; zero when it repeats
	Repeat     Repeat
	Start      TimeOfDay
	Duration   time.Duration
	Zone       *time.Location // nil is the entity's
	Notice     int            // business days between the announcement and the window
	Counts     Counts
}

// Counts says which figures of an objective maintenance counts against.
type Counts string

// Counts.
const (
	CountsRaw  Counts = "raw"  // the raw figure only: the adjusted one leaves it out
	CountsBoth Counts = "both" // raw and adjusted
)

// A Repeat is a small part of RFC 5545's recurrence rules: weekly on some
// weekdays, or monthly on the nth of a weekday. The zero Repeat is once.
type Repeat struct {
	Monthly  bool
	Weekdays []time.Weekday
	Nth      int // monthly: 1 to 4, or -1 for the last
}

// IsZero reports whether nothing repeats.
func (r Repeat) IsZero() bool { return len(r.Weekdays) == 0 }

// ParseRepeat reads FREQ=WEEKLY;BYDAY=SA,SU or FREQ=MONTHLY;BYDAY=-1SU. Its
// errors read "what is wrong; what to write instead".
func ParseRepeat(s string) (Repeat, error) {
	const remedy = "write FREQ=WEEKLY;BYDAY=SU, or FREQ=MONTHLY;BYDAY=1SU for the first Sunday, -1SU for the last"
	freq, days, ok := strings.Cut(s, ";BYDAY=")
	r := Repeat{Monthly: freq == "FREQ=MONTHLY"}
	if !ok || !r.Monthly && freq != "FREQ=WEEKLY" {
		return Repeat{}, fmt.Errorf("is not a rule that is understood: %q; %s", s, remedy)
	}
	for day := range strings.SplitSeq(days, ",") {
		number, name := day[:max(0, len(day)-2)], day[max(0, len(day)-2):]
		weekday := slices.Index(weekdays(), name)
		nth, err := strconv.Atoi(number)
		valid := number == ""
		if r.Monthly {
			valid = err == nil && (nth == -1 || nth >= 1 && nth <= 4) && len(r.Weekdays) == 0 && number[0] != '+'
		}
		if weekday < 0 || !valid || slices.Contains(r.Weekdays, time.Weekday(weekday)) {
			return Repeat{}, fmt.Errorf("%q is not a day of a %s rule; %s", day, strings.ToLower(strings.TrimPrefix(freq, "FREQ=")), remedy)
		}
		r.Weekdays, r.Nth = append(r.Weekdays, time.Weekday(weekday)), nth
	}
	return r, nil
}

// weekdays names the days of the week as RFC 5545 does, Sunday first.
func weekdays() []string { return []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"} }

// String renders the rule as it is written.
func (r Repeat) String() string {
	if r.IsZero() {
		return ""
	}
	names := make([]string, len(r.Weekdays))
	for i, d := range r.Weekdays {
		names[i] = weekdays()[d]
	}
	if r.Monthly {
		return fmt.Sprintf("FREQ=MONTHLY;BYDAY=%d%s", r.Nth, names[0])
	}
	return "FREQ=WEEKLY;BYDAY=" + strings.Join(names, ",")
}

// on reports whether a window begins on d.
func (r Repeat) on(d Date) bool {
	if !slices.Contains(r.Weekdays, d.Weekday()) {
		return false
	}
	switch {
	case !r.Monthly:
		return true
	case r.Nth < 0:
		return d.Add(7).Month != d.Month
	default:
		return (d.Day-1)/7 == r.Nth-1
	}
}

// windows lists the windows that begin from first to last.
func (m *Maintenance) windows(first, last Date, zone *time.Location) []stretch {
	zone = zoneOr(m.Zone, zone)
	var out []stretch
	for d := first; !last.Before(d); d = d.Add(1) {
		if d == m.On || m.Repeat.on(d) {
			at := instant(d, m.Start, zone)
			out = append(out, stretch{at.Unix(), at.Add(m.Duration).Unix()})
		}
	}
	return out
}

// Excluded reports whether an instant lies in maintenance of one of some
// components that the adjusted figures leave out.
func (tl *Timeline) Excluded(components []string, t time.Time) bool {
	if tl.At(t).Maintenance == "" {
		return false
	}
	at := t.Unix()
	return slices.ContainsFunc(tl.windows, func(w named) bool {
		return w.holds(at) && slices.ContainsFunc(tl.plan.Maintenance, func(m Maintenance) bool {
			concerned := len(m.Components) == 0 || slices.ContainsFunc(components, func(c string) bool { return slices.Contains(m.Components, c) })
			return m.ID == w.id && m.Counts != CountsBoth && concerned
		})
	})
}
