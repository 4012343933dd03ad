package collector

import (
	"context"
	"time"
)

// Bounds of the pause before an instance's background work is started again.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// supervise keeps an instance's background work going until ctx is done, and
// reports whether it has stopped. Work that fails is started again after a
// growing pause; work that returns nil is over.
func (r *Runner) supervise(ctx context.Context, h hosted) (stopped bool) {
	failures := failureLog{log: r.settings.Log.With("component", h.component, "environment", h.environment), what: "background work"}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		returned, err := background(ctx, h)
		switch {
		case !returned:
			failures.log.Error("background work does not stop; abandoned")
			return false
		case err == nil || ctx.Err() != nil:
			return true
		}
		r.restarts.WithLabelValues(h.component, h.environment).Inc()
		failures.record(err)
		select {
		case <-ctx.Done():
			return true
		case <-time.After(pause):
		}
	}
}

// background runs h until it returns, or until ctx has been done for a while.
func background(ctx context.Context, h hosted) (returned bool, err error) {
	done := make(chan error, 1)
	go func() { done <- guard("run in the background", func() error { return h.Run(ctx) }) }()
	select {
	case err := <-done:
		return true, err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return true, err
	case <-time.After(patience):
		return false, nil
	}
}
