package calendar_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
)

// holidays makes a list of dates.
func holidays(tb testing.TB, days string) []calendar.Holiday {
	tb.Helper()
	var out []calendar.Holiday
	for s := range strings.FieldsSeq(days) {
		out = append(out, calendar.Holiday{On: date(tb, s), Name: "holiday"})
	}
	return out
}

func listed(tb testing.TB, days string) *calendar.List {
	tb.Helper()
	l := calendar.NewList(holidays(tb, days))
	return &l
}

func TestComposition(t *testing.T) {
	gb, eu := ruled(t, "GB-ENG"), ruled(t, "TARGET")
	days := composed(t, calendar.Composition{
		Name: "acme", Extends: []*calendar.Days{gb, eu},
		Add:    []calendar.Holiday{{On: date(t, "2026-12-24"), Name: "company day"}},
		Remove: []calendar.Date{date(t, "2026-05-04")},
		Source: calendar.Source{Source: "HR circular 2026", Checked: date(t, "2026-11-22")},
	})
	var got []string
	for _, h := range days.Holidays(date(t, "2026-05-01"), date(t, "2026-12-31")) {
		got = append(got, h.On.String()+" "+h.Name)
	}
	want := []string{
		"2026-05-01 Labour Day", "2026-05-25 Spring bank holiday", "2026-08-31 Summer bank holiday", "2026-12-24 company day",
		"2026-12-25 Christmas Day", "2026-12-26 Christmas Holiday", "2026-12-28 Boxing Day (substitute day)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("holidays differ (-want +got):\n%s", diff)
	}
	var names []string
	for _, s := range days.Sources() {
		names = append(names, fmt.Sprintf("%s %s %q", s.Name, s.Checked, s.Source[:10]))
	}
	if diff := cmp.Diff([]string{`GB-ENG 2026-11-26 "Banking an"`, `TARGET 2026-11-26 "ECB press "`, `acme 2026-11-22 "HR circula"`}, names); diff != "" {
		t.Errorf("sources differ (-want +got):\n%s", diff)
	}
	if first, last := days.Coverage(); first.String() != "2003-01-01" || last.String() != "2149-12-31" {
		t.Errorf("covers %s to %s", first, last)
	}
	if days.Hash() == gb.Hash() || days.Hash() != days.Sources()[2].Hash {
		t.Errorf("hash %s", days.Hash())
	}
	// What is extended is left as it was.
	if gb.IsWorkingDay(date(t, "2026-05-04")) || !eu.IsWorkingDay(date(t, "2026-12-24")) {
		t.Error("composing has changed what was extended")
	}
}

func TestWorkWeeks(t *testing.T) {
	sundayToThursday := calendar.Workweek{true, true, true, true, true}
	gulf := composed(t, calendar.Composition{Name: "gulf", List: listed(t, "2026-12-02"), Week: &sundayToThursday})
	both := composed(t, calendar.Composition{Name: "both", Extends: []*calendar.Days{ruled(t, "TARGET"), gulf}})
	if got := gulf.Week().String(); got != "Mon Tue Wed Thu Sun" {
		t.Errorf("week of gulf = %s", got)
	}
	if got := both.Week().String(); got != "Mon Tue Wed Thu" {
		t.Errorf("week of both = %s, want the days both work", got)
	}
}

