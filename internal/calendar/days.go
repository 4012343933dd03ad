package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
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
	slices.SortFunc(c.holidays, func(a, b Holiday) int { return a.On.Compare(b.On) })
	c.worked = make([]uint64, laidOut.last/64+1)
	for day := range len(c.worked) * 64 {
		if c.week[weekdayOf(day)] {
			c.worked[day/64] |= 1 << (day % 64)
		}
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
	var text strings.Builder
	text.WriteString("week " + c.week.String() + "\n")
	for _, h := range c.holidays {
		text.WriteString("holiday " + h.On.String() + " " + h.Name + "\n")
	}
	for _, h := range c.half {
		text.WriteString("half " + h.On.String() + " " + h.Until.String() + "\n")
	}
	sum := sha256.Sum256([]byte(text.String()))
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
	i, ok := slices.BinarySearchFunc(c.holidays, d, func(h Holiday, d Date) int { return h.On.Compare(d) })
	if !ok {
		return "", false
	}
	return c.holidays[i].Name, true
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

// byDate returns holidays by date. Two on one day share their names.
func byDate(holidays []Holiday) map[Date]string {
	out := make(map[Date]string, len(holidays))
	for _, h := range holidays {
		if had, twice := out[h.On]; twice && had != h.Name {
			h.Name = had + ", " + h.Name
		}
		out[h.On] = h.Name
	}
	return out
}

// inOrder is the inverse of byDate.
func inOrder(holidays map[Date]string) []Holiday {
	out := make([]Holiday, 0, len(holidays))
	for _, on := range slices.SortedFunc(maps.Keys(holidays), Date.Compare) {
		out = append(out, Holiday{on, holidays[on]})
	}
	return out
}
