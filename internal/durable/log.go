package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// DefaultSegment is the size in bytes at which a segment is followed by the
// next. A reader holds one segment in memory.
const DefaultSegment = 4 << 20

// ErrTooLarge says that a record is larger than MaxRecord.
var ErrTooLarge = errors.New("record is too large")

// LogOptions say where a log is and how much of it is kept.
type LogOptions struct {
	Dir     string           // made when it is missing
	Segment int64            // bytes; 0 means DefaultSegment
	Age     time.Duration    // what is older goes with Retain; 0 keeps all
	Bytes   int64            // what is beyond goes with Retain, oldest first; 0 keeps all
	Now     func() time.Time // nil means time.Now; dates segments
	Disk    Disk
}

// A Log keeps records in the order they were appended, numbered from 1.
//
// A record is on disk when Append returns its number. A record whose append
// failed is not in the log for this process; the next append takes its number.
// A process that is killed in between may leave it in the log: then it is
// found there by the next one, once.
//
// Numbers have no gap, except where records were damaged or removed: what is
// lost is named by OpenLog, Scrub and Records. A log is written by one Log at a
// time, and read by any number beside it. It is safe for concurrent use.
type Log struct {
	o LogOptions

	mu       sync.Mutex
	segments []segment // in order
	next     uint64    // number of the next record
	active   File      // the newest segment, when this Log may append to it
	size     int64     // of the active segment
	closed   bool
}

// OpenLog opens the log in a directory. The newest segment, in which appends
// may have been cut short, is checked: damage is named, what is damaged is set
// aside, and every record that is whole stays. Appends go to a new segment.
// Older segments are checked by Scrub, and as they are read.
func OpenLog(o LogOptions) (*Log, []DamageError, error) {
	if o.Segment <= 0 {
		o.Segment = DefaultSegment
	}
	o.Segment = min(o.Segment, maxSegment-MaxRecord-frameSize-headerSize)
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, nil, err
	}
	if _, err := Sweep(o.Dir); err != nil {
		return nil, nil, err
	}
	segments, err := listSegments(o.Dir)
	if err != nil {
		return nil, nil, err
	}
	l := &Log{o: o, segments: segments, next: 1}
	if len(segments) == 0 {
		return l, nil, nil
	}
	newest := segments[len(segments)-1]
	if err := syncFile(newest.path); err != nil { // what is read below may not have reached the disk
		return nil, nil, err
	}
	c, err := newest.examine(open)
	if err != nil {
		return nil, nil, err
	}
	l.next = c.next
	return l, l.mend(newest, c), nil
}

// syncFile brings what was written to a file, perhaps by a process that was
// killed, to disk.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Next returns the number the next record will have: one more than that of the
// newest.
func (l *Log) Next() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// Append adds a record and returns its number once it is on disk.
//
// A segment to which a write or a sync failed is never written again: what the
// operating system then says of its pages cannot be believed. The record goes
// to a new segment, and when that fails too the error is returned; the next
// append tries another.
func (l *Log) Append(payload []byte) (seq uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return 0, os.ErrClosed
	case len(payload) > MaxRecord:
		return 0, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(payload), MaxRecord)
	}
	frame := appendFrame(nil, l.next, payload)
	if l.active != nil && l.size+int64(len(frame)) > l.o.Segment {
		l.retire()
	}
	for range 2 {
		if l.active == nil {
			if rollErr := l.roll(); rollErr != nil {
				return 0, errors.Join(err, rollErr)
			}
		}
		if err = l.write(frame); err == nil {
			l.next++
			return l.next - 1, nil
		}
		l.retire()
	}
	return 0, err
}

func (l *Log) write(frame []byte) error {
	if _, err := l.active.Write(frame); err != nil {
		return err
	}
	if err := l.active.Sync(); err != nil {
		return err
	}
	l.size += int64(len(frame))
	return nil
}

// retire ends the active segment. All in it that was acknowledged is on disk,
// so that closing it has nothing to say.
func (l *Log) retire() {
	if l.active != nil {
		_ = l.active.Close()
	}
	l.active = nil
}

