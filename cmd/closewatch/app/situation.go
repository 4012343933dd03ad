package app

import (
	"fmt"
	"slices"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// situation gathers what a page may say about one member of an incident.
func (a *App) situation(t *Tick, inc *incident.Incident, m incident.Member) wording.Situation {
	im := m.Impact
	s := wording.Situation{
		Tier: im.Tier.String(), Entity: im.Entity, Environment: im.Environment,
		Process: a.title(im.Process), Headline: im.Headline(),
		Since: im.Since, At: t.At, Zone: a.zone,
		RuledOut: im.RuledOut, Witnesses: im.Witnesses, ServiceTier: string(im.ServiceTier), Phase: im.Phase,
		Incident: inc.ID, URL: a.url + "/incidents/" + inc.ID, Exposure: -1, Resolved: !m.Active(),
	}
	if len(im.Reasons) > 0 {
		s.Symptom, s.Because = string(im.Reasons[0].Symptom), im.Reasons[0].Because
	}
	if im.Slack != nil {
		s.Deadline, s.DeadlineAt, s.DeadlineLeft = im.Slack.Deadline, im.Slack.At, im.Slack.Left
	}
	if c := im.Cause; c != nil {
		s.Cause, s.Evidence = c.Component, c.Evidence
	} else if inc.Cause != nil {
		s.Cause, s.Evidence = inc.Cause.Component, inc.Cause.Evidence
		s.RuledOut = slices.DeleteFunc(slices.Clone(im.RuledOut), func(name string) bool { return name == inc.Cause.Component })
	}
	for _, other := range inc.Members {
		if other.Active() && other.Impact.Key != im.Key && other.Impact.Tier >= tiering.Degradation {
			if title := a.title(other.Impact.Process); !slices.Contains(s.Also, title) {
				s.Also = append(s.Also, title)
			}
		}
	}
	if im.Key != inc.Lead {
		s.Lead = a.title(inc.Lead.Process)
	}
	if ev, ok := t.evidenceOf(im.Key); ok {
		p := ev.Process
		s.Stops, s.Workaround, s.DoFirst, s.DoNot, s.Team, s.Owner = p.Stops, p.Workaround, p.DoFirst, p.DoNot, p.Team, p.Owner
		s.RTO, s.RPO = p.Recovery.RTO, p.Recovery.RPO
		if inc.Cause != nil {
			if first := wording.FirstFor(inc.Cause.Kind, inc.Cause.Component); first != "" {
				s.DoFirst = append([]string{first}, s.DoFirst[:min(2, len(s.DoFirst))]...)
			}
		}
		if ev.Recovery.Known {
			s.Exposure = ev.Recovery.Exposure
		}
	}
	s.Budget = t.budget(im.Key)
	return s
}

// evidenceOf returns a subject's evidence at the tick.
func (t *Tick) evidenceOf(k tiering.Key) (tiering.Evidence, bool) {
	i := slices.IndexFunc(t.Evidence, func(ev tiering.Evidence) bool { return ev.Key == k })
	if i < 0 {
		return tiering.Evidence{}, false
	}
	return t.Evidence[i], true
}

// objectivesOf lists the states of a process's objectives in its tenant.
func (t *Tick) objectivesOf(k tiering.Key) []objectiveState {
	var out []objectiveState
	for _, o := range t.Objectives {
		if o.Objective.Process == k.Process && o.Objective.Tenant == k.Tenant && o.Environment == k.Environment {
			out = append(out, o)
		}
	}
	return out
}

// budget says how much of the availability budget of real users, or else of the
// flows, is left.
func (t *Tick) budget(k tiering.Key) string {
	said := ""
	for _, o := range t.objectivesOf(k) {
		if o.Traffic && o.Objective.Indicator == "availability" && (said == "" || o.Objective.Source == slo.Users) {
			said = fmt.Sprintf("%.0f%% left", 100*o.Remaining)
			if o.Remaining < 0 {
				said = fmt.Sprintf("overspent by %.0f%%", -100*o.Remaining)
			}
		}
	}
	return said
}

// title is a process's name for people.
func (a *App) title(name string) string {
	for _, s := range a.assembler.subjects {
		if s.process.Name == name {
			return s.process.Title
		}
	}
	return name
}
