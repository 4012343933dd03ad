package slo

import (
	"math"
	"time"
)

// A Sample is what a cumulative counter showed.
type Sample struct {
	Value float64
	At    time.Time // when it was collected, not when it was looked at
	// Created is when the counter began at zero, where its source says so.
	Created time.Time
}

// Counters turn cumulative counters into events, a slot for each series. They
// allocate nothing but for new slots.
//
// A counter that falls, or says that it was created since it was read last, was
// reset: what it shows is what happened since. A reading collected at the same instant as the last one says
// nothing new, and one that is older is late: neither is counted. What happened
// while a series was away is counted when it comes back, with its next reading;
// after Forget nobody can say any more when it happened: the series is then like
// one that was never seen, and Again says how it begins. Parts of an event are
// counted once they add up to a whole one.
type Counters struct {
	slots []slot
	free  []int
}

// Forget is how long a series may be away.
const Forget = 6 * time.Hour

// A slot is what is known of a series. Its instants are in nanoseconds since
// 1970, 0 when there is none.
type slot struct {
	value   float64
	at      int64
	created int64
	trust   trust
}

// A trust says what a slot's value is to be compared with.
type trust uint8

const (
	fromValue trust = iota // nothing was read yet: the first value is where counting begins
	fromZero               // nothing was read yet: the first value is counted whole
	known                  // the value of the last reading
	doubted                // the value of a reading after which more was counted, nobody knows how much
)

// NewCounters returns an empty set.
func NewCounters() *Counters { return &Counters{} }

// Add makes a slot for a series seen for the first time. whole says that the
// series began after everything around it was collected last, so that all it
// shows is news; otherwise counting begins at its first value, for the history
// of a new target is not one burst.
func (c *Counters) Add(whole bool) (slot int) {
	if whole {
		return c.put(fresh(fromZero))
	}
	return c.put(fresh(fromValue))
}

func fresh(t trust) slot { return slot{trust: t} }

func (c *Counters) put(s slot) int {
	if n := len(c.free); n > 0 {
		i := c.free[n-1]
		c.free = c.free[:n-1]
		c.slots[i] = s
		return i
	}
	c.slots = append(c.slots, s)
	return len(c.slots) - 1
}

// Gone reports whether a series was away so long, up to an instant, that what
// is known of it says nothing any more.
func (c *Counters) Gone(slot int, at time.Time) bool {
	was := c.slots[slot].at
	return was != 0 && time.Duration(at.UnixNano()-was) > Forget
}

// Again has a slot begin anew, as Add does.
func (c *Counters) Again(slot int, whole bool) {
	c.slots[slot] = fresh(fromValue)
	if whole {
		c.slots[slot] = fresh(fromZero)
	}
}

// Free gives a slot up: the next Add may return it.
func (c *Counters) Free(slot int) { c.free = append(c.free, slot) }

// Increase returns how many events a series counted since its last reading.
// Values that no counter can show are passed over.
func (c *Counters) Increase(slot int, r Sample) uint64 {
	if !(r.Value >= 0) || math.IsInf(r.Value, 1) {
		return 0
	}
	s := &c.slots[slot]
	at, was := r.At.UnixNano(), *s
	if s.at != 0 && at <= s.at {
		return 0
	}
	*s = slotOf(r, at)
	switch {
	case was.trust == fromZero:
		return events(0, r.Value)
	case was.trust == fromValue, time.Duration(at-was.at) > Forget:
		return 0
	case r.Value < was.value, was.created != 0 && s.created > was.at:
		return events(0, r.Value)
	case was.trust == doubted:
		return 0
	default:
		return events(was.value, r.Value)
	}
}

func slotOf(r Sample, at int64) slot {
	s := slot{value: r.Value, at: at, trust: known}
	if !r.Created.IsZero() {
		s.created = r.Created.UnixNano()
	}
	return s
}

// events counts the whole events between two values, at most as many as fit.
func events(from, to float64) uint64 {
	d := math.Floor(to) - math.Floor(from)
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return uint64(d)
}
