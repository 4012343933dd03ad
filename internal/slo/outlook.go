package slo

import "time"

// An Outlook is what a budget comes to at the end of its span. Both numbers are
// estimates: they suppose that as much goes on happening as up to now, and say
// so wherever they are shown.
type Outlook struct {
	Total     uint64  // events of the whole span
	Remaining float64 // share of the budget left at its end, if the rest fails like the last day
	// EventsLeft is how many more may fail before the budget of the whole span
	// is spent: the worst case. Negative when it is overspent.
	EventsLeft int64
}

// Ahead looks at the end of the span from an instant in it. recent is what the
// rest is supposed to fail like. ok is false before anything was counted, and
// while less than a hundredth of the span has passed: that says nothing about
// the rest.
func (a *Aligned) Ahead(at time.Time, recent Window) (o Outlook, ok bool) {
	passed, length := at.Sub(a.span.From), a.span.Length()
	r := a.Raw()
	if r.Total == 0 || r.Allowed.IsZero() || passed < length/100 || passed <= 0 {
		return Outlook{}, false
	}
	grown := max(1, float64(length)/float64(passed))
	o.Total = uint64(float64(r.Total) * grown)
	allowed := r.Allowed.float() * grown
	o.EventsLeft = int64(allowed) - int64(min(r.Bad, 1<<62)) //nolint:gosec // bounded by min
	bad := float64(r.Bad)
	if recent.Total > 0 {
		bad += float64(recent.Bad) / float64(recent.Total) * (float64(o.Total) - float64(r.Total))
	} else {
		bad *= grown
	}
	o.Remaining = 1 - bad/allowed
	return o, true
}
