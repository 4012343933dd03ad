package signal

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// A Subject is a component known to exist, whether or not anything of it can
// be measured.
type Subject struct {
	Kind        string // "postgres"
	Environment string
	Component   string
}

// forgetAfter is how long a tenant that is no longer measured stays Unknown
// before it is taken for removed.
const forgetAfter = 24 * time.Hour

// An Evaluator measures its definitions at each tick and remembers between
// ticks what hysteresis and holds need. It is not safe for concurrent use.
//
// Readings are separated by environment, component, tenant and the By labels.
// One place (environment, component, tenant) of which anything is measured has
// the readings that are measured, others of it are gone. A place of which
// nothing fresh is measured keeps its readings as Unknown, since a thing that
// is not seen is not gone. An expected Subject without any reading gives one
// Unknown reading.
type Evaluator struct {
	defs     []Definition
	subjects []Subject
	readings []map[string]*memory // by definition, then by Reading.key
	closes   func(Reading) bool   // whether a reading concerns a close; nil: none does
}

// memory is one reading across ticks.
type memory struct {
	identity Reading // without value, state and text
	level    level
	seen     time.Time // last tick with a fresh value
	inClose  bool      // the limits of the close are in force
	closed   time.Time // newest tick in a close
}

// linger is how long the limits of a close stay in force after it, so that a close
// that ends and is taken up again moves nothing to and fro.
const linger = 30 * time.Minute

// close notes whether the reading concerns a close at a tick.
func (m *memory) close(concerned bool, at time.Time) {
	if concerned {
		m.closed = at
	}
	m.inClose = concerned || !m.closed.IsZero() && at.Sub(m.closed) < linger
}

// NewEvaluator returns an evaluator of defs, or every mistake in them.
func NewEvaluator(defs []Definition) (*Evaluator, error) {
	if err := Check(defs); err != nil {
		return nil, err
	}
	e := &Evaluator{defs: slices.Clone(defs), readings: make([]map[string]*memory, len(defs))}
	for i := range e.readings {
		e.readings[i] = map[string]*memory{}
	}
	return e, nil
}

// Expect replaces the components known to exist. Definitions apply to the
// subjects of their Kind that they match. Readings of components that are no longer expected
// are forgotten.
func (e *Evaluator) Expect(subjects []Subject) {
	e.subjects = slices.Clone(subjects)
	for i, d := range e.defs {
		maps.DeleteFunc(e.readings[i], func(_ string, m *memory) bool {
			return d.Kind != "" && !slices.Contains(e.subjects, Subject{d.Kind, m.identity.Environment, m.identity.Component})
		})
	}
}

// Close tells, for the ticks from now on, which readings concern an entity that is
// in its pre-close or close, or might be. nil: none does.
func (e *Evaluator) Close(concerns func(Reading) bool) { e.closes = concerns }

// Evaluate measures every definition at a tick. Ticks must not go back in time.
// The result is ordered by Compare and independent of the order of samples.
func (e *Evaluator) Evaluate(at time.Time, samples []Sample) []Reading {
	byMetric := map[string][]Sample{}
	for _, s := range samples {
		byMetric[s.Name] = append(byMetric[s.Name], s)
	}
	var out []Reading
	for i := range e.defs {
		out = append(out, e.evaluate(i, at, byMetric[e.defs[i].Metric])...)
	}
	slices.SortFunc(out, Compare)
	return out
}

func (e *Evaluator) evaluate(i int, at time.Time, samples []Sample) []Reading {
	d, known := &e.defs[i], e.readings[i]
	groups := d.group(at, samples)
	maps.DeleteFunc(groups, func(_ string, g *group) bool { return d.At[g.identity.Component].Off })
	measured := map[string]bool{} // places with a fresh value
	for _, g := range groups {
		if g.fresh() {
			measured[place(g.identity)] = true
		}
	}
	for key, g := range groups {
		if known[key] == nil && (g.fresh() || !measured[place(g.identity)]) {
			known[key] = &memory{identity: g.identity, seen: at}
		}
	}
	e.expect(d, known, at)

	values := map[string]float64{}
	for key, m := range known {
		value, fresh := groups[key].value(d.Aggregate)
		m.close(d.closing(m.identity.Component) != nil && e.closes != nil && e.closes(m.identity), at)
		switch {
		case fresh:
			m.seen = at
			m.level.measured(d, d.limits(m), value, at)
		case measured[place(m.identity)], d.Optional && groups[key] == nil, m.identity.Tenant != "" && at.Sub(m.seen) > forgetAfter:
			delete(known, key)
			continue
		default:
			m.level.missing(at)
		}
		values[key] = value
	}
	return d.readings(known, values)
}

