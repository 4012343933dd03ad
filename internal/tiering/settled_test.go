package tiering_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A twin steps an engine that is told what changed, and judges everything anew
// beside it.
type twin struct {
	*testing.T
	engine   *tiering.Engine
	board    tiering.Board
	at       time.Time
	evidence []tiering.Evidence
	stood    map[tiering.Key]*tiering.Impact
}

func newTwin(t *testing.T) *twin {
	return &twin{
		T: t, engine: tiering.NewEngine(tiering.DefaultHolds().Scale(0.02), tiering.DefaultRules()), at: now,
		evidence: []tiering.Evidence{well(0, now), well(1, now)}, stood: map[tiering.Key]*tiering.Impact{},
	}
}

func (w *twin) tick(later time.Duration, changed ...int) tiering.Impact {
	w.Helper()
	w.at = w.at.Add(later)
	w.engine.StepChanged(&w.board, w.at, w.evidence, changed)
	for i, im := range w.board.Impacts {
		trace := tiering.TraceOf(w.engine.Judge(), "", "", w.stood[im.Key], w.evidence[i], w.engine.Judge().Next(w.at, w.stood[im.Key], w.evidence[i]))
		want, err := json.Marshal(trace)
		if err != nil {
			w.Fatal(err)
		}
		got, err := json.Marshal(w.engine.Trace("", "", w.evidence[i], im))
		if err != nil {
			w.Fatal(err)
		}
		if string(got) != string(want) {
			w.Fatalf("at %s:\n got %s\nwant %s", w.at, got, want)
		}
		w.stood[im.Key] = &im
	}
	return w.board.Impacts[0]
}

func TestAnotherDeadlineComesNear(t *testing.T) {
	w := newTwin(t)
	w.evidence[0].Deadlines = []calendar.Deadline{{ID: "first", Title: "first", At: now.Add(20 * time.Hour)}, {ID: "second", Title: "second", At: now.Add(25 * time.Hour)}}
	w.evidence[0].Blockers = []tiering.Blocker{{Deadline: "second", Title: "what comes first", CatchUp: 10 * time.Hour}}
	for range 5 {
		w.tick(30 * time.Second)
	}
	if im := w.tick(2 * time.Hour); im.Slack == nil || im.Slack.Deadline != "second" {
		t.Errorf("the slack is %+v, want that of the second deadline", im.Slack)
	}
	if im := w.tick(-3 * time.Hour); im.Slack == nil || im.Slack.Deadline != "first" {
		t.Errorf("when the clock is set back the slack is %+v, want that of the first deadline", im.Slack)
	}
}

func TestSubjectsInAnotherOrder(t *testing.T) {
	w := newTwin(t)
	for range 4 {
		w.tick(30 * time.Second)
	}
	w.evidence[0], w.evidence[1] = w.evidence[1], w.evidence[0]
	w.tick(30*time.Second, 0, 1)
	w.tick(30 * time.Second)
	alone := w.evidence
	w.evidence = alone[:1] // the other is not there for a while
	w.tick(30 * time.Second)
	w.tick(30 * time.Second)
	w.evidence = alone
	w.tick(30 * time.Second)
	w.tick(30 * time.Second)
}

// What flapped is at rest once it does not flap any more, and flaps again when the
// clock is set back.
func TestWhatFlappedComesToRest(t *testing.T) {
	w := newTwin(t)
	w.tick(30 * time.Second)
	flapped := false
	for range 2 { // twice up and down is four times
		w.evidence[0].Flows = failingFlow(w.at)
		for range 3 {
			flapped = w.tick(2*time.Second, 0).Flapping || flapped
		}
		w.evidence[0].Flows = well(0, w.at).Flows
		for range 8 {
			flapped = w.tick(2*time.Second, 0).Flapping || flapped
		}
	}
	var im tiering.Impact
	for range 6 {
		im = w.tick(time.Minute)
	}
	if !flapped || im.Flapping || len(im.Hold.Entries) == 0 || len(w.board.Moved) > 0 {
		t.Fatalf("flapped %v, now %v with %d entries, %v moved; want it at rest after it flapped", flapped, im.Flapping, len(im.Hold.Entries), w.board.Moved)
	}
	w.tick(-6 * time.Minute)
}

func failingFlow(at time.Time) []tiering.Flow {
	return []tiering.Flow{{Name: "f", State: tiering.FlowFailing, Failures: 3, Step: "post", FirstFailure: at, Previous: at, LastRun: at}}
}
