package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// Resolved is what an estate comes to, for people who check it.
type Resolved struct {
	Name       string              `json:"name"`
	Hash       string              `json:"config_hash"`
	Components []ResolvedComponent `json:"components"`
	Entities   []ResolvedEntity    `json:"entities"`
	Processes  []ResolvedProcess   `json:"processes"`
	Notes      []string            `json:"notes"`
}

// A ResolvedComponent is what is watched.
type ResolvedComponent struct {
	Name           string                 `json:"component"`
	Kind           string                 `json:"kind"`
	Environment    string                 `json:"environment"`
	Responsibility process.Responsibility `json:"responsibility"`
}

// A ResolvedEntity is a legal company whose outcomes are judged.
type ResolvedEntity struct {
	Name    string `json:"entity"`
	Tenant  string `json:"tenant"`
	Company int64  `json:"company,omitempty"` // 0 is every company of the tenant
}

// A ResolvedProcess is a process as the estate has it: every field of the
// catalogue, and what the estate makes of it. Durations are in nanoseconds.
type ResolvedProcess struct {
	Name             string                 `json:"process"`
	Title            string                 `json:"title"`
	Tier             process.ServiceTier    `json:"tier"`
	CloseTier        process.ServiceTier    `json:"close_tier"`
	Windows          []string               `json:"critical_window"` // in words; empty is the close itself
	Recovery         ResolvedRecovery       `json:"recovery"`
	CriticalRecovery ResolvedRecovery       `json:"recovery_critical"`
	Refetch          string                 `json:"refetch,omitempty"`
	Objectives       []ResolvedObjective    `json:"objectives"`
	Needs            []ResolvedNeed         `json:"needs"`
	NotWatched       []ResolvedNeed         `json:"not_watched"` // neither ok nor failing
	Flows            []string               `json:"flows"`       // that exercise it here
	Cadence          []string               `json:"cadence"`     // of these, in words
	Operations       []string               `json:"operations"`
	Work             []ResolvedWork         `json:"work"`
	Symptoms         []ResolvedSymptom      `json:"symptoms"`
	Owner            string                 `json:"owner"`
	Team             string                 `json:"team"`
	Vendor           string                 `json:"vendor,omitempty"`
	Responsibility   process.Responsibility `json:"responsibility"`
	Stops            string                 `json:"stops"`
	DoFirst          []string               `json:"do_first"`
	DoNot            []string               `json:"do_not"`
	Meanwhile        string                 `json:"meanwhile"`
	Workaround       string                 `json:"workaround"`
	WorkaroundAfter  time.Duration          `json:"workaround_after_ns"`
}

// ResolvedRecovery is a pair of recovery objectives.
type ResolvedRecovery struct {
	RTO time.Duration `json:"rto_ns"`
	RPO time.Duration `json:"rpo_ns"`
}

// A ResolvedObjective is an objective and what measures it here.
type ResolvedObjective struct {
	Name              string                `json:"objective"`
	Kind              process.ObjectiveKind `json:"kind"`
	Target            process.Share         `json:"target,omitempty"`
	Every             bool                  `json:"every,omitempty"`
	Threshold         time.Duration         `json:"threshold_ns,omitempty"`
	CriticalTarget    process.Share         `json:"critical_target,omitempty"`
	CriticalThreshold time.Duration         `json:"critical_threshold_ns,omitempty"`
	CriticalOnly      bool                  `json:"critical_only,omitempty"`
	Says              string                `json:"says,omitempty"`
	NoPolicy          bool                  `json:"no_policy,omitempty"`    // nothing is asked for when its budget runs low
	MeasuredBy        []string              `json:"measured_by"`            // empty: not measured
	NotMeasured       string                `json:"not_measured,omitempty"` // why
}

// A ResolvedNeed is a component, or a kind of which none is declared, in its
// role.
type ResolvedNeed struct {
	Component string       `json:"component,omitempty"`
	Kind      string       `json:"kind"`
	Role      process.Role `json:"role"`
	Use       string       `json:"use,omitempty"`
}

