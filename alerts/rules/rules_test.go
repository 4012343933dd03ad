package rules_test

import (
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/slo"
)

var settings = slo.Settings{Tick: 30 * time.Second, Scale: 1}

// objective is one of users' requests; its target is exact.
func objective(id, target string) rules.Objective {
	exact, _ := slo.ParseTarget(target)
	base := []rules.Match{{Label: "environment", Values: []string{"production"}}, {Label: "tenant", Values: []string{"prod"}}}
	of := func(more ...rules.Match) rules.Counter {
		return rules.Counter{Metric: "requests_total", Match: slices.Concat(base, more)}
	}
	return rules.Objective{
		ID: "production/prod/" + id, Process: id, Title: "Invoice posting", Tenant: "prod", Environment: "production",
		Indicator: "availability", Source: slo.Users, Team: "finance-platform", Critical: true, Says: "an entry is posted without an error",
		Runbook: "https://closewatch.example.com/runbooks/" + id, Target: exact, MinBad: 3,
		All:   of(),
		Total: of(rules.Match{Label: "operation", Values: []string{"post", "pay.now"}}),
		Good: of(rules.Match{Label: "operation", Values: []string{"post", "pay.now"}},
			rules.Match{Label: "outcome", Values: []string{"server", "upstream"}, Not: true}),
	}
}

// latency is one of a flow's runs.
func latency(id, target string) rules.Objective {
	o := objective(id, target)
	base := o.All.Match
	flow := rules.Match{Label: "flow", Values: []string{"login"}}
	o.Indicator, o.Source, o.MinBad, o.Critical = "latency", slo.Synthetic, 2, false
	o.All = rules.Counter{Metric: "run_seconds_count", Match: base}
	o.Total = rules.Counter{Metric: "run_seconds_count", Match: append(slices.Clone(base), flow)}
	o.Good = rules.Counter{Metric: "run_seconds_bucket", Match: append(slices.Clone(base), flow, rules.Match{Label: "le", Values: []string{"3", "3.0"}})}
	return o
}

func generate(t *testing.T, o rules.Options, objectives ...rules.Objective) string {
	t.Helper()
	file, err := rules.Generate(o, objectives)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestGenerate(t *testing.T) {
	o := rules.Options{
		Settings: settings, Hold: rules.DefaultHold, Page: true,
		Header: []string{"Generated.", "", "By hand."}, NotCovered: []string{"month-end-close/close (deadline)"},
	}
	got := generate(t, o, latency("login", "95%"), objective("invoice-posting", "99.5%"))
	golden(t, "rules.yml", got)
	if again := generate(t, o, objective("invoice-posting", "99.5%"), latency("login", "95%")); again != got {
		t.Error("the order of objectives makes a difference")
	}
	if _, errs := rulefmt.Parse([]byte(got), false, model.LegacyValidation); len(errs) > 0 {
		t.Errorf("the rules cannot be read: %v", errs)
	}
}

// Nothing that people edit is a label of what is recorded: windows outlive it.
func TestRecordedSeriesCarryIdentityOnly(t *testing.T) {
	parsed, errs := rulefmt.Parse([]byte(generate(t, rules.Options{Settings: settings}, objective("invoice-posting", "99.5%"))), false, model.LegacyValidation)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	recorded := 0
	for _, r := range parsed.Groups[0].Rules {
		if r.Record == "" {
			continue
		}
		recorded++
		for name := range r.Labels {
			if !slices.Contains([]string{"environment", "tenant", "objective", "metric", "goal"}, name) {
				t.Errorf("%s carries %s", r.Record, name)
			}
		}
	}
	if recorded < 20 {
		t.Errorf("only %d series are recorded", recorded)
	}
}

func TestWhatIsRefused(t *testing.T) {
	o := objective("a", "99%")
	whole := o
	whole.Target = big.NewRat(1, 1)
	long := o
	long.Target, _ = new(big.Rat).SetString("0.99999999999999999999999")
	tests := map[string]struct {
		tick       time.Duration
		scale      float64
		objectives []rules.Objective
		want       string
	}{
		"an objective twice":          {30 * time.Second, 1, []rules.Objective{o, o}, "declared twice"},
		"a target without a budget":   {30 * time.Second, 1, []rules.Objective{whole}, "leave an error budget"},
		"a target nobody can compare": {30 * time.Second, 1, []rules.Objective{long}, "too many digits"},
		"ticks of a part of a second": {1500 * time.Millisecond, 1, nil, "whole seconds"},
		"windows without any length":  {30 * time.Second, 0, nil, "use a positive number"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := rules.Generate(rules.Options{Settings: slo.Settings{Tick: tt.tick, Scale: tt.scale}}, tt.objectives)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Generate = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNoObjectives(t *testing.T) {
	if got := generate(t, rules.Options{Settings: settings, Header: []string{"Nothing."}}); got != "# Nothing.\ngroups: []\n" {
		t.Errorf("rules of nothing:\n%s", got)
	}
}

// A real promtool reads the rules, and the example fires.
func TestPromtool(t *testing.T) {
	for name, obj := range map[string]rules.Objective{"requests by outcome": objective("invoice-posting", "99.5%"), "runs by duration": latency("login", "95%")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := rules.Options{Settings: settings, Hold: rules.DefaultHold}
			test, err := rules.Example(o, []rules.Objective{obj}, "rules.yml")
			if err != nil {
				t.Fatal(err)
			}
			for name, content := range map[string]string{"rules.yml": generate(t, o, obj), "test.yml": string(test)} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			promtool(t, dir, "check", "rules", "--lint-fatal", "rules.yml")
			promtool(t, dir, "test", "rules", "test.yml")
		})
	}
}

func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v (make setup installs it)\n%s", strings.Join(args, " "), err, out)
	}
}
