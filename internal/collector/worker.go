package collector

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxFirstWait bounds how long after the start a task takes its first turn.
const maxFirstWait = 3 * time.Second

// worker runs one task, one run after another.
type worker struct {
	task     Task
	settings Settings
	registry *prometheus.Registry // checks what a run sent; source is all it holds
	source   *replay
	invalid  error // why the collector's descriptions were refused
	failures failureLog
	hanging  <-chan struct{} // not nil while an abandoned Collect still runs

	mu       sync.Mutex
	snapshot *Snapshot // nil until the first run has ended
	counts   counts
}

// counts are the totals of a task since the start.
type counts struct {
	failures   map[fault.Kind]uint64
	dropped    uint64
	hung       uint64
	overBudget map[string]uint64 // runs, by what was exceeded
}

func newWorker(t Task, s Settings) *worker {
	if t.MaxSeries == 0 {
		t.MaxSeries = DefaultMaxSeries
	}
	w := &worker{
		task: t, settings: s, registry: prometheus.NewPedanticRegistry(), source: &replay{describe: t.Collector},
		failures: failureLog{
			log:  s.Log.With("collector", t.Name, "component", t.Component, "environment", t.Environment),
			what: "collector",
		},
		counts: counts{failures: map[fault.Kind]uint64{}, overBudget: map[string]uint64{}},
	}
	w.invalid = guard("describe "+t.Name, func() error { return w.registry.Register(w.source) })
	return w
}

// loop runs the task at its interval until ctx is done.
func (w *worker) loop(ctx context.Context) {
	first := time.NewTimer(w.firstWait())
	defer first.Stop()
	select {
	case <-ctx.Done():
		return
	case <-first.C:
	}
	turns := time.NewTicker(w.task.Interval)
	defer turns.Stop()
	for {
		w.run(ctx)
		select {
		case <-ctx.Done():
			return
		case <-turns.C:
		}
	}
}

// firstWait spreads the tasks over the start of their interval, the same way
// at every start.
func (w *worker) firstWait() time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(taskName(w.task)))
	spread := min(w.task.Interval/4, maxFirstWait)
	return time.Duration(rand.New(rand.NewPCG(w.settings.Seed, h.Sum64())).Int64N(int64(spread) + 1))
}

// run is one turn: collect, check, publish.
func (w *worker) run(ctx context.Context) {
	began, before := w.settings.Now(), w.spent()
	b := w.turn(ctx)
	w.charge(before, w.spent())
	if ctx.Err() != nil {
		return // interrupted by the shutdown: not a failure of the collector
	}
	families, err := w.gather(b)
	w.publish(&Snapshot{
		Task: &w.task, At: w.settings.Now(), Duration: w.settings.Now().Sub(began),
		Families: families.kept, Err: err, Series: families.series, Dropped: b.dropped + families.dropped,
	}, b.hung)
}

// spent is what the collector has cost so far; nil when it does not tell.
func (w *worker) spent() *Spent {
	spender, ok := w.task.Collector.(Spender)
	if !ok {
		return nil
	}
	s := spender.Spent()
	return &s
}

// charge counts a run that cost more than its budget.
func (w *worker) charge(before, after *Spent) {
	if before == nil || after == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.task.Budget
	if b.Requests > 0 && after.Requests-before.Requests > b.Requests {
		w.counts.overBudget[overRequests]++
	}
	if b.Waiting > 0 && after.Waiting-before.Waiting > b.Waiting {
		w.counts.overBudget[overWaiting]++
	}
}

// What a run can spend too much of.
const (
	overRequests = "requests"
	overWaiting  = "waiting"
)

// turn collects, unless an earlier run still hangs.
func (w *worker) turn(ctx context.Context) batch {
	if w.hanging != nil {
		select {
		case <-w.hanging:
			w.hanging = nil
		default:
			return batch{err: &fault.Error{
				Op: "collect " + w.task.Name, Kind: fault.Timeout,
				Err: fmt.Errorf("an earlier run has ignored its deadline of %v and still hangs", w.task.Timeout),
			}}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, w.task.Timeout)
	defer cancel()
	b := collect(ctx, w.task)
	w.hanging = b.returns
	return b
}

// publish makes s the task's result. A failure with nothing to show leaves
// the families of the run before.
func (w *worker) publish(s *Snapshot, hung bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Gathered = s.At
	dropping := false
	if prev := w.snapshot; prev != nil {
		dropping = prev.Dropped > 0
		s.LastSuccess = prev.LastSuccess
		if s.Err != nil && len(s.Families) == 0 {
			s.Families, s.Gathered, s.Series = prev.Families, prev.Gathered, prev.Series
		}
	}
	if s.Dropped > 0 && !dropping {
		w.failures.log.Warn("series dropped", "dropped", s.Dropped, "limit", w.task.MaxSeries)
	}
	if s.Err == nil {
		s.LastSuccess = s.At
	} else {
		w.counts.failures[kindOf(s.Err)]++
	}
	if hung {
		w.counts.hung++
	}
	w.counts.dropped += uint64(s.Dropped)
	w.snapshot = s
	w.failures.record(s.Err, "duration_seconds", s.Duration.Seconds())
}

// kindOf is fault.KindOf held to the closed set.
func kindOf(err error) fault.Kind {
	if k := fault.KindOf(err); slices.Contains(fault.Kinds(), k) {
		return k
	}
	return fault.Internal
}

// published returns the latest result, without families once they are too old
// to be shown; nil before the first run.
func (w *worker) published(now time.Time) *Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.snapshot
	if s == nil || len(s.Families) == 0 {
		return s
	}
	if now.Sub(s.Gathered) > max(withdrawAfter*w.task.Interval, w.settings.WithdrawFloor) {
		withdrawn := *s
		withdrawn.Families, withdrawn.Series = nil, 0
		return &withdrawn
	}
	return s
}

// totals returns a copy of the counts.
func (w *worker) totals() counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.counts
	c.failures, c.overBudget = maps.Clone(w.counts.failures), maps.Clone(w.counts.overBudget)
	return c
}

// families is what remains of a run after it was checked and bounded.
type families struct {
	kept            []*dto.MetricFamily
	series, dropped int
}
