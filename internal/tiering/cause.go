package tiering

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// A Cause is the component most probably behind the symptoms, by what is
// measured of it. Impacts that share one are one incident.
type Cause struct {
	Component string `json:"component"`
	Kind      string `json:"kind"`
	// Part is the function of the component that fails by itself: "job-runner";
	// "" for the component as a whole.
	Part     string       `json:"part,omitempty"`
	State    signal.State `json:"state"`
	Since    time.Time    `json:"since"`
	Evidence []string     `json:"evidence"`
	// Past says that it is measured no longer: what is seen began under it. It is no
	// witness of what is seen now.
	Past bool `json:"past,omitempty"`
}

// Same reports whether two causes are one: the same component, or the same part
// of it.
func (c Cause) Same(other Cause) bool { return c.Component == other.Component && c.Part == other.Part }

// String names the component, and the part of it that fails by itself: "erp
// (job-runner)".
func (c Cause) String() string {
	if c.Part == "" {
		return c.Component
	}
	return c.Component + " (" + c.Part + ")"
}

// causeOf takes the first candidate for the cause if that is something measured
// in a component: its own health, or what fits well enough. What is only
// inferred is told and makes no cause.
func causeOf(found []suspect) *Cause {
	if len(found) == 0 {
		return nil
	}
	c := found[0]
	if c.Component == "" || c.Inferred || !c.health && c.Confidence == Possible {
		return nil
	}
	cause := &Cause{Component: c.Component, Kind: c.Kind, State: c.State, Since: c.Since, Evidence: c.evidence, Past: c.past != nil}
	if c.family.Effect == part {
		cause.Part = c.Family
	}
	return cause
}

// diagnosed fills in what may be behind the symptoms.
func (v *Verdict) diagnosed(at time.Time, e *Evidence, rules Rules) {
	var found []suspect
	found, v.Excluded, v.Suspicion = diagnose(at, e, rules)
	v.Cause = causeOf(found)
	for _, c := range found {
		v.Candidates = append(v.Candidates, c.Candidate)
	}
	for _, x := range v.Excluded {
		v.RuledOut = append(v.RuledOut, x.Component)
	}
}
