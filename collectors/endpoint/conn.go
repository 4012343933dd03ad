package endpoint

import (
	"context"
	"net"
	"sync"
)

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// listenAfterSpeaking makes connections that read nothing before something was
// written to them. A server that speaks first speaks no HTTP; the library would
// write what it said to the log of the process.
func listenAfterSpeaking(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &quietConn{Conn: conn, spoken: make(chan struct{})}, nil
	}
}

type quietConn struct {
	net.Conn
	once   sync.Once
	spoken chan struct{} // closed by the first write, or by Close
}

// Read implements net.Conn.
func (c *quietConn) Read(b []byte) (int, error) {
	<-c.spoken
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *quietConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.speak()
	return n, err
}

// Close implements net.Conn.
func (c *quietConn) Close() error {
	err := c.Conn.Close()
	c.speak() // whoever waits to read finds it closed
	return err
}

func (c *quietConn) speak() { c.once.Do(func() { close(c.spoken) }) }
