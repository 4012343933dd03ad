package app

import (
	"math"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// looking is what there is to count at a tick.
type looking struct {
	since, at  time.Time // the tick before, and this one
	tick       time.Duration
	published  signal.Published
	increases  []slo.Event // of the meter's selectors
	components map[string]componentState
	layout     *calendarLayout
	work       *expected.Ledger
	all        []*tracked
	scratch    *scratch
}

// An indicator tells what an objective counted since the tick before.
type indicator interface {
	count(t *tracked, l *looking) slo.Event
}

// A feed is what feeds an objective, and whose experience that is.
type feed struct {
	source slo.Source
	indicator
}

// minBadOf is the least number of bad events that make a burn. A user may do
// something odd twice; two runs of a flow in a row fail for a reason.
func minBadOf(source slo.Source) uint64 {
	switch source {
	case slo.Users:
		return 3
	case slo.Synthetic:
		return 2
	default:
		return 1
	}
}

// feedsOf lists what feeds an objective of a subject; nothing when nothing here
// measures it. Real users and flows are told apart and never added up. The
// counters that are needed are added to selectors.
func feedsOf(s subject, is process.Objective, selectors *[]slo.Selector) []feed {
	if is.Indicator != nil {
		return []feed{{slo.Records, byRecords(s, is, selectors)}}
	}
	if is.Unmeasured != "" || is.Kind != process.Availability && is.Kind != process.Latency {
		return nil
	}
	var out []feed
	base := map[string]string{"environment": s.key.Environment, "tenant": s.key.Tenant}
	if len(s.flows) > 0 {
		ours := func(l map[string]string) bool { return slices.Contains(s.flows, l["flow"]) }
		out = append(out, feed{slo.Synthetic, flowsOf(is, base, ours, selectors)})
	}
	if len(s.process.Operations) > 0 {
		ours := func(l map[string]string) bool {
			return l["client"] == "user" && slices.Contains(s.process.Operations, l["operation"])
		}
		out = append(out, feed{slo.Users, usersOf(is, base, ours, selectors)})
	}
	return out
}

type keeps func(labels map[string]string) bool

func flowsOf(is process.Objective, base map[string]string, ours keeps, selectors *[]slo.Selector) indicator {
	if is.Kind == process.Latency {
		return timed(is, "closewatch_probe_duration_seconds", base, ours, selectors)
	}
	total := func(l map[string]string) bool {
		return ours(l) && (l["outcome"] == "passed" || l["outcome"] == "failed")
	}
	good := func(l map[string]string) bool { return ours(l) && l["outcome"] == "passed" }
	return ratioOf(selectors, slo.Selector{Metric: "closewatch_probe_runs_total", Labels: base, Keep: total}, slo.Selector{Metric: "closewatch_probe_runs_total", Labels: base, Keep: good}, false)
}

// badForUsers are the outcomes of a real-user operation that count against the
// service; client errors and aborted requests do not.
var badForUsers = []string{"upstream", "server"}

func usersOf(is process.Objective, base map[string]string, ours keeps, selectors *[]slo.Selector) indicator {
	if is.Kind == process.Latency {
		return timed(is, "traefik_finance_operation_duration_seconds", base, ours, selectors)
	}
	good := func(l map[string]string) bool { return ours(l) && !slices.Contains(badForUsers, l["outcome"]) }
	return ratioOf(selectors, slo.Selector{Metric: "traefik_finance_operations_total", Labels: base, Keep: ours}, slo.Selector{Metric: "traefik_finance_operations_total", Labels: base, Keep: good}, false)
}

// byRecords is what counts an indicator that names what it is measured on.
func byRecords(s subject, is process.Objective, selectors *[]slo.Selector) indicator {
	i := is.Indicator
	switch {
	case i.Total != nil && i.Bad != nil:
		return ratioOf(selectors, selectorOf(s, *i.Total), selectorOf(s, *i.Bad), true)
	case i.Total != nil:
		return ratioOf(selectors, selectorOf(s, *i.Total), selectorOf(s, *i.Good), false)
	case i.Histogram != nil:
		return byHistogram(is, selectorOf(s, *i.Histogram), selectors)
	case i.Oldest != nil:
		f := aged{oldest: gaugeOf(selectorOf(s, *i.Oldest))}
		if i.Idle != nil {
			f.idle = gaugeOf(selectorOf(s, *i.Idle))
		}
		return f
	case i.Occasional():
		work := declaredWork(s, i)
		return occasional{work, gaugeOf(slo.Selector{Metric: work.Metric, Labels: map[string]string{"environment": s.key.Environment, "tenant": s.key.Tenant}})}
	default:
		return valued{gaugeOf(selectorOf(s, *i.Value)), i.AtMost, i.AtLeast}
	}
}

// selectorOf are the series of a subject's tenant, but for those of the company
// that flows work in. Series that are named by their component or query need not
// know a tenant.
func selectorOf(s subject, series process.Series) slo.Selector {
	labels := map[string]string{"environment": s.key.Environment}
	_, component := series.Labels["component"]
	if _, query := series.Labels["query"]; !query && !component {
		labels["tenant"] = s.key.Tenant
	}
	return slo.Selector{Metric: series.Metric, Labels: labels, Keep: func(l map[string]string) bool { return notSynthetic(l) && series.Has(l) }}
}

// ratioed counts good and all events by two counters.
type ratioed struct {
	all, part int  // in the meter
	bad       bool // part are the bad events, not the good ones
}

func ratioOf(selectors *[]slo.Selector, all, part slo.Selector, bad bool) ratioed {
	n := len(*selectors)
	*selectors = append(*selectors, all, part)
	return ratioed{n, n + 1, bad}
}

func (r ratioed) count(t *tracked, l *looking) slo.Event {
	all, part := l.increases[r.all], l.increases[r.part]
	ev := slo.Event{Total: all.Total, Observed: all.Observed}
	if part.Total > all.Total { // nobody can say which of the two is wrong
		t.doubts += part.Total - all.Total
		part.Total = all.Total
	}
	if r.bad {
		ev.Bad = part.Total
	} else {
		ev.Bad = all.Total - part.Total
	}
	return ev
}

// aged judges the age of the oldest unit of work at each tick.
type aged struct{ oldest, idle *gauge }

func (f aged) gauges() []*gauge {
	if f.idle == nil {
		return []*gauge{f.oldest}
	}
	return []*gauge{f.oldest, f.idle}
}

func (f aged) count(t *tracked, l *looking) slo.Event {
	oldest, seen := math.Inf(1), false
	for _, v := range f.oldest.values {
		if v > 0 && !math.IsInf(v, 0) { // not NaN
			oldest, seen = min(oldest, v), true
		}
	}
	if !seen && f.idle != nil && len(f.idle.values) > 0 {
		return slo.Event{Total: 1, Observed: true}
	}
	if !seen {
		return slo.Event{}
	}
	late := l.at.Sub(signal.Unix(oldest)) - t.is.In(t.critical).Threshold
	if late <= 0 {
		return slo.Event{Total: 1, Observed: true}
	}
	t.breach += min(late, l.at.Sub(l.since))
	return slo.Event{Bad: 1, Total: 1, Observed: true}
}

// selects reports whether a selector keeps a series of its metric.
func selects(s slo.Selector, labels map[string]string) bool {
	for name, want := range s.Labels {
		if labels[name] != want {
			return false
		}
	}
	return s.Keep == nil || s.Keep(labels)
}

// valued judges a number at each tick: the sum of its series.
type valued struct {
	of              *gauge
	atMost, atLeast *float64
}

func (f valued) gauges() []*gauge { return []*gauge{f.of} }

func (f valued) count(t *tracked, l *looking) slo.Event {
	values := l.scratch.values[:0]
	for _, v := range f.of.values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	l.scratch.values = values
	if len(values) == 0 {
		return slo.Event{}
	}
	slices.Sort(values) // the order of series cannot show in the last bit
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	ev := slo.Event{Total: 1, Observed: true}
	if f.atMost != nil && sum > *f.atMost || f.atLeast != nil && sum < *f.atLeast {
		ev.Bad = 1
		t.breach += l.at.Sub(l.since)
	}
	return ev
}

// occasional counts occasions: each is good when it was done in time.
type occasional struct {
	work process.Work
	told *gauge // the metric that shows it done, of whatever entity
}

func (f occasional) gauges() []*gauge { return []*gauge{f.told} }

// declaredWork is the work whose occasions an indicator judges: a piece of the
// process's own, or one made of the indicator.
func declaredWork(s subject, i *process.Indicator) process.Work {
	for _, w := range s.process.Work {
		if w.Source == process.Schedule && w.Says == i.Work {
			return w
		}
	}
	if i.Value == nil {
		return process.Work{} // an estate names no work that its process does not have
	}
	return process.Work{
		Source: process.Schedule, Metric: i.Value.Metric, Labels: i.Value.Labels, Due: i.Due,
		Done: process.Done{AtMost: i.AtMost, AtLeast: i.AtLeast, Dated: i.Dated},
	}
}

// count judges the occasions of every entity. Between occasions there is nothing
// to see, so whether the metric is there says whether it is measured.
func (f occasional) count(t *tracked, l *looking) slo.Event {
	var ev slo.Event
	for i := range t.about {
		key := t.about[i].key
		subject := expected.Subject{Key: key, Timeline: l.layout.of[key.Entity]}
		for _, o := range l.work.Outcomes(l.since, l.at, l.published, subject, f.work) {
			ev.Total++
			if !o.Done {
				ev.Bad++
			}
		}
	}
	ev.Observed = ev.Total > 0 || len(f.told.values) > 0
	return ev
}

// composed is a process as a whole: its own objectives of one source and the
// components it cannot do without, by the worst of them in each slice of time.
type composed struct {
	members    []int // in tracked
	components []string
	of         *slo.Composite
	events     []slo.Event // of each at a tick
}

// compositeSlice is how long a slice of a composite is: a cell of the ledger.
const compositeSlice = 5 * time.Minute

// composites takes up a subject's process as a whole, once for each source that
// measures whether it works.
func (o *objectives) composites(g group, s subject) {
	for _, source := range []slo.Source{slo.Synthetic, slo.Users} {
		f := &composed{}
		var members []slo.Member
		var whole process.Objective
		for _, i := range o.of[g] {
			t := o.tracked[i]
			if t.Source != source || t.is.Every || t.is.CriticalOnly {
				continue
			}
			if t.is.Kind == process.Availability && whole.Name == "" {
				whole = process.Objective{
					Name: process.Composite, Kind: process.Availability, Target: t.is.Target, CriticalTarget: t.is.CriticalTarget,
					Says: "every part of it works at the same time",
				}
			}
			f.members = append(f.members, i)
			members = append(members, slo.Member{ID: t.ID, Allowed: allowed(t.is.Target)})
		}
		if whole.Name == "" {
			continue
		}
		for _, n := range s.needs {
			if n.role == process.Hard {
				f.components = append(f.components, n.component)
				members = append(members, slo.Member{ID: n.component, Allowed: allowed(whole.Target)})
			}
		}
		f.of = slo.NewComposite(compositeSlice, members)
		o.track(g, s, whole, feed{source, f}).Indicator = process.Composite
	}
}

func (f *composed) count(_ *tracked, l *looking) slo.Event {
	events := f.events[:0]
	for _, i := range f.members {
		events = append(events, l.all[i].now)
	}
	for _, name := range f.components {
		ev := slo.Event{}
		switch l.components[name].State {
		case signal.Critical:
			ev = slo.Event{Bad: 1, Total: 1, Observed: true}
		case signal.OK, signal.Warning:
			ev = slo.Event{Total: 1, Observed: true}
		case signal.Unknown:
		}
		events = append(events, ev)
	}
	f.events = events
	return f.of.Observe(l.at, events)
}
