package tiering

import (
	"slices"
	"time"
)

// foresight is how far ahead it is looked whether an impact becomes worse.
const foresight = 7 * 24 * time.Hour

// Becomes is when a subject reaches a tier by time alone: with the evidence as
// it is and the calendar's facts as they are, only the time left before its
// deadlines shrinks. ok is false when it has the tier now, or does not reach it
// within days. The slack that changes the verdict is over a second later.
func Becomes(at time.Time, e Evidence, rules Rules, tier Tier) (when time.Time, ok bool) {
	v := Decide(at, e, rules)
	if v.Tier >= tier {
		return time.Time{}, false
	}
	found := anomalies(&e, symptoms(at, &e, rules))
	if len(found) == 0 {
		return time.Time{}, false
	}
	for _, t := range turningPoints(at, &e, rules) {
		later := Verdict{Key: v.Key, ServiceTier: v.ServiceTier, Calendar: v.Calendar, Witnesses: v.Witnesses}
		if s, near := tightest(t.Add(time.Second), &e, rules); near {
			later.Slack = &s
		}
		later.weigh(found, facts(&e, &later))
		if later.Tier >= tier {
			return t, true
		}
	}
	return time.Time{}, false
}

// turningPoints are the instants ahead at which the slack may mean something
// else, soonest first.
func turningPoints(at time.Time, e *Evidence, rules Rules) []time.Time {
	rto := hurried(e)
	var out []time.Time
	note := func(due time.Time, behind time.Duration) {
		for _, before := range []time.Duration{2 * rto, rto, 0} {
			out = append(out, due.Add(-behind-before))
		}
	}
	behinds := []time.Duration{0}
	for i := range e.Work {
		w := &e.Work[i]
		behind := catchUp(e.Work, w, rto)
		behinds = append(behinds, behind)
		if !w.Due.IsZero() {
			note(w.Due, behind)
		}
	}
	backlog := slices.Max(behinds)
	for i := range e.Deadlines {
		d := &e.Deadlines[i]
		out = append(out, d.At.Add(-rules.SlackGuard))
		note(d.At, backlog)
		for _, b := range e.Blockers {
			if b.Deadline == d.ID {
				note(d.At, backlog+b.CatchUp)
			}
		}
	}
	out = slices.DeleteFunc(out, func(t time.Time) bool { return !t.After(at) || t.Sub(at) > foresight })
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}
