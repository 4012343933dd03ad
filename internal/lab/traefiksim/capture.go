package traefiksim

import (
	"io"
	"net/http"
	"sync/atomic"
)

// A capture notes the status and size of a response while passing it on. The
// status stays 0 when the connection is taken over, as by a websocket.
type capture struct {
	http.ResponseWriter
	status int
	size   int64
}

func (c *capture) WriteHeader(status int) {
	if c.status == 0 && status >= 200 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *capture) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.size += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController flush and hijack.
func (c *capture) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// A body counts the bytes of a request that were read. It is read by the
// transport, possibly beyond the end of the exchange.
type body struct {
	io.ReadCloser
	length int64 // declared; -1 when unknown
	size   atomic.Int64
	ended  atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.size.Add(int64(n))
	if err == io.EOF {
		b.ended.Store(true)
	}
	return n, err
}

// complete reports whether the client has sent all it wanted to.
func (b *body) complete() bool {
	return b.ended.Load() || b.size.Load() == b.length
}
