package calendar

import (
	"fmt"
	"slices"
	"time"
)

// An Actual is how far the close of one period really went, as the lock dates of
// its entity tell. The zero Actual knows nothing: the plan counts. It is not
// changed: Observe and Elapse return another.
type Actual struct {
	Period string   `json:"period"`
	Lock   LockKind `json:"lock"` // the lock that closes the period
	// Turns are when the period was seen closed, opened again, closed again and so
	// on, in order; none while it was never closed.
	Turns []time.Time `json:"turns,omitempty"`
	// Before says that it was closed already when it was first seen, after its
	// close was planned to end: nobody saw when, and the plan counts for it.
	Before bool `json:"before,omitempty"`
	// Overrun says that it was still open when its close was planned to end.
	Overrun bool      `json:"overrun,omitempty"`
	Seen    time.Time `json:"seen"` // when the lock dates were last read
}

// maxTurns bounds how often one period is followed back and forth; of more the
// newest count.
const maxTurns = 9

// Known reports whether lock dates tell of the period.
func (a Actual) Known() bool { return a.Period != "" }

// Closed reports whether the period is closed now.
func (a Actual) Closed() bool { return len(a.Turns)%2 == 1 }

// SameCourse reports whether a and b say the same of how the close went, but for
// when it was last looked at.
func (a Actual) SameCourse(b Actual) bool {
	return a.Period == b.Period && a.Lock == b.Lock && a.Before == b.Before && a.Overrun == b.Overrun && slices.EqualFunc(a.Turns, b.Turns, time.Time.Equal)
}

// State says how far the period is closed, as far as its close is ended by it.
func (a Actual) State() State {
	switch {
	case a.Closed():
		return HardClosed
	case len(a.Turns) > 0:
		return Reopened
	default:
		return Open
	}
}

// Observe takes in what the lock dates say at an instant. An entity that has not
// locked any period shortly before is not followed: one that locks once a year
// has not forgotten a month.
func (a Actual) Observe(c Closing, l Locks, at time.Time) Actual {
	if c.Ends.IsZero() {
		return Actual{} // no close is planned that could end
	}
	if !a.Known() {
		if !l.Closes(c) {
			return Actual{}
		}
		a = Actual{Period: c.Period.Name}
		if l.closed(c, at) && at.After(c.Ends) {
			a.Turns, a.Before = []time.Time{c.Ends}, true
		}
	}
	a.Lock, a.Seen = l.closer(c), at
	if l.closed(c, at) != a.Closed() {
		a.Turns = append(slices.Clone(a.Turns), at)
		if len(a.Turns) > maxTurns {
			a.Turns = a.Turns[2:]
		}
	}
	return a.Elapse(c, at)
}

// Elapse takes in that time passes, also when no lock dates can be read: what
// was open then still is, as far as anybody can tell.
func (a Actual) Elapse(c Closing, at time.Time) Actual {
	if a.Known() && len(a.Turns) == 0 && !at.Before(c.Ends) {
		a.Overrun = true
	}
	return a
}

// Reached is how far the period was seen closed for everyone.
func (a Actual) Reached() State {
	if a.Lock == PeriodLock || len(a.Turns) == 0 {
		return Open
	}
	return a.State()
}

// Finding is what a close comes to that goes on past its planned end, or that was
// ended by the lock for all but advisers and is taken up again; false when it is
// neither.
func (a Actual) Finding(c Closing) (Finding, bool) {
	switch {
	case a.Overrun && len(a.Turns) == 0:
		return Finding{
			Overrunning, a.Lock, fmt.Sprintf("the close of %s was planned to end %s and goes on: %s is not set", a.Period, stamp(c.Ends), a.Lock),
			"finish the close and set the lock date, or record an extension with its approver",
		}, true
	case a.Lock == PeriodLock && a.State() == Reopened:
		return Finding{
			WasReopened, a.Lock, fmt.Sprintf("%s was closed and is open again: %s was set back", a.Period, a.Lock),
			"ask the close manager who opened it and why",
		}, true
	}
	return Finding{}, false
}

// closer is the lock that ends the close of a period: that for everyone, or that
// for all but advisers where it is set as far and the plan does not ask for it
// as a step on the way.
func (l Locks) closer(c Closing) LockKind {
	softly, set := l.Dates[PeriodLock]
	step := slices.ContainsFunc(c.Soft, func(s SoftClose) bool { return s.Kind == PeriodLock })
	if set && !step && !softly.Before(l.Dates[FiscalYearLock]) && !softly.Before(l.Dates[HardLock]) {
		return PeriodLock
	}
	if hard, set := l.Dates[HardLock]; set && l.Dates[FiscalYearLock].Before(hard) {
		return HardLock
	}
	return FiscalYearLock
}

// closed reports whether the close of a period is ended at an instant: its lock
// is set, and no exception opens it for everyone. One for a single user is a
// finding, not a close that goes on.
func (l Locks) closed(c Closing, at time.Time) bool {
	if l.covers(HardLock, c.Period) {
		return true
	}
	open := slices.ContainsFunc(l.Exceptions, func(x LockException) bool { return x.Everyone && l.opens(x, c.Period, at) })
	return !open && (l.covers(FiscalYearLock, c.Period) || l.closer(c) == PeriodLock && l.covers(PeriodLock, c.Period))
}

// recentLock is how many days before a period a lock date may lie for its entity
// to lock periods as they close: a quarter and a little.
const recentLock = 95

// Closes reports whether the entity ends the closes of its periods by a lock
// date: it has set one for a period shortly before.
func (l Locks) Closes(c Closing) bool {
	return l.Uses(FiscalYearLock, c.Period) || l.closer(c) == PeriodLock && l.Uses(PeriodLock, c.Period)
}

