package pgsession_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

const key = 20261127

// A replicated is a primary with its standby, as two hosts of one connection
// string.
func replicated(t *testing.T) (l *lab.Lab, p *lab.Postgres, both pgsession.Settings) {
	t.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if p, err = l.Postgres(t.Context(), lab.PostgresOptions{Standby: true}); err != nil {
		t.Fatal(err)
	}
	admin(t, p, "CREATE ROLE mon LOGIN")
	dsn := p.DSN("mon", "postgres")
	host := func(p *lab.Postgres) string { return strings.TrimPrefix(strings.Split(p.DSN("", ""), "/")[2], "@") }
	return l, p, pgsession.Settings{DSN: secret.New(strings.Replace(dsn, host(p), host(p)+","+host(p.Standby), 1))}
}

func take(t *testing.T, candidates ...pgsession.Settings) (*pgsession.Lock, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	lock, err := pgsession.TakeLock(ctx, key, candidates...)
	if err == nil {
		t.Cleanup(lock.Release)
	}
	return lock, err
}

func mustTake(t *testing.T, candidates ...pgsession.Settings) *pgsession.Lock {
	t.Helper()
	lock, err := take(t, candidates...)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Check(t.Context()); err != nil {
		t.Fatalf("right after it was taken: %v", err)
	}
	return lock
}

// taken is what somebody else is told who does not wait long.
func taken(t *testing.T, s pgsession.Settings) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	lock, err := pgsession.TakeLock(ctx, key, s)
	if err == nil {
		lock.Release()
	}
	return err
}

func TestLock(t *testing.T) {
	t.Parallel()
	l, p, both := replicated(t)
	t.Run("one session holds it at a time", func(t *testing.T) {
		first := mustTake(t, both)
		if name, err := p.Value(t.Context(), "postgres", "postgres", "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"); err != nil || name != pgsession.LockName {
			t.Errorf("its holder is called %q, %v", name, err)
		}
		if err := taken(t, both); !errors.Is(err, pgsession.ErrLocked) {
			t.Errorf("a second session: %v", err)
		}
		second := make(chan error, 1)
		go func() {
			lock, err := pgsession.TakeLock(t.Context(), key, both)
			if err == nil {
				lock.Release()
			}
			second <- err
		}()
		first.Release()
		first.Release() // twice is no harm
		if err := <-second; err != nil {
			t.Errorf("one that waited: %v", err)
		}
		if err := first.Check(t.Context()); err == nil {
			t.Error("a lock that was given back is still held")
		}
	})
	t.Run("it is lost with the server's process, and stays lost", func(t *testing.T) {
		lock := mustTake(t, both)
		admin(t, p, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
		for range 2 {
			if err := lock.Check(t.Context()); fault.KindOf(err) != fault.Unreachable && fault.KindOf(err) != fault.Unavailable {
				t.Errorf("Check() = %v (kind %s)", err, fault.KindOf(err))
			}
		}
		mustTake(t, both).Release()
	})
	t.Run("it is lost when the network is", func(t *testing.T) {
		line := cuttable(t, p)
		lock := mustTake(t, pgsession.Settings{DSN: secret.New(line.dsn(p))})
		line.cut()
		if err := lock.Check(t.Context()); fault.KindOf(err) != fault.Timeout {
			t.Errorf("Check() = %v (kind %s), want a timeout", err, fault.KindOf(err))
		}
		line.mend()
		if err := lock.Check(t.Context()); err == nil {
			t.Error("what was lost is found again")
		}
	})
	b, err := l.PgBouncer(t.Context(), p, lab.PgBouncerOptions{Users: []string{"mon"}, Settings: map[string]string{
		"pool_mode":                 "transaction",
		"ignore_startup_parameters": "statement_timeout,lock_timeout,idle_in_transaction_session_timeout,default_transaction_read_only,tcp_keepalives_idle,tcp_keepalives_interval,tcp_keepalives_count",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		dsn  string
		kind fault.Kind
		want string
	}{
		"a standby":         {p.Standby.DSN("mon", "postgres"), fault.Blocked, "the server is a standby (name the primary in the connection string)"},
		"a pooler":          {b.DSN("mon", "postgres"), fault.Blocked, "a pooler stands before the server: its sessions are not the server's (name PostgreSQL itself in the connection string)"},
		"nobody there":      {"postgres://mon@127.0.0.1:1/postgres?sslmode=disable", fault.Unreachable, "connect to PostgreSQL 127.0.0.1:1"},
		"unreadable":        {"postgres://a:b:c@:x/", fault.Schema, "the connection string cannot be read"},
		"a role it has not": {p.DSN("nobody", "postgres"), fault.Auth, "nobody"},
	} {
		t.Run("it is refused by "+name, func(t *testing.T) {
			if _, err := take(t, pgsession.Settings{DSN: secret.New(tt.dsn)}); fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v (kind %s), want kind %s and %q", err, fault.KindOf(err), tt.kind, tt.want)
			}
		})
	}
	t.Run("it is lost with the primary and got again on the next", func(t *testing.T) {
		lock := mustTake(t, both)
		admin(t, p.Standby, "SELECT pg_promote()")
		if _, err := take(t, both); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "are primaries") {
			t.Errorf("with two primaries: %v", err)
		}
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := lock.Check(t.Context()); err == nil {
			t.Error("a lock outlived its server")
		}
		mustTake(t, both)
	})
}

// A line is a way to a server that can be cut: nothing is refused then, and
// nothing arrives.
type line struct {
	listener net.Listener
	server   string
	done     sync.WaitGroup

	mu     sync.Mutex
	open   chan struct{} // closed while the line is open
	ends   []net.Conn
	closed bool
}

func cuttable(t *testing.T, p *lab.Postgres) *line {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, server: strings.TrimPrefix(strings.Split(p.DSN("", ""), "/")[2], "@"), open: make(chan struct{})}
	close(l.open)
	l.done.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := new(net.Dialer).DialContext(context.Background(), "tcp", l.server)
			if err != nil {
				_ = from.Close()
				continue
			}
			l.carry(from, to)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.mend()
		l.mu.Lock()
		for _, c := range l.ends {
			_ = c.Close()
		}
		l.mu.Unlock()
		l.done.Wait()
	})
	return l
}

func (l *line) dsn(p *lab.Postgres) string {
	return strings.Replace(p.DSN("mon", "postgres"), l.server, l.listener.Addr().String(), 1)
}

func (l *line) carry(a, b net.Conn) {
	l.mu.Lock()
	l.ends = append(l.ends, a, b)
	l.mu.Unlock()
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		l.done.Go(func() {
			defer func() { _ = way[1].Close() }()
			_, _ = io.Copy(gate{way[1], l}, way[0]) // ends with either end
		})
	}
}

// A gate lets nothing through while its line is cut.
type gate struct {
	io.Writer
	line *line
}

func (g gate) Write(b []byte) (int, error) {
	g.line.mu.Lock()
	open := g.line.open
	g.line.mu.Unlock()
	<-open
	return g.Writer.Write(b)
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = make(chan struct{})
	l.closed = true
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		close(l.open)
		l.closed = false
	}
}
