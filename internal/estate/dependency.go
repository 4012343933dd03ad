package estate

import (
	"github.com/closewatch/closewatch/internal/process"
)

// A Dependency is a component a process needs, as this estate resolves it.
type Dependency struct {
	Component Component
	Role      process.Role
	Use       string
}

// Catalog returns the processes of a catalogue that the estate has, as it
// overrides them, in the catalogue's order.
func (e *Estate) Catalog(catalog []process.Process) []process.Process {
	var out []process.Process
	for _, p := range catalog {
		if o := e.Processes[p.Name]; o.IsEnabled() {
			out = append(out, o.Apply(p))
		}
	}
	return out
}

// Dependencies resolves what a process needs in one environment to components.
// What the estate declares no component for is not watched: neither healthy
// nor failing.
func (e *Estate) Dependencies(environment string, p process.Process) (watched []Dependency, unwatched []process.Dependency) {
	for _, need := range e.needs(p) {
		found := false
		for _, c := range e.Components {
			if c.Environment == environment && need.meets(c) {
				watched = append(watched, Dependency{c, need.Role, need.Use})
				found = true
			}
		}
		if !found {
			unwatched = append(unwatched, process.Dependency{Kind: need.kind(e), Role: need.Role, Use: need.Use})
		}
	}
	return watched, unwatched
}

// needs are the estate's own for a process, or else the catalogue's.
func (e *Estate) needs(p process.Process) []Need {
	if o := e.Processes[p.Name]; o.Needs != nil {
		return o.Needs
	}
	needs := make([]Need, len(p.Needs))
	for i, dep := range p.Needs {
		needs[i] = Need{Kind: dep.Kind, Role: dep.Role, Use: dep.Use}
	}
	return needs
}

func (n Need) meets(c Component) bool {
	if n.Component != "" {
		return c.Name == n.Component
	}
	return c.Kind == n.Kind
}

func (n Need) kind(e *Estate) string {
	if c, ok := e.Component(n.Component); ok {
		return c.Kind
	}
	return n.Kind
}
