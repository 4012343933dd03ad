package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A FiscalType is how a fiscal year is cut into twelve periods.
type FiscalType string

// Fiscal types. The last three have whole weeks: a quarter has thirteen, cut as
// the name says, and some years a 53rd week.
const (
	ByMonth   FiscalType = "monthly"
	Weeks445  FiscalType = "4-4-5"
	Weeks454  FiscalType = "4-5-4"
	Weeks544  FiscalType = "5-4-4"
	ListsOnly FiscalType = "explicit" // only the periods that are listed
)

// FiscalRule is what a Fiscal is made of.
type FiscalRule struct {
	Type       FiscalType // "" is ByMonth
	StartMonth time.Month // ByMonth: the fiscal year's first month; 0 is January

	// Of years of whole weeks.
	YearEnd *YearEnd // nil: as the first of Anchors tells
	Anchors []Date   // first days of fiscal years, in order; they have precedence over YearEnd
	Week53  int      // the period, 1 to 12, that the 53rd week belongs to; 0 is 12

	NamedByStart bool     // a fiscal year has the number of the civil year it begins in, not of the one it ends in
	Adjustment   bool     // there is a thirteenth period on the year's last day
	Explicit     []Period // they have precedence over the rule
}

// A YearEnd says on which day a fiscal year of whole weeks ends.
type YearEnd struct {
	Weekday time.Weekday
	Month   time.Month // whose end it is at
	Nearest bool       // the weekday nearest to the month's last day, before or after; otherwise the last in the month
}

// A Fiscal is how fiscal years are cut into periods. It is not changed after it
// has been made and safe for concurrent use.
//
// Months of a monthly year have the names of the civil months, "2026-11"; those
// of a year of whole weeks count, "2026-P11". The year in these and in
// "2026-Q4", "FY2026" and "2026-13" is the fiscal year, except in "2026-11".
type Fiscal struct {
	rule    FiscalRule
	weeks   [12]int                 // of each period; not ByMonth
	anchors map[int]int             // first days, numbered, by fiscal year
	listed  map[PeriodType][]Period // in order
}

// Monthly has the months of the civil year.
func Monthly() *Fiscal { return &Fiscal{rule: FiscalRule{Type: ByMonth, StartMonth: time.January}} }

// NewFiscal makes a Fiscal, or returns every flaw of the rule.
func NewFiscal(rule FiscalRule) (*Fiscal, []Flaw) {
	m := fiscalMaker{Fiscal: &Fiscal{rule: rule, anchors: map[int]int{}, listed: map[PeriodType][]Period{}}}
	switch rule.Type {
	case "", ByMonth:
		m.byMonth()
	case Weeks445, Weeks454, Weeks544:
		m.byWeeks()
	case ListsOnly:
		if len(rule.Explicit) == 0 {
			m.flaw("explicit", "list the periods with name, first and last", "lists no period")
		}
	default:
		m.flaw("type", "write one of monthly, 4-4-5, 4-5-4, 5-4-4, explicit", "is not known: %q", rule.Type)
	}
	if len(m.flaws) == 0 {
		m.explicit()
	}
	if len(m.flaws) > 0 {
		return nil, m.flaws
	}
	return m.Fiscal, nil
}

// A fiscalMaker is a Fiscal that is being checked.
type fiscalMaker struct {
	*Fiscal
	flaws []Flaw
}

func (m *fiscalMaker) flaw(field, remedy, format string, args ...any) {
	m.flaws = append(m.flaws, Flaw{field, fmt.Sprintf(format, args...), remedy})
}

func (m *fiscalMaker) byMonth() {
	m.rule.Type, m.rule.StartMonth = ByMonth, cmp.Or(m.rule.StartMonth, time.January)
	if m.rule.StartMonth < time.January || m.rule.StartMonth > time.December {
		m.flaw("startMonth", "write a month from 1 to 12", "is no month: %d", m.rule.StartMonth)
	}
	if m.rule.YearEnd != nil || len(m.rule.Anchors) > 0 || m.rule.Week53 != 0 {
		m.flaw("type", "write type: 4-4-5, or leave out yearEnd, anchors and week53", "has no years of whole weeks")
	}
}

