package app

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/openslo"
	"github.com/closewatch/closewatch/internal/process"
)

// offline is an example estate without its secrets.
func offline(t *testing.T, file string) *Plan {
	t.Helper()
	plan, err := loadFrom(func(o estate.Options) (*estate.Estate, error) {
		o.Offline = true
		return estate.Load(file, o)
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// The objectives of every example come back from OpenSLO documents: into the
// estate that they are of there is nothing to write, and into another all that
// makes them what they are.
func TestExamplesComeBackFromOpenSLO(t *testing.T) {
	files, err := filepath.Glob("../../../deploy/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	slos := 0
	defer func() {
		if slos < 50 {
			t.Errorf("%d SLOs in all examples: most objectives are not written", slos)
		}
	}()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			plan := offline(t, file)
			docs := plan.OpenSLO("test", "http://127.0.0.1:9977/prometheus")
			written := []openslo.File{{Name: "slo.yaml", Data: docs.File}}
			same, err := ImportOpenSLO(written, plan, nil)
			if err != nil {
				t.Fatal(err)
			}
			slos += len(docs.Documents)
			if len(same.Part) > 0 || len(same.Notes) > 0 {
				t.Errorf("%d SLOs; to write:\n%s\nnotes: %v", len(docs.Documents), same.Part, same.Notes)
			}
			other, err := ImportOpenSLO(written, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range other.Notes {
				t.Errorf("told: %s", n)
			}
			got := estateOf(t, other.Part)
			for _, p := range plan.Estate.Catalog(process.Catalog()) {
				i := slices.IndexFunc(got, func(g process.Process) bool { return g.Name == p.Name })
				for _, want := range p.Objectives {
					if !slices.ContainsFunc(docs.Documents, func(d openslo.Document) bool { return d.Process == p.Name && d.Objective == want.Name }) {
						continue
					}
					at := slices.IndexFunc(got[i].Objectives, func(o process.Objective) bool { return o.Name == want.Name })
					if at < 0 {
						t.Errorf("%s has no objective %s", p.Name, want.Name)
					} else if diff := cmp.Diff(want, got[i].Objectives[at], cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("%s of %s differs (-want +got):\n%s", want.Name, p.Name, diff)
					}
				}
				if diff := cmp.Diff([]any{p.Tier, p.CloseTier, p.Windows, p.RecoveryIn(false), p.RecoveryIn(true)}, []any{got[i].Tier, got[i].CloseTier, got[i].Windows, got[i].RecoveryIn(false), got[i].RecoveryIn(true)}); diff != "" {
					t.Errorf("%s differs (-want +got):\n%s", p.Name, diff)
				}
			}
		})
	}
}

// estateOf are the processes of the least estate that has a part.
func estateOf(t *testing.T, part []byte) []process.Process {
	t.Helper()
	e, err := estate.Parse("part", append([]byte("apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: part}\ncomponents: {cache: {redis: {}}}\n"), part...), estate.Options{Kinds: []string{"redis"}})
	if err != nil {
		t.Fatalf("%v\n%s", err, part)
	}
	return e.Catalog(process.Catalog())
}

// Flows and users are two SLOs, and what each counts is what rules count.
func TestFlowsAndUsersAreSLOsOfTheirOwn(t *testing.T) {
	plan := offline(t, "../../../deploy/examples/acme.yaml")
	sources := map[string]bool{}
	for _, d := range plan.OpenSLO("test", "http://x").Documents {
		if d.Process == "invoice-posting" && d.Objective == "availability" {
			sources[d.Source] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{"users": true, "synthetic": true}, sources); diff != "" {
		t.Errorf("sources differ (-want +got):\n%s", diff)
	}
}

func TestMistakesInOpenSLODocumentsAreTold(t *testing.T) {
	_, err := ImportOpenSLO([]openslo.File{{Name: "a.yaml", Data: []byte("apiVersion: openslo/v1\nkind: SLO\n")}}, nil, nil)
	if ms, ok := errors.AsType[estate.Mistakes](err); !ok || len(ms) == 0 || ms[0].File != "a.yaml" {
		t.Errorf("ImportOpenSLO = %v, want mistakes of a.yaml", err)
	}
}
