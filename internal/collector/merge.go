package collector

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// merger makes one list of families of many, which it leaves unchanged.
type merger struct {
	byName map[string]*dto.MetricFamily
	errs   []error
}

// add takes families in. A family whose type differs from the first of its
// name is left out.
func (m *merger) add(families []*dto.MetricFamily) {
	if m.byName == nil {
		m.byName = map[string]*dto.MetricFamily{}
	}
	for _, mf := range families {
		have := m.byName[mf.GetName()]
		if have == nil {
			m.byName[mf.GetName()] = &dto.MetricFamily{
				Name: mf.Name, Help: mf.Help, Type: mf.Type, Unit: mf.Unit, Metric: slices.Clone(mf.Metric),
			}
			continue
		}
		if have.GetType() != mf.GetType() {
			m.errs = append(m.errs, fmt.Errorf("%s is published as %v and as %v", mf.GetName(), have.GetType(), mf.GetType()))
			continue
		}
		have.Metric = append(have.Metric, mf.Metric...)
	}
}

// result returns the families by name, their metrics by labels, each series
// once.
func (m *merger) result(err error) ([]*dto.MetricFamily, error) {
	out := make([]*dto.MetricFamily, 0, len(m.byName))
	for _, mf := range m.byName {
		out = append(out, mf)
		if ascending(mf.Metric) { // of one task
			continue
		}
		slices.SortStableFunc(mf.Metric, compareLabels)
		before := len(mf.Metric)
		mf.Metric = slices.CompactFunc(mf.Metric, func(a, b *dto.Metric) bool { return compareLabels(a, b) == 0 })
		if n := before - len(mf.Metric); n > 0 {
			m.errs = append(m.errs, fmt.Errorf("%s: %d series are published twice", mf.GetName(), n))
		}
	}
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, errors.Join(append(m.errs, err)...)
}

// compareLabels orders metrics by their labels. Most share the very pairs of
// environment and component.
func compareLabels(a, b *dto.Metric) int {
	for i := range min(len(a.Label), len(b.Label)) {
		x, y := a.Label[i], b.Label[i]
		if x == y {
			continue
		}
		if c := compareNames(x, y); c != 0 {
			return c
		}
		if c := strings.Compare(x.GetValue(), y.GetValue()); c != 0 {
			return c
		}
	}
	return len(a.Label) - len(b.Label)
}
