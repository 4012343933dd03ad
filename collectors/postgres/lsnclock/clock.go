package lsnclock

import (
	"sort"
	"time"
)

// A Sample is one look at a primary's log. The position must have been read
// between the two times, the snapshot before the position.
type Sample struct {
	Before, After time.Time // the server's time before and after the position was read
	Position      uint64    // where the next record will be inserted
	Snapshot      uint64    // a hash of the transactions in progress and of the next id
}

// An entry is a stretch of the history in which no data was written: at Last
// all data in the log was before Pos, at First some of it was beyond the Pos of
// the entry before.
type entry struct {
	pos   uint64
	first time.Time // After of the first sample
	last  time.Time // Before of the last sample
}

// A Clock is the history of one cluster's log. Its methods must not be called
// concurrently. The zero Clock is empty; New sets bounds.
type Clock struct {
	system   uint64
	timeline uint32
	entries  []entry // pos strictly increasing, times never decreasing
	cuts     []cut   // one for each older timeline, ascending
	end      uint64  // position of the latest sample
	snapshot uint64  // of the latest sample
	most     int     // entries kept
	unthin   int     // entries added since they were last thinned
}

// A cut says how far an older timeline is shared with those after it.
type cut struct {
	timeline uint32
	pos      uint64
}

// DefaultEntries is how many entries a clock keeps: about 250 KB, and years of
// history at a relative precision of one part in 128.
const DefaultEntries = 4096

// New returns an empty clock that keeps at most entries stretches of history;
// 0 means DefaultEntries.
func New(entries int) *Clock {
	if entries <= 0 {
		entries = DefaultEntries
	}
	return &Clock{most: max(entries, 16)}
}

// Timeline identifies the cluster and timeline of the latest sample; zeros
// before the first.
func (c *Clock) Timeline() (system uint64, timeline uint32) { return c.system, c.timeline }

// End is the position of the latest sample: where the log was last known to
// stand. ok is false before the first.
func (c *Clock) End() (pos uint64, ok bool) { return c.end, len(c.entries) > 0 }

// Last is the server's time of the latest sample; zero before the first.
func (c *Clock) Last() time.Time {
	if len(c.entries) == 0 {
		return time.Time{}
	}
	return c.entries[len(c.entries)-1].last
}

// Len is the number of stretches kept.
func (c *Clock) Len() int { return len(c.entries) }

// Add appends a sample of the given cluster and timeline. common is used on a
// switch to a newer timeline: a position that both are known to share, such as
// where the new primary's replay was last seen before its promotion; 0 means
// that none is known. A sample of another cluster starts the history anew; one
// of an older timeline than the clock's is ignored, since a former primary that
// still runs no longer counts, and Add reports false.
func (c *Clock) Add(system uint64, timeline uint32, s Sample, common uint64) bool {
	switch {
	case len(c.entries) == 0 || system != c.system:
		*c = Clock{most: c.most, system: system, timeline: timeline}
		c.begin(s)
		return true
	case timeline < c.timeline:
		return false
	case timeline > c.timeline:
		c.cut(timeline, min(common, s.Position))
		c.begin(s)
		return true
	}
	if s.Position < c.end { // the tail of the log was lost in a crash of the server
		c.truncate(s.Position)
		c.begin(s)
		return true
	}
	c.extend(s)
	return true
}

// extend adds a sample that follows the latest one on the same timeline.
func (c *Clock) extend(s Sample) {
	last := &c.entries[len(c.entries)-1]
	if s.Snapshot == c.snapshot || s.Position == last.pos {
		// No transaction ended since the latest sample, or nothing at all was
		// written since the stretch began.
		if s.Before.After(last.last) {
			last.last = s.Before
		}
		c.end, c.snapshot = s.Position, s.Snapshot
		return
	}
	c.begin(s)
}

// begin opens a stretch with s.
func (c *Clock) begin(s Sample) {
	if n := len(c.entries); n > 0 {
		prev := c.entries[n-1]
		s.Before, s.After = later(s.Before, prev.last), later(s.After, prev.first)
		if prev.pos == s.Position {
			c.entries[n-1].last = s.Before
			c.end, c.snapshot = s.Position, s.Snapshot
			return
		}
	}
	c.entries = append(c.entries, entry{pos: s.Position, first: s.After, last: s.Before})
	c.end, c.snapshot = s.Position, s.Snapshot
	if c.unthin++; c.unthin >= 64 || len(c.entries) > c.most {
		c.thin(s.After)
	}
}

// cut ends the current timeline at the last position it shares with the next.
func (c *Clock) cut(next uint32, common uint64) {
	c.truncate(common)
	for i := range c.cuts {
		c.cuts[i].pos = min(c.cuts[i].pos, common)
	}
	c.cuts = append(c.cuts, cut{c.timeline, common})
	if len(c.cuts) > maxCuts {
		c.cuts = c.cuts[len(c.cuts)-maxCuts:]
	}
	c.timeline = next
}

// maxCuts bounds the older timelines remembered.
const maxCuts = 16

// truncate forgets every stretch that began beyond pos.
func (c *Clock) truncate(pos uint64) {
	c.entries = c.entries[:c.beyond(pos)]
}

// beyond returns the index of the first stretch with data beyond pos.
func (c *Clock) beyond(pos uint64) int {
	return sort.Search(len(c.entries), func(i int) bool { return c.entries[i].pos > pos })
}

// Shift moves the whole history by d: the server's time was set.
func (c *Clock) Shift(d time.Duration) {
	for i := range c.entries {
		c.entries[i].first = c.entries[i].first.Add(d)
		c.entries[i].last = c.entries[i].last.Add(d)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
