package estate

import (
	"reflect"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/process"
)

// A Responsibility says whose duty a component is.
type Responsibility = process.Responsibility

// A Component is a thing that can fail. Its kind says who watches it; the
// section of that kind is decoded by its owner.
type Component struct {
	Name            string
	Kind            string // "postgres"
	Environment     string
	Responsibility  Responsibility
	SignalOverrides map[string]SignalOverride // by the names of signals
	DependsOn       []string                  // names of components it rests on; nil: those that its kind as a rule rests on
	Releases        []string                  // names of the applications or objects by which Argo CD or Flux releases it
	Section         Section
}

// Components are in the order of the file.
type Components []Component

// about is what a component says beside its kind.
type about struct {
	Environment    string                    `yaml:"environment"`
	Responsibility Responsibility            `yaml:"responsibility"`
	Signals        map[string]SignalOverride `yaml:"signals"`
	DependsOn      []string                  `yaml:"dependsOn"`
	Releases       []string                  `yaml:"releases"`
}

func (a *about) SetDefaults() { a.Responsibility = process.Provider }

func (a *about) Validate() []Problem {
	var ps []Problem
	if p, bad := nameProblem("environment", a.Environment); bad && a.Environment != "" {
		ps = append(ps, p)
	}
	return appendOneOf(ps, "responsibility", a.Responsibility, process.Responsibilities())
}

// decodeNode implements custom: a component is a mapping of about's keys and
// exactly one other, its kind.
func (cs *Components) decodeNode(d *decoder, n node, path string) {
	if !d.is(n, mapping, path, "a mapping of names to components") {
		return
	}
	for _, e := range n.entries {
		at := below(path, e.key)
		if p, bad := nameProblem("", e.key); bad {
			d.mistake(e.at, at, p.What, p.Remedy)
		}
		if d.is(e.value, mapping, at, "the component's kind, such as {redis: {url: \"redis://127.0.0.1:6379/0\"}}") {
			*cs = append(*cs, d.component(e, at))
		}
	}
}

func (d *decoder) component(e entry, path string) Component {
	c := Component{Name: e.key}
	said := node{shape: mapping, at: e.at}
	hasKind := false
	for _, part := range e.value.entries {
		at := below(path, part.key)
		switch {
		case slices.Contains(keysOf(reflect.TypeFor[about]()), part.key):
			said.entries = append(said.entries, part)
		case !d.knowsKind(part, at):
			hasKind = true // it was meant to be one, as far as anybody can tell
		case c.Kind != "":
			d.mistake(part.at, at, "is a second kind beside "+c.Kind, "declare one component for each kind")
		default:
			c.Kind, hasKind = part.key, true
			c.Section = Section{file: d.file, path: at, at: part.at, node: part.value, lookup: d.lookup, offline: d.offline}
		}
	}
	if !hasKind {
		d.mistake(e.at, path, "has no kind", "write what it is, such as postgres, with its settings")
	}
	var a about
	a.SetDefaults()
	d.decode(said, reflect.ValueOf(&a).Elem(), path, "")
	c.Environment, c.Responsibility, c.DependsOn, c.Releases, c.SignalOverrides = a.Environment, a.Responsibility, a.DependsOn, a.Releases, a.Signals
	return c
}

// knowsKind reports whether a kind can be watched, and the mistake if not.
func (d *decoder) knowsKind(part entry, path string) bool {
	if len(d.kinds) == 0 || slices.Contains(d.kinds, part.key) {
		return true
	}
	remedy := "write one of " + strings.Join(d.kinds, ", ")
	if meant, ok := suggest(part.key, slices.Concat(d.kinds, keysOf(reflect.TypeFor[about]()))); ok {
		remedy = "write " + meant
	}
	d.mistake(part.at, path, "is not a kind of component", remedy)
	return false
}

// Class is what a component's section calls its class: what an endpoint is to
// finance, such as bank or tax. A process may depend on a class as on a kind.
func (c Component) Class() string { return c.Section.text("class") }
