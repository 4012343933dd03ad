package app

import (
	"cmp"
	"math"
	"slices"

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/signal"
)

// ruleSignals are the signals of the estate with their limits, as rules have them,
// and in words what rules cannot tell of them.
func (p *Plan) ruleSignals() (out []rules.Signal, notCovered []string) {
	kinds := map[string]string{}
	for _, d := range ofKinds() {
		kinds[d.Name] = d.Kind
	}
	for _, c := range p.components {
		if c.Signals != nil {
			for _, d := range c.Signals(c.Name) {
				kinds[d.Name] = c.Kind
			}
		}
	}
	for _, d := range p.definitions() {
		kind := kinds[d.Name]
		if kind != "" && !slices.ContainsFunc(p.components, func(c plannedComponent) bool { return c.Kind == kind }) {
			continue
		}
		if !everBad(d) {
			if d.Role == signal.Recovery {
				notCovered = append(notCovered, "signal "+d.Name+": it is compared with the recovery point objective of each process")
			}
			continue
		}
		s := rules.Signal{Definition: d, Group: cmp.Or(kind, "closewatch")}
		for _, subject := range p.subjects() {
			if !d.Optional && d.Kind != "" && d.Concerns(subject) {
				s.Must = append(s.Must, subject)
			}
		}
		out = append(out, s)
	}
	return out, notCovered
}

// everBad reports whether a signal is ever bad by itself.
func everBad(d signal.Definition) bool {
	never := func(x *signal.Limits) bool { return x == nil || math.IsNaN(x.Warning) && math.IsNaN(x.Critical) }
	for _, x := range d.At {
		if !x.Off && (!never(&x.Limits) || !never(x.Close)) {
			return true
		}
	}
	return !never(&signal.Limits{Warning: d.Warning, Critical: d.Critical}) || !never(d.Close)
}

// environments are those that any component is in, and none for what is measured
// of the daemon as a whole.
func (p *Plan) environments() []string {
	out := []string{p.Estate.Environment}
	for _, c := range p.components {
		if !slices.Contains(out, c.Environment) {
			out = append(out, c.Environment)
		}
	}
	slices.Sort(out[1:])
	return out
}

// ruleEntities are the entities of every environment that their tenant is in.
func (p *Plan) ruleEntities() []rules.Entity {
	calendars := map[string][]string{}
	for _, plan := range p.Estate.CalendarPlans(entities(p.Estate, p.tenants)) {
		for _, use := range plan.Uses() {
			calendars[plan.Entity] = append(calendars[plan.Entity], cmp.Or(use.Days.Name(), "working days"))
		}
	}
	var out []rules.Entity
	seen := map[[3]string]bool{}
	for _, s := range resolveSubjects(p.Estate, p.tenants, p.scheduled) {
		key := [3]string{s.key.Environment, s.key.Tenant, s.key.Entity}
		if !seen[key] {
			seen[key] = true
			out = append(out, rules.Entity{Environment: key[0], Tenant: key[1], Name: key[2], Calendars: calendars[key[2]]})
		}
	}
	return out
}
