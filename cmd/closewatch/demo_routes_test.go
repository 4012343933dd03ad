package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/routing"
	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/process"
)

// demoWho is the demo's as far as routing depends on it: who there is, and no
// close. A team of its own shows that teams are told apart.
const demoWho = `apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme-demo}
environment: demo
timezone: UTC
entities: [{name: acme, tenant: acme, company: 1}]
components:
  erp: {odoo: {url: "https://erp.example.com", database: acme, login: closewatch, password: "${file:PASSWORD}"}}
processes: {e-invoicing: {team: erp-on-call}}
calendar: {close: none}
`

// Every alert that the demo's faults bring about is received through a real
// Alertmanager with the generated configuration, by the receiver that was promised.
func TestEveryAlertOfTheDemoArrives(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	estate := filepath.Join(dir, "estate.yaml")
	for name, content := range map[string]string{password: "pw", estate: strings.ReplaceAll(demoWho, "PASSWORD", password)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := app.Load(estate)
	if err != nil {
		t.Fatal(err)
	}
	config, err := plan.Routing(app.RoutingOptions{From: time.Now(), Horizon: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
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
	am, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{Config: hasty(config.File(bookOf(t, config.Receivers, hook.URL)))})
	if err != nil {
		t.Fatal(err)
	}
	alerts := demoAlerts()
	if len(alerts) < len(matrix()) {
		t.Fatalf("%d faults bring about %d alerts only", len(matrix()), len(alerts))
	}
	postAlerts(t, am.URL, alerts)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, labels := range alerts {
		promised := config.Reached(labels)
		if labels["severity"] == incident.Info {
			// It waits for working hours: only where it may go can be told at any time.
			if !slices.Equal(promised, []string{routing.ToInfo}) {
				t.Errorf("%v is for information, and promised to %v", labels, promised)
			}
			continue
		}
		for _, receiver := range promised {
			_, err := hook.Await(ctx, func(n lab.Notification) bool {
				return n.Receiver == receiver && slices.ContainsFunc(n.Alerts, func(a lab.NotificationAlert) bool { return maps.Equal(a.Labels, labels) })
			})
			if err != nil {
				t.Fatalf("%v never reaches %s: %v", labels, receiver, err)
			}
		}
	}
	for _, n := range hook.Notifications() {
		for _, a := range n.Alerts {
			if !slices.Contains(config.Reached(a.Labels), n.Receiver) {
				t.Errorf("%v reached %s, and was promised to %v", a.Labels, n.Receiver, config.Reached(a.Labels))
			}
		}
	}
}

// demoAlerts are those of every fault, each in an environment of its own so that none
// mutes another, and the watchdog.
func demoAlerts() []map[string]string {
	teams := map[string]string{"e-invoicing": "erp-on-call"}
	for _, p := range process.Catalog() {
		teams[p.Name] = cmp.Or(teams[p.Name], p.Team, "finance-platform")
	}
	out := []map[string]string{{"alertname": "ClosewatchWatchdog", "severity": "none", "environment": "demo", "team": "finance-platform"}}
	var add func(fault string, e *expectation)
	add = func(fault string, e *expectation) {
		tier, severity := cmp.Or(e.tier, e.atMost), cmp.Or(e.sev, incident.Info)
		for _, lead := range append([]string{cmp.Or(e.lead, e.about, "invoice-posting")}, e.or...) {
			if tier == "" {
				break // nothing comes of it
			}
			out = append(out, map[string]string{
				"alertname": incident.Impaired, "process": lead, "entity": "acme", "tenant": "acme", "environment": fmt.Sprintf("%s-%s-%s", fault, lead, tier),
				"tier": tier, "severity": severity, "team": teams[lead],
			})
		}
		if e.then != nil {
			add(fault, e.then)
		}
	}
	for _, e := range matrix() {
		add(e.fault, &e)
	}
	return out
}

// bookOf has every receiver post to one address: what arrives names its receiver.
func bookOf(t *testing.T, receivers []string, address string) routing.Book {
	t.Helper()
	text := "receivers:\n"
	for _, name := range receivers {
		text += fmt.Sprintf("  - {name: %s, webhook_configs: [{url: %q, max_alerts: 0}]}\n", name, address)
	}
	book, err := routing.ReadBook("receivers.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// hasty has groups not wait: all else is as generated.
func hasty(file []byte) string {
	return regexp.MustCompile(`group_wait: \w+`).ReplaceAllString(string(file), "group_wait: 0s")
}

func postAlerts(t *testing.T, address string, all []map[string]string) {
	t.Helper()
	var list []map[string]any
	for _, labels := range all {
		list = append(list, map[string]any{"labels": labels})
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager answers %s", answer.Status)
	}
}
