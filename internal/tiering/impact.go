package tiering

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// Holds are the times that keep a verdict from flickering.
type Holds struct {
	Enter [4]time.Duration `json:"enter_ns"` // how long a tier must be the verdict before it stands
	Leave [4]time.Duration `json:"leave_ns"` // how long the verdict must be lower before a standing tier falls
	// FlapWindow and FlapCount: when it came and went more than FlapCount times
	// within FlapWindow, the tier is latched for another FlapWindow.
	FlapWindow time.Duration `json:"flap_window_ns"`
	FlapCount  int           `json:"flap_count"`
	// Settle is how long an incident and its alerts outlast what stood: what comes
	// back within it is the same incident. Nothing is judged by it here.
	Settle time.Duration `json:"settle_ns"`
}

// DefaultHolds raises business-critical after one minute and lowers it after
// ten quiet ones. They are counted in ticks of 30 s: 2, 4 and 10 to enter. An
// incident settles for half of that quiet time: together they are as long as a
// degradation is held.
func DefaultHolds() Holds {
	return Holds{
		Enter:      [4]time.Duration{0, 5 * time.Minute, 2 * time.Minute, time.Minute},
		Leave:      [4]time.Duration{0, 30 * time.Minute, 15 * time.Minute, 10 * time.Minute},
		FlapWindow: time.Hour,
		FlapCount:  3,
		Settle:     5 * time.Minute,
	}
}

// Scale multiplies every hold, for a demo with scaled windows.
func (h Holds) Scale(f float64) Holds {
	for i := range h.Enter {
		h.Enter[i] = time.Duration(float64(h.Enter[i]) * f)
		h.Leave[i] = time.Duration(float64(h.Leave[i]) * f)
	}
	h.FlapWindow = time.Duration(float64(h.FlapWindow) * f)
	h.Settle = time.Duration(float64(h.Settle) * f)
	return h
}

// An Impact is a subject's standing verdict. It holds all that the next one is
// judged with besides the evidence.
type Impact struct {
	// Verdict is the newest verdict of the standing tier: its reasons stay
	// while the tier stands, even when the newest evidence is already better.
	Verdict
	Now        Tier      `json:"now"` // what the newest evidence alone says
	Since      time.Time `json:"since"`
	Recovering bool      `json:"recovering"` // evidence is better, the quiet time is not over
	Frozen     bool      `json:"frozen"`     // evidence is missing: what stood still stands
	Flapping   bool      `json:"flapping"`
	Flaps      uint64    `json:"flaps,omitempty"` // times it came back so soon that it was latched
	Hold       Hold      `json:"hold,omitzero"`
	Clock      Clock     `json:"clock,omitzero"`
}

// Known reports whether anything can be said of the outcome: a tier stands, or
// something tells that it works. What is not known does not work, and does not
// fail either.
func (im Impact) Known() bool { return im.Tier > None || !im.Unknown }

// A Hold is what keeps an impact from flickering.
type Hold struct {
	Reached [4]time.Time `json:"reached,omitzero"`  // since when the verdict has been at least this tier
	Below   time.Time    `json:"below,omitzero"`    // since when it has been lower than the standing tier
	Entries []time.Time  `json:"entries,omitempty"` // when it came and went, lately
	Fell    Tier         `json:"fell,omitempty"`    // the highest tier it fell from while it has been standing
	// Raised is why the tier is what it is, when a phase of the calendar raised it.
	Raised Reason `json:"raised,omitzero"`
}

// IsZero reports whether nothing is held.
func (h Hold) IsZero() bool {
	return h.Reached == [4]time.Time{} && h.Below.IsZero() && len(h.Entries) == 0 && h.Fell == None && h.Raised == Reason{}
}

// A Clock measures a business-critical impact against its RTO. It runs from the
// first tick of a row of bad ones that was confirmed to the first of a row of
// better ones, and goes on when they do not last.
type Clock struct {
	Began     time.Time     `json:"began"`
	Stopped   time.Time     `json:"stopped,omitzero"` // zero while it runs
	Objective time.Duration `json:"objective_ns"`     // the RTO in force
	Elapsed   time.Duration `json:"elapsed_ns"`
	Mark      int           `json:"mark"` // the highest of 50, 80 and 100 percent that is reached, or 0
}

// marks are the shares of the RTO that are told, in percent.
var marks = [...]int{50, 80, 100}

// run moves the clock of an impact whose verdict was bad until stopped; the zero
// time is that it is bad still.
func (c Clock) run(at, stopped time.Time, objective time.Duration) Clock {
	until := at
	if !stopped.IsZero() {
		until = stopped
	}
	c.Stopped, c.Objective, c.Elapsed, c.Mark = stopped, objective, until.Sub(c.Began), 0
	for _, m := range marks {
		if objective > 0 && c.Elapsed >= objective*time.Duration(m)/100 {
			c.Mark = m
		}
	}
	return c
}

