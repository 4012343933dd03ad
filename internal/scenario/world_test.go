package scenario_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/internal/signal"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// ground is a small estate.
func ground() scenario.Ground {
	up := func(name, metric string) signal.Definition {
		return signal.Definition{Name: name, Metric: metric, Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 0.5}
	}
	return scenario.Ground{
		Environment: "production", Zone: time.UTC,
		Components: []scenario.Component{
			{Name: "db", Kind: "postgres", Environment: "production", Signals: []signal.Definition{
				up("postgres_up", "pg_up"),
				{Name: "postgres_connections", Metric: "pg_connections_used_ratio", Warning: 0.8, Critical: 0.95, Exit: 0.9},
				{Name: "postgres_recovery_point", Metric: "pg_recovery_point_exposure_seconds", Warning: signal.Never(), Critical: signal.Never(), Optional: true, Role: signal.Recovery},
			}},
			{Name: "ingress", Kind: "traefik", Environment: "production", Signals: []signal.Definition{up("traefik_up", "traefik_up")}},
			{Name: "erp", Kind: "odoo", Environment: "production", Signals: []signal.Definition{up("odoo_up", "odoo_up")}},
		},
		Tenants:    []scenario.Tenant{{Name: "acme", Environment: "production", Component: "erp", Ingress: "ingress"}},
		Entities:   map[string]string{"acme-uk": "acme"},
		Operations: map[string]string{"invoice-posting": "account.move/action_post"},
		Processes:  []string{"invoice-posting", "payroll"},
		Flows:      []string{"invoice-posting"},
		Buckets:    []float64{3},
	}
}

// world is what a scenario sets at noon, taken to some time after.
func world(t *testing.T, healthy, set string, after time.Duration) signal.Published {
	t.Helper()
	text := head
	if healthy != "" {
		text += "healthy: " + healthy + "\n"
	}
	s := parse(t, text+"steps: [{at: +1m, set: {"+set+"}, expect: {pages: []}}]")
	w := scenario.NewWorld(ground(), s.Healthy, noon)
	w.Set(noon, s.Steps[0].Set, 0)
	w.Advance(noon.Add(after))
	return w.Published()
}

