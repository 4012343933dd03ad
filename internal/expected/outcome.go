package expected

import (
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// An Outcome is what became of one occasion of declared work.
type Outcome struct {
	Name string // the value of By, or what the work says
	Due  time.Time
	Done bool // by the end of the time that is allowed for it
}

// Outcomes lists, for each series, what became of the newest occasion of declared work
// whose time, with what is allowed after it, ran out after one tick and up to
// another, which is now. So each occasion has one outcome, whatever restarts lie
// between. Of what was not watched when its time ran out nobody can tell, unless
// a date does; of what is judged by habit only, not before there is one.
func (l *Ledger) Outcomes(since, at time.Time, p signal.Published, s Subject, w process.Work) []Outcome {
	if s.Timeline == nil {
		return nil
	}
	k := look{at: at, server: at, published: p, subject: s}
	last, _, ok := l.occasionsAt(k, at.Add(-w.Within), w.Due)
	end := last.At.Add(w.Within)
	if !ok || last.At.IsZero() || !end.After(since) || end.After(at) {
		return nil
	}
	var out []Outcome
	for _, g := range k.groups(w) {
		st := standing{g: g, done: w.Done, last: last, timeline: s.Timeline}
		done, told := st.met()
		t := l.turns[k.key(w, g, s.Process, w.Due)]
		switch {
		case w.Habit && (t == nil || !t.habit()):
			continue
		case t != nil && t.Due.Equal(last.At):
			done, told = t.Done, t.Known || t.Done
		case w.Done.Advances != nil || w.Done.Dated == nil && at.Sub(end) > maxGap:
			continue
		}
		if told {
			out = append(out, Outcome{g.name, last.At, done})
		}
	}
	return out
}
