package tiering

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/signal"
)

// An Engine remembers what stands. A subject that was quiet and still is costs
// next to nothing: its verdict is used again. It is not safe for concurrent use.
type Engine struct {
	judge  Judge
	state  map[Key]*memory
	order  []*memory // of the last tick, by position in its evidence
	at     time.Time // of the last tick
	before time.Time // of the one before that
}

// Standing is one subject's memory. It is exported so that it can be kept
// across a restart.
type Standing struct {
	Impact Impact `json:"impact"`
}

// memory is what stands of a subject and, while nothing is wrong with it, what
// its verdict was reached from.
type memory struct {
	// settled says that the subject was quiet at the last tick and is what it was
	// at the one before: both instants are the engine's, and before is not kept.
	// It is then in the engine's order.
	settled bool
	quiet   bool
	known   bool
	near    bool      // a deadline is: that of slack
	slack   Slack     // as of some tick
	another time.Time // when another deadline comes near; zero is never
	impact  Impact    // as remembered; its Slack is nil while quiet
	before  *Impact   // what stood before the newest step; nil when nothing did
	place   calendar.Place
	holiday string
}

// NewEngine returns an engine without memory.
func NewEngine(holds Holds, rules Rules) *Engine {
	return &Engine{judge: Judge{holds, rules}, state: map[Key]*memory{}}
}

// Judge is what the engine judges by.
func (e *Engine) Judge() Judge { return e.judge }

// Step judges every subject at a tick and returns the standing impacts in the
// order of the evidence.
func (e *Engine) Step(at time.Time, evidence []Evidence) []Impact {
	var b Board
	e.StepInto(&b, at, evidence)
	return b.Impacts
}

// A Board holds the impacts of one tick. Used again for another tick, it takes
// no new memory, and what was read from it before is gone.
type Board struct {
	Impacts []Impact // in the order of the evidence
	// Moved are the numbers, rising, of those that may not be what they were at the
	// tick before. Another is, but for its instant and what that leaves of a slack.
	Moved  []int
	slacks []Slack // of those that are quiet
}

// StepInto is Step on a board.
func (e *Engine) StepInto(b *Board, at time.Time, evidence []Evidence) {
	b.lay(len(evidence))
	same := e.arranged(evidence)
	if !same {
		e.arrange(evidence)
	}
	for i := range evidence {
		if e.step(b, i, at, &evidence[i], false) || !same {
			b.Moved = append(b.Moved, i)
		}
	}
	e.before, e.at = e.at, at
}

// StepChanged is StepInto for evidence that is, but for the subjects whose
// numbers are in changed, rising, what it was at the tick before, which was
// judged on the same board.
func (e *Engine) StepChanged(b *Board, at time.Time, evidence []Evidence, changed []int) {
	if len(b.Impacts) != len(evidence) || len(e.order) != len(evidence) || at.Before(e.at) ||
		slices.ContainsFunc(changed, func(i int) bool { return e.order[i].impact.Key != evidence[i].Key }) {
		e.StepInto(b, at, evidence)
		return
	}
	b.lay(len(evidence))
	for i, m := range e.order {
		moved := len(changed) > 0 && changed[0] == i
		if moved {
			changed = changed[1:]
		}
		if !moved && m.settled && (m.another.IsZero() || at.Before(m.another)) {
			b.Impacts[i].At = at
			if m.near {
				b.slacks[i] = m.slack.at(at)
			}
			continue
		}
		if e.step(b, i, at, &evidence[i], true) {
			b.Moved = append(b.Moved, i)
		}
	}
	e.before, e.at = e.at, at
}

// lay makes room for a tick.
func (b *Board) lay(n int) {
	b.Impacts = slices.Grow(b.Impacts[:0], n)[:n]
	b.slacks = slices.Grow(b.slacks[:0], n)[:n]
	b.Moved = b.Moved[:0]
}

// arranged reports whether the subjects are those of the last tick.
func (e *Engine) arranged(evidence []Evidence) bool {
	if len(e.order) != len(evidence) {
		return false
	}
	for i := range evidence {
		if e.order[i].impact.Key != evidence[i].Key {
			return false
		}
	}
	return true
}

// arrange takes up the order of the evidence.
func (e *Engine) arrange(evidence []Evidence) {
	for _, m := range e.order {
		e.unsettle(m)
	}
	e.order = make([]*memory, len(evidence))
	for i := range evidence {
		e.order[i] = e.of(evidence[i].Key)
	}
}

// unsettle lays down what of a subject's memory is the engine's.
func (e *Engine) unsettle(m *memory) {
	if m.settled {
		m.before, m.impact.At = e.stood(m), e.at
	}
	m.settled = false
}

// stood is what stood of a subject before the last tick; nil when nothing did.
func (e *Engine) stood(m *memory) *Impact {
	if !m.settled {
		return m.before
	}
	im := m.impact
	im.At = e.before
	return &im
}

