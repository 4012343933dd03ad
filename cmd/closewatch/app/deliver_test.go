package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/wording"
)

func TestDeliveryInWords(t *testing.T) {
	answers := delivery.EndpointStatus{Answers: true, Since: noon}
	silent := delivery.EndpointStatus{Since: noon, Error: "refused"}
	hook := delivery.ChannelStatus{Name: "webhook"}
	used := delivery.ChannelStatus{Name: "webhook", LastSuccess: noon}
	failing := delivery.ChannelStatus{Name: "email", Error: "refused"}
	status := func(outage time.Time, endpoints []delivery.EndpointStatus, channels ...delivery.ChannelStatus) delivery.Status {
		return delivery.Status{Endpoints: endpoints, Channels: channels, Outage: outage}
	}
	both := func(a, b delivery.EndpointStatus) []delivery.EndpointStatus { return []delivery.EndpointStatus{a, b} }
	tests := map[string]struct {
		status delivery.Status
		text   string
		state  signal.State
	}{
		"nothing is configured":        {status(time.Time{}, nil), "neither an Alertmanager nor a webhook or email is configured: nobody is paged", signal.Warning},
		"webhook alone, not needed":    {status(time.Time{}, nil, hook), "there is no Alertmanager: pages go by webhook; none had to since the start", signal.Unknown},
		"webhook alone":                {status(time.Time{}, nil, used), "there is no Alertmanager: pages go by webhook", signal.OK},
		"email alone, and it fails":    {status(time.Time{}, nil, failing), "there is no Alertmanager, and pages do not get through by email", signal.Critical},
		"one of both fails":            {status(time.Time{}, nil, used, failing), "there is no Alertmanager: pages go by webhook and email, and not all get through", signal.Warning},
		"before the first alert":       {status(time.Time{}, both(delivery.EndpointStatus{}, delivery.EndpointStatus{})), "no Alertmanager has been sent an alert since the start", signal.Unknown},
		"all answer":                   {status(time.Time{}, both(answers, answers), hook), "pages get through", signal.OK},
		"one of two answers":           {status(time.Time{}, both(answers, silent)), "1 of 2 Alertmanagers answer", signal.Warning},
		"none answers":                 {status(time.Time{}, both(silent, silent)), "no Alertmanager answers: pages wait on disk", signal.Critical},
		"none answers, not for long":   {status(time.Time{}, both(silent, silent), used), "no Alertmanager answers: pages wait on disk", signal.Critical},
		"none answers for long":        {status(noon, both(silent, silent), used), "no Alertmanager answers: pages go by webhook", signal.Critical},
		"none answers, nothing works":  {status(noon, both(silent, silent), failing), "no Alertmanager answers: pages wait on disk", signal.Critical},
		"none answers, nothing to use": {status(noon, both(silent, silent)), "no Alertmanager answers: pages wait on disk", signal.Critical},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text, state := deliveryText(tt.status)
			if text != tt.text || state != tt.state {
				t.Errorf("%q, %s; want %q, %s", text, state, tt.text, tt.state)
			}
			for _, f := range wording.PII(text) {
				t.Errorf("%q: %s", text, f.Why)
			}
		})
	}
}

// Webhook and mail server are looked at with the rest, and said nothing secret of.
func TestLookingAtWebhookAndMailServer(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead {
			t.Errorf("the webhook was asked to %s", r.Method)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer hook.Close()
	t.Setenv("HOOK", hook.URL+"/hidden-word")
	t.Setenv("WORD", "hidden-word")
	plan := planOf(t, "components:\n"+database+`notifications:
  webhook: {url: "${env:HOOK}"}
  email: {server: "127.0.0.1:1", from: closewatch@example.com, to: [on-call@example.com], security: none, basic: {username: cw, password: "${env:WORD}"}}
`)
	var looked []string
	found := plan.Live(t.Context(), "test", func(component string) { looked = append(looked, component) })
	slices.Sort(looked)
	if want := []string{"db", "email", "webhook"}; !slices.Equal(looked, want) {
		t.Errorf("looked at %v, want %v", looked, want)
	}
	for _, want := range []struct {
		component string
		state     collector.Standing
		text, do  string
	}{
		{"webhook", collector.Advised, "answers HTTP 404", "notifications.webhook.url"},
		{"email", collector.Missing, "connection refused", "check that it runs"},
	} {
		if !slices.ContainsFunc(found, func(f LiveFinding) bool {
			return f.Component == want.component && f.State == want.state && strings.Contains(f.Text, want.text) && strings.Contains(f.Do, want.do)
		}) {
			t.Errorf("%s is not %s (%s): %+v", want.component, want.state, want.text, found)
		}
	}
	if text, err := json.Marshal(found); err != nil || strings.Contains(string(text), "hidden-word") || strings.Contains(string(text), "on-call") {
		t.Errorf("a secret or an address is said: %s %v", text, err)
	}
}
