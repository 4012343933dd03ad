package delivery_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/lab"
)

// genuine is a real Alertmanager with a webhook that hears its notifications.
type genuine struct {
	*lab.Alertmanager
	webhook *lab.Webhook
	dir     string
}

func newReal(t *testing.T) *genuine {
	t.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	hook, err := l.Webhook(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	am, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{WebhookURL: hook.URL})
	if err != nil {
		t.Fatal(err)
	}
	return &genuine{am, hook, t.TempDir()}
}

// deliver runs a Delivery to am until the test is over.
func (am *genuine) deliver(t *testing.T) *delivery.Delivery {
	t.Helper()
	d, err := delivery.New(delivery.Settings{Endpoints: []string{am.URL}, Dir: am.dir, Resend: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return d
}

// names lists the alerts Alertmanager holds.
func (am *genuine) names(t *testing.T) string {
	t.Helper()
	alerts, err := am.Alerts(t.Context())
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, a := range alerts {
		names = append(names, a.Labels["alertname"])
	}
	return strings.Join(names, " ")
}

// eventually waits until ok, on a real clock.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("not within 30 s: %s", what)
		case <-poll.C:
		}
	}
}

// notified waits until Alertmanager has told the webhook of an alert.
func (am *genuine) notified(t *testing.T, name, status string) lab.NotificationAlert {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var found lab.NotificationAlert
	_, err := am.webhook.Await(ctx, func(n lab.Notification) bool {
		for _, a := range n.Alerts {
			if a.Labels["alertname"] == name && a.Status == status {
				found = a
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("%s is not notified as %s: %v", name, status, err)
	}
	return found
}

func TestRealAlertmanagerIsToldAndResolves(t *testing.T) {
	t.Parallel()
	am := newReal(t)
	d := am.deliver(t)
	began := time.Now().Add(-time.Minute).Truncate(time.Second)
	a := named("FinanceProcessImpaired")
	a.StartsAt = began
	if err := d.Publish(time.Now(), []delivery.Alert{a}); err != nil {
		t.Fatal(err)
	}
	got := am.notified(t, "FinanceProcessImpaired", "firing")
	if !got.StartsAt.Equal(began) || got.Labels["process"] != "invoice-posting" || got.Annotations["summary"] != a.Annotations["summary"] {
		t.Errorf("notified of %+v", got)
	}
	if err := d.Publish(time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	am.notified(t, "FinanceProcessImpaired", "resolved")
	eventually(t, "no alert is left", func() bool { return am.names(t) == "" })
	if s := d.Status(); !s.Answering() || s.Endpoints[0].Pending != 0 {
		t.Errorf("status = %+v", s)
	}
}

func TestRealAlertmanagerIsAwayWhileAlertsComeAndGo(t *testing.T) {
	t.Parallel()
	am := newReal(t)
	d := am.deliver(t)
	if err := d.Publish(time.Now(), []delivery.Alert{named("Before")}); err != nil {
		t.Fatal(err)
	}
	am.notified(t, "Before", "firing")
	if err := am.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Publish(time.Now(), []delivery.Alert{named("During")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the outage is noticed", func() bool { return !d.Status().Answering() })
	if s := d.Status().Endpoints[0]; s.Pending != 2 || s.Error == "" || s.Hint == "" {
		t.Errorf("status = %+v", s)
	}
	if err := am.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	am.notified(t, "During", "firing")
	am.notified(t, "Before", "resolved")
	eventually(t, "only the alert that fires is left", func() bool { return am.names(t) == "During" })
}

func TestRealAlertmanagerAfterAKill(t *testing.T) {
	t.Parallel()
	am := newReal(t)
	runVictim(t, am.dir, am.URL, 5)
	d := am.deliver(t)
	eventually(t, "what fired before the kill arrives", func() bool {
		return strings.Contains(am.names(t), "Always") && d.Status().Endpoints[0].Pending == 0
	})
	always := named("Always")
	if err := d.Publish(time.Now(), []delivery.Alert{always}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is not published any more resolves", func() bool { return am.names(t) == "Always" })
}
