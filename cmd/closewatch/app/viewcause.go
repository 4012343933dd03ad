package app

import (
	"slices"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// causeFound is what is suspected first of an incident's lead; nil when nothing
// is known. What a signal says is told with its state, the rest as it is.
func causeFound(t *Tick, inc *incident.Incident, lead incident.Member) *web.Cause {
	first, known := suspected(inc, lead.Impact)
	if !known {
		return nil
	}
	c := &web.Cause{Component: first.Component, Kind: first.Kind, Text: wording.Capital(first.What), Confidence: string(first.Confidence), Against: first.Against}
	signals := t.signalsOf(lead.Impact.Key, first.Component)
	for _, text := range first.For {
		i := slices.IndexFunc(signals, func(s tiering.SignalSeen) bool { return s.Text == text })
		if i < 0 {
			c.For = append(c.For, wording.Capital(text))
			continue
		}
		c.Evidence = append(c.Evidence, web.Evidence{Text: text, State: signals[i].State, Signal: signals[i].Name, At: signals[i].Since})
	}
	for _, x := range lead.Impact.Excluded {
		if x.Component != first.Component {
			c.RuledOut = append(c.RuledOut, web.Evidence{Text: x.Component + ": " + x.Why, State: signal.OK})
		}
	}
	return c
}

// signalsOf are the bad signals of a component that a subject needs, at the tick.
func (t *Tick) signalsOf(k tiering.Key, component string) []tiering.SignalSeen {
	ev, _ := t.evidenceOf(k)
	for _, n := range ev.Needs {
		if n.Component == component {
			return n.Signals
		}
	}
	return nil
}

// suspects are what else may be behind an incident.
func suspects(inc *incident.Incident, lead incident.Member) []web.Suspect {
	first, _ := suspected(inc, lead.Impact)
	var out []web.Suspect
	for _, c := range lead.Impact.Candidates {
		if c.What != first.What && c.Kind != tiering.UnknownCause {
			out = append(out, web.Suspect{Text: wording.Capital(c.What), Confidence: string(c.Confidence), For: c.For, Against: c.Against})
		}
	}
	return out
}

// reach lists who needs the component that is the cause; nil when that is none,
// or nobody else needs it.
func (v view) reach(t *Tick, inc *incident.Incident, lead incident.Member) *web.Reach {
	cause := causeOf(inc, lead.Impact)
	if cause == nil || !inc.Open() {
		return nil
	}
	groups := map[tiering.Condition]*web.ReachGroup{
		tiering.ConditionFails:   {State: signal.Critical, Word: "Impaired"},
		tiering.ConditionUnknown: {State: signal.Unknown, Word: "Not known"},
		tiering.ConditionWorks:   {State: signal.OK, Word: "Seen to work"},
	}
	for _, r := range tiering.BlastRadius(inc.Environment, cause.Component, t.Evidence) {
		g := groups[r.Condition]
		g.Who = append(g.Who, v.outcome(r.Key))
	}
	out := &web.Reach{Component: cause.Component}
	for _, c := range []tiering.Condition{tiering.ConditionFails, tiering.ConditionUnknown, tiering.ConditionWorks} {
		if g := groups[c]; len(g.Who) > 0 {
			out.Groups = append(out.Groups, *g)
		}
	}
	if len(out.Groups) == 0 {
		return nil
	}
	return out
}

// outcome names a process and whose it is.
func (v view) outcome(k tiering.Key) string { return v.app.title(k.Process) + " of " + k.Entity }

// order says in which order to recover what an open incident has impaired; nil
// when there is no choice.
func (v view) order(t *Tick, inc *incident.Incident) []web.Turn {
	if !inc.Open() {
		return nil
	}
	var evidence []tiering.Evidence
	var impacts []tiering.Impact
	for i, im := range t.Impacts {
		if slices.ContainsFunc(inc.Members, func(m incident.Member) bool { return m.Active() && m.Impact.Key == im.Key }) {
			evidence, impacts = append(evidence, t.Evidence[i]), append(impacts, im)
		}
	}
	turns := tiering.RecoveryOrder(t.At, evidence, impacts)
	if len(turns) < 2 {
		return nil
	}
	out := make([]web.Turn, len(turns))
	for i, turn := range turns {
		out[i] = web.Turn{What: turn.Component, Why: turn.Why}
		if turn.Process != nil {
			out[i].What = v.outcome(*turn.Process)
		}
	}
	return out
}
