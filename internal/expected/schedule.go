package expected

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A turn is what is remembered of one series of declared work: the occasion
// that is judged, and what has come of it.
type turn struct {
	Due    time.Time `json:"due"`             // the newest occasion
	First  time.Time `json:"first,omitzero"`  // the first in a row that is still undone
	Known  bool      `json:"known,omitempty"` // it was watched when it was due
	Done   bool      `json:"done,omitempty"`
	Missed int       `json:"missed,omitempty"` // occasions in a row, this one included
	At     time.Time `json:"at"`               // when it was last measured
	Past   []bool    `json:"past,omitempty"`   // whether it was done in time, newest last

	// Of a counter: how far it has advanced since it was last done, and whether
	// some of that was not measured.
	Count counter `json:"count,omitzero"`
	Sum   float64 `json:"sum,omitempty"`
	Hole  bool    `json:"hole,omitempty"`
}

// What makes a habit: so many occasions are remembered, so few make none, and
// all but so many in ten must have been done in time. Those in a row that are
// undone up to now do not count against it, or what has stopped for good would
// soon not be missing any more.
const (
	habitOccasions = 20
	habitLeast     = 5
	habitShare     = 0.9
)

// habit reports whether the work has as a rule been done in time.
func (t *turn) habit() bool {
	past := t.Past
	for len(past) > 0 && !past[len(past)-1] {
		past = past[:len(past)-1]
	}
	done := 0
	for _, p := range past {
		if p {
			done++
		}
	}
	return len(past) >= habitLeast && float64(done) >= habitShare*float64(len(past))
}

// measure takes what is published now.
func (t *turn) measure(at time.Time, g group) {
	t.Hole = t.Hole || t.At.IsZero() || at.Sub(t.At) > maxGap
	t.Sum += t.Count.advance(g.values)
	t.At = at
}

// judge looks at the newest occasion at a tick.
func (t *turn) judge(at time.Time, last calendar.Occasion, met bool, done process.Done) {
	if last.At.Equal(t.Due) {
		if met && t.Known && !t.Done {
			t.finish()
		}
		return
	}
	watched := at.Sub(last.At) <= maxGap && (done.Advances == nil || met || !t.Hole)
	stands := t.Known && !t.Done
	if !stands {
		t.First, t.Missed = last.At, 0
	}
	t.Due, t.Done = last.At, false
	t.Known = watched || stands || done.Dated != nil // a date tells at any time
	if watched {
		t.Past = append(t.Past, met)
		t.Past = t.Past[max(0, len(t.Past)-habitOccasions):]
	}
	switch {
	case met:
		t.finish()
	case t.Known:
		t.Missed++
	default:
		t.Sum, t.Hole = 0, at.Sub(last.At) > maxGap // it is counted from here on
	}
}

// finish says that the work is done.
func (t *turn) finish() {
	t.Done, t.First, t.Missed = true, time.Time{}, 0
	t.Sum, t.Hole = 0, false
}

// schedule judges declared work, each series by itself.
func (l *Ledger) schedule(k look, w process.Work) []tiering.Work {
	if k.subject.Timeline == nil {
		return nil
	}
	last, next, ok := l.occasions(k, w.Due)
	if !ok {
		return nil
	}
	var out []tiering.Work
	for _, g := range k.groups(w) {
		t := room(l, l.turns, maxTurns, k.key(w, g, k.subject.Process, w.Due))
		if t == nil || k.at.Before(t.At) {
			continue
		}
		t.measure(k.at, g)
		if last.At.IsZero() {
			continue // it has never been due
		}
		s := standing{g: g, sum: t.Sum, done: w.Done, last: last, timeline: k.subject.Timeline}
		met, measured := s.met()
		if !measured {
			continue
		}
		t.judge(k.at, last, met, w.Done)
		missing := t.Known && !t.Done && (!w.Habit || t.habit())
		if !missing && !t.Done {
			continue // nobody can tell
		}
		item := tiering.Work{Source: w.Source, Name: g.name, Says: w.Says, Due: next.At}
		if missing {
			item.Missing, item.Since, item.Due = true, t.First, t.First.Add(w.Within)
			item.Lacks, item.Count = s.lacks()
			item.Why = "due " + s.local(t.First) + ", " + s.why()
		}
		out = append(out, item)
	}
	return out
}

// A standing is how far declared work has come.
type standing struct {
	g        group
	sum      float64 // advanced since it was last done
	done     process.Done
	last     calendar.Occasion
	timeline *calendar.Timeline
}

