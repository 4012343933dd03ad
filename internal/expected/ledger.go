// Package expected is the ledger of expected work: what should have happened by
// now, of whom and by when, and whether it did.
//
// The worst failures of an ERP are silent and green: nothing reports an error,
// and something does not happen. What should happen is known from four sources.
// Jobs that wait are to be taken. A scheduled action has its interval. What an
// estate declares is due at an instant of the calendar, and a metric shows it
// done. And where nobody declares anything, as much is expected as had happened
// by the same time on earlier days of the same kind.
//
// A metric that a database does not have is not measurable here: it gives no
// item, neither missing nor done. So does one that was not watched when it
// mattered. The package is pure: it reads no clock and no file. What it must
// remember over a restart it gives away and takes back as plain values.
package expected

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A Subject is a process in one entity, with the work that is expected of it
// and the calendar it goes by.
type Subject struct {
	tiering.Key
	Work     []process.Work
	Timeline *calendar.Timeline
}

// A Ledger follows the expected work of every subject. It is asked at every tick, in
// order, and is not safe for concurrent use.
type Ledger struct {
	grace  time.Duration
	turns  map[string]*turn             // of declared work
	tracks map[string]*track            // of work that has a history
	plans  map[planKey]*plan            // rules that were read
	match  map[string]func(string) bool // by the patterns, which are those of the estate
	closed int
	full   map[string]bool // what is not followed for lack of room
}

// Bounds of what is remembered.
const (
	maxTurns  = 2000 // series of declared work
	maxTracks = 500  // series that have a history, at most 400 days of some hundred bytes each
)

// maxGap is how long nothing may be measured for a count to be whole. A restart takes less.
const maxGap = 15 * time.Minute

// New returns an empty ledger. grace is how long runnable work may wait
// untouched, and a scheduled action be late, before it counts as missing.
func New(grace time.Duration) *Ledger {
	return &Ledger{
		grace: grace, turns: map[string]*turn{}, tracks: map[string]*track{}, plans: map[planKey]*plan{}, full: map[string]bool{},
		match: map[string]func(string) bool{},
	}
}

// NotFollowed is how much work is not followed because too much else is.
func (l *Ledger) NotFollowed() int { return len(l.full) }

// Judge lists a subject's expected work at a tick, by name. Only what can be told is
// listed.
func (l *Ledger) Judge(at time.Time, p signal.Published, s Subject) []tiering.Work {
	labels := map[string]string{"tenant": s.Tenant, "environment": s.Environment}
	offset, _ := p.One("odoo_database_clock_offset_seconds", labels)
	look := look{at: at, server: at.Add(time.Duration(offset * float64(time.Second))), published: p, subject: s}
	var out []tiering.Work
	for _, w := range s.Work {
		match := l.matcher(w.Match)
		switch w.Source {
		case process.QueueJobs:
			for _, channel := range p.Values("odoo_queue_jobs", "channel", labels) {
				if match(channel) {
					out = append(out, l.queue(look, w, with(labels, "channel", channel)))
				}
			}
		case process.ScheduledAction:
			for _, action := range p.Values("odoo_scheduled_action_active", "action", labels) {
				if match(action) {
					out = append(out, l.action(look, w, with(labels, "action", action)))
				}
			}
		case process.Schedule:
			out = append(out, l.schedule(look, w)...)
		case process.History:
			out = append(out, l.history(look, w)...)
		}
	}
	slices.SortFunc(out, func(a, b tiering.Work) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Says, b.Says)) })
	return out
}

// A look is what is there at a tick.
type look struct {
	at        time.Time
	server    time.Time // the same instant by the clock of the database: ages are read on it
	published signal.Published
	subject   Subject
}

// ours is an instant of the database's clock by ours.
func (k look) ours(t time.Time) time.Time { return k.at.Add(t.Sub(k.server)) }

// A group is the series of one piece of work.
type group struct {
	name   string             // the value of By, or what the work says
	values map[string]float64 // by series
}

// groups are the series that tell about a piece of work, by name: those of the
// tenant, and of the entity where they know entities.
func (k look) groups(w process.Work) []group {
	by := map[string]group{}
	for _, x := range k.published.Match(w.Metric, with(w.Labels, "tenant", k.subject.Tenant, "environment", k.subject.Environment)) {
		if entity, told := x.Labels["entity"]; told && entity != k.subject.Entity || math.IsNaN(x.Value) || math.IsInf(x.Value, 0) {
			continue
		}
		name := w.Says
		if w.By != "" {
			name = x.Labels[w.By]
		}
		if _, had := by[name]; !had {
			by[name] = group{name, map[string]float64{}}
		}
		by[name].values[seriesKey(x.Labels)] = x.Value
	}
	out := make([]group, 0, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, by[name])
	}
	return out
}

func (g group) sum() float64 {
	sum := 0.0
	for _, v := range slices.Sorted(maps.Values(g.values)) { // in the order of size: that of series cannot show
		sum += v
	}
	return sum
}

// key is what a group of a piece of work is remembered under.
func (k look) key(w process.Work, g group, more ...string) string {
	parts := append([]string{k.subject.Environment, k.subject.Tenant, k.subject.Entity, w.Metric, seriesKey(w.Labels), w.By}, more...)
	if w.By != "" {
		parts = append(parts, g.name)
	}
	return strings.Join(parts, separator)
}

// separator stands in no name that people give.
const separator = "\x1f"

func seriesKey(labels map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString(name + "=" + labels[name] + "\x1e")
	}
	return b.String()
}

// A plan is a rule that was read, and its occasions around now.
type plan struct {
	due        calendar.Recurrence
	known      bool
	timeline   *calendar.Timeline
	last, next calendar.Occasion
}

// A planKey is whose occasions a plan has: of a rule in an entity's calendar,
// around an instant so long before the tick.
type planKey struct {
	entity, text string
	before       time.Duration
}

// occasions returns when declared work was due last and is due next; false when
// its text is no rule, which an estate does not let through.
func (l *Ledger) occasions(k look, text string) (last, next calendar.Occasion, ok bool) {
	return l.occasionsAt(k, k.at, text)
}

// occasionsAt are the occasions around another instant, always as long before
// the tick.
func (l *Ledger) occasionsAt(k look, at time.Time, text string) (last, next calendar.Occasion, ok bool) {
	tl := k.subject.Timeline
	key := planKey{k.subject.Entity, text, k.at.Sub(at)}
	p := l.plans[key]
	if p == nil {
		due, err := calendar.ParseRecurrence(text)
		p = &plan{due: due, known: err == nil}
		l.plans[key] = p
	}
	if p.known && (p.timeline != tl || at.Before(p.last.At) || !at.Before(p.next.At)) {
		p.timeline = tl
		p.last, p.next = tl.Occasions(p.due, at)
	}
	return p.last, p.next, p.known
}

// matcher returns what matches patterns, compiled once.
func (l *Ledger) matcher(patterns []string) func(string) bool {
	key := strings.Join(patterns, separator)
	m := l.match[key]
	if m == nil {
		m = matcher(patterns)
		l.match[key] = m
	}
	return m
}

// matcher compiles patterns in which * stands for any run of characters.
// Letter case does not matter.
func matcher(patterns []string) func(string) bool {
	res := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		res[i] = regexp.MustCompile("(?is)^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$")
	}
	return func(s string) bool {
		return slices.ContainsFunc(res, func(re *regexp.Regexp) bool { return re.MatchString(s) })
	}
}

// with returns labels and more of them, in pairs.
func with(labels map[string]string, more ...string) map[string]string {
	out := make(map[string]string, len(labels)+len(more)/2)
	maps.Copy(out, labels)
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}
