package app

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
)

// self is the component the daemon's own series belong to.
const self = "closewatch"

// expose is everything that is published of a component, or of all when it is "".
func (a *App) expose(component string) *collector.Exposition {
	if component == "" {
		return a.runner.Expose("", a.others...)
	}
	others := make([]prometheus.Gatherer, 0, len(a.others))
	for _, g := range a.others {
		others = append(others, onlyComponent(g, component))
	}
	return a.runner.Expose(component, others...)
}

// gather is everything that is published.
func (a *App) gather() ([]*dto.MetricFamily, error) { return a.expose("").Gather() }

// labelled adds environment and component to the daemon's own series that do
// not carry them: every series has both.
func labelled(g prometheus.Gatherer, environment string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := g.Gather()
		for _, mf := range families {
			for _, m := range mf.Metric {
				m.Label = withLabel(m.Label, "component", self)
				m.Label = withLabel(m.Label, "environment", environment)
			}
		}
		return families, err
	})
}

func withLabel(labels []*dto.LabelPair, name, value string) []*dto.LabelPair {
	i, found := slices.BinarySearchFunc(labels, name, func(l *dto.LabelPair, n string) int { return strings.Compare(l.GetName(), n) })
	if found {
		return labels
	}
	return slices.Insert(slices.Clone(labels), i, &dto.LabelPair{Name: &name, Value: &value})
}

// onlyComponent keeps the series of one component.
func onlyComponent(g prometheus.Gatherer, component string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := g.Gather()
		var out []*dto.MetricFamily
		for _, mf := range families {
			kept := &dto.MetricFamily{Name: mf.Name, Help: mf.Help, Type: mf.Type, Unit: mf.Unit}
			for _, m := range mf.Metric {
				for _, l := range m.Label {
					if l.GetName() == "component" && l.GetValue() == component {
						kept.Metric = append(kept.Metric, m)
					}
				}
			}
			if len(kept.Metric) > 0 {
				out = append(out, kept)
			}
		}
		return out, err
	})
}
