package delivery_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// phone is a channel that remembers what it was told.
type phone struct {
	name string

	mu   sync.Mutex
	told []string
	last delivery.Message
	err  func(delivery.Message) error // nil takes all
}

func (p *phone) Name() string { return p.name }
func (p *phone) Close()       {}

func (p *phone) Send(_ context.Context, m delivery.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		if err := p.err(m); err != nil {
			return err
		}
	}
	state := "firing"
	if m.Resolved() {
		state = "resolved"
	}
	p.told, p.last = append(p.told, m.Labels["alertname"]+" "+state), m
	return nil
}

func (p *phone) set(err func(delivery.Message) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *phone) heard() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	told := strings.Join(p.told, ", ")
	p.told = nil
	return told
}

func fails(kind fault.Kind) func(delivery.Message) error {
	return func(delivery.Message) error { return &fault.Error{Op: "ring", Kind: kind} }
}

// emergency is a rig with phones to fall back on after two minutes.
type emergency struct {
	*rig
	hook, mail *phone
}

func newEmergency(t *testing.T, endpoints ...string) *emergency {
	t.Helper()
	e := &emergency{rig: &rig{a: &alertmanager{}, b: &alertmanager{}, log: &bytes.Buffer{}}, hook: &phone{name: "webhook"}, mail: &phone{name: "email"}}
	e.settings = delivery.Settings{
		Endpoints: endpoints, Dir: filepath.Join(durabletest.Dir(t), "outbox"), Own: telemetry.NewOwn(), Hold: 10 * time.Second,
		Transport: alertmanagers{"a:9093": e.a, "b:9093": e.b}, Log: slog.New(slog.NewTextHandler(e.log, nil)),
		Fallback: delivery.Fallback{Channels: []delivery.Channel{e.hook, e.mail}, Silent: delivery.Alert{
			Labels: map[string]string{"alertname": "Silent", "severity": "ticket"}, Annotations: map[string]string{"title": "No Alertmanager answers"},
		}},
	}
	e.start(t)
	return e
}

var both = []string{"http://a:9093", "http://b:9093"}

// pass publishes the same alerts for a time, tick by tick.
func (e *emergency) pass(t *testing.T, d time.Duration, alerts ...delivery.Alert) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		e.publish(t, alerts...)
		time.Sleep(10 * time.Second)
	}
}

func (e *emergency) expect(t *testing.T, what, want string) {
	t.Helper()
	expect(t, what+": webhook", e.hook.heard(), want)
	expect(t, what+": email", e.mail.heard(), want)
}

func (e *emergency) alertmanagers(behave behaviour) {
	e.a.set(behave)
	e.b.set(behave)
}

func TestFallbackTellsWhatNoAlertmanagerTook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEmergency(t, both...)
		watchdog := named("Watchdog")
		watchdog.Labels["severity"] = "none"
		ticket, before, during := tiered("bank", "degradation", "ticket"), critical("before"), critical("during")
		e.pass(t, time.Minute, watchdog, before)
		e.expect(t, "while Alertmanager answers", "")
		e.alertmanagers(down)
		e.pass(t, 100*time.Second, watchdog, ticket, before, during)
		e.expect(t, "before it is over", "")
		e.pass(t, time.Minute, watchdog, ticket, before, during)
		e.expect(t, "in the outage", "during-business-critical firing, Silent firing")
		e.pass(t, time.Hour, watchdog, ticket, before, during)
		e.expect(t, "an hour later", "")
		if s := e.Status(); s.Outage.IsZero() || len(s.Channels) != 2 || s.Channels[0].LastSuccess.IsZero() {
			t.Errorf("status = %+v", s)
		}
		e.pass(t, time.Minute, watchdog, ticket, before)
		e.expect(t, "when it resolves", "during-business-critical resolved")
		e.alertmanagers(nil)
		e.pass(t, time.Minute, watchdog, ticket, before)
		e.expect(t, "right when Alertmanager is back", "")
		e.pass(t, 3*time.Minute, watchdog, ticket, before, critical("after"))
		e.expect(t, "when it has been for a while", "Silent resolved")
		if e.hook.last.Title() != "Resolved: No Alertmanager answers" {
			t.Errorf("title = %q", e.hook.last.Title())
		}
		expect(t, "counted", e.published(t, `closewatch_notifications_fallback_sent_total{channel="email"}`), `closewatch_notifications_fallback_sent_total{channel="email"} 4`)
	})
}

