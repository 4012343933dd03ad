package calendar

import (
	"fmt"
	"time"
)

// A Date is a civil day without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the civil day of t in its location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// ParseDate reads 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date such as 2026-12-31", s)
	}
	return DateOf(t), nil
}

// String renders 2006-01-02.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// In returns the first instant of d in loc. A day whose midnight is skipped by
// a clock change begins at the next valid instant.
func (d Date) In(loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

// Add returns the date n days later.
func (d Date) Add(n int) Date {
	return DateOf(time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC))
}

// Weekday returns d's weekday.
func (d Date) Weekday() time.Weekday { return d.In(time.UTC).Weekday() }

// A TimeOfDay is hours and minutes on a civil day.
type TimeOfDay struct{ Hour, Minute int }

// ParseTimeOfDay reads 15:04.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return TimeOfDay{}, fmt.Errorf("%q is not a time of day such as 17:00", s)
	}
	return TimeOfDay{t.Hour(), t.Minute()}, nil
}

// On returns the instant on day d in loc: in a gap the next valid instant, in
// an overlap the first of the two.
func (t TimeOfDay) On(d Date, loc *time.Location) time.Time {
	at := time.Date(d.Year, d.Month, d.Day, t.Hour, t.Minute, 0, 0, loc)
	if earlier := at.Add(-time.Hour); at.Hour() == t.Hour && earlier.Hour() == t.Hour && earlier.Minute() == t.Minute {
		return earlier
	}
	if at.Hour() != t.Hour || at.Minute() != t.Minute { // inside a gap: time.Date may land on either side
		_, before := at.Add(-3 * time.Hour).Zone()
		_, after := at.Add(3 * time.Hour).Zone()
		jump := time.Duration(after-before) * time.Second
		midnight := d.In(loc)
		wall := time.Duration(t.Hour)*time.Hour + time.Duration(t.Minute)*time.Minute
		for probe := midnight; probe.Before(midnight.Add(wall + 2*jump)); probe = probe.Add(time.Minute) {
			if probe.Hour()*60+probe.Minute() >= t.Hour*60+t.Minute {
				return probe
			}
		}
	}
	return at
}
