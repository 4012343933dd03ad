package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// A timed is a flow that takes a while.
type timed struct {
	name  string
	level flow.Level
	takes time.Duration

	mu      *sync.Mutex
	writing *int // flows between their begin and end, shared by those that write
	most    *int
}

func (f timed) Name() string         { return f.name }
func (f timed) Process() string      { return "reporting" }
func (f timed) Levels() []flow.Level { return []flow.Level{f.level} }

func (f timed) Run(ctx context.Context, _ flow.Level, r *flow.Recorder) error {
	if f.writing != nil {
		f.count(1)
		defer f.count(-1)
	}
	return r.Step(ctx, "work", func(ctx context.Context) error {
		select {
		case <-time.After(f.takes):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

func (f timed) count(by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*f.writing += by
	*f.most = max(*f.most, *f.writing)
}

func entry(name string, level flow.Level, takes, interval time.Duration) schedule.Entry {
	return schedule.Entry{Flow: timed{name: name, level: level, takes: takes}, Level: level, Interval: interval, StepTimeout: time.Hour}
}

// runFor runs a schedule for a while and returns what it reported.
func runFor(t *testing.T, s schedule.Settings, d time.Duration) []flow.Run {
	t.Helper()
	var runs []flow.Run
	s.Result = func(run flow.Run) { runs = append(runs, run) } // one at a time, as promised
	s.Run.Environment, s.Run.Tenant = "production", "acme"
	sch, err := schedule.New(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := sch.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return runs
}

func TestAFlowRunsSoonAndThenOnItsGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		starts := func() []time.Time {
			var at []time.Time
			for _, r := range runFor(t, schedule.Settings{Entries: []schedule.Entry{entry("login", flow.L0, time.Second, time.Minute)}}, 10*time.Minute) {
				at = append(at, r.Started)
			}
			return at
		}
		first := starts()
		if len(first) < 10 || len(first) > 11 {
			t.Fatalf("%d runs in 10 minutes", len(first))
		}
		if d := first[0].Sub(began); d >= 5*time.Second {
			t.Errorf("the first run came after %s", d)
		}
		phase := first[1].Sub(first[1].Truncate(time.Minute))
		for _, at := range first[1:] {
			if got := at.Sub(at.Truncate(time.Minute)); got != phase {
				t.Errorf("a run %s into the minute, want %s", got, phase)
			}
		}
		time.Sleep(17 * time.Second) // another start keeps the phase
		second := starts()
		if got := second[1].Sub(second[1].Truncate(time.Minute)); got != phase {
			t.Errorf("after a restart %s into the minute, want %s", got, phase)
		}
	})
}

func TestTenantsAreSpreadOverTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quarters := map[int]int{}
		for i := range 40 {
			var at time.Time
			sch, err := schedule.New(schedule.Settings{
				Entries: []schedule.Entry{entry("login", flow.L0, 0, time.Minute)},
				Run:     flow.Settings{Tenant: fmt.Sprint("tenant", i)},
				Result:  func(r flow.Run) { at = r.Started },
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			_ = sch.Run(ctx)
			cancel()
			quarters[at.Second()/15]++
		}
		for q := range 4 {
			if quarters[q] < 3 {
				t.Errorf("only %d of 40 tenants in quarter %d of the minute", quarters[q], q)
			}
		}
	})
}

func TestASlowFlowSkipsTicksAndNeverOverlapsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := runFor(t, schedule.Settings{Entries: []schedule.Entry{entry("reporting", flow.L0, 25*time.Second, 10*time.Second)}}, 5*time.Minute)
		for i := 1; i < len(runs); i++ {
			if gap := runs[i].Started.Sub(runs[i-1].Started); gap < 25*time.Second {
				t.Errorf("run %d began %s after the one before", i, gap)
			}
		}
		if len(runs) < 8 {
			t.Errorf("%d runs in 5 minutes", len(runs))
		}
	})
}

func TestARunHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := entry("reporting", flow.L0, time.Hour, time.Minute)
		e.Timeout = 20 * time.Second
		runs := runFor(t, schedule.Settings{Entries: []schedule.Entry{e}}, 30*time.Second)
		if len(runs) == 0 || runs[0].Kind != fault.Timeout || runs[0].Duration != 20*time.Second {
			t.Errorf("runs: %+v", runs)
		}
	})
}

func TestOneFlowWritesAtATimeAndReadersDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var writing, most int
		writer := func(name string) schedule.Entry {
			return schedule.Entry{Flow: timed{name, flow.L3, 8 * time.Second, &mu, &writing, &most}, Level: flow.L3, Interval: 15 * time.Second}
		}
		lease := &fakeLease{}
		runs := runFor(t, schedule.Settings{
			Entries: []schedule.Entry{writer("invoice-posting"), writer("bank-reconciliation"), entry("login", flow.L0, 0, time.Second)},
			Lease:   lease,
		}, 5*time.Minute)
		if most != 1 || lease.most != 1 {
			t.Errorf("up to %d flows wrote at a time, up to %d held the lease", most, lease.most)
		}
		count := map[string]int{}
		for _, r := range runs {
			count[r.Flow+" "+string(r.Outcome)]++
		}
		if count["login passed"] < 290 || count["invoice-posting passed"] < 12 || count["bank-reconciliation passed"] < 12 {
			t.Errorf("runs: %v", count)
		}
	})
}

