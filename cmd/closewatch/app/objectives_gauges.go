package app

import (
	"maps"
	"reflect"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A gauge is the values of the series that an indicator looks at in a tick. None
// says that there is no such series.
type gauge struct {
	of     slo.Selector
	values []float64
}

func gaugeOf(of slo.Selector) *gauge { return &gauge{of: of} }

// A gaugeBook reads gauges. Which series belongs to which is looked up when a
// series appears or moves, so that a tick costs as much as there are series,
// however many look at them.
type gaugeBook struct{ families []*gaugeFamily }

// A gaugeFamily is the series of one metric.
type gaugeFamily struct {
	metric string
	gauges map[gaugeScope][]*gauge
	order  []gaugeSeries // as they were published last
}

// A gaugeScope is whose series a gauge asks for; any tenant's where it names none.
type gaugeScope struct{ environment, tenant string }

type gaugeSeries struct {
	labels map[string]string // kept, so that no other map can be where it is
	takers []*gauge
}

func scopeOf(labels map[string]string) gaugeScope {
	return gaugeScope{labels["environment"], labels["tenant"]}
}

// add takes up gauges.
func (b *gaugeBook) add(gauges ...*gauge) {
	for _, g := range gauges {
		var f *gaugeFamily
		for _, known := range b.families {
			if known.metric == g.of.Metric {
				f = known
			}
		}
		if f == nil {
			f = &gaugeFamily{metric: g.of.Metric, gauges: map[gaugeScope][]*gauge{}}
			b.families = append(b.families, f)
		}
		scope := scopeOf(g.of.Labels)
		f.gauges[scope] = append(f.gauges[scope], g)
	}
}

// read reads every gauge at a tick.
func (b *gaugeBook) read(published signal.Published) {
	for _, f := range b.families {
		for _, gauges := range f.gauges {
			for _, g := range gauges {
				g.values = g.values[:0]
			}
		}
		samples := published(f.metric)
		for place := range samples {
			x := &samples[place]
			if place == len(f.order) {
				f.order = append(f.order, gaugeSeries{})
			}
			s := &f.order[place]
			if s.labels == nil || !sameLabels(s.labels, x.Labels) {
				s.takers = f.takers(x.Labels)
			}
			s.labels = x.Labels
			for _, g := range s.takers {
				g.values = append(g.values, x.Value)
			}
		}
		clear(f.order[len(samples):])
		f.order = f.order[:len(samples)]
	}
}

// takers are the gauges that a series belongs to.
func (f *gaugeFamily) takers(labels map[string]string) []*gauge {
	var out []*gauge
	own, any := scopeOf(labels), gaugeScope{labels["environment"], ""}
	for _, g := range f.gauges[own] {
		if selects(g.of, labels) {
			out = append(out, g)
		}
	}
	if own == any {
		return out
	}
	for _, g := range f.gauges[any] {
		if selects(g.of, labels) {
			out = append(out, g)
		}
	}
	return out
}

// sameLabels reports whether labels are the same. The same map has the same, for
// samples are not changed.
func sameLabels(a, b map[string]string) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() || maps.Equal(a, b)
}
