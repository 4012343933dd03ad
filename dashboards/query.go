package dashboards

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
)

// A Query is one query of one panel, ready to be asked.
type Query struct {
	Dashboard string // title
	Panel     string // title, "annotation NAME" or "variable NAME"
	RefID     string
	Expr      string
	Instant   bool
	// EmptyMeans is what an empty answer tells when it is no fault: "no
	// deadline is near". It is empty for a query that must have an answer in
	// an estate that is watched.
	EmptyMeans string
}

// Variables is what a dashboard's variables stand for when its queries are
// asked by something else than Grafana. Zero fields have the values of
// DefaultVariables.
type Variables struct {
	Environment  string // regular expression
	Tenant       string // regular expression
	Entity       string // regular expression
	Component    string // regular expression
	Process      string // regular expression
	RateInterval string // for rates: at least four times the distance of samples
	Range        string // the range shown
}

// DefaultVariables selects everything.
func DefaultVariables() Variables {
	return Variables{Environment: ".*", Tenant: ".*", Entity: ".*", Component: ".*", Process: ".*", RateInterval: "1m", Range: "1h"}
}

func (v Variables) replacer() *strings.Replacer {
	d := DefaultVariables()
	or := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	return strings.NewReplacer(
		"$__rate_interval", or(v.RateInterval, d.RateInterval),
		"$__range", or(v.Range, d.Range),
		"$environment", or(v.Environment, d.Environment),
		"$tenant", or(v.Tenant, d.Tenant),
		"$entity", or(v.Entity, d.Entity),
		"$component", or(v.Component, d.Component),
		"$process", or(v.Process, d.Process),
	)
}

// Replace puts in what the variables of an expression stand for.
func (v Variables) Replace(expr string) string { return v.replacer().Replace(expr) }

// Queries lists the queries of every dashboard with its variables replaced.
func Queries(v Variables) ([]Query, error) {
	all, err := All(Options{})
	if err != nil {
		return nil, err
	}
	var out []Query
	for _, d := range all {
		out = append(out, queriesOf(d.Model)...)
	}
	r := v.replacer()
	for i := range out {
		out[i].Expr = r.Replace(out[i].Expr)
	}
	return out, nil
}

func queriesOf(d dashboard.Dashboard) []Query {
	var out []Query
	for _, v := range d.Templating.List {
		if expr, ok := labelValues(v); ok {
			out = append(out, Query{Dashboard: *d.Title, Panel: "variable " + v.Name, Expr: expr, Instant: true})
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != nil {
			out = append(out, Query{Dashboard: *d.Title, Panel: "annotation " + a.Name, Expr: *a.Expr, EmptyMeans: "nothing of the kind happened"})
		}
	}
	for _, p := range d.Panels {
		if p.Panel != nil {
			out = append(out, panelQueries(*d.Title, *p.Panel)...)
			continue
		}
		for _, inside := range p.RowPanel.Panels {
			out = append(out, panelQueries(*d.Title, inside)...)
		}
	}
	return out
}

// labelValues is the query that lists what a variable offers.
func labelValues(v dashboard.VariableModel) (string, bool) {
	if v.Query == nil || v.Query.String == nil {
		return "", false
	}
	inside, found := strings.CutPrefix(*v.Query.String, "label_values(")
	i := strings.LastIndex(inside, ", ")
	if !found || i < 0 {
		return "", false
	}
	return "group by (" + strings.TrimSuffix(inside[i+2:], ")") + ") (" + inside[:i] + ")", true
}

func panelQueries(title string, p dashboard.Panel) []Query {
	means := ""
	if c := p.FieldConfig; c != nil && c.Defaults.NoValue != nil && *c.Defaults.NoValue != blind {
		means = *c.Defaults.NoValue
	}
	var out []Query
	for _, t := range p.Targets {
		q, ok := t.(prometheus.Dataquery)
		if !ok {
			continue
		}
		out = append(out, Query{
			Dashboard: title, Panel: *p.Title, RefID: q.RefId, Expr: q.Expr,
			Instant: q.Instant != nil && *q.Instant, EmptyMeans: means,
		})
	}
	return out
}

// Metrics lists, sorted, every metric the dashboards name.
func Metrics() ([]string, error) {
	queries, err := Queries(Variables{})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, q := range queries {
		names, err := MetricsOf(q.Expr)
		if err != nil {
			return nil, fmt.Errorf("panel %q: %w", q.Panel, err)
		}
		out = append(out, names...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// MetricsOf lists the metrics an expression selects.
func MetricsOf(expr string) ([]string, error) {
	e, err := parser.ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	var out []string
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			out = append(out, s.Name)
		}
		return nil
	})
	return out, nil
}
