package neutrality

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	labels = []string{"environment", "component", "tenant"}

	neutral = prometheus.NewDesc("closewatch_probe_neutral",
		"Whether the last proof showed that real books hold nothing of the prober's (1) or that they do or could (0); absent when it could not be told.", labels, nil)
	provenAt = prometheus.NewDesc("closewatch_probe_neutrality_proof_timestamp_seconds",
		"When a proof last showed whether real books hold anything of the prober's.", labels, nil)
	foreign = prometheus.NewDesc("closewatch_probe_foreign_records",
		"Records of the prober's in the books of real companies, by what they are: entry, item, payment, match; absent when it could not be told.",
		append(slices.Clip(labels), "record"), nil)
)

// A Metrics publishes the last proof of one tenant.
type Metrics struct {
	daily  *Daily
	labels []string
}

// NewMetrics returns the collector of d.
func NewMetrics(d *Daily, environment, component, tenant string) *Metrics {
	return &Metrics{d, []string{environment, component, tenant}}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {
	// Unchecked: every tenant publishes the same families with labels of its own.
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, more ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append(slices.Clip(m.labels), more...)...)
	}
	if at := m.daily.Proven(); !at.IsZero() {
		gauge(provenAt, float64(at.UnixMilli())/1000)
	}
	p, ok := m.daily.Latest()
	if !ok || !p.Conclusive() {
		return
	}
	value := 0.0
	if p.Verdict == Neutral {
		value = 1
	}
	gauge(neutral, value)
	own := p.Foreign()
	for record, n := range map[string]int64{"entry": own.Entries, "item": own.Items, "payment": own.Payments, "match": own.Matches} {
		gauge(foreign, float64(n), record)
	}
}
