package app

import (
	"slices"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// Bounds of what a page says of changes.
const (
	maxChangesSaid = 3
	maxChangeSaid  = 80 // characters
)

// around writes what a page says besides the impact itself: how many have the
// outcome, what was changed before, when it becomes worse, when it last did,
// and in which order to recover what it leads.
func (a *App) around(s *wording.Situation, t *Tick, inc *incident.Incident, m incident.Member) {
	im := m.Impact
	for _, x := range a.assembler.subjects {
		if x.key.Process == im.Process && x.key.Environment == im.Environment {
			s.Of++
		}
	}
	s.Changes = changesSaid(t.Changes, inc, s)
	if n := len(inc.Escalations); n > 1 {
		s.Worse = inc.Escalations[n-1].At
	}
	if ev, ok := t.evidenceOf(im.Key); ok && im.Tier == tiering.Degradation && m.Stands() {
		if when, ok := tiering.Becomes(t.At, ev, t.Rules, tiering.BusinessCritical); ok {
			s.Becomes = when
		}
	}
	if im.Key == inc.Lead && im.Tier == tiering.BusinessCritical {
		for _, turn := range (view{app: a}).order(t, inc) {
			s.Order = append(s.Order, turn.What)
		}
	}
}

// changesSaid lists the changes before an incident that came before its end,
// newest first. What people wrote of them is left out where it tells of a
// person, an account or a document.
func changesSaid(known []Change, inc *incident.Incident, s *wording.Situation) []string {
	var out []string
	for _, c := range changesBefore(known, inc) {
		if c.At.After(inc.Opened) {
			continue // what was done about it is no cause
		}
		what := c.What
		if len(wording.PII(what)) > 0 {
			what = c.Kind
		}
		if c.Component != "" {
			what = c.Component + ": " + what
		}
		out = append(out, wording.Cut(wording.Clock(*s, c.At)+" "+what, maxChangeSaid))
	}
	return slices.Clip(out[:min(len(out), maxChangesSaid)])
}
