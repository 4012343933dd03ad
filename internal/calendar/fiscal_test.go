package calendar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
)

func fiscal(tb testing.TB, rule calendar.FiscalRule) *calendar.Fiscal {
	tb.Helper()
	f, flaws := calendar.NewFiscal(rule)
	if len(flaws) > 0 {
		tb.Fatalf("NewFiscal() found flaws: %v", flaws)
	}
	return f
}

func dates(tb testing.TB, list string) []calendar.Date {
	tb.Helper()
	var out []calendar.Date
	for s := range strings.FieldsSeq(list) {
		out = append(out, date(tb, s))
	}
	return out
}

func say(p calendar.Period, ok bool) string {
	if !ok {
		return "none"
	}
	return fmt.Sprintf("%s %s..%s", p.Name, p.First, p.Last)
}

var nrf = calendar.FiscalRule{ // retailers: the Saturday nearest to the end of January, 53rd week at the end
	Type: calendar.Weeks454, YearEnd: &calendar.YearEnd{Weekday: time.Saturday, Month: time.January, Nearest: true}, NamedByStart: true,
}

func TestPeriods(t *testing.T) {
	april := calendar.FiscalRule{StartMonth: time.April, Adjustment: true}
	acme := calendar.FiscalRule{Type: calendar.Weeks445, Anchors: dates(t, "2026-01-04")}
	lastSaturday := calendar.FiscalRule{Type: calendar.Weeks445, YearEnd: &calendar.YearEnd{Weekday: time.Saturday, Month: time.September}} // 52 or 53 weeks to the last Saturday of September
	third := lastSaturday
	third.Week53 = 3
	half := calendar.FiscalRule{Explicit: []calendar.Period{
		{Name: "2026-H1", First: date(t, "2026-01-01"), Last: date(t, "2026-06-30")},
		{Name: "2026-H2", First: date(t, "2026-07-01"), Last: date(t, "2026-12-31")},
	}}
	lists := calendar.FiscalRule{Type: calendar.ListsOnly, Explicit: half.Explicit}
	closing := calendar.FiscalRule{Adjustment: true, Explicit: []calendar.Period{
		{Name: "2026-closing", Type: calendar.Adjustment, First: date(t, "2026-12-30"), Last: date(t, "2026-12-31")},
	}}
	tests := map[string]struct {
		rule calendar.FiscalRule
		of   calendar.PeriodType
		on   string
		want string
	}{
		"a civil month":               {calendar.FiscalRule{}, calendar.Month, "2026-11-15", "2026-11 2026-11-01..2026-11-30"},
		"February of a leap year":     {calendar.FiscalRule{}, calendar.Month, "2028-02-29", "2028-02 2028-02-01..2028-02-29"},
		"a civil quarter":             {calendar.FiscalRule{}, calendar.Quarter, "2026-11-15", "2026-Q4 2026-10-01..2026-12-31"},
		"a civil year":                {calendar.FiscalRule{}, calendar.Year, "2026-11-15", "FY2026 2026-01-01..2026-12-31"},
		"no thirteenth unless wanted": {calendar.FiscalRule{}, calendar.Adjustment, "2026-11-15", "none"},
		"an unknown type":             {calendar.FiscalRule{}, "week", "2026-11-15", "none"},

		"a month of a year from April":     {april, calendar.Month, "2026-11-15", "2026-11 2026-11-01..2026-11-30"},
		"its quarter":                      {april, calendar.Quarter, "2026-11-15", "2027-Q3 2026-10-01..2026-12-31"},
		"its year has the name of its end": {april, calendar.Year, "2026-11-15", "FY2027 2026-04-01..2027-03-31"},
		"its first day":                    {april, calendar.Year, "2026-04-01", "FY2027 2026-04-01..2027-03-31"},
		"its last day":                     {april, calendar.Year, "2026-03-31", "FY2026 2025-04-01..2026-03-31"},
		"its thirteenth period":            {april, calendar.Adjustment, "2026-11-15", "2027-13 2027-03-31..2027-03-31"},

		"4-4-5 from an anchor":          {acme, calendar.Month, "2026-01-04", "2026-P01 2026-01-04..2026-01-31"},
		"53 weeks before the anchor":    {acme, calendar.Month, "2026-01-03", "2025-P12 2025-11-23..2026-01-03"},
		"its fifth week":                {acme, calendar.Month, "2026-04-04", "2026-P03 2026-03-01..2026-04-04"},
		"its quarter of thirteen weeks": {acme, calendar.Quarter, "2026-04-04", "2026-Q1 2026-01-04..2026-04-04"},
		"its year of 52 weeks":          {acme, calendar.Year, "2026-04-04", "FY2026 2026-01-04..2027-01-02"},

		"retail 2023 has 53 weeks":        {nrf, calendar.Year, "2023-06-01", "FY2023 2023-01-29..2024-02-03"},
		"its last month has five":         {nrf, calendar.Month, "2024-02-03", "2023-P12 2023-12-31..2024-02-03"},
		"retail 2024 begins a week later": {nrf, calendar.Year, "2024-06-01", "FY2024 2024-02-04..2025-02-01"},
		"its holiday month":               {nrf, calendar.Month, "2024-12-25", "2024-P11 2024-12-01..2025-01-04"},
		"retail 2017 has 53 weeks":        {nrf, calendar.Year, "2017-06-01", "FY2017 2017-01-29..2018-02-03"},

		"to the last Saturday of September": {lastSaturday, calendar.Year, "2026-09-26", "FY2026 2025-09-28..2026-09-26"},
		"with 53 weeks":                     {lastSaturday, calendar.Year, "2023-09-30", "FY2023 2022-09-25..2023-09-30"},
		"53rd week at the end":              {lastSaturday, calendar.Month, "2023-09-30", "2023-P12 2023-08-20..2023-09-30"},
		"53rd week in the third period":     {third, calendar.Month, "2022-12-31", "2023-P03 2022-11-20..2022-12-31"},
		"what follows is a week later":      {third, calendar.Month, "2023-01-01", "2023-P04 2023-01-01..2023-01-28"},
		"and the last has its five":         {third, calendar.Month, "2023-09-30", "2023-P12 2023-08-27..2023-09-30"},

		"a listed period beats the rule":   {half, calendar.Month, "2026-05-05", "2026-H1 2026-01-01..2026-06-30"},
		"the rule goes on behind the list": {half, calendar.Month, "2027-01-01", "2027-01 2027-01-01..2027-01-31"},
		"the quarter is still the rule's":  {half, calendar.Quarter, "2026-05-05", "2026-Q2 2026-04-01..2026-06-30"},
		"nothing but the list":             {lists, calendar.Month, "2027-01-01", "none"},
		"in the list":                      {lists, calendar.Month, "2026-12-31", "2026-H2 2026-07-01..2026-12-31"},
		"no quarters in the list":          {lists, calendar.Quarter, "2026-12-31", "none"},
		"a listed thirteenth":              {closing, calendar.Adjustment, "2026-03-03", "2026-closing 2026-12-30..2026-12-31"},
		"the rule's thirteenth elsewhere":  {closing, calendar.Adjustment, "2027-03-03", "2027-13 2027-12-31..2027-12-31"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := fiscal(t, tt.rule)
			got, ok := f.Of(tt.of, date(t, tt.on))
			if say(got, ok) != tt.want {
				t.Errorf("%s on %s = %s, want %s", tt.of, tt.on, say(got, ok), tt.want)
			}
			if !ok {
				return
			}
			if byName, found := f.ByName(got.Name); !found || byName != got {
				t.Errorf("ByName(%s) = %s", got.Name, say(byName, found))
			}
		})
	}
}