func (m *fiscalMaker) byWeeks() {
	m.weeks = quarterOf(m.rule.Type)
	m.rule.Week53 = cmp.Or(m.rule.Week53, 12)
	if m.rule.Week53 < 1 || m.rule.Week53 > 12 {
		m.flaw("week53", "write a period from 1 to 12", "is no period: %d", m.rule.Week53)
	}
	if m.rule.StartMonth != 0 {
		m.flaw("startMonth", "say how the year ends under yearEnd", "does not fit a year of whole weeks")
	}
	switch end := m.rule.YearEnd; {
	case end == nil && len(m.rule.Anchors) == 0:
		m.flaw("yearEnd", "write yearEnd: {weekday: sat, month: 12, nearest: true}, or the first days of fiscal years under anchors", "is missing for a year of whole weeks")
	case end == nil:
		m.rule.YearEnd = yearEndBefore(m.rule.Anchors[0])
	case end.Month < time.January || end.Month > time.December || end.Weekday < time.Sunday || end.Weekday > time.Saturday:
		m.flaw("yearEnd", "write a weekday and a month from 1 to 12", "is no end of a year")
	}
	if len(m.flaws) == 0 {
		m.anchor()
	}
}

// quarterOf are the weeks of twelve periods of a type.
func quarterOf(t FiscalType) (weeks [12]int) {
	quarter := map[FiscalType][3]int{Weeks445: {4, 4, 5}, Weeks454: {4, 5, 4}, Weeks544: {5, 4, 4}}[t]
	for i := range weeks {
		weeks[i] = quarter[i%3]
	}
	return weeks
}

// yearEndBefore is the rule by which a fiscal year ends on the day before an
// anchor: the weekday nearest to the end of a month, or the last in it when
// that is more than three days away.
func yearEndBefore(anchor Date) *YearEnd {
	last := anchor.Add(-1)
	end := Date{last.Year, last.Month + 1, 0}.Add(0)
	switch {
	case last.Day <= 3: // the month before has the nearer end
		return &YearEnd{last.Weekday(), Date{last.Year, last.Month, 0}.Add(0).Month, true}
	default:
		return &YearEnd{last.Weekday(), end.Month, end.Sub(last) <= 3}
	}
}

// anchor fixes the first days of the fiscal years that are given, and sees to
// it that every year still has 52 or 53 weeks.
func (m *fiscalMaker) anchor() {
	for i, a := range m.rule.Anchors {
		field := fmt.Sprintf("anchors[%d]", i)
		if i > 0 && !m.rule.Anchors[i-1].Before(a) {
			m.flaw(field, "list them in order, each once", "%s is not after the one before it", a)
			continue
		}
		year, near := m.yearBeginningNear(a)
		if !near {
			m.flaw(field, "write the first day of a fiscal year, or correct yearEnd", "%s is not within six days of the first day of a fiscal year", a)
			continue
		}
		m.anchors[year] = a.number()
	}
	for i, a := range m.rule.Anchors {
		year, near := m.yearBeginningNear(a)
		if !near || len(m.flaws) > 0 {
			return
		}
		for _, y := range []int{year - 1, year} {
			if days := m.firstOf(y+1) - m.firstOf(y); days != 52*7 && days != 53*7 {
				m.flaw(fmt.Sprintf("anchors[%d]", i), "list the first days of the years around it as well", "%s leaves the fiscal year %s with %d days, not 52 or 53 weeks", a, m.yearName(y), days)
				return
			}
		}
	}
}

// yearBeginningNear is the fiscal year whose first day is within six days of d.
func (m *fiscalMaker) yearBeginningNear(d Date) (year int, ok bool) {
	for year := d.Year - 1; year <= d.Year+1; year++ {
		if away := m.byYearEnd(year) - d.number(); away >= -6 && away <= 6 {
			return year, true
		}
	}
	return 0, false
}

// explicit takes over the periods that are listed.
func (m *fiscalMaker) explicit() {
	names := map[string]bool{}
	for i, p := range m.rule.Explicit {
		field := fmt.Sprintf("explicit[%d]", i)
		p.Type = cmp.Or(p.Type, Month)
		switch {
		case p.Name == "":
			m.flaw(field+".name", "write a name such as 2026-11", "is missing")
		case names[p.Name]:
			m.flaw(field+".name", "give each period a name of its own", "%q is used twice", p.Name)
		case p.Last.Before(p.First):
			m.flaw(field+".last", "write the last day of the period", "%s is before the first day, %s", p.Last, p.First)
		case !slices.Contains([]PeriodType{Month, Quarter, Year, Adjustment}, p.Type):
			m.flaw(field+".type", "write one of month, quarter, year, adj13", "is not known: %q", p.Type)
		default:
			m.tile(field, p)
		}
		names[p.Name] = true
	}
	if len(m.flaws) == 0 {
		m.fitTheRule()
	}
}

