package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {m.ID()}}
	status, err := w.ask(ctx, op, http.MethodPost, header, bytes.NewReader(body))
	if err != nil || status/100 == 2 {
		return err
	}
	f := &fault.Error{Op: op, Err: &answered{status: status}}
	f.Kind, f.Hint = kindOfHook(status)
	return f
}

// Try asks the webhook for what has no body, by the same way and as the same
// user as a message goes, and sends none. What only takes messages may answer
// that as it likes, which is said. Its error is a *fault.Error.
func (w *Webhook) Try(ctx context.Context) (Trial, error) {
	op := "reach the webhook at " + w.host
	status, err := w.ask(ctx, op, http.MethodHead, nil, http.NoBody)
	if err != nil {
		return Trial{}, err
	}
	found := Trial{Text: fmt.Sprintf("answers HTTP %d to a request without a page", status)}
	switch kind, hint := kindOfHook(status); {
	case status/100 == 2 || status == http.StatusMethodNotAllowed || kind == fault.Rejected:
		return found, nil
	case status == http.StatusNotFound:
		found.Doubt = "compare the path of notifications.webhook.url with what the receiver gave: some answer 404 to all but a page, so that only a page can tell"
		return found, nil
	default:
		return found, &fault.Error{Op: op, Kind: kind, Err: &answered{status: status}, Hint: hint}
	}
}

// kindOfHook classifies what a webhook answers.
func kindOfHook(status int) (kind fault.Kind, hint string) {
	kind, hint = kindOf(status)
	switch {
	case status == http.StatusProxyAuthRequired:
	case kind == fault.Auth:
		hint = "check basic or bearer of notifications.webhook"
	case kind == fault.Denied:
		hint = "let whoever we are there post pages"
	case status/100 == 3:
		hint = "write the address it leads to as notifications.webhook.url: pages do not follow"
	case kind == fault.Schema:
		hint = "check the path of notifications.webhook.url"
	default:
		hint = "look at what answers there"
	}
	return kind, hint
}

// ask sends a request, and returns the status of the answer. Its error is a
// *fault.Error and holds nothing of the address but the host.
func (w *Webhook) ask(ctx context.Context, op, method string, header http.Header, body io.Reader) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, w.address, body)
	if err != nil {
		return 0, &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("its address is not a URL")}
	}
	maps.Copy(req.Header, header)
	resp, err := w.client.Do(req)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // without the address
		}
		return 0, unreached(op, err, "notifications.webhook")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // nothing is read of it
	return resp.StatusCode, nil
}