// A ResolvedWork is work that is expected to happen.
type ResolvedWork struct {
	Source process.WorkSource `json:"source"`
	Match  []string           `json:"match,omitempty"`
	Within time.Duration      `json:"within_ns,omitempty"`
	Says   string             `json:"says"`
	Metric string             `json:"metric,omitempty"`
	Labels map[string]string  `json:"labels,omitempty"`
	By     string             `json:"by,omitempty"`
	Due    string             `json:"due,omitempty"`
	Done   string             `json:"done,omitempty"` // in words
	Habit  bool               `json:"habit,omitempty"`
	Least  float64            `json:"least,omitempty"`
}

// A ResolvedSymptom is a first symptom and what sees it; by is empty while
// nothing does.
type ResolvedSymptom struct {
	Says   string           `json:"says"`
	By     process.Detector `json:"by,omitempty"`
	Signal string           `json:"signal,omitempty"`
}

// Process returns the resolved process of that name.
func (r Resolved) Process(name string) (ResolvedProcess, bool) {
	i := slices.IndexFunc(r.Processes, func(p ResolvedProcess) bool { return p.Name == name })
	if i < 0 {
		return ResolvedProcess{}, false
	}
	return r.Processes[i], true
}

// Resolved lays the plan out.
func (p *Plan) Resolved() Resolved {
	e := p.Estate
	r := Resolved{Name: e.Metadata.Name, Hash: e.Hash, Notes: filled(p.notes()), Processes: []ResolvedProcess{}}
	for _, ent := range entities(e, p.tenants) {
		r.Entities = append(r.Entities, ResolvedEntity{ent.Name, ent.Tenant, ent.Company})
	}
	for _, c := range e.Components {
		r.Components = append(r.Components, ResolvedComponent{c.Name, c.Kind, c.Environment, c.Responsibility})
	}
	seen := map[string]bool{}
	for _, s := range resolveSubjects(e, p.tenants, p.scheduled) {
		if seen[s.process.Name] {
			continue
		}
		seen[s.process.Name] = true
		resolved := resolve(s)
		resolved.Cadence = p.cadence(s.flows)
		r.Processes = append(r.Processes, resolved)
	}
	return r
}

func resolve(s subject) ResolvedProcess {
	p := s.process
	out := ResolvedProcess{
		Windows: []string{}, Objectives: []ResolvedObjective{}, Needs: []ResolvedNeed{}, NotWatched: []ResolvedNeed{}, Work: []ResolvedWork{},
		Name: p.Name, Title: p.Title, Tier: p.TierIn(false), CloseTier: p.TierIn(true),
		Recovery: ResolvedRecovery(p.RecoveryIn(false)), CriticalRecovery: ResolvedRecovery(p.RecoveryIn(true)), Refetch: p.Refetch,
		Flows: filled(s.flows), Operations: filled(p.Operations),
		Owner: p.Owner, Team: p.Team, Vendor: p.Vendor, Responsibility: p.Responsibility,
		Stops: p.Stops, DoFirst: filled(p.DoFirst), DoNot: filled(p.DoNot),
		Meanwhile: p.Meanwhile, Workaround: p.Workaround, WorkaroundAfter: p.WorkaroundAfter,
	}
	for _, w := range p.Windows {
		out.Windows = append(out.Windows, w.String())
	}
	for _, n := range s.needs {
		out.Needs = append(out.Needs, ResolvedNeed{n.component, n.kind, n.role, n.use})
	}
	for _, n := range s.notWatched {
		out.NotWatched = append(out.NotWatched, ResolvedNeed{n.Component, n.Kind, n.Role, n.Use})
	}
	for _, w := range p.Work {
		out.Work = append(out.Work, ResolvedWork{
			Source: w.Source, Match: w.Match, Within: w.Within, Says: w.Says, Metric: w.Metric, Labels: w.Labels, By: w.By,
			Due: w.Due, Done: w.Done.String(), Habit: w.Habit, Least: w.Least,
		})
	}
	for _, symptom := range p.Symptoms {
		out.Symptoms = append(out.Symptoms, ResolvedSymptom(symptom))
	}
	for _, o := range p.Objectives {
		out.Objectives = append(out.Objectives, ResolvedObjective{
			Name: o.Name, Kind: o.Kind, Target: o.Target, Every: o.Every, Threshold: o.Threshold,
			CriticalTarget: o.CriticalTarget, CriticalThreshold: o.CriticalThreshold, CriticalOnly: o.CriticalOnly,
			Says: o.Says, NoPolicy: o.Budget.Unpoliced(), MeasuredBy: measuredBy(s, o), NotMeasured: notMeasured(s, o),
		})
	}
	return out
}

