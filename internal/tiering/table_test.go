package tiering_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// Every cell of the table, by a situation that leads to it. A change of one cell
// shows here as one line.
func TestEveryCellOfTheTable(t *testing.T) {
	situations := map[string][]string{} // by row
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		for _, s := range tiering.Decide(now, cases[name].evidence, tiering.DefaultRules()).Trace {
			if s.Matched {
				situations[s.Row] = append(situations[s.Row], name)
			}
		}
	}
	var b strings.Builder
	for _, row := range tiering.Table() {
		fmt.Fprintf(&b, "%s\n", row.ID)
		for _, name := range situations[row.ID] {
			fmt.Fprintf(&b, "  %s:", name)
			for _, service := range process.ServiceTiers() {
				e := cases[name].evidence
				e.Process.Tier, e.Process.CloseTier = service, service
				for _, s := range tiering.Decide(now, e, tiering.DefaultRules()).Trace {
					if s.Row == row.ID && s.Matched {
						fmt.Fprintf(&b, " %s %s", service, s.Tier)
						break
					}
				}
			}
			b.WriteString("\n")
		}
	}
	const file = "testdata/table.txt"
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("cells differ from %s (-want +got); UPDATE_GOLDEN=1 writes it:\n%s", file, diff)
	}
}

// The rows of a symptom stand together in the order of the symptoms, and none
// is hidden behind one before it.
func TestTheTableIsInOrder(t *testing.T) {
	rank := -1
	var before []tiering.Row
	for _, row := range tiering.Table() {
		at := slices.Index(tiering.Symptoms(), row.Symptom)
		if at < rank {
			t.Errorf("row %s stands after a later symptom", row.ID)
		}
		if at > rank {
			rank, before = at, nil
		}
		for _, earlier := range before {
			if earlier.If&^row.If == 0 && earlier.Unless == 0 {
				t.Errorf("row %s is never reached: %s takes all that it would", row.ID, earlier.ID)
			}
		}
		before = append(before, row)
		if row.B > row.A || row.C > row.B || row.D > row.C {
			t.Errorf("row %s: a process that matters less gets a higher tier", row.ID)
		}
		if row.Because == "" {
			t.Errorf("row %s does not say why", row.ID)
		}
	}
	if rank != len(tiering.Symptoms())-1 {
		t.Error("the last symptom has no row")
	}
}
