package rules_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/signal"
)

// lag is the signal of a component that must be measured; overdue is one of an
// entity that need not exist, with stricter limits in the close.
func lag() rules.Signal {
	return rules.Signal{
		Group: "postgres", Runbook: "https://closewatch.example.com/runbooks/database", Must: []signal.Subject{{Kind: "postgres", Environment: "production", Component: "db"}},
		Definition: signal.Definition{
			Name: "standby_lag", Kind: "postgres", Title: "Standbys are caught up", Metric: "pg_replication_lag_seconds", By: []string{"standby"},
			Warning: 10, Critical: 60, Exit: 0.8, For: time.Minute, Unit: "seconds", Says: "{standby} of {component} is {value} behind (limit {threshold})",
			At: map[string]signal.Exception{
				"replica": {Limits: signal.Limits{Warning: signal.Never(), Critical: 600}},
				"scratch": {Off: true},
			},
		},
	}
}

func answers() rules.Signal {
	s := lag()
	s.Name, s.Metric, s.By, s.At, s.Unit = "answers", "pg_up", nil, nil, ""
	s.Direction, s.Warning, s.Critical, s.Exit, s.Says = signal.Below, signal.Never(), 0.5, 0, "{component} does not answer"
	return s
}

func overdue() rules.Signal {
	return rules.Signal{
		Group: "odoo",
		Definition: signal.Definition{
			Name: "drafts_due", Title: "Drafts are posted", Metric: "odoo_drafts_due", By: []string{"entity"}, Match: map[string]string{"state": "due"},
			Aggregate: signal.Sum, Warning: 0, Critical: signal.Never(), For: 2 * time.Hour, Optional: true, Role: signal.Context,
			Close: &signal.Limits{Warning: 0, Critical: signal.Never(), For: time.Hour}, Says: "{value} drafts of {entity}",
		},
	}
}

func ofSignals() rules.Options {
	return rules.Options{
		BlindRunbook: "https://closewatch.example.com/runbooks/finance-monitoring-blind",
		Settings:     settings, Hold: rules.DefaultHold, Signals: []rules.Signal{lag(), overdue(), answers()}, Environments: []string{"production"},
		Entities: []rules.Entity{
			{Environment: "production", Tenant: "prod", Name: "acme-uk", Calendars: []string{"gb"}},
			{Environment: "production", Tenant: "prod", Name: "acme-at", Calendars: []string{"at", "eu"}},
		},
	}
}

func TestGenerateSignals(t *testing.T) {
	got := generate(t, ofSignals())
	golden(t, "signals.yml", got)
	o := ofSignals()
	slices.Reverse(o.Signals)
	slices.Reverse(o.Entities)
	if again := generate(t, o); again != got {
		t.Error("the order of signals or entities makes a difference")
	}
	groups, errs := rulefmt.Parse([]byte(got), false, model.LegacyValidation)
	if len(errs) > 0 {
		t.Fatalf("the rules cannot be read: %v", errs)
	}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" && r.Labels["severity"] == "page" {
				t.Errorf("%s pages by a signal alone: %v", r.Alert, r.Labels)
			}
		}
	}
}

// A real promtool sees each alert begin, end, and take what is missing for missing;
// what hovers above where a state is left goes on, in the close limits are stricter,
// and a component that is not judged is left alone.
func TestPromtoolOnSignals(t *testing.T) {
	const courses = `
  - name: "hysteresis, the close and exceptions"
    interval: 30s
    input_series:
      - {series: 'pg_replication_lag_seconds{environment="production",component="db",standby="a"}', values: '70x5 50x80 40x60'}
      - {series: 'pg_replication_lag_seconds{environment="production",component="hovers",standby="a"}', values: '50x150'}
      - {series: 'pg_replication_lag_seconds{environment="production",component="replica",standby="a"}', values: '70x150'}
      - {series: 'pg_replication_lag_seconds{environment="production",component="scratch",standby="a"}', values: '9000x150'}
      - {series: 'closewatch_calendar_phase{environment="production",entity="acme-at",phase="close"}', values: '1x2000'}
      - {series: 'closewatch_calendar_phase{environment="production",entity="acme-uk",phase="close"}', values: '0x2000'}
      - {series: 'odoo_drafts_due{environment="production",component="erp",tenant="prod",entity="acme-at",state="due"}', values: '3x2000'}
      - {series: 'odoo_drafts_due{environment="production",component="erp",tenant="prod",entity="acme-uk",state="due"}', values: '3x2000'}
    promql_expr_test:
      - {eval_time: 40m, expr: 'count by (component, alertname) (ALERTS{signal="standby_lag",alertstate="firing"})', exp_samples: [
          {labels: '{component="db",alertname="FinanceSignalCritical"}', value: 1}, {labels: '{component="db",alertname="FinanceSignalWarning"}', value: 1},
          {labels: '{component="hovers",alertname="FinanceSignalWarning"}', value: 1}]}
      - {eval_time: 70m, expr: 'count by (component) (ALERTS{alertname="FinanceSignalCritical",signal="standby_lag",alertstate="firing"})', exp_samples: []}
      - {eval_time: 50m, expr: 'count by (entity) (ALERTS{signal="drafts_due",alertstate="firing"})', exp_samples: []}
      - {eval_time: 70m, expr: 'count by (entity, window) (ALERTS{signal="drafts_due",alertstate="firing"})', exp_samples: [
          {labels: '{entity="acme-at",window="close"}', value: 1}]}
`
	dir := t.TempDir()
	test, err := rules.Example(ofSignals(), nil, "rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"rules.yml": generate(t, ofSignals()), "test.yml": string(test) + strings.TrimPrefix(courses, "\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, dir, "check", "rules", "--lint-fatal", "rules.yml")
	promtool(t, dir, "test", "rules", "test.yml")
}
