package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// A Timeline is a plan laid out over some time. It is not changed after Compile
// and is safe for concurrent use.
type Timeline struct {
	plan     Plan
	from, to int64 // seconds; half-open, as every stretch here
	starts   []int64
	places   []Place // places[i] holds from starts[i] to the next start
	closes   []closing
	doubts   []said
	series   []series // cut-offs, then deadlines, then milestones
	freezes  []named
	windows  []named
}

// A stretch is a half-open span of seconds.
type stretch struct{ from, to int64 }

func (s stretch) holds(at int64) bool { return s.from <= at && at < s.to }

// A closing is one period with what its close plan comes to.
type closing struct {
	period Period
	plan   ClosePlan // with its extensions
	spans  map[Phase]stretch
	target int64
	last   int64   // when its last day begins
	course *course // how it went; nil: as planned
}

// A series is all occurrences of one deadline, soonest first.
type series struct {
	Deadline
	at []occurrence
}

// An occurrence is one time a deadline falls due.
type occurrence struct {
	at, bank int64
	of       string // the value date, the day the rule counts from, or the period
}

// A named stretch is one freeze or maintenance window.
type named struct {
	stretch
	id     string
	level  FreezeLevel // of a freeze
	period string      // of a freeze
}

// How far a daemon compiles around now: the phases of the month before reach
// into this one, and the filing dates of the year after next are planned.
const (
	behindMonths = 2
	aheadMonths  = 24
)

// Horizon is what to compile to look around t: from two months before to two
// years after, at whole months in UTC.
func Horizon(t time.Time) (from, to time.Time) {
	y, m, _ := t.UTC().Date()
	return time.Date(y, m-behindMonths, 1, 0, 0, 0, 0, time.UTC), time.Date(y, m+aheadMonths, 1, 0, 0, 0, 0, time.UTC)
}

// Compile lays a plan out over [from, to).
func Compile(p Plan, from, to time.Time) *Timeline {
	tl := &Timeline{plan: p, from: from.Unix(), to: max(from.Unix(), to.Unix())}
	tl.doubts = append(tl.compileCloses(), tl.compileDoubts()...)
	tl.compileDeadlines()
	tl.compileMaintenance()
	tl.layOut()
	return tl
}

// A said stretch is a doubt.
type said struct {
	stretch
	text string
}

// civil is the day an instant lies in, in the entity's zone.
func (tl *Timeline) civil(at int64) Date { return DateOf(time.Unix(at, 0).In(tl.plan.zone())) }

// lead is how many days before the compiled time a period may end and still
// reach into it: farthest working days and a long holiday.
const lead = 62

// compileCloses places every period whose close may reach into the compiled
// time, and returns what could not be placed.
func (tl *Timeline) compileCloses() []said {
	p, zone := &tl.plan, tl.plan.zone()
	if p.Close == nil {
		return nil
	}
	fiscal, works := p.Fiscal, p.works()
	if fiscal == nil {
		fiscal = Monthly()
	}
	var doubts []said
	var unknown stretch // days in a row that lie in no period
	end := tl.civil(tl.to)
	for d := tl.civil(tl.from).Add(-lead); !end.Before(d); {
		period, ok := fiscal.Month(d)
		if !ok || period.Last.Before(d) {
			if unknown.to == 0 {
				unknown.from = d.In(zone).Unix()
			}
			d = d.Add(1)
			unknown.to = d.In(zone).Unix()
			continue
		}
		if c, placed := closePeriod(p, period, works); placed {
			tl.closes = append(tl.closes, c)
			tl.freezes = append(tl.freezes, freezesOf(p, period, works)...)
		} else {
			doubts = append(doubts, said{
				stretch{period.First.In(zone).Unix(), period.Last.Add(lead).In(zone).Unix()},
				fmt.Sprintf("%s: the close of %s cannot be placed: no working day in %d days", calendarName(works.days), period.Name, longestGap),
			})
		}
		d = period.Last.Add(1)
	}
	if unknown.to > tl.from {
		doubts = append(doubts, said{unknown, "the fiscal calendar has no period here"})
	}
	return doubts
}

