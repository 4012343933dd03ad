package calendar

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Change is one difference between two calendars of an entity, in words.
type Change struct {
	Entity string    `json:"entity"`
	What   string    `json:"what"` // holiday, phase, cut-off, deadline, milestone, freeze, maintenance, entity
	At     time.Time `json:"at"`   // when it first makes a difference
	Text   string    `json:"text"`
}

// told bounds how many changes of one sort are told one by one; the rest is
// counted.
const told = 5

// Diff says in words what changes from one timeline of an entity to another,
// over the time both are laid out for. A nil timeline is an entity that is not
// there.
func Diff(old, now *Timeline) []Change {
	switch {
	case old == nil && now == nil:
		return nil
	case old == nil:
		return []Change{{now.plan.Entity, "entity", time.Unix(now.from, 0).UTC(), "has a calendar now and had none"}}
	case now == nil:
		return []Change{{old.plan.Entity, "entity", time.Unix(old.from, 0).UTC(), "had a calendar and has none now"}}
	}
	d := differ{old, now, stretch{max(old.from, now.from), min(old.to, now.to)}, nil}
	d.zones()
	d.holidays()
	d.phases()
	d.deadlines()
	d.stretches("freeze", old.freezes, now.freezes)
	d.stretches("maintenance", old.windows, now.windows)
	d.doubts()
	slices.SortStableFunc(d.out, func(a, b Change) int { return a.At.Compare(b.At) })
	return d.out
}

type differ struct {
	old, now *Timeline
	both     stretch
	out      []Change
}

func (d *differ) change(what string, at int64, format string, args ...any) {
	d.out = append(d.out, Change{d.now.plan.Entity, what, time.Unix(at, 0).UTC(), fmt.Sprintf(format, args...)})
}

func (d *differ) local(at int64) string {
	return time.Unix(at, 0).In(d.now.plan.zone()).Format("Mon 2006-01-02 15:04")
}

// until renders the end of something: a midnight is the end of the day before,
// as people say it.
func (d *differ) until(at int64) string {
	t := time.Unix(at, 0).In(d.now.plan.zone())
	if t.Hour() == 0 && t.Minute() == 0 {
		return t.AddDate(0, 0, -1).Format("Mon 2006-01-02") + " 24:00"
	}
	return t.Format("Mon 2006-01-02 15:04")
}

func (d *differ) zones() {
	if a, b := d.old.plan.zone().String(), d.now.plan.zone().String(); a != b {
		d.change("zone", d.both.from, "time zone is %s, was %s", b, a)
	}
}

// holidays compares every calendar both rest on, day by day.
func (d *differ) holidays() {
	d.days(d.now.plan.works(), d.old.plan.works())
	for _, now := range d.now.plan.calendars()[1:] {
		for _, old := range d.old.plan.calendars()[1:] {
			if now.Name() == old.Name() {
				d.days(workdays{now, nil}, workdays{old, nil})
			}
		}
	}
}

func (d *differ) days(now, old workdays) {
	n, name := 0, calendarName(now.days)
	for day, end := d.now.civil(d.both.from), d.now.civil(d.both.to); day.Before(end); day = day.Add(1) {
		text := dayChange(day, now, old)
		if text == "" {
			continue
		}
		if n++; n <= told {
			d.change("holiday", day.In(d.now.plan.zone()).Unix(), "%s: %s %s %s", name, day.Weekday().String()[:3], day, text)
		}
	}
	if n > told {
		d.change("holiday", d.both.to, "%s: %d more days differ", name, n-told)
	}
}

func dayChange(day Date, now, old workdays) string {
	name, _ := now.days.Holiday(day)
	was, _ := old.days.Holiday(day)
	until, half := now.days.HalfDay(day)
	wasUntil, wasHalf := old.days.HalfDay(day)
	switch {
	case old.on(day) && !now.on(day):
		return strings.TrimSuffix("is not worked any more: "+name, ": ")
	case !old.on(day) && now.on(day):
		return strings.TrimSuffix("is worked now; it was "+was, "; it was ")
	case half && (!wasHalf || until != wasUntil):
		return fmt.Sprintf("is a half day until %02d:%02d", until.Hour, until.Minute)
	case wasHalf && !half:
		return "is no half day any more"
	}
	return ""
}

// phases compares the phases and the target of every period both know.
func (d *differ) phases() {
	was := map[string]closing{}
	for _, c := range d.old.closes {
		was[c.period.Name] = c
	}
	n := 0
	for _, c := range d.now.closes {
		old, known := was[c.period.Name]
		if !known {
			continue
		}
		for _, phase := range []Phase{PreClose, Close, Tail} {
			now, had := c.spans[phase], old.spans[phase]
			if now == had || max(now.to, had.to) <= d.both.from || now.from >= d.both.to {
				continue
			}
			if n++; n <= told {
				d.change("phase", min(now.from, had.from), "%s of %s %s", phase, c.period.Name, d.moved(now, had))
			}
		}
	}
	if n > told {
		d.change("phase", d.both.to, "%d more phases change", n-told)
	}
	if a, b := d.old.plan.Close == nil, d.now.plan.Close == nil; a != b {
		d.change("phase", d.both.from, "%s", map[bool]string{true: "no close is planned any more", false: "a close is planned now"}[b])
	}
}

