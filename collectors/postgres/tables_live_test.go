package postgres_test

import (
	"context"
	"fmt"
	"strconv"
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

// strange is a name that no text it is put into may trip over.
const strange = "we\"ird'; DROP/*\n名"

// TestTables looks into the databases of one real server.
func TestTables(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{HBA: []string{"host refusing mon 127.0.0.1/32 reject"}})
	for _, name := range []string{"odoo", strange, "refusing", "closed", "forbidden"} {
		execute(t, p, "CREATE DATABASE "+quoted(name)+" TEMPLATE template0")
	}
	execute(t, p, "UPDATE pg_database SET datallowconn = false WHERE datname = 'closed'")
	execute(t, p, "REVOKE CONNECT ON DATABASE forbidden FROM PUBLIC")
	in(t, p, "odoo", ledger)
	until(t, p, "0", "SELECT count(*) FROM pg_stat_activity WHERE datname = 'odoo'") // and has told what it inserted
	in(t, p, "odoo", "VACUUM ANALYZE")
	counted(t, p, "UPDATE account_move SET name = name || '.'; DELETE FROM small WHERE id <= 15; CREATE TABLE late AS SELECT 1 AS id")
	in(t, p, strange, `CREATE TABLE "ta""ble" (id int)`)
	t.Run("every database that can be, is looked into", func(t *testing.T) { testEveryDatabase(t, p) })
	t.Run("what is told is what the server's views say", func(t *testing.T) { testTruth(t, p) })
	t.Run("a lock costs the size of its table", func(t *testing.T) { testLocks(t, p) })
	t.Run("upkeep", func(t *testing.T) { testUpkeep(t, p) })
	t.Run("connections are kept for few databases", func(t *testing.T) { testKept(t, p) })
	t.Run("a database dropped while it is watched", func(t *testing.T) { testDropped(t, p) })
}

// ledger is an Odoo database in small, with tables too many to have rows.
const ledger = `
CREATE TABLE account_move (id serial PRIMARY KEY, name text, note text);
CREATE INDEX account_move_name ON account_move (name);
CREATE TABLE account_move_line (id serial PRIMARY KEY, move_id int, balance numeric);
CREATE TABLE ir_attachment (id serial PRIMARY KEY, data text);
ALTER TABLE ir_attachment ALTER data SET STORAGE EXTERNAL;
CREATE SCHEMA archive;
CREATE TABLE archive.account_move (id int);
CREATE TABLE plain (id int);
CREATE TABLE small (id int) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10);
CREATE TABLE fresh (id int);
CREATE MATERIALIZED VIEW totals AS SELECT 1 AS n;
INSERT INTO account_move (name, note) SELECT 'INV/' || n, repeat('x', 100) FROM generate_series(1, 1000) n;
INSERT INTO account_move_line (move_id, balance) SELECT n, n FROM generate_series(1, 1000) n;
INSERT INTO ir_attachment (data) SELECT repeat('x', 10000) FROM generate_series(1, 50);
INSERT INTO plain SELECT generate_series(1, 100);
INSERT INTO small SELECT generate_series(1, 100);`

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func in(t *testing.T, p *lab.Postgres, database, sql string) {
	t.Helper()
	must(t, p.Exec(t.Context(), "postgres", database, sql))
}

// counted changes the Odoo database and returns when its statistics know: a
// session that ends tells them later, and may then undo what VACUUM said.
func counted(t *testing.T, p *lab.Postgres, sql string) {
	t.Helper()
	in(t, p, "odoo", sql+"; SELECT pg_stat_force_next_flush()")
}

// tablesOf prepares a watch that nobody runs: its task "tables" asks the server
// by itself.
func tablesOf(t *testing.T, p *lab.Postgres, user string, change func(*postgres.Config)) *watch {
	t.Helper()
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN = secret.New(p.DSN(user, "postgres"))
	change(&cfg)
	w := &watch{Instance: postgres.New(postgres.Settings{Component: "db", Environment: "test", Config: cfg})}
	t.Cleanup(w.Close)
	w.only()
	return w
}

// only lists the tasks of a watch that nobody runs.
func (w *watch) only() {
	w.tasks = map[string]collector.Collector{}
	for _, task := range w.Tasks() {
		w.tasks[task.Name] = task.Collector
	}
}

func odooOnly(c *postgres.Config) { c.Databases.Include, c.Tables.Top = []string{"odoo"}, 1 }

func ofTable(family, schema, table string) string {
	return fmt.Sprintf("%s{datname=odoo,relname=%s,schemaname=%s}", family, table, schema)
}

func expect(t *testing.T, got series, checks ...check) {
	t.Helper()
	for _, c := range checks {
		if wrong := c(got); wrong != "" {
			t.Error(wrong)
		}
	}
}

