package rules

import (
	"slices"
	"strconv"

	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/wording"
)

// What is recorded, besides the sums over windows: level, what is counted, and
// how far it reaches.
const (
	prefix      = "closewatch_slo:"
	sources     = prefix + "source:series"
	events      = prefix + "events"
	bad         = prefix + "events_bad"
	evaluations = prefix + "evaluations"
)

// counted is what has a sum over every window.
var counted = [...]string{events, bad, evaluations}

// here selects what is recorded of the tenant.
func (t tenant) here(more ...string) string {
	conditions := "environment=" + strconv.Quote(t.environment) + ",tenant=" + strconv.Quote(t.name)
	for _, m := range more {
		conditions += "," + m
	}
	return "{" + conditions + "}"
}

func (t tenant) labels(more ...[2]string) [][2]string {
	return append([][2]string{{"environment", t.environment}, {"tenant", t.name}}, more...)
}

// sources records which targets tell something of each source.
func (t tenant) sources(objectives []Objective) []rule {
	var out []rule
	var seen []string
	for _, obj := range objectives {
		if slices.Contains(seen, obj.All.Metric) {
			continue
		}
		seen = append(seen, obj.All.Metric)
		out = append(out, rule{
			record: sources, labels: t.labels([2]string{"metric", obj.All.Metric}),
			expr: "count by (job, instance, component) (" + obj.All.selector() + ")",
		})
	}
	if len(out) > 0 {
		out[0].says = "Which targets tell something of each source."
	}
	return out
}

// counts records what an objective counted since the evaluation before.
func (t tenant) counts(obj Objective) []rule {
	identity := t.labels([2]string{"objective", obj.ID})
	return []rule{
		{
			says:   obj.ID + ": all events since the evaluation before, and the bad ones of them.",
			record: events + ":tick", labels: identity, expr: t.increase(obj, obj.Total),
		},
		{
			record: bad + ":tick", labels: identity,
			expr: "clamp_min(\n  max(" + events + ":tick" + t.here("objective="+strconv.Quote(obj.ID)) + ")\n  -\n  (" + indent(t.increase(obj, obj.Good), "  ") + ")\n, 0)",
		},
	}
}

// increase counts events since the evaluation before: by how much each series
// rose. One that fell was reset, and one that is new where its target was
// collected before begins with its first event: both count from zero. What a
// target shows that nobody has seen before happened before. The value before is
// looked for as far back as a source may be away.
func (t tenant) increase(obj Objective, c Counter) string {
	before := "[" + duration(t.options.Away) + "] offset " + duration(t.options.Tick)
	s := c.selector()
	known := sources + t.here("metric="+strconv.Quote(obj.All.Metric))
	return "sum(\n" +
		"  (" + s + "\n    - last_over_time(" + s + before + ")) >= 0\n" +
		"  or\n" +
		"  " + s + "\n    and on (job, instance, component) last_over_time(" + known + before + ")\n" +
		") or vector(0)"
}

// sums adds up what was counted over each window, for all objectives at once.
func (t tenant) sums() []rule {
	out := []rule{{
		says:   "One for each evaluation.",
		record: evaluations + ":tick", expr: "0 * " + events + ":tick" + t.here() + " + 1",
	}}
	if t.windows[len(t.windows)-1].ticks > slo.ExactTicks {
		out = append(out, t.cells()...)
	}
	for i, w := range t.windows {
		for j, what := range counted {
			r := rule{record: what + ":sum" + w.name, expr: t.sum(what, w)}
			if i == 0 && j == 0 {
				r.says = "Sums over each window."
			}
			out = append(out, r)
		}
	}
	return out
}

// in is true in the first n evaluations of a cell. Like the engine's, cells lie
// on a grid counted from the epoch.
func (t tenant) in(n int64) string {
	return "on () (vector(time()) % " + seconds(t.ticks(slo.CellTicks)) + " < " + seconds(t.ticks(n)) + ")"
}

// cells are what long windows are made of, so that three days are as cheap as
// six hours: full ones, each recorded with its last tick, and the one that is
// filling.
func (t tenant) cells() []rule {
	var out []rule
	for i, what := range counted {
		tick, filling := what+":tick"+t.here(), what+":filling"+t.here()
		r := rule{
			record: what + ":filling",
			expr:   tick + " + (" + filling + " offset " + duration(t.options.Tick) + " unless " + t.in(1) + ")\nor\n" + tick,
		}
		if i == 0 {
			r.says = "The cell of " + wording.Duration(t.ticks(slo.CellTicks)) + " that is filling, and each when it is full."
		}
		out = append(out, r, rule{
			record: what + ":cell",
			expr:   "sum_over_time(" + what + ":tick" + t.here() + "[" + t.ending(slo.CellTicks) + "])\n  unless " + t.in(slo.CellTicks-1),
		})
	}
	return out
}

// sum is what was counted in a window. No more evaluations count than the
// window has ticks: a long one holds a few more.
func (t tenant) sum(what string, w window) string {
	expr := "sum_over_time(" + what + ":tick" + t.here() + "[" + t.ending(w.ticks) + "])"
	if w.ticks > slo.ExactTicks {
		reach := (w.ticks + slo.CellTicks - 1) / slo.CellTicks * slo.CellTicks
		full := "sum_over_time(" + what + ":cell" + t.here() + "[" + duration(t.ticks(reach)+t.options.Tick/2) + "])"
		filling := what + ":filling" + t.here()
		expr = full + "\n  + (" + filling + " and " + t.in(slo.CellTicks-1) + ")\nor\n" + full + "\nor\n" + filling
	}
	if what == evaluations {
		expr = "clamp_max(\n  " + indent(expr, "  ") + ",\n  " + strconv.FormatInt(w.ticks, 10) + ")"
	}
	return expr
}
