package collector

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// NewMetric returns a counter or gauge of one value. Its labels, as
// prometheus.MakeLabelPairs makes them of valid text, are not copied: metrics
// that have the same share them, and each costs two allocations where those of
// NewConstMetric are nine with two labels.
func NewMetric(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels []*dto.LabelPair) prometheus.Metric {
	return &metric{d, kind, v, labels}
}

type metric struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	value  float64
	labels []*dto.LabelPair
}

// Desc implements prometheus.Metric.
func (m *metric) Desc() *prometheus.Desc { return m.desc }

// Write implements prometheus.Metric.
func (m *metric) Write(out *dto.Metric) error {
	out.Label = m.labels
	switch m.kind {
	case prometheus.CounterValue:
		out.Counter = &dto.Counter{Value: &m.value}
	case prometheus.GaugeValue:
		out.Gauge = &dto.Gauge{Value: &m.value}
	default:
		return fmt.Errorf("%v is neither a counter nor a gauge", m.desc)
	}
	return nil
}
