package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// standby copies the primary and has the copy stream from it.
func (l *Lab) standby(ctx context.Context, primary *Postgres, as *account) (*Postgres, error) {
	program := filepath.Join(primary.bin, "pg_basebackup")
	if !exists(program) {
		return nil, missing("pg_basebackup", "postgresql")
	}
	s, err := l.newPostgres(primary.name+"-standby", primary.bin, as, primary.extra, primary.clock)
	if err != nil {
		return nil, err
	}
	if _, err := l.mkdir(as, 0o700, s.name, "archive"); err != nil {
		return nil, err
	}
	begun := time.Now()
	err = l.run(ctx, as, s.dir, program, "-h", primary.Host, "-p", strconv.Itoa(primary.Port), "-U", superuser, "-w",
		"-D", s.DataDir, "-R", "-C", "-S", slotName(s.name), "-X", "stream", "-c", "fast", "--no-sync")
	if err != nil {
		return nil, err
	}
	l.say(begun, "the primary is copied for the standby")
	err = l.launch(ctx, s.Server, 1, func(ports []int) error {
		s.Port = ports[0]
		return s.configure()
	})
	if err != nil {
		return nil, err
	}
	return s, primary.AwaitStreaming(ctx, s)
}

// slotName is name as PostgreSQL takes it for a slot.
func slotName(name string) string { return strings.ReplaceAll(name, "-", "_") }

// AwaitStreaming waits until the standby streams from this primary, as after
// a restart of either.
func (p *Postgres) AwaitStreaming(ctx context.Context, standby *Postgres) error {
	ctx, cancel := patiently(ctx)
	defer cancel()
	begun := time.Now()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	query := fmt.Sprintf(`SELECT r.state FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid
WHERE s.slot_name = '%s'`, slotName(standby.name))
	for {
		state, err := p.Value(ctx, superuser, "postgres", query)
		if err == nil && state == "streaming" {
			p.lab.say(begun, "%s streams from %s", standby.name, p.name)
			return nil
		}
		select {
		case <-ctx.Done():
			return &fault.Error{
				Op: "wait for " + standby.name + " to stream", Kind: fault.Timeout,
				Err: fmt.Errorf("its state is %q: %w; the end of %s:\n%s", state, ctx.Err(), standby.logPath, tail(standby.logPath)),
			}
		case <-ticker.C:
		}
	}
}

// Promote makes a standby a primary of its own, on a new timeline.
func (p *Postgres) Promote(ctx context.Context) error {
	return p.Exec(ctx, superuser, "postgres", "SELECT pg_promote()")
}

// Rejoin copies this primary anew for one that was its standby, and has that
// stream from it again. What the other took since it left is lost.
func (p *Postgres) Rejoin(ctx context.Context, s *Postgres) error {
	if err := s.Stop(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(s.DataDir); err != nil {
		return err
	}
	err := p.lab.run(ctx, s.as, s.dir, filepath.Join(p.bin, "pg_basebackup"), "-h", p.Host, "-p", strconv.Itoa(p.Port), "-U", superuser, "-w",
		"-D", s.DataDir, "-R", "-S", slotName(s.name), "-X", "stream", "-c", "fast", "--no-sync")
	if err != nil {
		return err
	}
	if err := s.configure(); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	return p.AwaitStreaming(ctx, s)
}

// PauseReplay has a standby receive WAL without applying it.
func (p *Postgres) PauseReplay(ctx context.Context) error {
	return p.Exec(ctx, superuser, "postgres", "SELECT pg_wal_replay_pause()")
}

// ResumeReplay has a standby apply what it received, and go on.
func (p *Postgres) ResumeReplay(ctx context.Context) error {
	return p.Exec(ctx, superuser, "postgres", "SELECT pg_wal_replay_resume()")
}
