package calendar

import "fmt"

// A PeriodType is what a period is a part of the fiscal year as.
type PeriodType string

// Period types.
const (
	Month      PeriodType = "month"
	Quarter    PeriodType = "quarter"
	Year       PeriodType = "year"
	Adjustment PeriodType = "adj13" // the thirteenth: closing entries on the year's last day
)

// A Period is a span of whole civil days that is closed as one.
type Period struct {
	Name  string // "2026-11", "2026-Q4", "FY2026", "2026-13"
	Type  PeriodType
	First Date
	Last  Date // inclusive
}

// A Fiscal is how a fiscal year is cut into periods.
type Fiscal struct{}

// Monthly has the months of the civil year.
func Monthly() *Fiscal { return &Fiscal{} }

// Month returns the period of type Month that d lies in; false when the fiscal
// calendar does not cover it.
func (f *Fiscal) Month(d Date) (Period, bool) {
	first := Date{d.Year, d.Month, 1}
	return Period{fmt.Sprintf("%04d-%02d", d.Year, d.Month), Month, first, Date{d.Year, d.Month + 1, 1}.Add(-1)}, true
}
