package incident

import (
	"slices"
	"time"
)

// An Acknowledge is somebody taking an incident.
type Acknowledge struct {
	At time.Time `json:"at"`
	By string    `json:"by"` // a role or the name of a token, never of a person
}

// Acknowledge notes that somebody has taken an open incident. by is a role or
// the name of a token, never of a person. It reports whether there is such an
// incident; the first acknowledgement stays, those after it are kept beside it.
// One of an incident that is part of another now is for that one.
func (m *Manager) Acknowledge(at time.Time, id, by string) bool {
	inc := m.opened(id)
	if inc == nil {
		return false
	}
	ack := Acknowledge{at, by}
	if inc.Acknowledged.Equal(at) && inc.AcknowledgedBy == by || slices.ContainsFunc(inc.Later, ack.same) {
		return true // told again after a crash
	}
	inc.take(ack)
	inc.note(at, "acknowledged by %s", by)
	return true
}

func (a Acknowledge) same(b Acknowledge) bool { return a.At.Equal(b.At) && a.By == b.By }

// take adds an acknowledgement; the one that came first in time is the first.
func (i *Incident) take(a Acknowledge) {
	if i.Acknowledged.IsZero() {
		i.Acknowledged, i.AcknowledgedBy = a.At, a.By
		return
	}
	if a.At.Before(i.Acknowledged) {
		a, i.Acknowledged, i.AcknowledgedBy = Acknowledge{i.Acknowledged, i.AcknowledgedBy}, a.At, a.By
	}
	if len(i.Later) < maxLater {
		i.Later = append(i.Later, a)
	}
}

// opened returns the open incident of an id, or the one that it became part of.
func (m *Manager) opened(id string) *Incident {
	for range len(m.open) + len(m.closed) + 1 { // a chain is no longer than there are incidents
		if i := slices.IndexFunc(m.open, func(inc *Incident) bool { return inc.ID == id }); i >= 0 {
			return m.open[i]
		}
		i := slices.IndexFunc(m.closed, func(inc *Incident) bool { return inc.ID == id && inc.Into != "" })
		if i < 0 {
			return nil
		}
		id = m.closed[i].Into
	}
	return nil
}
