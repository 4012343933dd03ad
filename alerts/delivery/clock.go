package delivery

import "time"

// tolerance is how far two clocks may be apart and count as the same. The
// clock of an answer is known to the second.
const tolerance = 5 * time.Second

// A peerClock is what an Alertmanager's answers say of its clock. What it is
// told holds by its clock: an end that has passed there is a resolve, whatever
// the clock says here.
type peerClock struct {
	date time.Time // of an answer
	at   time.Time // when that was, here
}

// skew is how far the Alertmanager's clock is ahead; 0 when that is nothing, or
// not known.
func (c peerClock) skew(now time.Time) time.Duration {
	if c.date.IsZero() {
		return 0
	}
	since := max(0, now.Sub(c.at)) // less when the clock was set back
	if skew := c.date.Add(since).Sub(now.Round(0)); skew.Abs() > tolerance {
		return skew
	}
	return 0
}

// span returns from when until when an Alertmanager is to have the alert fire:
// never from its future, and to an end that is ahead of it while the alert
// fires, and is not when it has resolved.
func (r *record) span(now time.Time, skew, ahead time.Duration) (starts, ends time.Time) {
	there := now.Add(skew)
	ends = now.Add(max(skew, 0) + ahead)
	if !r.firing() {
		ends, there = earlier(r.EndsAt, there), r.EndsAt
	}
	return earlier(earlier(r.StartsAt, there), ends), ends
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// look notes the clock of an answer. It reports whether the batch that was
// answered has to be sent again: its ends were of another clock.
func (e *endpoint) look(now, date time.Time) (again bool) {
	if date.IsZero() {
		return false
	}
	before := e.clock.skew(now)
	e.clock = peerClock{date, now}
	skew := e.clock.skew(now)
	if (skew - before).Abs() <= tolerance {
		return false
	}
	e.delivery.settings.Log.Warn("the clocks of this machine and of Alertmanager differ; what it is told holds by its own",
		"endpoint", e.name, "seconds_ahead", skew.Seconds(), "hint", "set both by NTP")
	again = now.Sub(e.stepped) > e.delivery.settings.Resend/2
	e.stepped = now
	return again
}
