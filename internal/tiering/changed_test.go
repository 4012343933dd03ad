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

// Whoever says what changed gets the same impacts as who does not, and as who
// judges everything anew from what stood: at every tick, whatever comes and goes.
func TestKnowingWhatChangedComesToTheSame(t *testing.T) {
	settled := 0 // subjects that had fallen and were at rest again
	rapid.Check(t, func(t *rapid.T) {
		holds, rules := tiering.DefaultHolds().Scale(0.02), tiering.DefaultRules()
		judge := tiering.Judge{Holds: holds, Rules: rules}
		knowing, looking := tiering.NewEngine(holds, rules), tiering.NewEngine(holds, rules)
		at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
		evidence := make([]tiering.Evidence, 6)
		for i := range evidence {
			evidence[i] = well(i, at)
		}
		stood := map[tiering.Key]*tiering.Impact{}
		var board tiering.Board
		var before []tiering.Impact
		for range rapid.IntRange(3, 40).Draw(t, "ticks") {
			at = at.Add(rapid.SampledFrom([]time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second, 7 * time.Hour, -time.Minute}).Draw(t, "later"))
			changed := change(t, at, evidence)
			if rapid.IntRange(0, 15).Draw(t, "moves") == 0 {
				evidence = append(slices.Clone(evidence[1:]), evidence[0])
				changed = []int{0, 1, 2, 3, 4, 5}
			}
			knowing.StepChanged(&board, at, evidence, changed)
			want := looking.Step(at, evidence)
			for i, im := range board.Impacts {
				k := im.Key
				if got, other := text(t, im), text(t, want[i]); got != other {
					t.Fatalf("at %s, %v changed:\n got %s\nwant %s", at, changed, got, other)
				}
				if anew := text(t, judge.Next(at, stood[k], evidence[i])); text(t, im) != anew {
					t.Fatalf("at %s, %v changed:\n    got %s\njudged %s", at, changed, text(t, im), anew)
				}
				if !slices.Contains(board.Moved, i) && text(t, passed(before[i], at)) != text(t, im) {
					t.Fatalf("at %s subject %d is said not to have moved:\nwas %s\nis  %s", at, i, text(t, before[i]), text(t, im))
				}
				if got, other := text(t, knowing.Trace("", "", evidence[i], im)), text(t, tiering.TraceOf(judge, "", "", stood[k], evidence[i], im)); got != other {
					t.Fatalf("at %s its trace is\n%s, want\n%s", at, got, other)
				}
				if len(im.Hold.Entries) > 0 && !slices.Contains(board.Moved, i) {
					settled++
				}
				stood[k] = &im
			}
			if got, want := text(t, knowing.Memory()), text(t, looking.Memory()); got != want {
				t.Fatalf("at %s it remembers\n%s, want\n%s", at, got, want)
			}
			before = slices.Clone(board.Impacts)
			for i := range before {
				if s := before[i].Slack; s != nil {
					kept := *s
					before[i].Slack = &kept
				}
			}
		}
	})
	if settled == 0 {
		t.Error("nothing fell and came to rest: this proves little")
	}
}

// well is a subject with which nothing is wrong.
func well(i int, at time.Time) tiering.Evidence {
	name := fmt.Sprintf("p%d", i)
	return tiering.Evidence{
		Key: tiering.Key{Process: name, Entity: "acme"}, Process: process.Process{Name: name, Tier: process.Critical, Recovery: process.Recovery{RTO: time.Hour}},
		Flows: []tiering.Flow{{Name: name, State: tiering.FlowPassing, LastRun: at}},
		Needs: []tiering.Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: signal.OK}},
	}
}

// change changes the evidence of some subjects and says of which.
func change(t *rapid.T, at time.Time, evidence []tiering.Evidence) []int {
	changed := []int{}
	for i := range evidence {
		if rapid.IntRange(0, 3).Draw(t, "changes") > 0 {
			continue
		}
		ev := &evidence[i]
		changed = append(changed, i)
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 0:
			ev.Flows = []tiering.Flow{{Name: "f", State: tiering.FlowFailing, Failures: 2, Step: "post", FirstFailure: at, Previous: at, LastRun: at}}
		case 1:
			ev.Needs = []tiering.Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: signal.State(rapid.IntRange(0, 3).Draw(t, "state")), Since: at}}
		case 2:
			ev.Deadlines, ev.Blockers = nil, nil
			for n := range rapid.IntRange(1, 3).Draw(t, "deadlines") {
				id := fmt.Sprint("d", n)
				ev.Deadlines = append(ev.Deadlines, calendar.Deadline{ID: id, Title: id, At: at.Add(time.Duration(rapid.IntRange(-1, 48*60).Draw(t, "minutes")) * time.Minute)})
				if hours := rapid.IntRange(0, 20).Draw(t, "blocked"); hours > 0 {
					ev.Blockers = append(ev.Blockers, tiering.Blocker{Deadline: id, Title: "what comes first", CatchUp: time.Duration(hours) * time.Hour})
				}
			}
		case 3:
			ev.Critical = !ev.Critical
		case 4:
			ev.Work = []tiering.Work{{Source: process.QueueJobs, Name: "jobs", Says: "jobs", Due: at.Add(time.Hour), Drains: true, CatchUp: time.Duration(rapid.IntRange(0, 2).Draw(t, "backlog")) * time.Hour}}
		default: // well again
			ev.Flows, ev.Needs, ev.Work = well(i, at).Flows, well(i, at).Needs, nil
		}
	}
	return changed
}

// passed is an impact that is what it was, at a later tick.
func passed(im tiering.Impact, at time.Time) tiering.Impact {
	if im.Slack != nil {
		s := *im.Slack
		s.Left -= at.Sub(im.At)
		im.Slack = &s
	}
	im.At = at
	return im
}

func text(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
