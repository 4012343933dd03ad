package estate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/process"
)

// check reports what only the whole estate can tell: names that are used twice
// and references to what does not exist.
func (e *Estate) check(d *decoder, root node, opts Options) {
	c := checker{d, root, e, opts}
	c.entities()
	c.dependsOn()
	c.days()
	for _, name := range slices.Sorted(maps.Keys(e.Processes)) {
		c.process(name, e.Processes[name])
	}
	for _, name := range slices.Sorted(maps.Keys(e.Schedule.Flows)) {
		c.flow(name, e.Schedule.Flows[name])
	}
	c.signals()
	c.web()
	c.calendar()
}

// A checker reports problems of the whole estate.
type checker struct {
	d    *decoder
	root node
	e    *Estate
	opts Options
}

func (c checker) problem(path, what, remedy string) {
	c.d.problem(c.root, "", Problem{path, what, remedy})
}

// known reports a name that is not among those that exist; an empty list
// accepts any.
func (c checker) known(path, thing, name string, names []string) {
	if name == "" || len(names) == 0 || slices.Contains(names, name) {
		return
	}
	remedy := "write one of " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
	if meant, ok := suggest(name, names); ok {
		remedy = "write " + meant
	}
	c.problem(path, fmt.Sprintf("there is no %s %q", thing, clip(name)), remedy)
}

func (c checker) entities() {
	names := map[string]bool{}
	companies := map[string]bool{}
	for i, e := range c.e.Entities {
		at := fmt.Sprintf("entities[%d]", i)
		if e.Name != "" && names[e.Name] {
			c.problem(at+".name", fmt.Sprintf("%q is used twice", clip(e.Name)), "give each entity a name of its own")
		}
		company := fmt.Sprintf("%s/%d", e.Tenant, e.Company)
		if e.Tenant != "" && companies[company] {
			c.problem(at+".company", "is the company of another entity of this tenant", "write the company's own id")
		}
		names[e.Name], companies[company] = true, true
	}
}

func (c checker) entityNames() []string {
	names := make([]string, len(c.e.Entities))
	for i, e := range c.e.Entities {
		names[i] = e.Name
	}
	return names
}

func (c checker) componentNames() []string {
	names := make([]string, len(c.e.Components))
	for i, comp := range c.e.Components {
		names[i] = comp.Name
	}
	return names
}

func (c checker) process(name string, o ProcessOverride) {
	at := "processes." + clip(name)
	c.known(at, "process", name, c.opts.Processes)
	for i, need := range o.Needs {
		field := fmt.Sprintf("%s.needs[%d]", at, i)
		c.known(field+".component", "component", need.Component, c.componentNames())
		// A kind nobody watches is allowed, a misspelt one is not.
		if kinds := slices.Concat(c.opts.Kinds, process.Kinds()); len(c.opts.Kinds) > 0 {
			if meant, ok := suggest(need.Kind, kinds); ok && meant != need.Kind {
				c.known(field+".kind", "kind of component", need.Kind, []string{meant})
			}
		}
	}
	for _, objective := range slices.Sorted(maps.Keys(o.Objectives)) {
		c.objective(at+".objectives."+clip(objective), name, objective, o.Objectives[objective])
	}
	for i, s := range o.Symptoms {
		c.known(fmt.Sprintf("%s.symptoms[%d].signal", at, i), "signal", s.Signal, c.opts.Signals)
	}
	for i, f := range o.Flows {
		c.known(fmt.Sprintf("%s.flows[%d]", at, i), "flow", f, c.opts.Flows)
	}
}

// objective reports what a change of an objective leaves out or contradicts,
// together with what the catalogue says of it.
func (c checker) objective(at, name, objective string, o ObjectiveOverride) {
	if !o.isEnabled() {
		return
	}
	if objective == process.Composite {
		c.problem(at, "is the name of what the process is as a whole, which follows from its other objectives", "give the objective another name")
		return
	}
	given := c.opts.Objectives[name]
	was := process.Objective{Kind: o.kindOf(objective)}
	known := make([]string, len(given))
	for i, g := range given {
		known[i] = g.Name
		if g.Name == objective {
			was = g
		}
	}
	is := o.apply(was)
	if p, bad := nameProblem("", objective); bad {
		c.problem(at, p.What, p.Remedy)
		return
	}
	if is.Kind == "" {
		remedy := "write kind: freshness, or another of " + strings.Join(words(process.ObjectiveKinds()), ", ")
		if meant, ok := suggest(objective, slices.Concat(known, words(process.ObjectiveKinds()))); ok {
			remedy = "write " + meant
		}
		c.problem(at, "is no objective of the process and has no kind", remedy)
		return
	}
	if is.Target == 0 && !is.Every {
		c.problem(at+".target", "is missing", "write the share that must be good, such as 0.995, or every: true")
	}
	if o.Target == nil && is.CriticalTarget != 0 && is.CriticalTarget < is.Target {
		c.problem(at+".criticalTarget", fmt.Sprintf("is lower than the target of %s", is.Target), "write a share that is at least as high: the critical window matters more")
	}
	c.threshold(at, o, is)
	if o.Indicator != nil {
		c.indicator(at+".indicator", name, is)
	}
}

