package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// BenchmarkTasks is one run of each task that asks a small server: what it costs
// us and what it costs the server.
func BenchmarkTasks(b *testing.B) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p, err := l.Postgres(b.Context(), lab.PostgresOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for n := range 20 {
		if err := p.Exec(b.Context(), "postgres", "postgres", fmt.Sprintf("CREATE DATABASE odoo%d", n)); err != nil {
			b.Fatal(err)
		}
	}
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN = secret.New(p.DSN("postgres", "postgres"))
	i := postgres.New(postgres.Settings{Component: "db", Environment: "bench", Config: cfg})
	defer i.Close()
	w := &watch{Instance: i}
	for _, task := range i.Tasks() {
		if task.Name == "server" || task.Name == "replication" {
			continue // they read memory
		}
		b.Run(task.Name, func(b *testing.B) {
			var spent collector.Meter
			ctx := collector.WithMeter(b.Context(), &spent)
			if _, err := w.run(ctx, task.Collector); err != nil { // connects and prepares
				b.Fatal(err)
			}
			before, server, ours := spent.Spent(), serverCPU(b, p.PID()), ownCPU(b)
			for b.Loop() {
				if _, err := w.run(ctx, task.Collector); err != nil {
					b.Fatal(err)
				}
			}
			n := float64(b.N)
			b.ReportMetric((ownCPU(b)-ours)*1000/n, "own-cpu-ms/op")
			b.ReportMetric((serverCPU(b, p.PID())-server)*1000/n, "server-cpu-ms/op")
			b.ReportMetric(float64(spent.Spent().Requests-before.Requests)/n, "statements/op")
		})
	}
}

// serverCPU is what the server's processes have used, in seconds, in steps of
// the kernel's tick.
func serverCPU(b *testing.B, postmaster int) float64 {
	b.Helper()
	const ticksPerSecond = 100 // USER_HZ
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	ticks := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // from the third field of proc(5) on
		if len(fields) < 15 || fields[1] != strconv.Itoa(postmaster) {
			continue
		}
		for _, field := range fields[11:13] { // utime, stime
			n, err := strconv.Atoi(field)
			if err != nil {
				b.Fatal(err)
			}
			ticks += n
		}
	}
	return float64(ticks) / ticksPerSecond
}

func ownCPU(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
