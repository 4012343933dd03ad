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
	flows      []string             // those that are scheduled, of the process's flows
	restsOn    map[string][]string  // for each needed component, those it rests on; none is an empty list
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
	var out []subject
	for _, ent := range entities(e, tenants) {
		environment := e.Environment
		for _, t := range tenants {
			if t.name == ent.Tenant {
				environment = t.environment
			}
		}
		for _, p := range e.Catalog(process.Catalog()) {
			s := subject{process: p, windows: windows(p), key: tiering.Key{Process: p.Name, Entity: ent.Name, Tenant: ent.Tenant, Environment: environment}}
			s.needs, s.notWatched = resolveNeeds(e, p, environment)
			s.needs = slices.DeleteFunc(s.needs, func(n need) bool { return servesAnother(tenants, n, ent.Tenant) })
			s.restsOn = restsOn(e, s.needs)
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

// servesAnother reports whether a needed component is the Odoo of another
// tenant: what happens to it is nothing to this one.
func servesAnother(tenants []tenant, n need, name string) bool {
	return slices.ContainsFunc(tenants, func(t tenant) bool { return t.component == n.component && t.name != name })
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

// restsOn lists for each needed component those that it rests on.
func restsOn(e *estate.Estate, needs []need) map[string][]string {
	out := map[string][]string{}
	for _, n := range needs {
		out[n.component] = []string{}
		if c, ok := e.Component(n.component); ok {
			for _, on := range e.RestsOn(c) {
				out[n.component] = append(out[n.component], on.Name)
			}
		}
	}
	return out
}

// notWatchedWords says for people what is not watched: "bank (payment files)".
func (s subject) notWatchedWords() []string {
	var out []string
	for _, d := range s.notWatched {
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
