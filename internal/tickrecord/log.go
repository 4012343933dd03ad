package tickrecord

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// Options say where the record is and how much of it is kept.
type Options struct {
	Dir     string
	Grid    time.Duration    // distance of ticks
	Segment int64            // bytes of a file; 0 means durable.DefaultSegment
	Age     time.Duration    // what is older goes with Retain; 0 keeps all
	Bytes   int64            // what is beyond goes with Retain; 0 keeps all
	Now     func() time.Time // nil means time.Now; dates files
	Disk    durable.Disk
}

// A ClockBackError says that a tick is not after the last one that was recorded: the
// clock was set back, or another daemon wrote. The tick is decided on all the
// same; until the clock has passed Last again there is no record, which is a
// gap with a reason.
type ClockBackError struct{ At, Last time.Time }

func (e *ClockBackError) Error() string {
	return fmt.Sprintf("the tick of %s is not after the last one recorded, of %s: the clock was set back, or was ahead then", e.At.UTC().Format(time.RFC3339Nano), e.Last.Format(time.RFC3339Nano))
}

// ErrOffGrid says that a tick is not on the grid.
var ErrOffGrid = errors.New("the tick is not on the grid")

// A Log is the tick record of one daemon. It is safe for concurrent use: any
// number may read while one appends.
type Log struct {
	log   *durable.Log
	codec *codec
	grid  time.Duration

	mu    sync.Mutex
	last  time.Time // zero when nothing is recorded
	flags byte      // of the next record
}

// Open opens the tick record in a directory. Damage that was found is named and
// set aside; the record goes on behind it. One Log writes a directory at a
// time.
func Open(o Options) (*Log, []durable.DamageError, error) {
	op := "open the tick record in " + o.Dir
	if o.Grid <= 0 {
		return nil, nil, &fault.Error{Op: op, Kind: fault.Internal, Err: fmt.Errorf("a grid of %s", o.Grid)}
	}
	log, damage, err := durable.OpenLog(durable.LogOptions{Dir: o.Dir, Segment: o.Segment, Age: o.Age, Bytes: o.Bytes, Now: o.Now, Disk: o.Disk})
	if err != nil {
		return nil, damage, opening(op, err)
	}
	l := &Log{log: log, grid: o.Grid, flags: flagOpened}
	if l.codec, err = newCodec(); err != nil {
		return nil, damage, opening(op, err)
	}
	last, found, err := log.Last()
	if err == nil && found {
		var e envelope
		e, err = openEnvelope(last)
		l.last = e.at
	}
	if err != nil {
		return nil, damage, opening(op, errors.Join(err, l.Close()))
	}
	return l, damage, nil
}

func opening(op string, err error) error {
	if errors.Is(err, durable.ErrVersion) || errors.Is(err, errFormat) {
		return &fault.Error{Op: op, Kind: fault.Schema, Err: err, Hint: "run the version of closewatch that wrote it, or move the directory away to start a new record"}
	}
	return fault.Wrap(op, err, "make the data directory readable and writable, and free space on its disk")
}

// Append records a tick; it is on disk when Append returns nil. A tick that is
// not after the last one is refused with a *ClockBackError and changes nothing. After
// any other error the same tick may be appended again; a process that is killed
// before may find it recorded.
func (l *Log) Append(r Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	const op = "record the tick"
	switch {
	case !r.At.Truncate(l.grid).Equal(r.At) || !kept(r.At):
		return &fault.Error{Op: op, Kind: fault.Internal, Err: fmt.Errorf("%w: %s, every %s", ErrOffGrid, r.At.Format(time.RFC3339Nano), l.grid)}
	case !r.At.After(l.last) && !l.last.IsZero():
		l.flags |= flagStepped
		return &ClockBackError{At: r.At, Last: l.last}
	case len(r.Payload) > MaxPayload:
		return &fault.Error{Op: op, Kind: fault.Limit, Err: fmt.Errorf("%w: %d bytes, at most %d", durable.ErrTooLarge, len(r.Payload), MaxPayload)}
	case max(len(r.Config), len(r.Calendar), len(r.Version), len(r.Evidence)) > maxText:
		return &fault.Error{Op: op, Kind: fault.Limit, Err: fmt.Errorf("%w: a hash or version of more than %d bytes", durable.ErrTooLarge, maxText)}
	}
	if _, err := l.log.Append(l.codec.pack(r, l.flags)); err != nil {
		return fault.Wrap(op, err, "free space on the disk of --data: what is decided now cannot be replayed")
	}
	l.last, l.flags = r.At.UTC(), 0
	return nil
}

