package postgres_test

import (
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// In production nothing is asked as a superuser, and that the server does not
// answer is not claimed. Once the role is none any more it is watched.
func TestSuperuser(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{})
	execute(t, p, "CREATE ROLE root LOGIN SUPERUSER; GRANT pg_monitor TO root")
	start := func(t *testing.T, environment string, allowed bool) (*watch, *strings.Builder) {
		t.Helper()
		var cfg postgres.Config
		cfg.SetDefaults()
		cfg.DSN, cfg.AllowSuperuser = secret.New(p.DSN("root", "postgres")), allowed
		var said strings.Builder
		w := runWatch(t, postgres.Settings{Component: "db", Environment: environment, Config: cfg, Log: slog.New(slog.NewTextHandler(&said, nil))})
		return w, &said
	}
	t.Run("warned of elsewhere", func(t *testing.T) {
		w, said := start(t, "staging", false)
		w.becomes(t, is("pg_up", 1))
		w.stop()
		if n := strings.Count(said.String(), "the role of a database is a superuser"); n != 1 {
			t.Errorf("it was said %d times, want once:\n%s", n, said)
		}
	})
	t.Run("allowed in production", func(t *testing.T) {
		w, _ := start(t, "production", true)
		w.becomes(t, is("pg_up", 1))
	})
	t.Run("refused in production", func(t *testing.T) {
		execute(t, p, "SELECT pg_stat_statements_reset()")
		w, _ := start(t, "production", false)
		for _, task := range []string{"statistics", "sizes"} {
			_, err := w.collect(t, task)
			if fault.KindOf(err) != fault.Denied || !strings.Contains(fault.HintOf(err), "deploy/sql/closewatch-role.sql") {
				t.Errorf("%s: %v, want it denied with what to do", task, err)
			}
		}
		awaitRefusal(t, w)
		published, err := w.collect(t, "server", "replication")
		maps.DeleteFunc(published, func(name string, value float64) bool { // none was seen
			return value == 0 && strings.Contains(name, "_changes_total")
		})
		if fault.KindOf(err) != fault.Denied || len(published) > 0 {
			t.Errorf("%v is published and the error is %v, want nothing and denied", published, err)
		}
		asked, err := p.Value(t.Context(), "postgres", "postgres",
			"SELECT count(*) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'root'")
		must(t, err)
		if asked != "0" {
			t.Errorf("%s statements were run as the superuser, want none", asked)
		}
		execute(t, p, "ALTER ROLE root NOSUPERUSER")
		w.becomes(t, is("pg_up", 1))
	})
}

// awaitRefusal waits until the server was tried.
func awaitRefusal(t *testing.T, w *watch) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); pass(t) {
		if _, err := w.collect(t, "server"); err != nil {
			return
		}
	}
	t.Fatal("the server is asked, and it should be refused")
}
