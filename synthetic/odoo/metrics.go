package odoo

import "github.com/prometheus/client_golang/prometheus"

// Sweeps publishes what the sweeps of some probers came to. Their tenants
// differ.
type Sweeps []*Prober

var _ prometheus.Collector = Sweeps{}

func sweepDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"environment", "component", "tenant"}, nil)
}

var (
	sweepLeftovers = sweepDesc("closewatch_probe_sweep_leftovers",
		"Entries of earlier runs that the last sweep could not remove: nothing is written until they are gone. Absent until a sweep could look.")
	sweepClean = sweepDesc("closewatch_probe_sweep_last_clean_timestamp_seconds",
		"When a sweep last left nothing. Absent until one has.")
)

// Describe implements prometheus.Collector.
func (Sweeps) Describe(ch chan<- *prometheus.Desc) {
	ch <- sweepLeftovers
	ch <- sweepClean
}

// Collect implements prometheus.Collector.
func (s Sweeps) Collect(ch chan<- prometheus.Metric) {
	for _, p := range s {
		p.sweptMu.Lock()
		looked, left, clean := p.swept.looked, p.swept.left, p.swept.clean
		p.sweptMu.Unlock()
		labels := []string{p.environment, p.component, p.tenant}
		if looked {
			ch <- prometheus.MustNewConstMetric(sweepLeftovers, prometheus.GaugeValue, float64(left), labels...)
		}
		if !clean.IsZero() {
			ch <- prometheus.MustNewConstMetric(sweepClean, prometheus.GaugeValue, float64(clean.UnixMilli())/1000, labels...)
		}
	}
}
