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

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/closewatch/closewatch/alerts/routing"
	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/process"
)

// demoWho is the demo's as far as routing and rules depend on it: who there is, and no
// close. A team of its own shows that teams are told apart, and every hour is a working
// hour, so that all is told whenever the test runs.
const demoWho = `apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme-demo}
environment: demo
timezone: UTC
entities: [{name: acme, tenant: acme, company: 1, workweek: [mon, tue, wed, thu, fri, sat, sun]}]
notifications: {workingHours: {from: "00:00", to: "24:00"}}
components:
  db: {postgres: {dsn: "postgres://closewatch:${file:PASSWORD}@db.example.com:5432/postgres"}}
  ingress: {traefik: {metrics: "http://127.0.0.1:8080/metrics", accessLog: /var/log/traefik/access.log}}
  erp: {odoo: {url: "https://erp.example.com", database: acme, login: closewatch, password: "${file:PASSWORD}"}}
processes: {e-invoicing: {team: erp-on-call}}
calendar: {close: none}
`

// Every alert that the demo's faults bring about, every other that the daemon sends,
// and those of the generated rules are received through a real Alertmanager with the
// generated configuration, by the receivers that were promised and by no other.
func TestEveryAlertArrives(t *testing.T) {
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
	am, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	book, err := allAt(hook.URL, config.Receivers)
	if err != nil {
		t.Fatal(err)
	}
	if err := am.Configure(t.Context(), hasty(config.File(book))); err != nil {
		t.Fatal(err)
	}
	alerts := demoAlerts()
	if len(alerts) < len(matrix()) {
		t.Fatalf("%d faults bring about %d alerts only", len(matrix()), len(alerts))
	}
	alerts = slices.Concat(alerts, ownAlerts(), ruleAlerts(t, plan))
	postAlerts(t, am.URL, alerts)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, labels := range alerts {
		promised := config.Told(labels, nil, time.Now())
		if len(promised) == 0 || labels["severity"] == incident.Info && !slices.Equal(promised, []string{routing.ToInfo}) {
			t.Errorf("%v is promised to %v", labels, promised)
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
	heard, said := newListener(), ""
	for _, n := range hook.Notifications() {
		said += heard.lines(n)
		for _, a := range n.Alerts {
			if !slices.Contains(config.Reached(a.Labels), n.Receiver) {
				t.Errorf("%v reached %s, and was promised to %v", a.Labels, n.Receiver, config.Reached(a.Labels))
			}
		}
	}
	if n := strings.Count(said, "\n"); n < len(alerts) {
		t.Errorf("of %d alerts people are told in %d lines:\n%s", len(alerts), n, said)
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

// ownAlerts are the other alerts of the daemon, as loud as each may be.
func ownAlerts() []map[string]string {
	out := []map[string]string{{
		"alertname": "ClosewatchAlertmanagerSilent", "severity": incident.Ticket, "environment": "demo", "team": "finance-platform",
	}}
	for _, name := range []string{incident.Blind, incident.Integrity} {
		for _, loud := range [][2]string{{tierCritical, incident.Page}, {tierCritical, incident.Ticket}, {tierDegraded, incident.Ticket}, {tierInfo, incident.Info}} {
			out = append(out, map[string]string{
				"alertname": name, "process": "e-invoicing", "entity": "acme", "tenant": "acme", "environment": name + "-" + loud[0] + "-" + loud[1],
				"tier": loud[0], "severity": loud[1], "team": "erp-on-call",
			})
		}
	}
	return out
}

// ruleAlerts are those of the generated rules, one of each kind that routes or
// inhibition may tell from others.
func ruleAlerts(t *testing.T, plan *app.Plan) []map[string]string {
	t.Helper()
	var out []map[string]string
	seen := map[string]bool{}
	for _, page := range []bool{false, true} {
		made, err := plan.Rules(app.RuleOptions{Page: page}, "")
		if err != nil {
			t.Fatal(err)
		}
		file, errs := rulefmt.Parse(made.File, false, model.LegacyValidation)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				kind := strings.Join([]string{r.Alert, r.Labels["tier"], r.Labels["severity"], r.Labels["team"], r.Labels["window"]}, "-")
				if r.Alert == "" || seen[kind] {
					continue
				}
				seen[kind] = true
				labels := maps.Clone(r.Labels)
				labels["alertname"], labels["environment"] = r.Alert, kind
				out = append(out, labels)
			}
		}
	}
	for _, name := range []string{rules.BurnFast, rules.BurnSlow, rules.Unmeasured, rules.SignalCritical, rules.SignalWarning, rules.SignalUnmeasured} {
		if !slices.ContainsFunc(out, func(l map[string]string) bool { return l["alertname"] == name }) {
			t.Errorf("the rules have no %s", name)
		}
	}
	return out
}

// hasty has groups not wait: all else is as generated.
func hasty(file []byte) []byte {
	return regexp.MustCompile(`group_wait: \w+`).ReplaceAll(file, []byte("group_wait: 0s"))
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
