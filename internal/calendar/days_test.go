package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
)

// period is the civil month of a name such as 2026-11.
func period(tb testing.TB, month string) calendar.Period {
	tb.Helper()
	p, ok := calendar.Monthly().Month(date(tb, month+"-01"))
	if !ok {
		tb.Fatalf("no month %s", month)
	}
	return p
}

// The computed vectors of the close calendar: November and December 2026 and
// March 2027, in which Easter and the change of clocks fall on the 28th.
func TestWorkingDaysOfTheClose(t *testing.T) {
	tests := map[string]struct {
		rules, month string
		n            int
		want         string
	}{
		"November ends on a Monday":                 {"TARGET GB-ENG", "2026-11", -1, "2026-11-30"},
		"WD-2 lies before the weekend":              {"TARGET GB-ENG", "2026-11", -2, "2026-11-27"},
		"WD-3 without Thanksgiving":                 {"TARGET", "2026-11", -3, "2026-11-26"},
		"Thanksgiving moves WD-3":                   {"US-FED", "2026-11", -3, "2026-11-25"},
		"WD+1 is the first":                         {"TARGET GB-ENG", "2026-11", 1, "2026-12-01"},
		"WD+5 lies behind the weekend":              {"TARGET GB-ENG", "2026-11", 5, "2026-12-07"},
		"New Year's Eve is worked":                  {"TARGET GB-ENG US-FED AT", "2026-12", -1, "2026-12-31"},
		"New Year and a weekend move WD+1":          {"TARGET GB-ENG US-FED AT", "2026-12", 1, "2027-01-04"},
		"WD+5 of the year":                          {"TARGET GB-ENG US-FED", "2026-12", 5, "2027-01-08"},
		"WD+3 behind Epiphany":                      {"AT", "2026-12", 3, "2027-01-07"},
		"Epiphany moves WD+5 over the weekend":      {"AT", "2026-12", 5, "2027-01-11"},
		"Easter moves WD-3 of March":                {"TARGET GB-ENG", "2027-03", -3, "2027-03-25"},
		"no Good Friday at the Federal Reserve":     {"US-FED", "2027-03", -3, "2027-03-29"},
		"the substitute of Boxing Day moves WD-4":   {"GB-ENG", "2026-12", -4, "2026-12-24"},
		"TARGET is open on the substitute, so WD-4": {"TARGET", "2026-12", -4, "2026-12-28"},
	}
	for name, tt := range tests {
		for id := range strings.FieldsSeq(tt.rules) {
			t.Run(name+"/"+id, func(t *testing.T) {
				p := period(t, tt.month)
				days := ruled(t, id)
				day := days.WorkingDay(p.Last, tt.n)
				if day.String() != tt.want {
					t.Errorf("WD%+d of %s = %s, want %s", tt.n, tt.month, day, tt.want)
				}
				if n, ok := days.OrdinalOf(day, p); n != tt.n || !ok {
					t.Errorf("OrdinalOf(%s) = %d, %v, want %d", day, n, ok, tt.n)
				}
			})
		}
	}
}