// measuredBy lists what feeds an objective of a subject; nothing when nothing
// here does.
func measuredBy(s subject, o process.Objective) []string {
	out := []string{}
	for _, f := range feedsOf(s, o, new([]slo.Selector)) {
		switch {
		case f.source == slo.Users && !s.needsKind(process.Traefik):
		case f.source == slo.Records:
			out = append(out, sourceWords(f.source)+" ("+o.Indicator.String()+")")
		default:
			out = append(out, sourceWords(f.source))
		}
	}
	return out
}

// notMeasured says why nothing here measures an objective; "" when something
// does.
func notMeasured(s subject, o process.Objective) string {
	switch {
	case len(measuredBy(s, o)) > 0:
		return ""
	case o.Unmeasured != "":
		return o.Unmeasured
	case o.Kind != process.Availability && o.Kind != process.Latency:
		return "no metric is named that tells; write objectives." + o.Name + ".indicator"
	case len(s.process.Flows) == 0 && len(s.process.Operations) == 0:
		return "no flow exercises the process and no operation of users is known to be it"
	case len(s.process.Flows) > 0 && len(s.process.Operations) > 0:
		return "no flow of the process is scheduled and no ingress is watched"
	case len(s.process.Flows) > 0:
		return "no flow of the process is scheduled"
	default:
		return "no ingress is watched, and no flow exercises the process"
	}
}

// filled is a list that JSON shows as one, also when it is empty.
func filled[T any](list []T) []T { return append([]T{}, list...) }

// notes are not mistakes, but a reader should know them.
func (p *Plan) notes() []string {
	var out []string
	e := p.Estate
	if note := deliveryNote(e); note != "" {
		out = append(out, note)
	}
	if len(e.Calendar.Holidays)+len(e.Calendar.Days) == 0 {
		out = append(out, "no holidays: every Monday to Friday counts as a working day")
	}
	out = append(out, p.collisions(time.Now())...)
	if len(p.tenants) == 0 {
		out = append(out, "no odoo component: no process is exercised and no work of Odoo is seen")
	}
	for _, c := range p.components {
		if c.odoo != nil && c.odoo.Synthetic.Company == 0 {
			out = append(out, fmt.Sprintf("%s has no synthetic company: posting and reconciling are not exercised; write synthetic: {company, saleJournal, bankJournal, partner} below components.%s.odoo", c.Name, c.Name))
		}
	}
	if e.Timing.Scale != 1 {
		out = append(out, fmt.Sprintf("timing.scale is %v: burn windows and holds are shorter than in production", e.Timing.Scale))
	}
	return out
}

// scheduled reports whether the estate runs a flow on a tenant.
func (p *Plan) scheduled(k flowKey) bool {
	return slices.ContainsFunc(p.components, func(c plannedComponent) bool {
		if c.odoo == nil || c.Environment != k.environment || c.odoo.RPC.Database != k.tenant {
			return false
		}
		_, on := c.odoo.flows(c.Name, p.Estate.Schedule).Level(k.flow)
		return on
	})
}
