package pgsession_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
)

func value(t *testing.T, r pgsession.Result) int64 {
	t.Helper()
	v, ok := r.First().Int("v")
	if !ok {
		t.Errorf("%s: no value; %v", r.Name, r.Err)
	}
	return v
}

// preparedOn is how many statements the server keeps for the session's
// connection, the question itself included.
func preparedOn(t *testing.T, s *pgsession.Session) int64 {
	t.Helper()
	return value(t, s.Batch(t.Context(), query("prepared", "SELECT count(*) AS v FROM pg_prepared_statements"))[0])
}

func TestPrepared(t *testing.T) {
	p := server(t)
	admin(t, p, `CREATE TABLE shape (v int); INSERT INTO shape VALUES (1); GRANT SELECT ON shape TO mon, plain`)
	const shape = "SELECT * FROM shape"
	t.Run("each text is prepared once", func(t *testing.T) {
		s := open(t, as(p, "mon"))
		for i := range 4 {
			rs := s.Batch(t.Context(), query("sum", "SELECT $1::int + 1 AS v", i), query("twice", "SELECT $1::int + 1 AS v", 10), query("one", "SELECT 1 AS v"))
			if got := []int64{value(t, rs[0]), value(t, rs[1]), value(t, rs[2])}; got[0] != int64(i)+1 || got[1] != 11 || got[2] != 1 {
				t.Errorf("round %d: %v", i, got)
			}
		}
		if n := preparedOn(t, s); n != 3 {
			t.Errorf("%d statements are prepared, want 3", n)
		}
		plans := s.Batch(t.Context(), query("plans", "SELECT sum(generic_plans + custom_plans) AS v FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int%'"))
		if got := value(t, plans[0]); got != 8 {
			t.Errorf("the prepared statement was executed %d times, want 8", got)
		}
	})
	t.Run("no more than the bound are kept", func(t *testing.T) {
		s := open(t, as(p, "mon"))
		for round := range 2 {
			for i := range 100 {
				if got := value(t, s.Batch(t.Context(), query("n", "SELECT "+strconv.Itoa(i)+" AS v"))[0]); got != int64(i) {
					t.Fatalf("round %d: SELECT %d is answered with %d", round, i, got)
				}
			}
		}
		if n := preparedOn(t, s); n != 64 {
			t.Errorf("%d statements are prepared, want 64", n)
		}
	})
	t.Run("a failure is that of the statement, each time", func(t *testing.T) {
		s := open(t, as(p, "plain"))
		for range 3 {
			rs := s.Batch(t.Context(), query("nonsense", "SELEC 1"), query("denied", "SELECT count(*) FROM ledger"), query("division", "SELECT 1/$1::int", 0), query("one", "SELECT 1 AS v"))
			for i, want := range []fault.Kind{fault.Schema, fault.Denied, fault.Rejected, ""} {
				wantKind(t, rs[i].Err, want)
			}
		}
	})
	t.Run("a table that changes shape is read anew", func(t *testing.T) { testReshaped(t, p, shape) })
	t.Run("statements that the server has lost are sent whole", func(t *testing.T) {
		for _, lose := range []string{"DISCARD ALL", "DEALLOCATE ALL"} {
			s := open(t, as(p, "mon"))
			s.Batch(t.Context(), query("shape", shape), query("one", "SELECT 1 AS v"))
			if err := s.Batch(t.Context(), query("lose", lose)).Err(); err != nil {
				t.Fatal(err)
			}
			before := s.Spent()
			for range 3 {
				rs := s.Batch(t.Context(), query("shape", shape), query("one", "SELECT 1 AS v"))
				if err := rs.Err(); err != nil || len(rs[0].Rows) != 1 || value(t, rs[1]) != 1 {
					t.Errorf("after %s: %v", lose, err)
				}
			}
			if got := s.Spent().Requests - before.Requests; got != 2+2+2+2 { // the first two were asked again
				t.Errorf("after %s: %d statements, want 8", lose, got)
			}
			if n := preparedOn(t, s); n != 0 {
				t.Errorf("after %s: %d statements are prepared", lose, n)
			}
		}
	})
	t.Run("a new connection starts anew", func(t *testing.T) {
		s := open(t, as(p, "mon"))
		pid, _ := s.Batch(t.Context(), query("pid", "SELECT pg_backend_pid() AS pid"))[0].First().Int("pid")
		admin(t, p, fmt.Sprintf("SELECT pg_terminate_backend(%d, 5000)", pid))
		if rs := s.Batch(t.Context(), query("pid", "SELECT pg_backend_pid() AS pid")); rs.Err() != nil {
			t.Error(rs.Err())
		}
		if n := preparedOn(t, s); n != 2 {
			t.Errorf("%d statements are prepared, want 2", n)
		}
		if got := s.Spent(); got.Connections != 2 || got.Waiting <= 0 {
			t.Errorf("spent %+v, want two logins and the time they took", got)
		}
	})
}

// testReshaped changes what a prepared statement returns between two batches.
func testReshaped(t *testing.T, p *lab.Postgres, shape string) {
	s := open(t, as(p, "mon"))
	rs := s.Batch(t.Context(), query("shape", shape), query("one", "SELECT 1 AS v"))
	if err := rs.Err(); err != nil || len(rs[0].Columns) != 1 {
		t.Fatalf("%v, %v", rs[0].Columns, err)
	}
	for _, change := range []struct {
		sql     string
		columns int
	}{{"ADD COLUMN w text DEFAULT 'x'", 2}, {"DROP COLUMN w", 1}, {"ALTER COLUMN v TYPE bigint", 1}} {
		admin(t, p, "ALTER TABLE shape "+change.sql)
		rs := s.Batch(t.Context(), query("shape", shape), query("one", "SELECT 1 AS v"))
		if err := rs.Err(); err != nil || len(rs[0].Rows) != 1 || value(t, rs[0]) != 1 || value(t, rs[1]) != 1 {
			t.Errorf("after %s: %v, %v", change.sql, rs[0].Rows, err)
		}
		if got := len(rs[0].Columns); got != change.columns {
			t.Errorf("after %s: %d columns, want %d", change.sql, got, change.columns)
		}
	}
	if n := preparedOn(t, s); n != 3 {
		t.Errorf("%d statements are prepared, want 3", n)
	}
	admin(t, p, "DROP TABLE shape")
	rs = s.Batch(t.Context(), query("shape", shape), query("one", "SELECT 1 AS v"))
	wantKind(t, rs[0].Err, fault.Schema)
	admin(t, p, "CREATE TABLE shape (v int); INSERT INTO shape VALUES (1); GRANT SELECT ON shape TO mon, plain")
	if rs := s.Batch(t.Context(), query("shape", shape)); rs.Err() != nil {
		t.Errorf("after the table came back: %v", rs.Err())
	}
}