func TestHolidaysHaveNames(t *testing.T) {
	tests := map[string]struct{ rule, day, want string }{
		"a substitute day":                    {"GB-ENG", "2026-12-28", "Boxing Day (substitute day)"},
		"the substitute is none of TARGET's":  {"TARGET", "2026-12-28", ""},
		"Christmas on a Saturday":             {"GB-ENG", "2027-12-27", "Christmas Day (substitute day)"},
		"and Boxing Day behind it":            {"GB-ENG", "2027-12-28", "Boxing Day (substitute day)"},
		"Christmas on a Sunday moves past":    {"GB-ENG", "2022-12-27", "Christmas Day (substitute day)"},
		"Boxing Day stays on that Monday":     {"GB-ENG", "2022-12-26", "Boxing Day"},
		"an unscheduled bank holiday":         {"GB-ENG", "2022-09-19", "State Funeral of Queen Elizabeth II"},
		"the moved spring holiday":            {"GB-ENG", "2022-05-30", ""},
		"New Year in Scotland on a Saturday":  {"GB-SCT", "2022-01-03", "New Year's Day (substitute day)"},
		"2nd January on a Sunday":             {"GB-SCT", "2022-01-04", "2nd January (substitute day)"},
		"New Year in Scotland on a Sunday":    {"GB-SCT", "2023-01-03", "New Year's Day (substitute day)"},
		"2nd January on that Monday":          {"GB-SCT", "2023-01-02", "2nd January"},
		"Scotland works on Easter Monday":     {"GB-SCT", "2026-04-06", ""},
		"the World Cup":                       {"GB-SCT", "2026-06-15", "World Cup bank holiday"},
		"St Andrew's Day on a Saturday":       {"GB-SCT", "2024-12-02", "St Andrew's Day (substitute day)"},
		"the Boyne on a Sunday":               {"GB-NIR", "2026-07-13", "Battle of the Boyne (substitute day)"},
		"St Patrick's Day on a Sunday":        {"GB-NIR", "2024-03-18", "St Patrick's Day (substitute day)"},
		"the Fed stays open on Friday":        {"US-FED", "2026-07-03", ""},
		"the Fed closes on the Monday after":  {"US-FED", "2027-07-05", "Independence Day (substitute day)"},
		"the first Juneteenth was worked":     {"US-FED", "2021-06-18", ""},
		"King's Day on a Sunday":              {"NL", "2025-04-26", "King's Day (substitute day)"},
		"Liberation Day in a fifth year":      {"NL", "2025-05-05", "Liberation Day"},
		"Liberation Day in another year":      {"NL", "2026-05-05", ""},
		"Reformation Day once in all Germany": {"DE", "2017-10-31", "Reformation Day"},
		"and only once":                       {"DE", "2018-10-31", ""},
		"suspended in Portugal":               {"PT", "2014-12-01", ""},
		"brought back in Portugal":            {"PT", "2016-12-01", "Restoration of Independence"},
		"Corpus Christi in Portugal":          {"PT", "2026-06-04", "Corpus Christi"},
		"Europe Day in Luxembourg":            {"LU", "2019-05-09", "Europe Day"},
		"before the law":                      {"LU", "2018-05-09", ""},
		"two holidays on one day":             {"AT", "2008-05-01", "National Holiday (1 May), Ascension Day"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			days := ruled(t, tt.rule)
			got, ok := days.Holiday(date(t, tt.day))
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("Holiday(%s) = %q, %v, want %q", tt.day, got, ok, tt.want)
			}
			if ok && days.IsWorkingDay(date(t, tt.day)) {
				t.Errorf("%s is %s and a working day", tt.day, got)
			}
		})
	}
}

// What the governments publish for 2026 and 2027, where no library is asked.
func TestPublishedLists(t *testing.T) {
	tests := map[string]struct{ rule, year, want string }{
		"gov.uk, Scotland 2026":         {"GB-SCT", "2026", "01-01 01-02 04-03 05-04 05-25 06-15 08-03 11-30 12-25 12-28"},
		"gov.uk, Scotland 2027":         {"GB-SCT", "2027", "01-01 01-04 03-26 05-03 05-31 08-02 11-30 12-27 12-28"},
		"gov.uk, Northern Ireland 2026": {"GB-NIR", "2026", "01-01 03-17 04-03 04-06 05-04 05-25 07-13 08-31 12-25 12-28"},
		"gov.uk, Northern Ireland 2027": {"GB-NIR", "2027", "01-01 03-17 03-26 03-29 05-03 05-31 07-12 08-30 12-27 12-28"},
		"gov.uk, England 2026":          {"GB-ENG", "2026", "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"},
		"Luxembourg 2026":               {"LU", "2026", "01-01 04-06 05-01 05-09 05-14 05-25 06-23 08-15 11-01 12-25 12-26"},
		"Portugal 2026":                 {"PT", "2026", "01-01 04-03 04-05 04-25 05-01 06-04 06-10 08-15 10-05 11-01 12-01 12-08 12-25"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, h := range ruled(t, tt.rule).Holidays(date(t, tt.year+"-01-01"), date(t, tt.year+"-12-31")) {
				got = append(got, h.On.String()[5:])
			}
			if diff := cmp.Diff(strings.Fields(tt.want), got); diff != "" {
				t.Errorf("holidays differ (-published +got):\n%s", diff)
			}
		})
	}
}