// tile adds a listed period behind those of its type: they follow one another
// day by day. Adjustments lie on days of their own.
func (m *fiscalMaker) tile(field string, p Period) {
	before := m.listed[p.Type]
	m.listed[p.Type] = append(before, p)
	if len(before) == 0 {
		return
	}
	last := before[len(before)-1]
	switch due := last.Last.Add(1); {
	case p.First.Before(due):
		m.flaw(field+".first", "begin on "+due.String(), "%s overlaps %s, which ends on %s", p.First, last.Name, last.Last)
	case due.Before(p.First) && p.Type != Adjustment:
		m.flaw(field+".first", "begin on "+due.String(), "%s leaves a gap after %s, which ends on %s", p.First, last.Name, last.Last)
	}
}

// fitTheRule sees to it that listed periods replace whole periods of the rule.
func (m *fiscalMaker) fitTheRule() {
	if m.rule.Type == ListsOnly {
		return
	}
	ruled := &Fiscal{rule: m.rule, weeks: m.weeks, anchors: m.anchors}
	for _, t := range []PeriodType{Month, Quarter, Year} {
		list := m.listed[t]
		if len(list) == 0 {
			continue
		}
		first, last := list[0], list[len(list)-1]
		if p, ok := ruled.Of(t, first.First); ok && p.First != first.First {
			m.flaw("explicit", fmt.Sprintf("begin on %s, or list the periods from there on", p.First), "%s begins inside %s of the rule", first.Name, p.Name)
		}
		if p, ok := ruled.Of(t, last.Last); ok && p.Last != last.Last {
			m.flaw("explicit", fmt.Sprintf("end on %s, or list the periods up to there", p.Last), "%s ends inside %s of the rule", last.Name, p.Name)
		}
	}
}

// Of returns the period of a type that d lies in; false when the fiscal
// calendar has none. An adjustment period is that of d's year.
func (f *Fiscal) Of(t PeriodType, d Date) (Period, bool) {
	if p, ok := f.listedOn(t, d); ok {
		return p, true
	}
	if f.rule.Type == ListsOnly {
		return Period{}, false
	}
	year, month := f.placeOf(d)
	switch t {
	case Month:
		return f.month(year, month), true
	case Quarter:
		return f.quarter(year, month/3), true
	case Year:
		return f.year(year), true
	case Adjustment:
		return f.adjustment(year)
	}
	return Period{}, false
}

// Month returns the period of type Month that d lies in; false when the fiscal
// calendar does not cover it.
func (f *Fiscal) Month(d Date) (Period, bool) { return f.Of(Month, d) }

// Quarter returns the fiscal quarter that d lies in.
func (f *Fiscal) Quarter(d Date) (Period, bool) { return f.Of(Quarter, d) }

// Year returns the fiscal year that d lies in.
func (f *Fiscal) Year(d Date) (Period, bool) { return f.Of(Year, d) }

// Adjustment returns the thirteenth period of the fiscal year that d lies in.
func (f *Fiscal) Adjustment(d Date) (Period, bool) { return f.Of(Adjustment, d) }

// Next returns the period of the same type that follows p.
func (f *Fiscal) Next(p Period) (Period, bool) {
	next, ok := f.Of(p.Type, p.Last.Add(1))
	return next, ok && p.Last.Before(next.First)
}

// Previous returns the period of the same type that p follows.
func (f *Fiscal) Previous(p Period) (Period, bool) {
	before := p.First.Add(-1)
	if year, ok := f.Year(p.Last); ok && p.Type == Adjustment {
		before = year.First.Add(-1)
	}
	previous, ok := f.Of(p.Type, before)
	return previous, ok && previous.Last.Before(p.First)
}

// ByName returns the period of that name.
func (f *Fiscal) ByName(name string) (Period, bool) {
	for _, list := range f.listed {
		if i := slices.IndexFunc(list, func(p Period) bool { return p.Name == name }); i >= 0 {
			return list[i], true
		}
	}
	if f.rule.Type == ListsOnly {
		return Period{}, false
	}
	for _, p := range f.named(name) {
		// Where periods are listed the rule's do not exist.
		if there, ok := f.Of(p.Type, p.Last); ok && there == p {
			return p, true
		}
	}
	return Period{}, false
}

// named are the periods of the rule that may have a name, by the numbers in it.
func (f *Fiscal) named(name string) []Period {
	year, part, _ := strings.Cut(strings.TrimPrefix(name, "FY"), "-")
	number, err := strconv.Atoi(year)
	if err != nil || number < 1 || number > 9999 {
		return nil
	}
	var out []Period
	for _, y := range []int{number, number + 1} { // November 2026 may be in the fiscal year 2027
		out = append(out, f.year(y))
		if p, ok := f.adjustment(y); ok {
			out = append(out, p)
		}
		if n, err := strconv.Atoi(strings.TrimLeft(part, "PQ")); err == nil && n >= 1 && n <= 12 {
			for month := range 12 {
				out = append(out, f.month(y, month), f.quarter(y, month/3))
			}
		}
	}
	return slices.DeleteFunc(out, func(p Period) bool { return p.Name != name })
}

