package rules

import (
	"cmp"
	"math/big"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/slo"
)

// Generate writes the rules of objectives, and of the signals among the options,
// as a rule file. Their order does not matter.
func Generate(o Options, objectives []Objective) ([]byte, error) {
	groups, err := layOut(o, objectives)
	if err != nil {
		return nil, err
	}
	return write(o, groups), nil
}

// Size is how many groups there are, and the most rules that one has: an evaluator
// may limit both.
func Size(o Options, objectives []Objective) (groups, most int, err error) {
	all, err := layOut(o, objectives)
	for _, g := range all {
		most = max(most, len(g.rules))
	}
	return len(all), most, err
}

// A group holds rules that are evaluated in this order at one instant, each
// seeing what those before it recorded. Each tenant has one that counts and
// alerts, and one of its budgets; signals have one for each kind of component.
type group struct {
	name     string
	interval time.Duration
	rules    []rule
}

// A rule records a series or is an alert.
type rule struct {
	says        string // a comment for people
	record      string
	alert       string
	expr        string
	hold        time.Duration // before it fires
	keep        time.Duration // after it fired
	labels      [][2]string
	annotations [][2]string
}

func layOut(o Options, objectives []Objective) ([]group, error) {
	if err := check(o, objectives); err != nil {
		return nil, err
	}
	o.Away, o.Blind = cmp.Or(o.Away, DefaultAway), cmp.Or(o.Blind, DefaultBlind)
	if o.Burns == nil {
		o.Burns = slo.BurnWindows()
	}
	objectives = slices.Clone(objectives)
	slices.SortFunc(objectives, func(a, b Objective) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	var out []group
	for len(objectives) > 0 {
		first := objectives[0]
		n := slices.IndexFunc(objectives, func(x Objective) bool { return x.Environment != first.Environment || x.Tenant != first.Tenant })
		if n < 0 {
			n = len(objectives)
		}
		t := tenant{options: o, environment: first.Environment, name: first.Tenant, windows: windows(o)}
		rules, err := t.rules(objectives[:n])
		if err != nil {
			return nil, err
		}
		name := "closewatch-slo/" + t.environment + "/" + t.name
		out = append(out, group{name, o.Tick, rules}, group{name + "/budgets", t.pace(), t.budgets(objectives[:n])})
		objectives = objectives[n:]
	}
	return append(out, signalGroups(o)...), nil
}

// A window is one length that burns are judged over.
type window struct {
	name  string // unscaled: "1h"
	ticks int64
	cell  int64 // ticks of the cells it is made of; 1: it is exact
}

// windows lists the lengths, shortest first.
func windows(o Options) []window {
	var lengths []time.Duration
	for _, b := range o.Burns {
		lengths = append(lengths, b.Lookback, b.Short)
	}
	slices.Sort(lengths)
	var out []window
	for _, d := range slices.Compact(lengths) {
		ticks, cell := o.Grid(d)
		out = append(out, window{duration(d), ticks, cell})
	}
	return out
}

// A tenant has groups of its own.
type tenant struct {
	options           Options
	environment, name string
	windows           []window
}

func (t tenant) rules(objectives []Objective) ([]rule, error) {
	out := t.sources(objectives)
	for _, obj := range objectives {
		out = append(out, t.counts(obj)...)
	}
	out = append(out, t.sums()...)
	burns, err := t.burns(objectives)
	if err != nil {
		return nil, err
	}
	out = append(out, burns...)
	for _, obj := range objectives {
		out = append(out, t.alerts(obj)...)
	}
	return append(out, t.blind(objectives)...), nil
}

// ticks is a number of ticks as a duration.
func (t tenant) ticks(n int64) time.Duration { return time.Duration(n) * t.options.Tick }

// ending is the range that holds the samples of exactly n ticks: half a tick
// short, so that no sample lies on its edge, where Prometheus 2 counts one and
// Prometheus 3 does not.
func (t tenant) ending(n int64) string { return duration(t.ticks(n) - t.options.Tick/2) }

// scaled shortens what people wait for as the windows are.
func (t tenant) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * t.options.Scale).Truncate(time.Millisecond)
}

func duration(d time.Duration) string { return model.Duration(d).String() }

func decimal(r *big.Rat) string {
	f, _ := r.Float64()
	return trim(f)
}
