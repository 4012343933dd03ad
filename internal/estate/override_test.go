package estate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
)

// base is a process with something in every field an estate may change.
func base() process.Process {
	return process.Process{
		Name: "invoice-posting", Title: "Invoice posting", Tier: process.Critical, CloseTier: process.Critical,
		Recovery: process.Recovery{RTO: 4 * time.Hour, RPO: 15 * time.Minute},
		Needs:    []process.Dependency{{Kind: "postgres", Role: process.Hard}, {Kind: "tax", Role: process.Soft, Use: "rates"}},
		Flows:    []string{"invoice-posting"}, Operations: []string{"account.move/action_post"},
		Objectives: []process.Objective{{Name: "availability", Target: 0.995}},
		Team:       "finance-platform", Workaround: "Keep drafts.", DoNot: []string{"Do not resubmit."},
	}
}

func parse(t *testing.T, rest string) *estate.Estate {
	t.Helper()
	e, err := estate.Parse("x.yaml", []byte("apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\n"+rest), estate.Options{})
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

func TestOverridesReplaceFields(t *testing.T) {
	e := parse(t, twoClusters+`processes:
  invoice-posting:
    tier: B
    rpo: 0s
    doNot: []
    operations: [account.move/action_post, account.move/create]
    work: [{source: queue_job, match: ["root.*"], within: 15m, says: jobs waiting}]
    objectives: {availability: {target: 0.9}, latency: {target: 0.95, threshold: 3s}}
`)
	given := base()
	got := e.Catalog([]process.Process{given})
	want := base()
	want.Tier, want.Recovery.RPO, want.DoNot = process.Important, 0, []string{}
	want.Operations = []string{"account.move/action_post", "account.move/create"}
	want.Work = []process.Work{{Source: process.QueueJobs, Match: []string{"root.*"}, Within: 15 * time.Minute, Says: "jobs waiting"}}
	want.Objectives = []process.Objective{{Name: "availability", Target: 0.9}, {Name: "latency", Target: 0.95, Latency: 3 * time.Second}}
	if diff := cmp.Diff([]process.Process{want}, got); diff != "" {
		t.Errorf("process differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(base(), given); diff != "" {
		t.Errorf("the catalogue's own process was changed (-want +got):\n%s", diff)
	}
}

func TestDisabledProcessIsNotInTheCatalogue(t *testing.T) {
	e := parse(t, twoClusters+"processes: {invoice-posting: {enabled: false}}\n")
	if got := e.Catalog([]process.Process{base()}); len(got) != 0 {
		t.Errorf("Catalog() = %v, want none", got)
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
		"a_named_component_of_another_environment_is_not_watched_here": {
			rest:        "processes: {invoice-posting: {needs: [{component: db-b}]}}\n",
			environment: "staging", unwatched: []string{"postgres hard "},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			watched, unwatched := parse(t, twoClusters+tt.rest).Dependencies(tt.environment, base())
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
