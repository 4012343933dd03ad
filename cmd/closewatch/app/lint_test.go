package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The examples show pages that one can act on, in plain words and no more of
// them than people bear.
func TestExamplesPassTheLintOfPages(t *testing.T) {
	for _, file := range exampleEstates(t) {
		found, err := offline(t, file).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found.Findings {
			t.Errorf("%s (%s)", f.Mistake, f.Rule)
		}
	}
}

// An estate with a mistake of every sort is told of each, at its place.
func TestLintOfPages(t *testing.T) {
	file := filepath.Join("testdata", "lint", "bad.yaml")
	found, err := offline(t, file).Lint()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found.Findings {
		kind := " (advice, "
		if f.Refused {
			kind = " (refused, "
		}
		got = append(got, strings.TrimPrefix(f.String(), "testdata/lint/")+kind+f.Rule+")")
	}
	golden := filepath.Join("testdata", "lint", "bad.txt")
	text := strings.Join(got, "\n") + "\n"
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("Lint() (-want +got):\n%s", diff)
	}
	if found.Refused() == 0 || found.Pages <= float64(found.Bearable) {
		t.Errorf("%d are refused, %v pages are expected in a shift", found.Refused(), found.Pages)
	}
}
