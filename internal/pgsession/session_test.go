package pgsession_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// server starts a PostgreSQL with three roles: mon, who may monitor, plain, who
// may not, and keyed, who needs the password "right".
func server(t *testing.T) *lab.Postgres {
	t.Helper()
	_, p := serverIn(t)
	return p
}

// serverIn is server with the lab it is in.
func serverIn(t *testing.T) (*lab.Lab, *lab.Postgres) {
	t.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{
		HBA:      []string{"host all keyed 127.0.0.1/32 scram-sha-256"},
		Settings: map[string]string{"max_connections": "20", "superuser_reserved_connections": "5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	admin(t, p, `CREATE ROLE mon LOGIN; GRANT pg_monitor TO mon; CREATE ROLE plain LOGIN;
		CREATE ROLE keyed LOGIN PASSWORD 'right'; CREATE ROLE single LOGIN CONNECTION LIMIT 1;
		CREATE TABLE ledger (id int, amount numeric); REVOKE ALL ON ledger FROM PUBLIC`)
	return l, p
}

func admin(t *testing.T, p *lab.Postgres, sql string) {
	t.Helper()
	if err := p.Exec(t.Context(), "postgres", "postgres", sql); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, s pgsession.Settings) *pgsession.Session {
	t.Helper()
	session := pgsession.Open(s)
	t.Cleanup(session.Close)
	return session
}

func as(p *lab.Postgres, role string) pgsession.Settings {
	return pgsession.Settings{DSN: secret.New(p.DSN(role, "postgres"))}
}

func query(name, sql string, args ...any) pgsession.Query {
	return pgsession.Query{Name: name, SQL: sql, Args: args}
}

func TestSession(t *testing.T) {
	p := server(t)
	t.Run("every connection is labelled, read-only and bounded", func(t *testing.T) {
		s := as(p, "mon")
		s.StatementTimeout, s.LockTimeout, s.IdleTimeout = 1500*time.Millisecond, 20*time.Millisecond, 7*time.Second
		got := make(map[string]string)
		row := open(t, s).Batch(t.Context(), query("settings", `
			SELECT current_setting('application_name') AS application_name,
			       current_setting('default_transaction_read_only') AS read_only,
			       current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
			       current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('TimeZone') AS zone`))
		for _, c := range row[0].Columns {
			got[c] = row[0].First().String(c)
		}
		want := map[string]string{"application_name": "closewatch", "read_only": "on", "statement": "1500ms", "lock": "20ms", "idle": "7s", "zone": "UTC"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	})
	t.Run("values are typed and NULL is absent", func(t *testing.T) { testValues(t, p) })
	t.Run("what one statement is denied costs only that one", func(t *testing.T) { testPartial(t, p) })
	t.Run("a lock costs its timeout, not the batch", func(t *testing.T) { testLocked(t, p) })
	t.Run("a batch is one round trip", func(t *testing.T) { testRoundTrip(t, p) })
	t.Run("a statement that runs too long is stopped", func(t *testing.T) {
		s := as(p, "mon")
		s.StatementTimeout = 50 * time.Millisecond
		rs := open(t, s).Batch(t.Context(), query("sleep", "SELECT pg_sleep(30)"), query("one", "SELECT 1 AS v"))
		wantKind(t, rs[0].Err, fault.Timeout)
		if v, ok := rs[1].First().Int("v"); !ok || v != 1 {
			t.Errorf("the statement after it = %v, %v; %v", v, ok, rs[1].Err)
		}
	})
	t.Run("writes are refused", func(t *testing.T) {
		rs := open(t, as(p, "postgres")).Batch(t.Context(), query("write", "INSERT INTO ledger VALUES (1, 1)"))
		wantKind(t, rs[0].Err, fault.Blocked)
	})
	t.Run("answers are bounded", func(t *testing.T) {
		s := as(p, "mon")
		s.MaxRows = 10
		r := open(t, s).Batch(t.Context(), query("series", "SELECT generate_series(1, 5000) AS n"))[0]
		if len(r.Rows) != 10 || r.Truncated != 4990 || r.Err != nil {
			t.Errorf("%d rows kept, %d left out, %v; want 10 and 4990", len(r.Rows), r.Truncated, r.Err)
		}
	})
	t.Run("callers share the connections allowed", func(t *testing.T) { testShared(t, p) })
	t.Run("the context ends a batch", func(t *testing.T) { testContextEnds(t, p) })
	t.Run("a lost connection is replaced unnoticed", func(t *testing.T) {
		s := open(t, as(p, "mon"))
		first := s.Batch(t.Context(), query("pid", "SELECT pg_backend_pid() AS pid"))
		pid, _ := first[0].First().Int("pid")
		admin(t, p, fmt.Sprintf("SELECT pg_terminate_backend(%d, 5000)", pid))
		second := s.Batch(t.Context(), query("pid", "SELECT pg_backend_pid() AS pid"))
		if again, ok := second[0].First().Int("pid"); !ok || again == pid {
			t.Errorf("pid after the loss = %v, %v; %v", again, ok, second.Err())
		}
	})
	t.Run("failures to connect", func(t *testing.T) { testConnectFailures(t, p) })
	// These break the server and come last.
	t.Run("a frozen server holds nobody up", func(t *testing.T) { testFrozen(t, p) })
	t.Run("a restart is survived", func(t *testing.T) { testRestart(t, p) })
}

func testValues(t *testing.T, p *lab.Postgres) {
	rs := open(t, as(p, "mon")).Batch(t.Context(), query("values", `
		SELECT $1::text AS text, $2::int AS int, $3::float AS float, $4::bool AS yes, $5::timestamptz AS at,
		       $6::text[] AS list, NULL::int AS nothing, '16/B374D848'::pg_lsn AS lsn,
		       timestamp '2026-03-31 18:00:00' AS naive, 'infinity'::timestamptz AS never, 'NaN'::float AS nan`,
		`it's "quoted"`, 42, 1.5, true, time.Date(2026, 3, 31, 18, 0, 0, 123000, time.FixedZone("", 7200)), []string{`a,b`, `c"d\e`, ""}))
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
	row := rs[0].First()
	type value struct {
		V  any
		OK bool
	}
	of := func(v any, ok bool) value { return value{v, ok} }
	got := map[string]value{}
	set := func(name string, v any, ok bool) { got[name] = of(v, ok) }
	text, ok := row.Text("text")
	set("text", text, ok)
	n, ok := row.Int("int")
	set("int", n, ok)
	f, ok := row.Float("float")
	set("float", f, ok)
	yes, ok := row.Bool("yes")
	set("yes", yes, ok)
	at, ok := row.Time("at")
	set("at", at, ok)
	list, ok := row.Text("list")
	set("list", list, ok)
	nothing, ok := row.Int("nothing")
	set("nothing", nothing, ok)
	lsn, ok := row.LSN("lsn")
	set("lsn", pgsession.FormatLSN(lsn), ok)
	naive, ok := row.Time("naive")
	set("naive", naive, ok)
	never, ok := row.Time("never")
	set("never", never, ok)
	_, ok = row.Float("nan")
	set("nan", nil, ok)
	want := map[string]value{
		"text": {`it's "quoted"`, true}, "int": {int64(42), true}, "float": {1.5, true}, "yes": {true, true},
		"at":   {time.Date(2026, 3, 31, 16, 0, 0, 123000, time.UTC), true},
		"list": {`{"a,b","c\"d\\e",""}`, true}, "nothing": {int64(0), false}, "lsn": {"16/B374D848", true},
		"naive": {time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC), true}, "never": {time.Time{}, false}, "nan": {nil, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if err := rs[0].Malformed(); err != nil {
		t.Errorf("Malformed() = %v before anything was misread", err)
	}
	if _, ok := row.Int("text"); ok {
		t.Error("a text was read as a number")
	}
	if _, ok := row.Int("no_such_column"); ok {
		t.Error("a column that does not exist was read")
	}
	wantKind(t, rs.Err(), fault.Schema)
}

func testPartial(t *testing.T, p *lab.Postgres) {
	rs := open(t, as(p, "plain")).Batch(t.Context(),
		query("first", "SELECT 1 AS v"),
		query("ledger", "SELECT count(*) FROM ledger"),
		query("missing", "SELECT 1 FROM no_such_table"),
		query("nonsense", "SELEC 1"),
		query("halfway", "SELECT 1/(3-n) AS v FROM generate_series(1, 5) n"),
		query("unsendable", "SELECT $1", struct{}{}),
		query("last", "SELECT 2 AS v"),
	)
	for i, want := range []fault.Kind{"", fault.Denied, fault.Schema, fault.Schema, fault.Rejected, fault.Internal, ""} {
		wantKind(t, rs[i].Err, want)
	}
	if v, ok := rs.Named("last").First().Int("v"); !ok || v != 2 {
		t.Errorf("the last answer = %v, %v", v, ok)
	}
	if rs.Down() != nil {
		t.Errorf("Down() = %v for a server that answers", rs.Down())
	}
	if got, want := fmt.Sprint(rs[1].Err), "read ledger: permission denied for table ledger (SQLSTATE 42501) (GRANT pg_monitor TO plain, or the right named above)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func testLocked(t *testing.T, p *lab.Postgres) {
	admin(t, p, "GRANT SELECT ON ledger TO mon")
	holder, err := pgconn.Connect(t.Context(), p.DSN("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close(context.Background()) }()
	if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE").ReadAll(); err != nil {
		t.Fatal(err)
	}
	s := as(p, "mon")
	s.LockTimeout = 30 * time.Millisecond
	rs := open(t, s).Batch(t.Context(), query("ledger", "SELECT count(*) FROM ledger"), query("one", "SELECT 1 AS v"))
	wantKind(t, rs[0].Err, fault.Locked)
	if rs[1].Err != nil {
		t.Errorf("the statement after the locked one: %v", rs[1].Err)
	}
	waiting, err := p.Value(t.Context(), "postgres", "postgres", "SELECT count(*) FROM pg_locks WHERE NOT granted")
	if err != nil || waiting != "0" {
		t.Errorf("%s probes still wait for the lock, %v", waiting, err)
	}
}

// testRoundTrip lets answers begin only after all queries have arrived: a batch
// that waited for one answer before sending the next query would never end.
func testRoundTrip(t *testing.T, p *lab.Postgres) {
	proxy, gate := holdAnswers(t, fmt.Sprintf("%s:%d", p.Host, p.Port))
	dsn := strings.Replace(p.DSN("mon", "postgres"), fmt.Sprintf("%s:%d", p.Host, p.Port), proxy, 1)
	s := open(t, pgsession.Settings{DSN: secret.New(dsn)})
	if err := s.Batch(t.Context(), query("warm up", "SELECT 1")).Err(); err != nil {
		t.Fatal(err)
	}
	release := gate("the last of ten")
	defer release()
	var queries []pgsession.Query
	for i := range 9 {
		queries = append(queries, query(strconv.Itoa(i), "SELECT 1"))
	}
	queries = append(queries, query("last", "SELECT 'the last of ten'"))
	if err := s.Batch(t.Context(), queries...).Err(); err != nil {
		t.Error(err)
	}
}

// holdAnswers forwards connections to address. After gate, what the server says
// is held back until the client has sent the given words.
func holdAnswers(t *testing.T, address string) (proxy string, gate func(words string) func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	held := sync.NewCond(&mu)
	await := ""
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			buf, seen := make([]byte, 4096), ""
			for {
				n, err := conn.Read(buf)
				if err != nil {
					_ = client.Close()
					return
				}
				seen += string(buf[:n])
				mu.Lock()
				if await != "" && strings.Contains(seen, await) {
					await = ""
					held.Broadcast()
				}
				mu.Unlock()
				_, _ = client.Write(buf[:n])
			}
		})
		buf := make([]byte, 4096)
		for {
			n, err := client.Read(buf)
			if err != nil {
				_ = conn.Close()
				return
			}
			mu.Lock()
			for await != "" {
				held.Wait()
			}
			mu.Unlock()
			_, _ = conn.Write(buf[:n])
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		_ = client.Close()
		running.Wait()
	})
	release := func() { mu.Lock(); await = ""; held.Broadcast(); mu.Unlock() }
	return listener.Addr().String(), func(words string) func() {
		mu.Lock()
		defer mu.Unlock()
		await = words
		return release
	}
}

func testShared(t *testing.T, p *lab.Postgres) {
	s := as(p, "mon")
	s.Connections = 2
	session := open(t, s)
	var mu sync.Mutex
	pids := make(map[int64]bool)
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			rs := session.Batch(t.Context(), query("pid", "SELECT pg_backend_pid() AS pid, pg_sleep(0.005)"))
			pid, ok := rs[0].First().Int("pid")
			if !ok {
				t.Error(rs.Err())
			}
			mu.Lock()
			defer mu.Unlock()
			pids[pid] = true
		})
	}
	asking.Wait()
	if len(pids) > 2 {
		t.Errorf("%d connections were used, want at most 2", len(pids))
	}
}

