package postgres_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// BenchmarkTables is one run of the task "tables" on a server of 20 databases
// with 200 tables each: the processor time of the server, its children and
// connections included, and ours.
func BenchmarkTables(b *testing.B) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p, err := l.Postgres(b.Context(), lab.PostgresOptions{Settings: map[string]string{"autovacuum": "off", "max_locks_per_transaction": "1024"}})
	if err != nil {
		b.Fatal(err)
	}
	execute := func(database, sql string) {
		if err := p.Exec(b.Context(), "postgres", database, sql); err != nil {
			b.Fatal(err)
		}
	}
	execute("postgres", "CREATE ROLE mon LOGIN; GRANT pg_monitor TO mon")
	execute("postgres", "CREATE DATABASE model")
	execute("model", tablesOfModel)
	for n := range 19 {
		execute("postgres", fmt.Sprintf("CREATE DATABASE model%d TEMPLATE model", n))
	}
	execute("postgres", "CHECKPOINT")
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN = secret.New(p.DSN("mon", "postgres"))
	cfg.Databases.Include = []string{"model*"}
	i := postgres.New(postgres.Settings{Component: "db", Environment: "bench", Config: cfg})
	defer i.Close()
	w := &watch{Instance: i}
	w.only()
	run := func() series {
		got, err := w.run(b.Context(), w.tasks["tables"])
		if err != nil {
			b.Fatal(err)
		}
		return got
	}
	for range 4 {
		run() // then every database has told its tables
	}
	logins := func() float64 {
		text, err := p.Value(b.Context(), "postgres", "postgres", "SELECT sum(sessions) FROM pg_stat_database WHERE datname LIKE 'model%'")
		if err != nil {
			b.Fatal(err)
		}
		n, _ := strconv.ParseFloat(text, 64)
		return n
	}
	var got series
	spent := w.tasks["tables"].(collector.Spender).Spent().Requests
	loggedIn, server, own := logins(), cpuOfServer(b, p), cpuOfUs(b)
	for b.Loop() {
		got = run()
	}
	b.ReportMetric((cpuOfUs(b)-own)*1000/float64(b.N), "own-cpu-ms/op")
	b.ReportMetric((cpuOfServer(b, p)-server)*1000/float64(b.N), "server-cpu-ms/op")
	b.ReportMetric(float64(w.tasks["tables"].(collector.Spender).Spent().Requests-spent)/float64(b.N), "statements/op")
	b.ReportMetric((logins()-loggedIn)/float64(b.N), "logins/op")
	b.ReportMetric(float64(len(got)), "series")
}

const tablesOfModel = `
DO $$ BEGIN
  FOR n IN 1..200 LOOP
    EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, a int, b text, c timestamptz DEFAULT now())', n);
    EXECUTE format('CREATE INDEX ON t%s (a)', n);
    EXECUTE format('INSERT INTO t%s (a, b) SELECT g, md5(g::text) FROM generate_series(1, 50) g', n);
  END LOOP;
  ALTER TABLE t1 RENAME TO account_move;
END $$;
ANALYZE`

// cpuOfServer is the processor time, in seconds, that a server and those of its
// processes that have ended have used. Those that run are few and the same.
func cpuOfServer(b *testing.B, p *lab.Postgres) float64 {
	b.Helper()
	pid, err := os.ReadFile(p.DataDir + "/postmaster.pid")
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	stat, err := os.ReadFile("/proc/" + first + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	ticks := 0.0
	for _, field := range strings.Fields(after)[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseFloat(field, 64)
		ticks += n
	}
	const ticksPerSecond = 100
	return ticks / ticksPerSecond
}

func cpuOfUs(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
