package slo

import (
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// Timeslices turn events into slices, each good or bad: "Timeslices" of OpenSLO.
// The slices are what is counted from there on, by windows, budgets and ledger
// alike. How many a period has is known before it begins.
type Timeslices struct {
	Width time.Duration
	// Allowed is the share of a slice's events that may fail, in billionths: a
	// slice at exactly that share is good.
	Allowed uint64
	Empty   process.EmptySlice // what a slice without events is
}

// A Slicer cuts one stream of events. Slices begin at multiples of their width,
// counted from 1970.
type Slicer struct {
	Timeslices
	sum  sum2
	seen bool // some tick of the slice was observed
}

// Observe takes the tick that ends at an instant. When it ends a slice, the
// event it returns is the slice; otherwise nothing has happened. A slice of
// which no tick was observed is none.
func (s *Slicer) Observe(at time.Time, ev Event) Event {
	s.sum.bad += min(ev.Bad, ev.Total)
	s.sum.total += ev.Total
	s.seen = s.seen || ev.Observed
	out := Event{Observed: ev.Observed}
	if at.UnixNano()%int64(s.Width) != 0 {
		return out
	}
	if s.seen {
		out.Observed = true
		out.Bad, out.Total = s.slice()
	}
	s.sum, s.seen = sum2{}, false
	return out
}

func (s *Slicer) slice() (bad, total uint64) {
	if s.sum.total > 0 {
		if exceeds(s.sum.bad, s.sum.total, s.Allowed) {
			return 1, 1
		}
		return 0, 1
	}
	switch s.Empty {
	case process.EmptyGood:
		return 0, 1
	case process.EmptyBad:
		return 1, 1
	default:
		return 0, 0
	}
}

// exceeds reports whether more than so many billionths of the events are bad.
func exceeds(bad, total, share uint64) bool {
	allowed := Allowance{}
	allowed.add(total, share)
	is := Allowance{}
	is.add(bad, billion)
	return is.hi > allowed.hi || is.hi == allowed.hi && is.lo > allowed.lo
}
