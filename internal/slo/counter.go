package slo

// Counters turns cumulative counters into events per tick.
//
// A counter that falls was reset: what it shows is what happened since. A
// series seen for the first time starts from zero when its family was already
// being collected (its first event created it), and from its own value when
// everything is new, so that the history of a restarted daemon's target is not
// counted as one burst.
type Counters struct {
	last map[string]float64
}

// NewCounters returns an empty set.
func NewCounters() *Counters { return &Counters{last: map[string]float64{}} }

// Delta returns the increase of the series since the last call. known says the
// family was already collected before this series appeared.
func (c *Counters) Delta(series string, value float64, known bool) uint64 {
	prev, seen := c.last[series]
	c.last[series] = value
	switch {
	case !seen && !known:
		return 0
	case !seen, value < prev:
		prev = 0
	}
	if d := value - prev; d > 0 {
		return uint64(d + 0.5)
	}
	return 0
}
