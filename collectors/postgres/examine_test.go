package postgres_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// examine asks a cluster what is missing.
func examine(t *testing.T, dsn string, standbys ...postgres.Standby) []collector.Finding {
	t.Helper()
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN, cfg.Standbys = secret.New(dsn), standbys
	i := postgres.New(postgres.Settings{Component: "db", Environment: "production", Config: cfg})
	defer i.Close()
	return collector.Examine(t.Context(), i)
}

// lines is findings as text, one a line.
func lines(found []collector.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", f.Subject, f.State, f.Text, f.Do)
	}
	return b.String()
}

// makeRole runs the script that we ship, as its head says it is to be run, and
// gives the role it makes a way in.
func makeRole(t *testing.T, p *lab.Postgres, database string) {
	t.Helper()
	makeRoleAs(t, p, "postgres", database)
}

func makeRoleAs(t *testing.T, p *lab.Postgres, administrator, database string) {
	t.Helper()
	script, err := filepath.Abs("../../deploy/sql/closewatch-role.sql")
	must(t, err)
	psql := exec.CommandContext(t.Context(), "psql", "-v", "ON_ERROR_STOP=1", "-d", p.DSN(administrator, database), "-f", script)
	if out, err := psql.CombinedOutput(); err != nil {
		t.Fatalf("psql -f %s: %v\n%s", script, err, out)
	}
}

// With the role of the script that we ship nothing is missing and no task is
// denied anything, and the role can write nothing.
func TestTheRoleThatWeShipIsEnough(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{Standby: true, Settings: map[string]string{"track_io_timing": "on"}})
	makeRole(t, p, "postgres")
	makeRole(t, p, "postgres") // it may be run again
	standby := postgres.Standby{Name: "db-2", DSN: secret.New(p.Standby.DSN("closewatch", "postgres"))}
	var found []collector.Finding
	for range 50 { // until the standby has replayed the role
		found = examine(t, p.DSN("closewatch", "postgres"), standby)
		if !strings.Contains(lines(found), "server db-2 | refused") {
			break
		}
		pass(t)
	}
	for _, f := range found {
		if f.State != collector.Fine {
			t.Errorf("%s is %s: %s (%s)", f.Subject, f.State, f.Text, f.Do)
		}
	}
	for _, subject := range []string{"server db-2", "role", "extension", "statements", "statistics", "sizes"} {
		if !strings.Contains("\n"+lines(found), "\n"+subject+" | ok") {
			t.Errorf("%s was not looked at:\n%s", subject, lines(found))
		}
	}
	limit, err := p.Value(t.Context(), "postgres", "postgres", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'closewatch'")
	must(t, err)
	if advice := lines(examine(t, p.DSN("mon", "postgres"))); !strings.Contains(advice, "ALTER ROLE mon CONNECTION LIMIT "+limit+";") {
		t.Errorf("the script allows %s connections, which is not what is advised:\n%s", limit, advice)
	}
	conn, err := pgconn.Connect(t.Context(), p.DSN("closewatch", "postgres"))
	must(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // at the end of a test
	for _, sql := range []string{
		"CREATE TABLE mine (n int)", "CREATE TEMP TABLE mine (n int)", "INSERT INTO moves VALUES (1)", "DELETE FROM moves", "SELECT * FROM moves",
		"CREATE ROLE other", "SELECT pg_switch_wal()", "SELECT pg_reload_conf()", "SELECT pg_read_file('postgresql.conf')",
		"CREATE EXTENSION pgcrypto", "SELECT pg_stat_statements_reset()", "ALTER SYSTEM SET work_mem = '1MB'",
	} {
		for _, mode := range []string{"on", "off"} { // also when somebody lifts the default
			if sql == "CREATE TEMP TABLE mine (n int)" && mode == "off" {
				continue // is its own, and gone with the session
			}
			if _, err := conn.Exec(t.Context(), "SET default_transaction_read_only = "+mode+"; "+sql).ReadAll(); err == nil {
				t.Errorf("with default_transaction_read_only = %s the role may %s", mode, sql)
			}
		}
	}
}

// The administrator of a managed PostgreSQL is no superuser: he makes the role
// all the same, and again. What it has too much is taken away by who may.
func TestWhoIsNoSuperuserCanMakeTheRole(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{})
	must(t, p.Exec(t.Context(), "postgres", "postgres", "CREATE ROLE administrator LOGIN CREATEROLE; GRANT pg_monitor TO administrator WITH ADMIN OPTION"))
	makeRoleAs(t, p, "administrator", "postgres")
	makeRoleAs(t, p, "administrator", "postgres")
	must(t, p.Exec(t.Context(), "postgres", "postgres", "ALTER ROLE closewatch SUPERUSER CREATEDB"))
	makeRole(t, p, "postgres")
	left, err := p.Value(t.Context(), "postgres", "postgres", "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = 'closewatch'")
	must(t, err)
	if left != "f" && left != "false" {
		t.Errorf("the role is still more than it is to be: %s", left)
	}
}

