package incident

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/tiering"
)

// Settings of a Manager.
type Settings struct {
	// Checks returns what must pass before recovery from an incident is said,
	// judged on evidence since the given time. nil means nothing more than the
	// impacts themselves.
	Checks func(i *Incident, since time.Time) []Check
	// History bounds how many recovered incidents are remembered; 0 means 500.
	History int
}

// A Manager opens, follows and closes incidents.
type Manager struct {
	settings Settings
	open     []*Incident
	closed   []*Incident // oldest first
}

// NewManager returns a manager without incidents.
func NewManager(s Settings) *Manager {
	if s.History == 0 {
		s.History = 500
	}
	return &Manager{settings: s}
}

// Open returns the open incidents, oldest first.
func (m *Manager) Open() []*Incident { return m.open }

// All returns the open incidents and those remembered, newest first.
func (m *Manager) All() []*Incident {
	all := append(slices.Clone(m.closed), m.open...)
	slices.SortStableFunc(all, func(a, b *Incident) int { return b.Opened.Compare(a.Opened) })
	return all
}

// Memory is what survives a restart.
type Memory struct {
	Open   []*Incident `json:"open"`
	Closed []*Incident `json:"closed"`
}

// Memory returns what to keep.
func (m *Manager) Memory() Memory { return Memory{m.open, m.closed} }

// Restore puts back what Memory returned.
func (m *Manager) Restore(mem Memory) { m.open, m.closed = mem.Open, mem.Closed }

// Step brings the incidents up to the impacts of a tick.
func (m *Manager) Step(at time.Time, impacts []tiering.Impact) {
	for _, im := range impacts {
		if inc, mem := m.find(im.Key); mem != nil {
			m.update(at, inc, mem, im)
		} else if im.Tier > tiering.None {
			m.join(at, im)
		}
	}
	for _, inc := range m.open {
		m.adoptCause(at, inc)
	}
	m.merge(at)
	for _, inc := range m.open {
		m.lead(at, inc)
		m.alerts(at, inc)
	}
	m.open = slices.DeleteFunc(m.open, func(inc *Incident) bool {
		if slices.ContainsFunc(inc.Members, Member.Active) {
			return false
		}
		inc.Recovered = at
		inc.Lead = inc.worst().Impact.Key // what it is remembered by
		inc.note(at, "recovered")
		m.closed = append(m.closed, inc)
		return true
	})
	if extra := len(m.closed) - m.settings.History; extra > 0 {
		m.closed = slices.Delete(m.closed, 0, extra)
	}
}

// find returns the open incident in which k is active.
func (m *Manager) find(k tiering.Key) (*Incident, *Member) {
	for _, inc := range m.open {
		if mem := inc.member(k); mem != nil && mem.Active() {
			return inc, mem
		}
	}
	return nil, nil
}

// update follows a member. A member whose impact ended stays until the
// incident's checks pass.
func (m *Manager) update(at time.Time, inc *Incident, mem *Member, im tiering.Impact) {
	before := mem.Impact.Tier
	if im.Tier == tiering.None {
		if m.settings.Checks != nil {
			inc.Checks = m.settings.Checks(inc, im.At.Add(-at.Sub(im.Since)))
		}
		if slices.ContainsFunc(inc.Checks, func(c Check) bool { return !c.Passed }) {
			mem.Impact.Recovering = true
			return
		}
		mem.Left = at
		mem.Alerts = nil
		mem.Impact.Now, mem.Impact.Recovering = tiering.None, false
		inc.note(at, "%s recovered", im.Process)
		return
	}
	mem.Impact = im
	mem.Worst = max(mem.Worst, im.Tier)
	switch {
	case im.Tier > before:
		inc.note(at, "%s is now %s: %s", im.Process, im.Tier, im.Headline())
	case im.Tier < before:
		inc.note(at, "%s eased to %s", im.Process, im.Tier)
	}
}

// join puts a new impact into the incident of its cause, or of its process, or
// into one of its own. With no cause known, processes of a tenant whose flows
// fail at the same step in the same way share it: registering a payment posts
// an invoice first.
func (m *Manager) join(at time.Time, im tiering.Impact) {
	var inc *Incident
	for _, o := range m.open {
		if o.Environment != im.Environment {
			continue
		}
		known := causeOf(o)
		sameCause := im.Cause != nil && known != nil && known.Same(*im.Cause)
		sameProcess := slices.ContainsFunc(o.Members, func(x Member) bool { return x.Impact.Process == im.Process })
		sameStep := im.Cause == nil && known == nil && slices.ContainsFunc(o.Members, func(x Member) bool { return failAlike(x, im) })
		if sameCause || sameStep || sameProcess && (im.Cause == nil || known == nil) {
			inc = o
			break
		}
	}
	if inc == nil {
		group := "process " + im.Process
		if im.Cause != nil {
			group = "component " + im.Cause.String()
		}
		inc = &Incident{ID: newID(im.Environment, group, im.Since), Environment: im.Environment, Opened: im.Since, Detected: at, Lead: im.Key}
		m.open = append(m.open, inc)
		inc.note(im.Since, "first bad tick of %s", im.Process)
	}
	inc.note(at, "%s is %s: %s", im.Process, im.Tier, im.Headline())
	inc.Members = slices.DeleteFunc(inc.Members, func(x Member) bool { return x.Impact.Key == im.Key })
	inc.Members = append(inc.Members, Member{Impact: im, Joined: at, Worst: im.Tier})
}

