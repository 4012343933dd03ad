package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Cutoff is an instant of a bank or scheme up to which it takes work for a
// value date. It returns on every banking day.
type Cutoff struct {
	ID      string
	Title   string // "SEPA file cut-off"
	Process string
	At      TimeOfDay
	Zone    *time.Location // the bank's; nil is the entity's
	Days    *Days          // the bank's calendar; nil is the entity's close calendar
	Day     CutoffDay
	// Weekdays are those of the value dates that are used; nil is all.
	Weekdays []time.Weekday
	// Margin is how much earlier work must be ready inside the house: of the
	// bank's and the internal instant the earlier counts.
	Margin time.Duration
	Source string // where the bank says so
}

// A CutoffDay says on which banking day the cut-off for a value date lies.
type CutoffDay struct {
	Entry  bool // counted from the day entries are made, not from the value date; they are named differently by schemes
	Before int  // banking days before it
}

// ParseCutoffDay reads value-0BD or entry-2BD. Its errors read "what is wrong;
// what to write instead".
func ParseCutoffDay(s string) (CutoffDay, error) {
	kind, rest, _ := strings.Cut(s, "-")
	number, days := strings.CutSuffix(rest, "BD")
	n, err := strconv.ParseUint(number, 10, 8)
	if kind != "value" && kind != "entry" || !days || err != nil || n > 10 {
		return CutoffDay{}, fmt.Errorf("is not a day of a cut-off: %q; write value-0BD, or entry-2BD for two banking days before the entry date; at most 10", s)
	}
	return CutoffDay{kind == "entry", int(n)}, nil
}

// String renders the rule as it is written.
func (c CutoffDay) String() string {
	if c.Entry {
		return fmt.Sprintf("entry-%dBD", c.Before)
	}
	return fmt.Sprintf("value-%dBD", c.Before)
}

// occurrences lists the cut-offs for the value dates from first to last. On a
// half day a cut-off that would be later than the end of work lies there.
func (c *Cutoff) occurrences(first, last Date, p *Plan) []occurrence {
	works := workdays{c.days(p), nil}
	zone := zoneOr(c.Zone, p.zone())
	var out []occurrence
	for v := first; !last.Before(v); v = v.Add(1) {
		if c.Weekdays != nil && !slices.Contains(c.Weekdays, v.Weekday()) || !works.on(v) {
			continue
		}
		day, ok := works.step(v, -c.Day.Before)
		if !ok {
			continue
		}
		at := c.At
		if until, half := works.days.HalfDay(day); half && at.minutes() > until.minutes() {
			at = until
		}
		bank := instant(day, at, zone)
		out = append(out, occurrence{bank.Add(-c.Margin).Unix(), bank.Unix(), v.String()})
	}
	return out
}

// Words says when the cut-off returns: "22:00, 2 BD before the entry date, on
// Fri, ready 4h before".
func (c *Cutoff) Words() string {
	said := fmt.Sprintf("%02d:%02d", c.At.Hour, c.At.Minute)
	if c.Zone != nil {
		said += " " + c.Zone.String()
	}
	if c.Day.Before > 0 {
		said += fmt.Sprintf(", %d BD before the %s date", c.Day.Before, map[bool]string{true: "entry", false: "value"}[c.Day.Entry])
	}
	var names []string
	for _, d := range c.Weekdays {
		names = append(names, d.String()[:3])
	}
	if len(names) > 0 {
		said += " on " + strings.Join(names, ", ")
	}
	if c.Margin > 0 {
		said += ", ready " + lasting(int64(c.Margin/time.Second)) + " before"
	}
	return said
}

// Calendar names the days the cut-off is on.
func (c *Cutoff) Calendar(p *Plan) string { return calendarName(c.days(p)) }

func (c *Cutoff) days(p *Plan) *Days {
	if c.Days == nil {
		return orWeekdays(p.Days)
	}
	return c.Days
}
