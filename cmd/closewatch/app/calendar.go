package app

import (
	"maps"
	"slices"
	"sync"
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

	laying sync.Mutex
	went   map[string][]calendar.Actual // how closes really went, by entity; under laying
}

// A calendarLayout is every entity's timeline over the same time.
type calendarLayout struct {
	from    time.Time
	of      map[string]*calendar.Timeline // by entity, as the closes really went
	planned map[string]*calendar.Timeline // by entity, as planned
}

func newCalendars(e *estate.Estate, entities []estate.Entity) *calendars {
	plans := e.CalendarPlans(entities)
	return &calendars{plans: plans, hash: calendar.HashAll(plans)}
}

// around returns the timelines that reach far enough around t. They are laid
// out anew in each month: what they say of an instant does not depend on when
// that was, but for closes that went otherwise than planned.
func (c *calendars) around(t time.Time) *calendarLayout {
	from, to := calendar.Horizon(t)
	if l := c.laid.Load(); l != nil && l.from.Equal(from) {
		return l
	}
	c.laying.Lock()
	defer c.laying.Unlock()
	l := &calendarLayout{from, map[string]*calendar.Timeline{}, map[string]*calendar.Timeline{}}
	for _, p := range c.plans {
		tl := calendar.Compile(p, from, to)
		l.planned[p.Entity], l.of[p.Entity] = tl, tl
		if went := c.went[p.Entity]; len(went) > 0 {
			l.of[p.Entity] = tl.With(went)
		}
	}
	c.laid.Store(l)
	return l
}

// follow has the timelines around t follow how the closes of entities really
// went. Only those of entities for which that is different now are laid out anew.
func (c *calendars) follow(t time.Time, went map[string][]calendar.Actual) {
	l := c.around(t)
	c.laying.Lock()
	defer c.laying.Unlock()
	var next *calendarLayout
	for entity, planned := range l.planned {
		if slices.EqualFunc(c.went[entity], went[entity], calendar.Actual.SameCourse) {
			continue
		}
		if next == nil {
			next = &calendarLayout{l.from, maps.Clone(l.of), l.planned}
		}
		next.of[entity] = planned.With(went[entity])
	}
	c.went = went
	if next != nil {
		c.laid.Store(next)
	}
}

// An entityPlace is what the calendar says about an entity at a tick.
type entityPlace struct {
	Entity, Environment string
	Place               calendar.Place
	Deadlines           []calendar.Deadline // the next of each, soonest first
	Closes              []Close             // planned against actual, oldest period first
}

// places lists where each entity is at a tick.
func (c *calendars) places(at time.Time, subjects []subject) []entityPlace {
	layout := c.around(at)
	var out []entityPlace
	seen := map[[2]string]bool{}
	for i := range subjects {
		s := &subjects[i]
		key := [2]string{s.key.Entity, s.key.Environment}
		if seen[key] {
			continue
		}
		seen[key] = true
		if tl := layout.of[s.key.Entity]; tl != nil {
			out = append(out, entityPlace{s.key.Entity, s.key.Environment, tl.At(at), tl.Deadlines(at, ""), closesOf(tl, layout.planned[s.key.Entity], at)})
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
