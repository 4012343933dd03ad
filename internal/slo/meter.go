package slo

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// A Selector names counter series: by metric, by labels they have, and by a
// condition on all their labels, nil for none.
type Selector struct {
	Metric string
	Labels map[string]string
	Keep   func(labels map[string]string) bool
}

// A Counting says what an objective counts: all events, and the good or the bad
// ones among them, whichever is published; with both, Total may be left out. A
// selector without a metric is one that is left out.
type Counting struct{ Total, Good, Bad Selector }

// A Meter counts the events of objectives from published counters. Which series
// counts for which objective is looked up when a series appears or moves: a tick
// in which the same series are published in the same order allocates nothing. It
// is not safe for concurrent use.
//
// A series that appears where its component published the same metric before was
// created by its first events: they are counted. All of a component that is new
// counts from where it is. A series or a component that was away for longer than
// Forget is new: a source that drops the counters nobody needed for a night makes
// them anew with the first event after it.
type Meter struct {
	counters Counters
	families []*family // in the order objectives name them
	heard    []*group  // what says that an objective's source answered; by objective
	byBad    []bool    // bad events are counted, not what is left of all; by objective
	counts   []counts  // in the tick being read; by objective
	ticks    uint64
	last     time.Time // the tick before
}

// counts are an objective's events in a tick.
type counts struct{ of [3]uint64 }

// A role is what a series counts for an objective.
type role uint8

const (
	total role = iota
	good
	bad
)

// A family is the series of one metric.
type family struct {
	metric  string
	shapes  []*shape
	order   []*series // as they were published last
	known   map[string]*series
	sources map[string]*source
	kept    map[string]slot // of series that were not seen since a restart
}

// A shape is the groups that ask for labels of the same names.
type shape struct {
	names  []string // sorted
	groups map[string]*group
}

// A group is the selectors of a metric that ask for the same labels.
type group struct {
	takers []taker
	heard  uint64 // number of the tick in which one of its series was published last
}

type taker struct {
	tap
	keep func(map[string]string) bool
}

// A tap is where the events of a series go.
type tap struct {
	objective int
	role      role
}

// A source is a component that publishes a metric.
type source struct {
	at     int64 // when it was collected, up to the tick before; nanoseconds since 1970
	newest int64 // up to now
}

type series struct {
	labels map[string]string // as they were published last, kept so that no other map can be where it is
	slot   int
	source *source
	groups []*group
	taps   []tap
}

type label struct{ name, value string }

// NewMeter returns a meter for objectives that count so.
func NewMeter(what []Counting) *Meter {
	m := &Meter{counts: make([]counts, len(what)), heard: make([]*group, len(what)), byBad: make([]bool, len(what))}
	families := map[string]*family{}
	for i, c := range what {
		m.byBad[i] = c.Bad.Metric != ""
		for r, s := range [...]Selector{total: c.Total, good: c.Good, bad: c.Bad} {
			if s.Metric == "" {
				continue
			}
			f := families[s.Metric]
			if f == nil {
				f = &family{metric: s.Metric, known: map[string]*series{}, sources: map[string]*source{}}
				families[s.Metric] = f
				m.families = append(m.families, f)
			}
			g := f.group(s.Labels)
			g.takers = append(g.takers, taker{tap{i, role(r)}, s.Keep}) //nolint:gosec // one of three
			if m.heard[i] == nil {
				m.heard[i] = g
			}
		}
	}
	return m
}

// group returns the group of the selectors that ask for some labels.
func (f *family) group(labels map[string]string) *group {
	names := slices.Sorted(maps.Keys(labels))
	at := slices.IndexFunc(f.shapes, func(s *shape) bool { return slices.Equal(s.names, names) })
	if at < 0 {
		at = len(f.shapes)
		f.shapes = append(f.shapes, &shape{names, map[string]*group{}})
	}
	s := f.shapes[at]
	values := s.values(labels)
	if s.groups[values] == nil {
		s.groups[values] = &group{}
	}
	return s.groups[values]
}

// values are those that a shape's labels have, as one text.
func (s *shape) values(labels map[string]string) string {
	var b strings.Builder
	for _, name := range s.names {
		b.WriteString(strconv.Quote(labels[name]))
	}
	return b.String()
}