func calendarName(d *Days) string { return cmp.Or(d.Name(), "working days") }

// closePeriod works out one period; false when the calendar has no day for one
// of its marks.
func closePeriod(p *Plan, period Period, works workdays) (closing, bool) {
	c := closing{period: period, plan: p.Close.extended(period.Name, p.Extensions), spans: map[Phase]stretch{}, last: period.Last.In(p.zone()).Unix()}
	zone, placed := p.zone(), true
	second := func(m Mark) int64 {
		at, ok := m.in(period, works, zone)
		placed = placed && ok
		return at.Unix()
	}
	for _, phase := range []Phase{PreClose, Close, Tail} {
		if s := c.plan.span(phase); !s.IsZero() {
			c.spans[phase] = stretch{second(s.From), second(s.To)}
		}
	}
	c.target = second(c.plan.Target)
	return c, placed
}

func freezesOf(p *Plan, period Period, works workdays) []named {
	var out []named
	for _, f := range p.Freezes {
		from, ok := f.From.in(period, works, p.zone())
		to, also := f.To.in(period, works, p.zone())
		if ok && also && from.Before(to) {
			out = append(out, named{stretch{from.Unix(), to.Unix()}, f.ID, f.Level, period.Name})
		}
	}
	return out
}

// compileDoubts asks every calendar the plan rests on, day by day.
func (tl *Timeline) compileDoubts() []said {
	zone := tl.plan.zone()
	var out []said
	first, end := tl.civil(tl.from), tl.civil(tl.to)
	for _, days := range tl.plan.calendars() {
		if days.sure.has(first.number()) && days.sure.has(end.number()) {
			continue
		}
		last := ""
		for d := first; !end.Before(d); d = d.Add(1) {
			text := doubtText(days.Doubts(d))
			if text == "" {
				last = ""
				continue
			}
			next := d.Add(1).In(zone).Unix()
			if text == last {
				out[len(out)-1].to = next
			} else {
				out = append(out, said{stretch{d.In(zone).Unix(), next}, text})
			}
			last = text
		}
	}
	return out
}

func doubtText(doubts []Doubt) string {
	texts := make([]string, len(doubts))
	for i, d := range doubts {
		texts[i] = strings.TrimSuffix(fmt.Sprintf("%s: %s; %s", d.Calendar, d.Why, d.Remedy), "; ")
	}
	return strings.Join(texts, "; ")
}

// ruleYears is how far the base of a rule may lie from its day, in years: its
// steps are bounded.
const ruleYears = 1 + (maxTerms*max(maxDays, maxMonth*31, maxBD*7))/365

func (tl *Timeline) compileDeadlines() {
	p := &tl.plan
	for i := range p.Cutoffs {
		c := &p.Cutoffs[i]
		// A cut-off lies at most ten banking days before its value date.
		tl.add(Deadline{ID: c.ID, Title: cmp.Or(c.Title, c.ID), Process: c.Process, Kind: CutoffKind},
			c.occurrences(tl.civil(tl.from).Add(-2), tl.civil(tl.to).Add(lead), p))
	}
	for i := range p.Dues {
		d := &p.Dues[i]
		first, last := tl.civil(tl.from).Year-ruleYears, tl.civil(tl.to).Year+ruleYears
		tl.add(Deadline{ID: d.ID, Title: cmp.Or(d.Title, d.ID), Process: d.Process, Kind: DueKind}, d.occurrences(first, last, p))
	}
	if p.Close == nil {
		return
	}
	works := p.works()
	for i, m := range p.Close.Milestones {
		var at []occurrence
		for _, c := range tl.closes {
			if due, ok := c.plan.Milestones[i].Due.in(c.period, works, p.zone()); ok {
				at = append(at, occurrence{due.Unix(), due.Unix(), c.period.Name})
			}
		}
		tl.add(Deadline{ID: m.ID, Title: cmp.Or(m.Title, m.ID), Process: m.Process, Kind: MilestoneKind}, at)
	}
}