// Six connections are enough for all that is asked of a server at once, and five
// of them stay: the look, the statistics and each of three databases.
func TestSixConnectionsAreEnough(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{})
	execute(t, p, "ALTER ROLE mon CONNECTION LIMIT 6; CREATE ROLE app LOGIN")
	for _, name := range []string{"odoo", "second"} {
		execute(t, p, "CREATE DATABASE "+name+" TEMPLATE template0")
	}
	in(t, p, "odoo", "CREATE TABLE account_move (id int); INSERT INTO account_move VALUES (1); GRANT ALL ON account_move TO app")
	login(t, p.DSN("app", "odoo"), "odoo-1").exec("BEGIN; UPDATE account_move SET id = 2")
	login(t, p.DSN("app", "odoo"), "odoo-2").wait("UPDATE account_move SET id = 3")
	w := startWatch(t, p.DSN("mon", "postgres"), "")
	w.becomes(t, is("pg_up", 1))
	for _, task := range []string{"settings", "sizes", "tables", "statements"} {
		if _, err := w.collect(t, task); err != nil {
			t.Errorf("%s: %v", task, err)
		}
	}
	w.tells(t, "statistics", // what holds them up is read on the sixth
		is("pg_blocking_root_sessions{application_name=odoo,datname=odoo,relation=account_move,state=idle in transaction}", 1))
	for deadline := time.Now().Add(patience); ; pass(t) {
		n, err := p.Value(t.Context(), "postgres", "postgres", "SELECT count(*) FROM pg_stat_activity WHERE usename = 'mon'")
		must(t, err)
		if n == "5" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s connections stay, want 5", n)
		}
	}
}

func TestExamine(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{Settings: map[string]string{"track_io_timing": "off"}})
	execute(t, p, "CREATE ROLE root LOGIN SUPERUSER; CREATE ROLE narrow LOGIN CONNECTION LIMIT 2; GRANT pg_monitor TO narrow;"+
		`CREATE ROLE "Odd Name" LOGIN; DROP EXTENSION pg_stat_statements`)
	nothing := free(t)
	tests := map[string]struct {
		dsn     string
		standby string
		want    []string
	}{
		"a role without rights": {dsn: p.DSN("plain", "postgres"), want: []string{
			"role | missing | plain does not have pg_monitor | GRANT pg_monitor TO plain;",
			"role | advice | nothing but our sessions sets statement_timeout | ALTER ROLE plain SET statement_timeout = '5s';",
			"role | advice | plain may open any number of connections | ALTER ROLE plain CONNECTION LIMIT 15;",
			"extension | unknown | whether pg_stat_statements is loaded is told to pg_monitor only | \n",
			"statistics | refused",
		}},
		"a name that must be quoted": {dsn: p.DSN("Odd Name", "postgres"), want: []string{`| GRANT pg_monitor TO "Odd Name";`}},
		"too few connections": {dsn: p.DSN("narrow", "postgres"), want: []string{
			"role | missing | narrow may open 2 connections, and watching needs up to 6 | ALTER ROLE narrow CONNECTION LIMIT 15;",
		}},
		"no extension": {dsn: p.DSN("mon", "postgres"), want: []string{
			`extension | missing | pg_stat_statements is not in database postgres | psql -d postgres -c "CREATE EXTENSION pg_stat_statements"`,
			"I/O timing | advice | track_io_timing is off",
			"statistics | ok",
		}},
		"a superuser in production": {dsn: p.DSN("root", "postgres"), want: []string{
			"| refused | log in to PostgreSQL as root: the role is a superuser and could change anything in production | log in as closewatch",
		}},
		"nothing listens": {dsn: "postgres://mon@127.0.0.1:" + nothing + "/postgres?sslmode=disable", want: []string{
			"server 127.0.0.1:" + nothing + " | missing | connect to PostgreSQL 127.0.0.1:" + nothing + ": connection refused | check that the server runs",
		}},
		"a standby that is not there": {dsn: p.DSN("mon", "postgres"), standby: nothing, want: []string{
			"server db-2 | missing", "role | ok | mon, with pg_monitor",
		}},
		"another port than the server's": {dsn: "postgres://mon@" + forward(t, p.Port) + "/postgres?sslmode=disable", want: []string{
			"way | advice | 127.0.0.1:", "leads to a server that listens on port " + strconv.Itoa(p.Port),
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var standbys []postgres.Standby
			if tt.standby != "" {
				standbys = []postgres.Standby{{Name: "db-2", DSN: secret.New("postgres://mon@127.0.0.1:" + tt.standby + "/postgres?sslmode=disable")}}
			}
			got := lines(examine(t, tt.dsn, standbys...))
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("nothing says %q:\n%s", want, got)
				}
			}
		})
	}
}

// free is a port on which nothing listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

// forward passes connections on to a port of loopback until the test ends.
func forward(t *testing.T, port int) (address string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	var running sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				_ = in.Close()
				return
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from) // until either side closes
				_, _ = to.Close(), from.Close()
			}
			running.Go(func() { pass(in, out) })
			running.Go(func() { pass(out, in) })
		}
	})
	return l.Addr().String()
}
