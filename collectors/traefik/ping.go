package traefik

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	entrypointReachable = prometheus.NewDesc(
		"traefik_entrypoint_reachable",
		"Whether the URL is answered from outside with anything but a server error, a redirect included: 1 or 0.",
		[]string{"url"}, nil,
	)
	entrypointPing = prometheus.NewDesc(
		"traefik_entrypoint_ping_duration_seconds",
		"How long the last answer from outside took, connecting and TLS included.",
		[]string{"url"}, nil,
	)
	entrypointTLS = prometheus.NewDesc(
		"traefik_entrypoint_tls_failed",
		"Whether TLS failed at the URL, by reason (expired, hostname, untrusted, handshake): 1 or 0; absent of a URL without TLS, and when TLS was not reached.",
		[]string{"url", "reason"}, nil,
	)
)

// agent is the User-Agent of every request of ours, by which the access log
// tells them from users'.
const agent = "closewatch-probe/1"

// Reasons for which TLS fails.
const (
	tlsExpired   = "expired"   // or not valid yet
	tlsHostname  = "hostname"  // the certificate is for other names
	tlsUntrusted = "untrusted" // no chain to an authority this machine trusts
	tlsHandshake = "handshake" // no TLS was agreed on
)

var tlsReasons = []string{tlsExpired, tlsHostname, tlsUntrusted, tlsHandshake}

// ping asks entrypoints from outside, as a user would reach them: on a new
// connection each time, so that what a new user would meet is what is seen.
type ping struct {
	urls   []string
	client *http.Client
	now    func() time.Time
}

// Describe implements collector.Collector.
func (ping) Describe(ch chan<- *prometheus.Desc) {
	ch <- entrypointReachable
	ch <- entrypointPing
	ch <- entrypointTLS
}

// Collect implements collector.Collector. All URLs are asked at a time.
func (p ping) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	errs := make([]error, len(p.urls))
	var asking sync.WaitGroup
	for i, u := range p.urls {
		asking.Go(func() { errs[i] = p.one(ctx, ch, u) })
	}
	asking.Wait()
	return errors.Join(errs...)
}

// one asks one URL and publishes what came of it.
func (p ping) one(ctx context.Context, ch chan<- prometheus.Metric, target string) error {
	name := shown(target)
	started := p.now()
	status, secured, err := p.ask(ctx, target)
	reason := tlsFailure(err)
	if secured || reason != "" {
		for _, r := range tlsReasons {
			gauge(ch, entrypointTLS, truth(r == reason), name, r)
		}
	}
	if err != nil {
		gauge(ch, entrypointReachable, 0, name)
		hint := "check that Traefik runs and that its entrypoint is reachable from here"
		if reason != "" {
			hint = "look at which certificate Traefik serves for this name: its default one means that none is loaded for it"
		}
		return fault.Wrap("ask "+name, err, hint)
	}
	gauge(ch, entrypointPing, p.now().Sub(started).Seconds(), name)
	if status >= 500 {
		gauge(ch, entrypointReachable, 0, name)
		return &fault.Error{
			Op: "ask " + name, Kind: fault.Unavailable, Err: statusError(status),
			Hint: "Traefik answers but has no healthy server behind this URL, or is shutting down",
		}
	}
	gauge(ch, entrypointReachable, 1, name)
	return nil
}

// ask reports the status of an answer and whether it came over TLS.
func (p ping) ask(ctx context.Context, target string) (status int, secured bool, err error) {
	resp, err := get(ctx, p.client, target, "*/*")
	if err != nil {
		return 0, false, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, resp.TLS != nil, err
}

// tlsFailure is why TLS failed, "" when it did not.
func tlsFailure(err error) string {
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return tlsHostname
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return tlsExpired
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return tlsUntrusted
	}
	if fault.Classify(err) == fault.TLS || errors.Is(err, http.ErrSchemeMismatch) {
		return tlsHandshake
	}
	return ""
}

// shown is a URL as it may be shown: without credentials, query and fragment.
func shown(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// get sends one request that names us. Its error does not repeat the URL, whose
// query may hold a secret.
func get(ctx context.Context, c *http.Client, target, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", accept)
	resp, err := c.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	return resp, err
}

// statusError is an unexpected status as an error.
type statusError int

func (s statusError) Error() string {
	return "HTTP " + strconv.Itoa(int(s)) + " " + http.StatusText(int(s))
}

// truth is 1 or 0.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
