package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// TestSessions judges the sessions of one real server.
func TestSessions(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{Settings: map[string]string{
		"max_connections": "30", "superuser_reserved_connections": "3", "max_prepared_transactions": "5", "deadlock_timeout": "200ms",
	}})
	execute(t, p, "CREATE ROLE app LOGIN CONNECTION LIMIT 8; ALTER ROLE mon CONNECTION LIMIT 5; GRANT app TO mon")
	execute(t, p, "CREATE DATABASE erp CONNECTION LIMIT 20")
	must(t, p.Exec(t.Context(), "postgres", "erp", "CREATE TABLE account_move (id int PRIMARY KEY, n int); GRANT ALL ON account_move TO app; INSERT INTO account_move SELECT generate_series(1, 9), 0"))
	t.Run("a chain of three behind one idle in transaction", func(t *testing.T) { testBlockingChain(t, p) })
	t.Run("a deadlock", func(t *testing.T) { testDeadlock(t, p) })
	t.Run("a prepared transaction", func(t *testing.T) { testPrepared(t, p) })
	t.Run("pools and limits", func(t *testing.T) { testPools(t, p) })
	t.Run("a role without pg_monitor", func(t *testing.T) { testSessionsUnseen(t, p) })
	t.Run("PgBouncer", func(t *testing.T) { testPgBouncer(t, p) })
	t.Run("no connection left", func(t *testing.T) { testExhausted(t, p) })
}

// A client is one session of an application.
type client struct {
	*pgconn.PgConn
	t *testing.T
}

// login opens a session of role app in the database erp.
func login(t *testing.T, dsn, application string) *client {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), dsn+"&application_name="+application)
	must(t, err)
	c := &client{conn, t}
	t.Cleanup(c.logout)
	return c
}

func (c *client) logout() { _ = c.Close(context.Background()) }

func (c *client) exec(sql string) {
	c.t.Helper()
	_, err := c.Exec(c.t.Context(), sql).ReadAll()
	must(c.t, err)
}

// wait executes a statement that does not return before the test ends it, or
// another session gives way. It returns where its error will be.
func (c *client) wait(sql string) <-chan error {
	ctx, cancel := context.WithCancel(context.Background())
	done, result := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(done)
		_, err := c.Exec(ctx, sql).ReadAll()
		result <- err
	}()
	c.t.Cleanup(func() {
		cancel()
		<-done
	})
	return result
}

// tells collects a task until all checks hold at once.
func (w *watch) tells(t *testing.T, task string, checks ...check) {
	t.Helper()
	const patience = 20 * time.Second
	var got series
	var err error
	wrong := "nothing was collected"
	for deadline := time.Now().Add(patience); wrong != "" && time.Now().Before(deadline); {
		got, err = w.collect(t, task)
		wrong = ""
		for _, c := range checks {
			if wrong == "" {
				wrong = c(got)
			}
		}
		if wrong != "" {
			pass(t)
		}
	}
	if wrong != "" {
		t.Fatalf("after %v: %s (%v)\n%v", patience, wrong, err, got)
	}
}

func watching(t *testing.T, p *lab.Postgres) *watch {
	t.Helper()
	w := startWatch(t, p.DSN("mon", "postgres"), "")
	w.becomes(t, is("pg_up", 1))
	return w
}

