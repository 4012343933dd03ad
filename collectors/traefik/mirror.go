package traefik

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
)

// A family is one of Traefik's that is published again. Labels it may have
// beyond these, such as headers an operator added, are summed away.
type family struct {
	name   string
	was    string // its name in Traefik 2, "" when it has not changed
	kind   model.MetricType
	labels []string
	desc   *prometheus.Desc
}

// republished are the families dashboards for Traefik use, under the names of
// Traefik 3. What only Traefik 2 has keeps its name. Routers are folded: see
// routers.
var republished = []family{
	mirror("traefik_config_reloads_total", model.MetricTypeCounter, "Config reloads"),
	mirror("traefik_config_last_reload_success", model.MetricTypeGauge, "Last config reload success"),
	mirror("traefik_config_reloads_failure_total", model.MetricTypeCounter, "Config reloads that failed, as Traefik 2 counts them."),
	mirror("traefik_config_last_reload_failure", model.MetricTypeGauge, "Last config reload failure, as Traefik 2 tells it."),
	renamed("traefik_entrypoint_open_connections", mirror("traefik_open_connections", model.MetricTypeGauge, "How many open connections exist, by entryPoint and protocol", "entrypoint", "protocol")),
	mirror("traefik_service_open_connections", model.MetricTypeGauge, "How many open connections exist on a service, as Traefik 2 tells it.", "service", "protocol"),
	mirror("traefik_tls_certs_not_after", model.MetricTypeGauge, "Certificate expiration timestamp", "cn", "sans", "serial"),
	mirror("traefik_service_server_up", model.MetricTypeGauge, "service server is up, described by gauge value of 0 or 1.", "service", "url"),
	mirror("traefik_service_retries_total", model.MetricTypeCounter, "How many request retries happened on a service.", "service"),
	mirror("traefik_entrypoint_requests_total", model.MetricTypeCounter, "How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_entrypoint_request_duration_seconds", model.MetricTypeHistogram, "How long it took to process the request on an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_entrypoint_requests_bytes_total", model.MetricTypeCounter, "The total size of requests in bytes handled by an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_entrypoint_responses_bytes_total", model.MetricTypeCounter, "The total size of responses in bytes handled by an entrypoint, partitioned by status code, protocol, and method.", "code", "method", "protocol", "entrypoint"),
	mirror("traefik_service_requests_total", model.MetricTypeCounter, "How many HTTP requests processed on a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
	mirror("traefik_service_request_duration_seconds", model.MetricTypeHistogram, "How long it took to process the request on a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
	mirror("traefik_service_requests_bytes_total", model.MetricTypeCounter, "The total size of requests in bytes received by a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
	mirror("traefik_service_responses_bytes_total", model.MetricTypeCounter, "The total size of responses in bytes returned by a service, partitioned by status code, protocol, and method.", "code", "method", "protocol", "service"),
}

func mirror(name string, kind model.MetricType, help string, labels ...string) family {
	return family{name: name, kind: kind, labels: labels, desc: prometheus.NewDesc(name, help, labels, nil)}
}

func renamed(was string, f family) family {
	f.was = was
	return f
}

// told is the name under which an exposition has the family, "" when it has
// not, or as another type than expected.
func (f family) told(e exposition) string {
	for _, name := range []string{f.name, f.was} {
		if name != "" && e.typeOf(name) == f.kind {
			return name
		}
	}
	return ""
}

// publish sends the family's series, merging those that differ only in labels
// that are left out.
func (f family) publish(ch chan<- prometheus.Metric, e exposition) {
	name := f.told(e)
	if name == "" {
		return
	}
	merged := sums{family: f, byKey: map[string]*sum{}}
	if f.kind != model.MetricTypeHistogram {
		for _, s := range e.series[name] {
			merged.of(s).value += s.value
		}
	} else {
		for _, s := range e.series[name+"_sum"] {
			merged.of(s).value += s.value
		}
		for _, s := range e.series[name+"_count"] {
			merged.of(s).count += uint64(s.value)
		}
		for _, s := range e.series[name+"_bucket"] {
			if bound, err := strconv.ParseFloat(s.labels.Get(model.BucketLabel), 64); err == nil {
				merged.of(s).buckets[bound] += uint64(s.value)
			}
		}
	}
	for _, s := range merged.list {
		f.send(ch, s)
	}
}

func (f family) send(ch chan<- prometheus.Metric, s *sum) {
	switch f.kind {
	case model.MetricTypeHistogram:
		ch <- prometheus.MustNewConstHistogram(f.desc, s.count, s.value, s.buckets, s.labels...)
	case model.MetricTypeCounter:
		counter(ch, f.desc, s.value, s.labels...)
	default:
		gauge(ch, f.desc, s.value, s.labels...)
	}
}

// A sum accumulates series.
type sum struct {
	labels  []string
	value   float64 // of a histogram, the sum of its observations
	count   uint64
	buckets map[float64]uint64
}

// sums are the series of a family by the values of its labels.
type sums struct {
	family family
	byKey  map[string]*sum
	list   []*sum // in the order they came
}

// of is the sum a series adds to.
func (m *sums) of(s series) *sum {
	values := make([]string, len(m.family.labels))
	for i, name := range m.family.labels {
		values[i] = s.labels.Get(name)
	}
	key := strings.Join(values, "\xff")
	if m.byKey[key] == nil {
		m.byKey[key] = &sum{labels: values, buckets: map[float64]uint64{}}
		m.list = append(m.list, m.byKey[key])
	}
	return m.byKey[key]
}
