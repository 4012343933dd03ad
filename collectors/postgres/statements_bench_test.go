package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// BenchmarkStatements is one reading of 9,800 statements of a thousand
// characters each. It tells our processor time and, as closewatch itself
// publishes it, the time the server executed for it.
func BenchmarkStatements(b *testing.B) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p, err := l.Postgres(b.Context(), lab.PostgresOptions{Settings: map[string]string{"pg_stat_statements.max": "10000"}})
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Exec(b.Context(), "postgres", "postgres", "CREATE ROLE mon LOGIN; GRANT pg_monitor TO mon; CREATE TABLE account_move (id int)"); err != nil {
		b.Fatal(err)
	}
	conn, err := pgconn.Connect(b.Context(), p.DSN("postgres", "postgres"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	made := 0
	execute := func(n int) {
		for range n {
			made++
			columns := "id" // a statement is another where a column takes a constant's place
			for bit := range 14 {
				columns += [...]string{", 1", ", id"}[made>>bit&1]
			}
			sql := "SELECT " + columns + " FROM account_move WHERE " + strings.Repeat(`"account_move"."id" > 0 AND `, 35) + "true"
			if _, err := conn.Exec(b.Context(), sql).ReadAll(); err != nil {
				b.Fatal(err)
			}
		}
	}
	execute(9800)
	for _, fresh := range []int{0, 50} {
		b.Run(fmt.Sprintf("new=%d", fresh), func(b *testing.B) {
			var cfg postgres.Config
			cfg.SetDefaults()
			cfg.DSN = secret.New(p.DSN("mon", "postgres"))
			w := &watch{Instance: postgres.New(postgres.Settings{Component: "db", Environment: "bench", Config: cfg}), tasks: map[string]collector.Collector{}}
			defer w.Close()
			for _, task := range w.Tasks() {
				w.tasks[task.Name] = task.Collector
			}
			before := measured(b, w)
			var ours time.Duration
			for b.Loop() {
				b.StopTimer()
				execute(fresh)
				begun := processorTime(b)
				b.StartTimer()
				measured(b, w)
				ours += processorTime(b) - begun
			}
			server := measured(b, w)["pg_own_statement_seconds_total"] - before["pg_own_statement_seconds_total"]
			b.ReportMetric(1000*server/float64(b.N), "server-ms/op")
			b.ReportMetric(1000*ours.Seconds()/float64(b.N), "cpu-ms/op")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measured(b *testing.B, w *watch) series {
	b.Helper()
	got, err := w.run(b.Context(), w.tasks["statements"])
	if err != nil {
		b.Fatal(err)
	}
	return got
}