// listedOn is the listed period of a type on d; an adjustment may be anywhere
// in the listed year.
func (f *Fiscal) listedOn(t PeriodType, d Date) (Period, bool) {
	list := f.listed[t]
	if t == Adjustment {
		year, ok := f.Of(Year, d)
		i := slices.IndexFunc(list, func(p Period) bool { return p.Has(d) || ok && year.Has(p.Last) })
		if i < 0 {
			return Period{}, false
		}
		return list[i], true
	}
	i, ok := slices.BinarySearchFunc(list, d, func(p Period, d Date) int {
		switch {
		case p.Last.Before(d):
			return -1
		case d.Before(p.First):
			return 1
		}
		return 0
	})
	if !ok {
		return Period{}, false
	}
	return list[i], true
}

// placeOf is the fiscal year of the rule that d lies in, and which of its
// twelve periods, from 0.
func (f *Fiscal) placeOf(d Date) (year, month int) {
	number := d.number()
	year = dateOf(number).Year + 1
	for f.firstOf(year) > number {
		year--
	}
	for month = 11; f.startOf(year, month) > number; {
		month--
	}
	return year, month
}

// startOf is the first day of one of the twelve periods of a fiscal year.
func (f *Fiscal) startOf(year, month int) int {
	first := f.firstOf(year)
	if month == 0 {
		return first
	}
	if f.rule.Type == ByMonth {
		begin := dateOf(first)
		return Date{begin.Year, begin.Month + time.Month(month), 1}.number()
	}
	weeks := 0
	for _, n := range f.weeks[:month] {
		weeks += n
	}
	if month >= f.rule.Week53 && f.firstOf(year+1)-first == 53*7 {
		weeks++
	}
	return first + 7*weeks
}

// firstOf is the first day of a fiscal year, numbered by the civil year it ends
// in, or is meant to end in.
func (f *Fiscal) firstOf(year int) int {
	if first, fixed := f.anchors[year]; fixed {
		return first
	}
	if f.rule.Type == ByMonth {
		if f.rule.StartMonth > time.January {
			year--
		}
		return Date{year, f.rule.StartMonth, 1}.number()
	}
	return f.byYearEnd(year)
}

// byYearEnd is the day after the year before has ended by the rule.
func (f *Fiscal) byYearEnd(year int) int {
	end := f.rule.YearEnd
	month := Date{year - 1, end.Month + 1, 0}.number() // its last day
	last := month - (int(weekdayOf(month)-end.Weekday)+7)%7
	if end.Nearest && month-last > 3 {
		last += 7
	}
	return last + 1
}

// shown is the number people give a fiscal year.
func (f *Fiscal) shown(year int) int {
	startsBefore := f.rule.Type == ByMonth && f.rule.StartMonth > time.January ||
		f.rule.YearEnd != nil && f.rule.YearEnd.Month < time.December
	if f.rule.NamedByStart && startsBefore {
		return year - 1
	}
	return year
}

func (f *Fiscal) yearName(year int) string { return fmt.Sprintf("FY%04d", f.shown(year)) }

func (f *Fiscal) year(year int) Period {
	return Period{f.yearName(year), Year, dateOf(f.firstOf(year)), dateOf(f.firstOf(year+1) - 1)}
}

func (f *Fiscal) quarter(year, quarter int) Period {
	name := fmt.Sprintf("%04d-Q%d", f.shown(year), quarter+1)
	return Period{name, Quarter, dateOf(f.startOf(year, 3*quarter)), dateOf(f.endOf(year, 3*quarter+2))}
}

func (f *Fiscal) month(year, month int) Period {
	first := dateOf(f.startOf(year, month))
	name := fmt.Sprintf("%04d-P%02d", f.shown(year), month+1)
	if f.rule.Type == ByMonth {
		name = fmt.Sprintf("%04d-%02d", first.Year, first.Month)
	}
	return Period{name, Month, first, dateOf(f.endOf(year, month))}
}

// endOf is the last day of one of the twelve periods.
func (f *Fiscal) endOf(year, month int) int {
	if month == 11 {
		return f.firstOf(year+1) - 1
	}
	return f.startOf(year, month+1) - 1
}

func (f *Fiscal) adjustment(year int) (Period, bool) {
	last := dateOf(f.firstOf(year+1) - 1)
	return Period{fmt.Sprintf("%04d-13", f.shown(year)), Adjustment, last, last}, f.rule.Adjustment
}
