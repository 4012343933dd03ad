package collectors_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	goredis "github.com/redis/go-redis/v9"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/collectors/redis"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

func startPostgres(t *testing.T, o lab.PostgresOptions) *lab.Postgres {
	t.Helper()
	p, err := startLab(t).Postgres(t.Context(), o)
	must(t, err)
	must(t, p.Exec(t.Context(), "postgres", "postgres", `CREATE ROLE mon LOGIN; GRANT pg_monitor TO mon; CREATE ROLE app LOGIN`))
	return p
}

const used = "pg_connections_used_ratio"

func healthy(tasks ...string) []check {
	checks := []check{is("pg_up", 1), present(used)}
	for _, task := range tasks {
		checks = append(checks, is(success(task), 1))
	}
	return checks
}

// Somebody holds an ACCESS EXCLUSIVE lock on the catalogues that everything else
// reads: a login cannot end, a statement that needs them cannot begin.
func TestFaultLockedCatalogue(t *testing.T) {
	parallel(t)
	p := startPostgres(t, lab.PostgresOptions{})
	w := watchPostgres(t, postgresConfig(p.DSN("mon", "postgres")))
	w.becomes(t, "healthy", healthy("server", "statistics")...)
	o := oversee(t, p, `BEGIN; LOCK TABLE pg_class, pg_authid, pg_database IN ACCESS EXCLUSIVE MODE`)
	w.becomes(t, "told as locked", append(failing("statistics", "locked"), is("pg_up", 1))...)

	// One that comes now gets in no more, and does not try again and again.
	late := watchPostgres(t, postgresConfig(p.DSN("mon", "postgres")))
	late.becomes(t, "told as down", append(failing("server", "timeout"), is("pg_up", 0), absent(used))...)
	if got := late.state("postgres_connections"); got != "unknown" {
		t.Errorf("nothing is known of the connections, and they are %s", got)
	}
	w.scrapes(t, "catalogue locked")
	late.scrapes(t, "catalogue locked before the start")
	times := 4.0
	if full() {
		times = 20
	}
	late.becomes(t, "told again", above(failures("server", "timeout"), times))
	w.becomes(t, "told again", above(failures("statistics", "locked"), times), is("pg_up", 1))
	o.release(t, "ROLLBACK")
	w.becomes(t, "healthy again", healthy("server", "statistics")...)
	late.becomes(t, "healthy at last", healthy("server", "statistics")...)
}

// The server stops in the middle of everything: connections stay open, and new
// ones are taken by the kernel.
func TestFaultFrozenPostgres(t *testing.T) {
	parallel(t)
	p := startPostgres(t, lab.PostgresOptions{})
	w := watchPostgres(t, postgresConfig(p.DSN("mon", "postgres")))
	w.becomes(t, "healthy", healthy("server", "statistics")...)
	if got := w.state("postgres_connections"); got != "ok" {
		t.Errorf("the connections are %s", got)
	}
	must(t, p.Pause())
	w.becomes(t, "told as failing", failing("statistics", "timeout")...)
	before, _ := w.scrape(t)
	if _, kept := before[used]; !kept {
		t.Error("what was known is gone at once")
	}
	w.becomes(t, "withdrawn", absent(used))
	if got := w.state("postgres_connections"); got != "unknown" {
		t.Errorf("nothing is known of the connections any more, and they are %s", got)
	}
	after := w.becomes(t, "told as down", append(failing("server", "timeout"), is("pg_up", 0))...)
	if before[lastSuccess("statistics")] == 0 || after[lastSuccess("statistics")] != before[lastSuccess("statistics")] {
		t.Errorf("the last success is told as %v, then %v", before[lastSuccess("statistics")], after[lastSuccess("statistics")])
	}
	w.scrapes(t, "server stopped")
	must(t, p.Resume())
	w.becomes(t, "healthy again", healthy("server", "statistics")...)
	o := oversee(t, p, "")
	w.scrapes(t, "healthy again")
	o.end(t)
}

// Every connection that others than superusers may have is taken.
func TestFaultConnectionsExhausted(t *testing.T) {
	parallel(t)
	p := startPostgres(t, lab.PostgresOptions{Settings: map[string]string{"max_connections": "12", "superuser_reserved_connections": "3"}})
	early := watchPostgres(t, postgresConfig(p.DSN("mon", "postgres")))
	early.becomes(t, "healthy", healthy("server", "statistics")...)
	o := oversee(t, p, "")
	var crowd []*pgconn.PgConn
	leave := func() {
		for _, conn := range crowd {
			_ = conn.Close(context.Background())
		}
		crowd = nil
	}
	defer leave()
	for {
		conn, err := pgconn.Connect(t.Context(), p.DSN("app", "postgres"))
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "53300" {
			break
		}
		must(t, err)
		crowd = append(crowd, conn)
	}
	late := watchPostgres(t, postgresConfig(p.DSN("mon", "postgres")))
	late.becomes(t, "told why", append(failing("server", "limit"), is("pg_up", 0), absent(used))...)
	if got := late.state("postgres_up"); got != "critical" {
		t.Errorf("a server that takes nobody is %s", got)
	}
	early.becomes(t, "told as full", append(healthy("server", "statistics"), above(used, 0.7))...)
	early.scrapes(t, "connections exhausted")
	late.scrapes(t, "connections exhausted before the start")
	leave()
	late.becomes(t, "healthy at last", healthy("server", "statistics")...)
	o.end(t)
}

