package scenario

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// A World is an estate as a scenario describes it at an instant. Time only goes
// forward. It is not safe for concurrent use.
//
// What is set holds until it is set again. A component that is well publishes,
// for each signal that must be there, a value on the good side of every
// threshold, anew at each instant; one that is down what shows that it does not
// answer; one of which nothing is known nothing. Signals override their
// component, and metrics everything.
type World struct {
	ground  Ground
	healthy Healthy
	now     time.Time
	held    map[string]*hold // by what was set
	tallies map[string]*tally
	ends    []end // of what was set for a time, in the order of their ends
}

// A hold is one thing that is set.
type hold struct {
	section section
	name    string
	value   any
	since   time.Time
}

// key is what a thing that is set is held under.
func key(sec section, name string) string { return string(rune('a'+sec)) + name }

// A section is the part of a Set that something belongs to.
type section uint8

const (
	components section = iota
	signals
	flows
	users
	posted
	jobs
	actions
	metrics
)

// An end is when something is again as it was before.
type end struct {
	at     time.Time
	key    string
	set    *hold // what ends, unless it was set again since
	before *hold // nil: it was not set
}

// A tally counts what happens at a rate: whole events, exactly.
type tally struct{ sixtieths uint64 }

// add counts for some whole seconds at a rate a minute.
func (t *tally) add(rate uint64, d time.Duration) { t.sixtieths += rate * uint64(d/time.Second) } //nolint:gosec // time goes forward

func (t *tally) count() float64 { return float64(t.sixtieths / 60) }

// NewWorld returns the world of an estate at the start of a scenario.
func NewWorld(g Ground, h Healthy, start time.Time) *World {
	return &World{ground: g, healthy: h, now: start, held: map[string]*hold{}, tallies: map[string]*tally{}}
}

// Set sets something at an instant, for a time when that is not 0. The world is
// taken to that instant first.
func (w *World) Set(at time.Time, s Set, lasting time.Duration) {
	w.Advance(at)
	put(w, components, s.Components, lasting)
	put(w, signals, s.Signals, lasting)
	put(w, flows, s.Flows, lasting)
	put(w, users, s.Users, lasting)
	put(w, posted, s.Posted, lasting)
	put(w, jobs, s.Jobs, lasting)
	put(w, actions, s.Actions, lasting)
	put(w, metrics, s.Metrics, lasting)
	slices.SortStableFunc(w.ends, func(a, b end) int { return a.at.Compare(b.at) })
}

func put[K ~string, V any](w *World, sec section, values map[K]V, lasting time.Duration) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		h := &hold{sec, string(name), values[name], w.now}
		k := key(sec, string(name))
		if lasting > 0 {
			w.ends = append(w.ends, end{w.now.Add(lasting), k, h, w.held[k]})
		}
		w.held[k] = h
	}
}

// Advance lets time pass.
func (w *World) Advance(to time.Time) {
	for len(w.ends) > 0 && !w.ends[0].at.After(to) {
		e := w.ends[0]
		w.ends = w.ends[1:]
		w.pass(e.at)
		for i := range w.ends { // whoever goes back to what has ended goes back to before it
			if w.ends[i].before == e.set {
				w.ends[i].before = e.before
			}
		}
		switch {
		case w.held[e.key] != e.set: // it was set again since
		case e.before == nil:
			delete(w.held, e.key)
		default:
			e.before.since = e.at
			w.held[e.key] = e.before
		}
	}
	w.pass(to)
}

// pass counts what happens up to an instant.
func (w *World) pass(to time.Time) {
	d := to.Sub(w.now)
	if d <= 0 {
		return
	}
	for k, h := range w.held {
		switch v := h.value.(type) {
		case Traffic:
			w.tally(k+"/good").add(v.Good, d)
			w.tally(k+"/bad").add(v.Bad, d)
			w.tally(k+"/slow").add(v.Slow, d)
		case Entries:
			w.tally(k).add(uint64(v), d)
		case Value:
			if v.kind == counter {
				w.tally(k).add(uint64(v.n), d)
			}
		}
	}
	w.now = to
}

func (w *World) tally(key string) *tally {
	t := w.tallies[key]
	if t == nil {
		t = &tally{}
		w.tallies[key] = t
	}
	return t
}

// of lists what is set in a section, by name.
func (w *World) of(sec section) []*hold {
	var out []*hold
	for _, h := range w.held {
		if h.section == sec {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b *hold) int { return cmp.Compare(a.name, b.name) })
	return out
}