// add keeps the occurrences that lie in the compiled time.
func (tl *Timeline) add(d Deadline, all []occurrence) {
	all = slices.DeleteFunc(all, func(o occurrence) bool { return !(stretch{tl.from, tl.to}).holds(o.at) })
	slices.SortFunc(all, func(a, b occurrence) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.of, b.of))
	})
	tl.series = append(tl.series, series{d, all})
}

func (tl *Timeline) compileMaintenance() {
	for i := range tl.plan.Maintenance {
		m := &tl.plan.Maintenance[i]
		for _, w := range m.windows(tl.civil(tl.from).Add(-int(m.Duration/(24*time.Hour))-2), tl.civil(tl.to), tl.plan.zone()) {
			tl.windows = append(tl.windows, named{stretch: w, id: m.ID})
		}
	}
	slices.SortFunc(tl.windows, func(a, b named) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.id, b.id)) })
}

// layOut cuts the compiled time at every instant at which anything changes.
func (tl *Timeline) layOut() {
	cuts := []int64{tl.from}
	cut := func(s stretch) { cuts = append(cuts, s.from, s.to) }
	for i := range tl.closes {
		for _, s := range tl.closes[i].stretches() {
			cut(s.stretch)
		}
	}
	for _, f := range tl.freezes {
		cut(f.stretch)
	}
	for _, w := range tl.windows {
		cut(w.stretch)
	}
	for _, d := range tl.doubts {
		cut(d.stretch)
	}
	slices.Sort(cuts)
	cuts = slices.DeleteFunc(slices.Compact(cuts), func(at int64) bool { return at < tl.from || at >= tl.to })
	for i, place := range tl.evaluate(cuts) {
		if n := len(tl.places); n > 0 && tl.places[n-1] == place {
			continue
		}
		tl.starts, tl.places = append(tl.starts, cuts[i]), append(tl.places, place)
	}
	tl.endNormal()
}

// evaluate finds the place that begins at each of the cuts, which are in order:
// every stretch that ends or begins in the compiled time does so at one.
func (tl *Timeline) evaluate(cuts []int64) []Place {
	places := slices.Repeat([]Place{{Phase: Normal}}, len(cuts))
	within := func(s stretch, change func(*Place)) {
		from, _ := slices.BinarySearch(cuts, s.from)
		to, _ := slices.BinarySearch(cuts, s.to)
		for i := from; i < to; i++ {
			change(&places[i])
		}
	}
	for i := range tl.closes {
		for _, s := range tl.closes[i].stretches() {
			within(s.stretch, func(place *Place) {
				if s.phase.rank() < place.Phase.rank() {
					*place = tl.placeIn(s, tl.closes[i].period.Name)
				}
			})
		}
	}
	for _, d := range tl.doubts {
		within(d.stretch, func(place *Place) {
			if !strings.Contains(place.Doubt, d.text) {
				place.Doubt = join(place.Doubt, "; ", d.text)
			}
		})
	}
	for _, f := range tl.freezes {
		within(f.stretch, func(place *Place) {
			if isListed(place.Frozen, f.id) {
				return
			}
			place.Frozen = join(place.Frozen, ", ", f.id)
			if place.Freeze != HardFreeze {
				place.Freeze = f.level
			}
		})
	}
	for _, w := range tl.windows {
		within(w.stretch, func(place *Place) {
			if !isListed(place.Maintenance, w.id) {
				place.Maintenance = join(place.Maintenance, ", ", w.id)
			}
		})
	}
	return places
}

// placeIn is the place within one phase of a close. The end of a phase that goes
// on until a lock is set is not known.
func (tl *Timeline) placeIn(s phased, period string) Place {
	p := Place{Phase: s.phase, Period: period, Standing: s.standing}
	if s.to != tl.to || s.standing == AsPlanned {
		p.Ends = time.Unix(s.to, 0).UTC()
	}
	if s.planned != 0 {
		p.Planned = time.Unix(s.planned, 0).UTC()
	}
	return p
}

