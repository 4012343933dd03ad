package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

// TestFindings holds every mistake of an estate, and every right a role may
// lack, to one clear fault while everything else goes on.
func TestFindings(t *testing.T) {
	p := startPostgres(t, lab.PostgresOptions{HBA: []string{"host all keyed 127.0.0.1/32 scram-sha-256"}})
	execute(t, p, "CREATE ROLE keyed LOGIN PASSWORD 'right'")
	address := fmt.Sprintf("%s:%d", p.Host, p.Port)
	tests := map[string]struct {
		dsn  string
		kind fault.Kind
		want string
	}{
		"wrong password": {
			"postgres://keyed:hunter2@" + address + "/postgres?sslmode=disable", fault.Auth,
			`connect to PostgreSQL ` + address + `: password authentication failed for user "keyed" (SQLSTATE 28P01) (check the password of role keyed)`,
		},
		"unreachable host": {
			"postgres://mon@127.0.0.1:1/postgres?sslmode=disable", fault.Unreachable,
			"connect to PostgreSQL 127.0.0.1:1: connection refused (check that the server runs, its listen_addresses and any firewall between)",
		},
		"unknown database": {
			"postgres://mon@" + address + "/nowhere?sslmode=disable", fault.Schema,
			"connect to PostgreSQL " + address + `: database "nowhere" does not exist (SQLSTATE 3D000) (database nowhere does not exist; name one that does in the connection string)`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := startWatch(t, tt.dsn, "")
			answers := is("pg_up", 0)
			if tt.kind == fault.Auth { // it does, and refuses us
				answers = absent("pg_up")
			}
			w.becomes(t, answers, func(series) string {
				if _, err := w.collect(t, "server"); fault.KindOf(err) != tt.kind {
					return fmt.Sprintf("it is not told as %s", tt.kind)
				}
				return ""
			})
			for _, task := range []string{"server", "statistics", "sizes"} {
				got, err := w.collect(t, task)
				if fault.KindOf(err) != tt.kind || err == nil || err.Error() != tt.want {
					t.Errorf("task %s:\ngot  %v (kind %s)\nwant %s (kind %s)", task, err, fault.KindOf(err), tt.want, tt.kind)
				}
				if delete(got, "pg_up"); len(got) > 0 {
					t.Errorf("task %s publishes of a server that does not answer:\n%v", task, got)
				}
			}
		})
	}
	t.Run("role without pg_monitor", func(t *testing.T) {
		w := startWatch(t, p.DSN("plain", "postgres"), "")
		w.becomes(t, is("pg_up", 1), is("pg_replication_is_replica", 0))
		if _, err := w.collect(t, "server", "replication", "sizes"); err != nil {
			t.Errorf("the other tasks: %v", err)
		}
		got, err := w.collect(t, "statistics")
		const want = "read the activity of PostgreSQL: role plain does not have pg_monitor (GRANT pg_monitor TO plain;)"
		if fault.KindOf(err) != fault.Denied || err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		for _, c := range []check{
			between("pg_stat_database_xact_commit{datid="+oid(t, p)+",datname=postgres}", 1, 1e9), is("pg_archiver_enabled", 1),
			absent("pg_stat_activity_count"), absent("pg_connections_used_ratio"), absent("pg_blocked_sessions"),
		} {
			if wrong := c(got); wrong != "" {
				t.Error(wrong)
			}
		}
	})
	t.Run("statistics", func(t *testing.T) { testStatistics(t, p) })
	t.Run("a locked table costs nothing", func(t *testing.T) { testLockedTable(t, p) })
	t.Run("a frozen server", func(t *testing.T) { testFrozen(t, p) })
}

func oid(t *testing.T, p *lab.Postgres) string {
	t.Helper()
	v, err := p.Value(t.Context(), "postgres", "postgres", "SELECT oid FROM pg_database WHERE datname = current_database()")
	must(t, err)
	return v
}

func connect(t *testing.T, p *lab.Postgres, application, sql string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), p.DSN("postgres", "postgres")+"&application_name="+application)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), sql).ReadAll()
	must(t, err)
	return conn
}

