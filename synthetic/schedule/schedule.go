package schedule

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// An Entry is one flow and its cadence.
type Entry struct {
	Flow     flow.Flow
	Level    flow.Level
	Interval time.Duration
	Timeout  time.Duration // of one run; 0 means flow.DefaultTimeout
}

// writes reports whether the entry needs the lease.
func (e Entry) writes() bool { return e.Level != flow.L0 }

// Settings are what a Schedule is made of.
type Settings struct {
	Entries    []Entry
	Run        flow.Settings                   // of every run; the timeout is the entry's
	Lease      Lease                           // nil: no other process writes
	KillSwitch *flow.KillSwitch                // the one that guards the flows; nil: Pause does nothing
	Sweep      func(ctx context.Context) error // removes what runs left over, see ErrAgain; nil: nothing
	Result     func(flow.Run)                  // receives every run, one at a time; nil: nobody
	Log        *slog.Logger                    // nil discards
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

	mu      sync.Mutex
	dirty   bool // something may be left over
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
		dirty: true, running: map[string]bool{}, next: map[string]time.Time{},
	}
	for _, e := range s.Entries {
		name := e.Flow.Name()
		if _, twice := sch.entries[name]; twice {
			return nil, &fault.Error{Op: "schedule " + name, Kind: fault.Internal, Err: errors.New("it is there twice")}
		}
		if e.Interval <= 0 {
			return nil, &fault.Error{Op: "schedule " + name, Kind: fault.Internal, Err: errors.New("it has no interval")}
		}
		sch.entries[name] = e
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
	seed := s.seed(e)
	at := time.Now().Add(time.Duration(seed % uint64(min(e.Interval, firstWithin))))
	for s.wait(ctx, e, at) {
		began := time.Now()
		s.deliver(s.execute(ctx, e))
		at = nextOnGrid(began.Add(e.Interval/2), e.Interval, seed)
		if now := time.Now(); at.Before(now) {
			at = nextOnGrid(now, e.Interval, seed)
		}
	}
}

// nextOnGrid returns the first time after t that lies on the flow's grid.
func nextOnGrid(t time.Time, interval time.Duration, seed uint64) time.Time {
	next := t.Truncate(interval).Add(time.Duration(seed % uint64(interval)))
	for !next.After(t) {
		next = next.Add(interval)
	}
	return next
}

// seed derives a flow's phase from what it is, not from when it started.
func (s *Schedule) seed(e Entry) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%s/%s", s.settings.Run.Environment, s.settings.Run.Tenant, e.Flow.Name())
	return h.Sum64()
}

// wait sleeps until at and reports whether the flow is to run.
func (s *Schedule) wait(ctx context.Context, e Entry, at time.Time) bool {
	s.mu.Lock()
	s.next[e.Flow.Name()] = at
	s.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// RunNow runs a flow at once, besides its schedule, and returns how it went.
// The result goes to Result as well. Concurrent runs that write wait for one
// another.
func (s *Schedule) RunNow(ctx context.Context, name string) (flow.Run, error) {
	e, ok := s.entries[name]
	if !ok {
		return flow.Run{}, &fault.Error{Op: "run " + name, Kind: fault.Rejected, Err: errors.New("no such flow is scheduled on this tenant")}
	}
	run := s.execute(ctx, e)
	s.deliver(run)
	return run, nil
}

// execute runs e once, with the lease if it writes.
func (s *Schedule) execute(ctx context.Context, e Entry) flow.Run {
	name := e.Flow.Name()
	s.mark(name, true)
	defer s.mark(name, false)
	settings := s.settings.Run
	settings.Timeout = e.Timeout
	if !e.writes() {
		return flow.Execute(ctx, e.Flow, e.Level, settings)
	}
	release, err := s.acquire(ctx, e.Interval)
	if err != nil {
		return flow.Execute(ctx, refused{e.Flow, err}, e.Level, settings)
	}
	defer release()
	s.sweep(ctx)
	run := flow.Execute(ctx, e.Flow, e.Level, settings)
	s.mu.Lock()
	s.dirty = s.dirty || len(run.Leftovers) > 0 || run.Outcome == flow.Failed || run.Outcome == flow.Unknown
	s.mu.Unlock()
	return run
}

// acquire waits for this process's turn to write and for the lease.
func (s *Schedule) acquire(ctx context.Context, interval time.Duration) (func(), error) {
	select {
	case s.writing <- struct{}{}: // however long the flow before takes: it has a deadline
	case <-ctx.Done():
		return nil, fault.Wrap("wait for another flow", ctx.Err(), "")
	}
	leave := func() { <-s.writing }
	if s.settings.Lease == nil {
		return leave, nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(leaseWait, interval))
	defer cancel()
	release, err := s.settings.Lease.Acquire(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	return func() { release(); leave() }, nil
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
	Level    flow.Level
	Interval time.Duration
	Running  bool
	Next     time.Time // of its schedule; zero before Run
}

// Status lists the flows in the order of the settings.
func (s *Schedule) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Status, len(s.settings.Entries))
	for i, e := range s.settings.Entries {
		name := e.Flow.Name()
		all[i] = Status{Flow: name, Level: e.Level, Interval: e.Interval, Running: s.running[name], Next: s.next[name]}
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
