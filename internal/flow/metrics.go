package flow

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

// Metrics publishes a History. Every series carries environment, component,
// tenant, flow and level.
type Metrics struct{ history *History }

// NewMetrics returns the collector of h.
func NewMetrics(h *History) *Metrics { return &Metrics{history: h} }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"environment", "component", "tenant", "flow", "level"}, labels...), nil)
}

var (
	probeSuccess = desc("closewatch_probe_success",
		"Whether the last run passed (1) or failed (0); absent when it was blocked or could not measure.")
	probeRuns = desc("closewatch_probe_runs_total",
		"Runs by outcome: passed, failed, blocked by a guard, unknown because interrupted.", "outcome")
	probeFailures = desc("closewatch_probe_failures_total",
		"Failed runs by kind of failure.", "kind")
	probeDuration = desc("closewatch_probe_duration_seconds",
		"Duration of the runs that passed, without guards and clean-up.")
	probeStepDuration = desc("closewatch_probe_step_duration_seconds",
		"Duration of the steps of the runs that passed, clean-up included.", "step")
	probeLastRun = desc("closewatch_probe_last_run_timestamp_seconds",
		"When the last run began, whatever its outcome.")
	probeLastSuccess = desc("closewatch_probe_last_success_timestamp_seconds",
		"When the last run that passed began.")
	probeConsecutiveFailures = desc("closewatch_probe_consecutive_failures",
		"Failed runs in a row up to now; 0 when the last run did not fail.")
	probeLeftovers = desc("closewatch_probe_leftovers",
		"Records that the last run could not remove.")
	probeDropped = prometheus.NewDesc("closewatch_probe_series_dropped_total",
		"Runs that were not counted because there are too many series.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		probeSuccess, probeRuns, probeFailures, probeDuration, probeStepDuration,
		probeLastRun, probeLastSuccess, probeConsecutiveFailures, probeLeftovers, probeDropped,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.history.mu.Lock()
	defer m.history.mu.Unlock()
	for _, s := range m.history.sorted() {
		m.history.series[s].collect(ch, s)
	}
	ch <- prometheus.MustNewConstMetric(probeDropped, prometheus.CounterValue, float64(m.history.over))
}

func (r *record) collect(ch chan<- prometheus.Metric, s Series) {
	labels := []string{s.Environment, s.Component, s.Tenant, s.Flow, string(s.Level)}
	with := func(more ...string) []string { return append(slices.Clone(labels), more...) }
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, o := range []Outcome{Passed, Failed, Blocked, Unknown} {
		ch <- prometheus.MustNewConstMetric(probeRuns, prometheus.CounterValue, float64(r.totals.outcomes[o]), with(string(o))...)
	}
	for _, k := range fault.Kinds() {
		ch <- prometheus.MustNewConstMetric(probeFailures, prometheus.CounterValue, float64(r.totals.failures[k]), with(string(k))...)
	}
	ch <- prometheus.MustNewConstHistogram(probeDuration, r.totals.duration.count, r.totals.duration.sum, maps.Clone(r.totals.duration.counts), labels...)
	for _, step := range slices.Sorted(maps.Keys(r.totals.steps)) {
		h := r.totals.steps[step]
		ch <- prometheus.MustNewConstHistogram(probeStepDuration, h.count, h.sum, maps.Clone(h.counts), with(step)...)
	}
	if r.latest.Outcome == "" {
		return // nothing has run: what follows is unknown, not 0
	}
	gauge(probeLastRun, seconds(r.latest))
	gauge(probeLeftovers, float64(len(r.latest.Leftovers)))
	if n := len(r.passed); n > 0 {
		gauge(probeLastSuccess, seconds(r.passed[n-1]))
	}
	failures := 0
	switch r.latest.Outcome {
	case Passed:
		gauge(probeSuccess, 1)
	case Failed:
		failures = r.streak
		gauge(probeSuccess, 0)
	case Blocked, Unknown:
	}
	gauge(probeConsecutiveFailures, float64(failures))
}

func seconds(run Run) float64 { return float64(run.Started.UnixMilli()) / 1000 }
