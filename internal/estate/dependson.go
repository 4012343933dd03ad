package estate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/process"
)

// RestsOn lists the components that one rests on, in the order of the file: what
// it says itself, or else those of its environment that its kind as a rule rests
// on.
func (e *Estate) RestsOn(c Component) []Component {
	kinds := process.RestsOn(c.Kind)
	if len(c.DependsOn) == 0 && (c.DependsOn != nil || len(kinds) == 0) {
		return nil
	}
	var out []Component
	for i := range e.Components {
		other := &e.Components[i]
		declared := slices.Contains(c.DependsOn, other.Name)
		byKind := c.DependsOn == nil && other.Environment == c.Environment && slices.Contains(kinds, other.Kind)
		if other.Name != c.Name && (declared || byKind) {
			out = append(out, *other)
		}
	}
	return out
}

// beneath adds to what a process needs what those components rest on in turn: as
// necessary as what rests on it when that is declared. By kind alone only what no
// process needs by itself is added, as soft: a process that names its database
// does not need the other one.
func (e *Estate) beneath(watched []Dependency) []Dependency {
	out := slices.Clone(watched)
	for i := 0; i < len(out); i++ { // out grows; no component comes twice
		on := out[i]
		for _, c := range e.RestsOn(on.Component) {
			declared := on.Component.DependsOn != nil
			known := slices.ContainsFunc(out, func(d Dependency) bool { return d.Component.Name == c.Name })
			if known || !declared && slices.Contains(process.Kinds(), c.Kind) {
				continue
			}
			role := process.Soft
			if declared {
				role = on.Role
			}
			out = append(out, Dependency{c, role, "what " + on.Component.Name + " rests on"})
		}
	}
	return out
}

// dependsOn reports components that rest on what is not there, on what is
// elsewhere, or in a circle on themselves.
func (c checker) dependsOn() {
	for _, comp := range c.e.Components {
		for i, name := range comp.DependsOn {
			at := fmt.Sprintf("components.%s.dependsOn[%d]", clip(comp.Name), i)
			c.known(at, "component", name, c.componentNames())
			if other, ok := c.e.Component(name); ok && other.Environment != comp.Environment {
				c.problem(at, fmt.Sprintf("%q is in environment %q", clip(name), clip(other.Environment)), "name a component of the same environment, "+comp.Environment)
			}
		}
		if ring := c.e.ring(comp); ring != nil && comp.DependsOn != nil {
			c.problem("components."+clip(comp.Name)+".dependsOn", "goes in a circle: "+strings.Join(ring, " rests on "), "remove one of these dependencies")
		}
	}
}

// ring returns the names along which a component rests on itself, it first and
// last; nil when it does not.
func (e *Estate) ring(from Component) []string {
	var path []string
	seen := map[string]bool{}
	var visit func(Component) bool
	visit = func(c Component) bool {
		path = append(path, c.Name)
		for _, next := range e.RestsOn(c) {
			if next.Name == from.Name {
				path = append(path, from.Name)
				return true
			}
			if !seen[next.Name] {
				seen[next.Name] = true
				if visit(next) {
					return true
				}
			}
		}
		path = path[:len(path)-1]
		return false
	}
	// A component that names itself is the smallest circle; RestsOn leaves it out.
	if slices.Contains(from.DependsOn, from.Name) {
		return []string{from.Name, from.Name}
	}
	if visit(from) {
		return path
	}
	return nil
}
