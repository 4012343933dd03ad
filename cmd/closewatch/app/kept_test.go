package app

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/tiering"
)

// replayAll decides everything recorded in a data directory again, from each
// start on. It returns how many ticks there were.
func replayAll(t *testing.T, data string, holds tiering.Holds, rules tiering.Rules) int {
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
