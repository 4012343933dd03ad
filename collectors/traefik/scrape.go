package traefik

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/fault"
)

var up = prometheus.NewDesc("traefik_up", "Whether Traefik's own metrics could be read: 1 or 0.", nil, nil)

// maxScrape bounds the body of Traefik's metrics.
const maxScrape = 32 << 20

// scrape reads Traefik's metrics and publishes the families of republished
// under their own names and labels.
type scrape struct {
	url    string
	client *http.Client
}

// Describe implements collector.Collector.
func (scrape) Describe(ch chan<- *prometheus.Desc) {
	ch <- up
	for _, f := range republished {
		ch <- f.desc
	}
}

// Collect implements collector.Collector.
func (s scrape) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	families, err := s.read(ctx)
	if err != nil {
		gauge(ch, up, 0)
		return err
	}
	gauge(ch, up, 1)
	for _, f := range republished {
		if mf := families[f.name]; mf != nil {
			f.publish(ch, mf)
		}
	}
	return nil
}

func (s scrape) read(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	const op = "read Traefik's metrics"
	resp, err := get(ctx, s.client, s.url, string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	if err != nil {
		return nil, fault.Wrap(op, err, "check that Traefik runs and that metrics.prometheus.entryPoint listens there")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &fault.Error{Op: op, Kind: kindOf(resp.StatusCode), Err: statusError(resp.StatusCode), Hint: "check the path of the URL, usually /metrics"}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(resp.Body, maxScrape))
	if err != nil {
		if ctx.Err() != nil {
			return nil, fault.Wrap(op, ctx.Err(), "")
		}
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("not Prometheus text: %w", err), Hint: "point metrics at Traefik's Prometheus endpoint"}
	}
	if !slices.ContainsFunc(republished, func(f family) bool { return families[f.name] != nil }) {
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("%d metric families, none of Traefik's", len(families)), Hint: "point metrics at Traefik, not at another exporter"}
	}
	return families, nil
}

func kindOf(status int) fault.Kind {
	switch {
	case status == http.StatusUnauthorized:
		return fault.Auth
	case status == http.StatusForbidden:
		return fault.Denied
	case status == http.StatusTooManyRequests:
		return fault.Limit
	case status >= 500:
		return fault.Unavailable
	}
	return fault.Schema
}

// A family is one of Traefik's that is published again. Labels it may have
// beyond these, such as headers an operator added, are summed away.
type family struct {
	name   string
	kind   dto.MetricType
	labels []string
	desc   *prometheus.Desc
}

// republished are the families dashboards for Traefik use. Routers are left
// out: their names change with every redeployment.
var republished = []family{
	mirror("traefik_config_reloads_total", dto.MetricType_COUNTER, "Config reloads"),
	mirror("traefik_config_last_reload_success", dto.MetricType_GAUGE, "Last config reload success"),
	mirror("traefik_open_connections", dto.MetricType_GAUGE, "How many open connections exist, by entryPoint and protocol", "entrypoint", "protocol"),
	mirror("traefik_tls_certs_not_after", dto.MetricType_GAUGE, "Certificate expiration timestamp", "cn", "sans", "serial"),
	mirror("traefik_service_server_up", dto.MetricType_GAUGE, "service server is up, described by gauge value of 0 or 1.", "service", "url"),
	mirror("traefik_service_retries_total", dto.MetricType_COUNTER, "How many request retries happened on a service.", "service"),
	mirror("traefik_entrypoint_requests_total", dto.MetricType_COUNTER, "How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_entrypoint_request_duration_seconds", dto.MetricType_HISTOGRAM, "How long it took to process the request on an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_entrypoint_requests_bytes_total", dto.MetricType_COUNTER, "The total size of requests in bytes handled by an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_entrypoint_responses_bytes_total", dto.MetricType_COUNTER, "The total size of responses in bytes handled by an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_service_requests_total", dto.MetricType_COUNTER, "How many HTTP requests processed on a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
	mirror("traefik_service_request_duration_seconds", dto.MetricType_HISTOGRAM, "How long it took to process the request on a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
	mirror("traefik_service_requests_bytes_total", dto.MetricType_COUNTER, "The total size of requests in bytes received by a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
	mirror("traefik_service_responses_bytes_total", dto.MetricType_COUNTER, "The total size of responses in bytes returned by a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
}

func mirror(name string, kind dto.MetricType, help string, labels ...string) family {
	return family{name: name, kind: kind, labels: labels, desc: prometheus.NewDesc(name, help, labels, nil)}
}

// publish sends the family's series, merging those that differ only in labels
// that are left out. A family of another type than expected is not sent.
func (f family) publish(ch chan<- prometheus.Metric, mf *dto.MetricFamily) {
	if mf.GetType() != f.kind {
		return
	}
	merged := map[string]*sum{}
	var order []string
	for _, m := range mf.GetMetric() {
		values := f.values(m)
		key := strings.Join(values, "\xff")
		s := merged[key]
		if s == nil {
			s = &sum{labels: values, buckets: map[float64]uint64{}}
			merged[key] = s
			order = append(order, key)
		}
		s.add(m)
	}
	for _, key := range order {
		f.send(ch, merged[key])
	}
}

// values returns a series' values of the family's labels.
func (f family) values(m *dto.Metric) []string {
	values := make([]string, len(f.labels))
	for _, l := range m.GetLabel() {
		if i := slices.Index(f.labels, l.GetName()); i >= 0 {
			values[i] = l.GetValue()
		}
	}
	return values
}

func (f family) send(ch chan<- prometheus.Metric, s *sum) {
	switch f.kind {
	case dto.MetricType_HISTOGRAM:
		ch <- prometheus.MustNewConstHistogram(f.desc, s.count, s.value, s.buckets, s.labels...)
	case dto.MetricType_COUNTER:
		counter(ch, f.desc, s.value, s.labels...)
	default:
		gauge(ch, f.desc, s.value, s.labels...)
	}
}

// sum accumulates series.
type sum struct {
	labels  []string
	value   float64 // of a histogram, the sum of its observations
	count   uint64
	buckets map[float64]uint64
}

func (s *sum) add(m *dto.Metric) {
	h := m.GetHistogram()
	s.value += m.GetGauge().GetValue() + m.GetCounter().GetValue() + h.GetSampleSum()
	s.count += h.GetSampleCount()
	for _, b := range h.GetBucket() {
		s.buckets[b.GetUpperBound()] += b.GetCumulativeCount()
	}
}