// indicator reports what of an indicator does not go with its objective.
func (c checker) indicator(at, name string, is process.Objective) {
	i := is.Indicator
	switch {
	case i.Histogram != nil && is.Kind != process.Latency:
		c.problem(at+".histogram", "does not go with kind: "+string(is.Kind), "write kind: latency, or another form of indicator")
	case i.Histogram == nil && is.Kind == process.Latency:
		c.problem(at, "does not tell how long anything takes", "write histogram: {metric: NAME_seconds}, or another kind")
	case i.Oldest != nil && is.Kind != process.Freshness:
		c.problem(at+".oldest", "does not go with kind: "+string(is.Kind), "write kind: freshness, or another form of indicator")
	case i.Oldest == nil && is.Kind == process.Freshness && is.Threshold > 0:
		c.problem(at, "does not tell how old anything is", "write oldest: {metric: NAME_timestamp_seconds}, or another kind")
	case i.Occasional() && is.Budget.Slice > 0:
		c.problem(at, "has occasions, which are not cut into slices", "remove budget.slice")
	case i.Work != "":
		c.known(at+".work", "scheduled work of "+name, i.Work, c.scheduledWork(name))
	}
}

// scheduledWork lists what the scheduled work of a process says.
func (c checker) scheduledWork(name string) []string {
	o := c.e.Processes[name]
	if o.Work == nil {
		return c.opts.Work[name]
	}
	var out []string
	for _, w := range o.Work {
		if w.Source == process.Schedule {
			out = append(out, w.Says)
		}
	}
	return out
}

func (c checker) threshold(at string, o ObjectiveOverride, is process.Objective) {
	for field, given := range map[string]*Duration{"threshold": o.Threshold, "criticalThreshold": o.CriticalThreshold} {
		switch {
		case given == nil || *given == 0:
		case !is.Kind.HasThreshold():
			c.problem(at+"."+field, "says nothing about "+string(is.Kind), "remove it")
		case is.Kind == process.Latency && is.Indicator == nil && len(c.opts.Thresholds) > 0 && !slices.Contains(c.opts.Thresholds, given.D()):
			c.problem(at+"."+field, "is not a threshold that can be measured", "write one of "+thresholds(c.opts.Thresholds))
		case is.Kind == process.Latency && is.Indicator != nil && is.Indicator.Histogram != nil:
			c.bucket(at+"."+field, is.Indicator.Histogram.Metric, given.D())
		}
	}
	if o.Threshold == nil && o.Indicator != nil && o.Indicator.Histogram != nil && is.Threshold > 0 { // the catalogue's, by another histogram
		c.bucket(at+".indicator.histogram", o.Indicator.Histogram.Metric, is.Threshold)
	}
	if is.Kind.HasThreshold() && is.Threshold == 0 {
		c.problem(at+".threshold", "is missing", "write how fast is fast enough, such as 3s")
	}
}

// bucket reports a threshold at which no bucket of a histogram ends, where those
// are known.
func (c checker) bucket(at, metric string, threshold time.Duration) {
	layout, known := c.opts.Histograms[metric]
	if !known || layout.Exact(threshold) {
		return
	}
	fine := func(d time.Duration) bool { return d%time.Millisecond != 0 } // cannot be written
	layout.Bounds, layout.Native = slices.DeleteFunc(slices.Clone(layout.Bounds), fine), slices.DeleteFunc(slices.Clone(layout.Native), fine)
	c.problem(at, fmt.Sprintf("ends no bucket of %s: %s", metric, model.Duration(threshold)), "write the nearest that does, "+strings.Join(durations(layout.Nearest(threshold)), " or "))
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

func thresholds(all []time.Duration) string { return strings.Join(durations(all), ", ") }

func durations(all []time.Duration) []string {
	texts := make([]string, len(all))
	for i, d := range all {
		texts[i] = model.Duration(d).String()
	}
	return texts
}

func (c checker) flow(name string, f FlowSchedule) {
	at := "schedule.flows." + clip(name)
	c.known(at, "flow", name, c.opts.Flows)
	c.known(at+".component", "component", f.Component, c.componentNames())
	if can := c.opts.Levels[name]; len(can) > 0 && f.Level != "" && slices.Contains([]string{"L0", "L1", writes}, f.Level) && !slices.Contains(can, f.Level) {
		c.problem(at+".level", name+" cannot run at "+f.Level, "write "+strings.Join(can, " or "))
	}
	environment := c.e.Environment
	if comp, ok := c.e.Component(f.Component); ok {
		environment = comp.Environment
	}
	exists := len(c.opts.Flows) == 0 || slices.Contains(c.opts.Flows, name)
	if exists && f.Level == writes && environment == Production && f.Approval == nil {
		c.problem(at+".approval", "is missing for a flow that writes in production", "write approval: {by: controller, on: 2026-11-02}")
	}
}
