package rules

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// Names of the alerts on signals. The daemon sends none about a signal alone: it
// tells of outcomes, and of signals as their causes.
const (
	SignalCritical   = "FinanceSignalCritical"
	SignalWarning    = "FinanceSignalWarning"
	SignalUnmeasured = "FinanceSignalUnmeasured"
)

// What is recorded of signals.
const (
	signalValue = "closewatch_signal:value"
	signalClose = "closewatch_signal:close" // where a close is on
)

// closeLinger is how long the limits of a close stay in force after it, as the
// daemon has it.
const closeLinger = 30 * time.Minute

// A Signal is a measurement with limits, as the estate has them.
type Signal struct {
	signal.Definition
	Group   string // of rules: the kind of component that it is about
	Runbook string // address of the runbook; "" when nobody serves it
	// Must are the components that are to have a reading: without one, that is an
	// alert of its own.
	Must []signal.Subject
}

// An Entity is one whose close makes limits stricter.
type Entity struct {
	Environment, Tenant, Name string
	Calendars                 []string // that its close rests on: one in doubt counts as a close
}

// signalGroups lays the signals out, in a group for each kind of component.
func signalGroups(o Options) []group {
	signals := slices.Clone(o.Signals)
	slices.SortFunc(signals, func(a, b Signal) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) })
	var out []group
	t := tenant{options: o}
	if slices.ContainsFunc(signals, func(s Signal) bool { return len(s.closes()) > 0 }) {
		out = append(out, group{name: "closewatch-signals/in-the-close", interval: o.Tick, rules: t.closes()})
	}
	for len(signals) > 0 {
		kind := signals[0].Group
		n := slices.IndexFunc(signals, func(s Signal) bool { return s.Group != kind })
		if n < 0 {
			n = len(signals)
		}
		g := group{name: "closewatch-signals/" + kind, interval: o.Tick}
		for _, s := range signals[:n] {
			g.rules = append(g.rules, explained(s.Name+": "+s.Title+".", t.signal(s))...)
		}
		g.rules = append(g.rules, t.unmeasured(signals[:n])...)
		out, signals = append(out, g), signals[n:]
	}
	return out
}

// closes records where a close is on, or was within half an hour, or might be: of
// each entity, of a tenant for all its entities, and of an environment.
func (t tenant) closes() []rule {
	var out []rule
	add := func(of []Entity, labels ...[2]string) {
		names, calendars := []string{}, []string{}
		for _, e := range of {
			names, calendars = append(names, e.Name), append(calendars, e.Calendars...)
		}
		within := "[" + duration(closeLinger) + "]"
		out = append(out, rule{
			record: signalClose, labels: append([][2]string{{"environment", of[0].Environment}}, labels...),
			expr: "max(max_over_time(closewatch_calendar_phase{environment=" + strconv.Quote(of[0].Environment) + ",entity=~" + strconv.Quote(either(names)) +
				",phase=~\"pre_close|close|unknown\"}" + within + ")) > 0\n" +
				"or\nmax(max_over_time(closewatch_calendar_doubts{calendar=~" + strconv.Quote(either(calendars)) + "}" + within + ")) > 0",
		})
	}
	by := func(of []Entity, key func(Entity) string, each func([]Entity)) {
		for len(of) > 0 {
			n := slices.IndexFunc(of, func(e Entity) bool { return key(e) != key(of[0]) })
			if n < 0 {
				n = len(of)
			}
			each(of[:n])
			of = of[n:]
		}
	}
	all := slices.Clone(t.options.Entities)
	slices.SortFunc(all, func(a, b Entity) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name))
	})
	by(all, func(e Entity) string { return e.Environment }, func(of []Entity) {
		add(of)
		by(of, func(e Entity) string { return e.Tenant }, func(of []Entity) {
			add(of, [2]string{"tenant", of[0].Tenant})
			by(of, func(e Entity) string { return e.Name }, func(of []Entity) {
				add(of, [2]string{"tenant", of[0].Tenant}, [2]string{"entity", of[0].Name})
			})
		})
	})
	return explained("Where a close is on, was within half an hour, or might be.", out)
}

// either matches any of some values.
func either(values []string) string {
	values = slices.Clone(values)
	slices.Sort(values)
	values = slices.Compact(values)
	for i := range values {
		values[i] = regexp.QuoteMeta(values[i])
	}
	return strings.Join(values, "|")
}

