package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// Settings are what a Runner needs from its program.
type Settings struct {
	Log *slog.Logger     // nil discards
	Now func() time.Time // nil is time.Now
	// WithdrawFloor is how long results are served at least after they were
	// gathered; 0 is DefaultWithdrawFloor. See Runner.
	WithdrawFloor time.Duration
	// Seed varies when tasks take their first turn, so that replicas do not
	// ask a server at the same instant.
	Seed uint64
}

// DefaultWithdrawFloor is the least time results are served.
const DefaultWithdrawFloor = time.Minute

// withdrawAfter is how many intervals results are served without a newer one.
const withdrawAfter = 5

// A Runner runs tasks and serves what they published.
//
// Each task has a goroutine and a ticker of its own, so tasks never wait for
// one another. A collector that does not return when its context ends is
// abandoned, counted as hung and not started again until it has returned; one
// that panics has failed with kind internal. What was sent before a failure is
// kept. A run that fails with nothing to show leaves the results of the run
// before it, until they are older than five intervals (and the withdraw
// floor): then they are withdrawn, never frozen. All methods but Add are safe
// for concurrent use.
//
// A task whose runs cost more than their budget, or do not end in time, twice in
// a row waits twice as long between runs, at most eight intervals and never so
// long that its results would be withdrawn or no longer be current (Task.Fresh)
// before the next ones are there; two good runs halve that again. A run that
// fails at once, of a server that is down, changes nothing; a task without a
// budget keeps its pace.
type Runner struct {
	settings  Settings
	instances []hosted
	workers   []*worker
	self      *prometheus.Registry
	restarts  *prometheus.CounterVec
	labels    labelBook
}

// hosted is an instance with the component it watches.
type hosted struct {
	Instance
	component, environment string
}

// New returns a runner without tasks.
func New(s Settings) *Runner {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.WithdrawFloor == 0 {
		s.WithdrawFloor = DefaultWithdrawFloor
	}
	r := &Runner{settings: s, self: prometheus.NewRegistry(), restarts: newRestarts(), labels: labelBook{of: map[string][]labelled{}}}
	r.self.MustRegister(selfMetrics{r}, r.restarts)
	return r
}

// Add takes over an instance: its tasks run and its Run and Close are called
// by Run. It must not be called after Run.
func (r *Runner) Add(i Instance) error {
	tasks := i.Tasks()
	var errs []error
	for _, t := range tasks {
		if err := r.check(t); err != nil {
			errs = append(errs, err)
			continue
		}
		r.workers = append(r.workers, newWorker(t, r.settings))
	}
	h := hosted{Instance: i}
	if len(tasks) > 0 {
		h.component, h.environment = tasks[0].Component, tasks[0].Environment
		r.restarts.WithLabelValues(h.component, h.environment)
	}
	r.instances = append(r.instances, h)
	return errors.Join(errs...)
}

func (r *Runner) check(t Task) error {
	id := taskName(t)
	switch {
	case t.Environment == "" || t.Component == "" || t.Name == "":
		return fmt.Errorf("task %s needs an environment, a component and a name", id)
	case !utf8.ValidString(id):
		return fmt.Errorf("task %q is not UTF-8", id)
	case t.MaxSeries < 0:
		return fmt.Errorf("task %s has a negative bound", id)
	case t.Collector == nil:
		return fmt.Errorf("task %s has no collector", id)
	case t.Interval <= 0 || t.Timeout <= 0 || t.Timeout > t.Interval:
		return fmt.Errorf("task %s has timeout %v and interval %v: want 0 < timeout <= interval", id, t.Timeout, t.Interval)
	}
	for _, w := range r.workers {
		if taskName(w.task) == id {
			return fmt.Errorf("task %s is there twice", id)
		}
	}
	return nil
}

func taskName(t Task) string { return t.Environment + "/" + t.Component + "/" + t.Name }

// Run runs every task and instance until ctx is done, then closes the
// instances. It returns when all of them have stopped, or soon after ctx is
// done when one of them does not.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	stopped := make([]bool, len(r.instances))
	for n, i := range r.instances {
		wg.Go(func() { stopped[n] = r.supervise(ctx, i) })
	}
	for _, w := range r.workers {
		wg.Go(func() { w.loop(ctx) })
	}
	wg.Wait()
	for n, i := range r.instances {
		if stopped[n] {
			i.Close()
		}
	}
}

// Snapshots returns the latest result of each task that has run, in the order
// the tasks were added. Withdrawn results have no families.
func (r *Runner) Snapshots() []*Snapshot {
	now := r.settings.Now()
	var out []*Snapshot
	for _, w := range r.workers {
		if s := w.published(now); s != nil {
			out = append(out, s)
		}
	}
	return out
}
