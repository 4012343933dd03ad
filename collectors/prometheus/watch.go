package prometheus

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

const (
	valueName   = "prometheus_query_value"
	seriesName  = "prometheus_query_series"
	partialName = "prometheus_query_partial"
	remarksName = "prometheus_query_remarks"
)

var (
	seriesDesc = prometheus.NewDesc(seriesName,
		"Series of the query's latest answer, by what became of them: used, told as other, stale or not_a_number.", []string{"state", "query"}, nil)
	partialDesc = prometheus.NewDesc(partialName,
		"Whether the query's latest answer lacks some of the data, by what the server says.", []string{"query"}, nil)
	remarksDesc = prometheus.NewDesc(remarksName,
		"Remarks of the server on the query itself in its latest answer, such as a rate of what is not a counter.", []string{"query"}, nil)
)

// A watch asks one query.
type watch struct {
	query    Query
	interval time.Duration
	now      func() time.Time
	client   *client
	values   *prometheus.Desc // its labels are the query's
}

func newWatch(q Query, s Settings, c *client) collector.Collector {
	return &watch{
		query: q, interval: s.Config.Interval.D(), now: s.Now, client: c,
		values: prometheus.NewDesc(valueName,
			"Latest value of a query that the estate declares; absent when it gives none, or an incomplete one.", append([]string{"query"}, q.By...), nil),
	}
}

// Describe implements collector.Collector.
func (w *watch) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{w.values, seriesDesc, partialDesc, remarksDesc} {
		ch <- d
	}
}

// Collect implements collector.Collector: one question. A failure sends
// nothing, so that the last value counts until it is no longer fresh; an
// incomplete answer is one, and says that it is.
func (w *watch) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	q := &w.query
	at, freshFor := w.now().Truncate(w.interval), q.freshness(w.interval)
	a, err := w.client.ask(ctx, question{q.Query, at, freshFor})
	if err != nil {
		return fault.Wrap("query "+q.Name, err, "")
	}
	values, counts := q.values(a.series, at, freshFor)
	if a.lacks == "" || q.Partial == Use {
		for _, v := range values {
			gauge(ch, w.values, v.value, append([]string{q.Name}, v.labels...)...)
		}
	}
	for _, s := range states {
		gauge(ch, seriesDesc, float64(counts[s]), string(s), q.Name)
	}
	gauge(ch, remarksDesc, float64(a.remarks), q.Name)
	if a.lacks == "" {
		gauge(ch, partialDesc, 0, q.Name)
		return nil
	}
	gauge(ch, partialDesc, 1, q.Name)
	return &fault.Error{
		Op: "query " + q.Name, Kind: fault.Unavailable, Err: errors.New("the answer is partial: " + w.client.scrub(a.lacks)),
		Hint: "see which of the stores behind the server do not answer",
	}
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
