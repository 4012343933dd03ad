package estate

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// writes is the level at which a flow posts, in the synthetic company only.
const writes = "L3"

// Schedule says which synthetic flows run, where, how often and how far they
// go.
type Schedule struct {
	Paused bool                    `yaml:"paused"` // the kill switch: no flow writes
	Pace   string                  `yaml:"pace"`   // calendar or fixed; empty: calendar, where the estate has one
	Day    Day                     `yaml:"day"`    // outside it, and on days not worked, it is quiet
	Lease  string                  `yaml:"lease"`  // auto or file: what keeps two processes from writing to one tenant
	Flows  map[string]FlowSchedule `yaml:"flows"`
}

// What schedule.pace may say.
const (
	CalendarPace = "calendar" // less often when it is quiet, more often in critical windows
	FixedPace    = "fixed"    // every interval, always
)

// What schedule.lease may say.
const (
	AutoLease = "auto" // the file, and an advisory lock in the tenant's database where that can be read
	FileLease = "file" // a file in the data directory: of processes on one machine
)

// A Day is the part of a working day in which people work, in the zone of each
// entity.
type Day struct {
	From ClockTime `yaml:"from"`
	To   ClockTime `yaml:"to"`
}

// SetDefaults implements Defaulter.
func (s *Schedule) SetDefaults() {
	s.Lease = AutoLease
	s.Day = Day{From: ClockTime{Hour: 6}, To: ClockTime{Hour: 20}}
}

// Validate implements Validator.
func (s *Schedule) Validate() []Problem {
	var ps []Problem
	if p, bad := OneOf("pace", s.Pace, CalendarPace, FixedPace); bad && s.Pace != "" {
		ps = append(ps, p)
	}
	if p, bad := OneOf("lease", s.Lease, AutoLease, FileLease); bad {
		ps = append(ps, p)
	}
	return ps
}

// Validate implements Validator.
func (d *Day) Validate() []Problem {
	if from, to := d.Minutes(); from >= to {
		return []Problem{{"", "ends before it begins", `write from and to in order, such as {from: "06:00", to: "20:00"}`}}
	}
	return nil
}

// ByCalendar reports whether flows keep pace with the calendar. An estate that
// says nothing about its days and its close has a constant pace.
func (e *Estate) ByCalendar() bool {
	if e.Schedule.Pace != "" {
		return e.Schedule.Pace == CalendarPace
	}
	c := e.Calendar
	return len(c.Days)+len(c.Holidays)+len(c.ClosePlans)+len(c.Cutoffs)+len(c.Deadlines)+len(c.Freezes) > 0
}

// ClosesHard reports whether there are times at which nothing may be posted.
func (e *Estate) ClosesHard() bool {
	return slices.ContainsFunc(e.Calendar.Freezes, func(f Freeze) bool { return f.Level == calendar.HardFreeze })
}

// Works reports whether the part of the day in which people work holds t, as
// clocks show it there.
func (d Day) Works(t time.Time) bool {
	at := 60*t.Hour() + t.Minute()
	from, to := d.Minutes()
	return from <= at && at < to
}

// Minutes are when it begins and ends, counted from 00:00.
func (d Day) Minutes() (from, to int) { return d.From.minutes(), d.To.minutes() }

// A FlowSchedule is one flow's. What it does not say is the flow's own default.
type FlowSchedule struct {
	Enabled     *bool     `yaml:"enabled"`
	Component   string    `yaml:"component"` // the Odoo component driven; empty: every one
	Level       string    `yaml:"level"`     // L0, L1 or L3, a flow.Level; empty: the flow's safest
	Interval    *Duration `yaml:"interval"`
	Quiet       *Duration `yaml:"quiet"`       // the interval at night and on days not worked; empty: five times interval, at most 15m
	Critical    *Duration `yaml:"critical"`    // the interval in the process's critical window; empty: half of interval, at least 15s
	Timeout     *Duration `yaml:"timeout"`     // of a run
	StepTimeout *Duration `yaml:"stepTimeout"` // of each of its steps
	Approval    *Approval `yaml:"approval"`
	Settings    Section   `yaml:"settings"` // decoded by the flow
}

// An Approval says who allowed a flow to write in production, and when.
type Approval struct {
	By string `yaml:"by"`
	On Date   `yaml:"on"`
}

// IsEnabled reports whether the flow runs at all.
func (f FlowSchedule) IsEnabled() bool { return f.Enabled == nil || *f.Enabled }

// Validate implements Validator.
func (f *FlowSchedule) Validate() []Problem {
	var ps []Problem
	if p, bad := OneOf("level", f.Level, "L0", "L1", writes); bad && f.Level != "" {
		ps = append(ps, p)
	}
	for _, d := range []struct {
		field  string
		of     *Duration
		remedy string
	}{
		{"interval", f.Interval, "write how often it runs, such as 5m"},
		{"quiet", f.Quiet, "write how often it runs at night, such as 15m"},
		{"critical", f.Critical, "write how often it runs in a critical window, such as 1m"},
		{"timeout", f.Timeout, "write how long a run may take, such as 30s"},
		{"stepTimeout", f.StepTimeout, "write how long a step may take, such as 20s"},
	} {
		if d.of != nil && *d.of == 0 {
			ps = append(ps, Problem{d.field, "is 0", d.remedy})
		}
	}
	longer := func(a, b *Duration) bool { return a != nil && b != nil && *a > *b }
	if longer(f.Timeout, f.Interval) {
		ps = append(ps, Problem{"timeout", "is longer than the interval", "make it shorter: a flow never runs beside itself"})
	}
	if longer(f.Timeout, f.Critical) {
		ps = append(ps, Problem{"timeout", "is longer than the interval in critical windows", "make it shorter, or critical longer: a flow never runs beside itself"})
	}
	if longer(f.StepTimeout, f.Timeout) {
		ps = append(ps, Problem{"stepTimeout", "is longer than the run may take", "make it shorter than timeout"})
	}
	if longer(f.Interval, f.Quiet) {
		ps = append(ps, Problem{"quiet", "is shorter than the interval", "make it as long or longer: less is going on then"})
	}
	if longer(f.Critical, f.Interval) {
		ps = append(ps, Problem{"critical", "is longer than the interval", "make it as long or shorter: more depends on the flow then"})
	}
	return ps
}

// Validate implements Validator.
func (a *Approval) Validate() []Problem {
	var ps []Problem
	if a.By == "" {
		ps = append(ps, Missing("by", "write the role that approved it, such as controller"))
	}
	if a.On.IsZero() {
		ps = append(ps, Missing("on", "write the date of the approval, such as 2026-11-02"))
	}
	return ps
}
