package estate

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Calendar is the finance calendar the estate declares: which days are worked,
// how periods are closed, and what is due when.
type Calendar struct {
	Timezone    Zone                   `yaml:"timezone"` // the estate's when it names none
	Days        map[string]DayCalendar `yaml:"days"`
	Default     string                 `yaml:"default"`  // the one of days that counts where none is named
	Holidays    []Date                 `yaml:"holidays"` // added to the default calendar
	Close       string                 `yaml:"close"`    // a close plan by name, or none
	ClosePlans  map[string]ClosePlan   `yaml:"closePlans"`
	Cutoffs     []Cutoff               `yaml:"cutoffs"`
	Deadlines   []Deadline             `yaml:"deadlines"`
	Extensions  []Extension            `yaml:"extensions"`
	Freezes     []Freeze               `yaml:"freezes"`
	Maintenance []Maintenance          `yaml:"maintenance"`
}

// What calendar.close and an entity's closePlan may say besides a name under
// closePlans.
const (
	MonthlyClose = "month" // the default: five working days, unless closePlans.month says otherwise
	NoClose      = "none"  // no phase matters more than another
)

// mostEntries bounds each list of the calendar.
const mostEntries = 200

// SetDefaults implements Defaulter.
func (c *Calendar) SetDefaults() { c.Close = MonthlyClose }

// Validate implements Validator.
func (c *Calendar) Validate() []Problem {
	var ps []Problem
	days := map[Date]bool{}
	for i, day := range c.Holidays {
		if days[day] {
			ps = append(ps, Problem{fmt.Sprintf("holidays[%d]", i), fmt.Sprintf("%s is listed twice", day), "keep one of the two"})
		}
		days[day] = true
	}
	for name := range c.ClosePlans {
		if name == NoClose {
			ps = append(ps, Problem{"closePlans." + name, "is the name for no close at all", "give the plan another name"})
		} else if p, bad := nameProblem("closePlans."+clip(name), name); bad {
			ps = append(ps, p)
		}
	}
	for field, n := range map[string]int{
		"cutoffs": len(c.Cutoffs), "deadlines": len(c.Deadlines), "extensions": len(c.Extensions), "freezes": len(c.Freezes), "maintenance": len(c.Maintenance),
	} {
		if n > mostEntries {
			ps = append(ps, Problem{field, fmt.Sprintf("has %d entries", n), fmt.Sprintf("write at most %d: each is followed for two years at every entity", mostEntries)})
		}
	}
	return ps
}

// A Zone is a time zone by its IANA name. The zero Zone is UTC.
type Zone struct{ location *time.Location }

// Location returns the zone, never nil.
func (z Zone) Location() *time.Location {
	if z.location == nil {
		return time.UTC
	}
	return z.location
}

// IsZero reports whether no zone was given.
func (z Zone) IsZero() bool { return z.location == nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (z *Zone) UnmarshalText(b []byte) error {
	location, err := time.LoadLocation(string(b))
	if err != nil || len(b) == 0 || string(b) == "Local" {
		return fmt.Errorf("is not a time zone: %q; write an IANA name such as Europe/Vienna", b)
	}
	z.location = location
	return nil
}

// A Date is a day without a time zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String renders 2026-12-24.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// IsZero reports whether no date was given.
func (d Date) IsZero() bool { return d == Date{} }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("is not a date: %q; write a day that exists, such as 2026-12-24", b)
	}
	d.Year, d.Month, d.Day = t.Date()
	return nil
}

// A ClockTime is a time of day without a time zone; 24:00 is the end of the day.
type ClockTime struct {
	Hour, Minute int
	given        bool
}

// String renders 17:00.
func (c ClockTime) String() string { return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *ClockTime) UnmarshalText(b []byte) error {
	if string(b) == "24:00" {
		*c = ClockTime{24, 0, true}
		return nil
	}
	t, err := time.Parse("15:04", string(b))
	if err != nil {
		return fmt.Errorf("is not a time of day: %q; write hours and minutes such as \"17:00\"", b)
	}
	*c = ClockTime{t.Hour(), t.Minute(), true}
	return nil
}

// minutes counts from 00:00.
func (c ClockTime) minutes() int { return 60*c.Hour + c.Minute }

// of is the time of day as calendars compute with it.
func (c ClockTime) of() calendar.TimeOfDay { return calendar.TimeOfDay{Hour: c.Hour, Minute: c.Minute} }

// A Weekday is written mon, tue, wed, thu, fri, sat or sun.
type Weekday time.Weekday

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *Weekday) UnmarshalText(b []byte) error {
	for i, name := range []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} {
		if name == string(b) {
			*w = Weekday(i)
			return nil
		}
	}
	return fmt.Errorf("is not a weekday: %q; write mon, tue, wed, thu, fri, sat or sun", b)
}
