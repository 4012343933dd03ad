package traefiksim

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A scope holds the five families of one level: entry point, router or
// service.
type scope struct {
	requests, tls, requestBytes, responseBytes *prometheus.CounterVec
	duration                                   *prometheus.HistogramVec
}

// telemetry is the registry of one run.
type telemetry struct {
	registry                    *prometheus.Registry
	entryPoint, router, service scope
	openConnections             *prometheus.GaugeVec
	serverUp                    *prometheus.GaugeVec
	reloads                     prometheus.Counter
	lastReload                  prometheus.Gauge
}

func newTelemetry(buckets []float64, certificates []tls.Certificate) *telemetry {
	reg := prometheus.NewRegistry()
	t := &telemetry{
		registry: reg,
		entryPoint: newScope(reg, buckets, "entrypoint", []string{"entrypoint"}, [5]string{
			"How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and method.",
			"How many HTTP requests with TLS processed on an entrypoint, partitioned by TLS Version and TLS cipher Used.",
			"How long it took to process the request on an entrypoint, partitioned by status code, protocol, and method.",
			"The total size of requests in bytes handled by an entrypoint, partitioned by status code, protocol, and method.",
			"The total size of responses in bytes handled by an entrypoint, partitioned by status code, protocol, and method.",
		}),
		router: newScope(reg, buckets, "router", []string{"router", "service"}, [5]string{
			"How many HTTP requests are processed on a router, partitioned by service, status code, protocol, and method.",
			"How many HTTP requests with TLS are processed on a router, partitioned by service, TLS Version, and TLS cipher Used.",
			"How long it took to process the request on a router, partitioned by service, status code, protocol, and method.",
			"The total size of requests in bytes handled by a router, partitioned by service, status code, protocol, and method.",
			"The total size of responses in bytes handled by a router, partitioned by service, status code, protocol, and method.",
		}),
		service: newScope(reg, buckets, "service", []string{"service"}, [5]string{
			"How many HTTP requests processed on a service, partitioned by status code, protocol, and method.",
			"How many HTTP requests with TLS processed on a service, partitioned by TLS version and TLS cipher.",
			"How long it took to process the request on a service, partitioned by status code, protocol, and method.",
			"The total size of requests in bytes received by a service, partitioned by status code, protocol, and method.",
			"The total size of responses in bytes returned by a service, partitioned by status code, protocol, and method.",
		}),
		openConnections: gauge(reg, "traefik_open_connections", "How many open connections exist, by entryPoint and protocol", "entrypoint", "protocol"),
		serverUp:        gauge(reg, "traefik_service_server_up", "service server is up, described by gauge value of 0 or 1.", "service", "url"),
	}
	t.reloads = prometheus.NewCounter(prometheus.CounterOpts{Name: "traefik_config_reloads_total", Help: "Config reloads"})
	t.lastReload = prometheus.NewGauge(prometheus.GaugeOpts{Name: "traefik_config_last_reload_success", Help: "Last config reload success"})
	reg.MustRegister(t.reloads, t.lastReload)
	t.reloaded()

	expiry := gauge(reg, "traefik_tls_certs_not_after", "Certificate expiration timestamp", "cn", "sans", "serial")
	for _, c := range certificates {
		if leaf := c.Leaf; leaf != nil {
			sans := slices.Sorted(slices.Values(leaf.DNSNames))
			expiry.WithLabelValues(leaf.Subject.CommonName, strings.Join(sans, ","), leaf.SerialNumber.String()).
				Set(float64(leaf.NotAfter.Unix()))
		}
	}
	return t
}

// reloaded counts a configuration that was taken over.
func (t *telemetry) reloaded() {
	t.reloads.Inc()
	t.lastReload.Set(float64(time.Now().Unix()))
}

func newScope(reg *prometheus.Registry, buckets []float64, name string, base []string, help [5]string) scope {
	labels := append(slices.Clone(base), "code", "method", "protocol")
	counter := func(suffix, help string, labels []string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "traefik_" + name + suffix, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	s := scope{
		requests:      counter("_requests_total", help[0], labels),
		tls:           counter("_requests_tls_total", help[1], append(slices.Clone(base), "tls_version", "tls_cipher")),
		requestBytes:  counter("_requests_bytes_total", help[3], labels),
		responseBytes: counter("_responses_bytes_total", help[4], labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "traefik_" + name + "_request_duration_seconds", Help: help[2], Buckets: buckets,
		}, labels),
	}
	reg.MustRegister(s.duration)
	return s
}

func gauge(reg *prometheus.Registry, name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	reg.MustRegister(g)
	return g
}

// measure counts one request through next. A request that ends in a panic,
// as one whose backend cut it off does, is counted only as TLS.
func (s scope) measure(w http.ResponseWriter, r *http.Request, next http.Handler, base ...string) {
	rec := recordOf(r.Context())
	if r.TLS != nil {
		labels := append(slices.Clone(base), tlsVersion(r.TLS), tls.CipherSuiteName(r.TLS.CipherSuite))
		s.tls.WithLabelValues(labels...).Inc()
	}
	protocol, method := protocolOf(r), methodOf(r.Method)
	start := time.Now()

	next.ServeHTTP(w, r)

	labels := append(slices.Clone(base), strconv.Itoa(rec.writer.status), method, protocol)
	s.requests.WithLabelValues(labels...).Inc()
	s.duration.WithLabelValues(labels...).Observe(time.Since(start).Seconds())
	s.requestBytes.WithLabelValues(labels...).Add(float64(rec.body.size.Load()))
	s.responseBytes.WithLabelValues(labels...).Add(float64(rec.writer.size))
}

func protocolOf(r *http.Request) string {
	switch {
	case hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket"):
		return "websocket"
	case hasToken(r.Header, "Accept", "text/event-stream"):
		return "sse"
	default:
		return "http"
	}
}

func hasToken(h http.Header, name, token string) bool {
	return slices.ContainsFunc(strings.Split(h.Get(name), ","), func(s string) bool {
		return strings.EqualFold(strings.TrimSpace(s), token)
	})
}

// methodOf keeps a client from inventing label values.
func methodOf(method string) string {
	switch method {
	case "HEAD", "GET", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI":
		return method
	default:
		return "EXTENSION_METHOD"
	}
}
