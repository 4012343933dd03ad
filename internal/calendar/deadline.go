package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Due is a deadline by a rule: the filing of a return, the payment of wages.
type Due struct {
	ID      string
	Title   string
	Process string
	Rule    DueRule
	Adjust  Convention     // "" is None
	At      TimeOfDay      // on the day the rule gives; 24:00 is its end
	Zone    *time.Location // nil is the entity's
	Days    *Days          // that business days are counted in; nil is the entity's close calendar
	Source  string
}

// A Base is what a rule counts from.
type Base string

// Bases. Months, quarters and years are civil ones: the law counts in them
// whatever the fiscal year.
const (
	EndOfMonth   Base = "month_end"
	EndOfQuarter Base = "quarter_end"
	EndOfYear    Base = "year_end"
	Payday       Base = "payday" // the entity's, rolled to the banking day on or before it
	OnDate       Base = "date"
)

// A Term is one step of a rule.
type Term struct {
	N    int // negative is earlier
	Unit Unit
}

// A Unit is what a term counts.
type Unit string

// Units.
const (
	CivilDays    Unit = "days"
	CivilMonths  Unit = "months" // from the last day of a month to the last day of another
	BusinessDays Unit = "BD"
)

// A DueRule gives the day a deadline falls on: a base and steps from it.
type DueRule struct {
	Base  Base
	Date  Date // of OnDate
	Terms []Term
}

// A RuleError says which word of a rule is wrong.
type RuleError struct {
	Offset int // in bytes, from the start of the text
	What   string
	Remedy string
}

// Error implements error: what is wrong; what to write instead.
func (e *RuleError) Error() string { return e.What + "; " + e.Remedy }

// What a term may be at most: no filing is farther from its period.
const (
	maxTerms = 4
	maxDays  = 400
	maxMonth = 24
	maxBD    = 60
)

// ParseDueRule reads a rule such as "quarter_end + 1 month + 7 days",
// "month_end + 15 days", "payday - 2 BD" or "2026-12-15": one base, then steps.
// The error is a *RuleError.
func ParseDueRule(s string) (DueRule, error) {
	words := wordsOf(s)
	if len(words) == 0 {
		return DueRule{}, &RuleError{0, "is empty", "write a rule such as month_end + 15 days"}
	}
	r, err := parseBase(words[0])
	if err != nil {
		return DueRule{}, err
	}
	for rest := words[1:]; len(rest) > 0; rest = rest[min(3, len(rest)):] {
		term, err := parseTerm(rest, len(s))
		if err != nil {
			return DueRule{}, err
		}
		if len(r.Terms) == maxTerms {
			return DueRule{}, &RuleError{rest[0].at, fmt.Sprintf("has more than %d steps", maxTerms), "write fewer and larger steps"}
		}
		r.Terms = append(r.Terms, term)
	}
	return r, nil
}

type word struct {
	text string
	at   int
}

func wordsOf(s string) []word {
	var out []word
	for at := 0; at < len(s); {
		if s[at] == ' ' {
			at++
			continue
		}
		end := strings.IndexByte(s[at:], ' ')
		if end < 0 {
			end = len(s) - at
		}
		out = append(out, word{s[at : at+end], at})
		at += end
	}
	return out
}

func parseBase(w word) (DueRule, error) {
	switch b := Base(w.text); b { //nolint:exhaustive // a date is written out
	case EndOfMonth, EndOfQuarter, EndOfYear, Payday:
		return DueRule{Base: b}, nil
	}
	d, err := ParseDate(w.text)
	if err != nil {
		return DueRule{}, &RuleError{
			w.at, fmt.Sprintf("does not start with a day: %q", w.text),
			"start with month_end, quarter_end, year_end, payday or a date such as 2026-12-15",
		}
	}
	return DueRule{Base: OnDate, Date: d}, nil
}

