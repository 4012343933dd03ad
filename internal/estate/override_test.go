package estate_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
)

// base is a process with something in every field.
func base() process.Process {
	return process.Process{
		Name: "invoice-posting", Title: "Invoice posting", Tier: process.Important, CloseTier: process.Critical,
		Windows:          []process.Window{{Kind: process.WorkingDays, From: -2, To: 2}},
		Recovery:         process.Recovery{RTO: 4 * time.Hour, RPO: 15 * time.Minute},
		CriticalRecovery: process.Recovery{RTO: time.Hour, RPO: 5 * time.Minute},
		Refetch:          "the bank's records",
		Needs:            []process.Dependency{{Kind: "postgres", Role: process.Hard}, {Kind: "tax", Role: process.Soft, Use: "rates"}},
		Flows:            []string{"invoice-posting"}, Operations: []string{"account.move/action_post"}, Progress: "posted_total",
		Work:       []process.Work{{Source: process.QueueJobs, Match: []string{"root"}, Within: time.Hour, Says: "jobs"}},
		Objectives: []process.Objective{{Name: "availability", Kind: process.Availability, Target: 99.5 * process.Percent, Says: "it works"}},
		Team:       "finance-platform", Owner: "AR lead", Vendor: "Odoo support", Responsibility: process.Provider,
		Stops: "Nothing can be posted.", Symptoms: []process.Symptom{{Says: "drafts pile up"}}, Meanwhile: "keep drafts",
		Workaround: "Keep drafts.", WorkaroundAfter: 30 * time.Minute, DoFirst: []string{"Look."}, DoNot: []string{"Do not resubmit."},
	}
}

