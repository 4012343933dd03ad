package postgres

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// A server answers a sampler's questions as a primary or standby would whose log
// stands where the test says.
type server struct {
	now       time.Time
	recovers  bool
	position  uint64 // of a standby: what it has received
	replayed  uint64
	receives  bool
	waits     string // whether replay waits for a query; "∅" when the role may not see it
	asked     []string
	refusing  error // of identity
	startedAt time.Time
}

func (s *server) batch(_ context.Context, queries ...pgsession.Query) pgsession.Results {
	var results pgsession.Results
	for _, q := range queries {
		s.asked = append(s.asked, q.Name)
		results = append(results, s.answer(q.Name))
	}
	return results
}

func (s *server) answer(name string) pgsession.Result {
	stamp := func(t time.Time) string { return t.Format("2006-01-02 15:04:05.999999") + "+00" }
	flag := map[bool]string{true: "t", false: "f"}
	switch name {
	case positionQuery.Name:
		columns := []string{"before", "recovering", "position", "snapshot", "timeline", "replayed", "received", "transaction", "paused", "started", "after"}
		if s.recovers {
			return rows(name, columns, []string{
				stamp(s.now), "t", "∅", "∅", "∅", pgsession.FormatLSN(s.replayed), pgsession.FormatLSN(s.position), "∅", "f", stamp(s.startedAt), stamp(s.now),
			})
		}
		return rows(name, columns, []string{
			stamp(s.now), "f", pgsession.FormatLSN(s.position), strconv.FormatUint(s.position, 10), "00000001", "∅", "∅", "∅", "∅", stamp(s.startedAt), stamp(s.now),
		})
	case neighboursQuery.Name:
		return rows(name, []string{
			"current", "receives", "status", "receiver_slot", "sender_host", "receive_start_lsn", "receive_start_tli", "received_tli", "written_lsn",
			"flushed_lsn", "last_msg_send_time", "last_msg_receipt_time", "latest_end_lsn", "latest_end_time", "announce", "upstream_host", "pid",
		}, []string{
			pgsession.FormatLSN(s.position), flag[s.receives], "streaming", "∅", "10.0.0.1", "0/1", "1", "1", pgsession.FormatLSN(s.position),
			pgsession.FormatLSN(s.position), stamp(s.now), stamp(s.now), pgsession.FormatLSN(s.position), stamp(s.now), "'node 2'", "∅", "∅",
		})
	case identityQuery.Name:
		r := rows(name, []string{"system", "checkpoint_timeline", "delay", "cluster_name", "version"}, []string{"7", "1", "0", "", "15.18"})
		r.Err = s.refusing
		return r
	case startupQuery.Name:
		return rows(name, []string{"conflict"}, []string{s.waits})
	}
	return rows(name, []string{"streams", "restores"}, []string{"t", "f"})
}