// parseTerm reads + 7 days; end is where the text ends, for what is missing.
func parseTerm(words []word, end int) (Term, error) {
	sign := 1
	switch words[0].text {
	case "+":
	case "-":
		sign = -1
	default:
		return Term{}, &RuleError{words[0].at, fmt.Sprintf("%q is no step", words[0].text), "write + or -, a number and days, months or BD, with spaces between"}
	}
	if len(words) < 3 {
		return Term{}, &RuleError{end, "ends inside a step", "write + or -, a number and days, months or BD, with spaces between"}
	}
	n, err := strconv.ParseUint(words[1].text, 10, 16)
	if err != nil || n == 0 {
		return Term{}, &RuleError{words[1].at, fmt.Sprintf("%q is no number of days or months", words[1].text), "write a whole number from 1"}
	}
	unit, most := CivilDays, maxDays
	switch words[2].text {
	case "day", "days":
	case "month", "months":
		unit, most = CivilMonths, maxMonth
	case "BD":
		unit, most = BusinessDays, maxBD
	default:
		return Term{}, &RuleError{words[2].at, fmt.Sprintf("%q is no unit", words[2].text), "write days, months or BD (business days)"}
	}
	if int(n) > most {
		return Term{}, &RuleError{words[1].at, fmt.Sprintf("%d is too far", n), fmt.Sprintf("write at most %d %s", most, unit)}
	}
	return Term{sign * int(n), unit}, nil
}

// String renders the rule as it is written.
func (r DueRule) String() string {
	var b strings.Builder
	if r.Base == OnDate {
		b.WriteString(r.Date.String())
	} else {
		b.WriteString(string(r.Base))
	}
	for _, t := range r.Terms {
		sign, n, unit := "+", t.N, string(t.Unit)
		if n < 0 {
			sign, n = "-", -n
		}
		if n == 1 {
			unit = strings.TrimSuffix(unit, "s")
		}
		fmt.Fprintf(&b, " %s %d %s", sign, n, unit)
	}
	return b.String()
}

// bases lists the days the rule counts from in some years.
func (r DueRule) bases(first, last, payday int, works workdays) []Date {
	if r.Base == OnDate {
		return []Date{r.Date}
	}
	every := map[Base]int{EndOfMonth: 1, Payday: 1, EndOfQuarter: 3, EndOfYear: 12}[r.Base]
	var out []Date
	for year := first; year <= last; year++ {
		for month := every; month <= 12; month += every {
			d := lastOf(year, time.Month(month))
			if r.Base == Payday {
				if payday == 0 {
					return nil
				}
				d.Day = min(d.Day, payday)
				d, _ = works.roll(d, Preceding)
			}
			out = append(out, d)
		}
	}
	return out
}

// lastOf is the last day of a month; the month may lie outside the year.
func lastOf(year int, month time.Month) Date {
	return DateOf(time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC))
}

// from applies the rule's steps to a base; false when the calendar has no such
// business day.
func (r DueRule) from(d Date, works workdays) (Date, bool) {
	for _, t := range r.Terms {
		switch t.Unit {
		case CivilDays:
			d = d.Add(t.N)
		case CivilMonths:
			d = addMonths(d, t.N)
		case BusinessDays:
			day, ok := works.step(d, t.N)
			if !ok {
				return d, false
			}
			d = day
		}
	}
	return d, true
}

// addMonths goes n months on: from the last day of a month to the last day of
// another, so that one month after 30 June is 31 July; else to the same day, or
// the month's last when there is none.
func addMonths(d Date, n int) Date {
	end := lastOf(d.Year, d.Month+time.Month(n))
	if d != lastOf(d.Year, d.Month) {
		end.Day = min(end.Day, d.Day)
	}
	return end
}

// roll moves a day that is not worked.
func (w workdays) roll(d Date, rolls Convention) (Date, bool) {
	if rolls == None || rolls == "" || w.on(d) {
		return d, true
	}
	if rolls == Preceding {
		return w.step(d, -1)
	}
	next, ok := w.step(d, 1)
	if rolls == ModifiedFollowing && next.Month != d.Month {
		return w.step(d, -1)
	}
	return next, ok
}

// occurrences lists the due instants for bases in some years.
func (du *Due) occurrences(first, last int, p *Plan) []occurrence {
	works := workdays{orWeekdays(du.Days), nil}
	if du.Days == nil {
		works = p.works()
	}
	zone := zoneOr(du.Zone, p.zone())
	var out []occurrence
	for _, base := range du.Rule.bases(first, last, p.Payday, works) {
		day, ok := du.Rule.from(base, works)
		if !ok {
			continue
		}
		if day, ok = works.roll(day, du.Adjust); !ok {
			continue
		}
		at := instant(day, du.At, zone).Unix()
		out = append(out, occurrence{at, at, base.String()})
	}
	return out
}