// remembered is what of an impact the next one is judged with: nobody needs the
// words of one that does not stand.
func (im Impact) remembered() Impact {
	if im.Tier > None {
		return im
	}
	v := Verdict{Key: im.Key, At: im.At, Calendar: im.Calendar, Suspicion: im.Suspicion}
	return Impact{Verdict: v, Now: im.Now, Since: im.Since, Flaps: im.Flaps, Hold: im.Hold}
}

// A Judge judges subjects by one set of rules. Its methods are pure functions.
type Judge struct {
	Holds Holds `json:"holds"`
	Rules Rules `json:"rules"`
}

// Next returns the impact of a subject from what stood at the tick before and
// the evidence of this one. prior is nil for a subject never judged before.
func (j Judge) Next(at time.Time, prior *Impact, e Evidence) Impact {
	if prior == nil {
		prior = &Impact{Verdict: Verdict{Key: e.Key}, Since: at}
	}
	e.Suspicion = prior.Suspicion
	v := Decide(at, e, j.Rules)
	im := Impact{Verdict: v, Now: v.Tier, Since: prior.Since, Flaps: prior.Flaps, Hold: prior.Hold, Clock: prior.Clock}
	rto := e.Process.RecoveryIn(e.Critical).RTO
	if v.Unknown && !v.Paused && v.Tier < prior.Tier && prior.restsOnMissing(&e) {
		return prior.frozen(im, rto)
	}
	h := &im.Hold
	h.count(at, v.Tier, prior.Tier)
	if v.Tier < prior.Tier && prior.lingers(&e) {
		h.Below = time.Time{} // it is better, and not yet good
	}
	im.Tier = j.standing(at, prior, v.Tier, h)
	if raised, is := j.escalated(at, prior, &e, v); is {
		im.Tier, h.Raised = v.Tier, raised
	}
	if h.Raised.Tier > im.Tier {
		h.Raised = Reason{}
	}
	im.Recovering = v.Tier < im.Tier
	if im.Tier > prior.Tier {
		j.rise(&im, prior)
	} else if im.Tier < prior.Tier {
		im.Since = at
		h.Fell = max(h.Fell, prior.Tier)
		j.turn(h, at)
	} else if prior.Flapping && prior.Recovering && !im.Recovering { // without the latch it would have come again
		j.turn(h, at)
		im.Flaps++
	}
	if im.Tier == None || im.Tier >= h.Fell {
		h.Fell = None
	}
	im.tick(prior.Tier, rto)
	if im.Tier != prior.Tier {
		h.Below = time.Time{}
	}
	im.Flapping = j.flapping(at, h.Entries)
	switch {
	case im.Recovering: // keep the words that explain what stands
		im.Verdict = prior.Verdict
		im.At, im.Unknown, im.Paused, im.Calendar, im.Slack, im.Suspicion.Past = at, v.Unknown, v.Paused, v.Calendar, v.Slack, v.Suspicion.Past
	case h.Raised.Tier > None:
		im.Reasons = append(im.Reasons, h.Raised)
	}
	return im
}

// rise says since when a higher tier stands: since its first bad tick, not since
// the end of its hold; since a phase began that raised it.
func (j Judge) rise(im, prior *Impact) {
	h := &im.Hold
	im.Since = im.At
	if first := h.Reached[im.Tier]; !first.IsZero() && h.Raised.Tier != im.Tier {
		im.Since = first
	}
	if prior.Tier > None && im.Tier > h.Fell { // a tier that rises further did not come again
		return
	}
	j.turn(h, im.At)
	if j.flapping(im.At, h.Entries) {
		im.Flaps++
	}
}

// turn notes that it came or went.
func (j Judge) turn(h *Hold, at time.Time) {
	h.Entries = append(slices.DeleteFunc(slices.Clone(h.Entries), func(t time.Time) bool { return at.Sub(t) > 2*j.Holds.FlapWindow }), at)
}

// frozen is what stood, kept because nothing tells that it is over.
func (im *Impact) frozen(now Impact, rto time.Duration) Impact {
	out := *im
	out.Frozen, out.Recovering, out.Now, out.At = true, false, now.Now, now.At
	out.Unknown, out.Paused, out.Calendar, out.Slack = now.Unknown, now.Paused, now.Calendar, now.Slack
	out.Hold.Below = time.Time{}
	out.tick(im.Tier, rto)
	return out
}

