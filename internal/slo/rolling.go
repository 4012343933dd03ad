package slo

import "time"

// A Rolling follows what announced maintenance leaves out of a rolling period,
// in cells of an hour as the engine keeps them. There is little of it, so only
// hours in which something was left out take room.
type Rolling struct {
	period time.Duration
	hours  []outHour // oldest first
	sum    sum2
	left   time.Duration
	capped int64 // hour of the newest maintenance that was too much
}

// An outHour is what was left out in one hour.
type outHour struct {
	hour int64
	sum  sum2
	left time.Duration
}

// NewRolling returns nothing left out of a period yet.
func NewRolling(period time.Duration) *Rolling { return &Rolling{period: period} }

// Observe counts the tick, or cell, of a length that ends at an instant and lies within
// maintenance.
func (r *Rolling) Observe(at time.Time, length time.Duration, bad, total uint64) {
	r.Advance(at)
	hour := hourOf(at)
	if float64(r.left+length)*billion > float64(r.period)*MaxExcluded {
		r.capped = hour
		return
	}
	n := len(r.hours)
	if n == 0 || r.hours[n-1].hour != hour {
		r.hours = append(r.hours, outHour{hour: hour})
		n++
	}
	h := &r.hours[n-1]
	h.sum.bad, h.sum.total, h.left = h.sum.bad+bad, h.sum.total+total, h.left+length
	r.sum.bad, r.sum.total, r.left = r.sum.bad+bad, r.sum.total+total, r.left+length
}

// Advance forgets what has left the period.
func (r *Rolling) Advance(at time.Time) {
	oldest := hourOf(at) - int64(r.period/time.Hour)
	n := 0
	for n < len(r.hours) && r.hours[n].hour < oldest {
		h := r.hours[n]
		r.sum.bad, r.sum.total, r.left = r.sum.bad-h.sum.bad, r.sum.total-h.sum.total, r.left-h.left
		n++
	}
	r.hours = r.hours[n:]
	if r.capped < oldest {
		r.capped = 0
	}
}

func hourOf(t time.Time) int64 { return t.Add(-1).Unix() / int64(time.Hour/time.Second) }

// Adjusted is a rolling window's budget without what was left out of it. capped says
// that there was more maintenance than may be left out.
func (r *Rolling) Adjusted(w Window, allowed uint64) (out Balance, capped bool) {
	out = NewBalance(w.Bad-min(w.Bad, r.sum.bad), w.Total-min(w.Total, r.sum.total), allowed)
	out.Bad = min(out.Bad, out.Total)
	return out, r.capped != 0
}

// NewBalance is that of events of which so many billionths may fail.
func NewBalance(bad, total, allowed uint64) Balance {
	r := Balance{Bad: bad, Total: total}
	r.Allowed.add(total, allowed)
	return r
}
