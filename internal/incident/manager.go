package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/tiering"
)

// Settings of a Manager.
type Settings struct {
	// Settle is how long an incident and its alerts outlast what raised them: what
	// comes back within it is the same incident, and no second page. 0: not at all.
	Settle time.Duration
	// Checks returns what must pass before recovery from an incident is said. nil
	// means nothing more than the impacts themselves.
	Checks func(i *Incident) []Check
	// Risk returns how much committed work of a subject is at risk now. nil: nobody
	// can tell.
	Risk func(k tiering.Key) Risk
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
	for _, inc := range m.open {
		m.check(at, inc)
	}
	known := len(m.open)
	for i := range impacts {
		im := &impacts[i]
		if len(m.open) == 0 && im.Tier == tiering.None {
			continue
		}
		if inc, mem := m.find(im.Key); mem != nil {
			m.update(at, inc, mem, *im)
		} else if im.Tier > tiering.None {
			m.join(at, *im)
		}
	}
	for n, inc := range m.open {
		m.adoptCause(at, inc)
		if n >= known {
			m.check(at, inc)
		}
	}
	m.merge(at)
	for _, inc := range m.open {
		for mem := range inc.pagedLast() {
			if mem.Active() && !mem.Quiet.IsZero() {
				m.leave(at, inc, mem)
			}
		}
		m.measure(at, inc)
		m.lead(at, inc)
		m.alerts(at, inc)
	}
	m.open = slices.DeleteFunc(m.open, func(inc *Incident) bool {
		if slices.ContainsFunc(inc.Members, Member.Active) {
			return false
		}
		inc.Recovered, inc.Restored = at, inc.restored()
		inc.Lead = inc.worst(anyMember).Impact.Key // what it is remembered by
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

// update follows a member.
func (m *Manager) update(at time.Time, inc *Incident, mem *Member, im tiering.Impact) {
	if im.Tier == tiering.None {
		mem.over(at, inc)
		return
	}
	before := mem.Impact.Tier
	if back := !mem.Quiet.IsZero() && !im.Recovering; back {
		inc.note(at, "%s came back: %s", im.Process, im.Headline())
	}
	mem.Impact, mem.Quiet, mem.Remains = im, time.Time{}, false
	mem.Better = im.Hold.Below
	mem.Worst = max(mem.Worst, im.Tier)
	switch {
	case im.Tier > before:
		inc.note(at, "%s is now %s: %s", im.Process, im.Tier, im.Headline())
	case im.Tier < before:
		inc.note(at, "%s eased to %s", im.Process, im.Tier)
	}
}

// over begins the quiet time of a member of which nothing stands any more.
func (m *Member) over(at time.Time, inc *Incident) {
	if !m.Quiet.IsZero() {
		return
	}
	m.Quiet = at
	if m.Better.IsZero() {
		m.Better = at
	}
	m.Impact.Now, m.Impact.Recovering = tiering.None, true
	m.run(at, inc)
}

// leave ends a member of which nothing stands any more. It stays until the
// incident's checks pass, and then until it has settled. The one that was worst
// stays while the incident lacks something that it had before, and one that is
// paged while others need its page.
func (m *Manager) leave(at time.Time, inc *Incident, mem *Member) {
	if inc.held() || at.Sub(later(mem.Quiet, inc.Cleared)) < m.settings.Settle || slices.ContainsFunc(mem.Alerts, inc.needs) {
		return
	}
	if c := inc.lacking(); c != nil && mem == inc.worst(Member.Active) && mem.Worst >= tiering.Degradation {
		if !mem.Remains {
			inc.note(at, "%s recovered, and remains degraded: %s", mem.Impact.Process, c.Text)
		}
		mem.Remains = true
		mem.Impact.Tier, mem.Impact.Now, mem.Impact.Recovering = tiering.Degradation, tiering.Degradation, false
		mem.Impact.Reasons = []tiering.Reason{{Tier: tiering.Degradation, Row: "recovered-without-" + c.Name, Text: "it works again: " + c.Text}}
		return
	}
	mem.run(at, inc)
	mem.Left, mem.Alerts, mem.Quiet, mem.Remains, mem.RPO.Ended = at, nil, time.Time{}, false, true
	mem.Impact.Now, mem.Impact.Recovering = tiering.None, false
	inc.note(at, "%s recovered%s", mem.Impact.Process, mem.against())
}

// against says how a member that left stood against its recovery time
// objective; "" without one.
func (m *Member) against() string {
	switch v := m.RTO.Verdict(); v {
	case Met, Missed:
		return fmt.Sprintf(" after %s: recovery time objective of %s %s", m.RTO.Elapsed, m.RTO.Objective, v)
	default:
		return ""
	}
}

// measure moves the clocks of an incident to a tick.
func (m *Manager) measure(at time.Time, inc *Incident) {
	recovering := true
	var highest *Member
	for n := range inc.Members {
		mem := &inc.Members[n]
		if !mem.Active() {
			continue
		}
		if highest == nil || mem.Impact.Tier > highest.Impact.Tier {
			highest = mem
		}
		mem.run(at, inc)
		if m.settings.Risk != nil && mem.Quiet.IsZero() {
			mem.expose(at, m.settings.Risk(mem.Impact.Key))
		}
		recovering = recovering && mem.better()
	}
	if highest != nil {
		inc.escalated(at, highest)
	}
	inc.Recovering = since(inc.Recovering, recovering, at)
}

// join puts a new impact into the incident of its cause, or of its process while
// that lasts, or into one of its own. With no cause known, processes of a tenant
// whose flows fail at the same step in the same way share it: registering a
// payment posts an invoice first. So do those of a tenant that nothing tells of.
func (m *Manager) join(at time.Time, im tiering.Impact) {
	var inc *Incident
	for _, o := range m.open {
		if o.Environment != im.Environment {
			continue
		}
		known := causeOf(o)
		sameCause := im.Cause != nil && known != nil && known.Same(*im.Cause)
		sameProcess := slices.ContainsFunc(o.Members, func(x Member) bool { return x.Active() && x.Impact.Process == im.Process })
		alike := im.Cause == nil && known == nil && slices.ContainsFunc(o.Members, func(x Member) bool { return failAlike(x, im) || unseenAlike(x, im) })
		if sameCause || alike || sameProcess && (im.Cause == nil || known == nil) {
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
	worst := im.Tier
	if before := inc.member(im.Key); before != nil { // it had left
		worst = max(worst, before.Worst)
	}
	inc.Members = slices.DeleteFunc(inc.Members, func(x Member) bool { return x.Impact.Key == im.Key })
	inc.Members = append(inc.Members, Member{Impact: im, Joined: at, Worst: worst, Better: im.Hold.Below})
}

// failAlike reports whether the flows of a member and of a new impact fail at
// the same step of the same tenant.
func failAlike(m Member, im tiering.Impact) bool {
	return m.Active() && im.FailsAt != "" && m.Impact.FailsAt == im.FailsAt && m.Impact.Tenant == im.Tenant
}

// unseenAlike reports whether nothing tells of a member and of a new impact of
// the same tenant.
func unseenAlike(m Member, im tiering.Impact) bool {
	return m.Active() && nameOf(m.Impact) == Blind && nameOf(im) == Blind && m.Impact.Tenant == im.Tenant
}

// shared reports whether two incidents share a cause, and says which: the same
// component or, with none known of either, the step at which flows fail, or that
// nothing tells of a tenant.
func shared(a, b *Incident) (why string, same bool) {
	if a.Cause != nil && b.Cause != nil {
		return "same cause, " + a.Cause.String(), a.Cause.Same(*b.Cause)
	}
	if a.Cause != nil || b.Cause != nil {
		return "", false
	}
	for _, m := range b.Members {
		switch {
		case !m.Active():
		case slices.ContainsFunc(a.Members, func(x Member) bool { return failAlike(x, m.Impact) }):
			return "fails at the same step, " + m.Impact.FailsAt, true
		case slices.ContainsFunc(a.Members, func(x Member) bool { return unseenAlike(x, m.Impact) }):
			return "nothing tells of " + m.Impact.Tenant, true
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
			a.absorb(at, b)
			a.note(at, "joined by %s: %s", b.ID, why)
			b.note(at, "goes on as part of %s: %s", a.ID, why)
			m.closed = append(m.closed, b)
			m.open = slices.Delete(m.open, j, j+1)
		}
	}
}

// absorb takes over what another incident is, which ends by it.
func (i *Incident) absorb(at time.Time, b *Incident) {
	for _, mem := range b.Members {
		had := i.member(mem.Impact.Key)
		switch {
		case had == nil:
			i.Members = append(i.Members, mem)
		case !had.Active() && mem.Active():
			mem.Worst = max(mem.Worst, had.Worst)
			*had = mem
		}
	}
	for n := range b.Members {
		if mem := &b.Members[n]; mem.Active() {
			mem.Left, mem.Alerts = at, nil
		}
	}
	i.Pages += b.Pages
	if b.Opened.Before(i.Opened) {
		i.Opened = b.Opened
	}
	if b.Detected.Before(i.Detected) {
		i.Detected = b.Detected
	}
	if !b.Acknowledged.IsZero() { // whoever took the one has the other too
		for _, ack := range append([]Acknowledge{{b.Acknowledged, b.AcknowledgedBy}}, b.Later...) {
			i.take(ack)
		}
	}
	b.Recovered, b.Into = at, i.ID
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
			if !c.Past || inc.Cause.Past {
				inc.Cause = c
			}
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
