package traefik

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	entrypointReachable = prometheus.NewDesc(
		"traefik_entrypoint_reachable",
		"Whether the entrypoint answers from outside with anything but a server error: 1 or 0.",
		nil, nil,
	)
	entrypointPing = prometheus.NewDesc(
		"traefik_entrypoint_ping_duration_seconds",
		"How long the last answer from outside took, connecting included when no connection was open.",
		nil, nil,
	)
)

// agent is the User-Agent of every request of ours, by which the access log
// tells them from users'.
const agent = "closewatch-probe/1"

// ping asks the entrypoint from outside, as a user would reach it.
type ping struct {
	url    string
	client *http.Client
	now    func() time.Time
}

// Describe implements collector.Collector.
func (ping) Describe(ch chan<- *prometheus.Desc) {
	ch <- entrypointReachable
	ch <- entrypointPing
}

// Collect implements collector.Collector.
func (p ping) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	started := p.now()
	status, err := p.ask(ctx)
	if err != nil {
		gauge(ch, entrypointReachable, 0)
		return fault.Wrap("ask the entrypoint", err, "check that Traefik runs and that its entrypoint is reachable from here")
	}
	gauge(ch, entrypointPing, p.now().Sub(started).Seconds())
	if status >= 500 {
		gauge(ch, entrypointReachable, 0)
		return &fault.Error{
			Op: "ask the entrypoint", Kind: fault.Unavailable, Err: statusError(status),
			Hint: "Traefik answers but has no healthy server behind this URL, or is shutting down",
		}
	}
	gauge(ch, entrypointReachable, 1)
	return nil
}

func (p ping) ask(ctx context.Context) (status int, err error) {
	resp, err := get(ctx, p.client, p.url, "*/*")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, err
}

// get sends one request that names us.
func get(ctx context.Context, c *http.Client, url, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", accept)
	return c.Do(req)
}

// statusError is an unexpected status as an error.
type statusError int

func (s statusError) Error() string {
	return "HTTP " + strconv.Itoa(int(s)) + " " + http.StatusText(int(s))
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