func TestFiscalFlaws(t *testing.T) {
	jan := calendar.Period{Name: "P1", First: date(t, "2026-01-01"), Last: date(t, "2026-01-31")}
	feb := calendar.Period{Name: "P2", First: date(t, "2026-02-01"), Last: date(t, "2026-02-28")}
	with := func(list ...calendar.Period) calendar.FiscalRule { return calendar.FiscalRule{Explicit: list} }
	late, early, short, backwards := feb, feb, feb, feb
	late.First, early.First, short.Last, backwards.Last = feb.First.Add(1), feb.First.Add(-1), feb.Last.Add(-1), feb.First.Add(-1)
	twice := feb
	twice.Name = "P1"
	saturday := &calendar.YearEnd{Weekday: time.Saturday, Month: time.December}
	tests := map[string]struct {
		rule calendar.FiscalRule
		want string
	}{
		"an unknown type":              {calendar.FiscalRule{Type: "4-4-4"}, `type: is not known: "4-4-4"`},
		"no such month":                {calendar.FiscalRule{StartMonth: 13}, "startMonth: is no month: 13"},
		"a year end by month":          {calendar.FiscalRule{YearEnd: saturday}, "type: has no years of whole weeks"},
		"weeks without a year end":     {calendar.FiscalRule{Type: calendar.Weeks445}, "yearEnd: is missing for a year of whole weeks"},
		"weeks with a first month":     {calendar.FiscalRule{Type: calendar.Weeks445, YearEnd: saturday, StartMonth: 4}, "startMonth: does not fit a year of whole weeks"},
		"a 53rd week in no period":     {calendar.FiscalRule{Type: calendar.Weeks445, YearEnd: saturday, Week53: 13}, "week53: is no period: 13"},
		"no such year end":             {calendar.FiscalRule{Type: calendar.Weeks445, YearEnd: &calendar.YearEnd{}}, "yearEnd: is no end of a year"},
		"an anchor in midyear":         {calendar.FiscalRule{Type: calendar.Weeks445, YearEnd: saturday, Anchors: dates(t, "2026-07-05")}, "anchors[0]: 2026-07-05 is not within six days of the first day of a fiscal year"},
		"anchors out of order":         {calendar.FiscalRule{Type: calendar.Weeks445, Anchors: dates(t, "2027-01-03 2026-01-04")}, "anchors[1]: 2026-01-04 is not after the one before it"},
		"an anchor on another weekday": {calendar.FiscalRule{Type: calendar.Weeks445, YearEnd: saturday, Anchors: dates(t, "2026-12-28")}, "anchors[0]: 2026-12-28 leaves the fiscal year FY2026 with 365 days, not 52 or 53 weeks"},
		"an empty list":                {calendar.FiscalRule{Type: calendar.ListsOnly}, "explicit: lists no period"},
		"a gap":                        {with(jan, late), "explicit[1].first: 2026-02-02 leaves a gap after P1, which ends on 2026-01-31"},
		"an overlap":                   {with(jan, early), "explicit[1].first: 2026-01-31 overlaps P1, which ends on 2026-01-31"},
		"a name twice":                 {with(jan, twice), `explicit[1].name: "P1" is used twice`},
		"no name":                      {with(calendar.Period{First: jan.First, Last: jan.Last}), "explicit[0].name: is missing"},
		"backwards":                    {with(backwards), "explicit[0].last: 2026-01-31 is before the first day, 2026-02-01"},
		"a type nobody knows":          {with(calendar.Period{Name: "W1", Type: "week", First: jan.First, Last: jan.Last}), `explicit[0].type: is not known: "week"`},
		"ends inside a month":          {with(jan, short), "explicit: P2 ends inside 2026-02 of the rule"},
		"begins inside a month":        {with(late), "explicit: P2 begins inside 2026-02 of the rule"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, flaws := calendar.NewFiscal(tt.rule)
			var got []string
			for _, flaw := range flaws {
				got = append(got, flaw.Field+": "+flaw.What)
				if flaw.Remedy == "" {
					t.Errorf("%s has no remedy", flaw.What)
				}
			}
			if strings.Join(got, " | ") != tt.want || f != nil {
				t.Errorf("flaws %q, want %q", got, tt.want)
			}
		})
	}
}

