package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/calendar"
)

// An Instant is a place on the scenario's clock as it is written: after the
// start, a day and a time, or a working day of the close.
type Instant struct {
	text  string
	after time.Duration // since the start
	exact time.Time     // with a zone of its own
	day   calendar.Date
	clock calendar.TimeOfDay
	mark  calendar.Mark
	kind  instantKind
}

type instantKind uint8

const (
	noInstant instantKind = iota
	afterStart
	exactly
	onDay
	atMark
)

// IsZero reports whether nothing was written.
func (i Instant) IsZero() bool { return i.kind == noInstant }

// Absolute reports whether the instant names its day.
func (i Instant) Absolute() bool { return i.kind == exactly || i.kind == onDay }

// String is the instant as it was written.
func (i Instant) String() string { return i.text }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Instant) UnmarshalText(b []byte) error {
	const remedy = "write +90m after the start, a day and a time such as 2026-12-01 09:00, or WD+1 09:00"
	text := string(b)
	*i = Instant{text: text}
	switch {
	case strings.HasPrefix(text, "+"):
		d, err := model.ParseDuration(text[1:])
		if err != nil {
			return fmt.Errorf("is not a time after the start: %q; %s", text, remedy)
		}
		i.after, i.kind = time.Duration(d), afterStart
	case strings.HasPrefix(text, "WD"):
		m, err := calendar.ParseMark(text)
		if err != nil {
			return err
		}
		i.mark, i.kind = m, atMark
	default:
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			i.exact, i.kind = at, exactly
			break
		}
		day, clock, ok := civil(text)
		if !ok {
			return fmt.Errorf("is not an instant: %q; %s", text, remedy)
		}
		i.day, i.clock, i.kind = day, clock, onDay
	}
	return nil
}

// civil reads 2026-12-01 09:00, 2026-12-01T09:00 and the end of a day, 24:00.
func civil(text string) (calendar.Date, calendar.TimeOfDay, bool) {
	day, clock, ok := strings.Cut(strings.Replace(text, "T", " ", 1), " ")
	if !ok {
		return calendar.Date{}, calendar.TimeOfDay{}, false
	}
	d, err := calendar.ParseDate(day)
	if err != nil {
		return calendar.Date{}, calendar.TimeOfDay{}, false
	}
	if clock == "24:00" {
		return d.Add(1), calendar.TimeOfDay{}, true
	}
	c, err := calendar.ParseTimeOfDay(clock)
	return d, c, err == nil
}

// A Clock is what instants are placed by.
type Clock struct {
	Start time.Time
	Zone  *time.Location
	// Mark is the first instant at or after a time that lies at a mark in the
	// close; false when the calendar has none.
	Mark func(m calendar.Mark, from time.Time) (time.Time, bool)
}

// On places an instant; from is the step before. It is false when the calendar
// has no such place.
func (c Clock) On(i Instant, from time.Time) (time.Time, bool) {
	switch i.kind {
	case afterStart:
		return c.Start.Add(i.after), true
	case exactly:
		return i.exact.UTC(), true
	case onDay:
		return i.clock.On(i.day, c.Zone).UTC(), true
	case atMark:
		if c.Mark == nil {
			return time.Time{}, false
		}
		at, ok := c.Mark(i.mark, from)
		return at.UTC(), ok
	case noInstant:
	}
	return time.Time{}, false
}
