package app

import (
	"maps"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/signal"
)

// lockPlanFindings is the metric of what differs between lock dates and plan.
const lockPlanFindings = "closewatch_lock_plan_findings"

// A lockWatch holds the lock dates of every entity against its close plan. It is
// used from the tick only.
type lockWatch struct {
	reached map[string]calendar.State // how far a period of an entity was seen closed
}

func newLockWatch() *lockWatch { return &lockWatch{reached: map[string]calendar.State{}} }

// findings counts what differs, by entity and kind of finding. Of an entity whose
// lock dates are not measured, or for which no close is planned, nothing is said.
func (w *lockWatch) findings(at time.Time, s signal.Published, layout *calendarLayout) []signal.Sample {
	var out []signal.Sample
	for _, x := range s("odoo_lock_dates_set") {
		tl := layout.of[x.Labels["entity"]]
		if tl == nil {
			continue
		}
		closings := tl.Closings(at)
		if len(closings) == 0 {
			continue
		}
		locks := locksOf(s, x.Labels)
		counts := map[calendar.FindingKind]float64{calendar.NotLocked: 0, calendar.LockedEarly: 0, calendar.WasReopened: 0, calendar.Excepted: 0}
		for _, c := range closings {
			for _, f := range w.against(c, locks, at, x.Labels) {
				counts[f.Kind]++
			}
		}
		for kind, n := range counts {
			labels := maps.Clone(x.Labels)
			labels["finding"] = string(kind)
			out = append(out, signal.Sample{Name: lockPlanFindings, Labels: labels, Value: n, At: x.At})
		}
	}
	return out
}

// against compares one period. A lock that an entity does not use is not missed,
// and a part that is closed some hours early is no matter.
func (w *lockWatch) against(c calendar.Closing, l calendar.Locks, at time.Time, labels map[string]string) []calendar.Finding {
	key := strings.Join([]string{labels["environment"], labels["tenant"], labels["entity"], c.Period.Name}, "/")
	c.Reached = w.reached[key]
	if state := l.State(c.Period, c.Reached); state == calendar.HardClosed || state == calendar.Reopened {
		w.reached[key] = state
	}
	var out []calendar.Finding
	for _, f := range calendar.Against(c, l, at) {
		switch {
		case f.Kind == calendar.NotLocked && !inUse(l, f.Lock, c.Period):
		case f.Kind == calendar.LockedEarly && f.Lock != calendar.FiscalYearLock:
		default:
			out = append(out, f)
		}
	}
	return out
}

// inUse reports whether an entity has set a lock for one of the periods shortly
// before: one that locks once a year has not forgotten a month.
func inUse(l calendar.Locks, kind calendar.LockKind, p calendar.Period) bool {
	const recent = 95 // days: a quarter and a little
	kinds := []calendar.LockKind{kind}
	if kind == calendar.FiscalYearLock {
		kinds = append(kinds, calendar.HardLock)
	}
	for _, k := range kinds {
		if d, set := l.Dates[k]; set && !d.Before(p.First.Add(-recent)) {
			return true
		}
	}
	return false
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
	const patience = 20 * time.Minute // of the longest interval at which lock dates are read
	one := func(name, title string, finding calendar.FindingKind, hold time.Duration, says string) signal.Definition {
		return signal.Definition{
			Name: name, Title: title, Metric: lockPlanFindings, Match: map[string]string{"finding": string(finding)}, By: []string{"entity"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(), For: hold, Fresh: patience, Optional: true, Role: signal.Context, Says: says,
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
			"lock_date_late", "Periods are closed in time", calendar.NotLocked, time.Hour,
			"{value} lock dates of {entity} that the close plan asks for are not set: set them, or record an extension",
		),
		one(
			"period_closed_early", "No period is closed before it ends", calendar.LockedEarly, time.Hour,
			"{entity} has closed a period for everyone before it ends: nothing more can be posted in it, check the lock date with the close manager",
		),
	}
}
