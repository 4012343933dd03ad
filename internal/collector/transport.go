package collector

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// Transport has every request that goes through next charged to its context:
// itself, the connections dialled for it, and the time until its body was read or
// closed.
func Transport(next http.RoundTripper) http.RoundTripper { return charging{next} }

type charging struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c charging) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, begun := r.Context(), time.Now()
	dialled := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectStart: func(string, string) { Charge(ctx, Spent{Connections: 1}) },
	})
	Charge(ctx, Spent{Requests: 1})
	resp, err := c.next.RoundTrip(r.WithContext(dialled))
	if err != nil {
		Charge(ctx, Spent{Waiting: time.Since(begun)})
		return nil, err
	}
	resp.Body = &chargedBody{ReadCloser: resp.Body, ctx: ctx, begun: begun}
	return resp, nil
}

// CloseIdleConnections is what http.Client looks for.
func (c charging) CloseIdleConnections() {
	if t, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// A chargedBody charges the time it took once.
type chargedBody struct {
	io.ReadCloser
	ctx   context.Context
	begun time.Time
	once  sync.Once
}

// Read implements io.Reader.
func (b *chargedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.charge()
	}
	return n, err
}

// Close implements io.Closer.
func (b *chargedBody) Close() error {
	b.charge()
	return b.ReadCloser.Close()
}

func (b *chargedBody) charge() {
	b.once.Do(func() { Charge(b.ctx, Spent{Waiting: time.Since(b.begun)}) })
}
