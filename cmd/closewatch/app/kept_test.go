package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/tiering"
)

// ReplayAll decides everything recorded in a data directory again, from each
// start on. It returns how many ticks there were.
func ReplayAll(t *testing.T, data string, holds tiering.Holds, rules tiering.Rules) int {
	t.Helper()
	var r replayer
	ticks := 0
	for rec, err := range readTicks(filepath.Join(data, "ticks"), time.Time{}, time.Now().Add(time.Hour), withEvidence) {
		if err != nil {
			t.Fatalf("read the tick record: %v", err)
		}
		if rec.adrift {
			t.Fatalf("the record of %s builds on one that is lost", rec.At)
		}
		if rec.Holds != holds || rec.Rules != rules {
			t.Fatalf("the record of %s was judged by %v and %v", rec.At, rec.Holds, rec.Rules)
		}
		if _, how, err := r.step(rec); err != nil || how != same {
			t.Fatalf("the tick of %s: %v, %v", rec.At, how, err)
		}
		ticks++
	}
	return ticks
}

// Chronicled lists the evidence of a data directory, verified, as class and
// action.
func Chronicled(t *testing.T, data string) map[string]int {
	t.Helper()
	dir := os.DirFS(filepath.Join(data, "evidence"))
	report, err := evidence.Verify(dir, evidence.Options{})
	if err != nil || !report.Intact() {
		t.Fatalf("the evidence does not verify: %v\n%s", err, report)
	}
	out := map[string]int{}
	for rec, err := range evidence.Read(dir) {
		if err != nil {
			t.Fatal(err)
		}
		out[string(rec.Class)+" "+rec.Action]++
		for name, value := range rec.Refs { // what the daemon says of itself is no personal data
			if strings.HasPrefix(value, "withheld:") {
				t.Errorf("%s %s: the reference %s is withheld", rec.Class, rec.Action, name)
			}
		}
	}
	return out
}
