package world

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// superuser mends what others may not touch.
const superuser = "postgres"

// databaseFaults break the system of record, its copies and the ways to it.
func databaseFaults() []Fault {
	return []Fault{
		{"standby-paused", "pauses replay on the standby; postings go on", func(ctx context.Context, w *World) (mend, error) {
			return w.Database.Standby.ResumeReplay, w.Database.Standby.PauseReplay(ctx)
		}},
		{"standby-killed", "kills the only standby; postings go on", func(_ context.Context, w *World) (mend, error) {
			return w.Database.Standby.Start, w.Database.Standby.Kill()
		}},
		{"primary-killed", "kills the primary; it is started again on clear", func(_ context.Context, w *World) (mend, error) {
			return w.Database.Start, w.Database.Kill()
		}},
		{"primary-frozen", "freezes the primary: connections stay open, nothing answers", func(_ context.Context, w *World) (mend, error) {
			return func(context.Context) error { return w.Database.Resume() }, w.Database.Pause()
		}},
		{"split-brain", "promotes the standby while the primary goes on taking writes", func(ctx context.Context, w *World) (mend, error) {
			return func(ctx context.Context) error { return w.Database.Rejoin(ctx, w.Database.Standby) }, w.Database.Standby.Promote(ctx)
		}},
		{"archiving-fails", "has every file of log be refused by the archive; postings go on", failArchiving},
		{"table-locked", "locks the table of journal entries and keeps it", func(ctx context.Context, w *World) (mend, error) {
			return hold(ctx, w, "LOCK TABLE account_move IN ACCESS EXCLUSIVE MODE")
		}},
		{"transaction-forgotten", "leaves a transaction open that keeps items from being matched", func(ctx context.Context, w *World) (mend, error) {
			return hold(ctx, w, "LOCK TABLE account_partial_reconcile IN SHARE MODE")
		}},
		{"connections-exhausted", "takes every connection the database allows, those of Odoo too", exhaust},
		{"role-locked-out", "takes the right to log in from the role that Odoo uses", func(ctx context.Context, w *World) (mend, error) {
			return lockOut(ctx, w, appRole)
		}},
		{"watcher-locked-out", "takes the right to log in from the role that closewatch uses; users are fine", func(ctx context.Context, w *World) (mend, error) {
			return lockOut(ctx, w, watchRole)
		}},
	}
}

// failArchiving has the archive refuse what it is given, and gives it something.
func failArchiving(ctx context.Context, w *World) (mend, error) {
	each := func(ctx context.Context, statements ...string) error {
		var errs []error
		for _, sql := range statements { // one at a time: ALTER SYSTEM is for no transaction
			errs = append(errs, w.Database.Exec(ctx, superuser, "postgres", sql))
		}
		return errors.Join(errs...)
	}
	again := func(ctx context.Context) error {
		return each(ctx, "ALTER SYSTEM RESET archive_command", "SELECT pg_reload_conf()", "SELECT pg_switch_wal()")
	}
	return again, each(ctx, "ALTER SYSTEM SET archive_command = '/bin/false'", "SELECT pg_reload_conf()", "SELECT pg_switch_wal()")
}

// hold runs a statement in a transaction that stays open, doing nothing.
func hold(ctx context.Context, w *World, sql string) (mend, error) {
	conn, err := pgconn.Connect(ctx, w.Database.DSN(superuser, odoosim.Database))
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "BEGIN; "+sql).ReadAll(); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn.Close, nil
}

// exhaust connects until nobody else can, and then takes the places of Odoo.
func exhaust(ctx context.Context, w *World) (mend, error) {
	var crowd []*pgconn.PgConn
	leave := func(ctx context.Context) error {
		for _, conn := range crowd {
			_ = conn.Close(ctx) // the server may have ended it
		}
		return nil
	}
	fill := func() error {
		for {
			conn, err := pgconn.Connect(ctx, w.Database.DSN(appRole, odoosim.Database))
			if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "53300" {
				return nil
			}
			if err != nil {
				return err
			}
			crowd = append(crowd, conn)
		}
	}
	err := fill()
	for range 3 { // what is freed is taken by whoever comes first
		if err == nil {
			err = w.Database.Exec(ctx, superuser, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'odoo-%'")
		}
		if err == nil {
			err = fill()
		}
	}
	if err != nil {
		return nil, errors.Join(err, leave(ctx))
	}
	return leave, nil
}

// lockOut takes the right to log in from a role, and ends its sessions.
func lockOut(ctx context.Context, w *World, role string) (mend, error) {
	back := func(ctx context.Context) error {
		return w.Database.Exec(ctx, superuser, "postgres", "ALTER ROLE "+role+" LOGIN")
	}
	return back, w.Database.Exec(ctx, superuser, "postgres",
		"ALTER ROLE "+role+" NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+role+"'")
}

// over runs a statement on the tenant's database again and again, each time
// after a pause, until it is mended.
func over(ctx context.Context, w *World, sql string, pause time.Duration) (mend, error) {
	conn, err := pgx.Connect(ctx, w.Database.DSN(appRole, odoosim.Database))
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		for running.Err() == nil {
			if _, err := conn.Exec(running, sql); err != nil && running.Err() == nil {
				w.log.Warn("a fault has ended by itself", "err", err)
				return
			}
			select {
			case <-running.Done():
			case <-time.After(pause):
			}
		}
	})
	return func(ctx context.Context) error {
		cancel()
		done.Wait()
		return conn.Close(ctx)
	}, nil
}