// kept reports whether an instant can be told in nanoseconds since 1970.
func kept(t time.Time) bool {
	return t.After(time.Unix(0, math.MinInt64)) && t.Before(time.Unix(0, math.MaxInt64))
}

// Last returns the newest record. found is false when there is none.
func (l *Log) Last() (r Record, found bool, err error) {
	last, found, err := l.log.Last()
	if err != nil || !found {
		return Record{}, false, reading(err)
	}
	e, err := openEnvelope(last)
	if err == nil {
		r, err = l.codec.unpack(e)
	}
	return r, err == nil, reading(err)
}

func reading(err error) error {
	return fault.Wrap("read the tick record", err, "")
}

// Read yields the records of [from, to) in their order, as they were when the
// iteration began. Damage is yielded as an error that is durable.ErrDamaged,
// after which the iteration goes on; any other error ends it.
func (l *Log) Read(from, to time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		start, err := l.seek(from)
		if err != nil {
			yield(Record{}, reading(err))
			return
		}
		l.codec.read(l.log.Records(start), from, to, yield)
	}
}

// Read yields the records of [from, to) of a directory that a daemon may be
// writing.
func Read(dir string, from, to time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		c, err := newCodec()
		if err != nil {
			yield(Record{}, reading(err))
			return
		}
		c.read(durable.ReadLog(dir, 1), from, to, yield)
		_ = c.close() // holds memory only
	}
}

// read unpacks the records of [from, to).
func (c *codec) read(records iter.Seq2[durable.Record, error], from, to time.Time, yield func(Record, error) bool) {
	for e, err := range envelopes(records) {
		var r Record
		switch {
		case err != nil:
		case e.at.Before(from):
			continue
		case !e.at.Before(to):
			return
		default:
			r, err = c.unpack(e)
		}
		if !yield(r, reading(err)) || err != nil && !errors.Is(err, durable.ErrDamaged) {
			return
		}
	}
}

// envelopes opens the envelope of every record.
func envelopes(records iter.Seq2[durable.Record, error]) iter.Seq2[envelope, error] {
	return func(yield func(envelope, error) bool) {
		for r, err := range records {
			var e envelope
			if err == nil {
				e, err = openEnvelope(r)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// seek returns the number of a record from which to read what is at or after
// t, and one record before it.
func (l *Log) seek(t time.Time) (uint64, error) {
	return l.log.Seek(func(b []byte) bool {
		e, err := openEnvelope(durable.Record{Payload: b})
		return err == nil && !e.at.Before(t)
	})
}

// Retain removes what Options say is too old or too much: call it every hour
// or so. It returns how many files were removed.
func (l *Log) Retain(now time.Time) (removed int, err error) {
	removed, err = l.log.Retain(now)
	return removed, fault.Wrap("remove old tick records", err, "make the data directory writable")
}

// Scrub checks the whole record, which reads all of it, and names and sets
// aside what is damaged.
func (l *Log) Scrub(ctx context.Context) ([]durable.DamageError, error) {
	damage, err := l.log.Scrub(ctx)
	return damage, reading(err)
}

// Close ends the record. Nothing is lost without it.
func (l *Log) Close() error { return errors.Join(l.codec.close(), l.log.Close()) }
