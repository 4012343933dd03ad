package expected

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A Day is how much was done in each hour of a civil day that was measured from
// its first instant to its last, as the clocks of the entity showed: an hour that comes
// twice counts as one, one that is skipped is empty.
type Day struct {
	Date  calendar.Date
	Hours [24]float64
}

// A track is the history of one piece of work: the days that were measured, and
// today.
type track struct {
	At    time.Time     `json:"at"` // when it was last measured
	Today calendar.Date `json:"today"`
	Hours [24]float64   `json:"hours"`
	Holes [24]bool      `json:"holes"` // some of the hour was not measured
	Count counter       `json:"count"`

	days    []Day // oldest first
	classes map[calendar.Date]string
	of      *calendar.Timeline // that the classes are of
}

// What history is: how long it is kept, and how many days of a class are
// compared, the newest first.
const (
	historyDays = 400
	compared    = 12
	enough      = 3 // fewer tell nothing
)

// measure takes what is published at a tick. Where nothing was measured for
// longer than maxGap, the hours it touches are not whole.
func (t *track) measure(at time.Time, zone *time.Location, values map[string]float64) (closed bool) {
	if !at.After(t.At) {
		return false
	}
	local := at.In(zone)
	date, hour := calendar.DateOf(local), local.Hour()
	gap := t.At.IsZero() || at.Sub(t.At) > maxGap
	from := 0 // the first hour of today that the gap touches
	if was := t.At.In(zone); gap && !t.At.IsZero() {
		if from = was.Hour(); date != t.Today {
			t.hole(from, 23)
			from = 0
		}
	}
	if date != t.Today {
		closed = t.close()
		t.Today, t.Hours, t.Holes = date, [24]float64{}, [24]bool{}
	}
	if gap {
		t.hole(from, hour)
	}
	t.Hours[hour] += t.Count.advance(values)
	t.At = at
	return closed
}

func (t *track) hole(from, to int) {
	for h := from; h <= to; h++ {
		t.Holes[h] = true
	}
}

// close keeps the day that ends, if all of it was measured. A day that is
// already kept, before a restart, stays as it is.
func (t *track) close() bool {
	if t.Today.IsZero() || slices.Contains(t.Holes[:], true) {
		return false
	}
	if n := len(t.days); n > 0 && !t.days[n-1].Date.Before(t.Today) {
		return false
	}
	t.days = append(t.days, Day{t.Today, t.Hours})
	for len(t.days) > 0 && t.Today.Sub(t.days[0].Date) > historyDays {
		t.days = t.days[1:]
	}
	return true
}

// like lists the newest earlier days of today's class.
func (t *track) like(tl *calendar.Timeline) (days []Day, class string) {
	if t.of != tl {
		t.of, t.classes = tl, map[calendar.Date]string{}
	}
	class = t.class(t.Today)
	for i := len(t.days) - 1; i >= 0 && len(days) < compared; i-- {
		if d := t.days[i]; d.Date.Before(t.Today) && t.class(d.Date) == class {
			days = append(days, d)
		}
	}
	return days, class
}

func (t *track) class(d calendar.Date) string {
	c, had := t.classes[d]
	if !had {
		c = t.of.Class(d)
		t.classes[d] = c
	}
	return c
}

// A usual is what is usual by an hour: the median, and how far days of a kind
// lie from it, as the standard deviation of the logarithm. Days differ by
// factors, not by amounts.
type usual struct{ median, spread float64 }

// usualBy returns what is usual before an hour begins. The spread is had from
// the median absolute deviation, and is never less than that of as many events
// at random on days that differ by a fifth: a few days that are alike by chance
// are no rule. It is as much wider as their median is uncertain.
func usualBy(days []Day, hour int) usual {
	counts := make([]float64, len(days))
	for i, d := range days {
		counts[i] = before(d.Hours, hour)
	}
	m := median(counts)
	for i, c := range counts {
		counts[i] = math.Abs(math.Log((c + 1) / (m + 1))) // a day without any is far, not infinitely
	}
	spread := max(median(counts)/madOfNormal, math.Hypot(daysDiffer, 1/math.Sqrt(m+1)))
	return usual{m, spread * math.Sqrt(1+math.Pi/2/float64(len(days)))}
}

// madOfNormal is the median absolute deviation of a normal distribution with a
// standard deviation of 1: its third quartile.
const madOfNormal = 0.6745

// daysDiffer is how much days of one kind differ at least.
const daysDiffer = 0.2

// Far below is less than half of the median, and this many spreads below it.
// With four, a slow morning or two in a decade of a company would be told.
const spreadsBelow = 5

// short reports whether a count is far below.
func (u usual) short(count, least float64) bool {
	return u.median >= least && u.median > 0 && count < u.median/2 && count+1 < (u.median+1)*math.Exp(-spreadsBelow*u.spread)
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func before(hours [24]float64, hour int) float64 {
	sum := 0.0
	for _, n := range hours[:hour] {
		sum += n
	}
	return sum
}

// history compares today with earlier days of its kind, up to the hour that
// began last; what has come since counts for today.
func (l *Ledger) history(k look, w process.Work) []tiering.Work {
	tl := k.subject.Timeline
	if tl == nil {
		return nil
	}
	var out []tiering.Work
	for _, g := range k.groups(w) {
		t := room(l, l.tracks, maxTracks, k.key(w, g))
		if t == nil {
			continue
		}
		if t.measure(k.at, tl.Zone(), g.values) {
			l.closed++
		}
		hour := k.at.In(tl.Zone()).Hour()
		if slices.Contains(t.Holes[:hour+1], true) || tl.At(k.at).Doubt != "" {
			continue
		}
		days, class := t.like(tl)
		if len(days) < enough {
			continue
		}
		u, today := usualBy(days, hour), before(t.Hours, 24)
		if u.median < w.Least || u.median <= 0 {
			continue // too few by now to tell
		}
		item := tiering.Work{Source: w.Source, Name: g.name, Says: w.Says}
		if u.short(today, w.Least) {
			item.Missing, item.Lacks, item.Since = true, whole(u.median-today), t.since(days, hour, w.Least, tl.Zone())
			item.Why = fmt.Sprintf("%.0f by %02d:00, where %.0f are usual by then on %s", today, hour, u.median, classWords(class))
		}
		out = append(out, item)
	}
	return out
}

// since is the hour from which on today has been far below without a break.
func (t *track) since(days []Day, hour int, least float64, zone *time.Location) time.Time {
	for hour > 1 && usualBy(days, hour-1).short(before(t.Hours, hour-1), least) {
		hour--
	}
	return calendar.TimeOfDay{Hour: hour}.On(t.Today, zone).UTC()
}

// classWords says a class of days: "a Tuesday", "WD+2", "a half day".
func classWords(class string) string {
	if strings.HasPrefix(class, "WD") {
		return class
	}
	return "a " + class
}
