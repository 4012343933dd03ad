package odoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	a, err := pages{client: h.client, host: h.host}.get(ctx, h.url)
	if err != nil {
		return unanswered(healthOp, err)
	}
	return judgeHealth(a.status, a.header.Get("Content-Type"), a.body)
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
