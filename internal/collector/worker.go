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
	own      [2]*dto.LabelPair // of every metric
	invalid  error             // why the collector's descriptions were refused
	failures failureLog
	hanging  <-chan struct{} // not nil while an abandoned Collect still runs
	meter    Meter           // of what its runs are charged
	// background is what it had cost besides at the end of the last run.
	background Spent

	mu       sync.Mutex
	snapshot *Snapshot // nil until the first run has ended
	counts   counts
	pace     pace
	failed   int // runs in a row, up to the latest
}

// counts are the totals of a task since the start.
type counts struct {
	failures   map[fault.Kind]uint64
	dropped    uint64
	hung       uint64
	overBudget map[string]uint64 // runs, by what was exceeded
	backoffs   uint64            // times the interval was made longer
	cpu        time.Duration
}

func newWorker(t Task, s Settings) *worker {
	if t.MaxSeries == 0 {
		t.MaxSeries = DefaultMaxSeries
	}
	w := &worker{
		task: t, settings: s, registry: prometheus.NewPedanticRegistry(), source: &replay{describe: t.Collector},
		own: [2]*dto.LabelPair{pair("environment", t.Environment), pair("component", t.Component)},
		failures: failureLog{
			log:  s.Log.With("collector", t.Name, "component", t.Component, "environment", t.Environment),
			what: "collector",
		},
		counts: counts{failures: map[fault.Kind]uint64{}, overBudget: map[string]uint64{}},
	}
	w.pace = newPace(t, w.withdrawAfter())
	w.invalid = guard("describe "+t.Name, func() error { return w.registry.Register(w.source) })
	return w
}

// loop runs the task at its pace until ctx is done.
func (w *worker) loop(ctx context.Context) {
	ctx = WithMeter(ctx, &w.meter)
	first := time.NewTimer(w.firstWait())
	defer first.Stop()
	select {
	case <-ctx.Done():
		return
	case <-first.C:
	}
	turns := time.NewTicker(w.task.Interval)
	defer turns.Stop()
	wait := w.task.Interval
	for {
		w.run(ctx)
		if next := w.next(); next != wait {
			wait = next
			turns.Reset(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-turns.C:
		}
	}
}

// A task that runs rarely is tried again sooner after a failure, so that one
// that met a server at a bad moment, as at the start, does not know nothing for
// the whole of its interval. Each further failure doubles the wait.
const (
	rarely     = time.Minute
	firstRetry = 5 * time.Second
)

// next is how long the task waits for its next run.
func (w *worker) next() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pace.interval <= rarely || w.failed == 0 {
		return w.pace.interval
	}
	return min(w.pace.interval, firstRetry<<min(w.failed-1, 16))
}

// interval is how long the task waits from one run to the next at present, when
// none fails.
func (w *worker) interval() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pace.interval
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
	began, before, ago := w.settings.Now(), w.meter.Spent(), w.background
	b := w.turn(ctx)
	if ctx.Err() != nil {
		return // interrupted by the shutdown: not a failure of the collector
	}
	var kept families
	var err error
	w.background = w.spentMeanwhile()
	b.cpu += cpuOf(func() { kept, err = w.gather(b) })
	w.charge(b, w.meter.Spent().Minus(before), w.background.Minus(ago), err == nil || len(kept.kept) > 0)
	w.publish(&Snapshot{
		Task: &w.task, At: w.settings.Now(), Duration: w.settings.Now().Sub(began),
		Families: kept.kept, Err: err, Series: kept.series, Dropped: b.dropped + kept.dropped,
	}, b.hung)
}

// spentMeanwhile is what the task's background work has cost so far.
func (w *worker) spentMeanwhile() Spent {
	if s, ok := w.task.Collector.(Spender); ok {
		return s.Spent()
	}
	return Spent{}
}

// charge holds what a run cost, and the background work since the run before,
// against the budget, and keeps the pace that follows of the run alone. One that
// its deadline ended was too costly, whatever was measured.
func (w *worker) charge(b batch, run, background Spent, learnt bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.cpu += b.cpu
	for _, resource := range w.task.Budget.exceeded(run.plus(background), b.cpu) {
		w.counts.overBudget[resource]++
	}
	o := silent
	switch {
	case b.late || len(w.task.Budget.exceeded(run, b.cpu)) > 0:
		o = costly
	case learnt:
		o = good
	}
	if w.pace.after(o) {
		w.counts.backoffs++
	}
}

// exceeded lists what a run spent too much of.
func (b Budget) exceeded(s Spent, cpu time.Duration) []string {
	var list []string
	if b.Requests > 0 && s.Requests > b.Requests {
		list = append(list, overRequests)
	}
	if b.Waiting > 0 && s.Waiting > b.Waiting {
		list = append(list, overWaiting)
	}
	if b.CPU > 0 && cpu > b.CPU {
		list = append(list, overCPU)
	}
	return list
}

// What a run can spend too much of.
const (
	overRequests = "requests"
	overWaiting  = "waiting"
	overCPU      = "cpu"
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
	s.Gathered, s.part = s.At, &part{families: s.Families}
	dropping := false
	if prev := w.snapshot; prev != nil {
		dropping = prev.Dropped > 0
		s.LastSuccess = prev.LastSuccess
		if s.Err != nil && len(s.Families) == 0 {
			s.Families, s.Gathered, s.Series, s.part = prev.Families, prev.Gathered, prev.Series, prev.part
		}
	}
	if s.Dropped > 0 && !dropping {
		w.failures.log.Warn("series dropped", "dropped", s.Dropped, "limit", w.task.MaxSeries)
	}
	w.failed++
	if s.Err == nil {
		s.LastSuccess, w.failed = s.At, 0
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
	if now.Sub(s.Gathered) > w.withdrawAfter() {
		withdrawn := *s
		withdrawn.Families, withdrawn.Series, withdrawn.part = nil, 0, &part{}
		return &withdrawn
	}
	return s
}

// withdrawAfter is how long results are served without newer ones.
func (w *worker) withdrawAfter() time.Duration {
	return max(withdrawAfter*w.task.Interval, w.settings.WithdrawFloor)
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
