package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Load is a group of people at work. It is safe for concurrent use.
type Load struct {
	opts   Options
	client *client
	stats  counters
	paused atomic.Bool
	rate   atomic.Uint64 // invoices per minute, in thousandths
}

// New prepares the work; Run does it.
func New(opts Options) (*Load, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Load{opts: opts}
	l.stats.s.Failures = map[string]int64{}
	l.client = newClient(opts, &l.stats)
	l.SetRate(opts.InvoicesPerMinute)
	return l, nil
}

// Stats returns what was done so far.
func (l *Load) Stats() Stats { return l.stats.snapshot() }

// Pause lets work under way finish and starts no more until Resume.
func (l *Load) Pause() { l.paused.Store(true) }

// Resume ends a Pause.
func (l *Load) Resume() { l.paused.Store(false) }

// SetRate changes the number of invoices per minute, from the next one on.
func (l *Load) SetRate(invoicesPerMinute float64) {
	l.rate.Store(uint64(max(invoicesPerMinute, 0.001) * 1000))
}

// Run works until ctx ends, then waits for what is under way and returns nil.
func (l *Load) Run(ctx context.Context) error {
	defer l.client.http.CloseIdleConnections()
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, l.opts.Concurrency)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		timer.Reset(l.interval())
		if l.paused.Load() {
			continue
		}
		l.start(ctx, &running, slots, l.client.sell)
		if rand.Float64() < l.opts.Mix.Browsed {
			l.start(ctx, &running, slots, l.client.browse)
		}
	}
}

// interval is the time until the next invoice: exponential, at most four times the mean.
func (l *Load) interval() time.Duration {
	mean := float64(time.Minute) / (float64(l.rate.Load()) / 1000)
	return time.Duration(mean * min(rand.ExpFloat64(), 4))
}

func (l *Load) start(ctx context.Context, running *sync.WaitGroup, slots chan struct{}, work func(context.Context) error) {
	select {
	case slots <- struct{}{}:
	default:
		l.stats.add(func(s *Stats) { s.Skipped++ })
		return
	}
	running.Go(func() {
		defer func() { <-slots }()
		if err := work(ctx); err != nil && ctx.Err() == nil {
			kind := fault.KindOf(err)
			l.stats.add(func(s *Stats) { s.Failures[string(kind)]++ })
			l.opts.Log.Debug("business transaction failed", "kind", kind, "err", err)
		}
	})
}