// Health is what a component is as a whole.
func (w *World) Health(component string) Health {
	if h := w.held[key(components, component)]; h != nil {
		return h.value.(Health) //nolint:forcetypeassert // put has put it there
	}
	if w.healthy.includes(component) {
		return Well
	}
	return Unknown
}

// Flow is how a flow's runs end on a tenant; false while the scenario says
// nothing about it: it has not run yet.
func (w *World) Flow(tenant Tenant, flow string) (Outcome, bool) {
	for _, name := range []string{tenant.Name + "/" + flow, flow} {
		if name == flow && tenant.Environment != w.ground.Environment {
			continue
		}
		if h := w.held[key(flows, name)]; h != nil {
			return h.value.(Outcome), true //nolint:forcetypeassert // put has put it there
		}
	}
	if w.Health(tenant.Component) == Well && w.healthy.includes(tenant.Component) {
		return Outcome{text: "passing", State: Passing, Takes: usual}, true
	}
	return Outcome{}, false
}

// Published is what collectors publish now.
func (w *World) Published() signal.Published {
	p := &publication{at: w.now, byKey: map[string]int{}}
	for _, c := range w.ground.Components {
		w.publishComponent(p, c)
	}
	w.publishUsers(p)
	w.publishOdoo(p)
	for _, h := range w.of(signals) {
		w.publishSignal(p, h)
	}
	for _, h := range w.of(metrics) {
		w.publishMetric(p, h)
	}
	byName := map[string][]signal.Sample{}
	for _, x := range p.samples {
		if x.Labels != nil {
			byName[x.Name] = append(byName[x.Name], x)
		}
	}
	return func(metric string) []signal.Sample { return byName[metric] }
}

// A publication is what is published at an instant. A series that is set twice
// has its last value.
type publication struct {
	at      time.Time
	samples []signal.Sample // one without labels was withdrawn
	byKey   map[string]int
}

func (p *publication) put(s series, value float64) {
	x := signal.Sample{Name: s.metric, Labels: s.labels, Value: value, At: p.at}
	key := s.key()
	if i, had := p.byKey[key]; had {
		p.samples[i] = x
		return
	}
	p.byKey[key] = len(p.samples)
	p.samples = append(p.samples, x)
}

// set publishes a series, or withdraws it.
func (p *publication) set(s series, value float64, is bool) {
	if is {
		p.put(s, value)
	} else if i, had := p.byKey[s.key()]; had {
		p.samples[i].Labels = nil
	}
}

func (w *World) publishComponent(p *publication, c Component) {
	switch w.Health(c.Name) {
	case Well:
		for _, d := range c.Signals {
			if !d.Optional && c.about(d) {
				if v, ok := past(d, signal.OK); ok {
					p.put(c.reads(d, nil), v)
				}
			}
		}
	case Down:
		for _, d := range c.vital() {
			if v, ok := past(d, signal.Critical); ok {
				p.put(c.reads(d, nil), v)
			}
		}
	case Unknown:
	}
}

func (w *World) publishSignal(p *publication, h *hold) {
	v := h.value.(Value) //nolint:forcetypeassert // put has put it there
	c, d, labels, err := w.ground.find(h.name)
	if err != nil {
		return // told as a mistake before
	}
	to := c.reads(d, labels)
	value, ok := w.value(h)
	if v.kind == state {
		value, ok = past(d, v.state)
	}
	p.set(to, value, ok)
}

// value is what is set now; false when nothing is to be published.
func (w *World) value(h *hold) (float64, bool) {
	v := h.value.(Value) //nolint:forcetypeassert // put has put it there
	if v.kind == counter {
		return w.tally(key(h.section, h.name)).count(), true
	}
	return v.at(w.now, h.since, w.ground.Zone)
}

func (w *World) publishMetric(p *publication, h *hold) {
	metric, labels, _ := Series(h.name).split()
	value, ok := w.value(h)
	p.set(series{metric, w.ground.complete(labels)}, value, ok)
}

// complete adds the labels that every series has, as far as they follow from
// those that are named: the tenant from the entity, and the Odoo component from
// the tenant.
func (g Ground) complete(labels map[string]string) map[string]string {
	out := maps.Clone(labels)
	if c, ok := g.component(out["component"]); ok {
		out["environment"] = cmp.Or(out["environment"], c.Environment)
		return out
	}
	if out["tenant"] == "" {
		out["tenant"] = g.Entities[out["entity"]]
	}
	for _, t := range g.Tenants {
		if out["tenant"] == t.Name || out["tenant"] == "" && t.Environment == g.Environment {
			out["tenant"], out["component"] = t.Name, cmp.Or(out["component"], t.Component)
			out["environment"] = cmp.Or(out["environment"], t.Environment)
			break
		}
	}
	return out
}
