package pgsession_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestConsole(t *testing.T) {
	t.Parallel()
	p := server(t)
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := l.PgBouncer(t.Context(), p, lab.PgBouncerOptions{Users: []string{"plain"}, StatsUsers: []string{"mon"}})
	if err != nil {
		t.Fatal(err)
	}
	console := func(t *testing.T, dsn string) *pgsession.Console {
		t.Helper()
		c := pgsession.OpenConsole(pgsession.Settings{DSN: secret.New(dsn)})
		t.Cleanup(c.Close)
		return c
	}
	t.Run("each command has its answer", func(t *testing.T) {
		c := console(t, b.DSN("mon", "")) // the database is the console unless another is named
		got := c.Show(t.Context(), "SHOW VERSION", "SHOW NOTHING", "SHOW DATABASES", "SHOW CLIENTS")
		if v := got[0].First().String("version"); !strings.HasPrefix(v, "PgBouncer ") {
			t.Errorf("version %q", v)
		}
		if got[1].Err == nil || len(got[1].Rows) > 0 || got[2].Err != nil || len(got[2].Rows) == 0 || got.Down() != nil {
			t.Errorf("a command that does not exist costs more than its own answer: %v", got.Err())
		}
		row := got[3].First()
		if row.String("application_name") != "" && row.String("application_name") != pgsession.ApplicationName {
			t.Errorf("the console sees application %q", row.String("application_name"))
		}
		if !row.Has("state") || row.Has("shoe_size") || (pgsession.Row{}).Has("state") {
			t.Error("Has() does not tell which columns there are")
		}
		if again := c.Show(t.Context(), "SHOW VERSION"); again.Err() != nil {
			t.Errorf("a second time: %v", again.Err())
		}
		if clients := c.Show(t.Context(), "SHOW CLIENTS")[0].Rows; len(clients) != 1 {
			t.Errorf("%d connections are used, want 1", len(clients))
		}
	})
	for name, tt := range map[string]struct {
		dsn  string
		kind fault.Kind
		want string
	}{
		"one who may not read it": {b.DSN("plain", "pgbouncer"), fault.Denied, "not allowed (SQLSTATE 08P01) (add plain to stats_users in pgbouncer.ini and reload it)"},
		"one it does not know":    {b.DSN("nobody", "pgbouncer"), fault.Auth, "(check the password of nobody in PgBouncer's auth_file)"},
		"not a pooler":            {p.DSN("mon", "postgres"), fault.Schema, ""},
		"nobody there":            {"postgres://mon@127.0.0.1:1/pgbouncer?sslmode=disable", fault.Unreachable, "connect to PgBouncer 127.0.0.1:1: connection refused"},
		"unreadable":              {"postgres://a:b:c@:x/", fault.Schema, "the connection string cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			got := console(t, tt.dsn).Show(t.Context(), "SHOW POOLS", "SHOW LISTS")
			if err := got.Err(); len(got) != 2 || fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v (kind %s), want kind %s and %q", err, fault.KindOf(err), tt.kind, tt.want)
			}
		})
	}
	t.Run("a frozen pooler costs no more than the time allowed", func(t *testing.T) {
		c := console(t, b.DSN("mon", "pgbouncer"))
		if got := c.Show(t.Context(), "SHOW VERSION"); got.Err() != nil {
			t.Fatal(got.Err())
		}
		if err := b.Pause(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		begun := time.Now()
		got := c.Show(ctx, "SHOW VERSION")
		if took := time.Since(begun); fault.KindOf(got.Err()) != fault.Timeout || got.Down() == nil || took > 5*time.Second {
			t.Errorf("after %v: %v (kind %s), want kind timeout", took, got.Err(), fault.KindOf(got.Err()))
		}
		if err := b.Resume(); err != nil {
			t.Fatal(err)
		}
		if got := c.Show(t.Context(), "SHOW VERSION"); got.Err() != nil {
			t.Errorf("when it goes on: %v", got.Err())
		}
	})
	t.Run("a restart between two questions goes unnoticed", func(t *testing.T) {
		c := console(t, b.DSN("mon", "pgbouncer"))
		if got := c.Show(t.Context(), "SHOW VERSION"); got.Err() != nil {
			t.Fatal(got.Err())
		}
		if err := b.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := c.Show(t.Context(), "SHOW VERSION"); got.Err() != nil {
			t.Errorf("after the restart: %v", got.Err())
		}
		c.Close()
		if got := c.Show(t.Context(), "SHOW VERSION"); fault.KindOf(got.Err()) != fault.Internal {
			t.Errorf("a closed console: %v", got.Err())
		}
	})
}