// A standby comes and goes.
func TestFaultStandbyRestarted(t *testing.T) {
	parallel(t)
	p := startPostgres(t, lab.PostgresOptions{Standby: true})
	w := watchPostgres(t, postgresConfig(p.DSN("mon", "postgres"), postgres.Standby{Name: "two", DSN: secret.New(p.Standby.DSN("mon", "postgres"))}))
	up := "pg_standby_up{standby=two}"
	w.becomes(t, "healthy", append(healthy("server"), is(up, 1))...)
	o := oversee(t, p, "")
	times := 3
	if full() {
		times = 20
	}
	for n := range times {
		must(t, p.Standby.Stop(t.Context()))
		w.becomes(t, "told as gone", append(failing("server", "unreachable"), is(up, 0), is("pg_up", 1), is("pg_primaries", 1))...)
		if n == 0 {
			w.scrapes(t, "standby down")
		}
		must(t, p.Standby.Start(t.Context()))
		w.becomes(t, "told as back", append(healthy("server", "statistics"), is(up, 1), is("pg_primaries", 1))...)
	}
	o.end(t)
}

func redisConfig(url string) redis.Config {
	var cfg redis.Config
	cfg.SetDefaults()
	cfg.URL = secret.New(url)
	cfg.Interval, cfg.PingInterval, cfg.Timeout = estate.Duration(interval), estate.Duration(100*time.Millisecond), estate.Duration(timeout)
	return cfg
}

func watchRedis(t *testing.T, cfg redis.Config) *watch {
	t.Helper()
	return startWatch(t, "redis", redis.New(redis.Settings{Component: "it", Environment: "test", Config: cfg}), redis.Signals())
}

const clients = "redis_connected_clients"

// One command keeps Redis from all others.
func TestFaultRedisAsleep(t *testing.T) {
	parallel(t)
	r, err := startLab(t).Redis(t.Context(), lab.RedisOptions{Args: []string{"--enable-debug-command", "yes"}})
	must(t, err)
	w := watchRedis(t, redisConfig(r.URL()))
	w.becomes(t, "healthy", is("redis_up", 1), present(clients))
	o, err := goredis.ParseURL(r.URL())
	must(t, err)
	o.ReadTimeout, o.PoolSize, o.DisableIdentity = time.Minute, 1, true
	client := goredis.NewClient(o)
	defer func() { _ = client.Close() }()
	seconds := 8
	if full() {
		seconds = 15
	}
	awake := make(chan error, 1)
	go func() { awake <- client.Do(context.Background(), "DEBUG", "SLEEP", seconds).Err() }()
	before := w.becomes(t, "told as down", append(failing("info", "timeout"), is("redis_up", 0))...)
	if _, kept := before[clients]; !kept {
		t.Error("what was known is gone at once")
	}
	if got := w.state("redis_up"); got == "ok" {
		t.Errorf("a server that does not answer is %s", got)
	}
	after := w.becomes(t, "withdrawn", absent(clients))
	w.scrapes(t, "Redis asleep")
	if before[lastSuccess("info")] == 0 || after[lastSuccess("info")] != before[lastSuccess("info")] {
		t.Errorf("the last success is told as %v, then %v", before[lastSuccess("info")], after[lastSuccess("info")])
	}
	must(t, <-awake)
	w.becomes(t, "healthy again", is("redis_up", 1), is(success("info"), 1), present(clients))
	// Two of the watch and one of the test; what was given up is closed.
	w.becomes(t, "left with its connections", check{clients, clients + " is above 3", func(s series) bool { return s[clients] <= 3 }})
}

// The primary stops answering, and the Sentinels promote its replica.
func TestFaultFailoverThroughSentinels(t *testing.T) {
	parallel(t)
	l := startLab(t)
	primary, err := l.Redis(t.Context(), lab.RedisOptions{})
	must(t, err)
	_, err = l.Redis(t.Context(), lab.RedisOptions{ReplicaOf: primary})
	must(t, err)
	cfg := redisConfig(primary.URL())
	cfg.Sentinels = &redis.Sentinels{Master: "mymaster"}
	for range 3 {
		s, err := l.Sentinel(t.Context(), lab.SentinelOptions{Primary: primary, Name: "mymaster", Quorum: 2})
		must(t, err)
		cfg.Sentinels.URLs = append(cfg.Sentinels.URLs, secret.New(s.URL()))
	}
	w := watchRedis(t, cfg)
	ready := check{"redis_sentinel_master", "no Sentinel knows the replica and the others", func(s series) bool {
		n := 0
		for _, sentinel := range cfg.Sentinels.URLs {
			labels := "{master_address=" + primary.Addr + ",master_name=mymaster,sentinel=" + sentinel.Reveal()[len("redis://"):len(sentinel.Reveal())-len("/0")] + "}"
			if s["redis_sentinel_master_slaves"+labels] == 1 && s["redis_sentinel_master_sentinels"+labels] == 3 {
				n++
			}
		}
		return n == 3
	}}
	failovers := "redis_sentinel_failovers_total{master_name=mymaster}"
	w.becomes(t, "ready to fail over", is("redis_up", 1), present(clients), is(failovers, 0), ready)
	must(t, primary.Pause())
	w.becomes(t, "told as down", append(failing("server", "timeout"), is("redis_up", 0))...)
	w.scrapes(t, "failover")
	w.becomes(t, "failed over", is(failovers, 1), is("redis_up", 1), is(success("info"), 1), present(clients))
	w.becomes(t, "agreed", is("redis_sentinel_disagreement{master_name=mymaster}", 0))
	must(t, primary.Resume())
}
