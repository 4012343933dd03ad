package main

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab/world"
)

func TestEveryFaultHasAnExpectation(t *testing.T) {
	var faults, expected []string
	for _, f := range world.Faults() {
		faults = append(faults, f.Name)
	}
	for _, e := range matrix() {
		if slices.Contains(expected, e.fault) {
			t.Errorf("%s is expected twice", e.fault)
		}
		expected = append(expected, e.fault)
		if e.lead == "" && e.watch == 0 || e.lead != "" && e.within == 0 || e.resolve == 0 {
			t.Errorf("%s: waits for ever, or not at all", e.fault)
		}
		if e.lead != "" && len(e.behind) == 0 {
			t.Errorf("%s: no cause is expected", e.fault)
		}
	}
	for _, name := range faults {
		if !slices.Contains(expected, name) {
			t.Errorf("%s can be injected and nothing is expected of it", name)
		}
	}
	for _, name := range expected {
		if !slices.Contains(faults, name) {
			t.Errorf("%s is expected and cannot be injected", name)
		}
	}
}

// TestCausesLive breaks some of a real estate, one after the other, and looks
// for what is ranked first. The whole matrix is make test-causes.
func TestCausesLive(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	d, err := startDemo(t.Context(), demoSettings{out: &out, log: slog.New(slog.DiscardHandler), listen: "127.0.0.1:0", rate: 60})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	defer func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{"redis-refuses-writes", "bank-down", "traefik-stopped"} {
		e := matrix()[slices.IndexFunc(matrix(), func(e expectation) bool { return e.fault == name })]
		process := e.about
		if process == "" {
			process = e.lead
		}
		if err := d.world.Inject(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if !eventually(t, func() bool { return d.suspects(e, process) }) {
			t.Errorf("%s: %s is not ranked first; %s", name, strings.Join(e.behind, " or "), d.ranked(process))
		}
		if err := d.world.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until something holds, for as long as a slow machine may
// need.
func eventually(t *testing.T, holds func() bool) bool {
	t.Helper()
	patience := time.After(time.Minute)
	for !holds() {
		select {
		case <-patience:
			return false
		case <-t.Context().Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return true
}
