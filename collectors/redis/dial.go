package redis

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"syscall"
	"time"
)

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// dialing connects within the context and, when config is not nil, agrees on TLS
// within it too, which the library's own dialer does not bound by it.
func dialing(timeout time.Duration, config *tls.Config) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, address)
		if err != nil || config == nil {
			return conn, err
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secured, nil
	}
}

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
		if raw, ok := conn.(syscall.Conn); ok {
			return &telling{Conn: conn, raw: raw}, nil
		}
		return conn, nil // TLS
	}
}

// telling is a connection that tells why the server closed it. A server that
// takes no more clients says so once and closes; what is written afterwards only
// hears of a broken pipe. The library looks through syscall.Conn whether the
// server has closed.
type telling struct {
	net.Conn
	raw  syscall.Conn
	said string // the latest error the server sent
}

// partingWait bounds the wait for what has already been sent to us.
const partingWait = 100 * time.Millisecond

// Read implements net.Conn.
func (t *telling) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	if n > 0 {
		t.said = errorLine(b[:n])
	}
	return n, err
}

// Write implements net.Conn.
func (t *telling) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)
	if err == nil {
		return n, nil
	}
	if t.said == "" && t.SetReadDeadline(time.Now().Add(partingWait)) == nil {
		_, _ = t.Read(make([]byte, 512))
	}
	if t.said != "" {
		err = parting(t.said)
	}
	return n, err
}

// SyscallConn implements syscall.Conn.
func (t *telling) SyscallConn() (syscall.RawConn, error) { return t.raw.SyscallConn() }

// errorLine is the text of an answer that is an error, "" of another. An answer
// has at least one byte.
func errorLine(answer []byte) string {
	if answer[0] != '-' {
		return ""
	}
	line, _, _ := strings.Cut(string(answer[1:min(len(answer), 512)]), "\r\n")
	return line
}

// parting is what a server said before it closed the connection.
type parting string

func (p parting) Error() string { return string(p) }

// RedisError makes it an error of the server's for the library.
func (parting) RedisError() {}

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
