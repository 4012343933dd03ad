package app

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// examples is where the scenarios are that are shipped.
const examples = "../../../deploy/examples/scenarios"

// fewTicks bounds what every test run may spend on one scenario: months are for
// make test-scenarios.
const fewTicks = 60

// The scenarios that are shipped are the specification of what is decided. Each
// is loaded; those that last long are run with CLOSEWATCH_SCENARIOS=full.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	full := os.Getenv("CLOSEWATCH_SCENARIOS") == "full"
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "estate") {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			trial, err := LoadTrial(file)
			if err != nil {
				t.Fatal(err)
			}
			if !full && trial.end.Sub(trial.start)/trial.plan.Estate.Timing.Tick.D() > fewTicks {
				return
			}
			report, err := trial.Run()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range report.Failures {
				t.Errorf("line %d, %s: %s: want %q, got %q, because %q", f.Line, trial.Local(f.At), f.What, f.Want, f.Got, f.Why)
			}
		})
	}
}

// shortScenario is one in an estate of its own, with what it expects.
func shortScenario(t *testing.T, steps, start string) *Trial {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.yaml")
	text := "name: a test\nestate: " + absolute(t, filepath.Join(examples, "estate_uk.yaml")) + "\nstart: " + start + "\ntick: 1m\nhealthy: all\nsteps:\n" + steps
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	trial, err := LoadTrial(file)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func absolute(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// broken is posting that fails for everybody from the tenth minute on.
const broken = `
  - {at: +0m, set: {users: {invoice-posting: 20 good}, posted: {acme-uk: 10}}}
  - {at: +10m, set: {flows: {invoice-posting: failing at post-invoice (rejected)}, users: {invoice-posting: 20 bad}, posted: {acme-uk: none}}}
`

func TestEveryKindOfExpectationCanFail(t *testing.T) {
	tests := map[string]struct {
		expect string
		want   []string // what was expected
		got    []string // what came
	}{
		"a tier":             {"impacts: [{of: invoice-posting/acme-uk, tier: none}]", []string{"tier none"}, []string{"tier business-critical"}},
		"a tier at least":    {"impacts: [{of: payroll, atLeast: degradation}]", []string{"tier at least degradation"}, []string{"tier none"}},
		"a tier at most":     {"impacts: [{of: invoice-posting, atMost: degradation}]", []string{"tier at most degradation"}, []string{"tier business-critical"}},
		"a row":              {"impacts: [{of: invoice-posting, row: failing-users-fine}]", []string{"row failing-users-fine"}, nil},
		"words of a reason":  {"impacts: [{of: invoice-posting, says: at step login}]", []string{"says at step login"}, nil},
		"a cause":            {"impacts: [{of: invoice-posting, cause: db}]", []string{"cause db"}, []string{"cause none"}},
		"a slack":            {"impacts: [{of: payment-registration, slack: gone}]", []string{"slack gone"}, []string{"slack 6h30m0s to CHAPS payment cut-off"}},
		"what is unknown":    {"impacts: [{of: invoice-posting, unknown: true}]", []string{"unknown true"}, []string{"unknown false"}},
		"a critical window":  {"impacts: [{of: invoice-posting, critical: WD}]", []string{"critical WD"}, []string{"critical none"}},
		"a service tier":     {"impacts: [{of: payroll, serviceTier: A}]", []string{"service tier A"}, []string{"service tier C"}},
		"no page":            {"pages: []", []string{"none"}, nil},
		"another page":       {"pages: [payroll]", []string{"payroll"}, nil},
		"one page more":      {"pages: [invoice-posting, payroll]", []string{"invoice-posting", "payroll"}, nil},
		"a ticket":           {"tickets: [payroll]", []string{"payroll"}, []string{"none"}},
		"incidents":          {"incidents: 2", []string{"2"}, nil},
		"recovery":           {"recovered: true", []string{"0"}, nil},
		"members":            {"members: {invoice-posting: none}", []string{"invoice-posting in none"}, nil},
		"a component":        {"components: {db: critical}", []string{"critical"}, []string{"ok"}},
		"a phase":            {"phases: {acme-uk: close}", []string{"close"}, []string{"normal"}},
		"a deadline":         {"deadlines: {acme-uk/chaps: 2026-11-18 16:00}", []string{"Wed 18 Nov 16:00:00 GMT (+6h)"}, []string{"Wed 18 Nov 17:00:00 GMT (+7h) of acme-uk"}},
		"who is told":        {"routes: [{of: invoice-posting/acme-uk, to: [finance-ticket]}]", []string{"finance-ticket"}, []string{"finance-page"}},
		"that nobody is":     {"routes: [{alert: {alertname: Other}, to: []}]", []string{"none"}, []string{"finance-ticket"}},
		"whether it matters": {"critical: {payment-registration: true}", []string{"critical window true"}, []string{"critical window false"}},
	}
	names := slices.Sorted(maps.Keys(tests))
	steps := broken
	for _, name := range names { // all at one instant of one run
		steps += "  - {at: +30m, expect: {" + tests[name].expect + "}}\n"
	}
	report, err := shortScenario(t, steps, "2026-11-18 10:00").Run()
	if err != nil {
		t.Fatal(err)
	}
	failed := map[int]Failure{} // by line
	for _, f := range report.Failures {
		failed[f.Line] = f
	}
	const first = 10 // line of the file
	for n, name := range names {
		t.Run(name, func(t *testing.T) {
			f, did := failed[first+n]
			if !did {
				t.Fatal("it is taken for true")
			}
			if diff := cmp.Diff(tests[name].want, f.Want); diff != "" {
				t.Errorf("expected (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tests[name].got, f.Got); tests[name].got != nil && diff != "" {
				t.Errorf("came (-want +got):\n%s", diff)
			}
		})
	}
	if len(report.Failures) != len(tests) {
		t.Errorf("%d failures, want %d: %+v", len(report.Failures), len(tests), report.Failures)
	}
}

func TestWhenSomethingIsExpected(t *testing.T) {
	tests := map[string]struct {
		steps  string
		failed string // field of the only failure; "" is none
	}{
		"within a time in which it comes":     {"  - {at: +10m, expect: {within: 15m, pages: [invoice-posting]}}", ""},
		"within one in which it does not":     {"  - {at: +10m, expect: {within: 2m, pages: [invoice-posting]}}", "steps[2].expect.pages"},
		"up to when it ends":                  {"  - {at: +2m, expect: {until: +9m, pages: []}}", ""},
		"beyond":                              {"  - {at: +2m, expect: {until: +30m, pages: []}}", "steps[2].expect.pages"},
		"at once":                             {"  - {at: +10m, expect: {pages: [invoice-posting]}}", "steps[2].expect.pages"},
		"of the whole":                        {"  - {at: +40m, expect: {pages: [invoice-posting]}}\nend: {pages: 1, paged: [invoice-posting/acme-uk], incidents: 1, open: 1}", ""},
		"of the whole, and it is not so":      {"  - {at: +40m, expect: {pages: [invoice-posting]}}\nend: {pages: 2}", "end.pages"},
		"of the whole, and it is another":     {"  - {at: +40m, expect: {pages: [invoice-posting]}}\nend: {paged: [payroll]}", "end.paged"},
		"of an end after everything":          {"  - {at: +10m, expect: {within: 15m, pages: [invoice-posting]}}\nend: {at: +1h, open: 0}", "end.open"},
		"after what lasts for a time is over": {"  - {at: +20m, for: 5m, set: {components: {cache: down}}}\n  - {at: +26m, expect: {components: {cache: ok}}}", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := broken
			if strings.Contains(tt.steps, "+2m") { // before
				steps = "  - {at: +0m, set: {users: {invoice-posting: 20 good}, posted: {acme-uk: 10}}}\n" + tt.steps + "\n" + strings.SplitN(broken, "\n", 3)[2]
				tt.failed = strings.Replace(tt.failed, "[2]", "[1]", 1)
			} else {
				steps += tt.steps + "\n"
			}
			report, err := shortScenario(t, steps, "2026-11-18 10:00").Run()
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range report.Failures {
				got += f.Field
			}
			if got != tt.failed {
				t.Errorf("failed: %q, want %q: %+v", got, tt.failed, report.Failures)
			}
		})
	}
}

// Two runs of a scenario say the same, word for word.
func TestARunIsTheSameTwice(t *testing.T) {
	trial := shortScenario(t, broken+`  - {at: 2026-12-07 17:50, set: {metrics: {'odoo_lock_dates_set{entity="acme-uk"}': 1, 'odoo_lock_date_timestamp_seconds{entity="acme-uk",lock="fiscalyear"}': 2026-10-31}}, expect: {phases: {acme-uk: close}}}
  - {at: 2026-12-07 17:55, set: {metrics: {'odoo_lock_date_timestamp_seconds{entity="acme-uk",lock="fiscalyear"}': 2026-11-30}}, expect: {within: 5m, phases: {acme-uk: tail}}}
`, "2026-12-07 17:30")
	var reports []*Report
	for range 2 {
		r, err := trial.Run()
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, r)
	}
	if diff := cmp.Diff(reports[0], reports[1]); diff != "" {
		t.Errorf("the second run differs:\n%s", diff)
	}
}

// What a scenario says of a flow's runs is what the daemon says of them.
func TestScenariosReadRunsAsTheDaemonDoes(t *testing.T) {
	entry := entryOf(t, "invoice-posting")
	rapid.Check(t, func(rt *rapid.T) {
		plan := flowPlan{level: flow.L3, rest: flow.L0, timeout: time.Minute, interval: func(time.Time) time.Duration { return 5 * time.Minute }}
		key := flowKey{"production", "acme", "invoice-posting"}
		book := &flowBook{history: flow.NewHistory(), plans: map[flowKey]flowPlan{key: plan}}
		ours := &turn{plan: plan, entry: entry, tenant: scenario.Tenant{Name: "acme", Environment: "production"}}
		at := noon
		for range rapid.IntRange(0, 30).Draw(rt, "runs") {
			at = at.Add(time.Duration(rapid.IntRange(1, 30).Draw(rt, "minutes later")) * time.Minute)
			run := flow.Run{
				Environment: "production", Tenant: "acme", Flow: "invoice-posting", Started: at,
				Level:   rapid.SampledFrom([]flow.Level{flow.L3, flow.L0}).Draw(rt, "level"),
				Outcome: rapid.SampledFrom([]flow.Outcome{flow.Passed, flow.Failed, flow.Blocked}).Draw(rt, "outcome"),
			}
			if run.Outcome == flow.Failed {
				run.Kind, run.FailedStep = fault.Rejected, "post-invoice"
			}
			book.history.Add(run)
			ours.add(run)
		}
		at = at.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "minutes after")) * time.Minute)
		want, _ := book.Flow(key.environment, key.tenant, key.flow, at)
		if diff := cmp.Diff(want, ours.flow(at)); diff != "" {
			rt.Fatalf("(-daemon +scenario):\n%s", diff)
		}
	})
}

// entryOf is a flow as the examples schedule it.
func entryOf(t *testing.T, name string) schedule.Entry {
	t.Helper()
	trial, err := LoadTrial(filepath.Join(examples, "cpu_spike.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := newCourse(trial, nil, trial.cals)
	if err != nil {
		t.Fatal(err)
	}
	return r.turns[flowKey{"production", "acme", name}].entry
}
