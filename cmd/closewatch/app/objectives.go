package app

import (
	"slices"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// An indicator counts an objective's events from published counters.
type indicator struct {
	total  selector
	good   selector // good events, or those within the latency threshold
	labels map[string]string
}

// A selector names counter series by metric and label conditions.
type selector struct {
	metric string
	keep   func(labels map[string]string) bool
}

// objectives are those of every subject, with the indicator that feeds each.
// Real users are measured tenant-wide, since an ingress line does not know the
// company; each entity of the tenant carries the same numbers.
type objectives struct {
	engine     *slo.Engine
	indicators []indicator
	meter      *slo.Meter
	of         map[string][]int
	about      []objectiveScope // by objective
}

// An objectiveScope is whom and what an objective is about.
type objectiveScope struct{ entities, components []string }

func newObjectives(subjects []subject, tick time.Duration, scale float64) (*objectives, error) {
	o := &objectives{of: map[string][]int{}}
	var defs []slo.Objective
	seen := map[string]bool{}
	for _, s := range subjects {
		group := s.key.Environment + "/" + s.key.Tenant + "/" + s.process.Name
		if seen[group] { // another entity of the tenant: same events
			for _, i := range o.of[group] {
				o.about[i].entities = append(o.about[i].entities, s.key.Entity)
			}
			continue
		}
		seen[group] = true
		base := map[string]string{"environment": s.key.Environment, "tenant": s.key.Tenant}
		for _, obj := range s.process.Objectives {
			if !measurable(obj) {
				continue
			}
			for _, source := range []slo.Source{slo.Synthetic, slo.Users} {
				ind, minBad, ok := indicatorOf(s, obj, source, base)
				if !ok {
					continue
				}
				o.of[group] = append(o.of[group], len(defs))
				defs = append(defs, slo.Objective{
					ID: group + "/" + obj.Name + "/" + string(source), Process: s.process.Name, Tenant: s.key.Tenant,
					Indicator: string(obj.Kind), Source: source, Target: obj.Target.Rat(), MinBad: minBad,
				})
				o.indicators = append(o.indicators, ind)
				about := objectiveScope{entities: []string{s.key.Entity}}
				for _, n := range s.needs {
					about.components = append(about.components, n.component)
				}
				o.about = append(o.about, about)
			}
		}
	}
	engine, err := slo.New(slo.Settings{Tick: tick, Scale: scale}, defs)
	if err != nil {
		return nil, err
	}
	o.engine, o.meter = engine, slo.NewMeter(countings(o.indicators))
	return o, nil
}

// measurable reports whether the engine can measure an objective of this kind,
// given a flow or an operation that tells.
func measurable(obj process.Objective) bool {
	return (obj.Kind == process.Availability || obj.Kind == process.Latency) && !obj.CriticalOnly && !obj.Every
}

// badForUsers are the outcomes of a real-user operation that count against the
// service; client errors and aborted requests do not.
var badForUsers = []string{"upstream", "server"}

func indicatorOf(s subject, obj process.Objective, source slo.Source, base map[string]string) (ind indicator, minBad uint64, ok bool) {
	ind.labels = base
	if source == slo.Synthetic {
		if len(s.flows) == 0 {
			return ind, 0, false
		}
		ours := func(l map[string]string) bool { return slices.Contains(s.flows, l["flow"]) }
		if obj.Kind == process.Latency {
			ind.total = selector{"closewatch_probe_duration_seconds_count", ours}
			ind.good = selector{"closewatch_probe_duration_seconds_bucket", within(ours, obj.Threshold)}
			return ind, 2, true
		}
		ind.total = selector{"closewatch_probe_runs_total", func(l map[string]string) bool {
			return ours(l) && (l["outcome"] == "passed" || l["outcome"] == "failed")
		}}
		ind.good = selector{"closewatch_probe_runs_total", func(l map[string]string) bool { return ours(l) && l["outcome"] == "passed" }}
		return ind, 2, true
	}
	if len(s.process.Operations) == 0 {
		return ind, 0, false
	}
	ours := func(l map[string]string) bool {
		return l["client"] == "user" && slices.Contains(s.process.Operations, l["operation"])
	}
	if obj.Kind == process.Latency {
		ind.total = selector{"traefik_finance_operation_duration_seconds_count", ours}
		ind.good = selector{"traefik_finance_operation_duration_seconds_bucket", within(ours, obj.Threshold)}
		return ind, 3, true
	}
	ind.total = selector{"traefik_finance_operations_total", ours}
	ind.good = selector{"traefik_finance_operations_total", func(l map[string]string) bool {
		return ours(l) && !slices.Contains(badForUsers, l["outcome"])
	}}
	return ind, 3, true
}

// within keeps the histogram bucket that ends at the threshold.
func within(ours func(map[string]string) bool, threshold time.Duration) func(map[string]string) bool {
	return func(l map[string]string) bool {
		le, err := strconv.ParseFloat(l["le"], 64)
		return err == nil && le == threshold.Seconds() && ours(l)
	}
}

// observe feeds one tick of counters to the engine and returns what each
// objective counted; nil when the clock did not advance.
func (o *objectives) observe(at time.Time, s signal.Published) []slo.Event {
	if !o.engine.Advance(at) {
		return nil
	}
	events := make([]slo.Event, len(o.indicators))
	o.meter.Read(at, s, events)
	for i, ev := range events {
		o.engine.Observe(i, ev)
	}
	return events
}

// countings are what indicators count, as a meter takes it.
func countings(indicators []indicator) []slo.Counting {
	out := make([]slo.Counting, len(indicators))
	for i, ind := range indicators {
		out[i] = slo.Counting{Total: ind.total.with(ind.labels), Good: ind.good.with(ind.labels)}
	}
	return out
}

func (s selector) with(labels map[string]string) slo.Selector {
	return slo.Selector{Metric: s.metric, Labels: labels, Keep: s.keep}
}

// counted says what each objective counted in a tick, and where in the calendar
// the entities it is about are: at the most critical of their places. Maintenance
// leaves a tick out of the adjusted figures when it is announced for all of them.
func (o *objectives) counted(at time.Time, events []slo.Event, layout *calendarLayout) []counted {
	out := make([]counted, len(events))
	for i, ev := range events {
		about := o.about[i]
		c := counted{Objective: o.engine.Objectives()[i].ID, Observed: ev.Observed, Bad: ev.Bad, Total: ev.Total, Excluded: len(about.entities) > 0}
		var places []calendar.Place
		for _, entity := range about.entities {
			tl := layout.of[entity]
			places = append(places, tl.At(at))
			c.Excluded = c.Excluded && tl.Excluded(about.components, at)
		}
		c.Phase = calendar.Group(places).Phase
		out[i] = c
	}
	return out
}