func testStatistics(t *testing.T, p *lab.Postgres) {
	connect(t, p, "odoo-4711", "BEGIN; INSERT INTO moves VALUES (1)")
	connect(t, p, "odoo-4712", "BEGIN; INSERT INTO moves VALUES (2)")
	w := startWatch(t, p.DSN("mon", "postgres"), "")
	w.becomes(t, is("pg_up", 1))
	execute(t, p, "SELECT pg_switch_wal()")
	archived := func(got series) string { return between("pg_stat_archiver_archived_count", 1, 1e6)(got) }
	var got series
	for deadline := time.Now().Add(20 * time.Second); ; pass(t) {
		var err error
		if got, err = w.collect(t, "statistics", "sizes"); err != nil {
			t.Fatal(err)
		}
		if archived(got) == "" || time.Now().After(deadline) {
			break
		}
	}
	for _, c := range []check{
		archived, is("pg_archiver_failing", 0), is("pg_archiver_enabled", 1), between("pg_archive_lag_seconds{bound=upper}", 0, 60),
		is("pg_stat_activity_count{application_name=odoo,backend_type=client backend,datname=postgres,state=idle in transaction,usename=postgres,wait_event=ClientRead,wait_event_type=Client}", 2),
		absent("pg_stat_activity_count{application_name=closewatch"),
		is("pg_settings_max_connections", 100), between("pg_connections_used_ratio", 0.03, 0.1),
		is("pg_active_sessions", 0), is("pg_idle_in_transaction_sessions", 2), between("pg_longest_transaction_seconds", 0.01, 60),
		is("pg_locks_count{datname=postgres,mode=rowexclusivelock}", 2), is("pg_blocked_sessions{datname=postgres}", 0),
		between("pg_database_size_bytes{datname=postgres}", 1e6, 1e9),
	} {
		if wrong := c(got); wrong != "" {
			t.Errorf("%s\n%v", wrong, got)
		}
	}
}

func testLockedTable(t *testing.T, p *lab.Postgres) {
	holder := connect(t, p, "upgrade", "BEGIN; LOCK TABLE moves IN ACCESS EXCLUSIVE MODE")
	waiter, err := pgconn.Connect(t.Context(), p.DSN("postgres", "postgres"))
	must(t, err)
	waited := make(chan error, 1)
	go func() {
		_, err := waiter.Exec(context.Background(), "SELECT count(*) FROM moves").ReadAll()
		waited <- errors.Join(err, waiter.Close(context.Background()))
	}()
	defer func() { must(t, <-waited) }()
	defer func() { _ = holder.Close(context.Background()) }()
	w := startWatch(t, p.DSN("mon", "postgres"), "")
	w.becomes(t, is("pg_up", 1))
	var got series
	for deadline := time.Now().Add(10 * time.Second); got["pg_blocked_sessions{datname=postgres}"] != 1 && time.Now().Before(deadline); pass(t) {
		begun := time.Now()
		got, err = w.collect(t, "statistics", "sizes")
		if took := time.Since(begun); err != nil || took > 2*time.Second {
			t.Fatalf("a collection took %v: %v", took, err)
		}
	}
	for _, c := range []check{is("pg_blocked_sessions{datname=postgres}", 1), between("pg_longest_blocked_seconds{datname=postgres}", 0, 30)} {
		if wrong := c(got); wrong != "" {
			t.Error(wrong)
		}
	}
}

func testFrozen(t *testing.T, p *lab.Postgres) {
	w := startWatch(t, p.DSN("mon", "postgres"), "")
	w.becomes(t, is("pg_up", 1))
	must(t, p.Pause())
	defer func() { must(t, p.Resume()) }()
	w.becomes(t, is("pg_up", 0))
	begun := time.Now()
	_, err := w.collect(t, "server", "replication")
	if took := time.Since(begun); took > time.Second || fault.KindOf(err) != fault.Timeout {
		t.Errorf("memory was read in %v: %v, want kind timeout", took, err)
	}
	begun = time.Now()
	w.stop()
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestHistoryThatCannotBeRead(t *testing.T) {
	tests := map[string]string{
		"empty":                  "",
		"cut short":              `{"format":1,"clock":"lsnclock`,
		"edited":                 `{"format":1}` + "\ncrc32c 00000000\n",
		"of a version not known": `{"format":99}` + "\ncrc32c 1b3abd17\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "postgres-test-db.wal-history"), []byte(text), 0o600))
			w := startWatch(t, "postgres://mon@127.0.0.1:1/postgres?sslmode=disable", dir)
			w.becomes(t, is("pg_up", 0), absent("pg_recovery_point_exposure_seconds"))
		})
	}
}

func TestSignalsReadPublishedMetrics(t *testing.T) {
	must(t, signal.Check(postgres.Signals()))
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN = secret.New("postgres://mon@127.0.0.1:1/postgres")
	cfg.PgBouncer = []postgres.PgBouncer{{DSN: secret.New("postgres://mon@127.0.0.1:2/pgbouncer")}}
	instance := postgres.New(postgres.Settings{Component: "db", Environment: "test", Config: cfg})
	defer instance.Close()
	published := describe(instance)
	for _, d := range postgres.Signals() {
		if d.Kind != "postgres" || !published[d.Metric] {
			t.Errorf("signal %s reads %s of kind %q, which no task describes", d.Name, d.Metric, d.Kind)
		}
	}
}