func TestFlaws(t *testing.T) {
	gb := ruled(t, "GB-ENG")
	rule, _ := calendar.RuleByID("GB-ENG")
	christmas, monday := date(t, "2026-12-25"), date(t, "2026-12-21")
	noon := calendar.TimeOfDay{Hour: 12}
	var everyDay []calendar.Holiday
	for i := range 700 {
		everyDay = append(everyDay, calendar.Holiday{On: monday.Add(i)})
	}
	tests := map[string]struct {
		of   calendar.Composition
		want string
	}{
		"nothing to start from":      {calendar.Composition{}, ": has nothing to start from"},
		"an empty list":              {calendar.Composition{List: &calendar.List{}}, ": holds no holiday"},
		"a rule and others":          {calendar.Composition{Rule: &rule, Extends: []*calendar.Days{gb}}, ": starts from more than one of a rule, a file and other calendars"},
		"no day in the week":         {calendar.Composition{Rule: &rule, Week: &calendar.Workweek{}}, "workweek: has no day"},
		"added twice":                {calendar.Composition{Rule: &rule, Add: []calendar.Holiday{{On: monday}, {On: monday}}}, "add[1].on: 2026-12-21 is added twice"},
		"removed twice":              {calendar.Composition{Rule: &rule, Remove: []calendar.Date{christmas, christmas}}, "remove[1]: 2026-12-25 is removed twice"},
		"added and removed":          {calendar.Composition{Rule: &rule, Add: []calendar.Holiday{{On: monday}}, Remove: []calendar.Date{monday}}, "remove[0]: 2026-12-21 is added and removed"},
		"removed and no holiday":     {calendar.Composition{Rule: &rule, Remove: []calendar.Date{monday}}, "remove[0]: 2026-12-21 is no holiday"},
		"half of a holiday":          {calendar.Composition{Rule: &rule, HalfDays: []calendar.HalfDay{{christmas, noon}}}, "halfDays[0].on: 2026-12-25 is a holiday: Christmas Day"},
		"half of a Saturday":         {calendar.Composition{Rule: &rule, HalfDays: []calendar.HalfDay{{date(t, "2026-12-19"), noon}}}, "halfDays[0].on: 2026-12-19 is no working day but a Saturday"},
		"half of a day twice":        {calendar.Composition{Rule: &rule, HalfDays: []calendar.HalfDay{{monday, noon}, {monday, noon}}}, "halfDays[1].on: 2026-12-21 is listed twice"},
		"nobody works for two years": {calendar.Composition{Rule: &rule, Add: everyDay}, ": has no working day for 400 days from 2026-12-19 on"},
		"two at once": {
			calendar.Composition{Rule: &rule, Remove: []calendar.Date{monday}, HalfDays: []calendar.HalfDay{{christmas, noon}}},
			"remove[0]: 2026-12-21 is no holiday | halfDays[0].on: 2026-12-25 is a holiday: Christmas Day",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			days, flaws := calendar.Compose(tt.of)
			var got []string
			for _, f := range flaws {
				got = append(got, f.Field+": "+f.What)
				if f.Remedy == "" {
					t.Errorf("%s has no remedy", f.What)
				}
			}
			if strings.Join(got, " | ") != tt.want || days != nil {
				t.Errorf("Compose() = %v, flaws %q, want %q", days, got, tt.want)
			}
		})
	}
}

