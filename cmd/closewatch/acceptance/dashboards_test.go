package acceptance

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/dashboards"
)

// What no panel of this estate shows, although nothing is wrong: by the panel,
// or by a metric that all its queries name. A metric that is not named here must
// be one that the estate publishes.
var (
	quietPanels = map[string]string{
		"annotation Business-critical":           "all is well",
		"annotation Close phases":                "it is no close",
		"annotation Milestones":                  "the estate has no calendar",
		"annotation Changes":                     "nothing was changed yet",
		"annotation Postings":                    "five minutes have to be known",
		"annotation Reconciliations":             "five minutes have to be known",
		"Finance processes impaired":             "all is well",
		"Down against its recovery time":         "all is well",
		"Recovery clocks running":                "all is well",
		"What the policy asks for":               "all is well",
		"Failures by kind":                       "all is well",
		"Flapping":                               "all is well",
		"Runs beyond their budget":               "all is well",
		"Detect, take, restore":                  "no incident has recovered yet",
		"Proven neutral":                         "a proof takes its time",
		"Foreign records":                        "a proof takes its time",
		"Proof is old":                           "a proof takes its time",
		"How far the bank is known":              "the bank's lines come with the traffic",
		"Time since it ran, in intervals":        "the scheduled actions have yet to run",
		"Failing, killed, repeated":              "the scheduled actions have yet to run",
		"Memory against its limit":               "the estate's Redis has no limit",
		"Time to catch up":                       "nothing waits, or nothing was drained yet",
		"Time since an Alertmanager took alerts": "nothing had to be told yet",
	}
	absentMetrics = map[string]string{
		"backup_overdue_ratio":                                "no backup is declared",
		"backup_recovery_point_exposure_seconds":              "no backup is declared",
		"backup_usable_backups":                               "no backup is declared",
		"backup_wal_gap_segments":                             "no backup is declared",
		"restore_test_duration_seconds":                       "no restore test is told of",
		"restore_test_last_success_timestamp_seconds":         "no restore test is told of",
		"restore_test_overdue_ratio":                          "no restore test is told of",
		"closewatch_baseline_deviation":                       "what is usual takes weeks to learn",
		"closewatch_change_last_timestamp_seconds":            "nothing was changed yet",
		"closewatch_close_planned_end_timestamp_seconds":      "the estate has no calendar",
		"closewatch_close_state":                              "the estate has no calendar",
		"closewatch_deadline_seconds":                         "the estate has no calendar",
		"closewatch_lock_plan_findings":                       "the estate has no calendar",
		"closewatch_process_slack_seconds":                    "no deadline is near",
		"closewatch_slo_phase_error_budget_remaining_ratio":   "it is no close",
		"closewatch_impact_rto_elapsed_seconds":               "all is well",
		"closewatch_incident_acknowledge_seconds":             "no incident has recovered yet",
		"closewatch_incident_detect_seconds":                  "no incident has recovered yet",
		"closewatch_incident_restore_seconds":                 "no incident has recovered yet",
		"closewatch_probe_foreign_records":                    "a proof takes its time",
		"closewatch_probe_neutral":                            "a proof takes its time",
		"closewatch_probe_neutrality_proof_timestamp_seconds": "a proof takes its time",
		"odoo_bank_last_line_timestamp_seconds":               "the bank's lines come with the traffic",
		"odoo_scheduled_action_last_call_timestamp_seconds":   "the scheduled actions have yet to run",
		"odoo_scheduled_action_timeouts":                      "the scheduled actions have yet to run",
		"odoo_queue_catch_up_seconds":                         "nothing waits, or nothing was drained yet",
	}
)

// dashboardsAreFed asks every query of every panel, annotation and variable as
// Grafana would. What has no answer must be on the list above, and its panel
// must say what that means.
func dashboardsAreFed(t *testing.T, d *daemon) {
	queries, err := dashboards.Queries(dashboards.Variables{RateInterval: "10s", Range: "10m"})
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) < 300 {
		t.Fatalf("there are only %d queries", len(queries))
	}
	asked := map[string]bool{} // alike on many dashboards
	for _, q := range queries {
		if asked[q.Panel+q.Expr] {
			continue
		}
		asked[q.Panel+q.Expr] = true
		metrics, err := dashboards.MetricsOf(q.Expr)
		if err != nil {
			t.Fatal(err)
		}
		excused := quietPanels[q.Panel] != "" || slices.ContainsFunc(metrics, func(m string) bool { return absentMetrics[family(m)] != "" })
		if excused && q.EmptyMeans == "" {
			t.Errorf("%s, %s: may be empty, and does not say what that means", q.Dashboard, q.Panel)
		}
		await(t, time.Minute, func() string {
			var answer struct {
				Status, Error string
				Data          struct{ Result []json.RawMessage }
			}
			d.decode(t, "/prometheus/api/v1/query?"+url.Values{"query": {q.Expr}}.Encode(), &answer)
			switch {
			case answer.Status != "success":
				t.Fatalf("%s: %s", q.Expr, answer.Error)
			case len(answer.Data.Result) == 0 && !excused:
				return q.Dashboard + ", " + q.Panel + ": no answer to " + q.Expr
			}
			return ""
		})
	}
}

// dashboardsNameWhatIsThere compares the metrics that dashboards name with the
// metadata of the estate.
func dashboardsNameWhatIsThere(t *testing.T, d *daemon) {
	named, err := dashboards.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct{ Data map[string]json.RawMessage }
	d.decode(t, "/prometheus/api/v1/metadata", &metadata)
	used := map[string]bool{}
	for _, name := range named {
		f := family(name)
		used[f] = true
		if metadata.Data[name] == nil && metadata.Data[f] == nil && absentMetrics[f] == "" {
			t.Errorf("dashboards name %s, which nobody publishes", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(absentMetrics)) {
		if !used[name] {
			t.Errorf("no dashboard names %s: take it off the list", name)
		}
	}
}

func family(metric string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(metric, suffix); ok {
			return base
		}
	}
	return metric
}