func TestEveryRuleSaysWhereItComesFrom(t *testing.T) {
	var ids []string
	for _, r := range calendar.Rules() {
		ids = append(ids, r.ID)
		if r.Title == "" || len(r.Source) < 10 || r.Checked.IsZero() || r.Since < 1970 {
			t.Errorf("rule %s lacks its provenance: %+v", r.ID, r)
		}
		days := ruled(t, r.ID)
		s := days.Sources()
		if len(s) != 1 || s[0].Name != r.ID || s[0].Title != r.Title || s[0].Source != r.Source || s[0].Checked != r.Checked || len(s[0].Hash) != 64 {
			t.Errorf("Sources() of %s = %+v", r.ID, s)
		}
		if got := days.Doubts(r.Checked); got != nil {
			t.Errorf("%s is doubted on the day it was checked: %v", r.ID, got)
		}
	}
	if !slices.IsSorted(ids) {
		t.Errorf("rules are not in order: %v", ids)
	}
	if _, ok := calendar.RuleByID("XX"); ok {
		t.Error("there is a rule XX")
	}
}

// Known dates of Easter, also of the exceptions of the tables.
func TestEaster(t *testing.T) {
	for want := range strings.FieldsSeq("2008-03-23 2019-04-21 2026-04-05 2027-03-28 2038-04-25 2049-04-18 2076-04-19 2106-04-18") {
		easterMonday := date(t, want).Add(1)
		if name, _ := ruled(t, "DE").Holiday(easterMonday); name != "Easter Monday" {
			t.Errorf("%s is not Easter Monday but %q", easterMonday, name)
		}
	}
}

func TestAdjust(t *testing.T) {
	days := ruled(t, "GB-ENG")
	tests := map[string]struct {
		day        string
		convention calendar.Convention
		want       string
	}{
		"a working day stays":                   {"2026-12-24", calendar.Following, "2026-12-24"},
		"none stays":                            {"2026-12-25", calendar.None, "2026-12-25"},
		"Christmas, preceding":                  {"2026-12-25", calendar.Preceding, "2026-12-24"},
		"Christmas, following":                  {"2026-12-25", calendar.Following, "2026-12-29"},
		"the month's end, following":            {"2026-01-31", calendar.Following, "2026-02-02"},
		"the month's end, modified following":   {"2026-01-31", calendar.ModifiedFollowing, "2026-01-30"},
		"inside a month, modified following":    {"2026-12-25", calendar.ModifiedFollowing, "2026-12-29"},
		"a VAT deadline on a Sunday, preceding": {"2027-03-07", calendar.Preceding, "2027-03-05"},
		"the year's end, modified following":    {"2022-12-31", calendar.ModifiedFollowing, "2022-12-30"},
		"an unknown convention is following's":  {"2026-12-25", "sideways", "2026-12-29"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := days.Adjust(date(t, tt.day), tt.convention).String(); got != tt.want {
				t.Errorf("Adjust(%s, %s) = %s, want %s", tt.day, tt.convention, got, tt.want)
			}
		})
	}
}

func TestSubmissionDaysBeforeAnEntry(t *testing.T) {
	tests := map[string]struct {
		rule, from string
		n          int
		want       string
	}{
		"two banking days before a payday":         {"GB-ENG", "2026-12-31", -2, "2026-12-29"},
		"over Christmas and its substitute":        {"GB-ENG", "2026-12-29", -2, "2026-12-23"},
		"the same in TARGET":                       {"TARGET", "2026-12-29", -2, "2026-12-24"},
		"forward over New Year":                    {"GB-ENG", "2026-12-30", 2, "2027-01-04"},
		"none":                                     {"GB-ENG", "2026-12-25", 0, "2026-12-25"},
		"from a holiday, it does not count itself": {"GB-ENG", "2026-12-25", 1, "2026-12-29"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ruled(t, tt.rule).AddWorkingDays(date(t, tt.from), tt.n).String(); got != tt.want {
				t.Errorf("AddWorkingDays(%s, %d) = %s, want %s", tt.from, tt.n, got, tt.want)
			}
		})
	}
}

