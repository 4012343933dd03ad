package calendar

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Doubt says why a calendar cannot be relied on at some instant: it is stale,
// does not reach far enough, or disagrees with another. With a doubt everything
// is taken to be in its critical window.
type Doubt struct {
	Calendar string // the name of the Days
	Why      string // "its newest entry is 2026-12-28, 32 days ahead; it must reach 60"
	Remedy   string // "fetch the file anew"
}

// String renders "calendar: why; remedy".
func (d Doubt) String() string { return d.Calendar + ": " + d.Why + "; " + d.Remedy }

// A span is a run of numbered days, both ends included.
type span struct{ first, last int }

// always is before and after every day.
var always = span{math.MinInt, math.MaxInt}

// laidOut are the days for which working days are computed in advance.
var laidOut = span{0, Date{lastYear, time.December, 31}.number()}

// both is what a and b have in common; its first may lie after its last.
func both(a, b span) span { return span{max(a.first, b.first), min(a.last, b.last)} }

func (s span) has(number int) bool { return s.first <= number && number <= s.last }

// A claim is how far one calendar may be relied on.
type claim struct {
	calendar string
	covers   span
	reach    int    // days that must be covered ahead of the day asked
	stale    int    // the last day it is fresh enough; 0: it does not age
	checked  Date   // when stale is not 0
	renew    string // what to do when it is stale or does not reach
	other    string // the calendar it must agree with
	differs  []int  // days on which it does not, in order
	never    int    // a day from which on nobody works for longestGap days; 0: there is none
}

// sure are the days on which nothing speaks against the claim.
func (k claim) sure() span {
	s := k.covers
	if s.last != always.last {
		s.last -= k.reach
	}
	if k.stale != 0 {
		s.last = min(s.last, k.stale)
	}
	if n := len(k.differs); n > 0 {
		s.first = max(s.first, k.differs[n-1]+1)
	}
	if k.never != 0 {
		s = span{0, -1}
	}
	return s
}

// doubts are the reasons against the claim on a numbered day.
func (k claim) doubts(number int) []Doubt {
	var out []Doubt
	doubt := func(remedy, format string, args ...any) {
		out = append(out, Doubt{k.calendar, fmt.Sprintf(format, args...), remedy})
	}
	if k.never != 0 {
		doubt("correct its work week and holidays", "it has no working day for %d days from %s on", longestGap, dateOf(k.never))
	}
	switch {
	case number < k.covers.first:
		doubt("take another calendar for days that far back", "it begins on %s", dateOf(k.covers.first))
	case number > k.covers.last:
		doubt(k.renew, "it ends on %s", dateOf(k.covers.last))
	case k.covers.last != always.last && number > k.covers.last-k.reach:
		doubt(k.renew, "its newest entry is %s, %d days ahead; it must reach %d", dateOf(k.covers.last), k.covers.last-number, k.reach)
	}
	if k.stale != 0 && number > k.stale {
		doubt(k.renew, "it was checked on %s, %d days ago; at most %d are allowed", k.checked, number-k.checked.number(), k.stale-k.checked.number())
	}
	if i, _ := slices.BinarySearch(k.differs, number); i < len(k.differs) {
		doubt("find out which of the two is right and correct the other", "it does not agree with %s on %s, nor on %d later days", k.other, dateOf(k.differs[i]), len(k.differs)-i-1)
	}
	return out
}

// claim adds what c may be relied on for.
func (c *Days) claim(k claim) {
	c.claims = append(c.claims, k)
	c.sure = both(c.sure, k.sure())
}

// Doubts returns why these days cannot be relied on at a day; nil when they
// can. Days made of others have the doubts of those as well. It costs a
// comparison when there is no doubt.
func (c *Days) Doubts(on Date) []Doubt {
	number := on.number()
	if c.sure.has(number) {
		return nil
	}
	var out []Doubt
	for _, k := range c.claims {
		out = append(out, k.doubts(number)...)
	}
	return out
}

// Coverage returns the first and the last day these days can answer for,
// however long they must reach ahead; a zero Date where there is no bound.
func (c *Days) Coverage() (first, last Date) {
	s := c.covers()
	if s.first != always.first {
		first = dateOf(s.first)
	}
	if s.last != always.last {
		last = dateOf(s.last)
	}
	return first, last
}

func (c *Days) covers() span {
	s := always
	for _, k := range c.claims {
		s = both(s, k.covers)
	}
	return s
}