// What is asked of a server each second, beyond its position.
func TestQuestions(t *testing.T) {
	const identified = "identity, sources of the log"
	idle := func(*server) {}
	upToIdentity := []string{identified + ", replication"}
	for i := lookEvery; i < identityEvery; i += lookEvery {
		upToIdentity = append(upToIdentity, map[bool]string{true: "replication"}[i%neighboursEvery == 0])
	}
	upToIdentity = append(upToIdentity, identified+", replication")
	writes := func(s *server) { s.position += 100 }
	tests := map[string]struct {
		server server
		each   func(*server) // what happens before each further look
		want   []string      // of each look, the first included
	}{
		"an idle primary":                {server{}, idle, []string{identified + ", replication", "", "", "replication", "", "", "replication"}},
		"a primary that writes":          {server{}, writes, []string{identified + ", replication", "replication", "replication", "replication"}},
		"a standby that keeps up":        {server{recovers: true, receives: true}, func(s *server) { s.position += 100; s.replayed = s.position }, []string{identified + ", replication", "replication", "replication"}},
		"a standby that replays nothing": {server{recovers: true, receives: true, position: 100, waits: "f"}, idle, []string{identified + ", replication", "replay", "replay", "replay, replication"}},
		"a standby cut off":              {server{recovers: true}, idle, []string{identified + ", replication", "", "", identified + ", replication"}},
		"a server that restarts":         {server{}, func(s *server) { s.startedAt = s.startedAt.Add(time.Second) }, []string{identified + ", replication", identified + ", replication"}},
		"a standby that is promoted":     {server{recovers: true, receives: true}, func(s *server) { s.recovers = false }, []string{identified + ", replication", identified + ", replication", "replication", ""}},
		"a reload is seen":               {server{}, idle, upToIdentity},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := tt.server
			srv.now, srv.startedAt = march31, march31.Add(-time.Hour)
			s := &sampler{batch: srv.batch, now: func() time.Time { return srv.now }}
			for i, want := range tt.want {
				if i > 0 {
					srv.now = srv.now.Add(lookEvery)
					tt.each(&srv)
				}
				srv.asked = nil
				l, err := s.ask(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				s.last = l
				got := slices.DeleteFunc(srv.asked, func(q string) bool { return q == positionQuery.Name })
				slices.Sort(got)
				wanted := slices.DeleteFunc(strings.Split(want, ", "), func(q string) bool { return q == "" })
				slices.Sort(wanted)
				if !slices.Equal(got, wanted) {
					t.Fatalf("look %d asked for %q, want %q", i, got, wanted)
				}
				if l.system != 7 || l.version != "15.18" || l.recovering && l.timeline != 1 {
					t.Fatalf("look %d has forgotten the identity: %+v", i, l.identity)
				}
			}
		})
	}
}

func TestReplayThatWaits(t *testing.T) {
	for waits, want := range map[string]string{"t": "true", "f": "false", "∅": "unknown"} {
		srv := &server{now: march31, startedAt: march31, recovers: true, receives: true, position: 100, waits: waits}
		s := &sampler{batch: srv.batch, now: func() time.Time { return march31 }}
		for range 2 {
			l, err := s.ask(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.last = l
		}
		got := "unknown"
		if c := s.last.conflict; c != nil {
			got = strconv.FormatBool(*c)
		}
		if got != want {
			t.Errorf("of %q, conflict is %s, want %s", waits, got, want)
		}
		if got := s.last.application(); got != "node 2" {
			t.Errorf("connects as %q, want node 2", got)
		}
	}
}

// One look a second of each server, with all that may be due, stays within the
// budget.
func TestLookBudget(t *testing.T) {
	srv := &server{now: march31, startedAt: march31}
	s := &sampler{batch: srv.batch, now: func() time.Time { return srv.now }}
	for range 5 {
		srv.now, srv.position = srv.now.Add(lookEvery), srv.position+1
		l, err := s.ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.last = l
	}
	if asked, most := uint64(len(srv.asked)), lookBudget(1, serverEvery).Requests; asked < 5 || asked > most {
		t.Errorf("%d statements are asked, want 5 to %d", asked, most)
	}
}

func TestIdentityIsNeeded(t *testing.T) {
	refused := &fault.Error{Op: "read identity", Kind: fault.Denied}
	srv := &server{now: march31, startedAt: march31, refusing: refused}
	s := &sampler{batch: srv.batch, now: func() time.Time { return march31 }}
	if _, err := s.ask(t.Context()); fault.KindOf(err) != fault.Denied {
		t.Errorf("a look without identity: %v, want kind denied", err)
	}
}

// BenchmarkLook is one look each second at an idle primary and its standby: the
// processor time of the server's process that answers, and ours.
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
			var spent collector.Meter
			ctx := collector.WithMeter(b.Context(), &spent)
			before, ours := onCPU(b, pid), own(b)
			s := &sampler{batch: session.Batch, now: time.Now}
			for b.Loop() {
				l, err := s.ask(ctx)
				if err != nil {
					b.Fatal(err)
				}
				s.last, s.last.met = l, l.met.Add(-lookEvery) // as if a second had passed
			}
			b.ReportMetric(float64((own(b)-ours).Microseconds())/float64(b.N), "client-us/op")
			b.ReportMetric(float64(spent.Spent().Requests)/float64(b.N), "statements/op")
			b.ReportMetric(float64((onCPU(b, pid)-before).Microseconds())/float64(b.N), "server-us/op")
		})
	}
}

// own is the processor time that this process has used.
func own(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
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
