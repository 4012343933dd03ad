package lsnclock

import "time"

// Bounds is what is known about the age of the oldest data that a position
// lacks.
type Bounds struct {
	// Lower is the age that what is certainly missing has at least; 0 when
	// nothing is known to be missing.
	Lower time.Duration
	// Upper is the age that whatever is missing has at most. It is meaningful
	// only when Bounded.
	Upper time.Duration
	// Bounded is false when the position lies before the history: the missing
	// data may be of any age.
	Bounded bool
}

// Bounds judges position pos on a timeline at the server's time now. ok is
// false when the clock knows nothing about it: no sample yet, or a timeline
// newer than the clock's or forgotten.
func (c *Clock) Bounds(timeline uint32, pos uint64, now time.Time) (b Bounds, ok bool) {
	if len(c.entries) == 0 {
		return Bounds{}, false
	}
	if pos, ok = c.onCurrent(timeline, pos); !ok {
		return Bounds{}, false
	}
	i := c.beyond(pos)
	if i < len(c.entries) {
		b.Lower = max(now.Sub(c.entries[i].first), 0)
	}
	if i > 0 {
		b.Upper, b.Bounded = max(now.Sub(c.entries[i-1].last), b.Lower), true
	}
	return b, true
}

// onCurrent expresses a position as one of the current timeline: what an older
// timeline holds beyond its cut is not part of this history.
func (c *Clock) onCurrent(timeline uint32, pos uint64) (uint64, bool) {
	if timeline == c.timeline {
		return pos, true
	}
	for _, cut := range c.cuts {
		if cut.timeline == timeline {
			return min(pos, cut.pos), true
		}
	}
	return 0, false
}
