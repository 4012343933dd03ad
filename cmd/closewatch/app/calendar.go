package app

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
)

// calendars lays the estate's calendar out around the time it is asked about.
// It is safe for concurrent use.
type calendars struct {
	plans []calendar.Plan // in the order of the entities
	hash  string          // of all plans: decisions cite it
	laid  atomic.Pointer[calendarLayout]
}

// A calendarLayout is every entity's timeline over the same time.
type calendarLayout struct {
	from time.Time
	of   map[string]*calendar.Timeline // by entity
}

func newCalendars(e *estate.Estate, entities []estate.Entity) *calendars {
	plans := e.CalendarPlans(entities)
	return &calendars{plans: plans, hash: calendar.HashAll(plans)}
}

// around returns the timelines that reach far enough around t. They are laid
// out anew in each month: what they say of an instant does not depend on when
// that was.
func (c *calendars) around(t time.Time) *calendarLayout {
	from, to := calendar.Horizon(t)
	if l := c.laid.Load(); l != nil && l.from.Equal(from) {
		return l
	}
	l := &calendarLayout{from, map[string]*calendar.Timeline{}}
	for _, p := range c.plans {
		l.of[p.Entity] = calendar.Compile(p, from, to)
	}
	c.laid.Store(l)
	return l
}

// An entityPlace is what the calendar says about an entity at a tick.
type entityPlace struct {
	Entity, Environment string
	Place               calendar.Place
	Deadlines           []calendar.Deadline // the next of each, soonest first
}

// places lists where each entity is at a tick.
func (c *calendars) places(at time.Time, subjects []subject) []entityPlace {
	layout := c.around(at)
	var out []entityPlace
	for _, s := range subjects {
		if slices.ContainsFunc(out, func(p entityPlace) bool { return p.Entity == s.key.Entity && p.Environment == s.key.Environment }) {
			continue
		}
		if tl := layout.of[s.key.Entity]; tl != nil {
			out = append(out, entityPlace{s.key.Entity, s.key.Environment, tl.At(at), tl.Deadlines(at, "")})
		}
	}
	return out
}

// doubts counts, by calendar, why it cannot be relied on at an instant.
func (c *calendars) doubts(at time.Time) map[string]int {
	out := map[string]int{}
	for i := range c.plans {
		for name, doubts := range c.plans[i].Doubts(at) {
			out[name] = max(out[name], len(doubts))
		}
	}
	return out
}
