package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
)

// TestStatementsOfAServer holds the counters of statements to what was executed,
// through all that a server does to its own.
func TestStatementsOfAServer(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{Settings: map[string]string{"pg_stat_statements.max": "100"}})
	execute(t, p, "CREATE ROLE odoo LOGIN SUPERUSER; CREATE ROLE bob LOGIN SUPERUSER")
	for _, sql := range []string{"CREATE DATABASE prod", "CREATE DATABASE staging", "CREATE DATABASE bare TEMPLATE template0"} {
		execute(t, p, sql)
	}
	s := &estateOfStatements{Postgres: p}
	for _, db := range []string{"prod", "staging"} {
		s.run(t, "odoo", db, 1, "CREATE TABLE account_move (id int, name text); CREATE TABLE notes (id int)")
	}
	t.Run("each call counts once, by user and database", s.testCounts)
	t.Run("what ran inside of a function is its caller's", s.testNested)
	t.Run("a reset of all", func(t *testing.T) { s.testReset(t, "SELECT pg_stat_statements_reset()") })
	t.Run("a reset of one", func(t *testing.T) { s.testReset(t, "SELECT pg_stat_statements_reset(0, 0, "+s.query(t)+")") })
	t.Run("a restart", func(t *testing.T) { s.testRestart(t, func() error { return p.Stop(t.Context()) }) })
	t.Run("a crash", func(t *testing.T) { s.testRestart(t, p.Kill) })
	t.Run("evictions", s.testEvictions)
	t.Run("more entries than are read", s.testSorted)
	t.Run("a role that does not see the others", s.testPlainRole)
	t.Run("a database without the extension, then in a schema of its own", s.testBare)
	t.Run("a server without the library", s.testWithoutLibrary)
}

// move is the statement that is counted.
const move = "SELECT count(*) FROM account_move WHERE name = 'Azure Interior'"

type estateOfStatements struct{ *lab.Postgres }

func (s *estateOfStatements) run(t *testing.T, user, db string, times int, sql string) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), s.DSN(user, db))
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for range times {
		_, err := conn.Exec(t.Context(), sql).ReadAll()
		must(t, err)
	}
}

// query is the identifier that the server gives move in prod.
func (s *estateOfStatements) query(t *testing.T) string {
	t.Helper()
	id, err := s.Value(t.Context(), "postgres", "postgres", `SELECT queryid FROM pg_stat_statements s JOIN pg_database d ON d.oid = dbid
		WHERE datname = 'prod' AND query LIKE 'SELECT count(*) FROM account_move%' LIMIT 1`)
	must(t, err)
	if id == "" {
		t.Fatal("the server does not know the statement")
	}
	return id
}

func (s *estateOfStatements) calls(t *testing.T, user string) string {
	t.Helper()
	return fmt.Sprintf("pg_stat_statements_calls_total{datname=prod,queryid=%s,user=%s}", s.query(t), user)
}

// watch starts anew, with move among the few statements that there are.
func (s *estateOfStatements) watch(t *testing.T) *watch {
	t.Helper()
	s.run(t, "postgres", "postgres", 1, "SELECT pg_stat_statements_reset()")
	s.run(t, "odoo", "prod", 5, move)
	s.run(t, "bob", "prod", 5, move)
	w := startWatch(t, s.DSN("mon", "postgres"), "")
	if got := statementsOf(t, w); got[s.calls(t, "odoo")] != 0 {
		t.Fatalf("what was before counts:\n%v", got)
	}
	return w
}

func statementsOf(t *testing.T, w *watch) series {
	t.Helper()
	got, err := w.collect(t, "statements")
	must(t, err)
	return got
}

// hold checks what is published, and that no text got out.
func hold(t *testing.T, got series, checks ...check) {
	t.Helper()
	for _, c := range checks {
		if wrong := c(got); wrong != "" {
			t.Errorf("%s\n%v", wrong, got)
		}
	}
	if s := got.String(); strings.Contains(s, "Azure") || strings.Contains(s, "count(") {
		t.Errorf("a text is published:\n%s", s)
	}
}

const invoices = "pg_process_statement_calls_total{datname=prod,process=invoice-posting}"

func (s *estateOfStatements) testCounts(t *testing.T) {
	w := s.watch(t)
	s.run(t, "odoo", "prod", 3, move)
	s.run(t, "bob", "prod", 2, move)
	s.run(t, "odoo", "staging", 4, move)
	got := statementsOf(t, w)
	hold(t, got, is("pg_stat_statements_available", 1), is(s.calls(t, "odoo"), 3), is(s.calls(t, "bob"), 2), is(invoices, 5),
		is("pg_process_statement_rows_total{datname=prod,process=invoice-posting}", 5),
		between("pg_process_statement_seconds_total{datname=prod,process=invoice-posting}", 1e-9, 1e9),
		is(fmt.Sprintf("pg_statement_info{datname=prod,kind=select,process=invoice-posting,queryid=%s,tables=account_move,user=odoo}", s.query(t)), 1),
		between("pg_own_statement_calls_total", 2, 20), between("pg_own_statement_seconds_total", 1e-9, 1e9),
		between("pg_statement_stats_reset_timestamp_seconds", 1.5e9, 1e10), between("pg_statement_evictions_total", 0, 1e6))
	for k := range got {
		if strings.Contains(k, "user=mon") {
			t.Errorf("our own statement is published: %s", k)
		}
	}
	s.run(t, "odoo", "prod", 1, move)
	hold(t, statementsOf(t, w), is(s.calls(t, "odoo"), 4), is(s.calls(t, "bob"), 2), is(invoices, 6))
}