func TestWhatAWorldPublishes(t *testing.T) {
	minute := time.Minute
	stamp := func(at time.Time) float64 { return float64(at.Unix()) }
	tests := map[string]struct {
		healthy, set string
		after        time.Duration
		metric       string
		labels       map[string]string
		want         float64 // NaN: nothing
	}{
		"nothing is said, nothing is published":   {"", "", 0, "pg_up", nil, math.NaN()},
		"what is well is on the good side":        {"all", "", 0, "pg_up", nil, 1},
		"of every threshold":                      {"all", "", 0, "pg_connections_used_ratio", nil, 0},
		"what need not be there is not there":     {"all", "", 0, "pg_recovery_point_exposure_seconds", nil, math.NaN()},
		"only what is named is well":              {"db", "", 0, "traefik_up", nil, math.NaN()},
		"a component that is down":                {"all", "components: {db: down}", 0, "pg_up", nil, 0},
		"tells nothing else":                      {"all", "components: {db: down}", 0, "pg_connections_used_ratio", nil, math.NaN()},
		"one of which nothing is known":           {"all", "components: {db: unknown}", 0, "pg_up", nil, math.NaN()},
		"a signal that is critical":               {"all", "signals: {db/postgres_connections: critical}", 0, "pg_connections_used_ratio", nil, 1},
		"one that is a warning":                   {"all", "signals: {db/postgres_connections: warning}", 0, "pg_connections_used_ratio", nil, 0.8400000000000001},
		"one with a value":                        {"all", "signals: {db/postgres_connections: 0.9}", 0, "pg_connections_used_ratio", nil, 0.9},
		"one that is not measured":                {"all", "signals: {db/postgres_connections: unknown}", 0, "pg_connections_used_ratio", nil, math.NaN()},
		"a duration is seconds":                   {"", "signals: {db/postgres_recovery_point: 2m}", 0, "pg_recovery_point_exposure_seconds", nil, 120},
		"a value that rises":                      {"", "signals: {db/postgres_recovery_point: rising from 1m}", 5 * minute, "pg_recovery_point_exposure_seconds", nil, 360},
		"users who succeed":                       {"all", "users: {invoice-posting: '20 good, 3 bad, 1 slow'}", 3 * minute, "traefik_finance_operations_total", map[string]string{"outcome": "ok"}, 63},
		"users who fail":                          {"all", "users: {invoice-posting: '20 good, 3 bad, 1 slow'}", 3 * minute, "traefik_finance_operations_total", map[string]string{"outcome": "server"}, 9},
		"users who wait":                          {"all", "users: {invoice-posting: '20 good, 3 bad, 1 slow'}", 3 * minute, "traefik_finance_operation_duration_seconds_bucket", map[string]string{"le": "3"}, 60},
		"users nobody counts":                     {"all", "components: {ingress: down}, users: {invoice-posting: 20 good}", minute, "traefik_finance_operations_total", nil, math.NaN()},
		"whole events only":                       {"all", "posted: {acme-uk: 1}", 119 * time.Second, "odoo_journal_entries_posted_total", map[string]string{"entity": "acme-uk", "tenant": "acme"}, 1},
		"jobs that wait since they were set":      {"", "jobs: {root: 31 waiting}", 20 * minute, "odoo_queue_job_oldest_runnable_timestamp_seconds", map[string]string{"channel": "root"}, stamp(noon)},
		"jobs that are taken wait no longer than": {"", "jobs: {root: '30 waiting, 10 a minute taken'}", 20 * minute, "odoo_queue_job_oldest_runnable_timestamp_seconds", nil, stamp(noon.Add(17 * minute))},
		"a scheduled action that runs":            {"", "actions: {Post: every 5m}", 12 * minute, "odoo_scheduled_action_last_call_timestamp_seconds", nil, stamp(noon.Add(10 * minute))},
		"one that is late":                        {"", "actions: {Post: late}", 12 * minute, "odoo_scheduled_action_overdue_seconds", nil, 720},
		"one that is off":                         {"", "actions: {Post: 'off'}", 0, "odoo_scheduled_action_active", nil, 0},
		"any metric, its labels completed":        {"", `metrics: {'odoo_lock_dates_set{entity="acme-uk"}': 1}`, 0, "odoo_lock_dates_set", map[string]string{"tenant": "acme", "component": "erp", "environment": "production"}, 1},
		"a day":                                   {"", `metrics: {'m{entity="acme-uk"}': 2026-11-30}`, 0, "m", nil, stamp(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))},
		"a metric that counts":                    {"", `metrics: {'m{entity="acme-uk"}': 7 a minute}`, 3 * minute, "m", nil, 21},
		"a metric replaces what a component says": {"all", `metrics: {'pg_up{component="db"}': 0}`, 0, "pg_up", nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			found := world(t, tt.healthy, tt.set, tt.after).Match(tt.metric, tt.labels)
			switch {
			case math.IsNaN(tt.want) && len(found) > 0:
				t.Errorf("%s is published: %v", tt.metric, found)
			case math.IsNaN(tt.want):
			case len(found) != 1:
				t.Errorf("%s has %d series, want one: %v", tt.metric, len(found), found)
			case found[0].Value != tt.want:
				t.Errorf("%s = %v, want %v", tt.metric, found[0].Value, tt.want)
			}
		})
	}
}

// Whatever was set for a time is over when its time is over, and what is left is
// what a world has in which it was never set.
func TestWhatIsSetForATimeLeavesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		states := []string{"ok", "down", "unknown"}
		w, plain := scenario.NewWorld(ground(), scenario.Healthy{All: true}, noon), scenario.NewWorld(ground(), scenario.Healthy{All: true}, noon)
		at := noon
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "minutes later")) * time.Minute)
			set := scenario.Set{Components: map[string]scenario.Health{"db": scenario.Health(rapid.SampledFrom(states).Draw(rt, "is"))}}
			lasting := time.Duration(rapid.IntRange(0, 30).Draw(rt, "for minutes")) * time.Minute
			w.Set(at, set, lasting)
			if lasting == 0 {
				plain.Set(at, set, 0)
			}
		}
		end := at.Add(time.Hour)
		w.Advance(end)
		plain.Advance(end)
		if got, want := w.Health("db"), plain.Health("db"); got != want {
			rt.Fatalf("db is %s in the end, want %s", got, want)
		}
	})
}
