package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// Sampling of what flows write to a database.
const (
	sampleEvery = 20 // runs of a flow
	keepSamples = 8  // of a flow; the least of them is told
	readTimeout = 2 * time.Second

	// settle is how long after a run its rows are counted at the latest: a
	// server process that has nothing to do tells its statistics within ten
	// seconds. PGSTAT_IDLE_INTERVAL in PostgreSQL's pgstat.c.
	settle = 12 * time.Second

	// tellsWhenIdle is the first version of PostgreSQL whose idle processes do
	// so. Before it, what a run wrote may be counted whenever.
	tellsWhenIdle = 150000
)

// A meter measures what the runs of one component cost.
type meter struct{ rows *rowSampler } // nil: the database is not read

// measure is a flow.Meter.
func (m *meter) measure(ctx context.Context, run flow.Run) (context.Context, func() *flow.Cost) {
	used := &odoorpc.Meter{}
	end := m.rows.begin(ctx, run.Flow)
	return odoorpc.WithMeter(ctx, used), func() *flow.Cost {
		end()
		u := used.Usage()
		return &flow.Cost{Requests: int(u.Requests), Sent: u.Sent, Received: u.Received, Busy: u.Waiting, Rows: m.rows.least(run.Flow)}
	}
}

// A rowCounter reads how many rows of a database were changed since its
// statistics began.
type rowCounter interface {
	Count(context.Context) (flow.Rows, error)
	Close()
}

// A rowSampler tells what runs write to a database at most: around one run in
// twenty of each flow it reads the database's counters, in which everybody
// else's changes are, too, and keeps the least of the last samples. One sample
// is taken at a time. A nil sampler samples nothing.
type rowSampler struct {
	open func() rowCounter
	now  func() time.Time
	log  *slog.Logger

	stop    context.Context //nolint:containedctx // ends what waits for the counters to settle
	cancel  context.CancelFunc
	waiting sync.WaitGroup

	mu       sync.Mutex
	sampling bool
	failed   bool           // the last sample could not be taken: said once
	runs     map[string]int // of each flow, since its last sample
	samples  map[string][]flow.Rows
}

func newRowSampler(open func() rowCounter, now func() time.Time, log *slog.Logger) *rowSampler {
	stop, cancel := context.WithCancel(context.Background())
	return &rowSampler{open: open, now: now, log: log, stop: stop, cancel: cancel, runs: map[string]int{}, samples: map[string][]flow.Rows{}}
}

// begin is called before a run and returns what is called after it. Neither
// waits longer than one short question to the database.
func (s *rowSampler) begin(ctx context.Context, name string) (end func()) {
	if s == nil || !s.due(name) {
		return func() {}
	}
	counter := s.open()
	before, err := read(ctx, counter)
	if err != nil {
		counter.Close()
		s.done(name, flow.Rows{}, err)
		return func() {}
	}
	return func() { s.waiting.Go(func() { s.finish(name, counter, before) }) }
}

// due reports whether a run is to be sampled, and if so begins to.
func (s *rowSampler) due(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[name]++
	if s.sampling || len(s.samples[name]) > 0 && s.runs[name] < sampleEvery || s.failed && s.runs[name] < sampleEvery {
		return false
	}
	s.sampling, s.runs[name] = true, 0
	return true
}

// finish takes the second half of a sample.
func (s *rowSampler) finish(name string, counter rowCounter, before flow.Rows) {
	defer counter.Close()
	select {
	case <-s.stop.Done():
		s.done(name, flow.Rows{}, s.stop.Err())
		return
	case <-time.After(settle):
	}
	after, err := read(s.stop, counter)
	rows := flow.Rows{
		Inserted: after.Inserted - before.Inserted, Updated: after.Updated - before.Updated, Deleted: after.Deleted - before.Deleted,
		Commits: after.Commits - before.Commits, At: s.now().UTC(),
	}
	if err == nil && min(rows.Inserted, rows.Updated, rows.Deleted, rows.Commits) < 0 {
		err = errors.New("the statistics were reset meanwhile")
	}
	s.done(name, rows, err)
}

// done ends a sample.
func (s *rowSampler) done(name string, rows flow.Rows, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sampling = false
	if s.stop.Err() != nil {
		return
	}
	if err != nil {
		if !s.failed {
			s.log.Info("what flows write to the database is not measured", "flow", name, "kind", fault.KindOf(err), "err", err)
		}
		s.failed = true
		return
	}
	s.failed = false
	kept := append(s.samples[name], rows)
	s.samples[name] = kept[max(0, len(kept)-keepSamples):]
}

// least is the smallest of the samples of a flow, or nil.
func (s *rowSampler) least(name string) *flow.Rows {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var least *flow.Rows
	for _, rows := range s.samples[name] {
		if least == nil || rows.Written() < least.Written() {
			least = &rows
		}
	}
	return least
}

// close ends what waits, and returns when it has ended.
func (s *rowSampler) close() {
	if s == nil {
		return
	}
	s.cancel()
	s.waiting.Wait()
}

func read(ctx context.Context, counter rowCounter) (flow.Rows, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return counter.Count(ctx)
}

// A databaseCounter is the rowCounter of a PostgreSQL database.
type databaseCounter struct{ session *pgsession.Session }

const countersSQL = `SELECT tup_inserted, tup_updated, tup_deleted, xact_commit, current_setting('server_version_num')::int AS version
	FROM pg_stat_database WHERE datname = current_database()`

// Count implements rowCounter.
func (c databaseCounter) Count(ctx context.Context) (flow.Rows, error) {
	answer := c.session.Batch(ctx, pgsession.Query{Name: "row counters", SQL: countersSQL})[0]
	if answer.Err != nil {
		return flow.Rows{}, answer.Err
	}
	row := answer.First()
	var rows flow.Rows
	var known [4]bool
	rows.Inserted, known[0] = row.Int("tup_inserted")
	rows.Updated, known[1] = row.Int("tup_updated")
	rows.Deleted, known[2] = row.Int("tup_deleted")
	rows.Commits, known[3] = row.Int("xact_commit")
	version, _ := row.Int("version")
	switch {
	case known != [4]bool{true, true, true, true}:
		return rows, &fault.Error{Op: "read the row counters", Kind: fault.Schema, Err: errors.New("there are none")}
	case version < tellsWhenIdle:
		return rows, &fault.Error{Op: "read the row counters", Kind: fault.Schema, Err: fmt.Errorf("PostgreSQL %d tells them too late", version/10000)}
	}
	return rows, nil
}

// Close implements rowCounter.
func (c databaseCounter) Close() { c.session.Close() }

// rowSampler is how the rows of a component's database are sampled; nil when
// it is not read.
func (p *Plan) rowSampler(c plannedComponent, s proberSettings) *rowSampler {
	dsn, allowed := c.odoo.SQL.DSN, c.odoo.SQL.AllowSuperuser
	if dsn.IsZero() {
		server := p.postgres[c.Environment]
		dsn, allowed = server.DSN, allowed || server.AllowSuperuser
	}
	if dsn.IsZero() {
		return nil
	}
	settings := pgsession.Settings{
		DSN: dsn, Database: c.odoo.RPC.Database, Superuser: pgsession.NoSuperuser(c.Environment, allowed, s.log.With("component", c.Name)),
	}
	return newRowSampler(func() rowCounter { return databaseCounter{pgsession.Open(settings)} }, s.now, s.log.With("component", c.Name))
}
