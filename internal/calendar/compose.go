package calendar

import (
	"cmp"
	"fmt"
	"slices"
)

// How far ahead of the day asked a calendar must reach, and how old it may
// grow, in days, when nothing else is said. Two months cover the close, the
// filing and the payment run that are being planned; a rule that nobody has
// checked for two years has missed two rounds of legislation.
const (
	DefaultReach      = 60
	DefaultRuleMaxAge = 731
)

// A Source says where days come from, so that they can be checked again.
type Source struct {
	Name    string // of the Days in the estate
	Title   string // "England and Wales, bank holidays"
	Source  string // the official document or its address
	Checked Date   // when it was last compared with the source; zero: not said
	Hash    string // SHA-256, in hex, of the file or of the days
}

// A List is holidays that somebody else has listed. It says nothing about days
// after the last one it reaches.
type List struct {
	Holidays    []Holiday
	First, Last Date // what it covers
}

// NewList returns the list of some holidays: it covers the days from the year
// of the first one to the last one.
func NewList(holidays []Holiday) List {
	l := List{Holidays: holidays}
	if len(holidays) > 0 {
		l.First = Date{slices.MinFunc(holidays, byDay).On.Year, 1, 1}
		l.Last = slices.MaxFunc(holidays, byDay).On
	}
	return l
}

// A Composition is what Days are made of: what they start from, which is
// exactly one of Rule, List and Extends, and what is different from it.
type Composition struct {
	Name    string
	Rule    *Rule
	List    *List
	Extends []*Days // a day is worked when all of them work

	Week     *Workweek // nil: that of what it starts from
	Add      []Holiday
	Remove   []Date
	HalfDays []HalfDay // besides those of Extends

	Source     Source // its Name and Hash are filled in; Title and Source default to the rule's
	MaxAge     int    // days that Source.Checked may be old; 0: DefaultRuleMaxAge of a rule, any age of others
	Reach      int    // days it must reach ahead; 0: DefaultReach, or what those it extends ask for
	AgreesWith *Days  // what it starts from must have the same holidays; what it adds and removes is its own
}

// A Flaw is one thing wrong with a Composition or a close plan.
type Flaw struct {
	Field  string // "add[1].on"; "" is the whole
	What   string // "2026-05-05 is no holiday"
	Remedy string // "remove it"
}

// Compose makes Days, or returns every flaw it finds.
func Compose(from Composition) (*Days, []Flaw) {
	m := composer{Composition: from, days: &Days{name: from.Name, sure: always}}
	if m.start(); len(m.flaws) > 0 {
		return nil, m.flaws
	}
	m.own()
	m.days.layOut()
	m.halfDays()
	m.days.seal()
	m.claims()
	m.provenance()
	if len(m.flaws) > 0 {
		return nil, m.flaws
	}
	return m.days, nil
}

// A composer is a Composition on its way to Days.
type composer struct {
	Composition
	days  *Days
	base  []Holiday // of what it starts from, each day once, in order
	flaws []Flaw
}

func (m *composer) flaw(field, remedy, format string, args ...any) {
	m.flaws = append(m.flaws, Flaw{field, fmt.Sprintf(format, args...), remedy})
}

// start takes over what the days start from.
func (m *composer) start() {
	starts := min(len(m.Extends), 1)
	m.days.week = MondayToFriday()
	if m.Rule != nil {
		starts++
		m.base = joined(m.Rule.all())
	}
	if m.List != nil {
		starts++
		m.base = joined(m.List.Holidays)
		m.checkList()
	}
	if len(m.Extends) > 0 {
		m.base = m.union()
	}
	switch {
	case starts == 0:
		m.flaw("", "write rule: GB-ENG, ics: {file: …}, extends: [NAME] or add: [{on: 2026-12-25, name: Christmas Day}]", "has nothing to start from")
	case starts > 1:
		m.flaw("", "give each a name of its own and extend both", "starts from more than one of a rule, a file and other calendars")
	}
	if m.Week != nil {
		m.days.week = *m.Week
	}
	if m.days.week == (Workweek{}) {
		m.flaw("workweek", "write the weekdays that are worked, such as [mon, tue, wed, thu, fri]", "has no day")
	}
}

// union is every holiday of the days that are extended; their half days and
// work weeks are taken over on the way.
func (m *composer) union() []Holiday {
	var out []Holiday
	for i, e := range m.Extends {
		out = append(out, e.holidays...)
		for _, h := range e.half {
			m.takeHalfDay(h)
		}
		for day := range m.days.week {
			m.days.week[day] = e.week[day] && (i == 0 || m.days.week[day])
		}
	}
	if len(m.Extends) == 1 {
		return out
	}
	return slices.CompactFunc(inOrder(out), func(a, b Holiday) bool { return a.On == b.On }) // the first has the name
}

// takeHalfDay adds a half day; the earlier end of two on one day counts.
func (m *composer) takeHalfDay(h HalfDay) {
	i := slices.IndexFunc(m.days.half, func(had HalfDay) bool { return had.On == h.On })
	switch {
	case i < 0:
		m.days.half = append(m.days.half, h)
	case h.Until.minutes() < m.days.half[i].Until.minutes():
		m.days.half[i] = h
	}
}

func (m *composer) checkList() {
	if len(m.List.Holidays) == 0 {
		m.flaw("", "list its holidays", "holds no holiday")
	}
}

