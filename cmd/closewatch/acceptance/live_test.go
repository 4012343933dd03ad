package acceptance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/collector"
)

// Of the demo's estate everything is there; of each component and each
// Alertmanager something is said, and no secret.
func TestLive(t *testing.T) {
	w := shared.get(t)
	dir := t.TempDir()
	file, err := w.WriteEstate(dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	live := func(change func(string) string) ([]app.LiveFinding, []string) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := app.Load(write(t, filepath.Join(dir, "changed.yaml"), change(string(text))))
		if err != nil {
			t.Fatal(err)
		}
		var looked []string
		return plan.Live(t.Context(), "test", func(component string) { looked = append(looked, component) }), looked
	}
	found, looked := live(func(s string) string { return s })
	slices.Sort(looked)
	if want := []string{"alertmanager", "bank", "cache", "db", "erp", "ingress"}; !slices.Equal(looked, want) {
		t.Errorf("looked at %v, want %v", looked, want)
	}
	said := map[string]bool{}
	for _, f := range found {
		if !f.State.Good() {
			t.Errorf("%s, %s is %s: %s (%s)", f.Component, f.Subject, f.State, f.Text, f.Do)
		}
		said[f.Component+" "+strings.Fields(f.Subject)[0]] = true
	}
	for _, want := range []string{
		"db server", "db role", "db statements", "db statistics", "cache server", "cache rights", "ingress metrics", "ingress ping", "ingress accesslog",
		"erp health", "erp database", "erp account_move", "erp version", "erp login", "alertmanager ready",
	} {
		if !said[want] {
			t.Errorf("nothing is said of %s: %v", want, said)
		}
	}

	password, err := os.ReadFile(filepath.Join(dir, "odoo.password"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := "${file:" + write(t, filepath.Join(dir, "wrong"), "hidden-word") + "}"
	found, _ = live(func(s string) string {
		s = strings.Replace(s, "environment: demo", "environment: production", 1)
		s = strings.Replace(s, "closewatch@", "postgres:"+wrong+"@", 1)
		s = strings.Replace(s, w.Alertmanager.URL, "http://someone:"+wrong+"@127.0.0.1:1", 1)
		s = strings.ReplaceAll(s, "level: L3", "enabled: false")
		return strings.Replace(s, "${file:"+filepath.Join(dir, "odoo.password")+"}", wrong, 1)
	})
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		component, subject string
		state              collector.Standing
		text               string
	}{
		{"db", "server", collector.Refused, "the role is a superuser and could change anything in production"},
		{"erp", "login", collector.Refused, ""},
		{"alertmanager", "ready 127.0.0.1:1", collector.Missing, "connection refused"},
	} {
		if !slices.ContainsFunc(found, func(f app.LiveFinding) bool {
			return f.Component == want.component && strings.HasPrefix(f.Subject, want.subject) && f.State == want.state && strings.Contains(f.Text, want.text) && f.Do != ""
		}) {
			t.Errorf("%s, %s is not %s: %s", want.component, want.subject, want.state, text)
		}
	}
	if strings.Contains(string(text), "hidden-word") || strings.Contains(string(text), string(password)) {
		t.Errorf("a secret is said: %s", text)
	}
}