// roll begins a segment for the next record. One of that name holds no record
// and is replaced.
func (l *Log) roll() error {
	g := segment{l.next, segmentPath(l.o.Dir, l.next)}
	f, err := l.o.Disk.place(g.path, encodeHeader(g.first, l.o.Now()))
	if err != nil {
		return err
	}
	l.active, l.size = f, headerSize
	if n := len(l.segments); n == 0 || l.segments[n-1].first != g.first {
		l.segments = append(l.segments, g)
	}
	return nil
}

// Close ends the log. Nothing is lost without it.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.retire()
	return nil
}

// Scrub checks every segment but the newest, names what is damaged and sets it
// aside; what is whole stays. A damage is named once: the numbers that are lost
// are then known to be.
func (l *Log) Scrub(ctx context.Context) ([]DamageError, error) {
	segments, limits := l.snapshot()
	var out []DamageError
	for i, g := range segments {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if i == len(segments)-1 {
			break
		}
		c, err := g.examine(limits[i])
		if errors.Is(err, os.ErrNotExist) {
			continue // removed by Retain
		}
		if err != nil {
			return out, err
		}
		if len(c.damage) > 0 {
			out = append(out, l.mendListed(g, c)...)
		}
	}
	return out, nil
}

func (l *Log) mendListed(g segment, c content) []DamageError {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.segments, g) {
		return nil // removed by Retain
	}
	return l.mend(g, c)
}

// snapshot returns the segments and, for each, the number before which its
// records end.
func (l *Log) snapshot() (segments []segment, limits []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.segments), limitsOf(l.segments, l.next)
}

func limitsOf(segments []segment, last uint64) []uint64 {
	limits := make([]uint64, len(segments))
	for i := range segments {
		limits[i] = last
		if i+1 < len(segments) {
			limits[i] = segments[i+1].first
		}
	}
	return limits
}

// mend sets the damaged parts of a segment aside. Where that is not possible,
// on a full disk, they stay where they are: readers pass over them.
func (l *Log) mend(g segment, c content) []DamageError {
	var kept string
	var err error
	switch {
	case len(c.damage) == 0:
		return nil
	case c.torn() && c.damage[0].Before == 0:
		kept, err = l.cut(g, c)
	default:
		kept, err = l.salvage(g, c)
	}
	if err == nil {
		for i := range c.damage {
			c.damage[i].Kept = kept
		}
	}
	return c.damage
}

// cut keeps what lies behind the last whole record under a name of its own and
// takes it off the segment.
func (l *Log) cut(g segment, c content) (kept string, err error) {
	kept = freeName(g.path + tornSuffix)
	end := c.damage[0].Offset
	if err := l.o.Disk.WriteFile(kept, c.bytes[end:]); err != nil {
		return "", err
	}
	if err := os.Truncate(g.path, end); err != nil {
		return "", err
	}
	return kept, syncFile(g.path)
}

// salvage keeps the segment as it was under a name of its own and replaces it
// by one that has what is whole, and notes of what is lost.
func (l *Log) salvage(g segment, c content) (kept string, err error) {
	made := c.made
	if made.IsZero() {
		made = l.o.Now()
	}
	b := encodeHeader(g.first, made)
	next := g.first
	for _, p := range c.frames {
		if p.gap {
			b = appendGap(b, p.seq)
		} else {
			if p.seq > next {
				b = appendGap(b, p.seq-1)
			}
			b = appendFrame(b, p.seq, p.payload)
		}
		next = p.seq + 1
	}
	if last := c.damage[len(c.damage)-1].Before; last > next {
		b = appendGap(b, last-1)
	}
	if slices.ContainsFunc(c.damage, func(d DamageError) bool { return d.Bytes > 0 }) {
		kept = freeName(g.path + damagedSuffix)
		if err := l.o.Disk.WriteFile(kept, c.bytes); err != nil {
			return "", err
		}
	}
	return kept, l.o.Disk.WriteFile(g.path, b)
}
