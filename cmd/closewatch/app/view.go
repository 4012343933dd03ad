package app

import (
	"cmp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// view shows the newest tick to the web pages.
type view struct{ app *App }

// Overview implements web.Source.
func (v view) Overview() web.Overview {
	a, t := v.app, v.app.engine.last.Load()
	o := web.Overview{Estate: a.estate.Metadata.Name, Zone: a.zone, ConfigHash: a.estate.Hash, Delivery: v.delivery()}
	if t == nil {
		return o
	}
	o.AsOf = t.At
	for i, im := range t.Impacts {
		o.Processes = append(o.Processes, v.process(t, im, t.Evidence[i]))
	}
	// One phase is told when all entities share it.
	for i, ev := range t.Evidence {
		if i == 0 {
			o.Phase = ev.Place.String()
		} else if o.Phase != ev.Place.String() {
			o.Phase = ""
			break
		}
	}
	o.Phase = wording.Capital(o.Phase)
	for _, inc := range t.Incidents {
		if inc.Open() {
			o.Incidents = append(o.Incidents, v.summary(t, inc))
		}
	}
	slices.SortStableFunc(o.Incidents, func(x, y web.IncidentSummary) int { return cmp.Compare(rank(y.Tier), rank(x.Tier)) })
	for _, c := range t.Components {
		o.Components = append(o.Components, v.component(c))
	}
	o.BlindSpots = v.blindSpots(t)
	return o
}

func rank(t web.Tier) int {
	return slices.Index([]web.Tier{web.TierNone, web.TierUnknown, web.TierInformational, web.TierDegradation, web.TierBusinessCritical}, t)
}

func tierOf(im tiering.Impact) web.Tier {
	if !im.Known() {
		return web.TierUnknown
	}
	return web.Tier(im.Tier.String())
}

func standing(im tiering.Impact) web.Standing {
	return web.Standing{Recovering: im.Recovering, Frozen: im.Frozen, Flapping: im.Flapping, Paused: im.Paused}
}

func reasons(im tiering.Impact) []web.Reason {
	var out []web.Reason
	for _, r := range im.Reasons {
		out = append(out, web.Reason{Text: r.Text, Because: r.Because})
	}
	if len(out) == 0 {
		out = append(out, web.Reason{Text: im.Headline()})
	}
	return out
}

func deadline(im tiering.Impact) *web.Deadline {
	if im.Slack == nil {
		return nil
	}
	left := web.Seconds(im.Slack.Left)
	return &web.Deadline{Name: im.Slack.Deadline, At: im.Slack.At, Slack: &left}
}

func (v view) process(t *Tick, im tiering.Impact, ev tiering.Evidence) web.Process {
	p := web.Process{
		Name: im.Process, Title: ev.Process.Title, Entity: im.Entity, Tenant: im.Tenant, Environment: im.Environment,
		ServiceTier: string(im.ServiceTier), Tier: tierOf(im), Since: im.Since, Reasons: reasons(im), Standing: standing(im),
		Deadline: deadline(im), NotWatched: ev.NotWatched,
	}
	if p.Deadline == nil && len(ev.Deadlines) > 0 {
		d := ev.Deadlines[0]
		left := web.Seconds(d.At.Sub(t.At))
		p.Deadline = &web.Deadline{Name: d.Title, At: d.At, Slack: &left}
	}
	for _, f := range ev.Flows {
		_, runs := v.app.flows.Flow(im.Environment, im.Tenant, f.Name, t.At)
		c := web.Coverage{Flow: f.Name, Level: flow.Level(f.Level), Reason: f.Reason, CannotDetect: f.CannotDetect}
		if len(runs) > 0 {
			c.Outcome, c.At, c.Duration = runs[0].Outcome, runs[0].Started.Add(runs[0].Duration), web.Seconds(runs[0].Duration)
			p.DataAt = older(p.DataAt, c.At)
		}
		p.Flows = append(p.Flows, c)
	}
	if len(ev.Work) > 0 || ev.Progress.Known { // read from the database at every turn of its collector
		p.DataAt = older(p.DataAt, t.At)
	}
	for _, o := range t.objectivesOf(im.Key) {
		if o.Objective.Source == slo.Users && o.Traffic && len(ev.Flows) == 0 {
			p.DataAt = older(p.DataAt, t.At)
		}
		p.Objectives = append(p.Objectives, o.shown(im.Entity))
	}
	for _, inc := range t.Incidents {
		for _, m := range inc.Members {
			if inc.Open() && m.Active() && m.Impact.Key == im.Key {
				p.IncidentID = inc.ID
			}
		}
	}
	return p
}

func sourceWords(s slo.Source) string {
	switch s {
	case slo.Users:
		return "real users"
	case slo.Records:
		return "records"
	default:
		return "test transactions"
	}
}

func older(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// oftenEnough is the longest interval of the tasks whose age is a component's.
const oftenEnough = 30 * time.Second

func (v view) component(c componentState) web.Component {
	out := web.Component{Name: c.Name, Kind: c.Kind, Environment: c.Environment, State: c.State, Since: c.Since}
	for _, s := range v.app.runner.Snapshots() {
		if s.Task.Component != c.Name {
			continue
		}
		if s.Task.Interval <= oftenEnough && !s.Gathered.IsZero() { // rare tasks say nothing about how fresh the rest is
			out.DataAt = older(out.DataAt, s.Gathered)
		}
	}
	out.Findings = v.findings(c)
	for _, s := range v.app.assembler.subjects {
		if slices.ContainsFunc(s.needs, func(n need) bool { return n.component == c.Name }) && !slices.Contains(out.UsedBy, s.process.Title) {
			out.UsedBy = append(out.UsedBy, s.process.Title)
		}
	}
	return out
}

// blindSpots lists what ought to be measured and is not.
func (v view) blindSpots(t *Tick) []web.BlindSpot {
	var out []web.BlindSpot
	for _, c := range t.Components {
		if c.State == signal.Unknown {
			out = append(out, web.BlindSpot{What: c.Name, Why: "no health signal of it has been measured", Since: c.Since})
		}
	}
	for i, im := range t.Impacts {
		if im.Unknown && !im.Paused {
			ev := t.Evidence[i]
			b := web.BlindSpot{What: ev.Process.Title + " of " + im.Entity, Why: "no flow, no user operation and no expected work tells whether it works"}
			if len(ev.Process.Flows) > 0 && len(ev.Flows) == 0 {
				b.Remedy = "schedule the flow " + ev.Process.Flows[0] + " in the estate"
			}
			out = append(out, b)
		}
	}
	return out
}

func (v view) delivery() web.Delivery {
	st := v.app.outbox.Status()
	var d web.Delivery
	for _, e := range st.Endpoints {
		target := web.DeliveryTarget{Name: e.URL, LastSuccess: e.LastSuccess, Error: e.Error, State: signal.Critical}
		switch {
		case e.Answers:
			target.State = signal.OK
		case e.Since.IsZero():
			target.State = signal.Unknown
		}
		d.Pending += e.Pending
		d.Targets = append(d.Targets, target)
	}
	for _, c := range st.Channels {
		target := web.DeliveryTarget{Name: c.Name, LastSuccess: c.LastSuccess, Error: c.Error, State: signal.Unknown}
		switch {
		case c.Error != "":
			target.State = signal.Critical
		case !c.LastSuccess.IsZero():
			target.State = signal.OK
		}
		d.Pending += c.Pending
		d.Targets = append(d.Targets, target)
	}
	d.Text, d.State = deliveryText(st)
	return d
}

// Incidents implements web.Source.
func (v view) Incidents() []web.IncidentSummary {
	t := v.app.engine.last.Load()
	if t == nil {
		return nil
	}
	var out []web.IncidentSummary
	for _, inc := range t.Incidents {
		out = append(out, v.summary(t, inc))
	}
	slices.SortStableFunc(out, func(a, b web.IncidentSummary) int {
		switch {
		case a.Open() == b.Open():
			return 0
		case a.Open():
			return -1
		default:
			return 1
		}
	})
	return out
}

func (v view) summary(t *Tick, inc *incident.Incident) web.IncidentSummary {
	lead := inc.LeadMember()
	s := web.IncidentSummary{
		ID: inc.ID, Tier: web.Tier(inc.Tier().String()), Process: inc.Lead.Process, ProcessTitle: v.app.title(inc.Lead.Process),
		Entity: inc.Lead.Entity, Tenant: inc.Lead.Tenant, Environment: inc.Environment,
		State: string(inc.State()), PartOf: inc.Into, Impacts: len(inc.Members), Opened: inc.Opened, Acknowledged: inc.Acknowledged, Resolved: inc.Recovered,
	}
	if lead != nil {
		s.Cause = causeInWords(inc, lead.Impact)
		situation := v.app.situation(t, inc, *lead)
		situation.Resolved = false // the title says what it was about
		s.Title = wording.Compose(situation).Title
		s.Deadline = deadline(lead.Impact)
	}
	return s
}

// Incident implements web.Source.
func (v view) Incident(id string) (web.Incident, bool) {
	t := v.app.engine.last.Load()
	if t == nil {
		return web.Incident{}, false
	}
	i := slices.IndexFunc(t.Incidents, func(inc *incident.Incident) bool { return inc.ID == id })
	if i < 0 {
		return web.Incident{}, false
	}
	inc := t.Incidents[i]
	lead := inc.LeadMember()
	if lead == nil {
		return web.Incident{}, false
	}
	situation := v.app.situation(t, inc, *inc.Foremost())
	out := web.Incident{
		IncidentSummary: v.summary(t, inc), Estate: v.app.estate.Metadata.Name, Zone: v.app.zone, AsOf: t.At,
		Stops: situation.Stops, DoFirst: situation.DoFirst, DoNot: situation.DoNot, Workaround: situation.Workaround,
		Who: []web.Contact{
			{Role: situation.Team, Does: "on call: restores the outcome"},
			{Role: situation.Owner, Does: "decides for the business"},
		},
		RTO: rtoOf(*lead), RPO: rpo(situation), Life: lifeOf(inc), Checks: checksOf(inc),
		CauseFound: causeFound(t, inc, *lead), Suspects: suspects(inc, *lead), Reach: v.reach(t, inc, *lead), Order: v.order(t, inc),
		Triage: wording.Triage(situation), Runbook: wording.RunbookFor(alertOf(*lead), inc.Lead.Process),
	}
	if out.Update = wording.Update(situation); out.Update != "" {
		out.NextUpdate, out.UpdateEvery = wording.NextUpdate(situation), web.Seconds(wording.UpdateEvery(situation.Tier))
	}
	for _, m := range leadFirst(inc) {
		im := m.Impact
		out.Recoveries = append(out.Recoveries, v.recoveryOf(m))
		severity := ""
		for _, al := range m.Alerts {
			if al.Tier == im.Tier {
				severity = al.Severity
			}
		}
		tier := im.Tier
		if !m.Active() {
			tier = m.Worst
		}
		out.ImpactList = append(out.ImpactList, web.Impact{
			Process: im.Process, Title: v.app.title(im.Process), Entity: im.Entity, Tenant: im.Tenant, Environment: im.Environment,
			ServiceTier: string(im.ServiceTier), Tier: web.Tier(tier.String()), Lead: im.Key == inc.Lead, Severity: severity,
			Since: im.Since, Ended: m.Left, Standing: standing(im), Reasons: reasons(im), Deadline: deadline(im),
		})
	}
	for _, row := range lead.Impact.Trace {
		out.Trace = append(out.Trace, web.TraceRow{Symptom: string(row.Symptom), Row: row.Row, Matched: row.Matched, Tier: web.Tier(row.Tier.String()), Why: row.Why})
	}
	for _, e := range inc.Timeline {
		out.Timeline = append(out.Timeline, web.Event{At: e.At, Text: e.Text})
	}
	for _, c := range changesBefore(t.Changes, inc) {
		out.Changes = append(out.Changes, web.Event{At: c.At, Kind: c.Kind, Text: c.String()})
	}
	if ev, ok := t.evidenceOf(inc.Lead); ok {
		for _, f := range ev.Flows {
			_, runs := v.app.flows.Flow(inc.Lead.Environment, inc.Lead.Tenant, f.Name, t.At)
			out.Runs = append(out.Runs, runs[:min(5, len(runs))]...)
		}
	}
	if out.Runbook != inc.Lead.Process {
		out.Links = append(out.Links, web.Link{Title: "Runbook of " + out.ProcessTitle, URL: runbookPath(inc.Lead.Process)})
	}
	out.Links = append(out.Links,
		web.Link{Title: "This incident as JSON", URL: "/api/v1/incidents/" + inc.ID},
		web.Link{Title: "Why: the decision about " + out.ProcessTitle, URL: "/api/v1/explain?process=" + inc.Lead.Process},
	)
	return out, true
}

// alertOf is the name of a member's newest alert; "" of one that was not sent.
func alertOf(m incident.Member) string {
	if len(m.Alerts) == 0 {
		return ""
	}
	return m.Alerts[len(m.Alerts)-1].Name
}

func leadFirst(inc *incident.Incident) []incident.Member {
	out := slices.Clone(inc.Members)
	slices.SortStableFunc(out, func(a, b incident.Member) int {
		switch {
		case a.Impact.Key == inc.Lead:
			return -1
		case b.Impact.Key == inc.Lead:
			return 1
		default:
			return cmp.Compare(b.Worst, a.Worst)
		}
	})
	return out
}

func rpo(s wording.Situation) *web.Clock {
	if s.RPO == 0 {
		return nil
	}
	c := &web.Clock{Objective: web.Seconds(s.RPO), Running: true}
	if s.Exposure >= 0 {
		exposure := web.Seconds(s.Exposure)
		c.Elapsed = &exposure
	} else {
		c.Note = "not measured: no standby is watched"
	}
	return c
}
