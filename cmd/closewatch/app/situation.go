package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
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
		Witnesses: im.Witnesses, ServiceTier: string(im.ServiceTier), Phase: im.Phase,
		Incident: inc.ID, URL: a.url + "/incidents/" + inc.ID, Exposure: -1, Resolved: !m.Active(), Ended: m.Left,
		Unmeasured: im.Unknown,
	}
	if !m.Stands() {
		s.Works = m.Quiet
	}
	if s.Resolved {
		s.Tier = m.Worst.String() // whoever heard of it hears of its end
	}
	if len(im.Reasons) > 0 {
		first := im.Reasons[0]
		s.Symptom, s.Because, s.Doubt = string(first.Symptom), first.Because, doubts[first.Row]
	}
	if im.Slack != nil {
		s.Deadline, s.DeadlineAt, s.DeadlineLeft, s.DeadlineNever = im.Slack.Deadline, im.Slack.At, im.Slack.Left, im.Slack.Never
	}
	suspect(&s, inc, im)
	a.around(&s, t, inc, m)
	for _, other := range inc.Members {
		if (other.Active() || s.Resolved) && other.Impact.Process == im.Process && !slices.Contains(s.Entities, other.Impact.Entity) {
			s.Entities = append(s.Entities, other.Impact.Entity)
		}
		if other.Stands() && other.Impact.Key != im.Key && other.Impact.Tier >= tiering.Degradation {
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
		s.Stops, s.Meanwhile, s.DoFirst, s.DoNot = p.Stops, p.Meanwhile, p.DoFirst, p.DoNot
		s.Workaround, s.WorkaroundAfter = p.Workaround, p.WorkaroundAfter
		s.Team, s.Owner, s.Vendor = p.Team, p.Owner, p.Vendor
		if slices.ContainsFunc(ev.Work, func(w tiering.Work) bool { return w.Says == s.Deadline }) {
			s.Deadline = "time limit of " + s.Deadline
		}
		inForce := p.RecoveryIn(ev.Critical)
		s.RTO, s.RPO, s.Refetch = inForce.RTO, inForce.RPO, p.Refetch
		s.Unseen, s.Verified, s.Backlog = a.unseen(im.Key), verified(ev, m.Left), backlog(ev)
		about, same := wording.AboutSymptom(s.Symptom)
		if same {
			s.DoFirst, s.DoNot = about.First, about.Not
			if about.Workaround != "" {
				s.Workaround, s.WorkaroundAfter = about.Workaround, 0
			}
		}
		if !same || about.Cause {
			if first := firstStep(inc, im); first != "" {
				at := 0
				if s.Confidence == string(tiering.Possible) && len(s.DoFirst) > 0 && !same { // what the process itself says comes before a guess
					at = 1
				}
				s.DoFirst = slices.Insert(slices.Clone(s.DoFirst[:min(2, len(s.DoFirst))]), at, first)
			}
			if c, known := suspected(inc, im); known && !same {
				s.DoNot = wording.NotFor(s.DoNot, c.Kind, c.Family)
			}
		}
		if ev.Recovery.Known {
			s.Exposure, s.Postings = ev.Recovery.Exposure, ev.Recovery.Postings
		}
	}
	s.Budget = t.budget(im.Key)
	return s
}

// doubts are what speaks against a failure that tests have found, by the row of
// the decision table that says so.
var doubts = map[string]string{
	"failing-users-fine":  "while users still get their work done",
	"failing-unconfirmed": "once so far",

	"burning-fast-users-fine": "while users still get their work done",
}

// unseen lists the kinds of component a subject needs that are not watched.
func (a *App) unseen(k tiering.Key) []string {
	for _, s := range a.assembler.subjects {
		if s.key == k {
			return s.notWatchedKinds()
		}
	}
	return nil
}

// verified says for stakeholders what has shown since that the outcome works.
func verified(ev tiering.Evidence, since time.Time) string {
	if since.IsZero() {
		return ""
	}
	var shown []string
	if slices.ContainsFunc(ev.Flows, func(f tiering.Flow) bool { return f.State == tiering.FlowPassing && !f.LastRun.Before(since) }) {
		shown = append(shown, "test transactions go through")
	}
	if ev.Progress.Known && ev.Progress.Advanced.After(since) {
		shown = append(shown, "entries of users are being posted")
	}
	if len(ev.Work) > 0 && !slices.ContainsFunc(ev.Work, func(w tiering.Work) bool { return w.Missing }) {
		shown = append(shown, "expected work is being done")
	}
	return wording.List(shown)
}

// backlog says how much work waits. Jobs are counted; a scheduled action does
// not tell how much it has left to do.
func backlog(ev tiering.Evidence) string {
	var waiting []string
	for _, w := range ev.Work {
		if w.Count > 0 {
			waiting = append(waiting, fmt.Sprintf("%d %s", w.Count, w.Says))
		}
	}
	uncounted := func(w process.Work) bool { return w.Source != process.QueueJobs }
	if len(waiting) == 0 && len(ev.Work) > 0 && !slices.ContainsFunc(ev.Process.Work, uncounted) {
		return "nothing"
	}
	return wording.List(waiting)
}

// evidenceOf returns a subject's evidence at the tick.
func (t *Tick) evidenceOf(k tiering.Key) (tiering.Evidence, bool) {
	if i, known := t.places[k]; known && i < len(t.Evidence) && t.Evidence[i].Key == k {
		return t.Evidence[i], true
	}
	for i := range t.Evidence {
		if t.Evidence[i].Key == k {
			return t.Evidence[i], true
		}
	}
	return tiering.Evidence{}, false
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

// budget says how much is left of the budget that counts now for an entity: that
// of the availability real users see, or else of the flows. Inside its critical
// window that is the window's own.
func (t *Tick) budget(k tiering.Key) string {
	said := ""
	for _, o := range t.objectivesOf(k) {
		if o.Objective.Indicator != string(process.Availability) || said != "" && o.Objective.Source != slo.Users {
			continue
		}
		b, ok := inForce(o.Budgets, k.Entity)
		if !ok {
			continue
		}
		if left, known := b.Raw.Remaining(); known {
			said = leftWords(left) + ofWindow[b.Window] + spentOn[o.Objective.Source]
		}
	}
	return said
}

// ofWindow says whose budget it is, unless it is the usual one.
var ofWindow = map[process.BudgetWindow]string{
	process.MonthWindow: " of this month's", process.FiscalWindow: " of this period's", process.CriticalWindow: " of the critical window's",
}

// spentOn says whose failures have spent it: the two are never blended, and
// one may be untouched while the other is gone.
var spentOn = map[slo.Source]string{slo.Users: " (real users)", slo.Synthetic: " (test transactions)"}

func leftWords(left float64) string {
	if left < 0 {
		return fmt.Sprintf("overspent by %.0f%%", -100*left)
	}
	return fmt.Sprintf("%.0f%% left", 100*left)
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