// expect adds an Unknown reading for each subject that has none, and takes it
// back once the subject has others.
func (e *Evaluator) expect(d *Definition, known map[string]*memory, at time.Time) {
	if d.Kind == "" || d.Optional {
		return
	}
	for _, s := range e.subjects {
		if !d.Concerns(s) || d.At[s.Component].Off {
			continue
		}
		bare := Reading{Signal: d.Name, Role: d.Role, Environment: s.Environment, Component: s.Component}
		others := 0
		for key, m := range known {
			if key != bare.key() && m.identity.Environment == s.Environment && m.identity.Component == s.Component {
				others++
			}
		}
		own := known[bare.key()]
		switch {
		case own == nil && others == 0:
			known[bare.key()] = &memory{identity: bare, seen: at}
		case own != nil && others > 0 && own.level.believed == Unknown:
			delete(known, bare.key())
		}
	}
}

func (d *Definition) readings(known map[string]*memory, values map[string]float64) []Reading {
	out := make([]Reading, 0, len(known))
	for key, m := range known {
		r := m.identity
		r.Labels = maps.Clone(r.Labels)
		r.Value, r.State, r.Since = values[key], m.level.shown, m.level.since
		r.Text = d.text(r, m)
		out = append(out, r)
	}
	return out
}

// place is where a reading is taken, without its By labels.
func place(r Reading) string {
	return strings.Join([]string{r.Environment, r.Component, r.Tenant}, separator)
}

// group is the samples that make one reading. A nil group has none.
type group struct {
	identity Reading
	values   []float64 // of the fresh samples
}

func (g *group) fresh() bool { return g != nil && len(g.values) > 0 }

// group sorts the samples that match d into readings. A sample that is too old
// or not a number makes its group known, not measured.
func (d *Definition) group(at time.Time, samples []Sample) map[string]*group {
	groups := map[string]*group{}
	for _, s := range samples {
		if !d.matches(s.Labels) {
			continue
		}
		id := d.identify(s.Labels)
		g := groups[id.key()]
		if g == nil {
			g = &group{identity: id}
			groups[id.key()] = g
		}
		stale := d.Fresh > 0 && at.Sub(s.At) > d.Fresh
		if !stale && !math.IsNaN(s.Value) {
			g.values = append(g.values, s.Value)
		}
	}
	return groups
}

// Concerns reports whether a subject is to have a reading of d.
func (d *Definition) Concerns(s Subject) bool {
	environment, one := d.Match["environment"]
	component, named := d.Match["component"]
	return s.Kind == d.Kind && (!one || environment == s.Environment) && (!named || component == s.Component)
}

func (d *Definition) matches(labels map[string]string) bool {
	for name, want := range d.Match {
		if labels[name] != want {
			return false
		}
	}
	return true
}

func (d *Definition) identify(labels map[string]string) Reading {
	r := Reading{
		Signal: d.Name, Role: d.Role,
		Environment: labels["environment"], Component: labels["component"], Tenant: labels["tenant"],
	}
	if len(d.By) > 0 {
		r.Labels = make(map[string]string, len(d.By))
		for _, name := range d.By {
			r.Labels[name] = labels[name]
		}
	}
	return r
}

// value aggregates the fresh values; NaN and false when there are none. Values
// are summed in order of size, so that the order of samples cannot show in the
// last bit.
func (g *group) value(a Aggregate) (float64, bool) {
	if !g.fresh() {
		return math.NaN(), false
	}
	switch a {
	case Min:
		return slices.Min(g.values), true
	case Sum:
		sum := 0.0
		for _, v := range slices.SortedFunc(slices.Values(g.values), cmp.Compare) {
			sum += v
		}
		return sum, true
	case Count:
		return float64(len(g.values)), true
	default: // Max; Check admits no other
		return slices.Max(g.values), true
	}
}
