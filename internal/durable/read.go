package durable

import (
	"errors"
	"iter"
	"os"
	"sort"
)

// A Record is one entry of a log. Its payload must not be changed.
type Record struct {
	Seq     uint64
	Payload []byte
}

// Records yields the records from the number on that were in the log when the
// iteration began. DamageError is yielded as an error, a *DamageError, after which the
// iteration goes on; any other error ends it. What Retain removes meanwhile may
// be left out.
func (l *Log) Records(from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		segments, limits := l.snapshot()
		walk(segments, limits, from, yield)
	}
}

// ReadLog yields the records of a log that another process may be writing. What
// follows the last whole record may be being written and is no damage.
func ReadLog(dir string, from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		segments, err := listSegments(dir)
		if err != nil {
			yield(Record{}, err)
			return
		}
		walk(segments, limitsOf(segments, open), from, yield)
	}
}

func walk(segments []segment, limits []uint64, from uint64, yield func(Record, error) bool) {
	for i, g := range segments {
		if limits[i] <= from {
			continue
		}
		c, err := g.examine(limits[i])
		if errors.Is(err, os.ErrNotExist) {
			continue // removed by Retain
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
		if !c.each(from, limits[i] == open, yield) {
			return
		}
	}
}

// each yields the records and the damage of a segment in their order.
func (c content) each(from uint64, newest bool, yield func(Record, error) bool) bool {
	damage := c.damage
	if newest && c.torn() {
		damage = nil
	}
	tell := func(before int) bool {
		for len(damage) > 0 && damage[0].Offset < int64(before) {
			d := damage[0]
			damage = damage[1:]
			if (d.Before == 0 || d.Before >= from) && !yield(Record{}, &d) {
				return false
			}
		}
		return true
	}
	for _, p := range c.frames {
		if p.seq < from {
			continue
		}
		if !tell(p.offset + 1) {
			return false
		}
		if !p.gap && !yield(Record{p.seq, p.payload}, nil) {
			return false
		}
	}
	return tell(len(c.bytes) + 1)
}

// Last returns the newest record there is. found is false when there is none.
func (l *Log) Last() (r Record, found bool, err error) {
	segments, limits := l.snapshot()
	for i := len(segments) - 1; i >= 0 && !found; i-- {
		c, err := segments[i].examine(limits[i])
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return Record{}, false, err
		}
		for _, p := range c.frames {
			if !p.gap {
				r, found = Record{p.seq, p.payload}, true
			}
		}
	}
	return r, found, nil
}

// Seek returns the number of a record from which to read so as to meet every
// record for which reached is true, in a log where reached is false up to some
// record and true from there on. Less than two segments of others are met
// before. In an empty log it is the first.
func (l *Log) Seek(reached func(payload []byte) bool) (uint64, error) {
	segments, limits := l.snapshot()
	var failed error
	i := sort.Search(len(segments), func(i int) bool {
		for ; i < len(segments) && failed == nil; i++ {
			c, err := segments[i].examine(limits[i])
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				failed = err
			}
			for _, p := range c.frames {
				if !p.gap {
					return reached(p.payload)
				}
			}
		}
		return false
	})
	switch {
	case failed != nil:
		return 0, failed
	case len(segments) == 0:
		return 1, nil
	default:
		return segments[max(i-1, 0)].first, nil
	}
}
