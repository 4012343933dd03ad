package schedule

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// Settings are what a Schedule is made of.
type Settings struct {
	Entries    []Entry
	Run        flow.Settings                           // of every run; the timeout is the entry's
	Pace       func(process string, at time.Time) Pace // what the calendar says; nil: always steady
	Lease      Lease                                   // nil: no other process writes
	KillSwitch *flow.KillSwitch                        // the one that guards the flows; nil: Pause does nothing
	Sweep      func(ctx context.Context) error         // removes what runs left over, see ErrAgain; nil: nothing
	Result     func(flow.Run)                          // receives every run, one at a time; nil: nobody
	Log        *slog.Logger                            // nil discards
}

// Times that are not configured.
const (
	firstWithin  = 5 * time.Second  // of the start, a flow's first run
	leaseWait    = 20 * time.Second // at most, before a run is reported as blocked
	sweepTimeout = 15 * time.Second
)

// A Schedule runs the flows of one tenant. Its methods are safe for concurrent
// use.
type Schedule struct {
	settings Settings
	entries  map[string]Entry
	writing  chan struct{} // holds a token while a flow writes or a sweep runs

	turns map[string]chan struct{} // holds a token while the flow runs

	mu      sync.Mutex
	dirty   bool // something may be left over
	held    bool // the lease is, as far as anybody knows
	running map[string]bool
	next    map[string]time.Time

	results sync.Mutex // held while Result runs
}

// New checks the settings. Nothing runs yet.
func New(s Settings) (*Schedule, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	sch := &Schedule{
		settings: s, entries: map[string]Entry{}, writing: make(chan struct{}, 1),
		turns: map[string]chan struct{}{}, dirty: true, running: map[string]bool{}, next: map[string]time.Time{},
	}
	for _, e := range s.Entries {
		name := e.Flow.Name()
		if _, twice := sch.entries[name]; twice {
			return nil, &fault.Error{Op: "schedule " + name, Kind: fault.Internal, Err: errors.New("it is there twice")}
		}
		if e.Interval <= 0 {
			return nil, &fault.Error{Op: "schedule " + name, Kind: fault.Internal, Err: errors.New("it has no interval")}
		}
		sch.entries[name], sch.turns[name] = e, make(chan struct{}, 1)
	}
	return sch, nil
}

// Run runs every flow in its time until ctx is done, and returns when the last
// run has cleaned up. It is called once.
func (s *Schedule) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.tidy(ctx) })
	for _, e := range s.settings.Entries {
		wg.Go(func() { s.loop(ctx, e) })
	}
	wg.Wait()
	return nil
}

// loop runs one flow: soon after the start, then on its grid.
func (s *Schedule) loop(ctx context.Context, e Entry) {
	for last := (time.Time{}); s.wait(ctx, e, last); {
		last = time.Now()
		s.deliver(s.execute(ctx, e, false))
	}
}

// seed derives a flow's phase from what it is, not from when it started.
func (s *Schedule) seed(e Entry) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%s/%s", s.settings.Run.Environment, s.settings.Run.Tenant, e.Flow.Name())
	return h.Sum64()
}

