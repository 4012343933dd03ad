package calendar

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
	Name  string // "2026-11", "2026-P11", "2026-Q4", "FY2026", "2026-13"
	Type  PeriodType
	First Date
	Last  Date // inclusive
}

// Has reports whether d lies in the period.
func (p Period) Has(d Date) bool { return !d.Before(p.First) && !p.Last.Before(d) }

// Days is the number of civil days of the period.
func (p Period) Days() int { return p.Last.Sub(p.First) + 1 }
