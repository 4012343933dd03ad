package ics

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// What a file may hold at most: a country has some twenty holidays a year.
const (
	MaxFile      = 4 << 20 // bytes
	maxLine      = 16 << 10
	maxEvents    = 10_000
	maxRecurring = 200 // rules; one takes at most a few milliseconds to expand
	maxSpan      = 366 // days of one event
	maxDays      = 50_000
	firstYear    = 1900
	lastYear     = 2149 // the last for which recurring events are expanded
)

// Holidays is what a file says about days nobody works.
type Holidays struct {
	calendar.List
	Title   string        // X-WR-CALNAME
	Written calendar.Date // the newest DTSTAMP or LAST-MODIFIED; zero when there is none
	Ignored int           // events that are cancelled or marked as free time
	Hash    string        // SHA-256 of the file, in hex
}

// Decode reads the holidays of a file: every event that is neither cancelled
// nor marked as free time (TRANSP:TRANSPARENT), on each civil day it touches. A
// time of day counts as its day in its own zone.
//
// The list reaches to the last day of an event that does not recur for ever:
// "every 25 December" does not tell that somebody has looked at next year. The
// error is an *Error.
func Decode(data []byte) (Holidays, error) {
	if len(data) > MaxFile {
		return Holidays{}, &Error{0, fmt.Sprintf("is longer than %d MiB", MaxFile>>20), "take a file of holidays"}
	}
	sum := sha256.Sum256(data)
	d := decoder{out: Holidays{Hash: hex.EncodeToString(sum[:])}, moved: map[string][]calendar.Date{}}
	if err := d.read(bytes.TrimPrefix(data, []byte("\ufeff"))); err != nil {
		return Holidays{}, err
	}
	if err := d.expand(); err != nil {
		return Holidays{}, err
	}
	return d.out, nil
}

// A decoder gathers events first: an exception to a recurring one may stand
// before it.
type decoder struct {
	out       Holidays
	zone      *time.Location // X-WR-TIMEZONE
	events    []event
	recurring int
	total     int                        // days of all events, also of those that coincide
	moved     map[string][]calendar.Date // by UID: occurrences that another event stands for
	open      []line                     // BEGIN lines without their END
}

// An event is what decides the days of a VEVENT.
type event struct {
	begin      line
	uid        string
	summary    string
	start, end line
	duration   line
	instead    line // RECURRENCE-ID
	rules      []line
	more, less []line // RDATE, EXDATE
	ignored    bool
}

func (d *decoder) read(data []byte) error {
	r := reader{rest: data}
	seen := false
	for {
		l, ok, err := r.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if !seen && (l.name != "BEGIN" || !strings.EqualFold(l.value, "VCALENDAR")) {
			return &Error{l.number, "does not begin an iCalendar file", "take a file that begins with BEGIN:VCALENDAR"}
		}
		seen = true
		if err := d.line(l); err != nil {
			return err
		}
	}
	switch {
	case !seen:
		return &Error{0, "holds nothing", "take a file that begins with BEGIN:VCALENDAR"}
	case len(d.open) > 0:
		last := d.open[len(d.open)-1]
		return last.errorf("fetch the file anew, it was cut off", "%q has no end", clip(last.value))
	}
	return nil
}

// line takes in one content line where it stands.
func (d *decoder) line(l line) error {
	switch l.name {
	case "BEGIN":
		return d.begin(l)
	case "END":
		return d.end(l)
	}
	switch d.path() {
	case "VCALENDAR":
		return d.property(l)
	case "VCALENDAR VEVENT":
		return d.events[len(d.events)-1].property(l, &d.out)
	case "":
		return l.errorf("leave it out, or put it before END:VCALENDAR", "stands outside the calendar")
	}
	return nil // an alarm, a time zone, a task
}

func (d *decoder) path() string {
	var names []string
	for _, l := range d.open {
		names = append(names, strings.ToUpper(l.value))
	}
	return strings.Join(names, " ")
}