// wait sleeps until a flow that last began at last is due, and reports whether
// it is to run. When the pace changes meanwhile, it is due by the new one.
func (s *Schedule) wait(ctx context.Context, e Entry, last time.Time) bool {
	var due time.Time
	var interval time.Duration // due is by
	for started := time.Now(); ; {
		now := time.Now()
		if every := e.every(s.pace(e, now).Tempo); every != interval || due.Sub(now) > 2*every { // later than that: clocks were set back
			interval, due = every, s.due(e, last, started, now, every)
			s.plan(e, due)
		}
		if !now.Before(due) {
			return ctx.Err() == nil
		}
		rest := due.Sub(now)
		if s.settings.Pace != nil {
			rest = min(rest, lookEvery)
		}
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// plan remembers when a flow is to run.
func (s *Schedule) plan(e Entry, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next[e.Flow.Name()] = at
}

// RunNow runs a flow at once, besides its schedule, and returns how it went.
// The result goes to Result as well. It waits for its turn and for the lease as
// any run does. It keeps to its level: where that may not be, it is blocked.
func (s *Schedule) RunNow(ctx context.Context, name string) (flow.Run, error) {
	e, ok := s.entries[name]
	if !ok {
		return flow.Run{}, &fault.Error{Op: "run " + name, Kind: fault.Rejected, Err: errors.New("no such flow is scheduled on this tenant")}
	}
	run := s.execute(ctx, e, true)
	s.deliver(run)
	return run, nil
}

// execute runs e once: never beside itself, at a safer level while nothing may
// be posted, and with the lease if it writes.
func (s *Schedule) execute(ctx context.Context, e Entry, byHand bool) flow.Run {
	name := e.Flow.Name()
	settings := s.settings.Run
	settings.Timeout, settings.StepTimeout = e.Timeout, e.StepTimeout
	select {
	case s.turns[name] <- struct{}{}:
		defer func() { <-s.turns[name] }()
	case <-ctx.Done():
		return flow.Execute(ctx, refused{e.Flow, fault.Wrap("wait for the run before", ctx.Err(), "")}, e.Level, settings)
	}
	s.mark(name, true)
	defer s.mark(name, false)

	closed := ""
	if e.Level == flow.L3 {
		closed = s.pace(e, time.Now()).Closed
	}
	if closed == "" {
		return s.perform(ctx, e.Flow, e.Level, settings, e.Interval)
	}
	rest, has := e.Rest()
	if byHand || !has {
		return flow.Execute(ctx, refused{e.Flow, resting(closed, rest)}, e.Level, settings)
	}
	run := s.perform(ctx, e.Flow, rest, settings, e.Interval)
	if run.Outcome == flow.Passed && run.Reason == "" {
		run.Reason = fmt.Sprintf("at %s instead of %s: %s", rest, e.Level, closed)
	}
	return run
}

// resting says why a flow does not run, and at which level it could.
func resting(closed string, rest flow.Level) error {
	hint := "wait until it has ended"
	if rest != "" {
		hint = "run it at " + string(rest) + ", or wait until it has ended"
	}
	return &fault.Error{Op: "post", Kind: fault.Blocked, Err: errors.New(closed), Hint: hint}
}

// perform runs f once, with the lease if it writes, which is asked for again
// right before each write. Where nobody can tell who has the lease, as when the
// database does not answer, f runs as far as its first write: what it reads
// tells whether the outcome works.
func (s *Schedule) perform(ctx context.Context, f flow.Flow, level flow.Level, settings flow.Settings, interval time.Duration) flow.Run {
	if level == flow.L0 {
		return flow.Execute(ctx, f, level, settings)
	}
	turn, err := s.turn(ctx)
	if err != nil {
		return flow.Execute(ctx, refused{f, err}, level, settings)
	}
	defer turn.Release()
	err = turn.take(ctx, interval)
	switch {
	case errors.Is(err, ErrTaken), err != nil && ctx.Err() != nil:
		return flow.Execute(ctx, refused{f, err}, level, settings)
	case err == nil:
		s.sweep(ctx)
	}
	settings.Guards = append(slices.Clone(settings.Guards), flow.Guard{Name: "lease", Check: turn.Check})
	run := flow.Execute(ctx, f, level, settings)
	s.mu.Lock()
	s.dirty = s.dirty || len(run.Leftovers) > 0 || run.Outcome == flow.Failed || run.Outcome == flow.Unknown
	s.mu.Unlock()
	return run
}

// turn waits for this process's turn to write.
func (s *Schedule) turn(ctx context.Context) (*turn, error) {
	select {
	case s.writing <- struct{}{}: // however long the flow before takes: it has a deadline
		return &turn{schedule: s}, nil
	case <-ctx.Done():
		return nil, fault.Wrap("wait for another flow", ctx.Err(), "")
	}
}

// A turn is this process's to write, once it has taken the lease of all.
type turn struct {
	schedule *Schedule
	lease    Held  // nil: no other process writes, or it was not to be had
	lacks    error // why it was not
}

// take acquires the lease.
func (t *turn) take(ctx context.Context, interval time.Duration) error {
	if lease := t.schedule.settings.Lease; lease != nil {
		ctx, cancel := context.WithTimeout(ctx, min(leaseWait, interval))
		defer cancel()
		if t.lease, t.lacks = lease.Acquire(ctx); t.lacks != nil {
			t.lease = nil
			return t.lacks
		}
	}
	t.schedule.holding(true)
	return nil
}

// Check implements Held.
func (t *turn) Check(ctx context.Context) error {
	if t.lease == nil {
		return t.lacks
	}
	err := t.lease.Check(ctx)
	t.schedule.holding(err == nil)
	return err
}

// Release implements Held.
func (t *turn) Release() {
	t.schedule.holding(false)
	if t.lease != nil {
		t.lease.Release()
	}
	<-t.schedule.writing
}

// holding notes whether the lease is held.
func (s *Schedule) holding(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
}

// holds reports whether the lease is held, as far as anybody knows.
func (s *Schedule) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *Schedule) mark(name string, running bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[name] = running
}

func (s *Schedule) deliver(run flow.Run) {
	if s.settings.Result == nil {
		return
	}
	s.results.Lock()
	defer s.results.Unlock()
	s.settings.Result(run)
}

// Pause stops every write until Resume; reading and cleaning up go on.
func (s *Schedule) Pause(reason string) {
	if s.settings.KillSwitch != nil {
		s.settings.KillSwitch.Pause(reason)
	}
}

// Resume undoes Pause. It does not remove the kill switch's file.
func (s *Schedule) Resume() {
	if s.settings.KillSwitch != nil {
		s.settings.KillSwitch.Resume()
	}
}

// A Status is where one flow stands.
type Status struct {
	Flow     string
	Level    flow.Level    // in force
	Interval time.Duration // in force
	Why      string        // what makes level or interval other than usual
	Running  bool
	Next     time.Time // of its schedule; zero before Run
}

// Status lists the flows in the order of the settings.
func (s *Schedule) Status() []Status {
	all := make([]Status, len(s.settings.Entries))
	for i, e := range s.settings.Entries {
		name, p := e.Flow.Name(), s.pace(e, time.Now())
		st := Status{Flow: name, Level: e.Level, Interval: e.every(p.Tempo), Why: p.Why}
		if e.Level == flow.L3 && p.Closed != "" {
			st.Level, _ = e.Rest() // "": it rests
			st.Why = p.Closed
		}
		s.mu.Lock()
		st.Running, st.Next = s.running[name], s.next[name]
		s.mu.Unlock()
		all[i] = st
	}
	return all
}

// refused stands for a flow that may not even start, so that this, too, is
// reported as a run.
type refused struct {
	flow.Flow
	err error
}

// Run implements flow.Flow.
func (r refused) Run(context.Context, flow.Level, *flow.Recorder) error { return r.err }
