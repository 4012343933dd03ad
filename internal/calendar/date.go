package calendar

import (
	"cmp"
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
func (d Date) String() string { return string(d.append(nil)) }

// append appends the date as String renders it.
func (d Date) append(to []byte) []byte {
	if d.Year < 0 || d.Year > 9999 || d.Month < 0 || d.Month > 99 || d.Day < 0 || d.Day > 99 {
		return fmt.Appendf(to, "%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
	digit := func(n int) byte { return byte('0' + n%10) }
	m := int(d.Month)
	return append(to, digit(d.Year/1000), digit(d.Year/100), digit(d.Year/10), digit(d.Year), '-', digit(m/10), digit(m), '-', digit(d.Day/10), digit(d.Day))
}

// IsZero reports whether d is no date at all.
func (d Date) IsZero() bool { return d == Date{} }

// In returns the first instant of d in loc. A day whose midnight is skipped by
// a clock change begins at the next valid instant; so does a day that is
// skipped altogether.
func (d Date) In(loc *time.Location) time.Time { return TimeOfDay{}.On(d, loc) }

// Add returns the date n days later.
func (d Date) Add(n int) Date { return dateOf(d.number() + n) }

// Sub returns the number of days from e to d.
func (d Date) Sub(e Date) int { return d.number() - e.number() }

// Compare orders dates: -1 when d is before e, 0 when they are the same day.
func (d Date) Compare(e Date) int { return cmp.Compare(d.number(), e.number()) }

// Before reports whether d is before e.
func (d Date) Before(e Date) bool { return d.number() < e.number() }

// Weekday returns d's weekday.
func (d Date) Weekday() time.Weekday { return weekdayOf(d.number()) }

// number counts d in days from 1970-01-01. Months and days beyond their usual
// range overflow into the next, as with time.Date. Years are counted from
// March, so that the leap day is a year's last.
func (d Date) number() int {
	const from0000March1To1970 = 719468
	year, month := d.Year, int(d.Month)-3 // March is 0
	if month < 0 || month > 11 {
		year += floor(month, 12)
		month -= 12 * floor(month, 12)
	}
	century := floor(year, 100)
	before := 365*year + year>>2 - century + century>>2 + (153*month+2)/5 // >> rounds down
	return before + d.Day - 1 - from0000March1To1970
}

// dateOf is the inverse of number.
func dateOf(number int) Date {
	return DateOf(time.Unix(int64(number)*24*60*60, 0).UTC())
}

// weekdayOf returns the weekday of a numbered day: 1970-01-01 was a Thursday.
func weekdayOf(number int) time.Weekday {
	return time.Weekday(number + int(time.Thursday) - 7*floor(number+int(time.Thursday), 7))
}

// floor is a/b rounded down, also below zero; b is positive.
func floor(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}