func join(list, separator, item string) string {
	if list == "" {
		return item
	}
	return list + separator + item
}

func isListed(list, item string) bool {
	for l := range strings.SplitSeq(list, ", ") {
		if l == item {
			return true
		}
	}
	return false
}

// endNormal says when normal days end: at the next phase.
func (tl *Timeline) endNormal() {
	var ends time.Time
	for i := len(tl.places) - 1; i >= 0; i-- {
		if tl.places[i].Phase != Normal {
			ends = time.Unix(tl.starts[i], 0).UTC()
			continue
		}
		tl.places[i].Ends = ends
	}
}

// At returns where t lies. Outside the compiled time that is Unknown, with the
// reason.
func (tl *Timeline) At(t time.Time) Place {
	at := t.Unix()
	if at < tl.from || at >= tl.to {
		return tl.outside()
	}
	return tl.places[tl.index(at)]
}

// Freezes lists those of the plan, whenever they are in force.
func (tl *Timeline) Freezes() []Freeze { return tl.plan.Freezes }

// FreezesAt lists the freezes in force at t.
func (tl *Timeline) FreezesAt(t time.Time) []Freeze {
	var out []Freeze
	frozen := tl.At(t).Frozen
	for _, f := range tl.plan.Freezes {
		if isListed(frozen, f.ID) {
			out = append(out, f)
		}
	}
	return out
}

// index finds the span that holds a second of the compiled time.
func (tl *Timeline) index(at int64) int {
	low, high := 0, len(tl.starts) // starts[low] <= at < starts[high]
	for high-low > 1 {
		if mid := int(uint(low+high) >> 1); tl.starts[mid] <= at {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

func (tl *Timeline) outside() Place {
	return Place{Phase: Unknown, Doubt: fmt.Sprintf("the calendar is laid out from %s to %s only", day(tl.from), day(tl.to))}
}

func day(at int64) string { return time.Unix(at, 0).UTC().Format(time.DateOnly) }

// Deadlines returns the next occurrence after t of every cut-off, deadline and
// milestone of a process, soonest first; of all with an empty process.
func (tl *Timeline) Deadlines(t time.Time, process string) []Deadline {
	var out []Deadline
	for i := range tl.series {
		s := &tl.series[i]
		if process != "" && s.Process != process {
			continue
		}
		if n := s.after(t.Unix()); n < len(s.at) {
			out = append(out, s.occurs(n))
		}
	}
	slices.SortFunc(out, byTime)
	return out
}

func byTime(a, b Deadline) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) }

// after is the index of the first occurrence later than a second.
func (s *series) after(at int64) int {
	return sort.Search(len(s.at), func(i int) bool { return s.at[i].at > at })
}

// occurs is the nth occurrence.
func (s *series) occurs(n int) Deadline {
	d, o := s.Deadline, s.at[n]
	d.At, d.Bank, d.For = time.Unix(o.at, 0).UTC(), time.Unix(o.bank, 0).UTC(), o.of
	return d
}

// Zone is the entity's.
func (tl *Timeline) Zone() *time.Location { return tl.plan.zone() }

// Span returns the compiled time.
func (tl *Timeline) Span() (from, to time.Time) {
	return time.Unix(tl.from, 0).UTC(), time.Unix(tl.to, 0).UTC()
}

// A Stay is one span of a timeline: as long as the place stays the same.
type Stay struct {
	From, To time.Time
	Place    Place
}

// Spans lists the spans of the compiled time, without gaps, in order.
func (tl *Timeline) Spans() []Stay {
	out := make([]Stay, len(tl.starts))
	for i, p := range tl.places {
		out[i] = Stay{time.Unix(tl.starts[i], 0).UTC(), time.Unix(tl.endOf(i), 0).UTC(), p}
	}
	return out
}
