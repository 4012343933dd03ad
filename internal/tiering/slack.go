package tiering

import (
	"fmt"
	"time"
)

// Slack is the time left before a deadline after catching up.
type Slack struct {
	Deadline string        `json:"deadline"`
	At       time.Time     `json:"at"`
	CatchUp  time.Duration `json:"catch_up_ns"`
	Left     time.Duration `json:"left_ns"` // negative: it cannot be met any more
	// Never says that nothing of what waits is being done: at this rate the
	// deadline cannot be met, however far away it is. Left is then what it is late
	// by at least.
	Never bool `json:"never,omitempty"`
	// Waits names what must be done first by others, and is part of CatchUp: "bank
	// statements complete"; "" is nothing.
	Waits string `json:"waits_for,omitempty"`
}

// at is the slack at another tick, as long as it is that of the same deadline and
// the same work.
func (s Slack) at(at time.Time) Slack {
	s.Left = s.At.Sub(at) - s.CatchUp
	return s
}

// facts compares the slack with the time that a recovery may take.
func (s *Slack) facts(rto time.Duration) Fact {
	switch {
	case s.Left < 0:
		return SlackGone | SlackShort | SlackNear
	case s.Left < rto:
		return SlackShort | SlackNear
	case s.Left < 2*rto:
		return SlackNear
	default:
		return 0
	}
}

// hurried is how long a recovery takes of people who hurry, as they do before a
// deadline: the RTO of the critical window, also outside it, so that a slack never
// grows because a window begins.
func hurried(e *Evidence) time.Duration { return e.Process.RecoveryIn(true).RTO }

// tightest returns the slack of the deadline that has least; false when none is
// near. Work under several names is caught up side by side, under one name one
// after the other.
func tightest(at time.Time, e *Evidence, rules Rules) (least Slack, near bool) {
	rto := hurried(e)
	consider := func(s Slack) {
		s = s.at(at)
		if s.Never {
			s.Left = min(s.Left, -rto)
		}
		if !near || s.Left < least.Left {
			least, near = s, true
		}
	}
	var backlog time.Duration
	never := false
	for i := range e.Work {
		w := &e.Work[i]
		if w.Due.IsZero() {
			continue
		}
		stuck := stalled(at, w, rto, rules)
		behind := catchUp(e.Work, w, rto)
		backlog, never = max(backlog, behind), never || stuck
		if w.Missing || tight(at, w.Due, behind) {
			consider(Slack{Deadline: w.Says, At: w.Due, CatchUp: behind, Never: stuck})
		}
	}
	for i := range e.Deadlines {
		d := &e.Deadlines[i]
		if d.At.Sub(at) > rules.SlackGuard {
			continue
		}
		s := Slack{Deadline: d.Title, At: d.At, CatchUp: backlog, Never: never}
		for _, b := range e.Blockers {
			if b.Deadline == d.ID && backlog+b.CatchUp > s.CatchUp { // what comes first comes first: the one that takes longest
				s.CatchUp, s.Waits = backlog+b.CatchUp, b.Title
			}
		}
		consider(s)
	}
	return least, near
}

// approach is when the next deadline comes near; zero is never.
func approach(at time.Time, e *Evidence, rules Rules) (next time.Time) {
	for i := range e.Deadlines {
		near := e.Deadlines[i].At.Add(-rules.SlackGuard)
		if near.After(at) && (next.IsZero() || near.Before(next)) {
			next = near
		}
	}
	return next
}

// Behind is how long the subject still takes for what waits: the time of a
// recovery while its flow goes on failing, 0 when it is up to date.
func (e *Evidence) Behind() time.Duration {
	rto := hurried(e)
	var behind time.Duration
	for i := range e.Flows {
		if f := &e.Flows[i]; f.State == FlowFailing && f.Failures >= 2 {
			behind = rto
		}
	}
	for i := range e.Work {
		behind = max(behind, catchUp(e.Work, &e.Work[i], rto))
	}
	return behind
}

// catchUp is how long the backlog under a piece of work's name takes; no less
// than a recovery when it is missing and nothing drains.
func catchUp(all []Work, w *Work, rto time.Duration) time.Duration {
	var sum, least time.Duration
	for i := range all {
		if all[i].Source != w.Source || all[i].Name != w.Name {
			continue
		}
		sum += all[i].CatchUp
		if all[i].Missing && !all[i].Drains {
			least = rto
		}
	}
	return max(sum, least)
}

// stalled reports whether nothing of a backlog has been done for so long that
// its rate is none.
func stalled(at time.Time, w *Work, rto time.Duration, rules Rules) bool {
	return w.Missing && !w.Drains && !w.Stalled.IsZero() && at.Sub(w.Stalled) >= min(rules.Stalled, rto/4)
}

// tight reports whether a backlog takes most of the time left until it is due.
// One that fits twice into that time is an ordinary one.
func tight(at, due time.Time, behind time.Duration) bool {
	return behind > 0 && due.Sub(at)-behind < behind
}

// late describes work that drains and is tight.
func late(at time.Time, e *Evidence, rules Rules) string {
	rto := hurried(e)
	for i := range e.Work {
		w := &e.Work[i]
		if w.Missing || w.Due.IsZero() || w.CatchUp == 0 {
			continue
		}
		behind := catchUp(e.Work, w, rto)
		due, what := w.Due, w.Says
		for _, d := range e.Deadlines {
			if d.At.Sub(at) <= rules.SlackGuard && d.At.Before(due) {
				due, what = d.At, d.Title
			}
		}
		if left := due.Sub(at) - behind; tight(at, due, behind) && left < 2*rto {
			return fmt.Sprintf("%s: at the rate they are done they take %s more, and %s is due in %s", w.Says, short(behind), what, short(due.Sub(at)))
		}
	}
	return ""
}
