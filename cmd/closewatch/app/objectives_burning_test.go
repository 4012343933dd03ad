package app

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/tiering"
)

// What burns the budget of a critical window goes on through a restart while its
// source is silent: the windows alone do not tell that it fired.
func TestACriticalBurnOutlivesARestart(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) // WD-1, in the close's window
	live := watching(t, closing(t, ""), 1, posting())
	firing := func(w *watch) []tiering.Burn {
		var out []tiering.Burn
		for _, b := range w.burns(posting()) {
			if b.Scope == criticalBurn && b.Firing {
				out = append(out, b)
			}
		}
		return out
	}
	for n := range 40 {
		at = at.Add(tick)
		live.sees(at, runs(float64(10*n), float64(10*n), 0)...)
		firing(live)
	}
	silent := func(w *watch, from, to int) []tiering.Burn {
		for n := from; n < to; n++ {
			w.sees(at.Add(time.Duration(n+1) * tick))
			firing(w)
		}
		return firing(w)
	}
	silent(live, 0, 8) // by now too little of the last five minutes is known to judge
	kept, err := json.Marshal(memory{Burning: live.burning()})
	if err != nil {
		t.Fatal(err)
	}
	fresh := watching(t, closing(t, ""), 1, posting())
	if err := fresh.engine.Restore(live.engine.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
	var m memory
	if err := json.Unmarshal(kept, &m); err != nil {
		t.Fatal(err)
	}
	fresh.burned(m.Burning)
	was, is := silent(live, 8, 12), silent(fresh, 8, 12)
	if len(was) == 0 {
		t.Fatal("nothing burns the budget of the critical window: nothing is tested")
	}
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("burns of the critical window after a restart (-without +with):\n%s", diff)
	}
}
