// Package evidencetest tells tests what a directory of evidence says.
package evidencetest

import (
	"os"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/evidence"
)

// Count counts the records of a directory by class and action, as "system
// start". It fails the test when they do not verify, and where a reference is
// withheld: what the daemon says of itself is no personal data.
func Count(t *testing.T, dir string) map[string]int {
	t.Helper()
	files := os.DirFS(dir)
	report, err := evidence.Verify(files, evidence.Options{})
	if err != nil || !report.Intact() {
		t.Fatalf("the evidence does not verify: %v\n%s", err, report)
	}
	out := map[string]int{}
	for rec, err := range evidence.Read(files) {
		if err != nil {
			t.Fatal(err)
		}
		out[string(rec.Class)+" "+rec.Action]++
		for name, value := range rec.Refs {
			if strings.HasPrefix(value, "withheld:") {
				t.Errorf("%s %s: the reference %s is withheld", rec.Class, rec.Action, name)
			}
		}
	}
	return out
}
