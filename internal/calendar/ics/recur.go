package ics

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A recurrence is a rule such as FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO (RFC 5545,
// 3.3.10), as far as holidays need it: of civil days, by year, month or week.
// It is expanded by looking at every day of every period, so that no rule can
// take longer than its years have days.
type recurrence struct {
	freq     string
	interval int
	count    int           // 0: no bound
	until    calendar.Date // zero: no bound
	months   []int
	days     []int // of the month; -1 is its last
	weekdays []nthWeekday
	places   []int // which of a period's days; -1 is the last
	weekFrom time.Weekday
}

// nthWeekday is a weekday, and which one of the month or year; 0 is each.
type nthWeekday struct {
	n       int
	weekday time.Weekday
}

// parseRecurrence reads an RRULE line.
func parseRecurrence(l line, zone *time.Location) (recurrence, error) {
	r := recurrence{interval: 1, weekFrom: time.Monday}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.ToUpper(strings.TrimSuffix(l.value, ";")), ";") {
		name, value, _ := strings.Cut(part, "=")
		if seen[name] {
			return r, l.errorf("keep one of the two", "has %s twice", name)
		}
		seen[name] = true
		ok, known, err := r.part(l, name, value, zone)
		switch {
		case err != nil:
			return r, err
		case !known:
			return r, l.errorf("leave it out, or list the days as RDATE", "has a part that does not make holidays: %q", clip(part))
		case !ok:
			return r, l.errorf("write a rule such as FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO", "has a part that cannot be understood: %q", clip(part))
		}
	}
	numbered := slices.ContainsFunc(r.weekdays, func(w nthWeekday) bool { return w.n != 0 })
	switch {
	case r.freq == "":
		return r, l.errorf("write FREQ=YEARLY, MONTHLY or WEEKLY, or list the days as RDATE", "has none of these frequencies")
	case r.freq == "WEEKLY" && (numbered || len(r.days) > 0):
		return r, l.errorf("write FREQ=MONTHLY", "asks for days of the month in each week")
	case seen["COUNT"] && seen["UNTIL"]:
		return r, l.errorf("keep one of the two", "has a COUNT and an UNTIL")
	}
	return r, nil
}

// part takes in one NAME=VALUE; known says that holidays need it.
func (r *recurrence) part(l line, name, value string, zone *time.Location) (ok, known bool, err error) {
	const mostInterval, mostCount = 1200, 10_000
	known = true
	switch name {
	case "FREQ":
		if ok = slices.Contains([]string{"YEARLY", "MONTHLY", "WEEKLY"}, value); ok {
			r.freq = value
		}
		ok = true // other frequencies are told by the one that is missing
	case "INTERVAL":
		r.interval, ok = whole(value, 1, mostInterval)
	case "COUNT":
		r.count, ok = whole(value, 1, mostCount)
	case "UNTIL":
		if zone == nil {
			zone = time.UTC
		}
		var on moment
		on, err = civil(l, value, zone)
		r.until, ok = on.day, true
	case "BYMONTH":
		r.months, ok = wholes(value, 1, 12)
	case "BYMONTHDAY":
		r.days, ok = wholes(value, -31, 31)
	case "BYSETPOS":
		r.places, ok = wholes(value, -366, 366)
	case "BYDAY":
		r.weekdays, ok = weekdaysOf(value)
	case "WKST":
		var w []nthWeekday
		if w, ok = weekdaysOf(value); ok {
			r.weekFrom, ok = w[0].weekday, len(w) == 1 && w[0].n == 0
		}
	default:
		known = false
	}
	return ok, known, err
}

// whole reads a number within bounds, and not 0.
func whole(s string, least, most int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n != 0 && n >= least && n <= most
}