// Periods of each type follow one another day by day, quarters and years have
// whole months, every name leads back to its period, and years of weeks have 52
// or 53 that all begin on one weekday.
func TestPeriodsTile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := calendar.FiscalRule{
			Type:         rapid.SampledFrom([]calendar.FiscalType{calendar.ByMonth, calendar.Weeks445, calendar.Weeks454, calendar.Weeks544}).Draw(t, "type"),
			NamedByStart: rapid.Bool().Draw(t, "named by start"),
			Adjustment:   true,
		}
		if rule.Type == calendar.ByMonth {
			rule.StartMonth = time.Month(rapid.IntRange(1, 12).Draw(t, "start"))
		} else {
			rule.YearEnd = &calendar.YearEnd{
				Weekday: time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")), Month: time.Month(rapid.IntRange(1, 12).Draw(t, "month")), Nearest: rapid.Bool().Draw(t, "nearest"),
			}
			rule.Week53 = rapid.IntRange(1, 12).Draw(t, "week53")
		}
		f, flaws := calendar.NewFiscal(rule)
		if len(flaws) > 0 {
			t.Fatalf("flaws: %v", flaws)
		}
		d := calendar.Date{Year: 2026, Month: 1, Day: 1}.Add(rapid.IntRange(-8000, 8000).Draw(t, "day"))
		year, _ := f.Year(d)
		months, quarters := 0, 0
		for _, kind := range []calendar.PeriodType{calendar.Month, calendar.Quarter, calendar.Year, calendar.Adjustment} {
			p, ok := f.Of(kind, d)
			if !ok || kind != calendar.Adjustment && !p.Has(d) {
				t.Fatalf("%s on %s = %s", kind, d, say(p, ok))
			}
			next, ok := f.Next(p)
			if !ok || kind != calendar.Adjustment && next.First != p.Last.Add(1) {
				t.Fatalf("after %s comes %s", say(p, true), say(next, ok))
			}
			if back, ok := f.Previous(next); !ok || back != p {
				t.Fatalf("before %s comes %s, want %s", say(next, true), say(back, ok), say(p, true))
			}
			if named, ok := f.ByName(p.Name); !ok || named != p {
				t.Fatalf("ByName(%s) = %s, want %s", p.Name, say(named, ok), say(p, true))
			}
		}
		for p, _ := f.Month(year.First); !year.Last.Before(p.First); p, _ = f.Next(p) {
			months++
			if q, _ := f.Quarter(p.First); q.First == p.First {
				quarters++
			}
			if y, _ := f.Year(p.Last); y != year {
				t.Fatalf("%s ends in %s, want %s", say(p, true), say(y, true), say(year, true))
			}
		}
		if months != 12 || quarters != 4 {
			t.Fatalf("%s has %d months and %d quarters", year.Name, months, quarters)
		}
		if rule.Type != calendar.ByMonth {
			if n := year.Days(); n != 52*7 && n != 53*7 {
				t.Fatalf("%s has %d days", year.Name, n)
			}
			if year.Last.Weekday() != rule.YearEnd.Weekday {
				t.Fatalf("%s ends on a %s", year.Name, year.Last.Weekday())
			}
		}
	})
}

// Names nobody gave.
func TestNoSuchPeriod(t *testing.T) {
	f := fiscal(t, calendar.FiscalRule{Adjustment: true})
	for _, name := range []string{"", "2026", "2026-00", "2026-14", "2026-Q5", "2026-Q0", "FY", "FY0", "2026-P01", "-", "99999-01", "2026-1", "x-y", "FY2026-13"} {
		if p, ok := f.ByName(name); ok {
			t.Errorf("ByName(%q) = %s", name, say(p, ok))
		}
	}
}
