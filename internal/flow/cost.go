package flow

import (
	"context"
	"time"
)

// A Cost is what one run, clean-up included, asked of what it drove.
type Cost struct {
	Requests int   `json:"requests"`
	Sent     int64 `json:"sent_bytes"`     // bodies of the requests
	Received int64 `json:"received_bytes"` // bodies of the answers

	// Busy is the time between requests and their answers, added up: a worker
	// of Odoo was busy no longer than that. The network is in it.
	Busy time.Duration `json:"busy_ns"`

	// Rows is what a run of this flow writes to the database at most, as far as
	// runs were sampled; nil when none was.
	Rows *Rows `json:"rows,omitempty"`
}

// Rows are changes to one database while a run was under way, those of
// everybody else included.
type Rows struct {
	Inserted int64     `json:"inserted"`
	Updated  int64     `json:"updated"`
	Deleted  int64     `json:"deleted"`
	Commits  int64     `json:"commits"`
	At       time.Time `json:"at"` // when the sample was taken
}

// Written is the number of rows that were inserted, updated or deleted.
func (r Rows) Written() int64 { return r.Inserted + r.Updated + r.Deleted }

// A Meter begins to measure what a run will cost. Calls made with the context
// that it returns are counted; the function it returns says what came of it
// once the run has cleaned up, nil when that is not known.
type Meter func(ctx context.Context, run Run) (context.Context, func() *Cost)

// meter begins to measure a run. A meter that panics measures nothing.
func (s *Settings) meter(ctx context.Context, run Run) (metered context.Context, cost func() *Cost) {
	defer func() {
		if recover() != nil {
			metered, cost = ctx, func() *Cost { return nil }
		}
	}()
	if s.Meter == nil {
		return ctx, func() *Cost { return nil }
	}
	metered, end := s.Meter(ctx, run)
	return metered, func() (measured *Cost) {
		_ = protect(func() error { measured = end(); return nil })
		return measured
	}
}
