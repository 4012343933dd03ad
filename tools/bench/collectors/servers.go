package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// The roles of the PostgreSQL server: the exporter's has its own, so that the
// statements of each are told apart.
const (
	ownRole  = "closewatch"
	peerRole = "exporter"
	appRole  = "odoo"
)

// servers are what is watched.
type servers struct {
	postgres *lab.Postgres
	redis    *lab.Redis
	counters *pgsession.Session // a superuser's, kept so that reading is no login
}

func newServers(ctx context.Context, l *lab.Lab, o options) (*servers, error) {
	s := &servers{}
	var err error
	begun := time.Now()
	if s.postgres, err = newPostgres(ctx, l, o); err != nil {
		return nil, err
	}
	say("PostgreSQL has %d databases of %d tables (%.0f s)", o.databases, o.tables, time.Since(begun).Seconds())
	begun = time.Now()
	if s.redis, err = newRedis(ctx, l, o.keys); err != nil {
		return nil, err
	}
	say("Redis has %d keys (%.0f s)", o.keys, time.Since(begun).Seconds())
	s.counters = pgsession.Open(pgsession.Settings{DSN: secret.New(s.postgres.DSN("postgres", "postgres"))})
	_, err = s.statements(ctx, ownRole) // logs in now
	return s, err
}

func (s *servers) close() { s.counters.Close() }

func newPostgres(ctx context.Context, l *lab.Lab, o options) (*lab.Postgres, error) {
	p, err := l.Postgres(ctx, lab.PostgresOptions{Settings: map[string]string{
		"autovacuum":             "off",
		"pg_stat_statements.max": "10000",
		"max_wal_size":           "2GB",
	}})
	if err != nil {
		return nil, err
	}
	const first = "odoo1"
	steps := []struct{ user, db, sql string }{
		{"postgres", "postgres", "CREATE ROLE " + appRole + " LOGIN"},
		{"postgres", "postgres", "CREATE ROLE " + ownRole + " LOGIN IN ROLE pg_monitor"},
		{"postgres", "postgres", "CREATE ROLE " + peerRole + " LOGIN IN ROLE pg_monitor"},
		{"postgres", "postgres", "CREATE DATABASE " + first + " OWNER " + appRole},
		{appRole, first, schema(o.tables)},
		{"postgres", first, "VACUUM ANALYZE"},
	}
	for n := 2; n <= o.databases; n++ {
		steps = append(steps, struct{ user, db, sql string }{
			"postgres", "postgres", fmt.Sprintf("CREATE DATABASE odoo%d TEMPLATE %s OWNER %s", n, first, appRole),
		})
	}
	for n := 1; n <= o.databases; n++ {
		steps = append(steps, struct{ user, db, sql string }{appRole, fmt.Sprintf("odoo%d", n), traffic(o.tables)})
	}
	steps = append(steps, struct{ user, db, sql string }{"postgres", "postgres", "CHECKPOINT"})
	for _, step := range steps {
		if err := p.Exec(ctx, step.user, step.db, step.sql); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// financeTables are some that every Odoo with accounting has.
var financeTables = []string{
	"account_move", "account_move_line", "account_payment", "account_bank_statement", "account_bank_statement_line",
	"account_journal", "account_partial_reconcile", "account_full_reconcile", "ir_attachment", "ir_cron", "mail_message", "queue_job",
}

// tableName names the tables of a database, those of accounting first.
func tableName(n int) string {
	if n < len(financeTables) {
		return financeTables[n]
	}
	return fmt.Sprintf("addon_table_%d", n)
}

// schema makes tables of fifty rows with a primary key and another index.
func schema(tables int) string {
	var b strings.Builder
	for n := range tables {
		name := tableName(n)
		fmt.Fprintf(&b, `CREATE TABLE %[1]s (id serial PRIMARY KEY, name text, state text, write_date timestamp);
INSERT INTO %[1]s (name, state, write_date) SELECT 'row ' || n, 'posted', now() FROM generate_series(1, 50) n;
CREATE INDEX %[1]s_state_idx ON %[1]s (state);
`, name)
	}
	return b.String()
}

// traffic fills pg_stat_statements: two statements for each table.
func traffic(tables int) string {
	var b strings.Builder
	for n := range tables {
		fmt.Fprintf(&b, "SELECT count(*) FROM %[1]s WHERE id > 1; UPDATE %[1]s SET state = 'posted' WHERE id = 1;\n", tableName(n))
	}
	return b.String()
}

func newRedis(ctx context.Context, l *lab.Lab, keys int) (*lab.Redis, error) {
	r, err := l.Redis(ctx, lab.RedisOptions{Args: []string{"--enable-debug-command", "yes"}})
	if err != nil {
		return nil, err
	}
	words := []string{fmt.Sprintf("DEBUG POPULATE %d sess 64", keys)}
	for range 50 {
		words = append(words, redisTraffic...)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := fmt.Fprintf(conn, "%s\r\n", strings.Join(words, "\r\n")); err != nil {
		return nil, err
	}
	answers := bufio.NewReader(conn)
	for _, word := range words {
		line, err := answers.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(line, "-") {
			return nil, fmt.Errorf("redis answers %q to %s", strings.TrimSpace(line), word)
		}
	}
	return r, nil
}

// redisTraffic are commands as an Odoo with sessions and a queue sends them, each
// answered in one line.
var redisTraffic = []string{
	"SET k v", "EXISTS k", "EXPIRE k 1000", "TTL k", "INCR n", "DECR n", "APPEND a x", "STRLEN a", "RPUSH l a b", "LLEN l", "LTRIM l 0 10",
	"SADD s a b", "SCARD s", "SREM s b", "HSET h f v", "HLEN h", "HEXISTS h f", "HINCRBY h n 1", "ZADD z 1 a", "ZCARD z", "PUBLISH c m",
	"DEL k", "TYPE h", "DBSIZE", "XLEN x", "PERSIST n", "SETEX e 100 v", "SETNX e v", "LREM l 1 a", "UNLINK a",
}

// statements counts those a role has sent so far.
func (s *servers) statements(ctx context.Context, role string) (float64, error) {
	return s.count(ctx, "SELECT coalesce(sum(s.calls), 0) AS n FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = $1", role)
}

// logins counts the sessions that anybody has begun so far.
func (s *servers) logins(ctx context.Context) (float64, error) {
	return s.count(ctx, "SELECT sum(sessions) AS n FROM pg_stat_database")
}

func (s *servers) count(ctx context.Context, sql string, args ...any) (float64, error) {
	r := s.counters.Batch(ctx, pgsession.Query{Name: "counters", SQL: sql, Args: args})
	n, _ := r[0].First().Float("n")
	return n, r.Err()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
