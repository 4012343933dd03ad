package lab_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/lab"
)

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.PgBouncer(t.Context(), p, lab.PgBouncerOptions{Users: []string{"app"}, Settings: map[string]string{"pool_mode": "transaction"}})
	if err != nil {
		t.Fatal(err)
	}
	value := func(user, db, sql string) (string, error) {
		conn, err := pgconn.Connect(t.Context(), b.DSN(user, db))
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close(t.Context()) }()
		results, err := conn.Exec(t.Context(), sql).ReadAll()
		if err != nil || len(results) == 0 || len(results[0].Rows) == 0 {
			return "", err
		}
		return string(results[0].Rows[0][0]), nil
	}
	if got, err := value("postgres", "template1", "SELECT current_database()"); err != nil || got != "template1" {
		t.Errorf("through the pooler: database %q, %v", got, err)
	}
	if _, err := value("postgres", "pgbouncer", "SHOW POOLS"); err != nil {
		t.Errorf("the console: %v", err)
	}
	if _, err := value("app", "pgbouncer", "SHOW POOLS"); err == nil {
		t.Error("the console is open to all who may log in")
	}
	if _, err := value("stranger", "template1", "SELECT 1"); err == nil {
		t.Error("somebody who is not among the users may log in")
	}
	port := b.Port
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil || b.Port != port {
		t.Fatalf("after a kill: port %d, before %d: %v", b.Port, port, err)
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Errorf("Stop() = %v", err)
	}
}
