package app

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/internal/wording"
)

// alertSilent is what webhook and email are told when no Alertmanager takes
// alerts. It is never sent to one.
const alertSilent = "ClosewatchAlertmanagerSilent"

// openDelivery opens the outbox and the ways out of it.
func openDelivery(e *estate.Estate, dir, url string, now func() time.Time, log *slog.Logger, own *telemetry.Own) (*delivery.Delivery, error) {
	n, scale := e.Notifications, e.Timing.Scale
	s := delivery.Settings{Endpoints: endpoints(e), Dir: dir, Resend: e.Timing.Resend.D(), Hold: scaled(n.GroupInterval.D(), scale), Now: now, Log: log, Own: own}
	var err error
	if s.Transport, err = accessOf(n.Alertmanager).Transport(); err != nil {
		return nil, err
	}
	s.Fallback = delivery.Fallback{After: n.FallbackAfter.D(), Silent: silent(e, url)}
	if n.Webhook != nil {
		hook, err := webhookOf(n.Webhook)
		if err != nil {
			return nil, err
		}
		s.Fallback.Channels = append(s.Fallback.Channels, hook)
	}
	if n.Email != nil {
		mail, err := emailOf(n.Email, now)
		if err != nil {
			return nil, err
		}
		s.Fallback.Channels = append(s.Fallback.Channels, mail)
	}
	return delivery.New(s)
}

// webhookOf is a webhook as delivery posts to it.
func webhookOf(w *estate.Webhook) (*delivery.Webhook, error) {
	transport, err := accessOf(w.Access).Transport()
	if err != nil {
		return nil, err
	}
	return delivery.NewWebhook(w.URL.Reveal(), transport)
}

// emailOf is a mail server as delivery speaks to it.
func emailOf(m *estate.Email, now func() time.Time) (*delivery.Email, error) {
	out := &delivery.Email{Server: m.Server, From: m.From, To: m.To, Implicit: m.Security == estate.EmailTLS, Now: now}
	if m.Basic != nil {
		out.Username, out.Password = m.Basic.Username, m.Basic.Password.Reveal()
	}
	if m.Security == estate.EmailPlain {
		return out, nil
	}
	var err error
	out.TLS, err = accessOf(estate.Access{TLS: m.TLS}).TLS()
	return out, err
}

func accessOf(a estate.Access) delivery.Access {
	out := delivery.Access{Bearer: a.Bearer.Reveal(), Proxy: a.Proxy.Reveal()}
	if a.Basic != nil {
		out.Username, out.Password = a.Basic.Username, a.Basic.Password.Reveal()
	}
	if a.TLS != nil {
		out.CA, out.Certificate, out.Key, out.ServerName = a.TLS.CA, a.TLS.Certificate, a.TLS.Key, a.TLS.ServerName
	}
	return out
}

// silent is the outage of every Alertmanager, as people are told of it. url is
// where the pages are.
func silent(e *estate.Estate, url string) delivery.Alert {
	after, runbook := wording.Duration(e.Notifications.FallbackAfter.D()), wording.RunbookFor(alertSilent, "")
	return delivery.Alert{
		Labels: map[string]string{
			"alertname": alertSilent, "severity": "ticket", "environment": e.Environment, "team": "finance-platform",
		},
		Annotations: map[string]string{
			"title":   "No Alertmanager takes alerts: pages come from Closewatch itself",
			"summary": "No Alertmanager takes alerts: pages come from Closewatch itself",
			"description": "No Alertmanager has taken an alert for " + after + ". Until one does, pages reach you this way; tickets wait for it.\n" +
				"Do first: see whether Alertmanager runs, and whether the machine of Closewatch reaches it. Nothing is lost meanwhile: what fires is sent when it is back.",
			"runbook":     runbook,
			"runbook_url": url + runbookPath(runbook),
		},
	}
}

// ways lists how pages get to people without an Alertmanager, in words.
func ways(n estate.Notifications) string {
	var out []string
	if n.Webhook != nil {
		out = append(out, "webhook")
	}
	if n.Email != nil {
		out = append(out, "email")
	}
	return strings.Join(out, " and ")
}

