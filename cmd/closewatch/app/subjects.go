package app

import (
	"cmp"
	"slices"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A subject is a process in one entity with what it depends on, as the estate
// resolves it. Subjects do not change while the daemon runs.
type subject struct {
	key        tiering.Key
	process    process.Process
	needs      []need
	notWatched []process.Dependency // what the estate declares no component for
	unseen     []string             // the same in words
	flows      []string             // those that are scheduled, of the process's flows
	restsOn    map[string][]string  // for each component, those it rests on; none is an empty list
	windows    []calendar.Window    // when the process matters more than usual; none: pre-close and close
}

// A need is a component of the estate in its role for a process.
type need struct {
	component, kind string
	role            process.Role
	use             string
}

// entities lists the estate's entities; an estate that declares none has one,
// named after it, for each Odoo database it watches.
func entities(e *estate.Estate, tenants []tenant) []estate.Entity {
	if len(e.Entities) > 0 {
		return e.Entities
	}
	var out []estate.Entity
	for _, t := range tenants {
		name := e.Metadata.Name
		if len(tenants) > 1 {
			name = t.name
		}
		out = append(out, estate.Entity{Name: name, Tenant: t.name})
	}
	return out
}

// A tenant is one Odoo database of one component.
type tenant struct{ name, component, environment string }

// resolveSubjects lays the processes over the entities. scheduled tells the
// flows that run.
func resolveSubjects(e *estate.Estate, tenants []tenant, scheduled func(flowKey) bool) []subject {
	r := newResolver(e, tenants)
	catalog := e.Catalog(process.Catalog())
	var out []subject
	for _, ent := range entities(e, tenants) {
		environment := cmp.Or(r.environments[ent.Tenant], e.Environment)
		for _, p := range catalog {
			s := subject{process: p, windows: windows(p), key: tiering.Key{Process: p.Name, Entity: ent.Name, Tenant: ent.Tenant, Environment: environment}}
			of := r.ofProcess(environment, p)
			s.needs, s.notWatched, s.unseen, s.restsOn = of.of(ent.Tenant), of.notWatched, of.unseen, r.restsOn
			for _, f := range p.Flows {
				if scheduled(flowKey{environment, ent.Tenant, f}) {
					s.flows = append(s.flows, f)
				}
			}
			out = append(out, s)
		}
	}
	return out
}

// A resolver finds what processes need. What all tenants of an environment have
// in common is found once.
type resolver struct {
	estate       *estate.Estate
	environments map[string]string   // by tenant
	serves       map[string][]string // tenants, by the component that is their Odoo
	restsOn      map[string][]string // components, by the one that rests on them
	resolved     map[processKey]*resolvedNeeds
}

type processKey struct{ environment, process string }

// A resolvedNeeds is what a process needs in an environment.
type resolvedNeeds struct {
	common     []need            // whatever the tenant
	own        map[string][]need // by tenant
	notWatched []process.Dependency
	unseen     []string
}

func newResolver(e *estate.Estate, tenants []tenant) *resolver {
	r := &resolver{estate: e, environments: map[string]string{}, serves: map[string][]string{}, restsOn: map[string][]string{}, resolved: map[processKey]*resolvedNeeds{}}
	for _, t := range tenants {
		r.environments[t.name] = t.environment
		r.serves[t.component] = append(r.serves[t.component], t.name)
	}
	for _, c := range e.Components {
		on := []string{}
		for _, other := range e.RestsOn(c) {
			on = append(on, other.Name)
		}
		r.restsOn[c.Name] = on
	}
	return r
}

// ofProcess is what a process needs. The Odoo of a tenant is needed by that one
// alone: what happens to it is nothing to the others.
func (r *resolver) ofProcess(environment string, p process.Process) *resolvedNeeds {
	key := processKey{environment, p.Name}
	if of := r.resolved[key]; of != nil {
		return of
	}
	needs, notWatched := resolveNeeds(r.estate, p, environment)
	of := &resolvedNeeds{own: map[string][]need{}, notWatched: notWatched, unseen: inWords(notWatched)}
	for _, n := range needs {
		serves := slices.Compact(slices.Clone(r.serves[n.component]))
		switch len(serves) {
		case 0:
			of.common = append(of.common, n)
		case 1:
			of.own[serves[0]] = append(of.own[serves[0]], n)
		}
	}
	r.resolved[key] = of
	return of
}

// of is what a process of a tenant needs, by component.
func (n *resolvedNeeds) of(tenant string) []need {
	out := slices.Concat(n.common, n.own[tenant])
	slices.SortStableFunc(out, func(a, b need) int { return cmp.Compare(a.component, b.component) })
	return out
}

// resolveNeeds turns a process's dependencies into components. A kind the
// estate does not declare is not watched: neither ok nor failing.
func resolveNeeds(e *estate.Estate, p process.Process, environment string) (needs []need, notWatched []process.Dependency) {
	watched, notWatched := e.Dependencies(environment, p)
	for _, d := range watched {
		needs = append(needs, need{d.Component.Name, d.Component.Kind, d.Role, d.Use})
	}
	slices.SortFunc(needs, func(a, b need) int { return cmp.Compare(a.component, b.component) })
	slices.SortStableFunc(notWatched, func(a, b process.Dependency) int { return cmp.Compare(a.Kind, b.Kind) })
	return needs, notWatched
}

// inWords says for people what is not watched: "bank (payment files)".
func inWords(notWatched []process.Dependency) []string {
	var out []string
	for _, d := range notWatched {
		if d.Use == "" {
			out = append(out, d.Kind)
		} else {
			out = append(out, d.Kind+" ("+d.Use+")")
		}
	}
	return out
}

// needsKind reports whether a component of a kind is watched for the subject.
func (s subject) needsKind(kind string) bool {
	return slices.ContainsFunc(s.needs, func(n need) bool { return n.kind == kind })
}

// notWatchedKinds lists the kinds of component that are not watched.
func (s subject) notWatchedKinds() []string {
	var out []string
	for _, d := range s.notWatched {
		out = append(out, d.Kind)
	}
	return slices.Compact(out) // they are sorted by kind
}

// windows are a process's critical windows as the calendar evaluates them.
func windows(p process.Process) []calendar.Window {
	kinds := map[process.WindowKind]calendar.WindowKind{
		process.Always: calendar.Always, process.WorkingDays: calendar.WorkingDays, process.BeforeDeadline: calendar.BeforeDeadline,
	}
	out := make([]calendar.Window, len(p.Windows))
	for i, w := range p.Windows {
		out[i] = calendar.Window{Kind: kinds[w.Kind], From: w.From, To: w.To, Before: w.Before, BeforeDays: w.BeforeDays, Says: w.String()}
	}
	return out
}
