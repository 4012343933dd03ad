package app

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// What burns the budget of a critical window, or what is kept for a phase, goes on
// through a restart while its source is silent, whenever that is: the windows
// alone do not tell that it fired.
func TestABurnOfAStretchOutlivesARestart(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) // WD-1, in the close's window, and pre-close
	of := posting()
	of.process.Objectives[0].Budget.Shares = map[string]process.Share{"pre_close": 5 * process.Percent}
	open := func() *watch { return watching(t, closing(t, ""), 1, of) }
	firing := func(w *watch) map[string][]tiering.Burn {
		out := map[string][]tiering.Burn{}
		for _, b := range w.burns(of) {
			if b.Scope != rollingBurn && b.Firing {
				out[b.Scope] = append(out[b.Scope], b)
			}
		}
		return out
	}
	live := open()
	for n := range 40 {
		at = at.Add(tick)
		live.sees(at, runs(float64(10*n), float64(10*n), 0)...)
		firing(live)
	}
	silent := func(w *watch) map[string][]tiering.Burn {
		w.sees(at)
		return firing(w)
	}
	restarted := map[int]*watch{}
	for n := range 14 { // after the first few too little of the last five minutes is known to judge
		kept, err := json.Marshal(memory{Burning: live.burning()})
		if err != nil {
			t.Fatal(err)
		}
		fresh := open()
		if err := fresh.engine.Restore(live.engine.Snapshot(nil)); err != nil {
			t.Fatal(err)
		}
		var m memory
		if err := json.Unmarshal(kept, &m); err != nil {
			t.Fatal(err)
		}
		fresh.burned(m.Burning)
		restarted[n] = fresh
		at = at.Add(tick)
		was := silent(live)
		if len(was[criticalBurn]) == 0 || len(was[phaseBurn]) == 0 {
			t.Fatalf("tick %d: what burns is %v: nothing is tested", n, was)
		}
		for _, after := range slices.Sorted(maps.Keys(restarted)) {
			if diff := cmp.Diff(was, silent(restarted[after])); diff != "" {
				t.Errorf("tick %d: what burns, restarted after tick %d (-without +with):\n%s", n, after, diff)
			}
		}
	}
}

// What burned in a phase that is over when the daemon is back does not go on in
// the next.
func TestABurnOfAnotherPhaseIsOver(t *testing.T) {
	of := posting()
	of.process.Objectives[0].Budget.Shares = map[string]process.Share{"pre_close": 5 * process.Percent, "close": 5 * process.Percent}
	w := watching(t, closing(t, ""), 1, of)
	w.burned([]criticalBurning{{Objective: w.tracked[0].ID, Entity: of.key.Entity, Phase: "pre_close", Kept: 1}})
	w.sees(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	if b := w.burning(); len(b) > 0 {
		t.Errorf("it goes on: %+v", b)
	}
}
