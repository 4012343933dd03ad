package postgres_test

import (
	"testing"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// BenchmarkStatistics is one collection of a small server, daemon and server
// together.
func BenchmarkStatistics(b *testing.B) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p, err := l.Postgres(b.Context(), lab.PostgresOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN = secret.New(p.DSN("postgres", "postgres"))
	i := postgres.New(postgres.Settings{Component: "db", Environment: "bench", Config: cfg})
	defer i.Close()
	w := &watch{Instance: i}
	for _, task := range i.Tasks() {
		if task.Name == "statistics" {
			for b.Loop() {
				if _, err := w.run(b.Context(), task.Collector); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
