package slo

import "time"

// A Member is one of the objectives or dependencies a composite is made of.
type Member struct {
	ID      string
	Allowed uint64 // share of its events in a slice that may fail, in billionths
	// Weight is 0 in a composite that is as good as its worst member. Weights are
	// those of OpenSLO composites: each member counts as so many events.
	Weight uint64
}

// A Composite is an objective made of others: a process of its own indicators
// and of what it cannot do without. Availabilities are never multiplied: that
// would take failures that come together for independent, and count an outage
// of a shared database once for each process step. Instead the members are
// compared slice by slice.
//
// Without weights a slice is bad when that of any member is: the outcome is no
// better than its worst part at that time. With weights each member adds its
// weight to what was counted, and to what was bad when its slice was.
type Composite struct {
	Width   time.Duration
	Members []Member
	slicers []Slicer
}

// NewComposite returns a composite on slices of a width.
func NewComposite(width time.Duration, members []Member) *Composite {
	c := &Composite{Width: width, Members: members}
	for _, m := range members {
		c.slicers = append(c.slicers, Slicer{Timeslices: Timeslices{Width: width, Allowed: m.Allowed}})
	}
	return c
}

// Observe takes what each member counted in the tick that ends at an instant.
// The event it returns is the composite's. A slice in which no member had
// anything to count is none.
func (c *Composite) Observe(at time.Time, members []Event) Event {
	var out, worst Event
	for i := range c.slicers {
		ev, w := c.slicers[i].Observe(at, members[i]), c.Members[i].Weight
		out.Observed = out.Observed || ev.Observed
		out.Bad, out.Total = out.Bad+w*ev.Bad, out.Total+w*ev.Total
		worst.Bad, worst.Total = max(worst.Bad, ev.Bad), max(worst.Total, ev.Total)
	}
	if out.Total == 0 { // nothing happened, or nothing has a weight
		out.Bad, out.Total = worst.Bad, worst.Total
	}
	return out
}
