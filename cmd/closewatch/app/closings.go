package app

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/signal"
)

// lockPlanFindings is the metric of what differs between lock dates and plan.
const lockPlanFindings = "closewatch_lock_plan_findings"

// lockFresh is how long lock dates count that were read: twice the longest
// interval at which they are.
const lockFresh = 20 * time.Minute

// A lockWatch holds the lock dates of every entity against its close plan, and
// has the calendar follow what they say. It is used from the tick only.
type lockWatch struct {
	closes  map[closeOf]calendar.Actual
	tenants signal.Split
}

// A closeOf is the close of one period of an entity.
type closeOf struct{ environment, tenant, entity, period string }

func newLockWatch() *lockWatch { return &lockWatch{closes: map[closeOf]calendar.Actual{}} }

// A followedClose is how far a close has really got, as it is kept across a
// restart.
type followedClose struct {
	Environment string          `json:"environment"`
	Tenant      string          `json:"tenant"`
	Entity      string          `json:"entity"`
	Close       calendar.Actual `json:"close"`
}

// memory is what must outlive the process, in order.
func (w *lockWatch) memory() []followedClose {
	out := make([]followedClose, 0, len(w.closes))
	for k, a := range w.closes {
		out = append(out, followedClose{k.environment, k.tenant, k.entity, a})
	}
	slices.SortFunc(out, func(a, b followedClose) int {
		return cmp.Or(
			cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Close.Period, b.Close.Period),
		)
	})
	return out
}

// restore takes up what was kept.
func (w *lockWatch) restore(kept []followedClose) {
	for _, k := range kept {
		w.closes[closeOf{k.Environment, k.Tenant, k.Entity, k.Close.Period}] = k.Close
	}
}

// memory is what stands now, with closes, what is out of sight and what burns.
func (d *decider) memory(at time.Time) memory {
	m := d.judge.memory(at)
	m.Closes, m.OutOfSight, m.Burning = d.locks.memory(), d.sight.memory(), d.objectives.burning()
	return m
}

// restore takes up what stood.
func (d *decider) restore(m memory) {
	d.judge.restore(m)
	d.locks.restore(m.Closes)
	d.sight.restore(m.OutOfSight)
	d.objectives.burned(m.Burning)
}

// findings counts what differs, by entity and kind of finding, and lays the
// calendar out as the closes really went. Of an entity whose lock dates are not
// measured, or for which no close is planned, nothing is said, and its plan
// counts; once they were, what they said last holds until they are again.
func (w *lockWatch) findings(at time.Time, s signal.Published, c *calendars) []signal.Sample {
	layout, read := c.around(at), map[closeOf]bool{}
	w.tenants.Begin("tenant", s)
	var out []signal.Sample
	for _, x := range s("odoo_lock_dates_set") {
		tl := layout.of[x.Labels["entity"]]
		if tl == nil || at.Sub(x.At) > lockFresh {
			continue
		}
		closings := tl.Closings(at)
		if len(closings) == 0 {
			continue
		}
		locks := locksOf(w.tenants.Of(x.Labels["tenant"]), x.Labels)
		counts := map[calendar.FindingKind]float64{
			calendar.NotLocked: 0, calendar.LockedEarly: 0, calendar.WasReopened: 0, calendar.Excepted: 0, calendar.Overrunning: 0,
		}
		for _, c := range closings {
			key := closeOf{x.Labels["environment"], x.Labels["tenant"], x.Labels["entity"], c.Period.Name}
			c.Reached = w.closes[key].Reached()
			w.closes[key], read[key] = w.closes[key].Observe(c, locks, at), true
			for _, f := range w.against(c, locks, at, w.closes[key]) {
				counts[f.Kind]++
			}
		}
		for kind, n := range counts {
			labels := maps.Clone(x.Labels)
			labels["finding"] = string(kind)
			out = append(out, signal.Sample{Name: lockPlanFindings, Labels: labels, Value: n, At: x.At})
		}
	}
	w.elapse(at, layout, read)
	c.follow(at, w.courses(func(entity string) bool { return layout.of[entity] != nil }))
	return out
}

// elapse has time pass for the closes whose lock dates could not be read, and
// forgets those that are long over.
func (w *lockWatch) elapse(at time.Time, layout *calendarLayout, read map[closeOf]bool) {
	due := map[closeOf]calendar.Closing{}
	for entity, tl := range layout.of {
		for _, c := range tl.Closings(at) {
			due[closeOf{entity: entity, period: c.Period.Name}] = c
		}
	}
	for k, a := range w.closes {
		c, goesOn := due[closeOf{entity: k.entity, period: k.period}]
		switch {
		case !goesOn || !a.Known():
			delete(w.closes, k)
		case !read[k]:
			w.closes[k] = a.Elapse(c, at)
		}
	}
}

