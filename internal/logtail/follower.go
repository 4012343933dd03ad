package logtail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Bounds of a follower.
const (
	// MaxLine is how long a line may be, in bytes: longer ones are counted, not
	// handed over.
	MaxLine   = 256 << 10
	bufferLen = 2 * MaxLine // of which at least half is free before a read
	pollEvery = 250 * time.Millisecond
	// missingFor is how long a log that was there may be away before that is a
	// finding: rotation takes its name away for a moment.
	missingFor = 10 * time.Second
)

// A Follower reads a log by name. All of it belongs to the goroutine of Run;
// only Snapshot may be called by others.
//
// It holds the files still to be read, oldest first. The last of them is the
// one the writer had open when last looked; it is left only once another file
// of that name has content, so nothing written late to a renamed file is lost.
type Follower[S any] struct {
	o        Options
	consumer Consumer[S]
	counts   Counts

	sources []*source
	last    *position // where reading stopped, when there is no source; zero when there never was a log
	buf     []byte
	fill    int // bytes of buf that hold unread data of sources[0]
	head    [headSize]byte

	problem      error     // why the log cannot be read, nil when it can
	missingSince time.Time // zero while the name exists
	caughtUp     time.Time // when all that was written had been read
	dirty        bool      // counted since the last checkpoint
	saved        time.Time
	snapshot     atomic.Pointer[Snapshot[S]]
}

// A source is an open file and how far it has been read.
type source struct {
	file *os.File
	position
}

// New resumes from the state file when it is there and about this log. It
// reads nothing else.
func New[S any](o Options, c Consumer[S]) *Follower[S] {
	f := &Follower[S]{o: o, consumer: c, buf: make([]byte, bufferLen), caughtUp: o.Now()}
	if o.State == "" {
		return f
	}
	saved, found, err := load[S](o.State)
	switch {
	case err != nil:
		o.Log.Warn("log position unusable, starting at the end of the log", "log", o.Name, "file", o.State, "err", err)
	case found && saved.Path == o.Path:
		c.Restore(saved.State)
		f.counts, f.last, f.caughtUp = saved.Counts, &saved.Position, saved.CaughtUp
	}
	return f
}

// Run follows until ctx is done.
func (f *Follower[S]) Run(ctx context.Context) {
	defer f.Close()
	if f.o.State != "" {
		if err := os.MkdirAll(filepath.Dir(f.o.State), 0o700); err != nil {
			f.o.Log.Warn("cannot make the directory of the log position", "log", f.o.Name, "err", err) // saving will say so as a finding
		}
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		f.Poll(ctx)
		if ctx.Err() != nil {
			f.checkpoint()
			return
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// Poll reads all there is to read now. Run does so again and again; whoever
// does not call Run may, and closes it when done.
func (f *Follower[S]) Poll(ctx context.Context) {
	for f.step() {
		f.checkpointWhenDue()
		if ctx.Err() != nil {
			return
		}
	}
	f.consumer.Pause()
	f.checkpointWhenDue()
}

// Snapshot returns the last one, or nil before the first look at the log.
func (f *Follower[S]) Snapshot() *Snapshot[S] { return f.snapshot.Load() }

// Close closes the files. What was read since the last checkpoint will be read
// again.
func (f *Follower[S]) Close() {
	for _, src := range f.sources {
		src.file.Close()
	}
	f.sources = nil
}

// step reads one buffer, or finds out what to read next. It reports whether
// there may be more to do at once.
//
// The file is read before its beginning is checked: what was read is of the
// file it is taken for, since it still began so afterwards.
func (f *Follower[S]) step() bool {
	if len(f.sources) == 0 {
		f.problem = f.open()
		return f.problem == nil
	}
	src := f.sources[0]
	n, err := src.file.ReadAt(f.buf[f.fill:], src.Offset+int64(f.fill))
	if err != nil && !errors.Is(err, io.EOF) {
		f.problem = f.readError(err)
		return false
	}
	size, err := src.file.Seek(0, io.SeekEnd)
	if err != nil {
		f.problem = f.readError(err)
		return false
	}
	id, same, err := src.File.matches(src.file, f.head[:])
	if err != nil {
		f.problem = f.readError(err)
		return false
	}
	if !same {
		f.truncated()
		return true
	}
	f.problem = nil
	if src.File.Length == 0 && id.Length > 0 && f.emptied(src) {
		return true
	}
	src.File, src.Size = id, size
	f.fill += n
	if n > 0 {
		f.consume(src)
		return true
	}
	return f.atEnd(src)
}

// consume hands over the complete lines of the buffer and keeps the rest.
func (f *Follower[S]) consume(src *source) {
	data := f.buf[:f.fill]
	for len(data) > 0 {
		if data[0] == 0 {
			n := len(data) - len(bytes.TrimLeft(data, "\x00"))
			f.counts.Padding += uint64(n)
			data = data[n:]
			continue
		}
		end := bytes.IndexByte(data, '\n')
		if end < 0 && len(data) <= MaxLine && !src.Skipping {
			break
		}
		switch {
		case src.Skipping:
			src.Skipping = end < 0
		case end < 0 || end > MaxLine:
			f.counts.Oversize++
			src.Skipping = end < 0
		default:
			f.line(data[:end])
		}
		if end < 0 {
			end = len(data) - 1
		}
		f.counts.Bytes += uint64(end + 1)
		data = data[end+1:]
	}
	if used := f.fill - len(data); used > 0 {
		src.Offset += int64(used)
		f.fill = copy(f.buf, data)
		f.dirty = true
	}
}

// line hands over one line.
func (f *Follower[S]) line(b []byte) {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	if len(b) > 0 {
		f.consumer.Line(b)
	}
}

// missing notes that the name has gone while its file is still open.
func (f *Follower[S]) missing(err error) {
	now := f.o.Now()
	if f.missingSince.IsZero() {
		f.missingSince = now
	}
	if now.Sub(f.missingSince) >= missingFor {
		f.problem = f.openError(err)
	}
}

// checkpointWhenDue saves and publishes when it is time.
func (f *Follower[S]) checkpointWhenDue() {
	if f.snapshot.Load() == nil || f.o.Now().Sub(f.saved) >= f.o.Every {
		f.checkpoint()
	}
}

// checkpoint makes the counts durable, then publishes them: a count that was
// published is never taken back by a restart. When the disk refuses, they are
// published with that finding.
func (f *Follower[S]) checkpoint() {
	c := checkpoint[S]{Path: f.o.Path, CaughtUp: f.caughtUp, Counts: f.counts, State: f.consumer.Save()}
	switch {
	case len(f.sources) > 0:
		c.Position = f.sources[0].position
	case f.last != nil:
		c.Position = *f.last
	}
	s := &Snapshot[S]{State: c.State, Counts: c.Counts, Lag: f.lag(), Readable: f.problem == nil, Err: f.problem}
	if f.o.State != "" && f.dirty {
		if err := c.store(f.o.State); err != nil {
			s.Err = errors.Join(s.Err, fault.Wrap("save the position in the "+f.o.Name, err, "make the data directory writable; until then a restart counts lines twice"))
		} else {
			f.dirty = false
		}
	}
	f.saved = f.o.Now()
	f.snapshot.Store(s)
}

// lag is how many bytes are written and not read.
func (f *Follower[S]) lag() (bytes int64) {
	for _, src := range f.sources {
		if size, err := sizeOf(src.file); err == nil {
			bytes += max(0, size-src.Offset)
		}
	}
	return bytes
}
