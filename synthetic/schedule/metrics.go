package schedule

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics publishes how schedules run. Their tenants differ.
type Metrics struct {
	now       func() time.Time
	schedules []*Schedule
}

// NewMetrics returns the collector of some schedules; nil means time.Now.
func NewMetrics(now func() time.Time, schedules ...*Schedule) *Metrics {
	if now == nil {
		now = time.Now
	}
	return &Metrics{now: now, schedules: schedules}
}

var (
	probeInterval = prometheus.NewDesc("closewatch_probe_interval_seconds",
		"How often the flow runs at the pace in force.", []string{"environment", "component", "tenant", "flow"}, nil)
	probeLeaseHeld = prometheus.NewDesc("closewatch_probe_lease_held",
		"Whether this process may write to the tenant at this moment: a run that writes holds its lease (1) or not (0).",
		[]string{"environment", "component", "tenant"}, nil)
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- probeInterval
	ch <- probeLeaseHeld
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	now := m.now()
	for _, s := range m.schedules {
		run := s.settings.Run
		for _, e := range s.settings.Entries {
			every := s.Interval(e.Flow.Name(), now)
			ch <- prometheus.MustNewConstMetric(probeInterval, prometheus.GaugeValue, every.Seconds(), run.Environment, run.Component, run.Tenant, e.Flow.Name())
		}
		held := 0.0
		if s.holds() {
			held = 1
		}
		ch <- prometheus.MustNewConstMetric(probeLeaseHeld, prometheus.GaugeValue, held, run.Environment, run.Component, run.Tenant)
	}
}