func testBlockingChain(t *testing.T, p *lab.Postgres) {
	dsn := p.DSN("app", "erp")
	root := login(t, dsn, "odoo-101")
	root.exec("BEGIN; UPDATE account_move SET n = 1 WHERE id = 1")
	for i := range 3 {
		c := login(t, dsn, fmt.Sprintf("odoo-%d", 102+i))
		c.exec(fmt.Sprintf("BEGIN; UPDATE account_move SET n = 1 WHERE id = %d", i+2))
		c.wait(fmt.Sprintf("UPDATE account_move SET n = 1 WHERE id = %d", i+1))
	}
	w := watching(t, p)
	// The relation is one of another database than the one we are in.
	w.tells(t, "statistics",
		is("pg_blocking_chain_depth", 3), is("pg_blocking_chains", 1),
		is("pg_blocking_root_sessions{application_name=odoo,datname=erp,relation=account_move,state=idle in transaction}", 3),
		is("pg_blocked_sessions{datname=erp}", 3), is("pg_blocked_sessions{datname=postgres}", 0),
		between("pg_longest_blocked_seconds{datname=erp}", 0.001, 60),
		between("pg_longest_idle_in_transaction_seconds", 0.001, 60), is("pg_idle_in_transaction_sessions", 1),
		between("pg_longest_statement_seconds", 0.001, 60), between("pg_oldest_xmin_age{holder=transaction}", 1, 1000),
	)
	root.exec("ROLLBACK")
	w.tells(t, "statistics", is("pg_blocking_root_sessions{application_name=odoo,datname=erp,relation=account_move,state=idle in transaction}", 2),
		is("pg_blocking_chain_depth", 2), is("pg_blocked_sessions{datname=erp}", 2))
}

func testDeadlock(t *testing.T, p *lab.Postgres) {
	w := watching(t, p)
	w.tells(t, "statistics", is("pg_blocking_chain_depth", 0))
	a, b := login(t, p.DSN("app", "erp"), "odoo-201"), login(t, p.DSN("app", "erp"), "odoo-202")
	a.exec("BEGIN; UPDATE account_move SET n = 2 WHERE id = 5")
	b.exec("BEGIN; UPDATE account_move SET n = 2 WHERE id = 6")
	first := a.wait("UPDATE account_move SET n = 2 WHERE id = 6")
	second := b.wait("UPDATE account_move SET n = 2 WHERE id = 5")
	victims := 0
	for _, err := range []error{<-first, <-second} { // one is ended, the other goes on
		if found, ok := errors.AsType[*pgconn.PgError](err); ok && found.Code == "40P01" {
			victims++
			continue
		}
		must(t, err)
	}
	if victims != 1 {
		t.Fatalf("%d sessions were ended for a deadlock, want 1", victims)
	}
	// A session tells its counters when it is idle, at the latest when it ends.
	a.logout()
	b.logout()
	w.tells(t, "statistics", is("pg_recent_deadlocks{datname=erp}", 1), is("pg_recent_deadlocks{datname=postgres}", 0), is("pg_blocking_chains", 0))
}

func testPrepared(t *testing.T, p *lab.Postgres) {
	c := login(t, p.DSN("app", "erp"), "odoo-301")
	c.exec("BEGIN; UPDATE account_move SET n = 3 WHERE id = 7; PREPARE TRANSACTION 'left'")
	c.wait("UPDATE account_move SET n = 3 WHERE id = 7")
	w := watching(t, p)
	w.tells(t, "statistics",
		is("pg_prepared_transactions", 1), between("pg_longest_prepared_transaction_seconds", 0.001, 60), between("pg_oldest_xmin_age{holder=prepared}", 1, 1000),
		is("pg_blocking_root_sessions{application_name=,datname=erp,relation=account_move,state=prepared}", 1), is("pg_blocking_chains", 1),
		absent("pg_oldest_xmin_age{holder=standby}"), absent("pg_oldest_xmin_age{holder=slot}"),
	)
	must(t, p.Exec(t.Context(), "postgres", "erp", "ROLLBACK PREPARED 'left'"))
}

func testPools(t *testing.T, p *lab.Postgres) {
	for _, name := range []string{"odoo-401", "odoo-401", "odoo-402", "cron"} {
		login(t, p.DSN("app", "erp"), name)
	}
	w := watchWith(t, p, func(c *postgres.Config) {
		c.Pools = []postgres.Pool{{Application: "odoo", Processes: 3, MaxConnections: 64}}
	})
	w.tells(t, "statistics",
		is("pg_pool_connections{application=odoo}", 3), is("pg_pool_processes{application=odoo}", 2),
		is("pg_pool_largest_process_connections{application=odoo}", 2), is("pg_pool_possible_connections{application=odoo}", 192),
		absent("pg_pool_connections{application=cron}"),
		// 192 of Odoo, one of cron and ours want a place, and 27 have one.
		is("pg_pool_shortfall_connections", 167),
		is("pg_role_connections_used_ratio{rolname=app}", 0.5), is("pg_role_connections_used_ratio{rolname=mon}", 0.2),
		is("pg_database_connections_used_ratio{datname=erp}", 0.2), absent("pg_role_connections_used_ratio{rolname=postgres}"),
		is("pg_connections_used_ratio", 5.0/27), absent("pg_stat_activity_count{application_name=closewatch"),
	)
}

