package estate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/closewatch/closewatch/internal/estate"
)

// Each testdata/one_mistake/NAME.txtar changes one place of the shipped
// acme.yaml: the text of "was" becomes "now", and the one mistake that makes is
// "want", with its place in the changed file. UPDATE_GOLDEN=1 writes "want"
// anew.
func TestTheExampleEstateWithOneMistake(t *testing.T) {
	const name = "acme.yaml"
	whole, err := os.ReadFile(filepath.Join("..", "..", "deploy", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/one_mistake/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil || len(ar.Files) != 3 || ar.Files[0].Name != "was" || ar.Files[1].Name != "now" || ar.Files[2].Name != "want" {
				t.Fatalf("%s: %v; a case has was, now and want", file, err)
			}
			was, now := string(ar.Files[0].Data), string(ar.Files[1].Data)
			if n := strings.Count(string(whole), was); n != 1 {
				t.Fatalf("%q is %d times in %s, want once", was, n, name)
			}
			_, err = estate.Parse(name, []byte(strings.Replace(string(whole), was, now, 1)), shipped())
			mistakes, _ := errors.AsType[estate.Mistakes](err)
			if len(mistakes) != 1 {
				t.Fatalf("found %d mistakes, want one:\n%v", len(mistakes), err)
			}
			if os.Getenv("UPDATE_GOLDEN") != "" {
				ar.Files[2].Data = []byte(mistakes.Error() + "\n")
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(ar.Files[2].Data), mistakes.Error()+"\n"); diff != "" {
				t.Errorf("mistake differs (-want +got):\n%s", diff)
			}
		})
	}
}