// moved says how a stretch changed.
func (d *differ) moved(now, had stretch) string {
	if had == (stretch{}) {
		return fmt.Sprintf("is new: %s to %s", d.local(now.from), d.until(now.to))
	}
	if now == (stretch{}) {
		return "is gone"
	}
	var parts []string
	if now.from != had.from {
		parts = append(parts, fmt.Sprintf("begins %s, was %s", d.local(now.from), d.local(had.from)))
	}
	if now.to != had.to {
		parts = append(parts, fmt.Sprintf("ends %s, was %s", d.until(now.to), d.until(had.to)))
	}
	length := ""
	switch by := (now.to - now.from) - (had.to - had.from); {
	case by < 0:
		length = " (" + lasting(-by) + " shorter)"
	case by > 0:
		length = " (" + lasting(by) + " longer)"
	}
	return strings.Join(parts, ", ") + length
}

// lasting is a number of seconds for people: 1d, 18h, 1h30m.
func lasting(seconds int64) string {
	var said strings.Builder
	for _, part := range []struct {
		n    int64
		unit string
	}{{seconds / 86400, "d"}, {seconds / 3600 % 24, "h"}, {seconds / 60 % 60, "m"}} {
		if part.n > 0 {
			fmt.Fprintf(&said, "%d%s", part.n, part.unit)
		}
	}
	return said.String()
}

// deadlines compares occurrence by occurrence, told apart by what they are for.
func (d *differ) deadlines() {
	was := map[string]*series{}
	for i := range d.old.series {
		was[d.old.series[i].ID] = &d.old.series[i]
	}
	for i := range d.now.series {
		s := &d.now.series[i]
		old, known := was[s.ID]
		delete(was, s.ID)
		switch next := s.after(d.both.from - 1); {
		case known:
			d.occurrences(s, old)
		case next < len(s.at):
			d.change(string(s.Kind), s.at[next].at, "%s is new: next %s", s.Title, d.until(s.at[next].at))
		default:
			d.change(string(s.Kind), d.both.from, "%s is new", s.Title)
		}
	}
	for i := range d.old.series {
		if s := &d.old.series[i]; was[s.ID] == s {
			d.change(string(s.Kind), d.both.from, "%s is gone", s.Title)
		}
	}
}

func (d *differ) occurrences(now, old *series) {
	had := map[string]int64{}
	for n := range old.at {
		had[old.occurs(n).For] = old.at[n].at
	}
	n := 0
	tell := func(at int64, format string, args ...any) {
		if !d.both.holds(at) {
			return
		}
		if n++; n <= told {
			d.change(string(now.Kind), at, format, args...)
		}
	}
	for i := range now.at {
		o := now.occurs(i)
		was, known := had[o.For]
		delete(had, o.For)
		switch at := now.at[i].at; {
		case !known:
			tell(at, "%s for %s is added: %s", now.Title, o.For, d.until(at))
		case was != at:
			tell(min(at, was), "%s for %s moves to %s, was %s", now.Title, o.For, d.until(at), d.until(was))
		}
	}
	for i := range old.at {
		if o := old.occurs(i); had[o.For] == old.at[i].at {
			tell(old.at[i].at, "%s for %s is dropped: it was %s", now.Title, o.For, d.until(old.at[i].at))
		}
	}
	if n > told {
		d.change(string(now.Kind), d.both.to, "%s: %d more dates change", now.Title, n-told)
	}
}

// stretches compares freezes or maintenance windows.
func (d *differ) stretches(what string, old, now []named) {
	ids := map[string]bool{}
	for _, s := range append(slices.Clone(old), now...) {
		ids[s.id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		a, b := d.of(id, old), d.of(id, now)
		switch {
		case slices.Equal(a, b):
		case len(a) == 0:
			d.change(what, b[0].from, "%s is new: next %s to %s", id, d.local(b[0].from), d.until(b[0].to))
		case len(b) == 0:
			d.change(what, a[0].from, "%s is gone: it was next %s", id, d.local(a[0].from))
		default:
			i := 0
			for i < min(len(a), len(b))-1 && a[i] == b[i] {
				i++
			}
			d.change(what, min(a[i].from, b[i].from), "%s changes: next %s to %s, was %s to %s", id, d.local(b[i].from), d.until(b[i].to), d.local(a[i].from), d.until(a[i].to))
		}
	}
}

// of lists the stretches of an id that lie in the time both know.
func (d *differ) of(id string, all []named) []stretch {
	var out []stretch
	for _, s := range all {
		if s.id == id && s.to > d.both.from && s.from < d.both.to {
			out = append(out, s.stretch)
		}
	}
	slices.SortFunc(out, func(a, b stretch) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	return out
}

// doubts compares when a calendar first cannot be relied on.
func (d *differ) doubts() {
	old, was := d.old.firstDoubt(d.both)
	now, is := d.now.firstDoubt(d.both)
	switch {
	case is && (!was || now.at < old.at):
		d.change("doubt", now.at, "the calendar cannot be relied on from %s: %s", d.local(now.at), now.text)
	case was && (!is || now.at > old.at):
		d.change("doubt", old.at, "the calendar can be relied on for longer: it was in doubt from %s", d.local(old.at))
	}
}

type doubtAt struct {
	at   int64
	text string
}

func (tl *Timeline) firstDoubt(in stretch) (doubtAt, bool) {
	for i, p := range tl.places {
		if at := max(tl.starts[i], in.from); p.Doubt != "" && at < in.to && tl.endOf(i) > in.from {
			return doubtAt{at, p.Doubt}, true
		}
	}
	return doubtAt{}, false
}

// endOf is where the ith span ends.
func (tl *Timeline) endOf(i int) int64 {
	if i+1 < len(tl.starts) {
		return tl.starts[i+1]
	}
	return tl.to
}