// tick moves the RTO clock of an impact that stood as before. A clock is kept
// until the impact is over.
func (im *Impact) tick(before Tier, rto time.Duration) {
	switch {
	case im.Tier == None:
		im.Clock = Clock{}
	case im.Tier == BusinessCritical && before < BusinessCritical:
		im.Clock = Clock{Began: im.Since}.run(im.At, time.Time{}, rto)
	case im.Tier == BusinessCritical:
		im.Clock = im.Clock.run(im.At, im.Hold.Below, rto)
	case before == BusinessCritical:
		im.Clock = im.Clock.run(im.At, im.Hold.Below, im.Clock.Objective)
	}
}

// count keeps since when the verdict has been at least each tier, and since when
// it has been lower than the standing one.
func (h *Hold) count(at time.Time, now, standing Tier) {
	for t := Informational; t <= BusinessCritical; t++ {
		switch {
		case now < t:
			h.Reached[t] = time.Time{}
		case h.Reached[t].IsZero():
			h.Reached[t] = at
		}
	}
	switch {
	case now >= standing:
		h.Below = time.Time{}
	case h.Below.IsZero():
		h.Below = at
	}
}

// standing is the tier that stands at a tick: a higher one once it has held, a
// lower one once it has been quiet.
func (j Judge) standing(at time.Time, prior *Impact, now Tier, h *Hold) Tier {
	for t := BusinessCritical; t > prior.Tier; t-- {
		if !h.Reached[t].IsZero() && at.Sub(h.Reached[t]) >= j.Holds.Enter[t] {
			return t
		}
	}
	if !h.Below.IsZero() && at.Sub(h.Below) >= j.leave(at, prior) {
		return now
	}
	return prior.Tier
}

// escalated says that a standing impact rises because the calendar moved on: the
// same evidence meant less at the tick before. It waits for no hold.
func (j Judge) escalated(at time.Time, prior *Impact, e *Evidence, v Verdict) (Reason, bool) {
	if prior.Tier == None || v.Tier <= prior.Tier || v.Calendar == prior.Calendar || decide(at, e, j.Rules, prior.Calendar).Tier >= v.Tier {
		return Reason{}, false
	}
	why := v.CriticalWhy
	if why == "" {
		why = v.Phase
	}
	return Reason{
		Symptom: v.Reasons[0].Symptom, Row: PhaseEscalation, Tier: v.Tier,
		Text:    "it stood as " + prior.Tier.String() + " for " + short(at.Sub(prior.Since)) + ", and now it is: " + why,
		Because: "the same evidence weighs more in this phase of the calendar",
	}, true
}

// restsOnMissing reports whether what stands was found in something that nothing
// tells of now, when nothing tells of the outcome. What signals of components or
// the recovery point showed is over when they say so themselves.
func (im *Impact) restsOnMissing(e *Evidence) bool {
	unseen := slices.ContainsFunc(e.Needs, func(n Need) bool { return n.Role == process.Hard && n.State == signal.Unknown })
	return slices.ContainsFunc(im.Reasons, func(r Reason) bool {
		switch r.Symptom {
		case CauseOnly, Unusually:
			return false
		case RecoveryPoint:
			return !e.Recovery.Known
		case Integrity, SplitBrain, PrimaryLost, FailedPosting:
			return unseen
		default:
			return true
		}
	})
}

// lingers reports whether what stands rests on burns alone, and a long window
// has not come back far enough below its threshold. What fails fast, and what
// pages, is over as soon as the windows of an hour say so.
func (im *Impact) lingers(e *Evidence) bool {
	fast, availability, latency := false, false, false
	for _, r := range im.Reasons {
		switch {
		case r.Tier < im.Tier || r.Row == PhaseEscalation:
		case r.Symptom == BurningFast:
			fast = true
		case r.Symptom == BurningSlowly:
			availability = true
		case r.Symptom == Slow:
			latency = true
		default:
			return false
		}
	}
	return slices.ContainsFunc(e.Burns, func(b Burn) bool {
		hour := b.Length > 0 && b.Length <= time.Hour
		concerns := (availability || fast) && b.Indicator == "availability" || latency && b.Indicator == "latency"
		return b.Lingers && concerns && (hour || im.Tier < BusinessCritical && (b.Indicator == "latency" || availability))
	})
}

// flapping reports whether it came and went too often. It holds for a whole window
// after the newest time.
func (j Judge) flapping(at time.Time, entries []time.Time) bool {
	n := len(entries)
	if n <= j.Holds.FlapCount {
		return false
	}
	newest := entries[n-1]
	return newest.Sub(entries[n-1-j.Holds.FlapCount]) <= j.Holds.FlapWindow && at.Sub(newest) <= j.Holds.FlapWindow
}

// leave is the quiet time asked for, longer for a tier that flaps.
func (j Judge) leave(at time.Time, prior *Impact) time.Duration {
	if j.flapping(at, prior.Hold.Entries) {
		return j.Holds.FlapWindow
	}
	return j.Holds.Leave[prior.Tier]
}
