package traefik

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var up = prometheus.NewDesc("traefik_up", "Whether Traefik's own metrics could be read: 1 or 0.", nil, nil)

// maxScrape bounds the body of Traefik's metrics.
const maxScrape = 32 << 20

var (
	configRefused = prometheus.NewDesc(
		"traefik_config_refused",
		"Whether the newest change of the configuration was refused, so that Traefik runs on an older one, by who tells (metrics of Traefik 2, log): 1 or 0.",
		[]string{"told_by"}, nil,
	)
	certificateRemaining = prometheus.NewDesc(
		"traefik_tls_certificate_remaining_seconds",
		"How long the newest certificate Traefik has loaded for a name (its common name, or the first of the others) is still valid; negative once it has ended. Traefik's own default certificate is left out.",
		[]string{"name"}, nil,
	)
)

// Who tells of refused configurations.
const (
	toldByMetrics = "metrics"
	toldByLog     = "log"
)

// defaultCertificate is the name in the certificate that Traefik makes for
// itself at each start.
const defaultCertificate = "TRAEFIK DEFAULT CERT"

// scrape reads Traefik's metrics and publishes the families of republished
// under their own names and labels, and what follows from them.
type scrape struct {
	url      string
	client   *http.Client
	now      func() time.Time
	routers  routers
	removed  removed
	sighting *sighting // nil keeps what is seen to itself
}

// Describe implements collector.Collector.
func (*scrape) Describe(ch chan<- *prometheus.Desc) {
	ch <- up
	for _, f := range republished {
		ch <- f.desc
	}
	for _, d := range []*prometheus.Desc{routerRequests, removedRequests, configRefused, certificateRemaining} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (s *scrape) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	e, err := s.read(ctx)
	if err != nil {
		gauge(ch, up, 0)
		return err
	}
	gauge(ch, up, 1)
	for _, f := range republished {
		f.publish(ch, e)
	}
	s.routers.fold(ch, e)
	s.removed.see(e)
	counter(ch, removedRequests, s.removed.requests)
	publishRefused(ch, e)
	s.publishCertificates(ch, e)
	s.sighting.see(s.now(), e)
	return nil
}

// publishRefused tells what only Traefik 2 does in its metrics.
func publishRefused(ch chan<- prometheus.Metric, e exposition) {
	failed, known := e.value("traefik_config_last_reload_failure")
	if loaded, ok := e.value(lastReload); ok && known {
		gauge(ch, configRefused, truth(failed > loaded), toldByMetrics)
	}
}

// publishCertificates tells how long the newest certificate of each name lasts:
// Traefik may tell of those it has replaced until its next restart.
func (s *scrape) publishCertificates(ch chan<- prometheus.Metric, e exposition) {
	ends := map[string]float64{}
	for _, c := range e.series["traefik_tls_certs_not_after"] {
		first, _, _ := strings.Cut(c.labels.Get("sans"), ",")
		if name := cmp.Or(c.labels.Get("cn"), first); name != defaultCertificate {
			ends[name] = max(ends[name], c.value)
		}
	}
	now := float64(s.now().UnixMilli()) / 1e3
	for name, end := range ends {
		gauge(ch, certificateRemaining, end-now, name)
	}
}

func (s *scrape) read(ctx context.Context) (exposition, error) {
	const op = "read Traefik's metrics"
	resp, err := get(ctx, s.client, s.url, accepted)
	if err != nil {
		return exposition{}, fault.Wrap(op, err, "check that Traefik runs and that metrics.prometheus.entryPoint listens there")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return exposition{}, &fault.Error{Op: op, Kind: kindOf(resp.StatusCode), Err: statusError(resp.StatusCode), Hint: "check the path of the URL, usually /metrics"}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxScrape))
	if err != nil {
		return exposition{}, fault.Wrap(op, cmp.Or(ctx.Err(), err), "check that Traefik runs and that metrics.prometheus.entryPoint listens there")
	}
	e, err := readExposition(body, resp.Header.Get("Content-Type"))
	if err != nil {
		return exposition{}, &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("not Prometheus text: %w", err), Hint: "point metrics at Traefik's Prometheus endpoint"}
	}
	if !e.traefiks() {
		return exposition{}, &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("%d metric families, none of Traefik's", e.families), Hint: "point metrics at Traefik, not at another exporter"}
	}
	return e, nil
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
