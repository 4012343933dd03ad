package redis

import (
	"context"
	"net"
	"time"
)

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// failing makes a dialer that returns a connection in any case, one whose first
// use fails with the reason when there is none. The library's pool answers a
// failed dial with a goroutine that dials again every second, outlives the
// client's Close and, until it succeeds, repeats old errors to us; a connection
// that breaks it simply drops.
func failing(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return broken{err}, nil //nolint:nilerr // the connection carries the reason
		}
		return conn, nil
	}
}

// broken is a connection that could not be made.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error)         { return 0, b.err }
func (b broken) Write([]byte) (int, error)        { return 0, b.err }
func (b broken) Close() error                     { return nil }
func (b broken) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (b broken) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (b broken) SetDeadline(time.Time) error      { return nil }
func (b broken) SetReadDeadline(time.Time) error  { return nil }
func (b broken) SetWriteDeadline(time.Time) error { return nil }
