package estate

import (
	"fmt"
	"slices"

	"github.com/closewatch/closewatch/internal/process"
)

// A ProcessOverride is what an estate says differently about a process of the
// catalogue. What it does not say stays: a nil pointer or list is not said.
// Lists replace the catalogue's, they do not add to it.
type ProcessOverride struct {
	Enabled    *bool                `yaml:"enabled"` // false: this estate has no such process
	Tier       *process.ServiceTier `yaml:"tier"`
	CloseTier  *process.ServiceTier `yaml:"closeTier"`
	RTO        *Duration            `yaml:"rto"`
	RPO        *Duration            `yaml:"rpo"`
	Team       *string              `yaml:"team"`
	Owner      *string              `yaml:"owner"`
	Needs      []Need               `yaml:"needs"`
	Flows      []string             `yaml:"flows"`
	Operations []string             `yaml:"operations"`
	Progress   *string              `yaml:"progress"`
	Work       []Work               `yaml:"work"`
	Objectives ObjectiveOverrides   `yaml:"objectives"`
	Stops      *string              `yaml:"stops"`
	Workaround *string              `yaml:"workaround"`
	DoFirst    []string             `yaml:"doFirst"`
	DoNot      []string             `yaml:"doNot"`
}

// A Need is something a process depends on: one component by name, or every
// component of a kind.
type Need struct {
	Component string       `yaml:"component"`
	Kind      string       `yaml:"kind"`
	Role      process.Role `yaml:"role"`
	Use       string       `yaml:"use"` // told to people: "sessions"
}

// Work is work that must happen for the process's outcome to happen.
type Work struct {
	Source process.WorkSource `yaml:"source"`
	Match  []string           `yaml:"match"` // channels or action names; * matches any run of characters
	Within Duration           `yaml:"within"`
	Says   string             `yaml:"says"`
}

// ObjectiveOverrides change or add the objectives of a process.
type ObjectiveOverrides struct {
	Availability *AvailabilityObjective `yaml:"availability"`
	Latency      *LatencyObjective      `yaml:"latency"`
}

// AvailabilityObjective is the share of events that must succeed.
type AvailabilityObjective struct {
	Target float64 `yaml:"target"`
}

// LatencyObjective is the share of events that must be faster than Threshold.
type LatencyObjective struct {
	Target    float64  `yaml:"target"`
	Threshold Duration `yaml:"threshold"`
}

// Validate implements Validator.
func (o *ProcessOverride) Validate() []Problem {
	var ps []Problem
	for field, tier := range map[string]*process.ServiceTier{"tier": o.Tier, "closeTier": o.CloseTier} {
		if tier == nil {
			continue
		}
		if p, bad := OneOf(field, *tier, process.Critical, process.Important, process.Standard, process.Deferrable); bad {
			ps = append(ps, p)
		}
	}
	if o.RTO != nil && *o.RTO == 0 {
		ps = append(ps, Problem{"rto", "is 0", "write how long the outcome may be away, such as 1h"})
	}
	return ps
}

// SetDefaults implements Defaulter.
func (n *Need) SetDefaults() { n.Role = process.Hard }

// Validate implements Validator.
func (n *Need) Validate() []Problem {
	var ps []Problem
	if (n.Component == "") == (n.Kind == "") {
		ps = append(ps, Problem{"", "needs either a component or a kind", "write component: NAME or kind: postgres"})
	}
	if p, bad := OneOf("role", n.Role, process.Hard, process.Redundant, process.Soft); bad {
		ps = append(ps, p)
	}
	return ps
}

// Validate implements Validator.
func (w *Work) Validate() []Problem {
	var ps []Problem
	if p, bad := OneOf("source", w.Source, process.QueueJobs, process.ScheduledAction); bad {
		ps = append(ps, p)
	}
	if len(w.Match) == 0 {
		ps = append(ps, Missing("match", "list channels or action names; * matches any run of characters"))
	}
	for i, m := range w.Match {
		if m == "" {
			ps = append(ps, Problem{fmt.Sprintf("match[%d]", i), "is empty", "write a channel or an action name"})
		}
	}
	if w.Within == 0 {
		ps = append(ps, Missing("within", "write how long after it is due it must be done, such as 15m"))
	}
	if w.Says == "" {
		ps = append(ps, Missing("says", "write what is waiting, such as e-invoices waiting to be sent"))
	}
	return ps
}

// Validate implements Validator.
func (a *AvailabilityObjective) Validate() []Problem { return targetProblem(a.Target) }

// Validate implements Validator.
func (l *LatencyObjective) Validate() []Problem {
	ps := targetProblem(l.Target)
	if l.Threshold == 0 {
		ps = append(ps, Missing("threshold", "write how fast is fast enough, such as 3s"))
	}
	return ps
}

func targetProblem(target float64) []Problem {
	const remedy = "use a share above 0 and below 1, such as 0.995"
	switch {
	case target == 1:
		return []Problem{{"target", "1 leaves no error budget", "use a value below 1, such as 0.999"}}
	case target <= 0 || target > 1:
		return []Problem{{"target", fmt.Sprintf("is not a share of good events: %v", target), remedy}}
	}
	return nil
}

// IsEnabled reports whether the estate has the process at all.
func (o ProcessOverride) IsEnabled() bool { return o.Enabled == nil || *o.Enabled }

// Apply returns p as the override changes it. p's own lists are not touched.
func (o ProcessOverride) Apply(p process.Process) process.Process {
	set(&p.Tier, o.Tier)
	set(&p.CloseTier, o.CloseTier)
	set(&p.Team, o.Team)
	set(&p.Owner, o.Owner)
	set(&p.Progress, o.Progress)
	set(&p.Stops, o.Stops)
	set(&p.Workaround, o.Workaround)
	if o.RTO != nil {
		p.Recovery.RTO = o.RTO.D()
	}
	if o.RPO != nil {
		p.Recovery.RPO = o.RPO.D()
	}
	setList(&p.Flows, o.Flows)
	setList(&p.Operations, o.Operations)
	setList(&p.DoFirst, o.DoFirst)
	setList(&p.DoNot, o.DoNot)
	if o.Work != nil {
		p.Work = make([]process.Work, len(o.Work))
		for i, w := range o.Work {
			p.Work[i] = process.Work{Source: w.Source, Match: slices.Clone(w.Match), Within: w.Within.D(), Says: w.Says}
		}
	}
	p.Objectives = o.Objectives.apply(p.Objectives)
	return p
}

func (o ObjectiveOverrides) apply(given []process.Objective) []process.Objective {
	out := slices.Clone(given)
	put := func(objective process.Objective) {
		i := slices.IndexFunc(out, func(had process.Objective) bool { return had.Name == objective.Name })
		if i < 0 {
			out = append(out, objective)
			return
		}
		out[i] = objective
	}
	if o.Availability != nil {
		put(process.Objective{Name: "availability", Target: o.Availability.Target})
	}
	if o.Latency != nil {
		put(process.Objective{Name: "latency", Target: o.Latency.Target, Latency: o.Latency.Threshold.D()})
	}
	return out
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func setList(to *[]string, from []string) {
	if from != nil {
		*to = slices.Clone(from)
	}
}
