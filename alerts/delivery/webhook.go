package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Webhook posts messages as Alertmanager's webhook receiver does, version 4.
type Webhook struct {
	address string // secret
	host    string
	client  *http.Client
}

// NewWebhook returns the webhook at an address, which is never shown but for its
// host. Its error is a *fault.Error.
func NewWebhook(address string, transport http.RoundTripper) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &fault.Error{Op: "use a webhook", Kind: fault.Schema, Err: errors.New("its address is not an HTTP URL"), Hint: "refer to a URL such as https://hooks.example.com/closewatch"}
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Webhook{address: address, host: u.Host, client: client}, nil
}

// Name implements Channel.
func (w *Webhook) Name() string { return "webhook" }

// Close implements Channel.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }

// hook is what is posted.
type hook struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []hookAlert       `json:"alerts"`
}

type hookAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

func hookOf(m Message) hook {
	status := "firing"
	if m.Resolved() {
		status = "resolved"
	}
	annotations := map[string]string{"delivered_by": m.Why}
	maps.Copy(annotations, m.Annotations)
	labels := model.LabelSet{}
	for name, value := range m.Labels {
		labels[model.LabelName(name)] = model.LabelValue(value)
	}
	return hook{
		Version: "4", GroupKey: "closewatch/" + m.Page(), Status: status, Receiver: "closewatch",
		GroupLabels: map[string]string{"alertname": m.Labels["alertname"]}, CommonLabels: m.Labels, CommonAnnotations: annotations,
		ExternalURL: m.GeneratorURL,
		Alerts: []hookAlert{{
			Status: status, Labels: m.Labels, Annotations: annotations, StartsAt: m.StartsAt, EndsAt: m.EndsAt,
			GeneratorURL: m.GeneratorURL, Fingerprint: labels.Fingerprint().String(),
		}},
	}
}

// Send implements Channel. The header Idempotency-Key is the same when a
// message is sent again.
func (w *Webhook) Send(ctx context.Context, m Message) error {
	op := "post a page to the webhook at " + w.host
	body, err := json.Marshal(hookOf(m))
	if err != nil {
		return fault.Wrap(op, err, "")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("its address is not a URL")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.ID())
	resp, err := w.client.Do(req)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // without the address
		}
		return fault.Wrap(op, err, "check that it runs and can be reached")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // nothing is read of it
	if resp.StatusCode/100 == 2 {
		return nil
	}
	f := &fault.Error{Op: op, Err: &answered{status: resp.StatusCode}, Hint: "look at what answers there"}
	f.Kind, _ = kindOf(resp.StatusCode)
	return f
}
