// Package baseline knows what is usual: it learns the hourly values of a series by
// the place of the hour in the week and in the close, and tells how far another
// value lies from them.
//
// What is usual is the median, and how much it varies the median absolute
// deviation, so that single bad hours teach nothing. A place of which too little
// is known tells nothing. The package is pure: no I/O, no clock.
package baseline

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A Slot is the place of an hour in the week and in the close.
type Slot struct {
	Phase calendar.Phase `json:"phase"`
	Free  bool           `json:"free,omitempty"` // a holiday, or no working day: all of them are alike
	Day   time.Weekday   `json:"day,omitempty"`  // of a working day
	Hour  int            `json:"hour"`           // 0 to 23, in the zone of those who work
}

// SlotOf places an instant, in the zone of those who work.
func SlotOf(local time.Time, phase calendar.Phase, works bool) Slot {
	s := Slot{Phase: phase, Free: !works, Hour: local.Hour()}
	if works {
		s.Day = local.Weekday()
	}
	return s
}

// String names the slot as people do: "close Mondays 10:00", "holidays and
// weekends 03:00".
func (s Slot) String() string {
	days := s.Day.String() + "s"
	if s.Free {
		days = "holidays and weekends"
	}
	return fmt.Sprintf("%s%s %02d:00", phaseWords(s.Phase), days, s.Hour)
}

func phaseWords(p calendar.Phase) string {
	switch p {
	case calendar.Close:
		return "close "
	case calendar.PreClose:
		return "pre-close "
	case calendar.Tail:
		return "tail "
	case calendar.Normal, calendar.Unknown:
	}
	return ""
}

// A wide slot is the same hour on any working day, or on any free day, of a phase.
type wide struct {
	phase calendar.Phase
	free  bool
	hour  int
}

func (s Slot) wide() wide { return wide{s.Phase, s.Free, s.Hour} }

// How much must be known of a slot for it to tell: as many weeks as people would
// call a habit; of its wider slot as many days as a close has.
const (
	least     = 4
	leastWide = 5
)

// An Hour is one hour's value. Hours are kept in order.
type Hour struct {
	At    time.Time `json:"at"` // its start
	Slot  Slot      `json:"slot"`
	Value float64   `json:"value"`
}

// A History is the hours of one series, at most as many as New was told. It is not
// safe for concurrent use.
type History struct {
	most  int
	hours []Hour
}

// New returns a history that keeps so many weeks.
func New(weeks int) *History { return &History{most: weeks * 7 * 24} }

// most is the largest value that is taken for one: sums of it stay finite.
const most = 1e18

// Add takes in an hour. One that is not later than the newest, or has no value
// that makes sense, is left out.
func (h *History) Add(x Hour) {
	if math.IsNaN(x.Value) || math.Abs(x.Value) > most || !x.At.After(h.Newest()) {
		return
	}
	h.hours = append(h.hours, x)
	if n := len(h.hours) - h.most; n > 0 {
		h.hours = slices.Delete(h.hours, 0, n)
	}
}

// Newest is the start of the newest hour; zero when there is none.
func (h *History) Newest() time.Time {
	if len(h.hours) == 0 {
		return time.Time{}
	}
	return h.hours[len(h.hours)-1].At
}

// Hours lists what is known, oldest first.
func (h *History) Hours() []Hour { return slices.Clone(h.hours) }

// A Usual is what is usual in a slot.
type Usual struct {
	Median float64
	MAD    float64 // median absolute deviation
	Count  int     // hours it rests on
	Weeks  int     // that these hours span
	Words  string  // of the slot: "close Mondays 10:00"
}

// Usual returns what is usual in a slot: of that slot when enough is known of it,
// of the same hour on any such day of its phase else; false when too little is.
func (h *History) Usual(s Slot) (Usual, bool) {
	if u, ok := h.over(least, func(x Slot) bool { return x == s }); ok {
		u.Words = s.String()
		return u, true
	}
	u, ok := h.over(leastWide, func(x Slot) bool { return x.wide() == s.wide() })
	days := "working days"
	if s.Free {
		days = "holidays and weekends"
	}
	u.Words = fmt.Sprintf("%s%s %02d:00", phaseWords(s.Phase), days, s.Hour)
	return u, ok
}

func (h *History) over(least int, in func(Slot) bool) (Usual, bool) {
	var values []float64
	var first, last time.Time
	for _, x := range h.hours {
		if in(x.Slot) {
			if first.IsZero() {
				first = x.At
			}
			last = x.At
			values = append(values, x.Value)
		}
	}
	if len(values) < least {
		return Usual{}, false
	}
	const week = 7 * 24 * time.Hour
	u := Usual{Median: median(values), Count: len(values), Weeks: int((last.Sub(first) + week - 1) / week)}
	for i, v := range values {
		values[i] = math.Abs(v - u.Median)
	}
	u.MAD = median(values)
	return u, true
}

// median sorts the values and returns the middle; of an even number the mean of
// the two in the middle, which cannot overflow.
func median(values []float64) float64 {
	slices.SortFunc(values, cmp.Compare)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return values[n/2-1]/2 + values[n/2]/2
}

// Deviation tells how many median absolute deviations v lies from the median,
// never below 0. A series that hardly varies would make everything unusual: one
// deviation counts as at least so much.
func (u Usual) Deviation(v, atLeast float64) float64 {
	one := max(u.MAD, atLeast)
	switch apart := math.Abs(v - u.Median); {
	case apart == 0:
		return 0
	case one == 0, math.IsNaN(apart):
		return Farthest
	default:
		return min(apart/one, Farthest)
	}
}

// Farthest bounds a deviation: what is farther is as unusual as can be.
const Farthest = 1000

// Unusual is from how many deviations on a value is: about four standard
// deviations of values that vary normally, one hour in ten thousand.
const Unusual = 6
