package prometheus

import (
	"net"
	"sync"
)

// A listener is a connection that is heard only once something was said: what a
// server says first is no HTTP, and the library would write it to the log of
// the process.
type listener struct {
	net.Conn
	once sync.Once
	said chan struct{}
}

func newListener(c net.Conn) *listener { return &listener{Conn: c, said: make(chan struct{})} }

// Read implements net.Conn.
func (l *listener) Read(b []byte) (int, error) {
	<-l.said
	return l.Conn.Read(b)
}

// Write implements net.Conn.
func (l *listener) Write(b []byte) (int, error) {
	defer l.open()
	return l.Conn.Write(b)
}

// Close implements net.Conn.
func (l *listener) Close() error {
	defer l.open()
	return l.Conn.Close()
}

func (l *listener) open() { l.once.Do(func() { close(l.said) }) }
