package calendar

import (
	"fmt"
	"time"
)

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

// String renders 15:04.
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t.Hour, t.Minute) }

// minutes counts from 00:00.
func (t TimeOfDay) minutes() int { return 60*t.Hour + t.Minute }

// On returns the instant on day d in loc: where clocks were set back and it
// comes twice, the first; where they were set forward and it does not come, the
// next valid instant, which is that of the change. A day may be skipped or
// repeated altogether, as at the date line.
func (t TimeOfDay) On(d Date, loc *time.Location) time.Time {
	// What clocks show, read as if it were UTC. They are at most 16 hours from
	// it (Manila before 1845), so every instant that may show it is within a
	// day.
	shown := time.Unix(int64(d.number())*24*60*60, 0).UTC().
		Add(time.Duration(t.Hour)*time.Hour + time.Duration(t.Minute)*time.Minute)
	var next time.Time // of the first change that jumps over what is looked for
	for at := shown.Add(-24 * time.Hour); !at.After(shown.Add(24 * time.Hour)); {
		local := at.In(loc)
		start, end := local.ZoneBounds()
		_, offset := local.Zone()
		instant := shown.Add(-time.Duration(offset) * time.Second)
		if !instant.Before(start) && (end.IsZero() || instant.Before(end)) {
			return instant.In(loc)
		}
		if next.IsZero() && instant.Before(start) {
			next = start
		}
		if end.IsZero() {
			break
		}
		at = end
	}
	return next.In(loc)
}
