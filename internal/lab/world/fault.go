package world

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// A Fault is one thing that can go wrong.
type Fault struct {
	Name string
	Does string // what it does, for people
	// inject breaks it and returns how to mend it.
	inject func(ctx context.Context, w *World) (clear func(context.Context) error, err error)
}

// Faults lists what can go wrong, in the order in which it is worth trying.
func Faults() []Fault {
	return []Fault{
		{"standby-paused", "pauses replay on the standby; postings go on", func(ctx context.Context, w *World) (func(context.Context) error, error) {
			return w.Database.Standby.ResumeReplay, w.Database.Standby.PauseReplay(ctx)
		}},
		{"primary-killed", "kills the primary; it is started again on clear", func(_ context.Context, w *World) (func(context.Context) error, error) {
			return w.Database.Start, w.Database.Kill()
		}},
		{"redis-stalled", "stops the session store from answering", func(_ context.Context, w *World) (func(context.Context) error, error) {
			return func(context.Context) error { return w.Redis.Resume() }, w.Redis.Pause()
		}},
		{"posting-fails", "makes posting answer with an error inside HTTP 200", func(_ context.Context, w *World) (func(context.Context) error, error) {
			w.Odoo.Faults().SetPostingFails(true)
			return func(context.Context) error { w.Odoo.Faults().SetPostingFails(false); return nil }, nil
		}},
		{"posting-slow", "makes posting take ten times as long", func(_ context.Context, w *World) (func(context.Context) error, error) {
			w.Odoo.Faults().SetPostingSlow(10, 0)
			return func(context.Context) error { w.Odoo.Faults().SetPostingSlow(1, 0); return nil }, nil
		}},
		{"jobrunner-deaf", "has the job runner take nothing, without an error anywhere", func(_ context.Context, w *World) (func(context.Context) error, error) {
			w.Odoo.Faults().SetJobrunnerDeaf(true)
			return func(context.Context) error { w.Odoo.Faults().SetJobrunnerDeaf(false); return nil }, nil
		}},
		{"cron-deactivated", "switches off the action that invoices subscriptions", func(ctx context.Context, w *World) (func(context.Context) error, error) {
			return w.Odoo.Faults().Clear, w.Odoo.Faults().DeactivateCron(ctx, odoosim.CronRecurringInvoices)
		}},
		{"traefik-stopped", "takes the ingress away; everything behind it is fine", func(_ context.Context, w *World) (func(context.Context) error, error) {
			return w.Ingress.Start, w.Ingress.Kill()
		}},
		{"idle-primary", "stops all writing, as on a quiet night; nothing is wrong", func(_ context.Context, w *World) (func(context.Context) error, error) {
			w.Load.Pause()
			w.Odoo.Faults().SetIdle(true)
			w.probing(false)
			return func(context.Context) error {
				w.Load.Resume()
				w.Odoo.Faults().SetIdle(false)
				w.probing(true)
				return nil
			}, nil
		}},
		{"cpu-burn", "keeps the database's processor busy; users are fine", burn},
	}
}

// OnProbing is told when a fault wants the daemon's flows to stop writing or to
// go on.
func (w *World) OnProbing(f func(on bool)) { w.probing = f }

// Inject breaks something by its name.
func (w *World) Inject(ctx context.Context, name string) error {
	faults := Faults()
	i := slices.IndexFunc(faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return &fault.Error{Op: "inject " + name, Kind: fault.Rejected, Err: errors.New("there is no such fault"), Hint: "use one of " + strings.Join(names(faults), ", ")}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active[name] != nil {
		return &fault.Error{Op: "inject " + name, Kind: fault.Conflict, Err: errors.New("it is active already"), Hint: "clear it first"}
	}
	mend, err := faults[i].inject(ctx, w)
	if err != nil {
		return fault.Wrap("inject "+name, err, "")
	}
	w.active[name] = mend
	return nil
}

func names(faults []Fault) []string {
	out := make([]string, len(faults))
	for i, f := range faults {
		out[i] = f.Name
	}
	return out
}

// Active lists the faults in effect.
func (w *World) Active() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []string{}
	for _, f := range Faults() {
		if w.active[f.Name] != nil {
			out = append(out, f.Name)
		}
	}
	return out
}

// Clear mends everything that is broken.
func (w *World) Clear(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for name, mend := range w.active {
		if err := mend(ctx); err != nil {
			errs = append(errs, fmt.Errorf("clear %s: %w", name, err))
			continue
		}
		delete(w.active, name)
	}
	return errors.Join(errs...)
}

// burn keeps one backend of the database computing.
func burn(ctx context.Context, w *World) (func(context.Context) error, error) {
	conn, err := pgx.Connect(ctx, w.Database.DSN(appRole, odoosim.Database))
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET application_name = 'cpu-burn'; SET max_parallel_workers_per_gather = 0"); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	burning, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		for burning.Err() == nil {
			if _, err := conn.Exec(burning, "SELECT sum(sqrt(g)) FROM generate_series(1, 5000000) g"); err != nil && burning.Err() == nil {
				w.log.Warn("the database stopped burning", "err", err)
				return
			}
		}
	})
	return func(ctx context.Context) error {
		cancel()
		done.Wait()
		return conn.Close(ctx)
	}, nil
}
