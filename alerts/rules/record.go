package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/wording"
)

// What is recorded: level, what it is, and how far it reaches.
const (
	prefix      = "closewatch_slo:"
	sources     = prefix + "source:series"
	events      = prefix + "events"
	bad         = prefix + "events_bad"
	evaluations = prefix + "evaluations"
	observed    = prefix + "evaluations_observed"
	silent      = prefix + "silent:"  // and the short window
	suspect     = prefix + "suspect:" // and the pair of windows
	burn        = prefix + "burn:"    // and the pair of windows
)

// counted is what has a sum over a window. Whether a source was observed is
// asked of short windows only.
func (t tenant) counted(w window) []string {
	if slices.ContainsFunc(t.options.Burns, func(b slo.BurnWindow) bool { return duration(b.Short) == w.name }) {
		return []string{events, bad, evaluations, observed}
	}
	return []string{events, bad, evaluations}
}

// of names what is recorded of all objectives of the tenant.
func (t tenant) of(what string) string { return what + t.here() }

// here selects what is recorded of the tenant.
func (t tenant) here(more ...string) string {
	conditions := append([]string{"environment=" + strconv.Quote(t.environment), "tenant=" + strconv.Quote(t.name)}, more...)
	return "{" + strings.Join(conditions, ",") + "}"
}

func (t tenant) labels(more ...[2]string) [][2]string {
	return append([][2]string{{"environment", t.environment}, {"tenant", t.name}}, more...)
}

// source selects what is recorded of an objective's source.
func (t tenant) source(obj Objective) string {
	return sources + t.here("metric="+strconv.Quote(obj.All.Metric))
}

// bySource keeps one objective of each source.
func bySource(objectives []Objective) []Objective {
	var out []Objective
	for _, obj := range objectives {
		if !slices.ContainsFunc(out, func(o Objective) bool { return o.All.Metric == obj.All.Metric }) {
			out = append(out, obj)
		}
	}
	return out
}

// sources records which targets tell something of each source.
func (t tenant) sources(objectives []Objective) []rule {
	var out []rule
	for _, obj := range bySource(objectives) {
		out = append(out, rule{
			record: sources, labels: t.labels([2]string{"metric", obj.All.Metric}),
			expr: "count by (job, instance, component) (" + obj.All.String() + ")",
		})
	}
	return explained("Which targets tell something of each source.", out)
}

// counts records what an objective counted since the evaluation before: all
// events, the bad ones, and whether its source was there to ask.
func (t tenant) counts(obj Objective) []rule {
	identity := t.labels([2]string{"objective", obj.ID})
	all := events + ":tick" + t.here("objective="+strconv.Quote(obj.ID))
	return explained(obj.ID+": its events since the evaluation before.", []rule{
		{record: events + ":tick", labels: identity, expr: t.increase(obj, obj.Total)},
		{
			record: bad + ":tick", labels: identity,
			expr: "clamp_min(max(" + all + ") - (" + indent(t.increase(obj, obj.Good), "  ") + "), 0)",
		},
		{record: observed + ":tick", labels: identity, expr: "(count(" + t.source(obj) + ") > bool 0) or vector(0)"},
	})
}

// increase counts events since the evaluation before: by how much each series
// rose. One that fell was reset, and one that is new where its target was
// collected before begins with its first event: both count from zero. What a
// target shows that nobody has seen before happened before. The value before is
// looked for as far back as a source may be away.
func (t tenant) increase(obj Objective, c Counter) string {
	before := "[" + duration(t.options.Away) + "] offset " + duration(t.options.Tick)
	s := c.String()
	return "sum(\n" +
		"  (" + s + "\n    - last_over_time(" + s + before + ")) >= 0\n" +
		"  or\n" +
		"  " + s + "\n    and on (job, instance, component) last_over_time(" + t.source(obj) + before + ")\n" +
		") or vector(0)"
}

// sums adds up what was counted over each window, for all objectives at once.
func (t tenant) sums() []rule {
	out := []rule{{
		says:   "One for each evaluation.",
		record: evaluations + ":tick", expr: "0 * " + events + ":tick" + t.here() + " + 1",
	}}
	cells := []int64{1} // a tick is one, too
	for _, w := range append(slices.Clone(t.windows), t.period()) {
		if slices.Contains(cells, w.cell) {
			continue // a short window, which has more to sum, came first
		}
		what := t.counted(w)
		if w == t.period() {
			what = ofBudgets()
		}
		out = append(out, t.cells(what, w.cell, cells[len(cells)-1])...)
		cells = append(cells, w.cell)
	}
	var sums []rule
	for _, w := range t.windows {
		for _, what := range t.counted(w) {
			sums = append(sums, rule{record: what + ":sum" + w.name, expr: t.sum(what, w)})
		}
	}
	out = append(out, explained("Sums over each window.", sums)...)
	return append(out, t.weights()...)
}