// deliveryNote is what a reader of an estate should know of how pages get to
// people; "" is nothing.
func deliveryNote(e *estate.Estate) string {
	by := ways(e.Notifications)
	switch {
	case len(e.Alertmanagers) == 0 && by == "":
		return "no alertmanagers, and no webhook or email under notifications: impacts are shown on the page and nobody is paged"
	case len(e.Alertmanagers) == 0:
		return "no alertmanagers: pages and tickets go by " + by + " only, without grouping, silences or escalation"
	case by == "":
		return "no webhook or email under notifications: while no Alertmanager answers, nobody is paged"
	default:
		return ""
	}
}

// deliveryText says in words whether pages get through, and how well that is.
// What has not been asked yet is unknown.
func deliveryText(st delivery.Status) (string, signal.State) {
	all, asked, answering := len(st.Endpoints), 0, 0
	for _, e := range st.Endpoints {
		if !e.Since.IsZero() {
			asked++
		}
		if e.Answers {
			answering++
		}
	}
	by, used, failing := channelsIn(st)
	switch {
	case all == 0 && by == "":
		return "neither an Alertmanager nor a webhook or email is configured: nobody is paged", signal.Warning
	case all == 0 && failing == len(st.Channels):
		return "there is no Alertmanager, and pages do not get through by " + by, signal.Critical
	case all == 0 && failing > 0:
		return "there is no Alertmanager: pages go by " + by + ", and not all get through", signal.Warning
	case all == 0 && used == 0:
		return "there is no Alertmanager: pages go by " + by + "; none had to since the start", signal.Unknown
	case all == 0:
		return "there is no Alertmanager: pages go by " + by, signal.OK
	case asked == 0:
		return "no Alertmanager has been sent an alert since the start", signal.Unknown
	case answering == all:
		return "pages get through", signal.OK
	case answering > 0:
		return fmt.Sprintf("%d of %d Alertmanagers answer", answering, all), signal.Warning
	case st.Outage.IsZero(), failing == len(st.Channels):
		return "no Alertmanager answers: pages wait on disk", signal.Critical
	default:
		return "no Alertmanager answers: pages go by " + by, signal.Critical
	}
}

// channelsIn names the ways that need no Alertmanager, and counts those that
// took a message and those that did not take the last.
func channelsIn(st delivery.Status) (by string, used, failing int) {
	var names []string
	for _, c := range st.Channels {
		names = append(names, c.Name)
		if !c.LastSuccess.IsZero() {
			used++
		}
		if c.Error != "" {
			failing++
		}
	}
	return strings.Join(names, " and "), used, failing
}

// unansweredSince is the metric of an outage of every Alertmanager.
const unansweredSince = "closewatch_notifications_unanswered_since_timestamp_seconds"

var unansweredDesc = desc(unansweredSince, "Since when no Alertmanager has taken alerts; absent while one takes them, or when there is none.", upkeepLabels...)

// A postman tells since when no Alertmanager takes alerts. It implements
// prometheus.Collector and is safe for concurrent use.
type postman struct {
	environment string

	mu     sync.Mutex
	status func() delivery.Status // nil until the outbox is open
}

func (p *postman) watch(status func() delivery.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// Describe implements prometheus.Collector.
func (*postman) Describe(ch chan<- *prometheus.Desc) { ch <- unansweredDesc }

// Collect implements prometheus.Collector.
func (p *postman) Collect(ch chan<- prometheus.Metric) {
	p.mu.Lock()
	status := p.status
	p.mu.Unlock()
	if status == nil {
		return
	}
	if since := status().Unanswered(); !since.IsZero() {
		ch <- prometheus.MustNewConstMetric(unansweredDesc, prometheus.GaugeValue, float64(since.UnixMilli())/1000, p.environment, self)
	}
}

// deliverySignals say that alerts do not get to people.
func deliverySignals() []signal.Definition {
	return []signal.Definition{{
		Name: "closewatch_alertmanager_silent", Title: "An Alertmanager takes alerts", Metric: unansweredSince,
		Aggregate: signal.Count, Warning: 0, Critical: signal.Never(), For: 2 * time.Minute, Fresh: blindAtLeast, Optional: true, Role: signal.Context,
		Says: "no Alertmanager takes alerts: see whether it runs and can be reached; pages wait on disk, and go by webhook or email where the estate has one",
	}}
}
