package main

import (
	"bytes"
	"cmp"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
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
	dir, err := os.MkdirTemp("", "causes-") //nolint:usetesting // below a directory that the database's user may enter
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // it is entered by another user, and holds no secret
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
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
	for _, name := range []string{"redis-refuses-writes", "archiving-fails", "traefik-stopped"} {
		e := matrix()[slices.IndexFunc(matrix(), func(e expectation) bool { return e.fault == name })]
		if err := d.world.Inject(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		got := ""
		if !d.follow(t.Context(), time.Minute, func(tick *app.Tick) bool {
			got = rankedAt(tick, cmp.Or(e.about, e.lead))
			return slices.Contains(e.behind, got)
		}) {
			t.Errorf("%s: %q is ranked first, want %s", name, got, strings.Join(e.behind, " or "))
		}
		if err := d.world.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