// own adds and removes what is different from what the days start from.
func (m *composer) own() {
	added := map[Date]bool{}
	for i, h := range m.Add {
		if added[h.On] {
			m.flaw(fmt.Sprintf("add[%d].on", i), "keep one of the two", "%s is added twice", h.On)
		}
		added[h.On] = true
	}
	removed := map[Date]bool{}
	for i, on := range m.Remove {
		field := fmt.Sprintf("remove[%d]", i)
		_, holiday := find(m.base, on.number())
		switch {
		case removed[on]:
			m.flaw(field, "keep one of the two", "%s is removed twice", on)
		case added[on]:
			m.flaw(field, "keep one of the two", "%s is added and removed", on)
		case !holiday:
			m.flaw(field, "leave it out, or correct the date", "%s is no holiday", on)
		}
		removed[on] = true
	}
	kept := slices.DeleteFunc(slices.Clone(m.base), func(h Holiday) bool { return added[h.On] || removed[h.On] })
	m.days.holidays = inOrder(append(kept, m.Add...))
}

// halfDays takes over the calendar's own half days: each once, and on a
// day that is worked.
func (m *composer) halfDays() {
	seen := map[Date]bool{}
	for i, h := range m.HalfDays {
		field := fmt.Sprintf("halfDays[%d].on", i)
		holiday, isHoliday := m.days.Holiday(h.On)
		switch {
		case seen[h.On]:
			m.flaw(field, "keep one of the two", "%s is listed twice", h.On)
		case isHoliday:
			m.flaw(field, "leave it out, or remove the holiday", "%s is a holiday: %s", h.On, holiday)
		case !m.days.IsWorkingDay(h.On):
			m.flaw(field, "leave it out, or correct the date", "%s is no working day but a %s", h.On, h.On.Weekday())
		}
		seen[h.On] = true
		m.takeHalfDay(h)
	}
	if from, never := m.days.gap(); never {
		m.flaw("", "correct its work week and holidays", "has no working day for %d days from %s on", longestGap, dateOf(from))
	}
}

// claims says how far the days may be relied on: as far as those they extend,
// and as what they say themselves.
func (m *composer) claims() {
	for _, e := range m.Extends {
		for _, k := range e.claims {
			if !slices.ContainsFunc(m.days.claims, func(had claim) bool { return had.calendar == k.calendar }) {
				m.days.claim(k)
			}
		}
	}
	k := claim{calendar: m.Name, covers: always, renew: "look at its source, correct it and write the day under checked"}
	switch {
	case m.Rule != nil:
		k.covers = span{Date{m.Rule.Since, 1, 1}.number(), laidOut.last}
		k.reach = m.reach()
		k.renew = fmt.Sprintf("upgrade, or compare it with %s and write the day under checked", m.Rule.Source)
	case m.List != nil:
		k.covers, k.reach = span{m.List.First.number(), m.List.Last.number()}, m.reach()
		k.renew = "list the days that follow, from its source"
	case m.Reach > 0: // asks for more than those it extends
		k.covers, k.reach = m.days.covers(), m.Reach
	}
	if age := m.maxAge(); age > 0 && !m.checked().IsZero() {
		k.checked, k.stale = m.checked(), m.checked().number()+age
	}
	if m.AgreesWith != nil {
		k.other, k.differs = m.AgreesWith.name, m.disagreement(k.covers)
	}
	m.days.claim(k)
}

func (m *composer) reach() int {
	if m.Reach > 0 {
		return m.Reach
	}
	return DefaultReach
}

func (m *composer) maxAge() int {
	if m.MaxAge == 0 && m.Rule != nil {
		return DefaultRuleMaxAge
	}
	return m.MaxAge
}

func (m *composer) checked() Date {
	if m.Source.Checked.IsZero() && m.Rule != nil {
		return m.Rule.Checked
	}
	return m.Source.Checked
}

// disagreement lists the days that what the days start from and AgreesWith
// both cover and would work, and only one has as a holiday.
func (m *composer) disagreement(covers span) []int {
	common := both(covers, both(m.days.covers(), m.AgreesWith.covers()))
	var out []int
	differ := func(on Date) {
		day := on.number()
		if common.has(day) && m.days.week[weekdayOf(day)] && m.AgreesWith.week[weekdayOf(day)] {
			out = append(out, day)
		}
	}
	for _, h := range m.base {
		if _, same := m.AgreesWith.Holiday(h.On); !same {
			differ(h.On)
		}
	}
	for _, h := range m.AgreesWith.holidays {
		if _, same := find(m.base, h.On.number()); !same {
			differ(h.On)
		}
	}
	slices.Sort(out)
	return out
}

// provenance lists the sources: those of what is extended, then its own.
func (m *composer) provenance() {
	for _, e := range m.Extends {
		for _, s := range e.sources {
			if !slices.ContainsFunc(m.days.sources, func(had Source) bool { return had.Name == s.Name }) {
				m.days.sources = append(m.days.sources, s)
			}
		}
	}
	s := m.Source
	s.Name, s.Checked = m.Name, m.checked()
	if m.Rule != nil {
		s.Title, s.Source = cmp.Or(s.Title, m.Rule.Title), cmp.Or(s.Source, m.Rule.Source)
	}
	s.Hash = cmp.Or(s.Hash, m.days.hash)
	m.days.sources = append(m.days.sources, s)
}
