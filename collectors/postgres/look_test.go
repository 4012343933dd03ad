package postgres

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// BenchmarkLook is one look at a primary with a standby, and what it costs the
// server's process that answers (server-us/op).
func BenchmarkLook(b *testing.B) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p, err := l.Postgres(b.Context(), lab.PostgresOptions{Standby: true})
	if err != nil {
		b.Fatal(err)
	}
	for name, server := range map[string]*lab.Postgres{"primary": p, "standby": p.Standby} {
		b.Run(name, func(b *testing.B) {
			session := pgsession.Open(pgsession.Settings{DSN: secret.New(server.DSN("postgres", "postgres"))})
			defer session.Close()
			who := session.Batch(b.Context(), pgsession.Query{Name: "pid", SQL: "SELECT pg_backend_pid() AS pid"})
			pid := who[0].First().String("pid")
			before := onCPU(b, pid)
			s := &sampler{session: session, now: time.Now}
			for b.Loop() {
				l, err := s.ask(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				s.last, s.last.met = l, l.met.Add(-lookEvery) // as if a second had passed
			}
			b.ReportMetric(float64(s.cost().Requests)/float64(b.N), "statements/op")
			b.ReportMetric(float64((onCPU(b, pid)-before).Microseconds())/float64(b.N), "server-us/op")
		})
	}
}

// onCPU is the processor time that a process has used.
func onCPU(b *testing.B, pid string) time.Duration {
	b.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/schedstat")
	if err != nil {
		b.Fatal(err)
	}
	ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(ns)
}
