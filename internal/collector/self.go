package collector

import (
	"maps"
	"time"

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
	selfLastGathered = prometheus.NewDesc("closewatch_scrape_collector_last_gathered_timestamp_seconds",
		"When what the collector publishes was gathered: by its last run, or by an earlier one while runs fail with nothing to show; absent until one gathers something.", selfLabels, nil)
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
	selfConnections = prometheus.NewDesc("closewatch_scrape_collector_connections_total",
		"Connections opened to the monitored system, or tried to: logins, where it has them.", selfLabels, nil)
	selfCPU = prometheus.NewDesc("closewatch_scrape_collector_cpu_seconds_total",
		"CPU time of the daemon for the collector's runs, on the thread they began on: what goroutines of theirs used is not in it. Absent where it cannot be measured.", selfLabels, nil)
	selfBudget = map[string]*prometheus.Desc{
		overRequests: prometheus.NewDesc("closewatch_scrape_collector_budget_requests",
			"Statements, commands or calls that one run may send; absent without a limit.", selfLabels, nil),
		overWaiting: prometheus.NewDesc("closewatch_scrape_collector_budget_target_seconds",
			"Time the answers to one run may take; absent without a limit.", selfLabels, nil),
		overCPU: prometheus.NewDesc("closewatch_scrape_collector_budget_cpu_seconds",
			"CPU time of the daemon that one run may use; absent without a limit.", selfLabels, nil),
	}
	selfMaxSeries = prometheus.NewDesc("closewatch_scrape_collector_max_series",
		"Series the collector may publish; it drops and counts what is more.", selfLabels, nil)
	selfInterval = prometheus.NewDesc("closewatch_scrape_collector_interval_seconds",
		"Time from one run to the next at present: longer than configured while the runs cost more than their budget.", selfLabels, nil)
	selfBackoffs = prometheus.NewDesc("closewatch_scrape_collector_backoffs_total",
		"Times the interval was made longer because runs cost more than their budget or did not end in time.", selfLabels, nil)
	selfOverBudget = prometheus.NewDesc("closewatch_scrape_collector_over_budget_total",
		"Runs that cost more than their budget, by what there was too much of.", append([]string{"resource"}, selfLabels...), nil)
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
	for _, d := range []*prometheus.Desc{
		selfSuccess, selfDuration, selfLastSuccess, selfLastGathered, selfSeries, selfFailures, selfDropped, selfHung, selfRequests, selfWaiting,
		selfConnections, selfCPU, selfBudget[overRequests], selfBudget[overWaiting], selfBudget[overCPU], selfMaxSeries, selfInterval,
		selfBackoffs, selfOverBudget,
	} {
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

// limits is what the budget limits, each in its unit.
func (b Budget) limits() map[string]float64 {
	limits := map[string]float64{overRequests: float64(b.Requests), overWaiting: b.Waiting.Seconds(), overCPU: b.CPU.Seconds()}
	maps.DeleteFunc(limits, func(_ string, limit float64) bool { return limit == 0 })
	return limits
}

// cost is what the collector has cost the monitored system, and whether that is
// told: that it is nothing is known of those only that tell, or have a budget.
func (w *worker) cost() (spent Spent, told bool) {
	_, spender := w.task.Collector.(Spender)
	spent = w.meter.Spent().plus(w.spentMeanwhile())
	return spent, spender || spent != Spent{} || w.task.Budget.Requests > 0
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
	gauge(selfMaxSeries, float64(w.task.MaxSeries))
	gauge(selfInterval, w.interval().Seconds())
	counter(selfBackoffs, totals.backoffs)
	seconds := func(d *prometheus.Desc, v time.Duration) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v.Seconds(), labels...)
	}
	if cpuMeasured {
		seconds(selfCPU, totals.cpu)
	}
	if spent, told := w.cost(); told {
		counter(selfRequests, spent.Requests)
		counter(selfConnections, spent.Connections)
		seconds(selfWaiting, spent.Waiting)
	}
	for resource, limit := range w.task.Budget.limits() {
		gauge(selfBudget[resource], limit)
		counter(selfOverBudget, totals.overBudget[resource], resource)
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
	if len(s.Families) > 0 {
		gauge(selfLastGathered, float64(s.Gathered.UnixMilli())/1000)
	}
}
