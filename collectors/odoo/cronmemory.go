package odoo

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

const (
	// missedFor is how long an action that was switched off is missed: a monthly
	// one has not happened once by then, and whoever switched it off has been told.
	missedFor = 35 * 24 * time.Hour
	// runsKept bounds the runs remembered of one action: one at each look of an
	// hour, at an interval of 15 seconds, and then some.
	runsKept = 300
)

// An actionMemory is what is remembered of the scheduled actions from one look
// to the next: which were active, also from one process to the next, and when
// they ran.
type actionMemory struct {
	keep     keeper
	restored bool
	seen     map[int64]seenAction
	runs     map[int64]*seenRuns
}

// A seenAction is what is kept of one action.
type seenAction struct {
	Active bool      `json:"active"`
	Off    time.Time `json:"off,omitzero"` // when it was found switched off
}

type seenRuns struct {
	last  time.Time
	total float64
	hour  []time.Time // of the last hour, oldest first
}

// take compares a look with what is remembered, completes it and remembers it.
// An error says that it cannot be remembered beyond this process.
func (m *actionMemory) take(l *actionLook) error {
	var err error
	if !m.restored {
		err, m.restored = m.keep.restore(&m.seen), true
	}
	m.takeRuns(l)
	next := map[int64]seenAction{}
	copied := m.looksCopied(l)
	for i := range l.actions {
		a := &l.actions[i]
		before, known := m.seen[a.id]
		now := seenAction{Active: a.active}
		switch {
		case a.active || a.once || a.deactivates || copied:
		case known && before.Active:
			now.Off = l.now
		case known:
			now.Off = before.Off
		case !a.last.IsZero() && financeAction(a.name):
			now.Off = a.last // it ran once, and somebody or Odoo switched it off since
		}
		a.deactivated = !now.Off.IsZero() && l.now.Sub(now.Off) < missedFor
		next[a.id] = now
	}
	if maps.Equal(next, m.seen) {
		return err
	}
	m.seen = next
	return cmp.Or(err, m.keep.save(m.seen))
}

// looksCopied reports whether most of the actions that were active, or that have
// ever run, are switched off: by neutralising a copy, not one by one.
func (m *actionMemory) looksCopied(l *actionLook) bool {
	const few = 3
	before, off := 0, 0
	for _, a := range l.actions {
		seen, known := m.seen[a.id]
		if known && seen.Active || !known && !a.last.IsZero() {
			before++
			if !a.active {
				off++
			}
		}
	}
	return off > few && 2*off > before
}

// takeRuns counts the runs: a last call that has moved is one.
func (m *actionMemory) takeRuns(l *actionLook) {
	next := map[int64]*seenRuns{}
	for i := range l.actions {
		a := &l.actions[i]
		r := m.runs[a.id]
		switch {
		case r == nil:
			r = &seenRuns{last: a.last}
		case a.last.After(r.last):
			r.last = a.last
			r.total++
			r.hour = append(r.hour, a.last)
		}
		r.hour = slices.DeleteFunc(r.hour, func(t time.Time) bool { return l.now.Sub(t) > time.Hour })
		if len(r.hour) > runsKept {
			r.hour = r.hour[1:]
		}
		a.runs = r.total
		if !a.doneInTheHour {
			a.extraRuns = len(r.hour)
		}
		next[a.id] = r
	}
	m.runs = next
}

// financeAction reports whether a finance process expects an action.
func financeAction(name string) bool {
	for _, p := range process.Catalog() {
		for _, w := range p.Work {
			if w.Source == process.ScheduledAction && len(w.Match) > 0 && matcher(w.Match)(name) {
				return true
			}
		}
	}
	return false
}