func testEveryDatabase(t *testing.T, p *lab.Postgres) {
	w := tablesOf(t, p, "mon", func(*postgres.Config) {})
	got, err := w.collect(t, "tables")
	const want = `look into database "refusing": connect to PostgreSQL`
	if fault.KindOf(err) != fault.Auth || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Collect() = %v, want only %s…", err, want)
	}
	expect(t, got,
		is("pg_databases_watched", 4), is("pg_databases_left_out{reason=template}", 2), is("pg_databases_left_out{reason=closed}", 1),
		is("pg_databases_left_out{reason=denied}", 1), is("pg_databases_left_out{reason=excluded}", 0),
		between("pg_database_statistics_timestamp_seconds{datname=odoo}", 1.7e9, 1e10),
		is("pg_stat_user_tables_n_live_tup{datname="+strange+`,relname=ta"ble,schemaname=public}`, 0),
		absent("pg_database_statistics_timestamp_seconds{datname=refusing}"),
		is("pg_vacuums_running", 0), is("pg_vacuum_longest_seconds", 0),
	)
	until(t, p, "0", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closewatch' AND datname <> 'postgres'")
}

// until waits for an answer of the server.
func until(t *testing.T, p *lab.Postgres, want, sql string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); pass(t) {
		var err error
		if got, err = p.Value(t.Context(), "postgres", "postgres", sql); err == nil && got == want {
			return
		}
	}
	t.Fatalf("%s: still %s, want %s", sql, got, want)
}

// views are what the server says of each table, in the names of our families.
const views = `
SELECT s.schemaname, s.relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd,
       n_live_tup, n_dead_tup, n_mod_since_analyze, vacuum_count, autovacuum_count, analyze_count, autoanalyze_count,
       extract(epoch FROM last_vacuum) AS last_vacuum, extract(epoch FROM last_autovacuum) AS last_autovacuum,
       extract(epoch FROM last_analyze) AS last_analyze, extract(epoch FROM last_autoanalyze) AS last_autoanalyze,
       pg_table_size(s.relid) AS table_size_bytes, pg_indexes_size(s.relid) AS index_size_bytes,
       heap_blks_read AS heap_blocks_read, heap_blks_hit AS heap_blocks_hit, idx_blks_read AS idx_blocks_read, idx_blks_hit AS idx_blocks_hit,
       toast_blks_read AS toast_blocks_read, toast_blks_hit AS toast_blocks_hit, tidx_blks_read AS tidx_blocks_read, tidx_blks_hit AS tidx_blocks_hit
  FROM pg_stat_user_tables s JOIN pg_statio_user_tables USING (relid)`

// said reads views: the values of each table by family; "" is NULL.
func said(t *testing.T, p *lab.Postgres) map[string]map[string]string {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), p.DSN("postgres", "odoo"))
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	results, err := conn.Exec(t.Context(), views).ReadAll()
	must(t, err)
	all := map[string]map[string]string{}
	for _, row := range results[0].Rows {
		values := map[string]string{}
		for i, f := range results[0].FieldDescriptions[2:] {
			values[f.Name] = string(row[i+2])
		}
		all[string(row[0])+"."+string(row[1])] = values
	}
	return all
}

func family(column string) string {
	if strings.Contains(column, "_blocks_") {
		return "pg_statio_user_tables_" + column
	}
	return "pg_stat_user_tables_" + column
}

