package tiering

import (
	"slices"
	"time"
)

// Holds are the times that keep a verdict from flickering.
type Holds struct {
	Enter [4]time.Duration // how long a tier must be the verdict before it stands
	Leave [4]time.Duration // how long the verdict must be lower before a standing tier falls
	// FlapWindow and FlapCount: more than FlapCount entries within FlapWindow
	// latch the tier for another FlapWindow.
	FlapWindow time.Duration
	FlapCount  int
}

// DefaultHolds raises business-critical after one minute and lowers it after
// ten quiet ones. They are counted in ticks of 30 s: 2, 4 and 10 to enter.
func DefaultHolds() Holds {
	return Holds{
		Enter:      [4]time.Duration{0, 5 * time.Minute, 2 * time.Minute, time.Minute},
		Leave:      [4]time.Duration{0, 30 * time.Minute, 15 * time.Minute, 10 * time.Minute},
		FlapWindow: time.Hour,
		FlapCount:  3,
	}
}

// Scale multiplies every hold, for a demo with scaled windows.
func (h Holds) Scale(f float64) Holds {
	for i := range h.Enter {
		h.Enter[i] = time.Duration(float64(h.Enter[i]) * f)
		h.Leave[i] = time.Duration(float64(h.Leave[i]) * f)
	}
	h.FlapWindow = time.Duration(float64(h.FlapWindow) * f)
	return h
}

// An Impact is a subject's standing verdict.
type Impact struct {
	// Verdict is the newest verdict of the standing tier: its reasons stay
	// while the tier stands, even when the newest evidence is already better.
	Verdict
	Now        Tier      `json:"now"` // what the newest evidence alone says
	Since      time.Time `json:"since"`
	Recovering bool      `json:"recovering"` // evidence is better, the quiet time is not over
	Frozen     bool      `json:"frozen"`     // evidence is missing: what stood still stands
	Flapping   bool      `json:"flapping"`
}

// An Engine remembers what stands. It is not safe for concurrent use.
type Engine struct {
	holds Holds
	rules Rules
	state map[Key]*Standing
}

// Standing is one subject's memory. It is exported so that it can be kept
// across a restart.
type Standing struct {
	Impact  Impact       `json:"impact"`
	Reached [4]time.Time `json:"reached"` // since when the verdict has been at least this tier
	Below   time.Time    `json:"below"`   // since when it has been lower than the standing tier
	Entries []time.Time  `json:"entries"`
}

// NewEngine returns an engine without memory.
func NewEngine(holds Holds, rules Rules) *Engine {
	return &Engine{holds: holds, rules: rules, state: map[Key]*Standing{}}
}

// Step judges every subject at a tick and returns the standing impacts in the
// order of the evidence.
func (e *Engine) Step(at time.Time, evidence []Evidence) []Impact {
	out := make([]Impact, 0, len(evidence))
	for _, ev := range evidence {
		ev.Suspicion = e.suspicion(ev.Key)
		v := Decide(at, ev, e.rules)
		st, ok := e.state[ev.Key]
		if !ok {
			st = &Standing{Impact: Impact{Verdict: v, Since: at}}
			st.Impact.Tier = None
			e.state[ev.Key] = st
		}
		e.settle(at, st, v)
		out = append(out, st.Impact)
	}
	return out
}

func (e *Engine) settle(at time.Time, st *Standing, v Verdict) {
	standing := st.Impact.Tier
	// Without evidence about the outcome, what stood because of it still stands.
	if v.Unknown && !v.Paused && v.Tier < standing && st.restsOnOutcome() {
		st.Impact.Frozen, st.Impact.Now, st.Impact.At = true, v.Tier, at
		st.Below = time.Time{}
		return
	}
	for t := Informational; t <= BusinessCritical; t++ {
		switch {
		case v.Tier < t:
			st.Reached[t] = time.Time{}
		case st.Reached[t].IsZero():
			st.Reached[t] = at
		}
	}
	next := standing
	for t := BusinessCritical; t > standing; t-- {
		if !st.Reached[t].IsZero() && at.Sub(st.Reached[t]) >= e.holds.Enter[t] {
			next = t
			break
		}
	}
	if v.Tier >= standing {
		st.Below = time.Time{}
	} else if st.Below.IsZero() {
		st.Below = at
	}
	if next == standing && !st.Below.IsZero() && at.Sub(st.Below) >= e.leave(at, st) {
		next = v.Tier
	}
	im := Impact{Verdict: v, Now: v.Tier, Since: st.Impact.Since, Recovering: v.Tier < next}
	if next != standing {
		im.Since = at
		if standing == None { // it came; a tier that rises further did not come again
			st.Entries = append(slices.DeleteFunc(st.Entries, func(t time.Time) bool { return at.Sub(t) > 2*e.holds.FlapWindow }), at)
		}
		if first := st.Reached[next]; next > standing && !first.IsZero() {
			im.Since = first // the first bad tick, not the end of the hold
		}
		if !st.Below.IsZero() {
			st.Below = time.Time{}
		}
	}
	im.Flapping = e.flapping(at, st)
	if v.Tier < next { // keep the words that explain what stands
		keep := st.Impact.Verdict
		keep.At, keep.Unknown, keep.Paused = at, v.Unknown, v.Paused
		im.Verdict = keep
	}
	im.Tier = next
	st.Impact = im
}

// restsOnOutcome reports whether what stands was found in the outcome itself,
// not only in a component it needs.
func (st *Standing) restsOnOutcome() bool {
	return slices.ContainsFunc(st.Impact.Reasons, func(r Reason) bool { return r.Symptom != CauseOnly })
}

// flapping reports whether the newest entries came too close together. It holds
// for a whole window after the newest.
func (e *Engine) flapping(at time.Time, st *Standing) bool {
	n := len(st.Entries)
	if n <= e.holds.FlapCount {
		return false
	}
	newest := st.Entries[n-1]
	return newest.Sub(st.Entries[n-1-e.holds.FlapCount]) <= e.holds.FlapWindow && at.Sub(newest) <= e.holds.FlapWindow
}

// leave is the quiet time asked for, longer for a tier that flaps.
func (e *Engine) leave(at time.Time, st *Standing) time.Duration {
	if e.flapping(at, st) {
		return e.holds.FlapWindow
	}
	return e.holds.Leave[st.Impact.Tier]
}

// Memory returns what stands, for keeping across a restart.
func (e *Engine) Memory() []Standing {
	out := make([]Standing, 0, len(e.state))
	for _, st := range e.state {
		out = append(out, *st)
	}
	slices.SortFunc(out, func(a, b Standing) int { return compareKeys(a.Impact.Key, b.Impact.Key) })
	return out
}

// Restore puts back what Memory returned.
func (e *Engine) Restore(memory []Standing) {
	for _, st := range memory {
		e.state[st.Impact.Key] = &st
	}
}
