package pgsession_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// Behind a pooler that hands each transaction to any of its server connections
// every batch is answered, and after the first surprise statements are sent
// whole. (PgBouncer knows statements of its clients from 1.21 on; told not to, it
// is such a pooler, too.)
func TestPooler(t *testing.T) {
	l, p := serverIn(t)
	b, err := l.PgBouncer(t.Context(), p, lab.PgBouncerOptions{Users: []string{"mon"}, Settings: map[string]string{
		"pool_mode": "transaction", "default_pool_size": "2",
		"ignore_startup_parameters": "statement_timeout,lock_timeout,idle_in_transaction_session_timeout,default_transaction_read_only",
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, pgsession.Settings{DSN: secret.New(b.DSN("mon", "postgres"))})
	ask := func(n int) {
		t.Helper()
		rs := s.Batch(t.Context(), query("one", "SELECT 1 AS v"), query("sum", "SELECT $1::int + 1 AS v", n))
		if err := rs.Err(); err != nil || value(t, rs[0]) != 1 || value(t, rs[1]) != int64(n)+1 {
			t.Errorf("batch %d: %v", n, err)
		}
	}
	ask(1)
	// Another client holds the server connection we had: the pooler gives us one
	// on which nothing of ours is prepared.
	other, err := pgconn.Connect(t.Context(), b.DSN("mon", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(t.Context()) }()
	if _, err := other.Exec(t.Context(), "BEGIN").ReadAll(); err != nil {
		t.Fatal(err)
	}
	before := s.Spent().Requests
	ask(2)
	if got := s.Spent().Requests - before; got != 4 {
		t.Errorf("%d statements, want 2 and the same 2 again", got)
	}
	for n := range 5 {
		ask(n)
	}
	if got := s.Spent().Requests - before; got != 14 {
		t.Errorf("%d statements, want 14", got)
	}
}
