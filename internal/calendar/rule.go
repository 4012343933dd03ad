package calendar

import (
	"slices"
	"time"
)

// A Rule is the holidays of a country, a part of one or a payment system, as
// its law or operator defines them. It is data: see Rules.
type Rule struct {
	ID      string // "GB-ENG": ISO 3166, or the payment system's own name
	Title   string
	Source  string // the law or the operator's document
	Checked Date   // when the rule was last checked: see Rules
	Since   int    // the first year it is right for
	days    []observance
}

// Holidays returns the holidays of the rule that are due to a year, by date. A
// substitute day may lie in the next one.
func (r Rule) Holidays(year int) []Holiday { return r.appendTo(nil, year) }

// all returns every holiday from the rule's first year to lastYear.
func (r Rule) all() []Holiday {
	out := make([]Holiday, 0, len(r.days)*(lastYear-r.Since+1))
	for year := r.Since; year <= lastYear; year++ {
		out = r.appendTo(out, year)
	}
	return out
}

// appendTo appends the holidays that are due to a year, by date.
func (r Rule) appendTo(to []Holiday, year int) []Holiday {
	before := len(to)
	for _, o := range r.days {
		if h, ok := o.in(year); ok {
			to = append(to, h)
		}
	}
	slices.SortStableFunc(to[before:], byDay)
	return to
}

// RuleByID returns the rule of that id.
func RuleByID(id string) (Rule, bool) {
	for _, r := range Rules() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

// An observance is one holiday of a rule.
type observance struct {
	name        string
	day         func(year int) Date
	first, last int        // years; 0: no bound
	except      []int      // years in which it is not observed, or on another day that is listed by itself
	every       int        // only years that this divides; 0: every year
	moved       substitute // by the weekday it falls on
}

// A substitute tells by how many days a holiday moves that falls on a weekday.
type substitute [7]int

// in returns the holiday that the observance is in a year.
func (o observance) in(year int) (Holiday, bool) {
	if year < o.first || o.last != 0 && year > o.last || slices.Contains(o.except, year) || o.every != 0 && year%o.every != 0 {
		return Holiday{}, false
	}
	h := Holiday{o.day(year), o.name}
	if by := o.moved[h.On.Weekday()]; by != 0 {
		h = Holiday{h.On.Add(by), o.name + " (substitute day)"}
	}
	return h, true
}

// on is a holiday on a day of the civil year.
func on(month time.Month, day int, name string) observance {
	return observance{name: name, day: func(year int) Date { return Date{year, month, day} }}
}

// once is a holiday of one year.
func once(year int, month time.Month, day int, name string) observance {
	return on(month, day, name).from(year).until(year)
}

// fromEaster is a holiday some days after Easter Sunday, or before it.
func fromEaster(days int, name string) observance {
	return observance{name: name, day: func(year int) Date { return easter(year).Add(days) }}
}

// nth is a holiday on the n-th weekday of a month; -1 is the last.
func nth(n int, weekday time.Weekday, month time.Month, name string) observance {
	return observance{name: name, day: func(year int) Date { return nthWeekday(n, weekday, month, year) }}
}

func nthWeekday(n int, weekday time.Weekday, month time.Month, year int) Date {
	if n < 0 {
		last := Date{year, month + 1, 0}.Add(0)
		return last.Add(7*(n+1) - (int(last.Weekday()-weekday)+7)%7)
	}
	first := Date{year, month, 1}
	return first.Add((int(weekday-first.Weekday())+7)%7 + 7*(n-1))
}

func (o observance) from(year int) observance       { o.first = year; return o }
func (o observance) until(year int) observance      { o.last = year; return o }
func (o observance) not(years ...int) observance    { o.except = years; return o }
func (o observance) yearsOf(every int) observance   { o.every = every; return o }
func (o observance) moves(by substitute) observance { o.moved = by; return o }
