package signal

import (
	"math"
	"time"
)

// crossed reports whether v is on the bad side of threshold. A threshold that
// does not exist is never crossed.
func (d Definition) crossed(v, threshold float64) bool {
	if d.Direction == Below {
		return v < threshold
	}
	return v > threshold
}

// held is crossed for a state that is already believed: v has to come back as
// far as the exit point, the threshold less a share of its own size.
func (d Definition) held(v, threshold, exit float64) bool {
	margin := 0.0
	if exit > 0 {
		margin = math.Abs(threshold) * (1 - exit)
	}
	if d.Direction == Below {
		return v < threshold+margin
	}
	return v > threshold-margin
}

// level is what one reading remembers between ticks.
type level struct {
	believed State // OK, Warning or Critical once something was believed, else Unknown
	shown    State // believed, or Unknown while nothing fresh is there
	since    time.Time

	// Since when the value has been at least that bad without a break; zero
	// when it is not.
	warning, critical time.Time
}

// missing records a tick without a fresh value. What was believed is kept for
// the value's return; what was pending starts over.
func (l *level) missing(at time.Time) {
	l.warning, l.critical = time.Time{}, time.Time{}
	l.show(Unknown, at)
}

// measured records a tick with a value. A worse state is believed once it has
// held for x.For, a better one at once.
func (l *level) measured(d *Definition, x Limits, v float64, at time.Time) {
	critical := d.crossed(v, x.Critical) || l.believed == Critical && d.held(v, x.Critical, x.Exit)
	warning := critical || d.crossed(v, x.Warning) || l.believed >= Warning && d.held(v, x.Warning, x.Exit)
	pending(&l.critical, critical, at)
	pending(&l.warning, warning, at)
	switch {
	case critical && (l.believed == Critical || at.Sub(l.critical) >= x.For):
		l.believed = Critical
	case warning && (l.believed >= Warning || at.Sub(l.warning) >= x.For):
		l.believed = Warning
	case !warning:
		l.believed = OK
	}
	l.show(l.believed, at)
}

func (l *level) show(s State, at time.Time) {
	if l.shown != s || l.since.IsZero() {
		l.shown, l.since = s, at
	}
}

// pending keeps the start of an unbroken run of true.
func pending(since *time.Time, now bool, at time.Time) {
	switch {
	case !now:
		*since = time.Time{}
	case since.IsZero():
		*since = at
	}
}
