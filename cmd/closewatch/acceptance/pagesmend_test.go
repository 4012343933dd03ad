package acceptance

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/world"
)

// hurried is the demo's estate with shorter waits: what is looked at is that one
// leads to the other, not how long that takes.
func hurried(t *testing.T, w *world.World, dir string) string {
	t.Helper()
	file, err := w.WriteEstate(dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for was, is := range map[string]string{"tick: 2s, scale: 0.0333": "tick: 1s, scale: 0.002", "rpo: 60s": "rpo: 3s", "interval: 8s, timeout: 7s": "interval: 3s, timeout: 3s"} {
		if !strings.Contains(string(text), was) {
			t.Fatalf("the estate has no %s", was)
		}
		text = []byte(strings.ReplaceAll(string(text), was, is))
	}
	return write(t, file, string(text))
}

// Something breaks, the daemon's page reaches Alertmanager, whoever reads it does
// what it says first, finds the step in the runbook that it names, follows it, and
// the page is over.
func TestPagesAreMendedByTheirRunbooks(t *testing.T) {
	w := shared.get(t)
	dir := t.TempDir()
	d := startDaemon(t, hurried(t, w, dir), filepath.Join(dir, "data"))
	t.Cleanup(func() {
		if err := w.Clear(context.Background()); err != nil {
			t.Error(err)
		}
	})
	await(t, time.Minute, func() string { return strings.Join(d.NotYetHealthy(), "; ") })
	tests := []struct{ mending, reason, first string }{
		{"replay is paused", "recovery-point-lost", "is its replay paused"},
		{"a session holds up the others", "failing", "the session of db that holds up the others"},
	}
	for _, tt := range tests {
		t.Run(tt.mending, func(t *testing.T) {
			m := mendings(w)[tt.mending]
			if err := w.Inject(t.Context(), m.fault); err != nil {
				t.Fatal(err)
			}
			var page lab.Alert
			await(t, 90*time.Second, func() string {
				alerts, err := w.Alertmanager.Alerts(t.Context())
				if err != nil {
					return err.Error()
				}
				i := slices.IndexFunc(alerts, func(a lab.Alert) bool {
					return a.Labels["severity"] == "page" && strings.Contains(a.Annotations["reason"], tt.reason) && a.Annotations["cause_component"] == "db"
				})
				if i < 0 {
					return "no page of it; " + describe(impaired(alerts))
				}
				page = alerts[i]
				return ""
			})
			if !strings.Contains(page.Annotations["do_first"], tt.first) {
				t.Errorf("the page does not say first %q:\n%s", tt.first, page.Annotations["description"])
			}
			leads(t, d, page.Annotations["runbook_url"], m.runbook)
			shown := m.ask(t, m.runbook)
			if shown == m.healthy {
				t.Fatalf("the first check of %s shows nothing", m.runbook)
			}
			m.follow(t, m.runbook, shown)
			await(t, 90*time.Second, func() string {
				alerts, err := w.Alertmanager.Alerts(t.Context())
				if err != nil {
					return err.Error()
				}
				return describe(impaired(alerts))
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := w.Webhook.Await(ctx, func(n lab.Notification) bool { return has(n, page.Fingerprint, "resolved") }); err != nil {
				t.Errorf("nobody is told that it is over: %v", err)
			}
			if err := w.Clear(t.Context()); err != nil { // the fault is over, and forgotten by the lab
				t.Fatal(err)
			}
		})
	}
}

// leads follows the address of a page's runbook to that of the component.
func leads(t *testing.T, d *daemon, address, runbook string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	status, text := d.get(t, u.Path)
	if status != http.StatusOK || !strings.Contains(text, `href="/runbooks/`+runbook+`"`) {
		t.Fatalf("%s = %d does not lead to %s:\n%s", address, status, runbook, text)
	}
	if status, _ := d.get(t, "/runbooks/"+runbook); status != http.StatusOK {
		t.Fatalf("the runbook %s = %d", runbook, status)
	}
}