func (d *decoder) begin(l line) error {
	const deepest = 4 // VCALENDAR, VEVENT, VALARM and one more
	if len(d.open) == deepest {
		return l.errorf("take a file of holidays", "is nested deeper than %d", deepest)
	}
	d.open = append(d.open, l)
	if d.path() != "VCALENDAR VEVENT" {
		return nil
	}
	if len(d.events) == maxEvents {
		return l.errorf("take a file of holidays", "is one event more than %d", maxEvents)
	}
	d.events = append(d.events, event{begin: l})
	return nil
}

func (d *decoder) end(l line) error {
	if len(d.open) == 0 || !strings.EqualFold(d.open[len(d.open)-1].value, l.value) {
		return l.errorf("write BEGIN and END in pairs", "%q ends nothing that is open", clip(l.value))
	}
	d.open = d.open[:len(d.open)-1]
	return nil
}

func (d *decoder) property(l line) error {
	switch l.name {
	case "X-WR-CALNAME":
		d.out.Title = clip(unescape(l.value))
	case "X-WR-TIMEZONE":
		zone, err := time.LoadLocation(l.value)
		if err != nil || l.value == "" || l.value == "Local" {
			return l.errorf("write an IANA name such as Europe/Vienna", "is not a time zone: %q", clip(l.value))
		}
		d.zone = zone
	case "CALSCALE":
		if !strings.EqualFold(l.value, "GREGORIAN") {
			return l.errorf("take a file with Gregorian dates", "is not GREGORIAN: %q", clip(l.value))
		}
	}
	return nil
}

func (e *event) property(l line, out *Holidays) error {
	single := map[string]*line{"DTSTART": &e.start, "DTEND": &e.end, "DURATION": &e.duration, "RECURRENCE-ID": &e.instead}[l.name]
	if single != nil {
		if single.name != "" {
			return l.errorf("keep one of the two", "is there twice, first in line %d", single.number)
		}
		*single = l
		return nil
	}
	switch l.name {
	case "UID":
		e.uid = l.value
	case "SUMMARY":
		e.summary = clip(unescape(l.value))
	case "STATUS":
		e.ignored = e.ignored || strings.EqualFold(l.value, "CANCELLED")
	case "TRANSP":
		e.ignored = e.ignored || strings.EqualFold(l.value, "TRANSPARENT")
	case "RRULE":
		e.rules = append(e.rules, l)
	case "RDATE":
		e.more = append(e.more, l)
	case "EXDATE":
		e.less = append(e.less, l)
	case "DTSTAMP", "LAST-MODIFIED":
		if on, err := civil(l, l.value, time.UTC); err == nil && out.Written.Before(on.day) {
			out.Written = on.day
		}
	}
	return nil
}

// expand turns events into holidays.
func (d *decoder) expand() error {
	for _, e := range d.events {
		if e.instead.name == "" {
			continue
		}
		on, err := civil(e.instead, e.instead.value, d.zone)
		if err != nil {
			return err
		}
		if e.instead.params["RANGE"] != "" {
			return e.instead.errorf("write an event for each day that moves", "moves more than one day")
		}
		d.moved[e.uid] = append(d.moved[e.uid], on.day)
	}
	names := map[calendar.Date]string{}
	var last, lastEver calendar.Date
	for _, e := range d.events {
		if e.ignored {
			d.out.Ignored++
			continue
		}
		days, forever, err := d.days(e)
		if err != nil {
			return err
		}
		for _, day := range days {
			if names[day] == "" {
				names[day] = orHoliday(e.summary)
			}
			if lastEver.Before(day) {
				lastEver = day
			}
			if !forever && last.Before(day) {
				last = day
			}
		}
	}
	if len(names) == 0 {
		return d.nothing()
	}
	var holidays []calendar.Holiday
	for day, name := range names {
		holidays = append(holidays, calendar.Holiday{On: day, Name: name})
	}
	slices.SortFunc(holidays, func(a, b calendar.Holiday) int { return a.On.Compare(b.On) })
	d.out.List = calendar.NewList(holidays)
	if d.out.Last = last; last.IsZero() {
		d.out.Last = lastEver
	}
	return nil
}

