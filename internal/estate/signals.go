package estate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/signal"
)

// A SignalOverride is what an estate says differently about a signal, everywhere
// or at one component. What it does not say stays.
type SignalOverride struct {
	Enabled  *bool            `yaml:"enabled"` // false: it is not judged
	Warning  *signal.Quantity `yaml:"warning"` // never: it has no such state
	Critical *signal.Quantity `yaml:"critical"`
	For      *Duration        `yaml:"for"`   // how long a worse state must hold
	Exit     *signal.Quantity `yaml:"exit"`  // the share of a threshold at which its state is left again
	Close    *SignalClose     `yaml:"close"` // in the pre-close and close of an entity it concerns
}

// A SignalClose is what counts in the close instead. What it does not say is as
// ever.
type SignalClose struct {
	Warning  *signal.Quantity `yaml:"warning"`
	Critical *signal.Quantity `yaml:"critical"`
	For      *Duration        `yaml:"for"`
}

// Validate implements Validator.
func (o *SignalOverride) Validate() []Problem {
	var ps []Problem
	if *o == (SignalOverride{}) {
		ps = append(ps, Problem{"", "says nothing", "write what is different, such as {warning: 5m} or {enabled: false}"})
	}
	off := o.Enabled != nil && !*o.Enabled
	if off && (o.Warning != nil || o.Critical != nil || o.For != nil || o.Exit != nil || o.Close != nil) {
		ps = append(ps, Problem{"enabled", "is false beside limits", "remove the limits, or enabled"})
	}
	if x := o.Exit; x != nil && (!x.Fits("ratio") || !(x.Value > 0 && x.Value <= 1)) {
		ps = append(ps, Problem{"exit", "is no share of the threshold", "write the share at which its state is left again, such as 80%, or 1 for no hysteresis"})
	}
	return ps
}

// Signals returns signals as the estate has them: with its limits, without those
// it has switched off.
func (e *Estate) Signals(defs []signal.Definition) []signal.Definition {
	out := make([]signal.Definition, 0, len(defs))
	for _, d := range defs {
		if is, on := e.signal(d); on {
			out = append(out, is)
		}
	}
	return out
}

// signal is one definition with what the estate says of it; false when it is
// switched off everywhere.
func (e *Estate) signal(d signal.Definition) (signal.Definition, bool) {
	if o, said := e.SignalOverrides[d.Name]; said {
		if !o.on() {
			return d, false
		}
		always, inClose := o.apply(signal.Limits{Warning: d.Warning, Critical: d.Critical, Exit: d.Exit, For: d.For}, d.Close, d.Direction)
		d.Warning, d.Critical, d.Exit, d.For, d.Close = always.Warning, always.Critical, always.Exit, always.For, inClose
	}
	for _, c := range e.Components {
		o, said := c.SignalOverrides[d.Name]
		if !said {
			continue
		}
		x := signal.Exception{Off: !o.on()}
		x.Limits, x.Close = o.apply(signal.Limits{Warning: d.Warning, Critical: d.Critical, Exit: d.Exit, For: d.For}, d.Close, d.Direction)
		d.At = maps.Clone(d.At)
		if d.At == nil {
			d.At = map[string]signal.Exception{}
		}
		d.At[c.Name] = x
	}
	return d, true
}

func (o SignalOverride) on() bool { return o.Enabled == nil || *o.Enabled }

// apply changes limits. Limits of the close that the override does not mention
// stay, and are never wider than those outside.
func (o SignalOverride) apply(always signal.Limits, inClose *signal.Limits, bad signal.Direction) (signal.Limits, *signal.Limits) {
	setTo(&always.Warning, o.Warning)
	setTo(&always.Critical, o.Critical)
	setTo(&always.Exit, o.Exit)
	if o.For != nil {
		always.For = o.For.D()
	}
	if o.Close == nil && inClose == nil {
		return always, nil
	}
	x := always
	if inClose != nil {
		x.Warning, x.Critical = narrower(inClose.Warning, always.Warning, bad), narrower(inClose.Critical, always.Critical, bad)
		x.For = min(inClose.For, always.For)
	}
	if o.Close != nil {
		setTo(&x.Warning, o.Close.Warning)
		setTo(&x.Critical, o.Close.Critical)
		if o.Close.For != nil {
			x.For = o.Close.For.D()
		}
	}
	return always, &x
}

func setTo(to *float64, q *signal.Quantity) {
	if q != nil {
		*to = q.Value
	}
}

// narrower is the threshold that is reached first; one that does not exist never
// is.
func narrower(a, b float64, bad signal.Direction) float64 {
	switch {
	case math.IsNaN(a):
		return b
	case math.IsNaN(b):
		return a
	case bad == signal.Below:
		return max(a, b)
	}
	return min(a, b)
}

// signals reports what is said of signals that do not exist, in units they do not
// have, or so that a state is never reached.
func (c checker) signals() {
	if len(c.opts.Definitions) == 0 {
		return
	}
	c.signalsAt("signals", "", c.e.SignalOverrides)
	for _, comp := range c.e.Components {
		c.signalsAt(below(below("components", comp.Name), "signals"), comp.Kind, comp.SignalOverrides)
	}
}

// signalsAt checks the overrides of one place, of a kind of component or of all.
func (c checker) signalsAt(path, kind string, overrides map[string]SignalOverride) {
	var names []string
	for _, d := range c.opts.Definitions {
		if kind == "" || d.Kind == "" || d.Kind == kind {
			names = append(names, d.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		at := below(path, name)
		i := slices.IndexFunc(c.opts.Definitions, func(d signal.Definition) bool { return d.Name == name })
		switch {
		case i < 0:
			remedy := "closewatch check --signals lists them"
			if meant, ok := suggest(name, names); ok {
				remedy = "write " + meant
			}
			c.problem(at, fmt.Sprintf("there is no signal %q", clip(name)), remedy)
		case !slices.Contains(names, name):
			c.problem(at, fmt.Sprintf("is a signal of %s, not of %s", c.opts.Definitions[i].Kind, kind), "closewatch check --signals lists those of each kind")
		default:
			c.signalLimits(at, c.opts.Definitions[i], overrides[name])
		}
	}
}

// signalLimits checks what one override makes of a signal.
func (c checker) signalLimits(at string, d signal.Definition, o SignalOverride) {
	fits := true
	unit := func(field string, q *signal.Quantity) {
		if q != nil && !q.Fits(d.Unit) {
			fits = false
			c.problem(at+"."+field, "is not in the unit of the signal", "write "+example(d.Unit))
		}
	}
	unit("warning", o.Warning)
	unit("critical", o.Critical)
	if o.Close != nil {
		unit("close.warning", o.Close.Warning)
		unit("close.critical", o.Close.Critical)
	}
	if !fits || !o.on() {
		return
	}
	always, inClose := o.apply(signal.Limits{Warning: d.Warning, Critical: d.Critical, Exit: d.Exit, For: d.For}, d.Close, d.Direction)
	d.Warning, d.Critical, d.Exit, d.For, d.Close = always.Warning, always.Critical, always.Exit, always.For, inClose
	if err := d.Check(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			_, what, _ := strings.Cut(line, ": ")
			c.problem(at, what, "closewatch check --signals shows the limits it has otherwise")
		}
	}
}

// example is a threshold in a unit.
func example(unit string) string {
	switch unit {
	case "seconds":
		return "a time such as 30s, 5m or 2h"
	case "bytes":
		return "a size such as 500MiB or 10GiB"
	case "ratio":
		return "a share such as 80%"
	}
	return "a plain number such as 10"
}
