package incident

import (
	"slices"
	"time"
)

// Acknowledge notes that somebody has taken an open incident. by is a role or
// the name of a token, never of a person. It reports whether there is such an
// incident; the first acknowledgement stays, a later one is told in the
// timeline only.
func (m *Manager) Acknowledge(at time.Time, id, by string) bool {
	i := slices.IndexFunc(m.open, func(inc *Incident) bool { return inc.ID == id })
	if i < 0 {
		return false
	}
	inc := m.open[i]
	if inc.Acknowledged.Equal(at) && inc.AcknowledgedBy == by {
		return true // told again after a crash
	}
	if inc.Acknowledged.IsZero() {
		inc.Acknowledged, inc.AcknowledgedBy = at, by
	}
	inc.note(at, "acknowledged by %s", by)
	return true
}
