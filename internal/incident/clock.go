package incident

import "time"

// A Verdict is how an incident stands against a recovery objective.
type Verdict string

// Verdicts.
const (
	Running     Verdict = "running" // within it so far
	Met         Verdict = "met"
	Missed      Verdict = "missed"
	NotMeasured Verdict = "not measured"
)

// A Clock measures a member against its recovery time objective. It runs from
// the first bad tick of the first business-critical row to the first tick of the
// good ones that lasted, and until the incident's checks pass. An outcome that
// comes back and is lost again within the incident was not restored: its clock
// goes on.
type Clock struct {
	Began     time.Time     `json:"began,omitzero"` // zero: it was never business-critical
	Good      time.Time     `json:"good,omitzero"`  // since when the impact's evidence is better; zero while it is not
	Stopped   time.Time     `json:"stopped,omitzero"`
	Objective time.Duration `json:"objective_ns,omitempty"` // the RTO in force when it began
	Elapsed   time.Duration `json:"elapsed_ns,omitempty"`
	Mark      int           `json:"mark,omitempty"` // the highest of 50, 80 and 100 percent that is reached, or 0
}

// Verdict says whether the objective is met; NotMeasured without one, and while
// the outcome was never business-critical.
func (c Clock) Verdict() Verdict {
	switch {
	case c.Began.IsZero() || c.Objective <= 0:
		return NotMeasured
	case c.Elapsed > c.Objective:
		return Missed
	case c.Stopped.IsZero():
		return Running
	default:
		return Met
	}
}

// run moves a member's clock to a tick.
func (m *Member) run(at time.Time, inc *Incident) {
	c, now := &m.RTO, m.Impact.Clock
	switch {
	case m.Remains || !m.Quiet.IsZero():
		if c.Good.IsZero() {
			c.Good = m.Quiet
		}
	case now.Began.IsZero():
	case c.Began.IsZero():
		c.Began, c.Objective, c.Good = now.Began, now.Objective, now.Stopped
	default:
		c.Good = now.Stopped
	}
	if c.Began.IsZero() {
		return
	}
	c.Stopped = time.Time{}
	if !c.Good.IsZero() && !inc.held() {
		c.Stopped = later(c.Good, inc.Cleared)
	}
	until := at
	if !c.Stopped.IsZero() {
		until = c.Stopped
	}
	c.Elapsed, c.Mark = max(0, until.Sub(c.Began)), 0
	for _, mark := range marks {
		if c.Objective > 0 && c.Elapsed >= c.Objective*time.Duration(mark)/100 {
			c.Mark = mark
		}
	}
}

// marks are the shares of the RTO that are told, in percent, as facts of the
// tiering engine are.
var marks = [...]int{50, 80, 100}

// later is the later of two instants.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// An Exposure is how much committed work was at risk at most while a member
// lasted.
type Exposure struct {
	Objective time.Duration `json:"objective_ns,omitempty"` // the RPO in force when it began
	Known     bool          `json:"known,omitempty"`        // it was measured at some tick
	Worst     time.Duration `json:"worst_ns,omitempty"`
	WorstAt   time.Time     `json:"worst_at,omitzero"`
	Postings  *float64      `json:"postings,omitempty"` // journal entries at risk then; nil when not known
	Ended     bool          `json:"ended,omitempty"`
}

// Verdict says whether no more was at risk than the objective allows.
func (e Exposure) Verdict() Verdict {
	switch {
	case !e.Known || e.Objective <= 0:
		return NotMeasured
	case e.Worst > e.Objective:
		return Missed
	case !e.Ended:
		return Running
	default:
		return Met
	}
}

// expose takes up what is at risk at a tick.
func (m *Member) expose(at time.Time, now Risk) {
	if m.RPO.Objective == 0 {
		m.RPO.Objective = now.Objective
	}
	if now.Known && (!m.RPO.Known || now.Exposure > m.RPO.Worst) {
		m.RPO.Known, m.RPO.Worst, m.RPO.WorstAt, m.RPO.Postings = true, now.Exposure, at, now.Postings
	}
}

// A Risk is how much committed work of a process is at risk at a tick.
type Risk struct {
	Known     bool
	Exposure  time.Duration // age of the oldest that no copy has
	Postings  *float64      // journal entries in it; nil when not known
	Objective time.Duration // the RPO in force; 0 is none
}

// ToDetect is how long it took from the first bad tick until the incident was
// raised.
func (i *Incident) ToDetect() time.Duration { return i.Detected.Sub(i.Opened) }

// ToAcknowledge is how long it took from raising until somebody took it; ok is
// false while nobody has.
func (i *Incident) ToAcknowledge() (d time.Duration, ok bool) {
	if i.Acknowledged.IsZero() {
		return 0, false
	}
	return max(0, i.Acknowledged.Sub(i.Detected)), true
}

// ToRestore is how long it took from the first bad tick until the last outcome
// worked again; ok is false before that is known.
func (i *Incident) ToRestore() (d time.Duration, ok bool) {
	if i.Restored.IsZero() {
		return 0, false
	}
	return max(0, i.Restored.Sub(i.Opened)), true
}

// restored is when the last member worked again. Of one that was
// business-critical its clock says so: what stood of it below that is how fast
// its budget was spent, not an outage.
func (i *Incident) restored() time.Time {
	var at time.Time
	for n := range i.Members {
		m := &i.Members[n]
		is := m.RTO.Stopped
		if is.IsZero() {
			is = later(m.Better, i.Cleared)
		}
		at = later(at, is)
	}
	return at
}

// RTO sums up the clocks: missed when one is, running while one runs, and not
// measured when none does.
func (i *Incident) RTO() Verdict {
	return sum(i.Members, func(m Member) Verdict { return m.RTO.Verdict() })
}

// RPO sums up what was at risk.
func (i *Incident) RPO() Verdict {
	return sum(i.Members, func(m Member) Verdict { return m.RPO.Verdict() })
}

func sum(members []Member, of func(Member) Verdict) Verdict {
	rank := map[Verdict]int{NotMeasured: 0, Met: 1, Running: 2, Missed: 3}
	out := NotMeasured
	for _, m := range members {
		if v := of(m); rank[v] > rank[out] {
			out = v
		}
	}
	return out
}

// escalated notes a rise of the incident's tier, which is that of the highest
// member.
func (i *Incident) escalated(at time.Time, highest *Member) {
	if highest.Impact.Tier > i.Stands && len(i.Escalations) < maxEscalations {
		i.Escalations = append(i.Escalations, Escalation{at, highest.Impact.Tier, highest.Impact.Key})
	}
	i.Stands = highest.Impact.Tier
}
