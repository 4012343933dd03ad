package ics

import (
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A moment is a civil day and how far into it.
type moment struct {
	day   calendar.Date
	clock time.Duration
}

// civil reads a DATE or DATE-TIME value. With a TZID, or with none, it is the
// day that is written; in UTC it is the day in the calendar's own zone.
func civil(l line, value string, zone *time.Location) (moment, error) {
	const remedy = "write a day that exists, such as DTSTART;VALUE=DATE:20261225"
	layout, utc := "20060102", strings.HasSuffix(value, "Z")
	if len(value) > len(layout) {
		layout = "20060102T150405"
	}
	at, err := time.Parse(layout, strings.TrimSuffix(value, "Z"))
	if err != nil || utc && len(layout) == 8 {
		return moment{}, l.errorf(remedy, "is not a date: %q", clip(value))
	}
	if at.Year() < firstYear || at.Year() > lastYear {
		return moment{}, l.errorf(remedy, "is not in the years %d to %d: %q", firstYear, lastYear, clip(value))
	}
	if utc {
		if zone == nil {
			return moment{}, l.errorf("write the day, or name the file's zone as X-WR-TIMEZONE:Europe/Vienna", "is in UTC, which is no civil day: %q", clip(value))
		}
		at = at.In(zone)
	}
	h, m, s := at.Clock()
	return moment{calendar.DateOf(at), time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second}, nil
}

// after returns the moment that a DURATION line later. It has days and hours on
// a clock that does not change.
func (m moment) after(l line) (moment, error) {
	wrong := l.errorf("write a duration such as P1D", "is not a duration: %q", clip(l.value))
	date, clock, _ := strings.Cut(strings.TrimPrefix(l.value, "+"), "T")
	if !strings.HasPrefix(date, "P") || date == "P" && clock == "" {
		return moment{}, wrong
	}
	days, ok := amounts(date[1:], map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour})
	hours, ok2 := amounts(clock, map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second})
	if !ok || !ok2 {
		return moment{}, wrong
	}
	total := m.clock + days + hours
	return moment{m.day.Add(int(total / (24 * time.Hour))), total % (24 * time.Hour)}, nil
}

// amounts adds up numbers with their units, such as 1H30M.
func amounts(s string, units map[byte]time.Duration) (sum time.Duration, ok bool) {
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if i < 1 || i > 6 || units[s[i]] == 0 {
			return 0, false
		}
		n, err := strconv.Atoi(s[:i])
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n) * units[s[i]]
		s = s[i+1:]
	}
	return sum, true
}
