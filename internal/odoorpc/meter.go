package odoorpc

import (
	"context"
	"sync/atomic"
	"time"
)

// A Meter counts what the calls below a context cost Odoo and the network.
// The zero Meter is ready; it is safe for concurrent use.
type Meter struct {
	requests, sent, received, waited atomic.Int64
}

// A Usage is what a Meter has counted.
type Usage struct {
	Requests int64         // sent, answered or not; logins and detection included
	Sent     int64         // bytes of request bodies
	Received int64         // bytes of the answers' bodies, as far as they were read
	Waiting  time.Duration // from sending a request to the end of its answer: at most what a worker was busy for, plus queue and network
}

// Usage returns what was counted so far.
func (m *Meter) Usage() Usage {
	return Usage{
		Requests: m.requests.Load(), Sent: m.sent.Load(), Received: m.received.Load(),
		Waiting: time.Duration(m.waited.Load()),
	}
}

type meterKey struct{}

// WithMeter returns a context in which every request of a Client is counted by
// m, and no longer by a meter further up.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// count adds one request to the meter of ctx, if there is one.
func count(ctx context.Context, sent, received int, waited time.Duration) {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	if m == nil {
		return
	}
	m.requests.Add(1)
	m.sent.Add(int64(sent))
	m.received.Add(int64(received))
	m.waited.Add(int64(waited))
}
