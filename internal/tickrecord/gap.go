package tickrecord

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
)

// A Reason says why ticks have no record.
type Reason string

// Reasons.
const (
	Before  Reason = "before the first record" // not recorded yet then, or no longer kept
	After   Reason = "after the last record"   // not yet, or the daemon is not running
	Stopped Reason = "the daemon was stopped"  // another process recorded what follows
	Missed  Reason = "the daemon was late"     // the same process did not tick, or could not record
	Stepped Reason = "the clock was set back"  // ticks were refused
	Damaged Reason = "the record was damaged"  // there were records, and they are lost
)

// A Gap is a row of ticks without a record: those of [From, To).
type Gap struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason Reason    `json:"reason"`
}

// Gaps returns the ticks of [from, to) on a grid that have no record, in order.
func (l *Log) Gaps(from, to time.Time, grid time.Duration) ([]Gap, error) {
	start, err := l.seek(from)
	if err != nil {
		return nil, reading(err)
	}
	return gaps(l.log.Records(start), from, to, grid)
}

// Gaps is Log.Gaps of a directory that a daemon may be writing.
func Gaps(dir string, from, to time.Time, grid time.Duration) ([]Gap, error) {
	return gaps(durable.ReadLog(dir, 1), from, to, grid)
}

func gaps(records iter.Seq2[durable.Record, error], from, to time.Time, grid time.Duration) ([]Gap, error) {
	if grid <= 0 {
		return nil, fmt.Errorf("find gaps on a grid of %s: it must be positive", grid)
	}
	s := gapSearch{next: ceil(from.UTC(), grid), to: ceil(to.UTC(), grid), grid: grid, reason: Before}
	for e, err := range envelopes(records) {
		if errors.Is(err, durable.ErrDamaged) {
			continue // numbers are missing, which says the same
		}
		if err != nil {
			return nil, reading(err)
		}
		if !s.meet(e) {
			break
		}
	}
	if s.next.Before(s.to) {
		if s.reason != Before {
			s.reason = After
		}
		s.gaps = append(s.gaps, Gap{s.next, s.to, s.reason})
	}
	return s.gaps, nil
}

// ceil returns the first instant of the grid at or after t.
func ceil(t time.Time, grid time.Duration) time.Time {
	if on := t.Truncate(grid); on.Before(t) {
		return on.Add(grid)
	}
	return t
}

// A gapSearch compares records with the ticks there should be.
type gapSearch struct {
	next, to time.Time // the ticks not accounted for
	grid     time.Duration
	seq      uint64 // of the record before; 0 for the first
	reason   Reason // of the ticks missing so far
	gaps     []Gap
}

// meet takes the next record; false says that no other is needed.
func (s *gapSearch) meet(e envelope) bool {
	why := missed(e, s.seq)
	if s.reason == Before || s.reason == Missed || why == Damaged {
		s.reason = why
	}
	s.seq = e.seq
	at := e.at
	if !at.Before(s.to) {
		at = s.to
	}
	if !at.Equal(ceil(at, s.grid)) || at.Before(s.next) {
		return true // of another grid, or before what is asked for
	}
	if s.next.Before(at) {
		s.gaps = append(s.gaps, Gap{s.next, at, s.reason})
	}
	s.next, s.reason = at.Add(s.grid), Missed
	return e.at.Before(s.to)
}

// missed says why there is nothing between a record and the one before it.
func missed(e envelope, before uint64) Reason {
	switch {
	case before == 0:
		return Before
	case e.seq != before+1:
		return Damaged
	case e.flags&flagStepped != 0:
		return Stepped
	case e.flags&flagOpened != 0:
		return Stopped
	default:
		return Missed
	}
}
