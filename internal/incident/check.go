package incident

import "time"

// A CheckState is how a check stands.
type CheckState string

// Check states.
const (
	Passed     CheckState = "passed"
	Waiting    CheckState = "waiting"     // it is seen, and not so yet
	Unknown    CheckState = "unknown"     // it should be seen and is not: not passed
	NotChecked CheckState = "not checked" // nothing here tells of it, or it is of no use now; Text says why
)

// A Check must pass before recovery is said. What is not checked is told, and
// holds nothing up: it could never pass.
type Check struct {
	Name  string     `json:"name"`
	State CheckState `json:"state"`
	Text  string     `json:"text"`
	// Cause says that it is about the cause itself: the others ask what has
	// happened since all of these pass.
	Cause bool `json:"cause,omitempty"`
	// Remains says that it holds no recovery up: while it is not passed, a recovered
	// incident goes on as a degradation.
	Remains bool `json:"remains,omitempty"`
	// Before says that it was so when the incident was raised already.
	Before bool `json:"before,omitempty"`
}

// Holds reports whether recovery waits for the check.
func (c Check) Holds() bool { return !c.Remains && c.open() }

func (c Check) open() bool { return c.State == Waiting || c.State == Unknown }

// check judges the checks of an incident, and since when they pass.
func (m *Manager) check(at time.Time, inc *Incident) {
	if m.settings.Checks == nil {
		return
	}
	inc.Checks = m.settings.Checks(inc)
	mended, cleared := len(inc.Checks) > 0, len(inc.Checks) > 0
	for _, c := range inc.Checks {
		mended = mended && !(c.Cause && c.open())
		cleared = cleared && !c.Holds()
	}
	inc.Mended, inc.Cleared = since(inc.Mended, mended, at), since(inc.Cleared, cleared, at)
}

// since is since when something holds that held since before or, if it was zero,
// did not.
func since(before time.Time, holds bool, at time.Time) time.Time {
	switch {
	case !holds:
		return time.Time{}
	case before.IsZero():
		return at
	default:
		return before
	}
}

// held reports whether recovery of the incident waits for a check.
func (i *Incident) held() bool { return len(i.Checks) > 0 && i.Cleared.IsZero() }

// lacking is the first thing that an incident lacks when it has recovered.
func (i *Incident) lacking() *Check {
	for n := range i.Checks {
		if c := &i.Checks[n]; c.Remains && c.open() {
			return c
		}
	}
	return nil
}
