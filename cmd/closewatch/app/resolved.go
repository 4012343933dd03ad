package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
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
	Name        string `json:"component"`
	Kind        string `json:"kind"`
	Environment string `json:"environment"`
}

// A ResolvedEntity is a legal company whose outcomes are judged.
type ResolvedEntity struct {
	Name    string `json:"entity"`
	Tenant  string `json:"tenant"`
	Company int64  `json:"company,omitempty"` // 0 is every company of the tenant
}

// A ResolvedProcess is a process as the estate has it.
type ResolvedProcess struct {
	Name       string              `json:"process"`
	Title      string              `json:"title"`
	Tier       process.ServiceTier `json:"tier"`
	CloseTier  process.ServiceTier `json:"close_tier"`
	RTO        time.Duration       `json:"rto_ns"`
	RPO        time.Duration       `json:"rpo_ns"`
	Needs      []string            `json:"needs"`
	Flows      []string            `json:"flows"`
	NotWatched []string            `json:"not_watched"`
}

// Resolved lays the plan out.
func (p *Plan) Resolved() Resolved {
	e := p.Estate
	r := Resolved{Name: e.Metadata.Name, Hash: e.Hash, Notes: p.notes()}
	for _, ent := range entities(e, p.tenants) {
		r.Entities = append(r.Entities, ResolvedEntity{ent.Name, ent.Tenant, ent.Company})
	}
	for _, c := range e.Components {
		r.Components = append(r.Components, ResolvedComponent{c.Name, c.Kind, c.Environment})
	}
	seen := map[string]bool{}
	for _, s := range resolveSubjects(e, p.tenants, p.scheduled) {
		if seen[s.process.Name] {
			continue
		}
		seen[s.process.Name] = true
		rp := ResolvedProcess{
			Name: s.process.Name, Title: s.process.Title, Tier: s.process.Tier, CloseTier: s.process.CloseTier,
			RTO: s.process.Recovery.RTO, RPO: s.process.Recovery.RPO, Flows: s.flows, NotWatched: s.notWatched,
		}
		for _, n := range s.needs {
			rp.Needs = append(rp.Needs, fmt.Sprintf("%s (%s)", n.component, n.role))
		}
		r.Processes = append(r.Processes, rp)
	}
	return r
}

// notes are not mistakes, but a reader should know them.
func (p *Plan) notes() []string {
	var out []string
	e := p.Estate
	if len(e.Alertmanagers) == 0 {
		out = append(out, "no alertmanagers: impacts are shown on the page and nobody is paged")
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
