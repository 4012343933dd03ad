package estate

import (
	"fmt"
	"time"
)

// Calendar is the finance calendar the estate declares: days nobody works and
// cut-offs that return every business day.
type Calendar struct {
	Timezone  Zone                   `yaml:"timezone"` // the estate's when it names none
	Close     ClosePlan              `yaml:"close"`
	Days      map[string]DayCalendar `yaml:"days"`
	Default   string                 `yaml:"default"`  // the one of days that counts where none is named
	Holidays  []Date                 `yaml:"holidays"` // added to the default calendar
	Deadlines []Deadline             `yaml:"deadlines"`
}

// A ClosePlan says which periods are closed.
type ClosePlan string

// Close plans.
const (
	MonthlyClose ClosePlan = "month" // the default
	NoClose      ClosePlan = "none"  // no phase matters more than another
)

// SetDefaults implements Defaulter.
func (c *Calendar) SetDefaults() { c.Close = MonthlyClose }

// A Deadline is a daily cut-off of a process.
type Deadline struct {
	ID      string    `yaml:"id"`
	Title   string    `yaml:"title"` // told to people: "supplier payment cut-off"
	Process string    `yaml:"process"`
	Entity  string    `yaml:"entity"` // empty: every entity
	At      ClockTime `yaml:"at"`
	Days    []Weekday `yaml:"days"` // Monday to Friday when it names none; never a holiday
}

// Validate implements Validator.
func (c *Calendar) Validate() []Problem {
	var ps []Problem
	days, ids := map[Date]bool{}, map[string]bool{}
	if p, bad := OneOf("close", c.Close, MonthlyClose, NoClose); bad {
		ps = append(ps, p)
	}
	for i, day := range c.Holidays {
		if days[day] {
			ps = append(ps, Problem{fmt.Sprintf("holidays[%d]", i), fmt.Sprintf("%s is listed twice", day), "keep one of the two"})
		}
		days[day] = true
	}
	for i, dl := range c.Deadlines {
		if dl.ID != "" && ids[dl.ID] {
			ps = append(ps, Problem{fmt.Sprintf("deadlines[%d].id", i), fmt.Sprintf("%q is used twice", dl.ID), "give each deadline an id of its own"})
		}
		ids[dl.ID] = true
	}
	return ps
}

// Validate implements Validator.
func (dl *Deadline) Validate() []Problem {
	var ps []Problem
	if dl.ID == "" {
		ps = append(ps, Missing("id", "write a short name such as ap-cutoff"))
	} else if p, bad := nameProblem("id", dl.ID); bad {
		ps = append(ps, p)
	}
	if dl.Process == "" {
		ps = append(ps, Missing("process", "write the process that must be done by then, such as ap-bill-run"))
	}
	if !dl.At.given {
		ps = append(ps, Missing("at", "write the time of day, such as \"17:00\""))
	}
	return ps
}

// OnDays are the weekdays the deadline falls on.
func (dl Deadline) OnDays() []time.Weekday {
	if len(dl.Days) == 0 {
		return []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	}
	days := make([]time.Weekday, len(dl.Days))
	for i, d := range dl.Days {
		days[i] = time.Weekday(d)
	}
	return days
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

// A ClockTime is a time of day without a time zone.
type ClockTime struct {
	Hour, Minute int
	given        bool
}

// String renders 17:00.
func (c ClockTime) String() string { return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *ClockTime) UnmarshalText(b []byte) error {
	t, err := time.Parse("15:04", string(b))
	if err != nil {
		return fmt.Errorf("is not a time of day: %q; write hours and minutes such as \"17:00\"", b)
	}
	*c = ClockTime{t.Hour(), t.Minute(), true}
	return nil
}

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