// failAlike reports whether the flows of a member and of a new impact fail at
// the same step of the same tenant.
func failAlike(m Member, im tiering.Impact) bool {
	return m.Active() && im.FailsAt != "" && m.Impact.FailsAt == im.FailsAt && m.Impact.Tenant == im.Tenant
}

// shared reports whether two incidents share a cause, and says which: the same
// component or, with none known of either, the step at which flows fail.
func shared(a, b *Incident) (why string, same bool) {
	if a.Cause != nil && b.Cause != nil {
		return "same cause, " + a.Cause.String(), a.Cause.Same(*b.Cause)
	}
	if a.Cause != nil || b.Cause != nil {
		return "", false
	}
	for _, m := range b.Members {
		if m.Active() && slices.ContainsFunc(a.Members, func(x Member) bool { return failAlike(x, m.Impact) }) {
			return "fails at the same step, " + m.Impact.FailsAt, true
		}
	}
	return "", false
}

// merge folds incidents that turn out to share a cause into the oldest.
func (m *Manager) merge(at time.Time) {
	for i := 0; i < len(m.open); i++ {
		a := m.open[i]
		for j := len(m.open) - 1; j > i; j-- {
			b := m.open[j]
			why, same := shared(a, b)
			if a.Environment != b.Environment || !same {
				continue
			}
			for _, mem := range b.Members {
				if a.member(mem.Impact.Key) == nil {
					a.Members = append(a.Members, mem)
				}
			}
			a.Paged = max(a.Paged, b.Paged)
			if a.Acknowledged.IsZero() { // whoever took the one has the other too
				a.Acknowledged, a.AcknowledgedBy = b.Acknowledged, b.AcknowledgedBy
			}
			a.note(at, "joined by %s: %s", b.ID, why)
			m.open = slices.Delete(m.open, j, j+1)
		}
	}
}

// causeOf is the incident's cause, or its lead's while none is adopted yet.
func causeOf(inc *Incident) *tiering.Cause {
	if inc.Cause != nil {
		return inc.Cause
	}
	if lead := inc.LeadMember(); lead != nil {
		return lead.Impact.Cause
	}
	return nil
}

// adoptCause takes the first cause a member names, worst member first, and
// keeps its evidence fresh.
func (m *Manager) adoptCause(at time.Time, inc *Incident) {
	members := make([]*Member, 0, len(inc.Members))
	for n := range inc.Members {
		if inc.Members[n].Active() {
			members = append(members, &inc.Members[n])
		}
	}
	slices.SortStableFunc(members, preferLead)
	for _, mem := range members {
		c := mem.Impact.Cause
		switch {
		case c == nil:
		case inc.Cause == nil:
			inc.Cause = c
			inc.note(at, "probable cause: %s", c)
			return
		case inc.Cause.Same(*c):
			inc.Cause = c
			return
		}
	}
}

// lead keeps the lead while it lasts, unless another member is worse off.
func (m *Manager) lead(at time.Time, inc *Incident) {
	var best *Member
	for n := range inc.Members {
		if mem := &inc.Members[n]; mem.Active() && (best == nil || preferLead(mem, best) < 0) {
			best = mem
		}
	}
	if best == nil || best.Impact.Key == inc.Lead {
		return
	}
	now := inc.LeadMember()
	if now != nil && now.Active() && now.Impact.Tier >= best.Impact.Tier && len(now.Alerts) > 0 {
		return
	}
	if now != nil && len(now.Alerts)+len(best.Alerts) > 0 {
		inc.note(at, "%s leads now", best.Impact.Process)
	}
	inc.Lead = best.Impact.Key
}

// alerts derives what each member has outstanding.
func (m *Manager) alerts(at time.Time, inc *Incident) {
	for n := range inc.Members {
		mem := &inc.Members[n]
		if !mem.Active() {
			continue
		}
		tier, isLead := mem.Impact.Tier, mem.Impact.Key == inc.Lead
		mem.Alerts = slices.DeleteFunc(mem.Alerts, func(a Alert) bool { return a.Tier > tier })
		if slices.ContainsFunc(mem.Alerts, func(a Alert) bool { return a.Tier == tier }) {
			continue
		}
		if tier == tiering.Informational && !isLead {
			continue // one note for the cause is enough
		}
		severity := map[tiering.Tier]string{tiering.Informational: Info, tiering.Degradation: Ticket, tiering.BusinessCritical: Ticket}[tier]
		if tier == tiering.BusinessCritical && isLead && inc.Paged < tier {
			severity = Page
			inc.Paged = tier
			inc.note(at, "paged for %s", mem.Impact.Process)
		}
		name := nameOf(mem.Impact)
		mem.Alerts = append(mem.Alerts, Alert{Name: name, Tier: tier, Severity: severity, StartsAt: mem.Impact.Since})
	}
}

// nameOf is the name of an impact's alerts, by its first reason.
func nameOf(im tiering.Impact) string {
	if len(im.Reasons) == 0 {
		return Impaired
	}
	switch im.Reasons[0].Symptom {
	case tiering.Blind:
		return Blind
	case tiering.Integrity:
		return Integrity
	default:
		return Impaired
	}
}
