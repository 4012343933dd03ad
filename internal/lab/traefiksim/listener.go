package traefiksim

import (
	"net"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// A listener counts its open connections and can close them all, those taken
// over by a websocket included.
type listener struct {
	net.Listener
	open prometheus.Gauge

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newListener(l net.Listener, open prometheus.Gauge) *listener {
	open.Set(0)
	return &listener{Listener: l, open: open, conns: map[*conn]struct{}{}}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tracked := &conn{Conn: c, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[tracked] = struct{}{}
	l.open.Set(float64(len(l.conns)))
	return tracked, nil
}

// drop closes what is still open.
func (l *listener) drop() {
	l.mu.Lock()
	open := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

type conn struct {
	net.Conn
	listener *listener
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.open.Set(float64(len(c.listener.conns)))
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
