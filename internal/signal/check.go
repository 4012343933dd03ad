package signal

import (
	"errors"
	"fmt"
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
	bad(d.Exit >= 0 && d.Exit <= 1, "exit %v is not between 0 and 1", d.Exit)
	bad(d.For >= 0 && d.Fresh >= 0, "for and fresh must not be negative")
	bad(!d.crossed(d.Warning, d.Critical), "critical (%v) is reached before warning (%v)", d.Critical, d.Warning)
	for _, l := range d.By {
		bad(!slices.Contains(identity, l), "by repeats %s, which always separates readings", l)
	}
	for _, m := range placeholder.FindAllStringSubmatch(d.Says, -1) {
		known := slices.Concat(identity, d.By, []string{"value", "threshold"})
		bad(slices.Contains(known, m[1]), "says {%s}, which is neither value, threshold nor one of its labels", m[1])
	}
	return errors.Join(errs...)
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
