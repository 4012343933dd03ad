package estate

import (
	"fmt"
	"slices"

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
	Type         string         `yaml:"type"`
	Anchor       Date           `yaml:"anchor"`       // the first day of a fiscal year, for those of whole weeks
	YearStart    int            `yaml:"yearStart"`    // the month the fiscal year begins with: 4 is April
	Adjustment13 bool           `yaml:"adjustment13"` // a thirteenth period on the year's last day
	Periods      []FiscalPeriod `yaml:"periods"`      // written out; they win over the rule
}

// A FiscalPeriod is one period, written out.
type FiscalPeriod struct {
	Name  string `yaml:"name"`
	First Date   `yaml:"first"`
	Last  Date   `yaml:"last"`
}

// monthlyFiscal is the type of the civil year's months.
const monthlyFiscal = "monthly"

// SetDefaults implements Defaulter.
func (f *Fiscal) SetDefaults() { f.Type, f.YearStart = monthlyFiscal, 1 }

// Validate implements Validator.
func (f *Fiscal) Validate() []Problem {
	var ps []Problem
	if p, bad := OneOf("type", f.Type, monthlyFiscal); bad {
		ps = append(ps, p)
	}
	if f.YearStart < 1 || f.YearStart > 12 {
		ps = append(ps, Problem{"yearStart", "is not a month", "write 1 for January to 12 for December"})
	}
	return ps
}

// of is the fiscal calendar as calendars compute with it.
func (f *Fiscal) of() *calendar.Fiscal { return calendar.Monthly() }