func wholes(s string, least, most int) ([]int, bool) {
	var out []int
	for field := range strings.SplitSeq(s, ",") {
		n, ok := whole(field, least, most)
		if !ok {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

// weekdaysOf reads a list such as MO,-1FR.
func weekdaysOf(s string) ([]nthWeekday, bool) {
	var out []nthWeekday
	for field := range strings.SplitSeq(s, ",") {
		if len(field) < 2 {
			return nil, false
		}
		number, name := field[:len(field)-2], field[len(field)-2:]
		weekday := slices.Index([]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}, name)
		n, ok := whole(number, -53, 53)
		if weekday < 0 || number != "" && !ok {
			return nil, false
		}
		out = append(out, nthWeekday{n, time.Weekday(weekday)})
	}
	return out, true
}

// expand lists the days from first to the end of lastYear.
func (r recurrence) expand(first calendar.Date) []calendar.Date {
	r = r.like(first)
	end := calendar.Date{Year: lastYear, Month: time.December, Day: 31}
	if !r.until.IsZero() && r.until.Before(end) {
		end = r.until
	}
	var out []calendar.Date
	for i := 0; ; i++ {
		from, to := r.period(first, i*r.interval)
		if end.Before(from) {
			return out
		}
		for _, day := range r.placed(r.matching(from, to)) {
			if day.Before(first) || end.Before(day) {
				continue
			}
			if out = append(out, day); len(out) == r.count {
				return out
			}
		}
	}
}

// like fills in from the first day what the rule does not say.
func (r recurrence) like(first calendar.Date) recurrence {
	if len(r.days) > 0 || len(r.weekdays) > 0 {
		return r
	}
	if r.freq == "WEEKLY" {
		r.weekdays = []nthWeekday{{0, first.Weekday()}}
		return r
	}
	r.days = []int{first.Day}
	if r.freq == "YEARLY" && len(r.months) == 0 {
		r.months = []int{int(first.Month)}
	}
	return r
}

// period is the first and the last day of the year, month or week that lies n
// after that of the first day.
func (r recurrence) period(first calendar.Date, n int) (from, to calendar.Date) {
	switch r.freq {
	case "YEARLY":
		return calendar.Date{Year: first.Year + n, Month: 1, Day: 1}, calendar.Date{Year: first.Year + n, Month: 12, Day: 31}
	case "MONTHLY":
		from = calendar.Date{Year: first.Year, Month: first.Month + time.Month(n), Day: 1}.Add(0)
		return from, calendar.Date{Year: from.Year, Month: from.Month + 1, Day: 1}.Add(-1)
	default:
		from = first.Add(7*n - (int(first.Weekday()-r.weekFrom)+7)%7)
		return from, from.Add(6)
	}
}

func (r recurrence) matching(from, to calendar.Date) []calendar.Date {
	var out []calendar.Date
	for day := from; !to.Before(day); day = day.Add(1) {
		if r.matches(day) {
			out = append(out, day)
		}
	}
	return out
}

func (r recurrence) matches(day calendar.Date) bool {
	if len(r.months) > 0 && !slices.Contains(r.months, int(day.Month)) {
		return false
	}
	begin, end := calendar.Date{Year: day.Year, Month: day.Month, Day: 1}, calendar.Date{Year: day.Year, Month: day.Month + 1, Day: 1}
	if len(r.days) > 0 && !slices.Contains(r.days, day.Day) && !slices.Contains(r.days, day.Sub(end)) {
		return false
	}
	if r.freq == "YEARLY" && len(r.months) == 0 { // BYDAY counts within the year
		begin, end = calendar.Date{Year: day.Year, Month: 1, Day: 1}, calendar.Date{Year: day.Year + 1, Month: 1, Day: 1}
	}
	weekday := day.Weekday()
	return len(r.weekdays) == 0 || slices.ContainsFunc(r.weekdays, func(w nthWeekday) bool {
		return w.weekday == weekday && (w.n == 0 || w.n == day.Sub(begin)/7+1 || w.n == -((end.Sub(day)-1)/7+1))
	})
}

// placed are the days at the places that BYSETPOS asks for.
func (r recurrence) placed(days []calendar.Date) []calendar.Date {
	if len(r.places) == 0 {
		return days
	}
	var out []calendar.Date
	for i, day := range days {
		if slices.Contains(r.places, i+1) || slices.Contains(r.places, i-len(days)) {
			out = append(out, day)
		}
	}
	return out
}