// met reports whether the metric shows the work done; measured is false when it
// does not tell.
func (s standing) met() (met, measured bool) {
	switch d := s.done; {
	case d.Dated != nil:
		newest, ok := s.newest()
		return ok && !newest.Before(s.wanted()), ok
	case d.Advances != nil:
		return s.sum >= *d.Advances, true
	case d.AtMost != nil:
		return s.g.sum() <= *d.AtMost, true
	case d.AtLeast != nil:
		return s.g.sum() >= *d.AtLeast, true
	default:
		return false, false
	}
}

// newest is the day of a timestamp, that of the series that lags most behind.
func (s standing) newest() (calendar.Date, bool) {
	v := slices.Min(slices.Collect(maps.Values(s.g.values)))
	if v <= 0 || v > farthestStamp {
		return calendar.Date{}, false
	}
	at := time.Unix(int64(v), 0)
	// A date is published as its midnight in UTC, which is the day before in
	// the Americas: of the two the later counts.
	d, utc := calendar.DateOf(at.In(s.timeline.Zone())), calendar.DateOf(at.UTC())
	if d.Before(utc) {
		d = utc
	}
	return d, true
}

// farthestStamp is the end of the year 9999.
const farthestStamp = 253402300799

// wanted is the day that the newest must be of.
func (s standing) wanted() calendar.Date {
	if *s.done.Dated == 0 {
		return s.last.Day
	}
	d, ok := s.timeline.WorkingDay(s.last.Day, -*s.done.Dated)
	if !ok {
		return calendar.Date{Year: 1970, Month: time.January, Day: 1} // a calendar without working days asks for nothing
	}
	return d
}

// lacks is how many are missing, and how many wait where that is known.
func (s standing) lacks() (lacks, waiting int) {
	sum := s.g.sum()
	switch d := s.done; {
	case d.Dated != nil:
		newest, _ := s.newest()
		for day := s.wanted(); newest.Before(day) && lacks < mostDays; day = day.Add(-1) {
			if s.timeline.IsWorkingDay(day) {
				lacks++
			}
		}
	case d.Advances != nil:
		lacks = whole(*d.Advances - s.sum)
	case d.AtMost != nil:
		lacks, waiting = whole(sum-*d.AtMost), whole(sum)
	case d.AtLeast != nil:
		lacks = whole(*d.AtLeast - sum)
	}
	return max(1, lacks), waiting
}

// mostDays bounds how far back missing days are counted.
const mostDays = 250

func whole(v float64) int { return int(math.Ceil(min(max(v, 0), 1e9))) }

// why says in words what there is instead.
func (s standing) why() string {
	sum := s.g.sum()
	switch d := s.done; {
	case d.Dated != nil:
		newest, _ := s.newest()
		lacks, _ := s.lacks()
		said := "and the newest is of " + day(newest)
		if lacks > 1 {
			said += fmt.Sprintf(": %d working days are missing", lacks)
		}
		return said
	case d.Advances != nil && s.sum <= 0:
		return "and none was done since the time before"
	case d.Advances != nil:
		return fmt.Sprintf("and %.0f of %.0f were done since the time before", s.sum, *d.Advances)
	case d.AtMost != nil && *d.AtMost <= 0:
		return fmt.Sprintf("and %.0f are left", sum)
	case d.AtMost != nil:
		return fmt.Sprintf("and %.0f are left, where %.0f may be", sum, *d.AtMost)
	case d.AtLeast != nil:
		return fmt.Sprintf("and %.0f of %.0f are there", sum, *d.AtLeast)
	default:
		return ""
	}
}

// local is an instant for people, in the entity's zone.
func (s standing) local(t time.Time) string {
	return t.In(s.timeline.Zone()).Format("Mon 2 Jan 15:04")
}

func day(d calendar.Date) string { return d.In(time.UTC).Format("Mon 2 Jan 2006") }

// A counter follows counters, each series by itself: one that is reset goes on
// from zero, one that is seen for the first time has not advanced.
type counter map[string]float64

// mostSeries bounds the series of one piece of work that are followed.
const mostSeries = 500

// advance returns by how much the counters have advanced since they were seen.
func (c *counter) advance(values map[string]float64) float64 {
	if *c == nil || len(*c) > mostSeries {
		*c = counter{}
	}
	sum := 0.0
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		was, had := (*c)[key]
		switch {
		case had && v < was:
			sum += max(v, 0)
		case had:
			sum += v - was
		}
		(*c)[key] = v
	}
	return sum
}

// room returns what is remembered under a key, new when there is room; nil when
// there is none, which is counted.
func room[T any](l *Ledger, of map[string]*T, most int, key string) *T {
	x := of[key]
	if x == nil && len(of) >= most {
		l.full[key] = true
		return nil
	}
	if x == nil {
		x = new(T)
		of[key] = x
		delete(l.full, key)
	}
	return x
}
