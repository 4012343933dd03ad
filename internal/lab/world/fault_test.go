package world

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/load"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/secret"
)

// bare is a world of which nothing runs: enough for the faults that only turn
// a switch.
func bare(t *testing.T) *World {
	t.Helper()
	odoo, err := odoosim.New(odoosim.Options{DSN: "postgres://odoo@127.0.0.1:1/acme"})
	if err != nil {
		t.Fatal(err)
	}
	traffic, err := load.New(load.Options{BaseURL: "http://127.0.0.1:1", DB: "acme", Login: "load", Password: secret.New("pw")})
	if err != nil {
		t.Fatal(err)
	}
	return &World{Odoo: odoo, Load: traffic, active: map[string]func(context.Context) error{}, probing: func(bool) {}}
}

// switches are the faults that need no server.
func switches() []string {
	return []string{"posting-fails", "posting-slow", "jobrunner-deaf", "idle-primary"}
}

func TestFaultsAreNamedOnceAndSaid(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Faults() {
		if f.Name == "" || seen[f.Name] || strings.ContainsAny(f.Name, " /") || f.Name == "clear" {
			t.Errorf("%q is no name for a fault, or is there twice", f.Name)
		}
		if f.Does == "" || strings.HasSuffix(f.Does, ".") || f.inject == nil {
			t.Errorf("%s: %q says not what it does", f.Name, f.Does)
		}
		seen[f.Name] = true
	}
	for _, name := range switches() {
		if !seen[name] {
			t.Errorf("there is no fault %s", name)
		}
	}
}

func TestInjectAndClear(t *testing.T) {
	w := bare(t)
	if err := w.Inject(t.Context(), "earthquake"); fault.KindOf(err) != fault.Rejected || !strings.Contains(fault.HintOf(err), "posting-fails") {
		t.Errorf("a fault nobody knows: %v, want rejected with the names", err)
	}
	if diff := cmp.Diff([]string{}, w.Active()); diff != "" {
		t.Errorf("active at first (-want +got):\n%s", diff)
	}
	for i, name := range switches() {
		if err := w.Inject(t.Context(), name); err != nil {
			t.Fatalf("inject %s: %v", name, err)
		}
		if diff := cmp.Diff(switches()[:i+1], w.Active()); diff != "" { // in the order of the list
			t.Errorf("active (-want +got):\n%s", diff)
		}
		if err := w.Inject(t.Context(), name); fault.KindOf(err) != fault.Conflict {
			t.Errorf("inject %s twice: %v, want a conflict", name, err)
		}
	}
	if err := w.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{}, w.Active()); diff != "" {
		t.Errorf("active after clear (-want +got):\n%s", diff)
	}
	if err := w.Clear(t.Context()); err != nil {
		t.Errorf("clear twice: %v", err)
	}
	if err := w.Inject(t.Context(), "posting-fails"); err != nil {
		t.Errorf("inject again after clear: %v", err)
	}
}

func TestWhatCannotBeMendedStaysActive(t *testing.T) {
	w := bare(t)
	stuck := errors.New("stuck")
	w.active["redis-stalled"] = func(context.Context) error { return stuck }
	if err := w.Inject(t.Context(), "posting-fails"); err != nil {
		t.Fatal(err)
	}
	if err := w.Clear(t.Context()); !errors.Is(err, stuck) || !strings.Contains(err.Error(), "clear redis-stalled") {
		t.Errorf("Clear = %v, want what is stuck and where", err)
	}
	if diff := cmp.Diff([]string{"redis-stalled"}, w.Active()); diff != "" {
		t.Errorf("active (-want +got):\n%s", diff)
	}
}

func TestAQuietNightHoldsTheFlowsBack(t *testing.T) {
	w := bare(t)
	var told []bool
	w.OnProbing(func(on bool) { told = append(told, on) })
	if err := w.Inject(t.Context(), "idle-primary"); err != nil {
		t.Fatal(err)
	}
	if err := w.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bool{false, true}, told); diff != "" {
		t.Errorf("flows were told to write (-want +got):\n%s", diff)
	}
}