// Stale, short and disagreeing calendars say so from the day it matters, and
// whoever extends them says it too.
func TestDoubts(t *testing.T) {
	rule, _ := calendar.RuleByID("GB-ENG")
	file := composed(t, calendar.Composition{Name: "bank", List: listed(t, "2026-01-01 2026-12-25 2026-12-28"), Source: calendar.Source{Checked: date(t, "2026-01-10")}, MaxAge: 400})
	next := composed(t, calendar.Composition{Name: "next", List: listed(t, "2026-01-01 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 2026-12-25 2027-01-01 2027-03-26")})
	agreeing := composed(t, calendar.Composition{Name: "gb", Rule: &rule, AgreesWith: next, Add: holidays(t, "2026-11-23")})
	tests := map[string]struct {
		days *calendar.Days
		on   string
		want string
	}{
		"a rule in its years":                    {ruled(t, "GB-ENG"), "2026-11-26", ""},
		"a rule before its years":                {ruled(t, "GB-ENG"), "2002-12-31", "GB-ENG: it begins on 2003-01-01"},
		"the first of its years":                 {ruled(t, "GB-ENG"), "2003-01-01", ""},
		"two years after the check":              {ruled(t, "GB-ENG"), "2028-11-26", ""},
		"and a day":                              {ruled(t, "GB-ENG"), "2028-11-27", "GB-ENG: it was checked on 2026-11-26, 732 days ago; at most 731 are allowed"},
		"checked anew":                           {composed(t, calendar.Composition{Name: "gb", Rule: &rule, Source: calendar.Source{Checked: date(t, "2028-11-20")}}), "2028-11-27", ""},
		"a list that reaches":                    {file, "2026-10-29", ""},
		"a list that does not":                   {file, "2026-11-26", "bank: its newest entry is 2026-12-28, 32 days ahead; it must reach 60"},
		"the day it no longer does":              {file, "2026-10-30", "bank: its newest entry is 2026-12-28, 59 days ahead; it must reach 60"},
		"a list that has ended":                  {file, "2027-01-04", "bank: it ends on 2026-12-28"},
		"ended and stale":                        {file, "2027-03-01", "bank: it ends on 2026-12-28 | bank: it was checked on 2026-01-10, 415 days ago; at most 400 are allowed"},
		"before the list":                        {file, "2025-12-31", "bank: it begins on 2026-01-01"},
		"extends what does not reach":            {composed(t, calendar.Composition{Name: "acme", Extends: []*calendar.Days{file, ruled(t, "TARGET")}}), "2026-11-26", "bank: its newest entry is 2026-12-28, 32 days ahead; it must reach 60"},
		"asks those it extends to reach further": {composed(t, calendar.Composition{Name: "acme", Extends: []*calendar.Days{file}, Reach: 100}), "2026-10-01", "acme: its newest entry is 2026-12-28, 88 days ahead; it must reach 100"},
		"disagrees later":                        {agreeing, "2026-11-26", "gb: it does not agree with next on 2026-12-28, nor on 0 later days"},
		"on that day":                            {agreeing, "2026-12-28", "gb: it does not agree with next on 2026-12-28, nor on 0 later days"},
		"disagreed in the past":                  {agreeing, "2026-12-29", ""},
		"its own day is no disagreement":         {agreeing, "2026-12-30", ""},
		"without any source":                     {calendar.NewDays("plain", calendar.MondayToFriday(), nil, nil), "2126-11-26", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range tt.days.Doubts(date(t, tt.on)) {
				got = append(got, d.Calendar+": "+d.Why)
				if d.Remedy == "" {
					t.Errorf("%s has no remedy", d)
				}
			}
			if strings.Join(got, " | ") != tt.want {
				t.Errorf("Doubts(%s) = %q, want %q", tt.on, got, tt.want)
			}
		})
	}
}

// The quick answer and the reasons agree: no doubt without a reason, no reason
// without a doubt.
func TestDoubtsHaveReasons(t *testing.T) {
	rule, _ := calendar.RuleByID("TARGET")
	file := composed(t, calendar.Composition{Name: "bank", List: listed(t, "2026-01-01 2026-04-03 2026-04-07 2026-05-01 2026-12-25"), MaxAge: 90, Source: calendar.Source{Checked: date(t, "2026-06-01")}})
	days := composed(t, calendar.Composition{Name: "eu", Rule: &rule, AgreesWith: file})
	all := composed(t, calendar.Composition{Name: "all", Extends: []*calendar.Days{file, days}})
	doubtful := map[bool]int{}
	for day := date(t, "2025-06-01"); day.Year < 2027; day = day.Add(1) {
		reasons := len(file.Doubts(day)) + len(days.Doubts(day))
		if got := len(all.Doubts(day)); got != reasons {
			t.Errorf("%d doubts on %s, want the %d of its parts", got, day, reasons)
		}
		// 7 April is the newest disagreement, 30 August the last fresh day, 26 October the last with 60 days ahead.
		want := day.Before(date(t, "2026-04-08")) || date(t, "2026-08-30").Before(day)
		if (reasons > 0) != want {
			t.Errorf("doubts on %s: %v, want %v", day, all.Doubts(day), want)
		}
		doubtful[want]++
	}
	if len(doubtful) != 2 {
		t.Error("every day is alike: nothing was tested")
	}
}

func BenchmarkCompose(b *testing.B) {
	rule, _ := calendar.RuleByID("GB-ENG")
	b.ReportAllocs()
	for b.Loop() {
		if _, flaws := calendar.Compose(calendar.Composition{Name: "gb", Rule: &rule}); len(flaws) > 0 {
			b.Fatal(flaws)
		}
	}
}