// Read counts what happened since the tick before, an event for each objective
// into events, which has as many.
func (m *Meter) Read(at time.Time, published signal.Published, events []Event) {
	m.ticks++
	clear(m.counts)
	for _, f := range m.families {
		m.read(f, published(f.metric))
	}
	m.last = at
	for i := range events {
		n := &m.counts[i].of
		all := max(n[total], n[good]+n[bad])
		events[i] = Event{Bad: all - n[good], Total: all, Observed: m.heard[i] != nil && m.heard[i].heard == m.ticks}
		if m.byBad[i] {
			events[i].Bad = n[bad]
		}
	}
}

func (m *Meter) read(f *family, samples []signal.Sample) {
	for place := range samples {
		x := &samples[place]
		if place >= len(f.order) || !f.order[place].is(x.Labels) {
			m.find(f, place, x)
		}
		s := f.order[place]
		for _, g := range s.groups {
			g.heard = m.ticks
		}
		s.source.newest = max(s.source.newest, x.At.UnixNano())
		if s.slot < 0 {
			continue
		}
		if m.counters.Gone(s.slot, x.At) {
			m.counters.Again(s.slot, m.news(s.source, x))
		}
		if n := m.counters.Increase(s.slot, Sample{x.Value, x.At, x.Created}); n > 0 {
			for _, t := range s.taps {
				m.counts[t.objective].of[t.role] += n
			}
		}
	}
	f.order = f.order[:len(samples)]
	for _, s := range f.sources {
		s.at = s.newest
	}
}

// find puts a series in its place in the order in which they are published.
func (m *Meter) find(f *family, place int, x *signal.Sample) {
	id := text(sorted(x.Labels))
	s := f.known[id]
	if s == nil {
		s = m.bind(f, id, x)
		f.known[id] = s
	}
	if place == len(f.order) {
		f.order = append(f.order, s)
	} else {
		f.order[place] = s
	}
	if len(f.known) > 2*len(f.order)+spare {
		m.sweep(f, x.At.Add(-Forget).UnixNano())
	}
}

// bind finds out what a new series counts for.
func (m *Meter) bind(f *family, id string, x *signal.Sample) *series {
	s := &series{labels: x.Labels, slot: -1}
	component := x.Labels["component"]
	if f.sources[component] == nil {
		f.sources[component] = &source{}
	}
	s.source = f.sources[component]
	for _, shape := range f.shapes {
		g := shape.groups[shape.values(x.Labels)]
		if g == nil || !shape.all(x.Labels) {
			continue
		}
		s.groups = append(s.groups, g)
		for _, t := range g.takers {
			if t.keep == nil || t.keep(x.Labels) {
				s.taps = append(s.taps, t.tap)
			}
		}
	}
	if len(s.taps) == 0 {
		return s
	}
	if kept, ok := f.kept[id]; ok {
		delete(f.kept, id)
		s.slot = m.counters.put(kept)
	} else {
		s.slot = m.counters.Add(m.news(s.source, x))
	}
	return s
}

// all reports whether there are all labels of a shape.
func (s *shape) all(labels map[string]string) bool {
	for _, name := range s.names {
		if _, ok := labels[name]; !ok {
			return false
		}
	}
	return true
}

// news reports whether a series began after its component was collected last.
func (m *Meter) news(from *source, x *signal.Sample) bool {
	if !x.Created.IsZero() {
		return !m.last.IsZero() && x.Created.After(m.last)
	}
	return from.at != 0 && time.Duration(x.At.UnixNano()-from.at) <= Forget
}

// spare is how many series that are gone are remembered in any case.
const spare = 1000

// sweep forgets the series that are gone for good.
func (m *Meter) sweep(f *family, before int64) {
	published := make(map[*series]bool, len(f.order))
	for _, s := range f.order {
		published[s] = true
	}
	for id, s := range f.known {
		if published[s] || s.slot >= 0 && m.counters.slots[s.slot].at >= before {
			continue
		}
		if s.slot >= 0 {
			m.counters.Free(s.slot)
		}
		delete(f.known, id)
	}
}

// is reports whether a series has exactly these labels. The map of the last time
// has, for samples are not changed.
func (s *series) is(labels map[string]string) bool {
	if reflect.ValueOf(labels).Pointer() == reflect.ValueOf(s.labels).Pointer() {
		return true
	}
	if !maps.Equal(labels, s.labels) {
		return false
	}
	s.labels = labels
	return true
}

func sorted(labels map[string]string) []label {
	out := make([]label, 0, len(labels))
	for name, value := range labels {
		out = append(out, label{name, value})
	}
	slices.SortFunc(out, func(a, b label) int { return strings.Compare(a.name, b.name) })
	return out
}

// text is the identity of a series among those of its metric.
func text(labels []label) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.name + "=" + strconv.Quote(l.value) + ",")
	}
	return b.String()
}
