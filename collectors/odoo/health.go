package odoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

var (
	up = prometheus.NewDesc(
		"odoo_up", "Whether /web/health answers pass: 1 or 0.", []string{"tenant"}, nil,
	)
	healthDuration = prometheus.NewDesc(
		"odoo_health_duration_seconds",
		"How long /web/health took to answer or was waited for. It needs a free worker, so it grows when all are busy.",
		[]string{"tenant"}, nil,
	)
)

// health asks the deployment whether it lives. /web/health takes a worker but
// no database: it passes while PostgreSQL is down, and its latency is what tells
// that the workers are exhausted.
type health struct {
	url, host, tenant string
	timeout           time.Duration
	client            *http.Client
	now               func() time.Time
}

// Describe implements collector.Collector.
func (health) Describe(ch chan<- *prometheus.Desc) {
	ch <- up
	ch <- healthDuration
}

// Collect implements collector.Collector.
func (h health) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	started := h.now()
	err := h.ask(ctx)
	if err == nil || fault.KindOf(err) == fault.Timeout {
		gauge(ch, healthDuration, h.now().Sub(started).Seconds(), h.tenant)
	}
	if err != nil {
		gauge(ch, up, 0, h.tenant)
		return err
	}
	gauge(ch, up, 1, h.tenant)
	return nil
}

const healthOp = "ask Odoo for its health"

func (h health) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return &fault.Error{Op: healthOp, Kind: fault.Schema, Err: err, Hint: "check url"}
	}
	req.Host = h.host
	req.Header.Set("User-Agent", "closewatch-probe/1")
	req.Header.Set("Accept", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		return unanswered(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return unanswered(err)
	}
	return judgeHealth(resp.StatusCode, resp.Header.Get("Content-Type"), body)
}

// unanswered says what it means that nothing came back.
func unanswered(err error) error {
	kind := fault.KindOf(err)
	hint := "check that Odoo runs and that url is reachable from here"
	if kind == fault.Timeout {
		hint = "look for long requests or locks: all workers are probably busy"
	}
	return &fault.Error{Op: healthOp, Kind: kind, Err: err, Hint: hint}
}

func judgeHealth(status int, contentType string, body []byte) error {
	var answer struct {
		Status string `json:"status"`
	}
	isJSON := json.Unmarshal(body, &answer) == nil && answer.Status != ""
	switch {
	case status == http.StatusOK && isJSON && answer.Status == "pass":
		return nil
	case isJSON && status < 500:
		return &fault.Error{Op: healthOp, Kind: fault.Assertion, Err: fmt.Errorf("it says %q", label(answer.Status)), Hint: "read Odoo's log"}
	case status >= 500:
		return &fault.Error{Op: healthOp, Kind: fault.Unavailable, Err: fmt.Errorf("HTTP %d", status), Hint: "check whether the ingress has a healthy Odoo behind this URL"}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &fault.Error{Op: healthOp, Kind: fault.Denied, Err: fmt.Errorf("HTTP %d", status), Hint: "let this host through to /web/health"}
	case strings.Contains(contentType, "html"):
		return &fault.Error{Op: healthOp, Kind: fault.Schema, Err: fmt.Errorf("HTTP %d with HTML instead of JSON", status), Hint: "check that url is an Odoo of version 15 or later and no login or maintenance page stands before it"}
	case status != http.StatusOK:
		return &fault.Error{Op: healthOp, Kind: fault.Schema, Err: fmt.Errorf("HTTP %d", status), Hint: "check that url is an Odoo of version 15 or later"}
	}
	return &fault.Error{Op: healthOp, Kind: fault.Schema, Err: errors.New("the answer is not Odoo's"), Hint: "check that url is an Odoo of version 15 or later"}
}

// newClient returns a client that follows no redirect and keeps no cookie.
func newClient() *http.Client {
	return &http.Client{
		Transport: collector.Transport(&http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, MaxConnsPerHost: 1, IdleConnTimeout: 90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
