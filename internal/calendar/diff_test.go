package calendar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Semantic (g): a bank holiday that comes unannounced is seen, with all it
// moves, before the new calendar is used.
func TestAnUnscheduledHolidayIsSeenWithItsImpact(t *testing.T) {
	was, now := fullPlan(t, "acme-uk"), fullPlan(t, "acme-uk")
	england, _ := calendar.RuleByID("GB-ENG")
	now.Days = composed(t, calendar.Composition{Name: "gb-eng", Rule: &england, Add: []calendar.Holiday{{On: date(t, "2026-12-02"), Name: "day of mourning"}}})
	now.Cutoffs[0].Days = now.Days
	var got []string
	for _, c := range calendar.Diff(compiled(was), compiled(now)) {
		got = append(got, c.At.Format(time.DateOnly)+" "+c.What+": "+c.Text)
	}
	want := []string{
		"2026-11-27 freeze: close changes: next Fri 2026-11-27 00:00 to Tue 2026-12-08 18:00, was Fri 2026-11-27 00:00 to Mon 2026-12-07 18:00",
		"2026-11-30 cut-off: bacs for 2026-12-03 moves to Mon 2026-11-30 18:00, was Tue 2026-12-01 18:00",
		"2026-11-30 cut-off: bacs for 2026-12-02 is dropped: it was Mon 2026-11-30 18:00",
		"2026-12-01 phase: close of 2026-11 ends Tue 2026-12-08 24:00, was Mon 2026-12-07 24:00 (1d longer)",
		"2026-12-01 cut-off: bacs for 2026-12-04 moves to Tue 2026-12-01 18:00, was Wed 2026-12-02 18:00",
		"2026-12-02 holiday: gb-eng: Wed 2026-12-02 is not worked any more: day of mourning",
		"2026-12-02 milestone: bank for 2026-11 moves to Thu 2026-12-03 12:00, was Wed 2026-12-02 12:00",
		"2026-12-04 milestone: tb for 2026-11 moves to Mon 2026-12-07 17:00, was Fri 2026-12-04 17:00",
		"2026-12-08 phase: tail of 2026-11 begins Wed 2026-12-09 00:00, was Tue 2026-12-08 00:00, ends Fri 2026-12-11 24:00, was Thu 2026-12-10 24:00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
}

// Semantic (g): Monday 19 September 2022 became a bank holiday nine days before.
// No file went to Bacs on it, and what had to be in an account after it was
// submitted a working day earlier.
func TestTheBankHolidayOf19September2022(t *testing.T) {
	plan := func(days *calendar.Days) *calendar.Timeline {
		p := monthly(zone(t, "Europe/London"), days)
		p.Cutoffs = []calendar.Cutoff{{ID: "bacs", Title: "Bacs", Process: "payroll", At: calendar.TimeOfDay{Hour: 22}, Days: days, Day: calendar.CutoffDay{Entry: true, Before: 2}}}
		return calendar.Compile(p, utc(t, "2022-09-10T00:00:00Z"), utc(t, "2022-11-01T00:00:00Z"))
	}
	var got []string
	for _, c := range calendar.Diff(plan(byRule(t, "gb-eng", "GB-ENG", "2022-09-19")), plan(englandDays(t))) {
		got = append(got, c.Text)
	}
	want := []string{
		"Bacs for 2022-09-20 moves to Thu 2022-09-15 22:00, was Fri 2022-09-16 22:00",
		"Bacs for 2022-09-19 is dropped: it was Thu 2022-09-15 22:00",
		"Bacs for 2022-09-21 moves to Fri 2022-09-16 22:00, was Mon 2022-09-19 22:00",
		"gb-eng: Mon 2022-09-19 is not worked any more: State Funeral of Queen Elizabeth II",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
}

func TestChangesInWords(t *testing.T) {
	tests := map[string]struct {
		change func(*calendar.Plan)
		want   string
	}{
		"nothing":            {func(*calendar.Plan) {}, ""},
		"a phase is shorter": {func(p *calendar.Plan) { p.Close.PreClose.From = mark(t, "WD-2 00:00") }, "(1d shorter)"},
		"a deadline moves":   {func(p *calendar.Plan) { p.Dues[0].Rule = rule(t, "quarter_end + 1 month + 5 days") }, "vat for 2025-12-31 moves to Thu 2026-02-05 24:00, was Fri 2026-02-06 24:00"},
		"many dates move":    {func(p *calendar.Plan) { p.Cutoffs[1].At.Hour = 13 }, "sepa: 509 more dates change"},
		"a deadline is new": {func(p *calendar.Plan) {
			p.Dues = append(p.Dues, calendar.Due{ID: "x", Rule: rule(t, "2026-12-15"), At: calendar.EndOfDay()})
		}, "x is new: next Tue 2026-12-15 24:00"},
		"a deadline is gone": {func(p *calendar.Plan) { p.Dues = nil }, "vat is gone"},
		"a freeze is new": {func(p *calendar.Plan) {
			p.Freezes = append(p.Freezes, calendar.Freeze{ID: "f", From: mark(t, "WD-1 00:00"), To: mark(t, "WD+1 00:00")})
		}, "f is new: next"},
		"a freeze is gone":      {func(p *calendar.Plan) { p.Freezes = nil }, "close is gone"},
		"maintenance is gone":   {func(p *calendar.Plan) { p.Maintenance = nil }, "patch is gone: it was next Sun 2026-01-04 02:00"},
		"another zone":          {func(p *calendar.Plan) { p.Zone = zone(t, "Europe/Vienna") }, "time zone is Europe/Vienna, was Europe/London"},
		"no close any more":     {func(p *calendar.Plan) { p.Close = nil }, "no close is planned any more"},
		"a day is worked":       {func(p *calendar.Plan) { p.Days = targetDays(t) }, "Mon 2026-12-28 is worked now; it was Boxing Day (substitute day)"},
		"many holidays are new": {func(p *calendar.Plan) { p.Days = days(t, "gb-eng", daysOfMarch()...) }, "gb-eng: 33 more days differ"},
		"an extension": {func(p *calendar.Plan) {
			p.Extensions = []calendar.Extension{{Period: "2026-11", Phase: calendar.Close, To: mark(t, "WD+6 24:00"), By: "x"}}
		}, "close of 2026-11 ends Tue 2026-12-08 24:00, was Mon 2026-12-07 24:00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := fullPlan(t, "acme")
			tt.change(&p)
			var texts []string
			holidays := 0
			for _, c := range calendar.Diff(compiled(fullPlan(t, "acme")), compiled(p)) {
				texts = append(texts, c.Text)
				if c.What == "holiday" {
					holidays++
				}
			}
			got := strings.Join(texts, "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("changes:\n%s\nwant %q in them", got, tt.want)
			}
			if len(texts) > 40 || holidays > 6 {
				t.Errorf("%d changes are told; the rest must be counted", len(texts))
			}
		})
	}
}

// daysOfMarch are the days of March 2026, each a holiday.
func daysOfMarch() []string {
	var out []string
	for d := (calendar.Date{Year: 2026, Month: time.March, Day: 1}); d.Month == time.March; d = d.Add(1) {
		out = append(out, d.String()+" carnival")
	}
	return out
}

func TestEntitiesThatComeAndGo(t *testing.T) {
	tl := compiled(fullPlan(t, "acme"))
	if got := calendar.Diff(nil, tl); len(got) != 1 || got[0].What != "entity" {
		t.Errorf("a new entity: %+v", got)
	}
	if got := calendar.Diff(tl, nil); len(got) != 1 || got[0].What != "entity" {
		t.Errorf("an entity that is gone: %+v", got)
	}
	if got := calendar.Diff(nil, nil); got != nil {
		t.Errorf("nobody: %+v", got)
	}
}

// Semantic (i): everything the calendar says about the last afternoon of the
// year.
func TestWhatIf(t *testing.T) {
	p := fullPlan(t, "acme-uk")
	s := compiled(p).WhatIf(utc(t, "2026-12-31T15:00:00Z"))
	if s.Place.String() != "pre-close of 2026-12" || s.Day != "WD-1 of 2026-12" || s.At.Location().String() != "Europe/London" {
		t.Errorf("place %s, day %q at %s", s.Place, s.Day, s.At)
	}
	var deadlines []string
	for _, d := range s.Deadlines {
		deadlines = append(deadlines, fmt.Sprintf("%s %s", d.ID, d.At.Format("2006-01-02 15:04")))
	}
	want := []string{"bacs 2026-12-31 18:00", "sepa 2027-01-04 13:00", "bank 2027-01-05 12:00", "tb 2027-01-07 17:00", "vat 2027-02-06 00:00"}
	if diff := cmp.Diff(want, deadlines); diff != "" {
		t.Errorf("deadlines differ (-want +got):\n%s", diff)
	}
	if len(s.Freezes) != 1 || s.Freezes[0].ID != "close" || len(s.Works) != 0 {
		t.Errorf("freezes %+v, maintenance %+v", s.Freezes, s.Works)
	}
}

func TestDaysHaveNames(t *testing.T) {
	tl := compiled(fullPlan(t, "acme-uk"))
	for day, want := range map[string]string{
		"2026-12-31": "WD-1 of 2026-12", "2027-01-04": "WD+1 of 2026-12", "2026-11-30": "WD-1 of 2026-11",
		"2027-01-01": "no working day (New Year's Day), after WD-1 of 2026-12", "2027-01-02": "no working day, after WD-1 of 2026-12",
		"2026-12-16": "WD-10 of 2026-12", "2026-12-15": "working day", "2026-12-14": "WD+10 of 2026-11", "2026-11-15": "no working day, after WD+10 of 2026-10",
	} {
		if got := tl.Day(date(t, day)); got != want {
			t.Errorf("%s is %q, want %q", day, got, want)
		}
	}
	if got := compiled(calendar.Plan{}).Day(date(t, "2026-12-31")); got != "" {
		t.Errorf("a working day without a close is %q, want nothing", got)
	}
}