// Uses reports whether an entity has set a lock for a period shortly before. The
// hard lock is as good as that for everyone.
func (l Locks) Uses(kind LockKind, p Period) bool {
	kinds := []LockKind{kind}
	if kind == FiscalYearLock {
		kinds = append(kinds, HardLock)
	}
	return slices.ContainsFunc(kinds, func(k LockKind) bool {
		d, set := l.Dates[k]
		return set && !d.Before(p.First.Add(-recentLock))
	})
}

// A Standing says how a close stands to its plan.
type Standing string

// Standings.
const (
	AsPlanned Standing = ""
	Overran   Standing = "overrun"  // the close goes on past its planned end
	OpenAgain Standing = "reopened" // its period was closed and is open again
	Early     Standing = "early"    // the close has ended before its planned end
)

// With returns the timeline as the closes really went: each ends when its period
// is closed, goes on while it is not, and is taken up when the period is opened
// again. What ends with the close, or goes on beyond its end, moves with it. The
// closes of other periods are as planned.
func (tl *Timeline) With(actuals []Actual) *Timeline {
	out := *tl
	out.closes, out.freezes = slices.Clone(tl.closes), slices.Clone(tl.freezes)
	for i := range out.closes {
		c := &out.closes[i]
		n := slices.IndexFunc(actuals, func(a Actual) bool { return a.Period == c.period.Name })
		if planned, has := c.spans[Close]; n >= 0 && has {
			c.course = courseOf(actuals[n], planned, tl.to)
		}
	}
	for i := range out.freezes {
		f := &out.freezes[i]
		for _, c := range out.closes {
			if c.period.Name == f.period {
				f.stretch = out.moved(c, f.stretch)
			}
		}
	}
	out.starts, out.places = nil, nil
	out.layOut()
	return &out
}

// A course is how a close went, in seconds. The zero course is as planned.
type course struct {
	actual Actual
	parts  []part
	ends   int64 // when it has ended for now; the end of the compiled time while it goes on
}

// A part is a stretch of a close that stands to its plan in one way.
type part struct {
	stretch
	standing Standing
}

// courseOf cuts a close into the parts that it came to.
func courseOf(a Actual, planned stretch, end int64) *course {
	c := &course{actual: a, ends: planned.to}
	from, standing := planned.from, AsPlanned
	add := func(to int64) {
		c.ends = to
		if s := (stretch{from, min(to, planned.to)}); standing == AsPlanned && s.from < s.to {
			c.parts = append(c.parts, part{s, AsPlanned})
		}
		late := stretch{from, to}
		if standing == AsPlanned {
			late, standing = stretch{max(from, planned.to), to}, Overran
		}
		if late.from < late.to {
			c.parts = append(c.parts, part{late, standing})
		}
	}
	for i, turn := range a.Turns {
		at := max(turn.Unix(), planned.from)
		if i%2 == 0 {
			add(at)
		} else {
			from, standing = at, OpenAgain
		}
	}
	switch {
	case a.Closed():
	case len(a.Turns) > 0, a.Overrun:
		add(end)
	default:
		add(planned.to)
	}
	return c
}

// moved is a stretch around the end of a close where that end has come to lie: it
// ends with the close when it was planned to end with it or in the same day, and
// not before it when it was planned to go on.
func (tl *Timeline) moved(c closing, s stretch) stretch {
	planned, has := c.spans[Close]
	if c.course == nil || !has || s.from >= planned.to {
		return s
	}
	switch {
	case s.to == planned.to || tl.civil(s.to-1) == tl.civil(planned.to-1):
		s.to = max(s.from, c.course.ends)
	case s.to > planned.to:
		s.to = max(s.to, c.course.ends)
	}
	return s
}

// A phased stretch is one phase of a close, or a part of it.
type phased struct {
	part
	phase   Phase
	planned int64 // when the plan has it end; 0 when that is when it does
}

// stretches lists the phases of a close as they came to lie.
func (c *closing) stretches() []phased {
	var out []phased
	for _, phase := range []Phase{PreClose, Close, Tail} {
		s, has := c.spans[phase]
		if !has {
			continue
		}
		if c.course == nil || phase == PreClose {
			out = append(out, phased{part{s, AsPlanned}, phase, 0})
			continue
		}
		planned := c.spans[Close].to
		if phase == Tail {
			out = append(out, c.tail(s, planned))
			continue
		}
		for _, p := range c.course.parts {
			ph := phased{p, Close, 0}
			if p.standing != AsPlanned || c.course.ends != planned {
				ph.planned = planned
			}
			out = append(out, ph)
		}
	}
	return out
}

// tail follows the close: where that has ended, it begins.
func (c *closing) tail(s stretch, planned int64) phased {
	out := phased{part{s, AsPlanned}, Tail, 0}
	if s.from != planned || c.course.ends == planned {
		return out
	}
	out.from = c.course.ends
	if out.to = max(out.to, out.from); c.course.ends < planned {
		out.standing, out.planned = Early, planned
	}
	return out
}

// Actuals lists how the closes went that the timeline was told of, oldest
// period first.
func (tl *Timeline) Actuals() []Actual {
	var out []Actual
	for _, c := range tl.closes {
		if c.course != nil {
			out = append(out, c.course.actual)
		}
	}
	return out
}

// id tells the parts of a close apart in a printed calendar.
func (s phased) id(period string) string {
	id := string(s.phase) + "-" + period
	if s.phase == Close && s.standing != AsPlanned {
		id += "-" + string(s.standing)
	}
	return id
}

// verb says what happens where a phase, or a part of it, begins.
func (s phased) verb() string {
	if s.standing == Overran {
		return ""
	}
	return " begins"
}