// courses lists how the closes of the entities that are planned went. Should
// more than one tenant tell of an entity, the least closed counts.
func (w *lockWatch) courses(planned func(entity string) bool) map[string][]calendar.Actual {
	out := map[string][]calendar.Actual{}
	for _, k := range w.memory() {
		if !planned(k.Entity) {
			continue
		}
		known := out[k.Entity]
		switch i := slices.IndexFunc(known, func(a calendar.Actual) bool { return a.Period == k.Close.Period }); {
		case i < 0:
			out[k.Entity] = append(known, k.Close)
		case known[i].Closed() && !k.Close.Closed():
			known[i] = k.Close
		}
	}
	return out
}

// against compares one period. A lock that an entity does not use is not missed,
// and a part that is closed some hours early is no matter.
func (*lockWatch) against(c calendar.Closing, l calendar.Locks, at time.Time, went calendar.Actual) []calendar.Finding {
	var out []calendar.Finding
	for _, f := range calendar.Against(c, l, at) {
		switch {
		case f.Kind == calendar.NotLocked && !l.Uses(f.Lock, c.Period):
		case f.Kind == calendar.LockedEarly && f.Lock != calendar.FiscalYearLock:
		default:
			out = append(out, f)
		}
	}
	if f, is := went.Finding(c); is {
		out = append(out, f)
	}
	return out
}

// locksOf reads the lock dates and exceptions of an entity.
func locksOf(s signal.Published, labels map[string]string) calendar.Locks {
	l := calendar.Locks{Dates: map[calendar.LockKind]calendar.Date{}}
	for _, x := range s.Match("odoo_lock_date_timestamp_seconds", labels) {
		l.Dates[lockKind(x)] = calendar.DateOf(signal.Unix(x.Value).UTC())
	}
	for _, x := range s.Match("odoo_lock_exceptions", labels) {
		if x.Value <= 0 {
			continue
		}
		e := calendar.LockException{Kind: lockKind(x), Everyone: x.Labels["who"] == "everyone", Until: s.Stamp("odoo_lock_exceptions_until_timestamp_seconds", x.Labels)}
		if from := s.Stamp("odoo_lock_exceptions_from_timestamp_seconds", x.Labels); !from.IsZero() {
			e.From = calendar.DateOf(from.UTC()).Add(1)
		}
		l.Exceptions = append(l.Exceptions, e)
	}
	return l
}

func lockKind(x signal.Sample) calendar.LockKind {
	return calendar.LockKind(x.Labels["lock"] + "_lock_date")
}

// closingSignals say whether periods are closed as planned.
func closingSignals() []signal.Definition {
	one := func(name, title string, finding calendar.FindingKind, hold time.Duration, says string) signal.Definition {
		return signal.Definition{
			Name: name, Title: title, Metric: lockPlanFindings, Match: map[string]string{"finding": string(finding)}, By: []string{"entity"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(), For: hold, Fresh: lockFresh, Optional: true, Role: signal.Context, Says: says,
		}
	}
	excepted := one(
		"lock_exception_in_closed_period", "No exception opens a closed period", calendar.Excepted, 0,
		"{value} exceptions open a period of {entity} that is closed for everyone: end them, or have the controller confirm them",
	)
	excepted.Warning, excepted.Critical = signal.Never(), 0
	return []signal.Definition{
		excepted,
		one(
			"closed_period_open_again", "Closed periods stay closed", calendar.WasReopened, 0,
			"{value} periods of {entity} were closed for everyone and are open again: ask the close manager who opened them and why",
		),
		one(
			"close_overrun", "Closes end as planned", calendar.Overrunning, 0,
			"{value} closes of {entity} go on past their planned end, because the lock date that ends them is not set: everything counts as in the close until it is",
		),
		one(
			"lock_date_late", "Periods are closed in time", calendar.NotLocked, time.Hour,
			"{value} lock dates of {entity} that the close plan asks for are not set: set them, or record an extension",
		),
		one(
			"period_closed_early", "No period is closed before it ends", calendar.LockedEarly, time.Hour,
			"{entity} has closed a period for everyone before it ends: nothing more can be posted in it, check the lock date with the close manager",
		),
	}
}
