package store

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// Options say where samples are kept and what queries may cost. Zero values
// are the defaults named beside them.
type Options struct {
	Dir       string        // created when it is not there
	Retention time.Duration // 30 days: older blocks are deleted
	// MinBlockDuration is the time range of a new block (2 hours); what is
	// younger is in memory and in the write-ahead log.
	MinBlockDuration time.Duration
	// Backwards is how far the clock may step back without samples being
	// refused (10 minutes).
	Backwards time.Duration
	Queries   Limits
	Now       func() time.Time // time.Now
	Log       *slog.Logger     // discards
	Own       *telemetry.Own   // counts what is stored and refused; counts nothing
}

// Limits bound queries. Zero values are the defaults named beside them.
type Limits struct {
	MaxSamples    int           // samples one query may hold in memory at once (10 million)
	Timeout       time.Duration // of one query, waiting included (30 s)
	MaxConcurrent int           // queries at once; more wait for their turn (8)
	MaxBody       int64         // bytes of a posted form (1 MiB)
}

func (o *Options) setDefaults() {
	o.Retention = cmp.Or(o.Retention, 30*24*time.Hour)
	o.MinBlockDuration = cmp.Or(o.MinBlockDuration, 2*time.Hour)
	o.Backwards = cmp.Or(o.Backwards, 10*time.Minute)
	o.Queries.MaxSamples = cmp.Or(o.Queries.MaxSamples, 10_000_000)
	o.Queries.Timeout = cmp.Or(o.Queries.Timeout, 30*time.Second)
	o.Queries.MaxConcurrent = cmp.Or(o.Queries.MaxConcurrent, 8)
	o.Queries.MaxBody = cmp.Or(o.Queries.MaxBody, 1<<20)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	o.Own = cmp.Or(o.Own, telemetry.NewOwn())
	if o.Now == nil {
		o.Now = time.Now
	}
}

// A Store is an open database. It is safe for concurrent use, but Append waits
// for an Append that has begun.
type Store struct {
	options  Options
	db       *tsdb.DB
	engine   *promql.Engine
	appender *appender
	metadata metadataStore
}

// Open opens or creates the database in o.Dir and replays its write-ahead log.
// A lock a killed process left behind is taken over; a directory another
// process has open is refused.
func Open(o Options) (*Store, error) {
	o.setDefaults()
	db, err := tsdb.Open(o.Dir, o.Log.With("part", "tsdb"), nil, o.tsdb(), nil)
	if err != nil {
		return nil, openFault(o.Dir, err)
	}
	s := &Store{options: o, db: db}
	s.engine = promql.NewEngine(promql.EngineOpts{
		Logger:                   o.Log.With("part", "promql"),
		MaxSamples:               o.Queries.MaxSamples,
		Timeout:                  o.Queries.Timeout,
		ActiveQueryTracker:       newTurnstile(o.Queries.MaxConcurrent),
		LookbackDelta:            5 * time.Minute,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
	})
	s.appender = newAppender(db, o.Own)
	o.Own.GaugeFunc("closewatch_store_series", "Series in the store's memory.", func() float64 { return float64(db.Head().NumSeries()) })
	if newest := time.UnixMilli(db.Head().MaxTime()); db.Head().NumSeries() > 0 && newest.After(o.Now().Add(time.Hour)) {
		o.Log.Warn("the store holds samples from the future; new ones are refused until the clock has passed them",
			"newest", newest.UTC(), "hint", "check the clock of this machine")
	}
	return s, nil
}

func (o *Options) tsdb() *tsdb.Options {
	t := tsdb.DefaultOptions()
	t.RetentionDuration = o.Retention.Milliseconds()
	t.MinBlockDuration = o.MinBlockDuration.Milliseconds()
	t.MaxBlockDuration = max(t.MinBlockDuration, min(o.Retention.Milliseconds()/10, 31*24*time.Hour.Milliseconds()))
	t.OutOfOrderTimeWindow = o.Backwards.Milliseconds()
	t.WALCompression = compression.Snappy
	t.StripeSize = 1 << 11
	return t
}

func openFault(dir string, err error) error {
	hint := "check that the directory can be written; a damaged block is a subdirectory that can be moved away"
	if errors.Is(err, syscall.EWOULDBLOCK) {
		hint = "another process has it open: stop it or choose another data directory"
	}
	return &fault.Error{Op: "open the store in " + dir, Kind: fault.Internal, Err: err, Hint: hint}
}

// Close writes what has to be written and releases the directory.
func (s *Store) Close() error {
	return errors.Join(s.engine.Close(), s.db.Close())
}

// turnstile lets a bounded number of queries run at once.
type turnstile struct{ slots chan struct{} }

var _ promql.QueryTracker = turnstile{}

func newTurnstile(n int) turnstile { return turnstile{make(chan struct{}, n)} }

func (t turnstile) GetMaxConcurrent() int { return cap(t.slots) }

func (t turnstile) Insert(ctx context.Context, _ string) (int, error) {
	select {
	case t.slots <- struct{}{}:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (t turnstile) Delete(int) { <-t.slots }

// Close implements promql.QueryTracker.
func (t turnstile) Close() error { return nil }