// watchWith prepares a watch of a primary with further settings; it looks at
// the server only when a task is collected.
func watchWith(t *testing.T, p *lab.Postgres, set func(*postgres.Config)) *watch {
	t.Helper()
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN = secret.New(p.DSN("mon", "postgres"))
	set(&cfg)
	if problems := cfg.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	w := &watch{tasks: map[string]collector.Collector{}}
	w.Instance = postgres.New(postgres.Settings{Component: "db", Environment: "test", Config: cfg})
	t.Cleanup(w.Close)
	for _, task := range w.Tasks() {
		w.tasks[task.Name] = task.Collector
	}
	return w
}

// testSessionsUnseen holds what a role without pg_monitor sees to nothing rather
// than to zeros.
func testSessionsUnseen(t *testing.T, p *lab.Postgres) {
	w := startWatch(t, p.DSN("plain", "postgres"), "")
	w.becomes(t, is("pg_up", 1))
	got, err := w.collect(t, "statistics")
	if fault.KindOf(err) != fault.Denied || strings.Count(err.Error(), "pg_monitor") != 2 {
		t.Errorf("Collect() = %v, want one finding", err)
	}
	for _, prefix := range []string{
		"pg_stat_activity", "pg_pool", "pg_role_connections", "pg_database_connections", "pg_blocking", "pg_blocked", "pg_longest",
		"pg_recent", "pg_oldest_xmin", "pg_prepared", "pg_connections", "pg_active", "pg_idle_in_transaction_sessions", "pg_long_running",
	} {
		if wrong := absent(prefix)(got); wrong != "" {
			t.Error(wrong)
		}
	}
}