// describe returns the names of the metrics that an instance's tasks declare.
func describe(i collector.Instance) map[string]bool {
	descs := make(chan *prometheus.Desc, 1000)
	for _, task := range i.Tasks() {
		task.Collector.Describe(descs)
	}
	close(descs)
	names := map[string]bool{}
	for d := range descs {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		names[name] = true
	}
	return names
}

func TestConfigValidate(t *testing.T) {
	base := func(change func(*postgres.Config)) *postgres.Config {
		c := new(postgres.Config)
		c.SetDefaults()
		c.DSN = secret.New("postgres://mon@db1,db2/postgres")
		change(c)
		return c
	}
	pools := func(p postgres.Pool, poolers ...string) func(*postgres.Config) {
		return func(c *postgres.Config) {
			c.Pools = []postgres.Pool{p}
			for _, dsn := range poolers {
				c.PgBouncer = append(c.PgBouncer, postgres.PgBouncer{DSN: secret.New(dsn)})
			}
		}
	}
	tests := map[string]struct {
		config *postgres.Config
		want   string // the fields found wrong
	}{
		"sound":                      {base(func(*postgres.Config) {}), ""},
		"nothing given":              {new(postgres.Config), "dsn interval sizesInterval tablesInterval statementsInterval statementTimeout lockTimeout connectTimeout forgetStandbyAfter"},
		"unreadable":                 {base(func(c *postgres.Config) { c.DSN = secret.New("postgres://a:b:c@:x/") }), "dsn"},
		"a standby without address":  {base(func(c *postgres.Config) { c.Standbys = []postgres.Standby{{Name: "replica"}} }), "standbys[0].dsn"},
		"a standby of several hosts": {base(func(c *postgres.Config) { c.Standbys = []postgres.Standby{{DSN: secret.New("host=a,b")}} }), "standbys[0].dsn"},
		"too many hosts":             {base(func(c *postgres.Config) { c.DSN = secret.New("host=a,b,c,d,e,f,g,h,i") }), "dsn"},
		"pools and poolers":          {base(pools(postgres.Pool{Application: "odoo", Processes: 9, MaxConnections: 64}, "host=a dbname=pgbouncer", "host=b")), ""},
		"a pool of nobody":           {base(pools(postgres.Pool{})), "pools[0].application pools[0].processes pools[0].maxConnections"},
		"a pool of one process":      {base(pools(postgres.Pool{Application: "odoo-4711", Processes: 1, MaxConnections: 1})), "pools[0].application"},
		"a pool named other":         {base(pools(postgres.Pool{Application: "other", Processes: 1, MaxConnections: 1})), "pools[0].application"},
		"a pool declared twice": {base(func(c *postgres.Config) {
			c.Pools = slices.Repeat([]postgres.Pool{{Application: "odoo", Processes: 1, MaxConnections: 1}}, 2)
		}), "pools[1].application"},
		"too many pools": {base(func(c *postgres.Config) {
			for i := range 11 {
				c.Pools = append(c.Pools, postgres.Pool{Application: string(rune('a' + i)), Processes: 1, MaxConnections: 1})
			}
		}), "pools"},
		"a pooler without address":  {base(func(c *postgres.Config) { c.PgBouncer = []postgres.PgBouncer{{Name: "front"}} }), "pgbouncer[0].dsn"},
		"a pooler of several hosts": {base(pools(postgres.Pool{Application: "odoo", Processes: 1, MaxConnections: 1}, "host=a,b")), "pgbouncer[0].dsn"},
		"poolers of one name":       {base(pools(postgres.Pool{Application: "odoo", Processes: 1, MaxConnections: 1}, "host=a", "host=a user=x")), "pgbouncer[1].name"},
		"too many poolers":          {base(pools(postgres.Pool{Application: "odoo", Processes: 1, MaxConnections: 1}, "host=a", "host=b", "host=c", "host=d", "host=e")), "pgbouncer"},
		"too fast":                  {base(func(c *postgres.Config) { c.Interval = estate.Duration(time.Millisecond) }), "interval"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var fields []string
			for _, p := range tt.config.Validate() {
				fields = append(fields, p.Field)
				if p.What == "" || p.Remedy == "" {
					t.Errorf("%s: %q; %q lacks a part", p.Field, p.What, p.Remedy)
				}
			}
			if got := strings.Join(fields, " "); got != tt.want {
				t.Errorf("problems with %q, want %q", got, tt.want)
			}
		})
	}
}
