package estate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// An Entity is one legal company, known by a short name: names of companies
// are never labels.
type Entity struct {
	Name    string `yaml:"name"`
	Tenant  string `yaml:"tenant"`  // the Odoo database
	Company int64  `yaml:"company"` // res.company id; 0 when the tenant holds one company

	// Its calendar. What it does not say is the estate's.
	Timezone      Zone              `yaml:"timezone"`
	Workweek      []Weekday         `yaml:"workweek"`      // that of its close calendar when it names none
	CloseCalendar string            `yaml:"closeCalendar"` // the days its close works on, by their name under calendar.days
	BankCalendars map[string]string `yaml:"bankCalendars"` // by currency
	Fiscal        Fiscal            `yaml:"fiscal"`
	ClosePlan     string            `yaml:"closePlan"`
	Payday        int               `yaml:"payday"` // day of the month, 31 is its last; 0 is none
}

// Validate implements Validator.
func (e *Entity) Validate() []Problem {
	var ps []Problem
	if e.Name == "" {
		ps = append(ps, Missing("name", "write a short name such as acme-uk"))
	} else if p, bad := nameProblem("name", e.Name); bad {
		ps = append(ps, p)
	}
	if e.Tenant == "" {
		ps = append(ps, Missing("tenant", "write the name of its Odoo database"))
	}
	if e.Company < 0 {
		ps = append(ps, Problem{"company", "is negative", "write the id of the company in res_company"})
	}
	if e.Payday < 0 || e.Payday > 31 {
		ps = append(ps, Problem{"payday", "is not a day of a month", "write 1 to 31; 31 is the last day of any month"})
	}
	for i, d := range e.Workweek {
		if slices.Contains(e.Workweek[:i], d) {
			ps = append(ps, Problem{fmt.Sprintf("workweek[%d]", i), "is listed twice", "keep one of the two"})
		}
	}
	for currency := range e.BankCalendars {
		if p, bad := currencyProblem("bankCalendars."+clip(currency), currency); bad {
			ps = append(ps, p)
		}
	}
	return ps
}

// Fiscal says how the entity's fiscal year is cut into periods.
type Fiscal struct {
	Type         calendar.FiscalType `yaml:"type"`
	YearStart    int                 `yaml:"yearStart"`    // monthly: the month the fiscal year begins with, 4 is April
	YearEnd      *FiscalYearEnd      `yaml:"yearEnd"`      // whole weeks: the day the fiscal year ends on
	Anchors      []Date              `yaml:"anchors"`      // whole weeks: first days of fiscal years; they win over yearEnd
	Week53       int                 `yaml:"week53"`       // whole weeks: the period that a 53rd week belongs to
	NamedByStart bool                `yaml:"namedByStart"` // a fiscal year is named after the year it begins in
	Adjustment13 bool                `yaml:"adjustment13"` // a thirteenth period on the year's last day
	Periods      []FiscalPeriod      `yaml:"periods"`      // written out; they win over the rule
}

// A FiscalYearEnd says on which day a fiscal year of whole weeks ends.
type FiscalYearEnd struct {
	Weekday Weekday `yaml:"weekday"`
	Month   int     `yaml:"month"`
	Nearest bool    `yaml:"nearest"` // the weekday nearest to the month's end; otherwise the last in it
}

// A FiscalPeriod is one period, written out.
type FiscalPeriod struct {
	Name  string              `yaml:"name"`
	Type  calendar.PeriodType `yaml:"type"` // month, quarter, year or adj13
	First Date                `yaml:"first"`
	Last  Date                `yaml:"last"`
}

// SetDefaults implements Defaulter.
func (f *Fiscal) SetDefaults() { f.Type = calendar.ByMonth }

// SetDefaults implements Defaulter.
func (p *FiscalPeriod) SetDefaults() { p.Type = calendar.Month }

// Validate implements Validator.
func (f *Fiscal) Validate() []Problem {
	var ps []Problem
	rule := f.rule()
	if p, bad := OneOf("type", f.Type, calendar.ByMonth, calendar.Weeks445, calendar.Weeks454, calendar.Weeks544, calendar.ListsOnly); bad {
		ps, rule.Type = append(ps, p), calendar.ByMonth // what else is wrong
	}
	_, flaws := calendar.NewFiscal(rule)
	for _, flaw := range flaws {
		ps = append(ps, Problem{f.field(flaw.Field), flaw.What, flaw.Remedy})
	}
	return ps
}

// field is what a field of the rule is called in the file.
func (f *Fiscal) field(name string) string {
	switch {
	case name == "startMonth":
		return "yearStart"
	case strings.HasPrefix(name, "explicit"):
		return "periods" + strings.TrimPrefix(name, "explicit")
	}
	return name
}

func (f *Fiscal) rule() calendar.FiscalRule {
	rule := calendar.FiscalRule{
		Type: f.Type, StartMonth: time.Month(f.YearStart), Week53: f.Week53, NamedByStart: f.NamedByStart, Adjustment: f.Adjustment13,
	}
	if f.YearEnd != nil {
		rule.YearEnd = &calendar.YearEnd{Weekday: time.Weekday(f.YearEnd.Weekday), Month: time.Month(f.YearEnd.Month), Nearest: f.YearEnd.Nearest}
	}
	for _, d := range f.Anchors {
		rule.Anchors = append(rule.Anchors, calendar.Date(d))
	}
	for _, p := range f.Periods {
		rule.Explicit = append(rule.Explicit, calendar.Period{Name: p.Name, Type: p.Type, First: calendar.Date(p.First), Last: calendar.Date(p.Last)})
	}
	return rule
}

// of is the fiscal calendar as calendars compute with it: the civil months when
// it has mistakes.
func (f *Fiscal) of() *calendar.Fiscal {
	made, flaws := calendar.NewFiscal(f.rule())
	if len(flaws) > 0 {
		return calendar.Monthly()
	}
	return made
}
