package lsnclock

import "time"

// precision is the share of its age by which thinning may widen a bound.
const precision = 128

// thin removes stretches whose neighbours are close to each other for their
// age. Without a stretch, positions within it are judged by its neighbours: by
// a later one from below and an earlier one from above, which is wider, never
// wrong. What remains grows with the logarithm of the age; should it still
// exceed the bound, precision is halved until it does not.
func (c *Clock) thin(now time.Time) {
	c.unthin = 0
	for p := int64(precision); ; p /= 2 {
		c.thinTo(now, max(p, 1))
		if len(c.entries) <= c.most {
			return
		}
		if p <= 1 {
			c.entries = append(c.entries[:0], c.entries[len(c.entries)-c.most:]...)
			return
		}
	}
}

func (c *Clock) thinTo(now time.Time, p int64) {
	if len(c.entries) < 3 {
		return
	}
	kept := c.entries[:1]
	for i := 1; i < len(c.entries)-1; i++ {
		before, after := kept[len(kept)-1].last, c.entries[i+1].first
		allowed := now.Sub(after) / time.Duration(p)
		if after.Sub(before) > allowed {
			kept = append(kept, c.entries[i])
		}
	}
	c.entries = append(kept, c.entries[len(c.entries)-1])
}