// Half days are worked, until their hour.
func TestHalfDays(t *testing.T) {
	eve := date(t, "2026-12-24")
	days := composed(t, calendar.Composition{
		Name: "acme", Extends: []*calendar.Days{ruled(t, "GB-ENG")},
		HalfDays: []calendar.HalfDay{{On: eve, Until: calendar.TimeOfDay{Hour: 14}}},
	})
	if until, ok := days.HalfDay(eve); !ok || until.String() != "14:00" || !days.IsWorkingDay(eve) {
		t.Errorf("HalfDay(%s) = %s, %v; working %v", eve, until, ok, days.IsWorkingDay(eve))
	}
	if _, ok := days.HalfDay(eve.Add(-1)); ok {
		t.Error("the day before is a half day")
	}
	// Who extends them has them too, unless the day is a holiday there.
	at := calendar.TimeOfDay{Hour: 12}
	earlier := composed(t, calendar.Composition{Name: "b", Extends: []*calendar.Days{days}, HalfDays: []calendar.HalfDay{{On: eve, Until: at}}})
	if until, _ := earlier.HalfDay(eve); until != at {
		t.Errorf("two half days on one day end at %s, want the earlier", until)
	}
	off := composed(t, calendar.Composition{Name: "c", Extends: []*calendar.Days{days}, Add: []calendar.Holiday{{On: eve, Name: "company day"}}})
	if _, ok := off.HalfDay(eve); ok || off.IsWorkingDay(eve) {
		t.Error("a company day is still a half day")
	}
}

// Days far from those that are laid out are answered by the work week and what
// is listed.
func TestDaysFarAway(t *testing.T) {
	days := calendar.NewDays("far", calendar.MondayToFriday(), map[calendar.Date]string{date(t, "2300-01-02"): "far away", date(t, "1900-01-01"): "long ago"}, nil)
	for day, want := range map[string]bool{
		"2300-01-01": true, "2300-01-02": false, "2300-01-06": false, "1900-01-01": false, "1900-01-02": true,
		"1969-12-31": true, "1970-01-01": true, "2149-12-31": true, "2150-01-01": true, "2150-01-02": true, "2150-01-03": false,
	} {
		if d := date(t, day); days.IsWorkingDay(d) != want {
			t.Errorf("IsWorkingDay(%s, %s) = %v, want %v", day, d.Weekday(), !want, want)
		}
	}
}

// A calendar in which nobody works ends every search, and is doubted.
func TestNobodyEverWorks(t *testing.T) {
	never := calendar.NewDays("never", calendar.Workweek{}, nil, nil)
	day := date(t, "2026-11-30")
	if got := never.WorkingDay(day, 3).Sub(day); got != 3*400 {
		t.Errorf("gave up after %d days, want 400 for each of three", got)
	}
	if got := never.WorkingDay(day, 0); got != day {
		t.Errorf("WD0 = %s, want the period's last day", got)
	}
	if got := never.Doubts(day); len(got) != 1 || !strings.Contains(got[0].Why, "no working day for 400 days") {
		t.Errorf("Doubts() = %v", got)
	}
	if _, ok := never.OrdinalOf(day, period(t, "2026-11")); ok {
		t.Error("a day nobody works has an ordinal")
	}
}

