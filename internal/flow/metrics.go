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
	probeRequests = desc("closewatch_probe_requests_total",
		"Requests that runs made to Odoo, clean-up included.")
	probeBusy = desc("closewatch_probe_odoo_seconds_total",
		"Time from each request of a run to its answer, added up: at most so long were workers of Odoo busy with it.")
	probeSent = desc("closewatch_probe_sent_bytes_total",
		"Bytes of the bodies that runs sent to Odoo.")
	probeReceived = desc("closewatch_probe_received_bytes_total",
		"Bytes of the bodies that runs received from Odoo.")
	probeWorker = desc("closewatch_probe_worker_ratio",
		"Part of the time of one worker of Odoo that the last ten runs took at the pace at which they came.")
	probeRows = desc("closewatch_probe_database_rows",
		"Rows that a run writes to the tenant's database at most: the least of the recent samples, each with what everybody else wrote meanwhile.", "operation")
	probeDropped = prometheus.NewDesc("closewatch_probe_series_dropped_total",
		"Runs that were not counted because there are too many series.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		probeSuccess, probeRuns, probeFailures, probeDuration, probeStepDuration,
		probeLastRun, probeLastSuccess, probeConsecutiveFailures, probeLeftovers,
		probeRequests, probeBusy, probeSent, probeReceived, probeWorker, probeRows, probeDropped,
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
	r.collectCost(ch, labels)
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

// collectCost publishes what runs cost, as far as it was measured.
func (r *record) collectCost(ch chan<- prometheus.Metric, labels []string) {
	if c := r.totals.cost; c != nil {
		for d, v := range map[*prometheus.Desc]float64{
			probeRequests: float64(c.Requests), probeBusy: c.Busy.Seconds(), probeSent: float64(c.Sent), probeReceived: float64(c.Received),
		} {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
		}
	}
	if ratio, known := r.totals.share(); known {
		ch <- prometheus.MustNewConstMetric(probeWorker, prometheus.GaugeValue, ratio, labels...)
	}
	if c := r.latest.Cost; c != nil && c.Rows != nil {
		for operation, n := range map[string]int64{"inserted": c.Rows.Inserted, "updated": c.Rows.Updated, "deleted": c.Rows.Deleted} {
			ch <- prometheus.MustNewConstMetric(probeRows, prometheus.GaugeValue, float64(n), append(slices.Clone(labels), operation)...)
		}
	}
}

func seconds(run Run) float64 { return float64(run.Started.UnixMilli()) / 1000 }