// step judges one subject, or finds that it is quiet and was. laid says that the
// board has the tick before. It reports whether anything may be other than it
// was, but for the instant.
func (e *Engine) step(b *Board, i int, at time.Time, ev *Evidence, laid bool) (moved bool) {
	m, im := e.order[i], &b.Impacts[i]
	if m.still(ev) && !e.judge.flapping(at, m.impact.Hold.Entries) {
		if !laid || !m.settled {
			e.settle(at, m)
			*im = m.impact
		}
		im.At, im.Slack = at, nil
		if moved = e.measureSlack(at, m, ev); m.near {
			b.slacks[i] = m.slack
			im.Slack = &b.slacks[i]
		}
		return moved
	}
	if m.settled {
		m.impact.At, m.settled = e.at, false
	}
	*im = e.judge.Next(at, m.prior(), *ev)
	m.remember(*im, ev)
	return true
}

// settle takes up that a subject is what it was.
func (e *Engine) settle(at time.Time, m *memory) {
	switch {
	case m.settled:
	case m.impact.At == e.at: //nolint:staticcheck // as it is written, zone and all
		m.settled, m.before = true, nil
	default: // it was not there at the last tick
		before := m.impact
		m.before, m.impact.At = &before, at
	}
}

// measureSlack takes up the slack of a subject that is quiet. It reports whether
// it is another than before. Nothing of a quiet subject waits, so that what is
// tightest stays so until another deadline comes near, or the evidence changes.
func (e *Engine) measureSlack(at time.Time, m *memory, ev *Evidence) (other bool) {
	was, wasNear := m.slack, m.near
	m.slack, m.near = tightest(at, ev, e.judge.Rules)
	m.another = approach(at, ev, e.judge.Rules)
	return m.near != wasNear || m.near && was.at(at) != m.slack
}

// of returns a subject's memory, empty for one never judged before.
func (e *Engine) of(k Key) *memory {
	m := e.state[k]
	if m == nil {
		m = &memory{impact: Impact{Verdict: Verdict{Key: k}}}
		e.state[k] = m
	}
	return m
}

// prior is what stood of the subject; nil when it was never judged.
func (m *memory) prior() *Impact {
	if !m.known {
		return nil
	}
	return &m.impact
}

// remember keeps what was judged, and whether the same evidence needs no judging
// again.
func (m *memory) remember(im Impact, ev *Evidence) {
	switch {
	case !m.known:
		m.before = nil
	case m.before == nil:
		m.before = new(Impact)
		fallthrough
	default:
		*m.before = m.impact
	}
	m.impact, m.known = im.remembered(), true
	m.near = im.Slack != nil
	if m.near {
		m.slack = *im.Slack
	}
	m.quiet = im.atRest() && quiet(ev)
	if !m.quiet {
		return
	}
	m.impact, m.place, m.holiday = im, ev.Place, ev.Holiday
	m.impact.Slack = nil
}

// still reports whether a subject that was quiet is, and would be judged as it
// was: unless it flapped lately.
func (m *memory) still(ev *Evidence) bool {
	return m.quiet && m.impact.CriticalWhy == ev.CriticalWhy && m.holiday == ev.Holiday && m.place == ev.Place &&
		m.impact.Calendar == calendarFacts(ev) && m.impact.ServiceTier == serviceTier(ev, m.impact.Calendar) &&
		slices.Equal(m.impact.NotWatched, ev.NotWatched) && quiet(ev)
}

// quiet reports whether nothing in the evidence is or might become a symptom:
// what is judged of it depends on the calendar alone.
func quiet(e *Evidence) bool {
	if len(e.Findings) > 0 || len(e.Unusual) > 0 || !e.Recovery.BeyondSince.IsZero() {
		return false
	}
	for i := range e.Needs {
		if e.Needs[i].State != signal.OK {
			return false
		}
	}
	for i := range e.Flows {
		if e.Flows[i].State == FlowFailing {
			return false
		}
	}
	for i := range e.Burns {
		if e.Burns[i].Firing {
			return false
		}
	}
	for i := range e.Work {
		if w := &e.Work[i]; w.Missing || w.CatchUp > 0 {
			return false
		}
	}
	unknown, _ := measured(e)
	return !unknown
}

// atRest reports whether nothing stands, is held or is missing. When it came and
// went once makes no difference, unless it flaps.
func (im *Impact) atRest() bool {
	held := im.Hold
	held.Entries = nil
	return im.Tier == None && im.Now == None && !im.Unknown && !im.Flapping && len(im.Trace) == 0 && held.IsZero() && im.Suspicion.Past == nil
}

// Trace lays down how the newest impact of a subject was reached from evidence as
// the tick record keeps it. config and calendar are the hashes of what was in
// force.
func (e *Engine) Trace(config, calendar string, ev Evidence, im Impact) Trace {
	return TraceOf(e.judge, config, calendar, e.stood(e.of(ev.Key)), ev, im)
}

// Memory returns what stands, for keeping across a restart.
func (e *Engine) Memory() []Standing {
	out := make([]Standing, 0, len(e.state))
	for _, m := range e.state {
		if !m.known {
			continue
		}
		im := m.impact.remembered()
		if m.settled {
			im.At = e.at
		}
		out = append(out, Standing{im})
	}
	slices.SortFunc(out, func(a, b Standing) int { return compareKeys(a.Impact.Key, b.Impact.Key) })
	return out
}

// Restore puts back what Memory returned.
func (e *Engine) Restore(standing []Standing) {
	for _, st := range standing {
		m := e.of(st.Impact.Key)
		e.unsettle(m)
		m.impact, m.known, m.quiet = st.Impact, true, false
	}
}
