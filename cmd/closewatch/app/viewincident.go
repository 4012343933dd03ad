package app

import (
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/web"
)

// lifeOf is what has become of an incident, and how long that took.
func lifeOf(inc *incident.Incident) web.Life {
	out := web.Life{
		Detected: inc.Detected, ToDetect: web.Seconds(inc.ToDetect()), ToAcknowledge: known(inc.ToAcknowledge()), ToRestore: known(inc.ToRestore()),
		Recovering: inc.Recovering, Restored: inc.Restored, Pages: inc.Pages, RTO: web.Verdict(inc.RTO()), RPO: web.Verdict(inc.RPO()),
	}
	for _, e := range inc.Escalations {
		out.Escalations = append(out.Escalations, web.Escalation{At: e.At, Tier: web.Tier(e.Tier.String()), Process: e.By.Process, Entity: e.By.Entity})
	}
	if !inc.Acknowledged.IsZero() {
		out.Taken = append(out.Taken, web.Taken{At: inc.Acknowledged, By: inc.AcknowledgedBy})
	}
	for _, ack := range inc.Later {
		out.Taken = append(out.Taken, web.Taken{At: ack.At, By: ack.By})
	}
	return out
}

func known(d time.Duration, is bool) *web.Seconds {
	if !is {
		return nil
	}
	s := web.Seconds(d)
	return &s
}

// recoveryOf is how a member stands against its recovery objectives.
func (v view) recoveryOf(m incident.Member) web.Recovery {
	k := m.Impact.Key
	out := web.Recovery{
		Process: k.Process, Title: v.app.title(k.Process), Entity: k.Entity, Tenant: k.Tenant,
		RTO: rtoOf(m), RTOMark: m.RTO.Mark, RTOIs: web.Verdict(m.RTO.Verdict()), RPOIs: web.Verdict(m.RPO.Verdict()), Postings: m.RPO.Postings,
	}
	if m.RPO.Objective > 0 {
		out.RPO = &web.Clock{Elapsed: known(m.RPO.Worst, m.RPO.Known), Objective: web.Seconds(m.RPO.Objective), Running: !m.RPO.Ended}
	}
	return out
}

// rtoOf is the clock of a member's recovery time objective; nil when it was never
// business-critical, or has none.
func rtoOf(m incident.Member) *web.Clock {
	if m.RTO.Began.IsZero() || m.RTO.Objective <= 0 {
		return nil
	}
	return &web.Clock{Elapsed: known(m.RTO.Elapsed, true), Objective: web.Seconds(m.RTO.Objective), Running: m.RTO.Stopped.IsZero()}
}

func checksOf(inc *incident.Incident) []web.Check {
	var out []web.Check
	for _, c := range inc.Checks {
		out = append(out, web.Check{Name: c.Name, State: string(c.State), Text: c.Text, Holds: c.Holds()})
	}
	return out
}