func testContextEnds(t *testing.T, p *lab.Postgres) {
	session := open(t, as(p, "mon"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	var waiting sync.WaitGroup
	waiting.Go(func() { // either of the two gets the one connection, the other waits for it
		wantKind(t, session.Batch(ctx, query("sleep", "SELECT pg_sleep(20)")).Err(), fault.Timeout)
	})
	rs := session.Batch(ctx, query("sleep", "SELECT pg_sleep(20)"), query("one", "SELECT 1"))
	waiting.Wait()
	wantKind(t, rs.Down(), fault.Timeout)
	if rs[0].Err == nil || rs[0].Err != rs[1].Err || rs.Err() != rs[0].Err { //nolint:errorlint // one and the same error
		t.Errorf("one failure is told as %v and %v", rs[0].Err, rs[1].Err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("the batches took %v after their context ended", took)
	}
	if err := session.Batch(t.Context(), query("one", "SELECT 1")).Err(); err != nil {
		t.Errorf("the next batch: %v", err)
	}
}

func testConnectFailures(t *testing.T, p *lab.Postgres) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	address := fmt.Sprintf("%s:%d", p.Host, p.Port)
	busy, err := pgconn.Connect(t.Context(), p.DSN("single", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close(context.Background()) }()
	tests := map[string]struct {
		dsn  string
		kind fault.Kind
		want string // part of the message
	}{
		"wrong password":       {"postgres://keyed:hunter2@" + address + "/postgres?sslmode=disable", fault.Auth, "(check the password of role keyed)"},
		"no password":          {"postgres://keyed@" + address + "/postgres?sslmode=disable", fault.Auth, "check the password of role keyed"},
		"unknown role":         {"postgres://nobody@" + address + "/postgres?sslmode=disable", fault.Auth, "allow role nobody to log in from here"},
		"unknown database":     {"postgres://mon@" + address + "/nowhere?sslmode=disable", fault.Schema, "(database nowhere does not exist; name one that does in the connection string)"},
		"connection refused":   {"postgres://mon@" + closed + "/postgres?sslmode=disable", fault.Unreachable, "connect to PostgreSQL " + closed + ": connection refused (check that"},
		"silent port":          {"postgres://mon@" + silent.Addr().String() + "/postgres?sslmode=disable", fault.Timeout, "no answer within the deadline"},
		"unknown host":         {"postgres://mon@no-such-host.invalid/postgres?sslmode=disable", fault.DNS, "(check the host name)"},
		"TLS not offered":      {"postgres://mon@" + address + "/postgres?sslmode=require", fault.TLS, "the server does not offer TLS"},
		"too many":             {"postgres://single@" + address + "/postgres?sslmode=disable", fault.Limit, "raise max_connections or the role's connection limit"},
		"no connection string": {"postgres://mon:hunter2:x@:no-port/", fault.Schema, "write postgres://user@host:5432/database"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			session := open(t, pgsession.Settings{DSN: secret.New(tt.dsn), ConnectTimeout: 300 * time.Millisecond})
			rs := session.Batch(t.Context(), query("one", "SELECT 1"), query("two", "SELECT 2"))
			wantKind(t, rs.Err(), tt.kind)
			if !strings.Contains(fmt.Sprint(rs.Err()), tt.want) {
				t.Errorf("got  %v\nwant part %s", rs.Err(), tt.want)
			}
			if strings.Contains(fmt.Sprint(rs.Err()), "hunter2") {
				t.Errorf("the message holds the password: %v", rs.Err())
			}
			if rs[0].Err != rs[1].Err { //nolint:errorlint // one and the same error
				t.Errorf("one failure is told twice: %v and %v", rs[0].Err, rs[1].Err)
			}
		})
	}
}

func testFrozen(t *testing.T, p *lab.Postgres) {
	s := open(t, as(p, "mon"))
	if err := s.Batch(t.Context(), query("one", "SELECT 1")).Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Resume(); err != nil {
			t.Error(err)
		}
	}()
	for range 3 { // on the open connection, then on new ones
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		begun := time.Now()
		wantKind(t, s.Batch(ctx, query("one", "SELECT 1")).Err(), fault.Timeout)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("Batch took %v", took)
		}
		cancel()
	}
	begun := time.Now()
	s.Close()
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	if err := s.Batch(t.Context(), query("one", "SELECT 1")).Err(); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed session answers %v", err)
	}
}

func testRestart(t *testing.T, p *lab.Postgres) {
	s := open(t, as(p, "mon"))
	if err := s.Batch(t.Context(), query("one", "SELECT 1")).Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Batch(t.Context(), query("one", "SELECT 1")).Err(), fault.Unreachable)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := s.Batch(t.Context(), query("one", "SELECT 1")).Err()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("10 s after the restart: %v", err)
		}
		select { // the pause between attempts
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

func wantKind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if want == "" && err == nil {
		return
	}
	var f *fault.Error
	if !errors.As(err, &f) || fault.KindOf(err) != want {
		t.Errorf("kind %q, want %q: %v", fault.KindOf(err), want, err)
	}
}