func testTruth(t *testing.T, p *lab.Postgres) {
	w := tablesOf(t, p, "mon", odooOnly)
	rows := map[string][2]string{
		"public.account_move": {"public", "account_move"}, "archive.account_move": {"archive", "account_move"},
		"public.account_move_line": {"public", "account_move_line"}, "public.ir_attachment": {"public", "ir_attachment"},
	}
	before := said(t, p)
	first, err := w.collect(t, "tables")
	must(t, err)
	largest := "" // of those not named, the one with a row
	for k := range first {
		for _, name := range []string{"plain", "small", "fresh", "totals", "late"} {
			if k == ofTable("pg_stat_user_tables_n_live_tup", "public", name) {
				largest += name
			}
		}
	}
	rows["public."+largest] = [2]string{"public", largest}
	compareTables(t, first, before, rows)
	for column := range before["public.account_move"] {
		sum := 0.0
		for table, values := range before {
			if _, has := rows[table]; !has {
				v, _ := strconv.ParseFloat(values[column], 64)
				sum += v
			}
		}
		others := ofTable(family(column), "", "other")
		switch {
		case strings.HasPrefix(column, "last_"):
			expect(t, first, absent(others))
		case strings.HasPrefix(column, "n_live"), strings.HasPrefix(column, "n_dead"), strings.HasPrefix(column, "n_mod"):
			expect(t, first, is(others, sum))
		case column == "index_size_bytes":
			expect(t, first, is(others, 0)) // they have none
		case column == "table_size_bytes": // by pages at the last vacuum
			expect(t, first, between(others, 8192, 1e6))
		default:
			expect(t, first, is(others, 0)) // from now on
		}
	}

	in(t, p, "odoo", "UPDATE plain SET id = id + 1; INSERT INTO small SELECT generate_series(1, 7); SELECT count(*) FROM totals; INSERT INTO account_move (name) VALUES ('x')")
	after := said(t, p)
	second, err := w.collect(t, "tables")
	must(t, err)
	compareTables(t, second, after, rows)
	for _, column := range []string{"n_tup_ins", "n_tup_upd", "seq_scan", "seq_tup_read", "heap_blocks_hit", "toast_blocks_hit"} {
		grown := 0.0
		for table, values := range after {
			if _, has := rows[table]; !has {
				is, _ := strconv.ParseFloat(values[column], 64)
				was, _ := strconv.ParseFloat(before[table][column], 64)
				grown += is - was
			}
		}
		expect(t, second, is(ofTable(family(column), "", "other"), grown))
	}
}

// compareTables holds every value of the tables with rows to the server's own.
func compareTables(t *testing.T, got series, said map[string]map[string]string, rows map[string][2]string) {
	t.Helper()
	for table, labels := range rows {
		if said[table] == nil {
			t.Fatalf("the server has no table %s", table)
		}
		for column, text := range said[table] {
			name := ofTable(family(column), labels[0], labels[1])
			if text == "" {
				expect(t, got, absent(name))
				continue
			}
			want, err := strconv.ParseFloat(text, 64)
			must(t, err)
			expect(t, got, is(name, want))
		}
	}
}

func testLocks(t *testing.T, p *lab.Postgres) {
	tests := map[string]struct{ holder, waiter string }{
		"held":              {"BEGIN; LOCK TABLE account_move IN ACCESS EXCLUSIVE MODE", ""},
		"awaited":           {"BEGIN; LOCK TABLE account_move IN ACCESS SHARE MODE", "LOCK TABLE account_move IN ACCESS EXCLUSIVE MODE"},
		"held on its index": {"BEGIN; REINDEX INDEX account_move_name", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			holder := session(t, p, tt.holder)
			waited := make(chan error, 1)
			if tt.waiter == "" {
				waited <- nil
			} else {
				waiter := session(t, p, "BEGIN")
				go func() {
					_, err := waiter.Exec(context.Background(), tt.waiter).ReadAll()
					waited <- err
				}()
				until(t, p, "1", "SELECT count(*) FROM pg_locks WHERE NOT granted")
			}
			got, err := tablesOf(t, p, "mon", odooOnly).collect(t, "tables")
			must(t, err)
			const size, indexes = "pg_stat_user_tables_table_size_bytes", "pg_stat_user_tables_index_size_bytes"
			expect(t, got,
				is(ofTable("pg_tables_locked", "public", "account_move"), 1), is(ofTable("pg_tables_locked", "archive", "account_move"), 0),
				is(ofTable("pg_tables_locked", "", "other"), 0),
				absent(ofTable(size, "public", "account_move")), absent(ofTable(indexes, "public", "account_move")),
				between(ofTable(size, "public", "account_move_line"), 8192, 1e9), between(ofTable(size, "public", "ir_attachment"), 8192, 1e9),
				between(ofTable("pg_stat_user_tables_n_live_tup", "public", "account_move"), 1000, 1100),
			)
			must(t, holder.Close(context.Background()))
			must(t, <-waited)
		})
	}
	t.Run("held on tables without a row", func(t *testing.T) {
		session(t, p, "BEGIN; LOCK TABLE fresh, small IN ACCESS EXCLUSIVE MODE")
		got, err := tablesOf(t, p, "mon", func(c *postgres.Config) { odooOnly(c); c.Tables.Top = 0 }).collect(t, "tables")
		must(t, err)
		expect(t, got, is(ofTable("pg_tables_locked", "", "other"), 2), between(ofTable("pg_stat_user_tables_table_size_bytes", "", "other"), 8192, 1e9))
	})
}

// session keeps a connection to the ledger until the test ends.
func session(t *testing.T, p *lab.Postgres, sql string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), p.DSN("postgres", "odoo"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), sql).ReadAll()
	must(t, err)
	return conn
}

