package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
)

// reloads replaces the running daemon by another one with a newer plan, for
// SIGHUP and POST /-/reload alike. It outlives every daemon: a plan that was
// accepted while one drains is run by the next.
type reloads struct {
	file string
	log  *slog.Logger
	hup  chan os.Signal

	mu      sync.Mutex
	running *app.Plan
	daemon  *app.App       // that runs it
	next    chan *app.Plan // the newest that waits
}

// newReloads takes SIGHUP, which ends the program otherwise, until close.
func newReloads(file string, log *slog.Logger) *reloads {
	r := &reloads{file: file, log: log, hup: make(chan os.Signal, 1), next: make(chan *app.Plan, 1)}
	signal.Notify(r.hup, syscall.SIGHUP)
	return r
}

func (r *reloads) close() { signal.Stop(r.hup) }

// read implements app.Reloader.
func (r *reloads) read(who string) (hash string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	plan, err := app.Load(r.file)
	if err != nil {
		r.log.Error("the estate has mistakes; the running configuration stays", "file", r.file, "asked_by", who, "err", err)
		r.daemon.Refused(who, err)
		return "", err
	}
	r.log.Info("reading the estate again", "file", r.file, "asked_by", who, "config", plan.Estate.Hash[:12])
	changes := app.CalendarChanges(r.running, plan, time.Now())
	logCalendar(r.log, changes)
	r.daemon.Reloading(who, plan.Estate.Hash, changes)
	select {
	case <-r.next: // an older one nobody needs any more
	default:
	}
	r.next <- plan
	return plan.Estate.Hash, nil
}

// serve runs the daemon on plan, and on each newer one, until ctx ends. A plan
// that cannot start, because its address is in use for instance, makes room
// for the one before.
func (r *reloads) serve(ctx context.Context, s app.Settings, plan *app.Plan) error {
	var before *app.Plan
	for {
		s.Plan = plan
		daemon, err := app.New(ctx, s)
		if err != nil && before != nil {
			r.log.Error("the new configuration cannot start; the one before runs again", "file", r.file, "err", err)
			plan, before = before, nil
			continue
		}
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.running, r.daemon = plan, daemon // before anybody can ask it
		r.mu.Unlock()
		daemon.Start(ctx)
		next := r.await(ctx)
		if err := stop(ctx, daemon); err != nil || next == nil {
			return err
		}
		plan, before = next, plan
	}
}

// await returns the next plan, or nil when ctx ends.
func (r *reloads) await(ctx context.Context) *app.Plan {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hup:
			_, _ = r.read("sighup") //nolint:contextcheck // it has logged why not; evidence is written whole, also while stopping
		case plan := <-r.next:
			return plan
		}
	}
}

// stop drains a daemon; what it was asked before it was told is answered.
func stop(ctx context.Context, daemon *app.App) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return daemon.Stop(ctx)
}
