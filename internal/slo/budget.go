package slo

import (
	"math/bits"
	"time"
)

// A Count is what one objective counted in a tick, and where in the calendar.
type Count struct {
	Event
	Excluded bool   // within maintenance that counts against the raw figures only
	Phase    string // of the finance calendar
}

// An Allowance is the error budget of events that may have had different
// targets, in billionths of an event: allowances add up. The zero Allowance
// allows nothing.
type Allowance struct{ hi, lo uint64 }

// billion is the parts that an event, and a whole, have: shares are in billionths.
const billion = 1_000_000_000

// add allows for n events, of each of which so many billionths may fail.
func (a *Allowance) add(n, share uint64) {
	hi, lo := bits.Mul64(n, share)
	var carry uint64
	a.lo, carry = bits.Add64(a.lo, lo, 0)
	a.hi, _ = bits.Add64(a.hi, hi, carry)
}

// Events is how many events may fail, rounded down.
func (a Allowance) Events() uint64 {
	if a.hi >= billion {
		return 1<<64 - 1
	}
	n, _ := bits.Div64(a.hi, a.lo, billion)
	return n
}

// IsZero reports whether nothing may fail, so that there is no budget to speak of.
func (a Allowance) IsZero() bool { return a == Allowance{} }

// float is how many events may fail; for people, nothing is decided on it.
func (a Allowance) float() float64 {
	return (float64(a.hi)*(1<<64) + float64(a.lo)) / billion
}

// left reports whether at most so many billionths of the allowance are left:
// whether bad × 10⁹ × 10⁹ >= allowance × (10⁹ - share). Both sides have 128 bits,
// enough for 10¹⁹ events.
func (a Allowance) left(bad, share uint64) bool {
	badHi, badLo := bits.Mul64(bad, billion*billion)
	spent := billion - min(share, billion)
	hi, lo := bits.Mul64(a.lo, spent)
	hi += a.hi * spent
	return badHi > hi || badHi == hi && badLo >= lo
}

// part is so many billionths of an allowance, rounded down.
func (a Allowance) part(share uint64) Allowance {
	hi, lo := bits.Mul64(a.lo, share)
	hi += a.hi * share
	out := Allowance{hi: hi / billion}
	out.lo, _ = bits.Div64(hi%billion, lo, billion)
	return out
}

// A Balance is what a budget was spent on: all events, or those outside announced
// maintenance.
type Balance struct {
	Bad, Total uint64
	Allowed    Allowance
}

// Remaining is the share of the error budget left, negative when overspent. ok
// is false without a budget: nothing was counted, or nothing may fail.
func (b Balance) Remaining() (share float64, ok bool) {
	if b.Total == 0 || b.Allowed.IsZero() {
		return 0, false
	}
	return 1 - float64(b.Bad)/b.Allowed.float(), true
}

// Ratio is the share of good events. ok is false without any.
func (b Balance) Ratio() (share float64, ok bool) {
	if b.Total == 0 {
		return 0, false
	}
	return float64(b.Total-b.Bad) / float64(b.Total), true
}

// AtMost reports whether at most so much of the budget is left, to the digit.
// It is never so without a budget.
func (b Balance) AtMost(billionths uint64) bool {
	return b.Total > 0 && !b.Allowed.IsZero() && b.Allowed.left(b.Bad, billionths)
}

// A Span is a half-open stretch of time, [From, To), that has a budget.
type Span struct {
	Name     string // "2026-11"; told to people
	From, To time.Time
}

// IsZero reports whether there is no such stretch.
func (s Span) IsZero() bool { return s.From.IsZero() }

// Has reports whether an event of an instant lies in the span.
func (s Span) Has(t time.Time) bool { return !s.IsZero() && !t.Before(s.From) && t.Before(s.To) }

// Length is how long the span is; days on which clocks change have 23 or 25 hours.
func (s Span) Length() time.Duration { return s.To.Sub(s.From) }