func testExhausted(t *testing.T, p *lab.Postgres) {
	running := watching(t, p)
	running.tells(t, "statistics", between("pg_connections_used_ratio", 0.01, 0.5))
	// Superusers take places, too: they leave none but those reserved for them.
	for taken := 2; taken < 27; taken++ {
		login(t, p.DSN("postgres", "postgres"), "greedy")
	}
	running.tells(t, "statistics", is("pg_connections_used_ratio", 1))
	late := startWatch(t, p.DSN("mon", "postgres"), "")
	late.becomes(t, is("pg_up", 0))
	for _, task := range []string{"server", "statistics"} {
		_, err := late.collect(t, task)
		if fault.KindOf(err) != fault.Limit || !strings.Contains(err.Error(), "SQLSTATE 53300") || !strings.Contains(fault.HintOf(err), "max_connections") {
			t.Errorf("task %s: %v (kind %s), want kind limit and what to do", task, err, fault.KindOf(err))
		}
	}
	if got, err := running.collect(t, "server", "statistics"); err != nil || got["pg_up"] != 1 {
		t.Errorf("who was connected before sees pg_up %v: %v", got["pg_up"], err)
	}
	execute(t, p, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'greedy'")
	late.becomes(t, is("pg_up", 1))
}

func testPgBouncer(t *testing.T, p *lab.Postgres) {
	b := startPgBouncer(t, p)
	poolers := func(list ...postgres.PgBouncer) *watch {
		return watchWith(t, p, func(c *postgres.Config) { c.PgBouncer = list })
	}
	w := poolers(postgres.PgBouncer{Name: "front", DSN: secret.New(b.DSN("mon", "pgbouncer"))})
	holder := login(t, b.DSN("app", "erp"), "odoo-501")
	holder.exec("BEGIN; SELECT 1")
	waiting := login(t, b.DSN("app", "erp"), "odoo-502")
	waiting.wait("SELECT 1")
	const pool = "{database=erp,pgbouncer=front,user=app}"
	w.tells(t, "pgbouncer",
		is("pgbouncer_up{pgbouncer=front}", 1),
		is("pgbouncer_pools_client_active_connections"+pool, 1), is("pgbouncer_pools_client_waiting_connections"+pool, 1),
		is("pgbouncer_pools_server_active_connections"+pool, 1), is("pgbouncer_pools_used_ratio"+pool, 1),
		between("pgbouncer_pools_client_maxwait_seconds"+pool, 1, 60),
		between("pgbouncer_client_connections_used_ratio{pgbouncer=front}", 0.03, 0.5),
		is("pgbouncer_config_max_client_connections{pgbouncer=front}", 10),
		is(fmt.Sprintf("pgbouncer_databases_pool_size{database=erp,force_user=,host=127.0.0.1,name=erp,pgbouncer=front,pool_mode=,port=%d}", p.Port), 1),
		between("pgbouncer_stats_sql_transactions_pooled_total{database=erp,pgbouncer=front}", 0, 10),
		between("pgbouncer_used_clients{pgbouncer=front}", 3, 4), absent("pgbouncer_pools_client_active_connections{database=pgbouncer"),
	)
	holder.exec("COMMIT")
	w.tells(t, "pgbouncer", is("pgbouncer_pools_client_waiting_connections"+pool, 0), is("pgbouncer_pools_client_maxwait_seconds"+pool, 0))

	denied := poolers(postgres.PgBouncer{Name: "front", DSN: secret.New(b.DSN("app", "pgbouncer"))})
	got, err := denied.collect(t, "pgbouncer")
	if fault.KindOf(err) != fault.Denied || !strings.Contains(fault.HintOf(err), "add app to stats_users") || len(got) != 1 || got["pgbouncer_up{pgbouncer=front}"] != 0 {
		t.Errorf("one who may not read the console: %v (kind %s)\n%v", err, fault.KindOf(err), got)
	}

	two := poolers(
		postgres.PgBouncer{Name: "front", DSN: secret.New(b.DSN("mon", "pgbouncer"))},
		postgres.PgBouncer{Name: "gone", DSN: secret.New("postgres://mon@127.0.0.1:1/pgbouncer?sslmode=disable")},
	)
	got, err = two.collect(t, "pgbouncer")
	if fault.KindOf(err) != fault.Unreachable || got["pgbouncer_up{pgbouncer=front}"] != 1 || is("pgbouncer_up{pgbouncer=gone}", 0)(got) != "" {
		t.Errorf("one of two poolers is gone: %v (kind %s)\n%v", err, fault.KindOf(err), got)
	}

	// A frozen console costs the time of one conversation, and its restart nothing.
	must(t, b.Pause())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if got, err := w.run(ctx, w.tasks["pgbouncer"]); fault.KindOf(err) != fault.Timeout || got["pgbouncer_up{pgbouncer=front}"] != 0 {
		t.Errorf("a frozen console: %v (kind %s)\n%v", err, fault.KindOf(err), got)
	}
	must(t, b.Resume())
	w.tells(t, "pgbouncer", is("pgbouncer_up{pgbouncer=front}", 1))
	must(t, b.Kill())
	must(t, b.Start(t.Context()))
	if got, err := w.collect(t, "pgbouncer"); err != nil || got["pgbouncer_up{pgbouncer=front}"] != 1 {
		t.Errorf("after a restart: %v\n%v", err, got)
	}
}

func startPgBouncer(t *testing.T, p *lab.Postgres) *lab.PgBouncer {
	t.Helper()
	l, err := lab.New(lab.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := l.PgBouncer(t.Context(), p, lab.PgBouncerOptions{
		Users: []string{"app"}, StatsUsers: []string{"mon"},
		Settings: map[string]string{"pool_mode": "transaction", "default_pool_size": "1", "max_client_conn": "10"},
	})
	must(t, err)
	return b
}