func TestPageThatBeganInTheOutageEndsByTheFallbackAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEmergency(t, both...)
		e.alertmanagers(down)
		e.pass(t, 3*time.Minute, critical("posting"))
		e.expect(t, "in the outage", "posting-business-critical firing, Silent firing")
		e.alertmanagers(nil)
		e.pass(t, 4*time.Minute, critical("posting"))
		e.expect(t, "after it", "Silent resolved")
		expect(t, "Alertmanager knows it", e.a.active(), "posting-business-critical")
		e.pass(t, time.Minute)
		e.expect(t, "when it resolves", "posting-business-critical resolved")
		if !strings.Contains(e.hook.last.Why, "told of the beginning") {
			t.Errorf("why = %q", e.hook.last.Why)
		}
	})
}

func TestPageThatCameAndWentInTheDarkIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEmergency(t, both...)
		e.alertmanagers(down)
		e.pass(t, time.Minute, critical("posting"))
		e.pass(t, 2*time.Minute)
		e.expect(t, "heard", "Silent firing, posting-business-critical resolved")
	})
}

func TestPageThatAlertmanagerTookRightBeforeItDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEmergency(t, both...)
		e.pass(t, 10*time.Second, critical("posting")) // within a group_interval
		e.alertmanagers(down)
		e.pass(t, 5*time.Minute, critical("posting"))
		e.expect(t, "heard", "posting-business-critical firing, Silent firing")
	})
}

func TestFallbackOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEmergency(t, both...)
		e.alertmanagers(down)
		e.pass(t, 3*time.Minute, critical("posting"))
		e.expect(t, "in the outage", "posting-business-critical firing, Silent firing")
		for range 3 {
			e.stop()
			e.start(t)
			e.pass(t, time.Minute, critical("posting"))
		}
		e.expect(t, "over restarts", "")
		e.stop()
		e.start(t)
		e.pass(t, time.Minute)
		e.expect(t, "resolved after a restart", "posting-business-critical resolved")
	})
}

func TestOneAlertmanagerOfTwoIsNoOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEmergency(t, both...)
		e.a.set(down)
		e.pass(t, time.Hour, critical("posting"))
		e.expect(t, "heard", "")
	})
}

func TestEstateWithoutAlertmanager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEmergency(t)
		e.publish(t, tiered("bank", "informational", "info"), tiered("bank", "degradation", "ticket"), critical("posting"))
		e.expect(t, "at once", "posting-business-critical firing, bank-degradation firing")
		e.pass(t, time.Minute, critical("posting"))
		e.expect(t, "one ends", "bank-degradation resolved")
		if !strings.Contains(e.log.String(), "there is no Alertmanager: pages go by webhook and email") {
			t.Errorf("log:\n%s", e.log)
		}
		if !strings.Contains(e.hook.last.Text(), "its estate has no Alertmanager") {
			t.Errorf("text = %s", e.hook.last.Text())
		}
	})
}

func TestChannelThatFails(t *testing.T) {
	tests := map[string]struct {
		err  func(delivery.Message) error
		want string // of the failing channel, while it fails
	}{
		"down":                  {fails(fault.Unreachable), ""},
		"refuses one of them":   {func(m delivery.Message) error { return refuseNamed(m, "posting-business-critical") }, "payroll-business-critical firing"},
		"refuses to know us":    {fails(fault.Auth), ""},
		"cannot at the moment":  {fails(fault.Unavailable), ""},
		"takes long and is cut": {fails(fault.Timeout), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEmergency(t)
				e.mail.set(tt.err)
				e.pass(t, 5*time.Minute, critical("posting"), critical("payroll"))
				expect(t, "webhook", e.hook.heard(), "payroll-business-critical firing, posting-business-critical firing")
				expect(t, "email", e.mail.heard(), tt.want)
				if s := e.Status().Channels[1]; s.Error == "" || s.Pending == 0 {
					t.Errorf("status = %+v", s)
				}
				e.mail.set(nil)
				e.pass(t, 90*time.Second, critical("posting"), critical("payroll"))
				got := e.mail.heard()
				if tt.want != "" {
					got = tt.want + ", " + got
				}
				expect(t, "email, mended", got, "payroll-business-critical firing, posting-business-critical firing")
				expect(t, "webhook, meanwhile", e.hook.heard(), "")
			})
		})
	}
}

func refuseNamed(m delivery.Message, name string) error {
	if m.Labels["alertname"] == name {
		return &fault.Error{Op: "ring", Kind: fault.Rejected}
	}
	return nil
}
