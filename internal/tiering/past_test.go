package tiering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A run that began while the ingress was down fails because of that, also when it
// is first told of after the ingress is back; one that begins later does not.
func TestWhatBeganUnderACauseIsPutDownToIt(t *testing.T) {
	gone := sees("ingress", "+traefik_up", crit, now, "Traefik does not answer")
	ranAt := func(kind fault.Kind, since time.Duration) func(*tiering.Evidence) {
		return func(e *tiering.Evidence) {
			at := now.Add(since)
			flowFails(1, at)(e)
			e.Flows[0].Kind, e.Flows[0].LastRun, e.Flows[0].Previous = kind, at, at
		}
	}
	const tick = 30 * time.Second
	tests := map[string]struct {
		after []func(*tiering.Evidence) // what is seen at the tick after the ingress is back
		quiet int                       // ticks in between at which nothing is
		want  string                    // the candidate put first
		past  bool                      // it is the cause, and past
	}{
		"a run that was cut off":                          {[]func(*tiering.Evidence){ranAt(fault.Unreachable, 40*time.Second)}, 0, "ingress down", true},
		"it says so only at its deadline":                 {[]func(*tiering.Evidence){ranAt(fault.Timeout, 40*time.Second)}, 4, "ingress down", true},
		"it says so long after":                           {[]func(*tiering.Evidence){ranAt(fault.Timeout, 40*time.Second)}, 12, "erp application", false},
		"a run that began when it had been back for long": {[]func(*tiering.Evidence){ranAt(fault.Timeout, 5*time.Minute)}, 8, "erp application", false},
		"something is measured now":                       {[]func(*tiering.Evidence){ranAt(fault.Timeout, 40*time.Second), sees("db", "+postgres_up", crit, now.Add(tick), "db does not answer")}, 0, "db down", false},
		"jobs are not taken":                              {[]func(*tiering.Evidence){ranAt(fault.Timeout, 40*time.Second), missing(process.QueueJobs, "e-invoices")}, 0, "erp job-runner", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			engine := tiering.NewEngine(tiering.DefaultHolds(), tiering.DefaultRules())
			at := now
			step := func(e tiering.Evidence) tiering.Impact {
				im := engine.Step(at, []tiering.Evidence{e})[0]
				at = at.Add(tick)
				return im
			}
			if im := step(situation(gone)); im.Cause == nil || im.Cause.Past {
				t.Fatalf("the cause is %+v while it lasts", im.Cause)
			}
			for range tt.quiet {
				step(situation())
			}
			im := step(situation(tt.after...))
			got, first := firstOf(im.Verdict)
			if got != tt.want || (im.Cause != nil && im.Cause.Past) != tt.past {
				t.Fatalf("first is %q, the cause %+v; want %q, past: %v", got, im.Cause, tt.want, tt.past)
			}
			if !tt.past {
				return
			}
			if said := strings.Join(first.For, "; "); said != "when it began: Traefik does not answer" {
				t.Errorf("for it speaks %q", said)
			}
			if im.Now != tiering.Informational || len(im.Witnesses) > 0 {
				t.Errorf("a cause that is past confirms a failure: %s, %v", im.Now, im.Witnesses)
			}
		})
	}
}

// Once nothing is seen any more, nothing is remembered: a quiet subject is not
// judged at every tick.
func TestAPastCauseIsForgotten(t *testing.T) {
	engine := tiering.NewEngine(tiering.DefaultHolds(), tiering.DefaultRules())
	at := now
	engine.Step(at, []tiering.Evidence{situation(sees("ingress", "+traefik_up", signal.Critical, now, "Traefik does not answer"))})
	var board tiering.Board
	for range 14 {
		at = at.Add(30 * time.Second)
		engine.StepInto(&board, at, []tiering.Evidence{situation()})
	}
	if len(board.Moved) > 0 || board.Impacts[0].Suspicion.Past != nil {
		t.Errorf("judged: %v, and remembers %+v", board.Moved, board.Impacts[0].Suspicion.Past)
	}
}
