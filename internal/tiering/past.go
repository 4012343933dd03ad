package tiering

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// A Past is the cause that was measured last. What began under it is seen for
// longer: a flow tells of its newest run until the next one, and a run that is
// cut off says so only at its deadline.
type Past struct {
	Cause
	Family string `json:"family"`
	// Ended is the tick at which it was no longer found; zero while it is.
	Ended time.Time `json:"ended,omitzero"`
}

// at is what is remembered of a past cause at a tick at which it is not found;
// nil once nothing that is only seen now can have begun under it.
func (p *Past) at(at time.Time, rules Rules) *Past {
	switch {
	case p == nil:
		return nil
	case p.Ended.IsZero():
		ended := *p
		ended.Ended = at
		return &ended
	case at.Sub(p.Ended) > rules.Blind:
		return nil
	default:
		return p
	}
}

// under reports whether all that is seen began under a past cause, or within
// what a tick or two hide: a flow that has run since speaks of something else.
// Work that is missing and what signals show is measured anew at every tick.
func (d *diagnosis) under(p *Past) bool {
	if slices.ContainsFunc(d.e.Work, func(w Work) bool { return w.Missing }) || !d.e.Recovery.BeyondSince.IsZero() ||
		slices.ContainsFunc(d.e.Findings, func(f Finding) bool { return suffers(f.Symptom) }) {
		return false
	}
	fails := false
	for _, f := range d.e.Flows {
		if f.State != FlowFailing {
			continue
		}
		if fails = true; !f.LastRun.Before(p.Ended.Add(d.rules.Prolonged)) {
			return false
		}
	}
	return fails || d.at.Sub(p.Ended) <= d.rules.Blind
}

// past suspects the cause of the ticks before of what began under it, when
// nothing that is measured now accounts for that.
func (d *diagnosis) past() {
	was := d.e.Suspicion.Past
	if was == nil {
		return
	}
	if was.Ended.IsZero() {
		ended := *was
		ended.Ended = d.at
		was = &ended
	}
	i := d.place(was.Component)
	if i < 0 || !d.under(was) || slices.ContainsFunc(d.found, func(c suspect) bool { return !c.Inferred && !c.explained && c.family.brings(d.signs) }) {
		return
	}
	family := familyNamed(was.Kind, was.Family)
	if !family.brings(d.signs) {
		return
	}
	c := suspect{
		Candidate: Candidate{
			Component: was.Component, Kind: was.Kind, Family: was.Family, What: was.Component + " was unhealthy when it began, and is no longer",
			State: was.State, Since: was.Since, Score: base(process.Hard, was.State, true) + fits,
		},
		family: family, evidence: was.Evidence, health: true, past: was,
	}
	for _, text := range was.Evidence[:min(maxSaid, len(was.Evidence))] {
		c.For = append(c.For, "when it began: "+text)
	}
	d.found = append(d.found, c)
}

// remembered is the past cause that the next tick is told of: what is the cause
// now, or else what was.
func (d *diagnosis) remembered(found []suspect) *Past {
	if len(found) > 0 && found[0].past != nil {
		return found[0].past
	}
	if cause := causeOf(found); cause != nil {
		return &Past{Cause: *cause, Family: found[0].Family}
	}
	return d.e.Suspicion.Past.at(d.at, d.rules)
}
