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

// seenWith maps a kind of component to the kind that it is discovered and judged
// with: a cluster's collector sees its standbys.
var seenWith = map[string]string{process.Standby: process.Postgres}

// Dependencies resolves what a process of Catalog needs in one environment to
// components, and to what those rest on. What the estate declares no component
// for is not watched: neither healthy nor failing.
func (e *Estate) Dependencies(environment string, p process.Process) (watched []Dependency, unwatched []process.Dependency) {
	for _, need := range p.Needs {
		found := false
		for _, c := range e.Components {
			if c.Environment != environment {
				continue
			}
			if meets(need, c) {
				watched = append(watched, Dependency{c, need.Role, need.Use})
				found = true
			}
			found = found || need.Kind != "" && seenWith[need.Kind] == c.Kind
		}
		if !found {
			if c, ok := e.Component(need.Component); ok {
				need.Kind = c.Kind
			}
			unwatched = append(unwatched, need)
		}
	}
	return e.beneath(watched), unwatched
}

func meets(need process.Dependency, c Component) bool {
	if need.Component != "" {
		return c.Name == need.Component
	}
	return c.Kind == need.Kind || c.Class() == need.Kind
}
