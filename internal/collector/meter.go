package collector

import (
	"context"
	"sync/atomic"
	"time"
)

// Spent is what a monitored system was asked for.
type Spent struct {
	Requests    uint64        // statements, commands or calls sent
	Connections uint64        // connections opened, or tried to
	Waiting     time.Duration // time its answers took, the network included; of several at a time, the sum
}

func (s Spent) plus(o Spent) Spent {
	return Spent{s.Requests + o.Requests, s.Connections + o.Connections, s.Waiting + o.Waiting}
}

// Minus is what was spent since it was o.
func (s Spent) Minus(o Spent) Spent {
	return Spent{s.Requests - o.Requests, s.Connections - o.Connections, s.Waiting - o.Waiting}
}

// A Meter adds up what a monitored system was asked for. The zero value is at
// nothing; it is safe for concurrent use.
type Meter struct {
	requests, connections atomic.Uint64
	waiting               atomic.Int64
}

// Spent implements Spender.
func (m *Meter) Spent() Spent {
	return Spent{m.requests.Load(), m.connections.Load(), time.Duration(m.waiting.Load())}
}

// Add adds s.
func (m *Meter) Add(s Spent) {
	m.requests.Add(s.Requests)
	m.connections.Add(s.Connections)
	m.waiting.Add(int64(s.Waiting))
}

type meterKey struct{}

// WithMeter has what is charged to the returned context added up by m.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// Charge tells what was asked of a monitored system on behalf of ctx. In a run
// of a task that is the cost of the task; where nobody meters it does nothing.
func Charge(ctx context.Context, s Spent) {
	if m, ok := ctx.Value(meterKey{}).(*Meter); ok {
		m.Add(s)
	}
}
