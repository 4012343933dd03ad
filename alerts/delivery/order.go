package delivery

import (
	"cmp"
	"slices"
	"time"
)

// Values of the labels tier and severity, in the order of what matters.
var (
	tiers      = [...]string{"business-critical", "degradation", informational}
	severities = [...]string{"page", "ticket"}
)

// informational is the tier that may be dropped when too much fires.
const informational = "informational"

// rank is lower the more an alert matters: by its tier, then by its severity.
func rank(labels map[string]string) int {
	place := func(list []string, value string) int {
		if i := slices.Index(list, value); i >= 0 {
			return i
		}
		return len(list)
	}
	return place(tiers[:], labels["tier"])*(len(severities)+1) + place(severities[:], labels["severity"])
}

// subject is what alerts of different tiers are about: Alertmanager mutes the
// lower of them by the higher.
func subject(labels map[string]string) string {
	return labels["environment"] + "\x00" + labels["tenant"] + "\x00" + labels["entity"] + "\x00" + labels["process"]
}

// inOrder sorts what is due: what fires and is not known yet, the higher tier
// first, so that it mutes the lower; then what has resolved, the lower tier
// first, so that nothing is unmuted only to end; then repetitions.
func inOrder(batch []item) {
	slices.SortFunc(batch, func(a, b item) int {
		x, y := a.turn(), b.turn()
		byRank := cmp.Compare(a.record.rank, b.record.rank)
		if x == turnResolve {
			byRank = -byRank
		}
		return cmp.Or(cmp.Compare(x, y), byRank, a.record.StartsAt.Compare(b.record.StartsAt), cmp.Compare(a.key, b.key))
	})
}

// untilMuted returns how many of a batch go in one request: up to the first that
// is raised together with a higher one of its subject. Alertmanager knows the
// higher when that is sent, and mutes it before it is told.
func untilMuted(batch []item) int {
	raised := map[string]int{} // rank of the highest, by subject
	for i, x := range batch {
		if x.turn() != turnRaise {
			return len(batch)
		}
		s := subject(x.record.Labels)
		if highest, known := raised[s]; !known {
			raised[s] = x.record.rank
		} else if x.record.rank > highest {
			return i
		}
	}
	return len(batch)
}

// Turns of what is due.
const (
	turnRaise = iota
	turnResolve
	turnRepeat
)

func (i item) turn() int {
	switch {
	case !i.first:
		return turnRepeat
	case i.record.firing():
		return turnRaise
	default:
		return turnResolve
	}
}

// holds returns by subject how long its resolves that are not told yet wait:
// all of one subject go together, Hold after the last of them was sent firing.
func (e *endpoint) holds(now time.Time) map[string]time.Duration {
	out := map[string]time.Duration{}
	for k, r := range e.delivery.book.records {
		if s, known := e.sent[k]; !r.firing() && (!known || s.version != r.version) {
			out[subject(r.Labels)] = max(out[subject(r.Labels)], e.hold(now, k, r))
		}
	}
	return out
}

// hold returns how long a resolve waits by itself. Alertmanager looks at a
// group once in its group_interval: a resolve that comes with the alert's
// latest repetition is seen by some members of a cluster and not by others, who
// then tell of an alert that is over (alertmanager#4008).
func (e *endpoint) hold(now time.Time, k string, r *record) time.Duration {
	hold := e.delivery.settings.Hold
	s, known := e.sent[k]
	switch {
	case !known: // after a restart: it was sent firing until it ended
		return min(hold, r.changed().Add(hold).Sub(now))
	case s.firing.IsZero(), s.firing.After(now): // the clock was set back
		return 0
	default:
		return s.firing.Add(hold).Sub(now)
	}
}
