package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// lastYear is the last for which a rule is computed. Working days are laid out
// in advance from 1970, where days are numbered from, to its end; days outside
// are answered too, only more slowly.
const lastYear = 2149

// Days says which civil days are worked: a work week less holidays. It is made
// by NewDays or Compose, not changed afterwards and safe for concurrent use.
type Days struct {
	name     string
	week     Workweek
	worked   []uint64  // a bit for each numbered day from 1970 to lastYear
	holidays []Holiday // by date
	half     []HalfDay // by date
	sources  []Source
	claims   []claim
	sure     span // days without any doubt
	hash     string
}

// A Workweek tells the weekdays that are worked.
type Workweek [7]bool

// MondayToFriday is the usual work week.
func MondayToFriday() Workweek {
	return Workweek{time.Monday: true, time.Tuesday: true, time.Wednesday: true, time.Thursday: true, time.Friday: true}
}

// String lists the weekdays: "Mon Tue Wed Thu Fri".
func (w Workweek) String() string {
	var days []string
	for _, i := range []time.Weekday{1, 2, 3, 4, 5, 6, 0} {
		if w[i] {
			days = append(days, i.String()[:3])
		}
	}
	return strings.Join(days, " ")
}

// A Holiday is a day nobody works, whatever its weekday.
type Holiday struct {
	On   Date
	Name string
}

// A HalfDay is a working day that ends early.
type HalfDay struct {
	On    Date
	Until TimeOfDay
}

// NewDays returns the days of a work week less holidays, each with its name.
// A half day is worked until the time given. There is no doubt about such days,
// unless their work week is empty.
func NewDays(name string, week Workweek, holidays map[Date]string, half map[Date]TimeOfDay) *Days {
	c := &Days{name: name, week: week, sure: always}
	for on, holiday := range holidays {
		c.holidays = append(c.holidays, Holiday{on, holiday})
	}
	for on, until := range half {
		c.half = append(c.half, HalfDay{on, until})
	}
	c.layOut()
	c.seal()
	if from, never := c.gap(); never {
		c.claim(claim{calendar: name, covers: always, never: from})
	}
	return c
}

// layOut sorts the holidays and computes which days are worked.
func (c *Days) layOut() {
	c.holidays = inOrder(c.holidays)
	var pattern [7]uint64 // of words: they repeat after seven, as weekdays do
	for day := range 7 * 64 {
		if c.week[weekdayOf(day)] {
			pattern[day/64] |= 1 << (day % 64)
		}
	}
	c.worked = make([]uint64, laidOut.last/64+1)
	for i := range c.worked {
		c.worked[i] = pattern[i%7]
	}
	for _, h := range c.holidays {
		if day := uint(h.On.number()); day/64 < uint(len(c.worked)) {
			c.worked[day/64] &^= 1 << (day % 64)
		}
	}
}

// seal sorts the half days, when all are there, and takes the hash.
func (c *Days) seal() {
	slices.SortFunc(c.half, func(a, b HalfDay) int { return a.On.Compare(b.On) })
	text := make([]byte, 0, 64+48*(len(c.holidays)+len(c.half)))
	text = append(append(append(text, "week "...), c.week.String()...), '\n')
	for _, h := range c.holidays {
		text = append(append(append(h.On.append(append(text, "holiday "...)), ' '), h.Name...), '\n')
	}
	for _, h := range c.half {
		text = append(append(append(h.On.append(append(text, "half "...)), ' '), h.Until.String()...), '\n')
	}
	sum := sha256.Sum256(text)
	c.hash = hex.EncodeToString(sum[:])
}

// Name returns what the days are called in the estate.
func (c *Days) Name() string { return c.name }

// Week returns the weekdays that are worked.
func (c *Days) Week() Workweek { return c.week }

// Hash is the SHA-256, in hex, of the work week, the holidays and the half
// days: what a result cites.
func (c *Days) Hash() string { return c.hash }

// Sources returns where the days come from, what they were made of first.
func (c *Days) Sources() []Source { return slices.Clone(c.sources) }

// IsWorkingDay reports whether d is worked, if only for half of it.
func (c *Days) IsWorkingDay(d Date) bool { return c.works(d.number()) }

// works is IsWorkingDay of a numbered day.
func (c *Days) works(number int) bool {
	if day := uint(number); day/64 < uint(len(c.worked)) {
		return c.worked[day/64]>>(day%64)&1 == 1
	}
	if !c.week[weekdayOf(number)] {
		return false
	}
	_, holiday := c.Holiday(dateOf(number))
	return !holiday
}

// Holiday returns the name of the holiday on d.
func (c *Days) Holiday(d Date) (name string, ok bool) {
	number := d.number()
	if day := uint(number); day/64 < uint(len(c.worked)) && c.works(number) {
		return "", false
	}
	return find(c.holidays, number)
}

// find looks a numbered day up in holidays in order.
func find(holidays []Holiday, number int) (name string, ok bool) {
	i, ok := slices.BinarySearchFunc(holidays, number, func(h Holiday, number int) int { return h.On.number() - number })
	if !ok {
		return "", false
	}
	return holidays[i].Name, true
}

// Holidays returns the holidays from first to last, both included, in order.
// Those that fall on a weekday that is not worked are among them.
func (c *Days) Holidays(first, last Date) []Holiday {
	var out []Holiday
	for _, h := range c.holidays {
		if !h.On.Before(first) && !last.Before(h.On) {
			out = append(out, h)
		}
	}
	return out
}

// HalfDay returns until when d is worked, on a half day.
func (c *Days) HalfDay(d Date) (until TimeOfDay, ok bool) {
	i, ok := slices.BinarySearchFunc(c.half, d, func(h HalfDay, d Date) int { return h.On.Compare(d) })
	if !ok || !c.IsWorkingDay(d) {
		return TimeOfDay{}, false
	}
	return c.half[i].Until, true
}

func byDay(a, b Holiday) int { return a.On.Compare(b.On) }

// inOrder returns holidays by date, those of one day as they were.
func inOrder(holidays []Holiday) []Holiday {
	if slices.IsSortedFunc(holidays, byDay) {
		return holidays
	}
	out := slices.Clone(holidays)
	slices.SortStableFunc(out, byDay)
	return out
}

// joined returns holidays by date, each day once: two on one day share their
// names.
func joined(holidays []Holiday) []Holiday {
	out := make([]Holiday, 0, len(holidays))
	for _, h := range inOrder(holidays) {
		switch last := len(out) - 1; {
		case last < 0 || out[last].On.number() != h.On.number():
			out = append(out, h)
		case out[last].Name != h.Name:
			out[last].Name += ", " + h.Name
		}
	}
	return out
}