func (s *estateOfStatements) testNested(t *testing.T) {
	s.run(t, "postgres", "prod", 1, "CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM account_move); END $$")
	w := s.watch(t)
	s.run(t, "postgres", "prod", 1, "SET pg_stat_statements.track = 'all'; SELECT f(); SELECT f(); "+move)
	nested, err := s.Value(t.Context(), "postgres", "postgres", "SELECT count(*) FROM pg_stat_statements WHERE NOT toplevel")
	must(t, err)
	if nested == "0" {
		t.Fatal("the server tracks no nested statement")
	}
	hold(t, statementsOf(t, w), is(invoices, 1))
}

func (s *estateOfStatements) testReset(t *testing.T, sql string) {
	w := s.watch(t)
	calls := s.calls(t, "odoo")
	s.run(t, "odoo", "prod", 1, move)
	hold(t, statementsOf(t, w), is(calls, 1))
	s.run(t, "postgres", "postgres", 1, sql)
	s.run(t, "odoo", "prod", 3, move)
	hold(t, statementsOf(t, w), is(calls, 4))
	s.run(t, "odoo", "prod", 2, move)
	hold(t, statementsOf(t, w), is(calls, 6))
}

func (s *estateOfStatements) testRestart(t *testing.T, stop func() error) {
	w := s.watch(t)
	calls := s.calls(t, "odoo")
	s.run(t, "odoo", "prod", 1, move)
	hold(t, statementsOf(t, w), is(calls, 1))
	must(t, stop())
	must(t, s.Start(t.Context()))
	s.run(t, "odoo", "prod", 3, move)
	hold(t, statementsOf(t, w), is(calls, 4))
}

// testEvictions lets the server forget, in each round, most of what it knows:
// nothing published falls or jumps.
func (s *estateOfStatements) testEvictions(t *testing.T) {
	w := s.watch(t)
	before := statementsOf(t, w)
	for round := range 4 {
		var many strings.Builder
		const distinct = 150
		for n := range distinct {
			fmt.Fprintf(&many, "SELECT 1 FROM notes WHERE id IN (0%s);", strings.Repeat(",1", n+distinct*round))
		}
		s.run(t, "odoo", "prod", 1, many.String())
		s.run(t, "odoo", "prod", 10, move)
		after := statementsOf(t, w)
		for k, v := range after {
			was, there := before[k]
			limit := 10.0 + distinct + 10
			if strings.Contains(k, "_calls_total") && !strings.Contains(k, "own") && (v < was || v-was > limit || !there && v > limit) {
				t.Errorf("round %d: %s went from %v to %v", round, k, was, v)
			}
		}
		before = after
	}
	hold(t, before, between("pg_statement_evictions_total", 1, 1e6), between(invoices, 10, 40))
}

// testSorted wants the entries that took most time to come first.
func (s *estateOfStatements) testSorted(t *testing.T) {
	sorted, err := s.Value(t.Context(), "mon", "postgres", `
SELECT count(*) > 10 AND bool_and(took >= coalesce(next, 0))
  FROM (SELECT took, lead(took) OVER () AS next
          FROM (SELECT split_part(counters, ' ', 2)::float8 AS took FROM (`+postgres.SortedEntriesSQL("calls", "total_exec_time", "toplevel")+`) a) b) c`)
	must(t, err)
	if sorted != "t" {
		t.Errorf("entries come sorted: %q", sorted)
	}
}

func (s *estateOfStatements) testPlainRole(t *testing.T) {
	w := startWatch(t, s.DSN("plain", "postgres"), "")
	got, err := w.collect(t, "statements") // what the role lacks is told by statistics
	must(t, err)
	if !maps.Equal(got, series{"pg_stat_statements_available": 0}) {
		t.Errorf("published:\n%v", got)
	}
}

func (s *estateOfStatements) testBare(t *testing.T) {
	w := startWatch(t, s.DSN("mon", "bare"), "")
	s.unavailable(t, w, fault.Schema, "read pg_stat_statements: database bare does not have the extension "+
		"(CREATE EXTENSION pg_stat_statements in database bare, or name a database that has it in the connection string)")
	s.run(t, "postgres", "bare", 1, `CREATE SCHEMA "Its own"; GRANT USAGE ON SCHEMA "Its own" TO mon; CREATE EXTENSION pg_stat_statements SCHEMA "Its own"`)
	hold(t, statementsOf(t, w), is("pg_stat_statements_available", 1))
}

func (s *estateOfStatements) testWithoutLibrary(t *testing.T) {
	execute(t, s.Postgres, "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'")
	must(t, s.Stop(t.Context()))
	must(t, s.Start(t.Context()))
	w := startWatch(t, s.DSN("mon", "postgres"), "")
	s.unavailable(t, w, fault.Schema, "read pg_stat_statements: the server does not load its library "+
		"(add pg_stat_statements to shared_preload_libraries and restart the server)")
}

// unavailable wants one finding, and a metric from then on.
func (s *estateOfStatements) unavailable(t *testing.T, w *watch, kind fault.Kind, want string) {
	t.Helper()
	for _, finding := range []bool{true, false} {
		got, err := w.collect(t, "statements")
		if finding && (fault.KindOf(err) != kind || err == nil || err.Error() != want) || !finding && err != nil {
			t.Errorf("got  %v\nwant %s (kind %s, first: %v)", err, want, kind, finding)
		}
		if !maps.Equal(got, series{"pg_stat_statements_available": 0}) {
			t.Errorf("published:\n%v", got)
		}
	}
}
