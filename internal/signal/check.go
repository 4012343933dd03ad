package signal

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
)

// identity lists the labels every reading is separated by.
var identity = []string{"environment", "component", "tenant"}

var placeholder = regexp.MustCompile(`\{([a-zA-Z_][a-zA-Z0-9_]*)\}`)

// Check returns every mistake in d, or nil.
func (d Definition) Check() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("signal %s: "+format, append([]any{d.Name}, args...)...))
		}
	}
	bad(d.Name != "", "has no name")
	bad(d.Metric != "", "has no metric")
	bad(d.Aggregate <= Count, "aggregate %d does not exist", d.Aggregate)
	bad(d.Direction <= Below, "direction %d does not exist", d.Direction)
	bad(d.Fresh >= 0, "fresh must not be negative")
	d.checkLimits(bad, "", Limits{d.Warning, d.Critical, d.Exit, d.For}, d.Close)
	for _, name := range slices.Sorted(maps.Keys(d.At)) {
		if x := d.At[name]; !x.Off {
			d.checkLimits(bad, name+": ", x.Limits, x.Close)
		}
	}
	for _, l := range d.By {
		bad(!slices.Contains(identity, l), "by repeats %s, which always separates readings", l)
	}
	for _, m := range placeholder.FindAllStringSubmatch(d.Says, -1) {
		known := slices.Concat(identity, d.By, []string{"value", "threshold"})
		bad(slices.Contains(known, m[1]), "says {%s}, which is neither value, threshold nor one of its labels", m[1])
	}
	return errors.Join(errs...)
}

// checkLimits reports what is wrong with limits and those of the close, which are
// never wider.
func (d Definition) checkLimits(bad func(bool, string, ...any), where string, always Limits, inClose *Limits) {
	one := func(where string, x Limits) {
		bad(x.Exit >= 0 && x.Exit <= 1, "%sexit %v is not between 0 and 1", where, x.Exit)
		bad(x.For >= 0, "%sfor must not be negative", where)
		bad(!d.crossed(x.Warning, x.Critical), "%scritical (%v) is reached before warning (%v)", where, x.Critical, x.Warning)
	}
	one(where, always)
	if inClose == nil {
		return
	}
	one(where+"in the close, ", *inClose)
	for name, pair := range map[string][2]float64{"warning": {inClose.Warning, always.Warning}, "critical": {inClose.Critical, always.Critical}} {
		bad(!d.crossed(pair[0], pair[1]) && (math.IsNaN(pair[1]) || !math.IsNaN(pair[0])), "%sin the close, %s (%v) is wider than outside (%v)", where, name, pair[0], pair[1])
	}
}

// Check returns every mistake in defs, names used twice included, or nil.
func Check(defs []Definition) error {
	var errs []error
	seen := map[string]bool{}
	for _, d := range defs {
		if err := d.Check(); err != nil {
			errs = append(errs, err)
		}
		if seen[d.Name] {
			errs = append(errs, fmt.Errorf("signal %s: is defined twice", d.Name))
		}
		seen[d.Name] = true
	}
	return errors.Join(errs...)
}
