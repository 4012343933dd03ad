package lab_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
)

// One primary with one standby goes through all of this, in order.
func TestPostgres(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{
		Standby:  true,
		Settings: map[string]string{"max_connections": "30", "log_min_duration_statement": "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	value := func(server *lab.Postgres, sql string) string {
		t.Helper()
		v, err := server.Value(t.Context(), "postgres", "postgres", sql)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	exec := func(sql string) {
		t.Helper()
		if err := p.Exec(t.Context(), "postgres", "postgres", sql); err != nil {
			t.Fatal(err)
		}
	}
	caughtUp := func(what string) {
		t.Helper()
		want := value(p, "SELECT pg_current_wal_lsn()")
		eventually(t, what, func() bool {
			return value(p.Standby, "SELECT pg_last_wal_replay_lsn() >= '"+want+"'") == "t"
		})
	}

	t.Run("is set up to be watched", func(t *testing.T) {
		for sql, want := range map[string]string{
			"SHOW archive_mode":                           "on",
			"SHOW track_io_timing":                        "on",
			"SHOW synchronous_commit":                     "on",
			"SHOW full_page_writes":                       "on",
			"SHOW data_checksums":                         "on",
			"SHOW max_connections":                        "30",
			"SELECT count(*) > 0 FROM pg_stat_statements": "t",
			"SELECT pg_is_in_recovery()":                  "f",
		} {
			if got := value(p, sql); got != want {
				t.Errorf("%s = %q, want %q", sql, got, want)
			}
		}
		if got := value(p.Standby, "SELECT pg_is_in_recovery()"); got != "t" {
			t.Errorf("the standby is in recovery: %q, want t", got)
		}
	})

	t.Run("archives", func(t *testing.T) {
		exec("CREATE TABLE entry (n int); SELECT pg_switch_wal()")
		eventually(t, "a segment in the archive", func() bool {
			entries, err := os.ReadDir(p.ArchiveDir)
			return err == nil && len(entries) > 0
		})
		eventually(t, "the archiver to count it", func() bool {
			return value(p, "SELECT archived_count > 0 AND failed_count = 0 FROM pg_stat_archiver") == "t"
		})
	})

	t.Run("a standby with replay paused stays behind", func(t *testing.T) {
		caughtUp("the standby to have the table")
		if err := p.Standby.PauseReplay(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "replay to pause", func() bool {
			return value(p.Standby, "SELECT pg_get_wal_replay_pause_state()") == "paused"
		})
		exec("INSERT INTO entry VALUES (1)")
		want := value(p, "SELECT pg_current_wal_lsn()")
		eventually(t, "the standby to receive what it does not apply", func() bool {
			return value(p.Standby, "SELECT pg_last_wal_receive_lsn() >= '"+want+"'") == "t"
		})
		if got := value(p.Standby, "SELECT count(*) FROM entry"); got != "0" {
			t.Errorf("the paused standby shows %s entries", got)
		}
		if err := p.Standby.ResumeReplay(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the standby to apply it", func() bool { return value(p.Standby, "SELECT count(*) FROM entry") == "1" })
	})

	t.Run("a paused primary answers nobody and goes on", func(t *testing.T) {
		if err := p.Pause(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := p.Exec(ctx, "postgres", "postgres", "SELECT 1"); fault.KindOf(err) != fault.Timeout {
			t.Errorf("a paused primary: %v, want a timeout", err)
		}
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		exec("SELECT 1")
	})

	t.Run("a killed primary loses nothing", func(t *testing.T) {
		pids := append(childrenOf(t, p.PID()), p.PID())
		dsn := p.DSN("postgres", "postgres")
		exec("INSERT INTO entry SELECT generate_series(2, 1000)")
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			if exists(pid) {
				t.Errorf("process %d survived", pid)
			}
		}
		if err := p.Exec(t.Context(), "postgres", "postgres", "SELECT 1"); fault.KindOf(err) != fault.Unreachable {
			t.Errorf("a killed primary: %v, want unreachable", err)
		}
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := p.DSN("postgres", "postgres"); got != dsn {
			t.Errorf("after the restart DSN is %s, before %s", got, dsn)
		}
		if got := value(p, "SELECT count(*) FROM entry"); got != "1000" {
			t.Errorf("%s entries after the kill, want 1000", got)
		}
		if err := p.AwaitStreaming(t.Context(), p.Standby); err != nil {
			t.Fatal(err)
		}
		exec("INSERT INTO entry VALUES (1001)")
		caughtUp("the standby to follow the restarted primary")
	})

	t.Run("a stopped standby comes back", func(t *testing.T) {
		if err := p.Standby.Pause(); err != nil {
			t.Fatal(err)
		}
		if err := p.Standby.Stop(t.Context()); err != nil { // also when paused
			t.Fatal(err)
		}
		exec("INSERT INTO entry VALUES (1002)")
		if err := p.Standby.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.AwaitStreaming(t.Context(), p.Standby); err != nil {
			t.Fatal(err)
		}
		caughtUp("the standby to catch up")
	})

	t.Run("a second server reuses the template and takes access rules", func(t *testing.T) {
		second, err := l.Postgres(t.Context(), lab.PostgresOptions{HBA: []string{"host all odoo 127.0.0.1/32 scram-sha-256"}})
		if err != nil {
			t.Fatal(err)
		}
		if second.Port == p.Port || second.Name() == p.Name() {
			t.Errorf("the second server is %s on %d", second.Name(), second.Port)
		}
		if err := second.Exec(t.Context(), "postgres", "postgres", "CREATE ROLE odoo LOGIN PASSWORD 'odoo'"); err != nil {
			t.Fatal(err)
		}
		if err := second.Exec(t.Context(), "odoo", "postgres", "SELECT 1"); err == nil || !strings.Contains(err.Error(), "password") {
			t.Errorf("without a password: %v, want a refusal", err)
		}
	})
}

func TestPostgresNeedsADirectoryItsUserMayEnter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: servers run as the user of the test, who owns the directory")
		return
	}
	dir := filepath.Join(t.TempDir(), "lab") // below a directory of mode 0700
	l, err := lab.New(lab.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := l.Postgres(t.Context(), lab.PostgresOptions{}); fault.KindOf(err) != fault.Denied {
		t.Errorf("in a closed directory: %v, want denied", err)
	}
}
