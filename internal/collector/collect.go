package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

// patience is how long after the end of its context a collector is waited for
// before it is abandoned.
const patience = time.Second

// buffered is how many metrics a collector may be ahead of whoever takes them:
// it keeps its thread while it runs, and giving way at every metric would cost
// more than the metric.
const buffered = 256

// batch is what one run sent.
type batch struct {
	metrics []prometheus.Metric
	dropped int           // metrics beyond the task's bound
	cpu     time.Duration // what Collect used on its thread; 0 while it hangs
	late    bool          // its deadline passed before it returned
	err     error
	hung    bool            // Collect did not return in time
	returns <-chan struct{} // closed when it does; nil when it has
}

// collect runs the task's collector once, until it returns or has outlived ctx
// by patience. What it sent until then is kept, up to the task's bound.
func collect(ctx context.Context, t Task) batch {
	metrics := make(chan prometheus.Metric, buffered)
	var result error // these two are read after metrics is closed
	var cpu time.Duration
	go func() {
		defer close(metrics)
		cpu = cpuOf(func() {
			result = guard("collect "+t.Name, func() error { return t.Collector.Collect(ctx, metrics) })
		})
	}()
	var b batch
	done := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case m, open := <-metrics:
			switch {
			case !open:
				b.cpu, b.err = cpu, describe(t, result)
				b.late = errors.Is(ctx.Err(), context.DeadlineExceeded)
				return b
			case len(b.metrics) < t.MaxSeries:
				b.metrics = append(b.metrics, m)
			default:
				b.dropped++
			}
		case <-done:
			done, late = nil, time.After(patience)
		case <-late:
			b.hung, b.late, b.returns = true, true, discard(metrics)
			b.err = &fault.Error{
				Op: "collect " + t.Name, Kind: fault.Timeout,
				Err: fmt.Errorf("did not return within %v of its deadline of %v and was abandoned", patience, t.Timeout),
			}
			return b
		}
	}
}

// discard takes what an abandoned collector still sends.
func discard(metrics <-chan prometheus.Metric) <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for range metrics {
		}
	}()
	return closed
}

// describe makes sure that a collector's error says what was attempted.
func describe(t Task, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return fault.Wrap("collect "+t.Name, err, "")
}