// weights are the two sides of the comparison with a limit, but for the limit:
// bad events times how much of the window has begun, and all events times how
// long it is. So the traffic of what has not begun is taken to be like the rest
// and healthy, and all is compared in integers.
func (t tenant) weights() []rule {
	var out, silence []rule
	for _, w := range t.windows {
		out = append(out,
			rule{record: bad + ":weight" + w.name, expr: t.of(bad+":sum"+w.name) + " * " + t.of(evaluations+":sum"+w.name)},
			rule{record: events + ":weight" + w.name, expr: t.of(events+":sum"+w.name) + " * " + strconv.FormatInt(w.ticks, 10)})
		if slices.Contains(t.counted(w), observed) {
			silence = append(silence, rule{record: silent + w.name, expr: "2 * " + t.of(observed+":sum"+w.name) + " < " + t.of(evaluations+":sum"+w.name)})
		}
	}
	return append(explained("Bad events by how much of the window has begun, all events by its length.", out),
		explained("Objectives whose source said nothing for half of the window or more.", silence)...)
}

// cells are what long windows are made of, so that three days are as cheap as
// six hours: full ones, each recorded with its last tick, and the one that is
// filling. Like the engine's they lie on a grid counted from the epoch. They are
// added up from finer ones where these fill them.
func (t tenant) cells(of []string, ticks, finer int64) []rule {
	part := ":tick"
	if finer > 1 && ticks%finer == 0 {
		part = ":cell" + suffix(finer)
	}
	var out []rule
	for _, what := range of {
		tick, filling := what+":tick"+t.here(), what+":filling"+suffix(ticks)+t.here()
		before := "vector(time() - " + seconds(t.options.Tick) + ")"
		out = append(out, rule{
			record: what + ":filling" + suffix(ticks),
			expr:   "  " + tick + "\n  + (" + filling + " offset " + duration(t.options.Tick) + " unless " + t.full(before, ticks) + ")\nor\n  " + tick,
		}, rule{
			record: what + ":cell" + suffix(ticks),
			expr:   "sum_over_time(" + what + part + t.here() + "[" + t.ending(ticks) + "])\n  and " + t.full("vector(time())", ticks),
		})
	}
	return explained("The cell of "+wording.Duration(t.ticks(ticks))+" that is filling, and each when it is full.", out)
}

// full matches when a cell of so many ticks is full at an instant.
func (t tenant) full(at string, ticks int64) string {
	return "on () (" + at + " % " + seconds(t.ticks(ticks)) + " < " + seconds(t.options.Tick) + ")"
}

// sum is what was counted in a window. One made of cells may hold up to a cell
// more, but no more evaluations than it is long.
func (t tenant) sum(what string, w window) string {
	if w.cell == 1 {
		return "sum_over_time(" + what + ":tick" + t.here() + "[" + t.ending(w.ticks) + "])"
	}
	full := t.fullCells(what, w)
	filling := what + ":filling" + suffix(w.cell) + t.here()
	expr := "  " + full + "\n  + (" + filling + " unless " + t.full("vector(time())", w.cell) + ")\nor\n  " + full + "\nor\n  " + filling
	if what == evaluations {
		expr = "clamp_max(\n" + expr + "\n, " + strconv.FormatInt(w.ticks, 10) + ")"
	}
	return expr
}

// fullCells is what was counted in the full cells of a window.
func (t tenant) fullCells(what string, w window) string {
	reach := t.ticks((w.ticks+w.cell-1)/w.cell*w.cell) + t.options.Tick/2
	return "sum_over_time(" + what + ":cell" + suffix(w.cell) + t.here() + "[" + duration(reach) + "])"
}

// explained puts a comment before the first of rules.
func explained(says string, rules []rule) []rule {
	if len(rules) > 0 {
		rules[0].says = says
	}
	return rules
}

func suffix(ticks int64) string { return strconv.FormatInt(ticks, 10) }