// A limit is when a signal is bad: beyond a threshold for some time, at some
// components.
type limit struct {
	component string   // the only one; "" is any but
	but       []string // these, which have limits of their own or are not judged
	threshold float64
	exit      float64 // where it is left again
	hold      time.Duration
	critical  bool
	inClose   bool
}

// limits are all there are, outside the close and in it.
func (s Signal) limits() []limit {
	out := s.limitsOf("", s.Components(), signal.Limits{Warning: s.Warning, Critical: s.Critical, Exit: s.Exit, For: s.For}, s.Close)
	for _, name := range s.Components() {
		if x := s.At[name]; !x.Off {
			out = append(out, s.limitsOf(name, nil, x.Limits, x.Close)...)
		}
	}
	return out
}

func (s Signal) limitsOf(component string, but []string, always signal.Limits, inClose *signal.Limits) []limit {
	var out []limit
	add := func(x signal.Limits, closing bool) {
		for _, critical := range []bool{true, false} {
			threshold, usual := x.Warning, always.Warning
			if critical {
				threshold, usual = x.Critical, always.Critical
			}
			if math.IsNaN(threshold) || closing && threshold == usual && x.For == always.For && x.Exit == always.Exit {
				continue
			}
			out = append(out, limit{component, but, threshold, s.left(threshold, x.Exit), x.For, critical, closing})
		}
	}
	add(always, false)
	if inClose != nil {
		add(*inClose, true)
	}
	return out
}

// closes are the limits of the close.
func (s Signal) closes() []limit {
	return slices.DeleteFunc(s.limits(), func(l limit) bool { return !l.inClose })
}

// left is where a state is left again: the threshold less a share of its own size.
func (s Signal) left(threshold, exit float64) float64 {
	if exit <= 0 {
		return threshold
	}
	margin := math.Abs(threshold) * (1 - exit)
	if s.Direction == signal.Below {
		return threshold + margin
	}
	return threshold - margin
}

// identity are the labels that a signal's readings are separated by.
func (s Signal) identity() []string {
	return append([]string{"environment", "component", "tenant"}, s.By...)
}

// signal records the value of a signal, and alerts on it.
func (t tenant) signal(s Signal) []rule {
	out := []rule{{record: signalValue, labels: [][2]string{{"signal", s.Name}}, expr: t.value(s)}}
	for _, l := range s.limits() {
		out = append(out, t.limited(s, l))
	}
	return out
}

// value makes one number of the series of each reading.
func (t tenant) value(s Signal) string {
	conditions := []string{}
	if _, one := s.Match["environment"]; !one {
		conditions = append(conditions, "environment=~"+strconv.Quote(either(t.options.Environments)))
	}
	names := make([]string, 0, len(s.Match))
	for name := range s.Match {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		conditions = append(conditions, name+"="+strconv.Quote(s.Match[name]))
	}
	aggregate := [...]string{signal.Max: "max", signal.Min: "min", signal.Sum: "sum", signal.Count: "count"}[s.Aggregate]
	return aggregate + " by (" + strings.Join(s.identity(), ", ") + ") (" + s.Metric + "{" + strings.Join(conditions, ",") + "})"
}

// limited is the alert of one limit. What fires goes on until the value is back
// where the state is left, compared as the daemon does, without arithmetic.
func (t tenant) limited(s Signal, l limit) rule {
	beyond := " > "
	if s.Direction == signal.Below {
		beyond = " < "
	}
	name, tier, severity := SignalWarning, "informational", "info"
	if l.critical {
		name = SignalCritical
		if s.Role != signal.Context {
			tier, severity = "degradation", "ticket"
		}
	}
	window := "always"
	if l.inClose {
		window = "close"
	}
	conditions := "signal=" + strconv.Quote(s.Name)
	switch {
	case l.component != "":
		conditions += ",component=" + strconv.Quote(l.component)
	case len(l.but) > 0:
		conditions += ",component!~" + strconv.Quote(either(l.but))
	}
	value := signalValue + "{" + conditions + "}"
	expr := value + beyond + trim(l.threshold)
	if l.exit != l.threshold {
		expr += "\nor\n" + value + beyond + trim(l.exit) + "\n  and on (" + strings.Join(s.identity(), ", ") + ") " +
			"ALERTS{alertname=" + strconv.Quote(name) + ",alertstate=\"firing\",signal=" + strconv.Quote(s.Name) + ",window=" + strconv.Quote(window) + "}"
	}
	if l.inClose {
		on := "environment, tenant"
		if slices.Contains(s.By, "entity") {
			on += ", entity"
		}
		expr = "(\n  " + indent(expr, "  ") + "\n)\nand on (" + on + ") " + signalClose
	}
	labels := [][2]string{{"signal", s.Name}}
	if l.component != "" {
		labels = append(labels, [2]string{"component", l.component})
	}
	return rule{
		alert: name, expr: expr, hold: t.scaled(l.hold), keep: t.scaled(t.options.Hold),
		labels:      append(labels, [2]string{"window", window}, [2]string{"team", "finance-platform"}, [2]string{"tier", tier}, [2]string{"severity", severity}),
		annotations: s.words(l, t.scaled(l.hold)),
	}
}

