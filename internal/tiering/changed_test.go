package tiering_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// Whoever says what changed gets the same impacts as who does not, at every tick.
func TestKnowingWhatChangedComesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
		evidence := make([]tiering.Evidence, 6)
		for i := range evidence {
			name := fmt.Sprintf("p%d", i)
			evidence[i] = tiering.Evidence{
				Key: tiering.Key{Process: name, Entity: "acme"}, Process: process.Process{Name: name, Tier: process.Critical, Recovery: process.Recovery{RTO: time.Hour}},
				Flows: []tiering.Flow{{Name: name, State: tiering.FlowPassing, LastRun: at}},
				Needs: []tiering.Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: signal.OK}},
			}
		}
		knowing, looking := tiering.NewEngine(tiering.DefaultHolds(), tiering.DefaultRules()), tiering.NewEngine(tiering.DefaultHolds(), tiering.DefaultRules())
		var board tiering.Board
		for range rapid.IntRange(3, 30).Draw(t, "ticks") {
			at = at.Add(30 * time.Second)
			changed := []int{}
			for i := range evidence {
				if rapid.IntRange(0, 3).Draw(t, "changes") > 0 {
					continue
				}
				ev := &evidence[i]
				changed = append(changed, i)
				switch rapid.IntRange(0, 5).Draw(t, "what") {
				case 0:
					ev.Flows = []tiering.Flow{{Name: "f", State: tiering.FlowFailing, Failures: 2, Step: "post", FirstFailure: at, Previous: at, LastRun: at}}
				case 1:
					ev.Needs = []tiering.Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: signal.State(rapid.IntRange(0, 3).Draw(t, "state")), Since: at}}
				case 2:
					ev.Deadlines = []calendar.Deadline{{ID: "d", Title: "Cut-off", At: at.Add(time.Duration(rapid.IntRange(-1, 48*60).Draw(t, "minutes")) * time.Minute)}}
				case 3:
					ev.Critical = !ev.Critical
				default: // well again
					ev.Flows = []tiering.Flow{{Name: "f", State: tiering.FlowPassing, LastRun: at}}
					ev.Needs = []tiering.Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: signal.OK}}
				}
			}
			knowing.StepChanged(&board, at, evidence, changed)
			want := text(t, looking.Step(at, evidence))
			if got := text(t, board.Impacts); got != want {
				t.Fatalf("at %s, %v changed:\n got %s\nwant %s", at, changed, got, want)
			}
			if got, want := text(t, knowing.Memory()), text(t, looking.Memory()); got != want {
				t.Fatalf("at %s it remembers\n%s, want\n%s", at, got, want)
			}
			for i := range evidence {
				if !board.Judged[i] && slices.Contains(changed, i) && board.Impacts[i].Tier > tiering.None {
					t.Fatalf("at %s: subject %d was not judged", at, i)
				}
			}
		}
	})
}

func text(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
