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
	judge Judge
	state map[Key]*memory
	order []*memory // of the last tick, by position in its evidence
}

// Standing is one subject's memory. It is exported so that it can be kept
// across a restart.
type Standing struct {
	Impact Impact `json:"impact"`
}

// memory is what stands of a subject and, while nothing is wrong with it, what
// its verdict was reached from.
type memory struct {
	impact  Impact  // as remembered; its Slack is nil while quiet
	before  *Impact // what stood before the newest step; nil when nothing did
	known   bool
	quiet   bool
	settled bool // before is impact, but for its instant
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
	// Judged says of each whether it was judged at this tick. Another is what it
	// was at the tick before, but for its instant and its slack.
	Judged []bool
	slacks []Slack // of those that are quiet
}

// StepInto is Step on a board.
func (e *Engine) StepInto(b *Board, at time.Time, evidence []Evidence) {
	e.lay(b, len(evidence))
	for i := range evidence {
		e.step(b, i, at, &evidence[i])
	}
}

// StepChanged is StepInto for evidence that is, but for the subjects whose
// numbers are in changed, rising, what it was at the tick before, which was
// judged on the same board.
func (e *Engine) StepChanged(b *Board, at time.Time, evidence []Evidence, changed []int) {
	if len(b.Impacts) != len(evidence) || len(e.order) != len(evidence) {
		e.StepInto(b, at, evidence)
		return
	}
	for i := range evidence {
		m, ev := e.order[i], &evidence[i]
		moved := len(changed) > 0 && changed[0] == i
		if moved {
			changed = changed[1:]
		}
		if !m.settled || !m.quiet || moved && (m.impact.Key != ev.Key || !m.still(ev)) {
			e.step(b, i, at, ev)
			continue
		}
		m.before.At, m.impact.At = m.impact.At, at
		im := &b.Impacts[i]
		im.At, b.Judged[i] = at, false
		e.measureSlack(at, ev, im, &b.slacks[i])
	}
}

// lay makes room for a tick.
func (e *Engine) lay(b *Board, n int) {
	b.Impacts = slices.Grow(b.Impacts[:0], n)[:n]
	b.Judged = slices.Grow(b.Judged[:0], n)[:n]
	b.slacks = slices.Grow(b.slacks[:0], n)[:n]
	if len(e.order) != n {
		e.order = make([]*memory, n)
	}
}

// step judges one subject.
func (e *Engine) step(b *Board, i int, at time.Time, ev *Evidence) {
	m := e.order[i]
	if m == nil || m.impact.Key != ev.Key {
		m = e.of(ev.Key)
		e.order[i] = m
	}
	im := &b.Impacts[i]
	b.Judged[i] = !e.again(at, m, ev, im, &b.slacks[i])
	if b.Judged[i] {
		*im = e.judge.Next(at, m.prior(), *ev)
		m.remember(*im, ev)
	}
}

// measureSlack fills in the slack of a subject that is quiet.
func (e *Engine) measureSlack(at time.Time, ev *Evidence, im *Impact, slack *Slack) {
	im.Slack = nil
	if s, near := tightest(at, ev, e.judge.Rules); near {
		*slack = s
		im.Slack = slack
	}
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
	m.before, m.settled = nil, false
	if m.known {
		before := m.impact
		m.before = &before
	}
	m.impact, m.known = im.remembered(), true
	m.quiet = im.atRest() && quiet(ev)
	if !m.quiet {
		return
	}
	m.impact, m.place, m.holiday = im, ev.Place, ev.Holiday
	m.impact.Slack = nil
}

// still reports whether a subject that was quiet is, and would be judged as it
// was.
func (m *memory) still(ev *Evidence) bool {
	return m.quiet && m.impact.CriticalWhy == ev.CriticalWhy && m.holiday == ev.Holiday && m.place == ev.Place &&
		m.impact.Calendar == calendarFacts(ev) && m.impact.ServiceTier == serviceTier(ev, m.impact.Calendar) &&
		slices.Equal(m.impact.NotWatched, ev.NotWatched) && quiet(ev)
}

// again fills in the impact of a subject that was quiet and is, as Next would
// judge it. It reports whether it could.
func (e *Engine) again(at time.Time, m *memory, ev *Evidence, im *Impact, slack *Slack) bool {
	if !m.still(ev) {
		return false
	}
	if m.before == nil { // judged once, and quiet since
		m.before = new(Impact)
	}
	*m.before = m.impact
	m.impact.At, m.settled = at, true
	*im = m.impact
	e.measureSlack(at, ev, im, slack)
	return true
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

// atRest reports whether nothing stands, is held or is missing.
func (im *Impact) atRest() bool {
	return im.Tier == None && im.Now == None && !im.Unknown && !im.Flapping && len(im.Trace) == 0 && len(im.Hold.Entries) == 0 && im.Hold.IsZero() && im.Suspicion.Past == nil
}

// Trace lays down how the newest impact of a subject was reached from evidence as
// the tick record keeps it. config and calendar are the hashes of what was in
// force.
func (e *Engine) Trace(config, calendar string, ev Evidence, im Impact) Trace {
	return TraceOf(e.judge, config, calendar, e.of(ev.Key).before, ev, im)
}

// Memory returns what stands, for keeping across a restart.
func (e *Engine) Memory() []Standing {
	out := make([]Standing, 0, len(e.state))
	for _, m := range e.state {
		if m.known {
			out = append(out, Standing{m.impact.remembered()})
		}
	}
	slices.SortFunc(out, func(a, b Standing) int { return compareKeys(a.Impact.Key, b.Impact.Key) })
	return out
}

// Restore puts back what Memory returned.
func (e *Engine) Restore(standing []Standing) {
	for _, st := range standing {
		m := e.of(st.Impact.Key)
		m.impact, m.known, m.quiet = st.Impact, true, false
	}
}