func testUpkeep(t *testing.T, p *lab.Postgres) {
	include := func(c *postgres.Config) {
		odooOnly(c)
		c.Tables.Include = []string{"public.small", "public.fresh"}
	}
	if err := p.Exec(t.Context(), "postgres", "odoo", "CREATE UNIQUE INDEX CONCURRENTLY broken ON account_move (note)"); err == nil {
		t.Fatal("an index on what is not unique was built")
	}
	upkeep := func(user string) series {
		got, err := tablesOf(t, p, user, include).collect(t, "tables")
		must(t, err)
		return got
	}
	got := upkeep("mon")
	expect(t, got,
		// 1000 rows updated of 1000: autovacuum begins at 50 + 0.2 × 1000.
		between(ofTable("pg_table_vacuum_due_ratio", "public", "account_move"), 3.9, 4.1), is(ofTable("pg_table_vacuum_due_ratio", "public", "small"), 1.5),
		is(ofTable("pg_table_vacuum_due_ratio", "public", "account_move_line"), 0),
		is("pg_tables_vacuum_overdue{datname=odoo}", 0), // vacuumed within the hour
		between(ofTable("pg_table_dead_bytes", "public", "account_move"), 1e4, 1e6), is(ofTable("pg_table_dead_bytes", "public", "account_move_line"), 0),
		is("pg_tables_never_analyzed{datname=odoo}", 1), between("pg_tables_xid_age{datname=odoo}", 1, 1e6), between("pg_tables_multixact_age{datname=odoo}", 0, 1e6),
		is("pg_indexes_invalid{datname=odoo}", 1), is("pg_index_invalid{datname=odoo,indexrelname=broken,relname=account_move,schemaname=public}", 1),
		absent("pg_indexes_unused"), absent("pg_table_bloat_bytes"),
	)
	in(t, p, "odoo", "DROP INDEX broken; SELECT pg_stat_reset()") // never vacuumed, as far as is known
	counted(t, p, "UPDATE account_move SET name = name || '.'")
	counted(t, p, "DELETE FROM small")
	got = upkeep("mon")
	expect(t, got,
		is("pg_tables_vacuum_overdue{datname=odoo}", 2), is("pg_finance_tables_vacuum_overdue{datname=odoo}", 1), absent(ofTable("pg_stat_user_tables_last_vacuum", "public", "account_move")),
		is("pg_indexes_invalid{datname=odoo}", 0), absent("pg_index_invalid"),
	)
	counted(t, p, "DELETE FROM account_move WHERE id % 10 > 0")
	in(t, p, "odoo", "VACUUM ANALYZE account_move")
	text, err := p.Value(t.Context(), "postgres", "odoo", "SELECT relpages * 8192 FROM pg_class WHERE oid = 'public.account_move'::regclass")
	must(t, err)
	pages, err := strconv.ParseFloat(text, 64)
	must(t, err)
	got = upkeep("postgres")
	expect(t, got,
		is(ofTable("pg_table_vacuum_due_ratio", "public", "account_move"), 0), is(ofTable("pg_table_dead_bytes", "public", "account_move"), 0),
		// 100 rows of some 150 bytes need two pages.
		between(ofTable("pg_table_bloat_bytes", "public", "account_move"), pages-3*8192, pages-8192), is(ofTable("pg_table_bloat_bytes", "public", "account_move_line"), 0),
		is("pg_finance_tables_vacuum_overdue{datname=odoo}", 0),
	)
}

func testKept(t *testing.T, p *lab.Postgres) {
	w := tablesOf(t, p, "mon", odooOnly)
	logins := func() string {
		n, err := p.Value(t.Context(), "postgres", "postgres", "SELECT sessions FROM pg_stat_database WHERE datname = 'odoo'")
		must(t, err)
		return n
	}
	_, err := w.collect(t, "tables")
	must(t, err)
	before := logins()
	_, err = w.collect(t, "tables")
	must(t, err)
	if after := logins(); after != before {
		t.Errorf("%s logins became %s", before, after)
	}
}

func testDropped(t *testing.T, p *lab.Postgres) {
	execute(t, p, `CREATE DATABASE passing TEMPLATE template0`)
	w := tablesOf(t, p, "mon", func(c *postgres.Config) { c.Databases.Include = []string{"passing", strange, "odoo", "postgres"} })
	got, err := w.collect(t, "tables")
	must(t, err)
	expect(t, got, is("pg_databases_watched", 4), between("pg_database_statistics_timestamp_seconds{datname=passing}", 1e9, 1e10))
	execute(t, p, `DROP DATABASE passing`) // which a connection of ours would hinder
	got, err = w.collect(t, "tables")
	must(t, err)
	expect(t, got, is("pg_databases_watched", 3), absent("pg_database_statistics_timestamp_seconds{datname=passing}"))
}
