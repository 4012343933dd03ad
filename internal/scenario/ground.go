package scenario

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// A Ground is what a world needs to know of an estate.
type Ground struct {
	Environment string // of names that say no tenant
	Zone        *time.Location
	Components  []Component
	Tenants     []Tenant
	Entities    map[string]string // entity to tenant
	Operations  map[string]string // process to an operation of real users that is its outcome
	Processes   []string
	Flows       []string
	Buckets     []float64 // of the histograms of operations, in seconds
	Receivers   []string  // that alerts are routed to
}

// A Component is one that can fail, with the signals of its kind.
type Component struct {
	Name, Kind, Environment string
	Class                   string // of an endpoint: bank
	Signals                 []signal.Definition
}

// A Tenant is an Odoo database.
type Tenant struct {
	Name, Environment string
	Component         string // its Odoo
	Ingress           string // the component that sees its users; "" when there is none
}

// about reports whether a component publishes what a definition reads.
func (c Component) about(d signal.Definition) bool {
	for name, is := range map[string]string{"environment": c.Environment, "component": c.Name, "class": c.Class} {
		if want, one := d.Match[name]; one && want != is {
			return false
		}
	}
	return true
}

// vital are the signals that say whether the component answers at all.
func (c Component) vital() []signal.Definition {
	var out []signal.Definition
	for _, d := range c.Signals {
		if d.Role == signal.Health && !d.Optional && d.Direction == signal.Below && !math.IsNaN(d.Critical) && c.about(d) {
			out = append(out, d)
		}
	}
	if len(out) > 0 || c.Class == "" {
		return out
	}
	for _, d := range c.Signals {
		if _, ofClass := d.Match["class"]; ofClass && d.Role == signal.Health && c.about(d) {
			out = append(out, d)
		}
	}
	return out
}

// A series is one that a signal reads.
type series struct {
	metric string
	labels map[string]string
}

func (s series) key() string {
	var b strings.Builder
	b.WriteString(s.metric)
	for _, name := range slices.Sorted(maps.Keys(s.labels)) {
		b.WriteString("\xff" + name + "\xff" + s.labels[name])
	}
	return b.String()
}

// only is what a label is called that a scenario does not name.
const only = "only"

// reads is the series that a signal of the component reads, with more labels.
func (c Component) reads(d signal.Definition, more map[string]string) series {
	labels := map[string]string{}
	for _, name := range d.By {
		labels[name] = only
	}
	maps.Copy(labels, d.Match)
	maps.Copy(labels, more)
	labels["environment"], labels["component"] = c.Environment, c.Name
	return series{d.Metric, labels}
}

// past is the value at which a signal has a state: on the good side of every
// threshold, between them, or beyond the last. It is false when it has no such
// state.
func past(d signal.Definition, want signal.State) (float64, bool) {
	switch {
	case want == signal.Warning && math.IsNaN(d.Warning), want == signal.Critical && math.IsNaN(d.Critical):
		return 0, false
	}
	limits := slices.DeleteFunc([]float64{d.Warning, d.Critical}, math.IsNaN)
	candidates := []float64{0, 1}
	for _, t := range limits {
		candidates = append(candidates, t*1.5, t/2, t+1, t-1, t*1.05, t*0.95)
	}
	if len(limits) == 2 {
		candidates = append(candidates, (limits[0]+limits[1])/2)
	}
	for _, v := range candidates {
		if says(d, v) == want {
			return v, true
		}
	}
	return 0, false
}

// says is the state that a value has on its own: none of what stood before, and
// well within it, so that what stood before makes no difference.
func says(d signal.Definition, v float64) signal.State {
	beyond := func(t float64) bool {
		if d.Direction == signal.Below {
			return v < t
		}
		return v > t
	}
	held := func(t float64) bool { // where a state that stands is not left yet
		margin := 0.0
		if d.Exit > 0 {
			margin = math.Abs(t) * (1 - d.Exit)
		}
		if d.Direction == signal.Below {
			return v < t+margin
		}
		return v > t-margin
	}
	switch {
	case beyond(d.Critical):
		return signal.Critical
	case held(d.Critical):
		return signal.Unknown
	case beyond(d.Warning):
		return signal.Warning
	case held(d.Warning):
		return signal.Unknown
	}
	return signal.OK
}

// find looks up component/signal{label="value"}.
func (g Ground) find(name string) (Component, signal.Definition, map[string]string, error) {
	path, inside, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	component, sig, ok := strings.Cut(path, "/")
	labels, read := braces(inside)
	if !ok || !read {
		return Component{}, signal.Definition{}, nil, errors.New("names no signal; write component/signal such as db/postgres_connections")
	}
	c, known := g.component(component)
	if !known {
		return c, signal.Definition{}, nil, fmt.Errorf("there is no component %q; write one of %s", component, strings.Join(g.names(), ", "))
	}
	for _, d := range c.Signals {
		if d.Name == sig || strings.HasSuffix(d.Name, "/"+sig) {
			return c, d, labels, nil
		}
	}
	return c, signal.Definition{}, nil, fmt.Errorf("a %s has no signal %q; see closewatch check for its signals, or set its metric", c.Kind, sig)
}

func (g Ground) component(name string) (Component, bool) {
	i := slices.IndexFunc(g.Components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return g.Components[i], true
}

func (g Ground) names() []string {
	out := make([]string, len(g.Components))
	for i, c := range g.Components {
		out[i] = c.Name
	}
	return out
}

// tenants are those that a name means, and what is left of it: name, or
// tenant/name.
func (g Ground) tenants(name string) ([]Tenant, string) {
	var out []Tenant
	tenant, rest, named := strings.Cut(name, "/")
	for _, t := range g.Tenants {
		if named && t.Name == tenant {
			return []Tenant{t}, rest
		}
		if t.Environment == g.Environment {
			out = append(out, t)
		}
	}
	return out, name
}