func parse(t *testing.T, rest string) *estate.Estate {
	t.Helper()
	e, err := estate.Parse("x.yaml", []byte("apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\n"+rest), estate.Options{
		Objectives: map[string][]process.Objective{"invoice-posting": base().Objectives},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const twoClusters = `components:
  db-a: {postgres: {}}
  db-b: {postgres: {}}
  db-s: {postgres: {}, environment: staging}
  erp: {odoo: {}}
`

func TestWhatIsNotSaidStays(t *testing.T) {
	e := parse(t, twoClusters)
	if diff := cmp.Diff([]process.Process{base()}, e.Catalog([]process.Process{base()})); diff != "" {
		t.Errorf("an estate without overrides changed the catalogue (-want +got):\n%s", diff)
	}
}

// changes has, for each field of a process, what an estate may write, each
// alone, and what the field becomes.
var changes = map[string]map[string]any{
	"Title":     {"title: Posting": "Posting"},
	"Tier":      {"tier: C": process.Standard},
	"CloseTier": {"closeTier: B": process.Important},
	"Windows": {
		"criticalWindow: [{from: WD-3, to: WD+5, says: close}]": []process.Window{{Kind: process.WorkingDays, From: -3, To: 5, Says: "close"}},
		"criticalWindow: [{before: 4h}, {beforeDays: 2}]": []process.Window{
			{Kind: process.BeforeDeadline, Before: 4 * time.Hour}, {Kind: process.BeforeDeadline, BeforeDays: 2},
		},
		"criticalWindow: [{always: true}]": []process.Window{{Kind: process.Always}},
		"criticalWindow: []":               []process.Window{},
	},
	"Recovery": {
		"rto: 30m": process.Recovery{RTO: 30 * time.Minute, RPO: 15 * time.Minute},
		"rpo: 0s":  process.Recovery{RTO: 4 * time.Hour},
	},
	"CriticalRecovery": {
		"rtoCritical: 2h": process.Recovery{RTO: 2 * time.Hour, RPO: 5 * time.Minute},
		"rpoCritical: 0s": process.Recovery{RTO: time.Hour},
	},
	"Refetch": {`refetch: ""`: ""},
	"Needs": {
		"needs: [{component: db-a, role: redundant, use: books}, {kind: bank}]": []process.Dependency{
			{Component: "db-a", Role: process.Redundant, Use: "books"}, {Kind: "bank", Role: process.Hard},
		},
		"needs: []": []process.Dependency{},
	},
	"Flows":      {"flows: []": []string{}},
	"Operations": {"operations: [account.move/create]": []string{"account.move/create"}},
	"Progress":   {"progress: other_total": "other_total"},
	"Work": {`work: [{source: scheduled_action, match: ["Post*"], within: 15m, says: posting}]`: []process.Work{
		{Source: process.ScheduledAction, Match: []string{"Post*"}, Within: 15 * time.Minute, Says: "posting"},
	}},
	"Objectives": {
		"objectives: {availability: {criticalTarget: 0.999}}": []process.Objective{{Name: "availability", Kind: process.Availability, Target: 99.5 * process.Percent, CriticalTarget: 99.9 * process.Percent, Says: "it works"}},
		"objectives: {availability: {enabled: false}}":        []process.Objective(nil),
		"objectives: {latency: {target: 0.95, threshold: 3s}}": []process.Objective{
			{Name: "availability", Kind: process.Availability, Target: 99.5 * process.Percent, Says: "it works"},
			{Name: "latency", Kind: process.Latency, Target: 95 * process.Percent, Threshold: 3 * time.Second},
		},
	},
	"Team":            {"team: erp-on-call": "erp-on-call"},
	"Owner":           {"owner: Controller": "Controller"},
	"Vendor":          {`vendor: ""`: ""},
	"Responsibility":  {"responsibility: shared": process.Shared},
	"Stops":           {"stops: Bills wait.": "Bills wait."},
	"Symptoms":        {"symptoms: [{says: errors, by: signal, signal: odoo_up}]": []process.Symptom{{Says: "errors", By: process.BySignal, Signal: "odoo_up"}}},
	"Meanwhile":       {"meanwhile: wait": "wait"},
	"Workaround":      {"workaround: Wait.": "Wait."},
	"WorkaroundAfter": {"workaroundAfter: 10m": 10 * time.Minute},
	"DoFirst":         {"doFirst: []": []string{}},
	"DoNot":           {"doNot: [Do not panic.]": []string{"Do not panic."}},
}

func TestEachFieldIsOverriddenAlone(t *testing.T) {
	for field := range reflect.TypeFor[process.Process]().Fields() {
		if field.Name == "Name" { // what it is
			continue
		}
		if len(changes[field.Name]) == 0 {
			t.Errorf("no estate can change %s of a process: give it an override and a case here", field.Name)
		}
		for said, becomes := range changes[field.Name] {
			t.Run(said, func(t *testing.T) {
				given, want := base(), base()
				reflect.ValueOf(&want).Elem().FieldByName(field.Name).Set(reflect.ValueOf(becomes))
				got := parse(t, twoClusters+"processes:\n  invoice-posting:\n    "+said+"\n").Catalog([]process.Process{given})
				if diff := cmp.Diff([]process.Process{want}, got); diff != "" {
					t.Errorf("process differs (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(base(), given); diff != "" {
					t.Errorf("the catalogue's own process was changed (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Every key of an override is used by a case above, so that none is read and
// forgotten.
func TestEveryKeyOfAnOverrideDoesSomething(t *testing.T) {
	said := map[string]bool{"enabled": true}
	for _, cases := range changes {
		for text := range cases {
			key, _, _ := strings.Cut(text, ":")
			said[key] = true
		}
	}
	for field := range reflect.TypeFor[estate.ProcessOverride]().Fields() {
		if key := field.Tag.Get("yaml"); !said[key] {
			t.Errorf("no case says %s", key)
		}
	}
}

func TestAPolicyOfNoStepsIsNone(t *testing.T) {
	for said, want := range map[string][]process.PolicyStep{
		"{window: month}":                     nil, // the usual one
		"{policy: []}":                        {},
		"{policy: [{left: 0, state: watch}]}": {{State: process.PolicyWatch}},
	} {
		t.Run(said, func(t *testing.T) {
			e, err := estate.Parse("x.yaml", []byte("apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\n"+twoClusters+
				"processes: {invoice-posting: {objectives: {availability: {target: 0.9, budget: "+said+"}}}}\n"), known())
			if err != nil {
				t.Fatal(err)
			}
			p := process.Process{Name: "invoice-posting", Objectives: []process.Objective{{Name: "availability"}}}
			if diff := cmp.Diff(want, e.Catalog([]process.Process{p})[0].Objectives[0].Budget.Policy); diff != "" {
				t.Errorf("the policy differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachFieldOfAnObjectiveIsOverriddenAlone(t *testing.T) {
	was := process.Objective{
		Name: "accepted", Kind: process.Freshness, Target: 99 * process.Percent, Threshold: 4 * time.Hour,
		CriticalTarget: 99.5 * process.Percent, CriticalThreshold: time.Hour, Says: "accepted soon",
	}
	tests := map[string]func(*process.Objective){
		"kind: latency":          func(o *process.Objective) { o.Kind = process.Latency },
		"target: 0.9":            func(o *process.Objective) { o.Target = 90 * process.Percent },
		"every: true":            func(o *process.Objective) { o.Every, o.Target, o.CriticalTarget = true, 0, 0 },
		"threshold: 2h":          func(o *process.Objective) { o.Threshold = 2 * time.Hour },
		"criticalTarget: 0.999":  func(o *process.Objective) { o.CriticalTarget = 99.9 * process.Percent },
		"criticalThreshold: 30m": func(o *process.Objective) { o.CriticalThreshold = 30 * time.Minute },
		"criticalOnly: true":     func(o *process.Objective) { o.CriticalOnly = true },
		"says: soon":             func(o *process.Objective) { o.Says = "soon" },
		"indicator: {oldest: {metric: m, labels: {state: a|b}}, idle: {metric: n}}": func(o *process.Objective) {
			o.Indicator = &process.Indicator{
				Oldest: &process.Series{Metric: "m", Labels: map[string]string{"state": "a|b"}}, Idle: &process.Series{Metric: "n"},
			}
		},
		"budget: {window: month, slice: 5m, sliceTarget: 99.5%, emptySlice: bad, weights: {close: 3}, shares: {close: 25%}, policySince: 2026-12-01, policy: [{left: 0, phase: close, state: exec-report}]}": func(o *process.Objective) {
			o.Budget = process.Budget{
				Window: process.MonthWindow, Slice: 5 * time.Minute, SliceTarget: 99.5 * process.Percent, EmptySlice: process.EmptyBad,
				Weights: map[string]int{"close": 3}, Shares: map[string]process.Share{"close": 25 * process.Percent},
				PolicySince: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Policy: []process.PolicyStep{{Phase: "close", State: process.PolicyReport}},
			}
		},
	}
	if fields := reflect.TypeFor[process.Objective]().NumField() - 2; len(tests) != fields {
		t.Errorf("%d cases for %d fields besides the name and why it is not measured", len(tests), fields)
	}
	for said, change := range tests {
		t.Run(said, func(t *testing.T) {
			p, want := base(), was
			p.Objectives = []process.Objective{was}
			change(&want)
			opts := known()
			opts.Objectives = map[string][]process.Objective{"invoice-posting": {was}}
			e, err := estate.Parse("x.yaml", []byte("apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\n"+twoClusters+
				"processes: {invoice-posting: {objectives: {accepted: {"+said+"}}}}\n"), opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]process.Objective{want}, e.Catalog([]process.Process{p})[0].Objectives); diff != "" {
				t.Errorf("objectives differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATargetTakesBackThatNoneMayBeMissed(t *testing.T) {
	p := base()
	p.Objectives = []process.Objective{{Name: "availability", Kind: process.Availability, Every: true}}
	got := parse(t, twoClusters+"processes: {invoice-posting: {objectives: {availability: {target: 0.9}}}}\n").Catalog([]process.Process{p})[0].Objectives
	if want := []process.Objective{{Name: "availability", Kind: process.Availability, Target: 90 * process.Percent}}; !cmp.Equal(want, got) {
		t.Errorf("objectives = %+v, want %+v", got, want)
	}
}

// What the critical window is not told is as outside it, not nothing.
func TestARecoveryObjectiveOfTheWindowLeavesTheOther(t *testing.T) {
	p := base()
	p.CriticalRecovery = process.Recovery{}
	got := parse(t, twoClusters+"processes: {invoice-posting: {rtoCritical: 2h}}\n").Catalog([]process.Process{p})[0]
	if want := (process.Recovery{RTO: 2 * time.Hour, RPO: 15 * time.Minute}); got.CriticalRecovery != want {
		t.Errorf("recovery in the window = %v, want %v", got.CriticalRecovery, want)
	}
}

func TestDisabledProcessIsNotInTheCatalogue(t *testing.T) {
	e := parse(t, twoClusters+"processes: {invoice-posting: {enabled: false}}\n")
	if got := e.Catalog([]process.Process{base()}); len(got) != 0 {
		t.Errorf("Catalog() = %v, want none", got)
	}
}

// An endpoint is needed by its class: a process that needs a bank needs every
// endpoint of the class bank.
func TestAnEndpointIsNeededByItsClass(t *testing.T) {
	e := example(t, "integrations.yaml")
	got := map[string][]string{}
	for _, p := range e.Catalog(process.Catalog()) {
		watched, _ := e.Dependencies("production", p)
		for _, d := range watched {
			got[d.Component.Class()] = append(got[d.Component.Class()], p.Name)
		}
	}
	for class, name := range map[string]string{"bank": "payment-registration", "tax": "invoice-posting", "documents": "ap-bill-run"} {
		if !slices.Contains(got[class], name) {
			t.Errorf("%s is needed by %v, want %s among them", class, got[class], name)
		}
	}
	if slices.Contains(got["bank"], "procurement") {
		t.Error("procurement needs a bank")
	}
}

func TestDependencies(t *testing.T) {
	tests := map[string]struct {
		rest, environment  string
		watched, unwatched []string
	}{
		"every_component_of_a_kind_in_the_environment": {
			environment: "production", watched: []string{"db-a hard", "db-b hard"}, unwatched: []string{"tax soft rates"},
		},
		"another_environment_has_its_own": {
			environment: "staging", watched: []string{"db-s hard"}, unwatched: []string{"tax soft rates"},
		},
		"the_estate_names_one_component": {
			rest:        "processes: {invoice-posting: {needs: [{component: db-b, role: redundant}, {kind: odoo}]}}\n",
			environment: "production", watched: []string{"db-b redundant", "erp hard"},
		},
		"a_standby_is_seen_with_its_cluster": {
			rest:        "processes: {invoice-posting: {needs: [{kind: standby, role: redundant}, {kind: odoo}]}}\n",
			environment: "production", watched: []string{"erp hard"},
		},
		"a_named_component_of_another_environment_is_not_watched_here": {
			rest:        "processes: {invoice-posting: {needs: [{component: db-b}]}}\n",
			environment: "staging", unwatched: []string{"postgres hard "},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := parse(t, twoClusters+tt.rest)
			watched, unwatched := e.Dependencies(tt.environment, e.Catalog([]process.Process{base()})[0])
			var gotWatched, gotUnwatched []string
			for _, d := range watched {
				gotWatched = append(gotWatched, d.Component.Name+" "+string(d.Role))
			}
			for _, d := range unwatched {
				gotUnwatched = append(gotUnwatched, d.Kind+" "+string(d.Role)+" "+d.Use)
			}
			if !slices.Equal(gotWatched, tt.watched) || !slices.Equal(gotUnwatched, tt.unwatched) {
				t.Errorf("Dependencies() = %q, %q, want %q, %q", gotWatched, gotUnwatched, tt.watched, tt.unwatched)
			}
		})
	}
}
