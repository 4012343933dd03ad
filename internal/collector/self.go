package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var selfLabels = []string{"component", "collector", "environment"}

var (
	selfSuccess = prometheus.NewDesc("closewatch_scrape_collector_success",
		"Whether the collector's last run succeeded.", selfLabels, nil)
	selfDuration = prometheus.NewDesc("closewatch_scrape_collector_duration_seconds",
		"Duration of the collector's last run.", selfLabels, nil)
	selfLastSuccess = prometheus.NewDesc("closewatch_scrape_collector_last_success_timestamp_seconds",
		"When the collector last succeeded; absent until it does.", selfLabels, nil)
	selfSeries = prometheus.NewDesc("closewatch_scrape_collector_series",
		"Series the collector has published and not withdrawn.", selfLabels, nil)
	selfFailures = prometheus.NewDesc("closewatch_scrape_collector_failures_total",
		"Runs that failed or were partial, by kind of failure.", append([]string{"kind"}, selfLabels...), nil)
	selfDropped = prometheus.NewDesc("closewatch_scrape_collector_dropped_series_total",
		"Series dropped because the collector sent more than its bound.", selfLabels, nil)
	selfHung = prometheus.NewDesc("closewatch_scrape_collector_hung_total",
		"Runs abandoned because the collector ignored its deadline.", selfLabels, nil)
	selfRequests = prometheus.NewDesc("closewatch_scrape_collector_requests_total",
		"Statements, commands or calls sent to the monitored system.", selfLabels, nil)
	selfWaiting = prometheus.NewDesc("closewatch_scrape_collector_target_seconds_total",
		"Time the answers of the monitored system took.", selfLabels, nil)
	selfOverBudget = prometheus.NewDesc("closewatch_scrape_collector_over_budget_total",
		"Runs that cost the monitored system more than their budget, by what there was too much of.", append([]string{"resource"}, selfLabels...), nil)
)

func newRestarts() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "closewatch_scrape_background_restarts_total",
		Help: "Times a component's background work (sampler, log follower) failed and was started again.",
	}, []string{"component", "environment"})
}

// selfMetrics are the runner's metrics about its tasks.
type selfMetrics struct{ runner *Runner }

// Describe implements prometheus.Collector.
func (selfMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{selfSuccess, selfDuration, selfLastSuccess, selfSeries, selfFailures, selfDropped, selfHung, selfRequests, selfWaiting, selfOverBudget} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s selfMetrics) Collect(ch chan<- prometheus.Metric) {
	now := s.runner.settings.Now()
	for _, w := range s.runner.workers {
		w.collectSelf(ch, w.published(now))
	}
}

func (w *worker) collectSelf(ch chan<- prometheus.Metric, s *Snapshot) {
	labels := []string{w.task.Component, w.task.Name, w.task.Environment}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, more ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), append(more, labels...)...)
	}
	totals := w.totals()
	for _, k := range fault.Kinds() {
		counter(selfFailures, totals.failures[k], string(k))
	}
	counter(selfDropped, totals.dropped)
	counter(selfHung, totals.hung)
	if spent := w.spent(); spent != nil {
		counter(selfRequests, spent.Requests)
		ch <- prometheus.MustNewConstMetric(selfWaiting, prometheus.CounterValue, spent.Waiting.Seconds(), labels...)
		for _, resource := range []string{overRequests, overWaiting} {
			counter(selfOverBudget, totals.overBudget[resource], resource)
		}
	}
	if s == nil {
		return
	}
	success := 0.0
	if s.Err == nil {
		success = 1
	}
	gauge(selfSuccess, success)
	gauge(selfDuration, s.Duration.Seconds())
	gauge(selfSeries, float64(s.Series))
	if !s.LastSuccess.IsZero() {
		gauge(selfLastSuccess, float64(s.LastSuccess.UnixMilli())/1000)
	}
}