func TestArithmeticOfWorkingDays(t *testing.T) {
	calendars := []*calendar.Days{
		calendar.NewDays("sunday only", calendar.Workweek{time.Sunday: true}, nil, nil),
		calendar.NewDays("every day", calendar.Workweek{true, true, true, true, true, true, true}, nil, nil),
	}
	for _, r := range calendar.Rules() {
		calendars = append(calendars, ruled(t, r.ID))
	}
	epoch := date(t, "2026-01-01")
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.SampledFrom(calendars).Draw(t, "calendar")
		d := epoch.Add(rapid.IntRange(-8000, 8000).Draw(t, "day"))
		n := rapid.IntRange(-300, 300).Draw(t, "n")

		to := days.AddWorkingDays(d, n)
		if n != 0 && !days.IsWorkingDay(to) {
			t.Errorf("AddWorkingDays(%s, %d) = %s, which is not worked", d, n, to)
		}
		if got := days.WorkingDaysBetween(d, to); got != n {
			t.Errorf("WorkingDaysBetween(%s, %s) = %d, want %d", d, to, got, n)
		}
		if days.IsWorkingDay(d) && days.AddWorkingDays(to, -n) != d {
			t.Errorf("%s %+d and back is %s", d, n, days.AddWorkingDays(to, -n))
		}

		for _, c := range []calendar.Convention{calendar.None, calendar.Preceding, calendar.Following, calendar.ModifiedFollowing} {
			once := days.Adjust(d, c)
			if again := days.Adjust(once, c); again != once {
				t.Errorf("Adjust(%s, %s) = %s, and again %s", d, c, once, again)
			}
			if c != calendar.None && !days.IsWorkingDay(once) {
				t.Errorf("Adjust(%s, %s) = %s, which is not worked", d, c, once)
			}
			if c == calendar.ModifiedFollowing && once.Month != d.Month && days.Name() != "sunday only" {
				t.Errorf("Adjust(%s, %s) = %s in another month", d, c, once)
			}
		}

		p, _ := calendar.Monthly().Month(d)
		if n != 0 {
			wd := days.WorkingDay(p.Last, n)
			if got, ok := days.OrdinalOf(wd, p); !ok || got != n {
				t.Errorf("OrdinalOf(WD%+d of %s = %s) = %d, %v", n, p.Name, wd, got, ok)
			}
			next := n + 1
			if next == 0 {
				next = 1
			}
			if !wd.Before(days.WorkingDay(p.Last, next)) {
				t.Errorf("WD%+d of %s is not before WD%+d", n, p.Name, next)
			}
			if wd.Compare(p.Last) > 0 != (n > 0) {
				t.Errorf("WD%+d of %s = %s lies on the wrong side of %s", n, p.Name, wd, p.Last)
			}
		}
		if ordinal, ok := days.OrdinalOf(d, p); ok && (ordinal == 0 || days.WorkingDay(p.Last, ordinal) != d) {
			t.Errorf("OrdinalOf(%s) = %d, and that is %s", d, ordinal, days.WorkingDay(p.Last, ordinal))
		}
	})
}

// The numbers of days agree with the standard library's calendar.
func TestDates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := calendar.Date{
			Year:  rapid.IntRange(-400, 3000).Draw(t, "year"),
			Month: time.Month(rapid.IntRange(-20, 40).Draw(t, "month")),
			Day:   rapid.IntRange(-400, 400).Draw(t, "day"),
		}
		n := rapid.IntRange(-100_000, 100_000).Draw(t, "n")
		want := time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC)
		got := d.Add(n)
		if got != calendar.DateOf(want) || got.Weekday() != want.Weekday() || d.Weekday() != want.AddDate(0, 0, -n).Weekday() {
			t.Errorf("%v + %d = %s (%s), want %s", d, n, got, got.Weekday(), want.Format("2006-01-02 Mon"))
		}
		if got.Sub(d) != n || got.Before(d) != (n < 0) {
			t.Errorf("%s - %v = %d, want %d", got, d, got.Sub(d), n)
		}
	})
}

func BenchmarkIsWorkingDay(b *testing.B) {
	days, d := ruled(b, "GB-ENG"), calendar.Date{Year: 2026, Month: 12, Day: 28}
	b.ReportAllocs()
	for b.Loop() {
		if days.IsWorkingDay(d) {
			b.Fatal("the substitute day is worked")
		}
	}
}

func BenchmarkWorkingDay(b *testing.B) {
	days, last := ruled(b, "GB-ENG"), calendar.Date{Year: 2026, Month: 12, Day: 31}
	b.ReportAllocs()
	for b.Loop() {
		if days.WorkingDay(last, 5).Day != 8 {
			b.Fatal("WD+5 is not 8 January")
		}
	}
}

func BenchmarkDoubts(b *testing.B) {
	days, d := ruled(b, "GB-ENG"), calendar.Date{Year: 2026, Month: 12, Day: 28}
	b.ReportAllocs()
	for b.Loop() {
		if days.Doubts(d) != nil {
			b.Fatal("doubted")
		}
	}
}
