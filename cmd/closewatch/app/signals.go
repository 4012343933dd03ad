package app

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// inClose tells which readings concern an entity that is in its pre-close or close
// at a tick, or might be: one of an entity its own, one of a tenant those of the
// tenant, and one of a component that all share those of its environment.
func (a *assembler) inClose(at time.Time) func(signal.Reading) bool {
	type scope struct{ environment, tenant, entity string }
	closes := map[scope]bool{}
	layout := a.calendars.around(at)
	for _, s := range a.subjects {
		k := s.key
		if own := (scope{k.Environment, k.Tenant, k.Entity}); !closes[own] && layout.of[k.Entity].At(at).Critical() {
			closes[own], closes[scope{k.Environment, k.Tenant, ""}], closes[scope{k.Environment, "", ""}] = true, true, true
		}
	}
	return func(r signal.Reading) bool {
		if r.Tenant == "" {
			return closes[scope{r.Environment, "", ""}]
		}
		return closes[scope{r.Environment, r.Tenant, r.Labels["entity"]}]
	}
}

// A SignalShown is a signal with its limits, for people and machines.
type SignalShown struct {
	Name      string `json:"signal"`
	Kind      string `json:"kind"` // of component; "" is closewatch itself
	Title     string `json:"title"`
	Role      string `json:"role"`
	Component string `json:"component,omitempty"` // that these limits are for; "" is any other
	Metric    string `json:"metric"`
	Off       bool   `json:"off,omitempty"`
	LimitsShown
	Close *LimitsShown `json:"close,omitempty"` // in the pre-close and close
	// Changed is where the estate has other limits than are built in: "signals" or
	// "components.db.signals"; "" is nowhere.
	Changed string `json:"changed,omitempty"`
}

// A LimitsShown is limits in words: "more than 5 min"; "" is a state that does not
// exist.
type LimitsShown struct {
	Warning  string        `json:"warning,omitempty"`
	Critical string        `json:"critical,omitempty"`
	Exit     string        `json:"exit,omitempty"` // "" is at the threshold itself
	For      time.Duration `json:"for_ns"`
}

// Signals lists every signal of the estate's kinds of components with the limits
// in force, by kind and name; those of one component after those of any.
func (p *Plan) Signals() []SignalShown {
	declared := ofKinds()
	for _, c := range p.components {
		if c.Signals != nil {
			declared = append(declared, c.Signals(c.Name)...)
		}
	}
	var out []SignalShown
	for _, d := range declared {
		if d.Kind != "" && !slices.ContainsFunc(p.components, func(c plannedComponent) bool { return c.Kind == d.Kind }) {
			continue
		}
		_, changed := p.Estate.SignalOverrides[d.Name]
		is := p.Estate.Signals([]signal.Definition{d})
		if len(is) == 0 {
			out = append(out, SignalShown{Name: d.Name, Kind: d.Kind, Title: d.Title, Role: d.Role.String(), Metric: d.Metric, Off: true, Changed: "signals"})
			continue
		}
		out = append(out, shownSignals(is[0], changed)...)
	}
	slices.SortStableFunc(out, func(a, b SignalShown) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return out
}

func shownSignals(d signal.Definition, changed bool) []SignalShown {
	any := SignalShown{Name: d.Name, Kind: d.Kind, Title: d.Title, Role: d.Role.String(), Metric: d.Metric}
	any.LimitsShown = limitsShown(d, signal.Limits{Warning: d.Warning, Critical: d.Critical, Exit: d.Exit, For: d.For})
	any.Close = closeShown(d, d.Close)
	if changed {
		any.Changed = "signals"
	}
	out := []SignalShown{any}
	for _, name := range d.Components() {
		x := d.At[name]
		one := any
		one.Component, one.Off, one.Changed = name, x.Off, "components."+name+".signals"
		one.LimitsShown, one.Close = LimitsShown{}, nil
		if !x.Off {
			one.LimitsShown, one.Close = limitsShown(d, x.Limits), closeShown(d, x.Close)
		}
		out = append(out, one)
	}
	return out
}

func closeShown(d signal.Definition, x *signal.Limits) *LimitsShown {
	if x == nil {
		return nil
	}
	out := limitsShown(d, *x)
	return &out
}

func limitsShown(d signal.Definition, x signal.Limits) LimitsShown {
	side, back := "more than ", 1.0
	if d.Direction == signal.Below {
		side, back = "less than ", -1
	}
	threshold := func(v float64) string {
		if v != v {
			return ""
		}
		return side + signal.Format(v, d.Unit)
	}
	out := LimitsShown{Warning: threshold(x.Warning), Critical: threshold(x.Critical), For: x.For}
	if x.Exit > 0 && x.Exit < 1 {
		out.Exit = signal.Format(1-back*(1-x.Exit), "ratio")
	}
	return out
}

// Words joins a warning and a critical threshold for a table.
func (l LimitsShown) Words() string {
	var parts []string
	if l.Warning != "" {
		parts = append(parts, "warning "+l.Warning)
	}
	if l.Critical != "" {
		parts = append(parts, "critical "+l.Critical)
	}
	if len(parts) == 0 {
		return "never bad by itself"
	}
	return strings.Join(parts, ", ")
}
