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
}

func (s *slot) usable() bool { return s.conn != nil && !s.conn.IsClosed() }

func (s *slot) dial(ctx context.Context, config *pgconn.Config) error {
	s.wire = newWire(config.DialFunc)
	cfg := config.Copy()
	cfg.DialFunc = s.wire.dial
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		s.wire.cut()
		s.wire = nil
		return err
	}
	s.conn = conn
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

// quit is drop for a connection that may be healthy.
func (s *slot) quit() { s.drop() }

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
