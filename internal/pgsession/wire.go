package pgsession

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A slot is one of a session's connections, or the room for it. Whoever took
// it from the session's channel owns it.
type slot struct {
	conn     *pgconn.PgConn
	wire     *wire
	prepared prepared // on conn
	login    *login   // under way; nil when there is none
}

func (s *slot) usable() bool { return s.conn != nil && !s.conn.IsClosed() }

// connect waits for the login that is under way, or begins one. A login that
// takes longer than patience goes on: the slot is taken until it has ended.
func (s *slot) connect(ctx context.Context, config *pgconn.Config, patience time.Duration) error {
	if s.login == nil {
		s.login = begin(config, patience) //nolint:contextcheck // it may outlive ctx
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-s.login.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return context.DeadlineExceeded
	}
	l := s.login
	s.login = nil
	if l.err != nil {
		return l.err
	}
	s.conn, s.wire = l.conn, l.wire
	return nil
}

// drop gives up a connection that failed. The driver says goodbye to the
// server in the background for up to 15 seconds; the slot's bound on
// connections does not wait for that, it cuts the line.
func (s *slot) drop() {
	if s.conn == nil {
		return
	}
	if !s.conn.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		_ = s.conn.Close(ctx)
		cancel()
	}
	select {
	case <-s.conn.CleanupDone():
	case <-time.After(goodbye):
	}
	s.wire.cut()
	<-s.conn.CleanupDone()
	s.conn, s.wire, s.prepared = nil, nil, prepared{}
}

// quit is drop for a connection that may be healthy, or still to come.
func (s *slot) quit() {
	if s.login != nil {
		s.login.end()
		s.conn, s.wire, s.login = s.login.conn, s.login.wire, nil
	}
	s.drop()
}

// goodbye is how long a server gets to take leave of us: enough for a cancel
// request to stop a statement of ours, too short to hold anything up.
const goodbye = 200 * time.Millisecond

// A wire is every network connection made on behalf of one PostgreSQL
// connection: its own and those of cancel requests.
type wire struct {
	next   pgconn.DialFunc
	ctx    context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	conns []net.Conn
}

func newWire(next pgconn.DialFunc) *wire {
	w := &wire{next: next}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)() //nolint:contextcheck // ends with the connection as well
	conn, err := w.next(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		_ = conn.Close()
		return nil, w.ctx.Err()
	}
	w.conns = append(w.conns, conn)
	return conn, nil
}

// cut ends every connection at once and lets no new one come up.
func (w *wire) cut() {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}