// words are what people read of a signal that has been bad for as long as it must, as
// templates of Prometheus.
func (s Signal) words(l limit, hold time.Duration) [][2]string {
	said := signalPlaceholder.ReplaceAllStringFunc(s.Says, func(ph string) string {
		switch name := ph[1 : len(ph)-1]; name {
		case "value":
			return valueIn(s.Unit)
		case "threshold":
			return signal.Format(l.threshold, s.Unit)
		default:
			return "{{ $labels." + name + " }}"
		}
	})
	summary := firstClause(said)
	if !strings.Contains(summary, "$labels.component") {
		summary = "{{ $labels.component }}: " + summary
	}
	if l.inClose {
		summary += " (too much in the close)"
	}
	more := "It is a cause at most: where Closewatch runs, its incidents tell which outcome it stops."
	if s.Role == signal.Context {
		more = "It is shown beside causes and is never one itself: look at it in working hours."
	}
	if hold > 0 {
		more = "It has been so for " + duration(hold) + " or longer. " + more
	}
	if l.inClose {
		more = "That is too much in the close. " + more
	}
	return annotations(summary, said+". "+more, s.Runbook)
}

// firstClause is what is wrong, without what to do about it.
func firstClause(said string) string {
	for _, end := range []string{": ", "; "} {
		if first, _, found := strings.Cut(said, end); found && len(strings.Fields(first)) > 2 {
			said = first
		}
	}
	return said
}

var signalPlaceholder = regexp.MustCompile(`\{([a-zA-Z_][a-zA-Z0-9_]*)\}`)

// valueIn is the value of an alert in a unit, as a template.
func valueIn(unit string) string {
	switch unit {
	case "seconds":
		return "{{ $value | humanizeDuration }}"
	case "bytes":
		return "{{ $value | humanize1024 }}B"
	case "ratio":
		return "{{ $value | humanizePercentage }}"
	case "":
		return "{{ $value | humanize }}"
	default:
		return "{{ $value | humanize }} " + unit
	}
}

// unmeasured are the alerts on components that do not tell what they must. What is
// not measured is not well: it is a ticket where the component's health or a
// recovery point hangs on it.
func (t tenant) unmeasured(signals []Signal) []rule {
	type place struct {
		signal.Subject
		tier string
	}
	missing := map[place][]string{}
	var places []place
	for _, s := range signals {
		for _, must := range s.Must {
			at := place{must, "degradation"}
			if s.Role == signal.Context {
				at.tier = "informational"
			}
			if s.At[must.Component].Off {
				continue
			}
			if missing[at] == nil {
				places = append(places, at)
			}
			missing[at] = append(missing[at], "absent("+signalValue+"{environment="+strconv.Quote(must.Environment)+
				",component="+strconv.Quote(must.Component)+",signal="+strconv.Quote(s.Name)+"})")
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Component, b.Component), cmp.Compare(a.tier, b.tier))
	})
	var out []rule
	for _, at := range places {
		severity := map[string]string{"degradation": "ticket", "informational": "info"}[at.tier]
		out = append(out, rule{
			alert: SignalUnmeasured, expr: strings.Join(missing[at], "\nor\n"), hold: t.scaled(t.options.Blind), keep: t.scaled(t.options.Hold),
			labels: [][2]string{{"environment", at.Environment}, {"component", at.Component}, {"team", "finance-platform"}, {"tier", at.tier}, {"severity", severity}},
			annotations: annotations(
				at.Component+": {{ $labels.signal }} is not measured",
				"Whether "+at.Component+" is well is not known; that is neither good nor bad news. "+
					"Look whether Closewatch runs, whether it is scraped, and what \"closewatch check --live\" says of "+at.Component+".",
				t.options.BlindRunbook,
			),
		})
	}
	return explained("Components that do not tell what they must.", out)
}
