package dashboards_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"

	"github.com/closewatch/closewatch/dashboards"
)

// published is what an estate publishes at minute 10, in promqltest's notation.
const published = `
load 1m
  closewatch_impact_tier{process="posting",entity="at",tenant="prod",environment="production"} 3x20
  closewatch_impact_tier{process="payroll",entity="at",tenant="prod",environment="production"} 0x20
  closewatch_impact_tier{process="posting",entity="at",tenant="copy",environment="staging"} 3x20
  closewatch_impact_tier{process="payments",entity="at",tenant="prod",environment="production"} 2x20
  closewatch_impact_tier{process="reporting",entity="at",tenant="prod",environment="production"} 1x20
  closewatch_impact_unknown{process="posting",entity="at",tenant="prod",environment="production"} 0x20
  closewatch_impact_unknown{process="payroll",entity="at",tenant="prod",environment="production"} 0x20
  closewatch_impact_unknown{process="payments",entity="at",tenant="prod",environment="production"} 0x20
  closewatch_impact_unknown{process="reporting",entity="at",tenant="prod",environment="production"} 0x20
  closewatch_impact_unknown{process="bank-feed",entity="at",tenant="prod",environment="production"} 1x20
  closewatch_impact_unknown{process="posting",entity="at",tenant="copy",environment="staging"} 0x20
  closewatch_recovery_point_exposure_seconds{process="posting",entity="at",tenant="prod",environment="production"} 90x20
  closewatch_recovery_point_objective_seconds{process="posting",entity="at",tenant="prod",environment="production"} 60x20
  closewatch_tick_timestamp_seconds{component="closewatch",environment="production"} 570x20
  odoo_queue_waiting_seconds{channel="root",tenant="prod",component="erp",environment="production"} 0x20
  odoo_queue_waiting_seconds{channel="root.einvoice",tenant="prod",component="erp",environment="production"} 300x20
  odoo_scheduled_action_overdue_seconds{action="late",tenant="prod",component="erp",environment="production"} 120x20
  odoo_scheduled_action_overdue_seconds{action="due later",tenant="prod",component="erp",environment="production"} 0x20
  traefik_finance_operations_total{operation="post",client="user",outcome="ok",tenant="prod",component="ingress",environment="production"} 0+57x20
  traefik_finance_operations_total{operation="post",client="user",outcome="upstream",tenant="prod",component="ingress",environment="production"} 0+3x20
  traefik_finance_operations_total{operation="post",client="probe",outcome="upstream",tenant="prod",component="ingress",environment="production"} 0+60x20
  closewatch_probe_duration_seconds_sum{flow="posting",level="L3",tenant="prod",component="erp",environment="production"} 0+3x20
  closewatch_probe_duration_seconds_count{flow="posting",level="L3",tenant="prod",component="erp",environment="production"} 0+2x20
  odoo_journal_entries_posted_total{entity="at",tenant="prod",component="erp",environment="production"} 0+12x20
`

// TestAnswers asks the queries that compute something and compares what
// Grafana would show.
func TestAnswers(t *testing.T) {
	storage := promqltest.LoadedStorage(t, published)
	t.Cleanup(func() { _ = storage.Close() })
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 100_000, Timeout: time.Minute})
	t.Cleanup(func() { _ = engine.Close() })
	queries, err := dashboards.Queries(dashboards.Variables{Environment: "production", RateInterval: "5m"})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{
		"Business-critical": {`{} => 1`}, // the staging copy is left out, and so is what works
		"Degradation":       {`{} => 1`},
		"Informational":     {`{} => 1`},
		"Working":           {`{} => 1`},
		"Cannot be told":    {`{} => 1`}, // together five: each is counted once
		"Finance processes": {
			`{entity="at", process="bank-feed", tenant="prod"} => 0.5`, `{entity="at", process="payments", tenant="prod"} => 2`, `{entity="at", process="payroll", tenant="prod"} => 0`,
			`{entity="at", process="posting", tenant="prod"} => 3`, `{entity="at", process="reporting", tenant="prod"} => 1`,
		},
		"Exposure against the objective":    {`{process="posting"} => 1.5`},
		"Last decision":                     {`{} => 30`},
		"Oldest job that could run":         {`{channel="root"} => 0`, `{channel="root.einvoice"} => 300`},
		"Scheduled actions overdue":         {`{action="due later"} => 0`, `{action="late"} => 120`},
		"Errors":                            {`{operation="post"} => 0.05`}, // probes are left out
		"Finance operations":                {`{operation="post"} => 1`},
		"Duration of a run":                 {`{flow="posting"} => 1.5`},
		"Journal entries posted per minute": {`{entity="at"} => 12`},
		"Least slack":                       nil, // not published: no answer, not 0
	}
	for panel, want := range tests {
		t.Run(panel, func(t *testing.T) {
			i := slices.IndexFunc(queries, func(q dashboards.Query) bool { return q.Dashboard == "Closewatch: on-call triage" && q.Panel == panel })
			if i < 0 {
				t.Fatal("there is no such panel")
			}
			q, err := engine.NewInstantQuery(t.Context(), storage, nil, queries[i].Expr, time.Unix(600, 0))
			if err != nil {
				t.Fatal(err)
			}
			defer q.Close()
			vector, err := q.Exec(t.Context()).Vector()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range vector {
				line, _, _ := strings.Cut(s.String(), " @[")
				got = append(got, line)
			}
			slices.Sort(got)
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("%s answers (-got +want):\n%s", queries[i].Expr, diff)
			}
		})
	}
}