// nothing says why no day is left.
func (d *decoder) nothing() error {
	if d.out.Ignored > 0 {
		return &Error{0, fmt.Sprintf("holds no holiday: all of its %d events are cancelled or marked as free time", d.out.Ignored), "take a file of days nobody works"}
	}
	return &Error{0, "holds no event", "take a file with holidays as VEVENT"}
}

func orHoliday(summary string) string {
	if summary == "" {
		return "holiday"
	}
	return summary
}

// days lists the days of an event; forever says that it recurs without an end.
func (d *decoder) days(e event) (days []calendar.Date, forever bool, err error) {
	if e.start.name == "" {
		return nil, false, e.begin.errorf("write DTSTART;VALUE=DATE:20261225", "VEVENT has no DTSTART")
	}
	start, err := civil(e.start, e.start.value, d.zone)
	if err != nil {
		return nil, false, err
	}
	length, err := d.length(e, start)
	if err != nil {
		return nil, false, err
	}
	begins := []calendar.Date{start.day}
	if len(e.rules) > 0 {
		if d.recurring += len(e.rules); d.recurring > maxRecurring {
			return nil, false, e.rules[0].errorf("list the days", "is one rule more than %d", maxRecurring)
		}
		if begins, forever, err = d.recur(e.rules, start.day); err != nil {
			return nil, false, err
		}
	}
	more, err := d.list(e.more)
	if err != nil {
		return nil, false, err
	}
	less, err := d.list(e.less)
	if err != nil {
		return nil, false, err
	}
	if e.instead.name == "" {
		less = append(less, d.moved[e.uid]...)
	}
	begins = append(begins, more...)
	if d.total += len(begins) * length; d.total > maxDays {
		return nil, false, e.begin.errorf("take a file of holidays", "brings the days to more than %d", maxDays)
	}
	without := map[calendar.Date]bool{}
	for _, day := range less {
		without[day] = true
	}
	for _, begin := range begins {
		for i := range length {
			if !without[begin] {
				days = append(days, begin.Add(i))
			}
		}
	}
	return days, forever, nil
}

// length is the number of days an event touches.
func (d *decoder) length(e event, start moment) (int, error) {
	var end moment
	var err error
	by := e.end
	switch {
	case e.end.name != "" && e.duration.name != "":
		return 0, e.duration.errorf("keep one of the two", "stands beside DTEND")
	case e.end.name != "":
		end, err = civil(e.end, e.end.value, d.zone)
	case e.duration.name != "":
		by = e.duration
		end, err = start.after(e.duration)
	default:
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	length := end.day.Sub(start.day)
	if end.clock > 0 {
		length++ // the day on which it ends is touched as well
	}
	switch {
	case length < 0 || length == 0 && end.clock < start.clock:
		return 0, by.errorf("write an end after the start", "is before DTSTART")
	case length > maxSpan:
		return 0, by.errorf("write one event for each holiday", "makes an event of %d days, more than %d", length, maxSpan)
	}
	return max(length, 1), nil
}

// list reads the dates of RDATE or EXDATE lines.
func (d *decoder) list(lines []line) ([]calendar.Date, error) {
	var out []calendar.Date
	for _, l := range lines {
		for value := range strings.SplitSeq(l.value, ",") {
			on, err := civil(l, value, d.zone)
			if err != nil {
				return nil, err
			}
			if out = append(out, on.day); len(out) > maxDays {
				return nil, l.errorf("take a file of holidays", "lists more than %d days", maxDays)
			}
		}
	}
	return out, nil
}

// recur expands rules from a first day to the end of lastYear.
func (d *decoder) recur(rules []line, first calendar.Date) (days []calendar.Date, forever bool, err error) {
	for _, l := range rules {
		r, err := parseRecurrence(l, d.zone)
		if err != nil {
			return nil, false, err
		}
		days = append(days, r.expand(first)...)
		forever = forever || r.count == 0 && r.until.IsZero()
	}
	return days, forever, nil
}
