package pgsession

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// loginPatience is how long a login that the server has begun and does not end
// is left to it. A server that is merely busy gives up before that, after its
// authentication_timeout; one whose machine is gone is noticed by TCP.
const loginPatience = 10 * time.Minute

// A login is one attempt to connect. Who gives up a login too early leaves the
// server with a process that waits, for a lock on a catalogue say, beyond the
// reach of every timeout, and the next attempt adds another. So a login is
// finished, however long it takes the server, before there is a next.
type login struct {
	done   chan struct{} // closed when it has ended; then these are set
	conn   *pgconn.PgConn
	wire   *wire
	err    error
	cancel context.CancelFunc
}

// begin starts a login. The time to reach the server is bounded by dialling: until
// it is reached nothing of ours is there.
func begin(config *pgconn.Config, dialling time.Duration) *login {
	ctx, cancel := context.WithTimeout(context.Background(), loginPatience)
	l := &login{done: make(chan struct{}), cancel: cancel}
	w := newWire(func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialling)
		defer cancel()
		return config.DialFunc(ctx, network, addr)
	})
	cfg := config.Copy()
	cfg.DialFunc = w.dial
	go func() {
		defer close(l.done)
		defer cancel()
		if l.conn, l.err = pgconn.ConnectConfig(ctx, cfg); l.err != nil {
			w.cut()
			return
		}
		l.wire = w
	}()
	return l
}

// end gives the login up, and returns when it has ended.
func (l *login) end() {
	l.cancel()
	<-l.done
}
