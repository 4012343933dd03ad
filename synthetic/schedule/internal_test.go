package schedule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
)

type still struct{}

func (still) Name() string                                          { return "login" }
func (still) Process() string                                       { return "reporting" }
func (still) Levels() []flow.Level                                  { return []flow.Level{flow.L0} }
func (still) Run(context.Context, flow.Level, *flow.Recorder) error { return nil }

// A clock that is set back by hours silences a flow for an interval and a half
// at most, not until it shows again what it showed.
func TestClocksSetBackDoNotSilenceAFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := Entry{Flow: still{}, Level: flow.L0, Interval: time.Minute}
		s, err := New(Settings{Entries: []Entry{e}})
		if err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		if !s.wait(t.Context(), e, before.Add(5*time.Hour)) { // it ran when the clock showed five hours more
			t.Fatal("it is not to run")
		}
		if waited := time.Since(before); waited > 90*time.Second || waited < 30*time.Second {
			t.Errorf("it waited for %s", waited)
		}
	})
}