func TestLeftoversAreSweptAtTheStartAndUntilTheyAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sweeps, stuck := 0, true
		leaving := leaver{timed{name: "invoice-posting", level: flow.L3}, &stuck}
		sch, err := schedule.New(schedule.Settings{
			Entries: []schedule.Entry{{Flow: leaving, Level: flow.L3, Interval: time.Minute}},
			Sweep: func(context.Context) error {
				sweeps++
				if sweeps == 3 {
					return errors.New("not yet")
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []int{1, 2, 3, 4, 4, 4} // start; after a leftover; failed; again; clean now
		for i, n := range want {
			if i == 2 {
				stuck = false
			}
			if _, err := sch.RunNow(t.Context(), "invoice-posting"); err != nil {
				t.Fatal(err)
			}
			if sweeps != n {
				t.Errorf("after run %d: %d sweeps, want %d", i+1, sweeps, n)
			}
		}
	})
}

type leaver struct {
	timed
	stuck *bool
}

func (l leaver) Run(_ context.Context, _ flow.Level, r *flow.Recorder) error {
	if *l.stuck {
		r.Leftover("closewatch-probe/1")
	}
	return nil
}

func TestRunNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := flow.NewKillSwitch("")
		var delivered int
		sch, err := schedule.New(schedule.Settings{
			Entries:    []schedule.Entry{entry("login", flow.L0, time.Second, time.Minute)},
			KillSwitch: k,
			Result:     func(flow.Run) { delivered++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		run, err := sch.RunNow(t.Context(), "login")
		if err != nil || run.Outcome != flow.Passed || delivered != 1 {
			t.Errorf("RunNow() = %s, %v; delivered %d", run.Outcome, err, delivered)
		}
		if _, err := sch.RunNow(t.Context(), "payroll"); fault.KindOf(err) != fault.Rejected {
			t.Errorf("an unknown flow: %v", err)
		}
		sch.Pause("year end")
		if err := k.On(); err == nil || !strings.Contains(err.Error(), "year end") {
			t.Errorf("after Pause: %v", err)
		}
		sch.Resume()
		if err := k.On(); err != nil {
			t.Errorf("after Resume: %v", err)
		}
		want := []schedule.Status{{Flow: "login", Level: flow.L0, Interval: time.Minute}}
		if diff := cmp.Diff(want, sch.Status()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNewRefusesWhatCannotBeScheduled(t *testing.T) {
	for name, entries := range map[string][]schedule.Entry{
		"twice":       {entry("login", flow.L0, 0, time.Minute), entry("login", flow.L0, 0, time.Minute)},
		"no interval": {entry("login", flow.L0, 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := schedule.New(schedule.Settings{Entries: entries}); err == nil {
				t.Error("New() accepted it")
			}
		})
	}
}

func TestStoppingWaitsForTheRunThatCleansUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := runFor(t, schedule.Settings{Entries: []schedule.Entry{entry("login", flow.L0, time.Hour, 2*time.Hour)}}, 30*time.Second)
		if len(runs) != 1 || runs[0].Outcome != flow.Unknown {
			t.Errorf("runs: %+v", runs)
		}
	})
}

func TestItIsSweptWhetherOrNotAFlowIsToWrite(t *testing.T) {
	tests := map[string]struct {
		sweeps []error // what each returns; the last one is repeated
		want   []time.Duration
	}{
		"clean at the start":     {[]error{nil}, []time.Duration{0}},
		"something may come yet": {[]error{schedule.ErrAgain, schedule.ErrAgain, nil}, []time.Duration{0, time.Minute, 2 * time.Minute}},
		"something is stuck":     {[]error{errors.New("stuck")}, []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var at []time.Duration
				runFor(t, schedule.Settings{
					Entries: []schedule.Entry{entry("login", flow.L0, time.Second, time.Minute)},
					Sweep: func(context.Context) error {
						at = append(at, time.Since(began))
						return tt.sweeps[min(len(at), len(tt.sweeps))-1]
					},
				}, 4*time.Minute+30*time.Second)
				if diff := cmp.Diff(tt.want, at); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestARunThatFailedIsLookedAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sweeps := 0
		sch, err := schedule.New(schedule.Settings{
			Entries: []schedule.Entry{{Flow: timed{name: "invoice-posting", level: flow.L3, takes: time.Hour}, Level: flow.L3, Interval: time.Minute, Timeout: time.Second}},
			Sweep:   func(context.Context) error { sweeps++; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			run, err := sch.RunNow(t.Context(), "invoice-posting")
			if err != nil || run.Outcome != flow.Failed {
				t.Fatalf("RunNow() = %s, %v", run.Outcome, err)
			}
			if sweeps != i+1 {
				t.Errorf("before run %d: %d sweeps", i+1, sweeps)
			}
		}
	})
}
