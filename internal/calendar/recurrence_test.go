package calendar_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
)

// vienna is a plan with what tests of recurring work need: holidays around a
// year's end, a half day and wages on the 25th.
func vienna(t *testing.T) *calendar.Timeline {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	on := func(y int, m time.Month, d int) calendar.Date { return calendar.Date{Year: y, Month: m, Day: d} }
	days := calendar.NewDays("at", calendar.MondayToFriday(),
		map[calendar.Date]string{on(2026, 12, 25): "Christmas Day", on(2027, 1, 1): "New Year", on(2027, 1, 6): "Epiphany"},
		map[calendar.Date]calendar.TimeOfDay{on(2026, 12, 24): {Hour: 12}})
	p := calendar.Plan{Entity: "acme", Zone: zone, Days: days, Payday: 25}
	from, to := calendar.Horizon(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	return calendar.Compile(p, from, to)
}

func TestWorkRecurs(t *testing.T) {
	tests := map[string]struct {
		rule, at   string
		last, next string
	}{
		"a working day before its time":     {"every working day 10:00", "2026-12-15T08:59:59Z", "2026-12-14T09:00:00Z", "2026-12-15T09:00:00Z"},
		"a working day at its time":         {"every working day 10:00", "2026-12-15T09:00:00Z", "2026-12-15T09:00:00Z", "2026-12-16T09:00:00Z"},
		"over a weekend":                    {"every working day 10:00", "2026-12-13T12:00:00Z", "2026-12-11T09:00:00Z", "2026-12-14T09:00:00Z"},
		"over Christmas":                    {"every working day 10:00", "2026-12-26T12:00:00Z", "2026-12-24T09:00:00Z", "2026-12-28T09:00:00Z"},
		"the end of a working day":          {"every working day 24:00", "2026-12-15T23:00:00Z", "2026-12-15T23:00:00Z", "2026-12-16T23:00:00Z"},
		"the clocks go forward in between":  {"every working day 10:00", "2027-03-27T12:00:00Z", "2027-03-26T09:00:00Z", "2027-03-29T08:00:00Z"},
		"the clocks go back in between":     {"every working day 10:00", "2026-10-25T12:00:00Z", "2026-10-23T08:00:00Z", "2026-10-26T09:00:00Z"},
		"a month end":                       {"WD+1 10:00", "2026-12-15T12:00:00Z", "2026-12-01T09:00:00Z", "2027-01-04T09:00:00Z"},
		"a month end on a Sunday":           {"WD-1 18:00", "2026-12-15T12:00:00Z", "2026-11-30T17:00:00Z", "2026-12-31T17:00:00Z"},
		"working days after New Year":       {"WD+3 12:00", "2027-01-05T12:00:00Z", "2026-12-03T11:00:00Z", "2027-01-07T11:00:00Z"},
		"two banking days before wages":     {"payday - 2 BD 22:00", "2026-12-15T12:00:00Z", "2026-11-23T21:00:00Z", "2026-12-22T21:00:00Z"},
		"the fifteenth after the month end": {"month_end + 15 days 24:00", "2026-12-20T12:00:00Z", "2026-12-15T23:00:00Z", "2027-01-15T23:00:00Z"},
		"once":                              {"2026-12-15 09:00", "2026-12-20T12:00:00Z", "2026-12-15T08:00:00Z", ""},
		"once, not yet":                     {"2026-12-15 09:00", "2026-12-10T12:00:00Z", "", "2026-12-15T08:00:00Z"},
	}
	tl := vienna(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := calendar.ParseRecurrence(tt.rule)
			if err != nil {
				t.Fatal(err)
			}
			if r.String() != tt.rule {
				t.Errorf("%q is rendered %q", tt.rule, r)
			}
			last, next := tl.Occasions(r, utc(t, tt.at))
			if got := stamp(last); got != tt.last {
				t.Errorf("last = %q, want %q", got, tt.last)
			}
			if got := stamp(next); got != tt.next {
				t.Errorf("next = %q, want %q", got, tt.next)
			}
		})
	}
}

func stamp(o calendar.Occasion) string {
	if o.At.IsZero() {
		return ""
	}
	return o.At.Format(time.RFC3339)
}

func TestWhatNeverRecurs(t *testing.T) {
	if last, next := vienna(t).Occasions(calendar.Recurrence{}, utc(t, "2026-12-15T12:00:00Z")); !last.At.IsZero() || !next.At.IsZero() {
		t.Errorf("the zero recurrence is due: %v, %v", last, next)
	}
}

func TestRecurrencesThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "does not say a day and a time",
		"10:00":                   "does not say a day and a time",
		"every working day":       "does not end with a time of day",
		"every working day 25:00": "does not end with a time of day",
		"WD0 10:00":               "there is no WD0",
		"WD+1":                    "has no time of day",
		"payday - 2 22:00":        "ends inside a step",
		"payday-2 22:00":          "does not start with a day",
		"every day 10:00":         "does not start with a day",
	} {
		_, err := calendar.ParseRecurrence(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "; ") {
			t.Errorf("ParseRecurrence(%q) = %v, want %q and a remedy", text, err, want)
		}
	}
}

// An occasion is never after the instant it is the last of, nor the next at or
// before it, and nothing is due between the two.
func TestOccasionsFollowOneAnother(t *testing.T) {
	tl := vienna(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"every working day 10:00", "WD+1 10:00", "WD-2 24:00", "payday - 2 BD 22:00", "month_end + 1 month + 7 days 02:30"}).Draw(t, "rule")
		r, err := calendar.ParseRecurrence(text)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 3*366*24*60).Draw(t, "minute")) * time.Minute)
		last, next := tl.Occasions(r, at)
		if last.At.After(at) || !next.At.After(at) {
			t.Fatalf("%s at %v: last %v, next %v", text, at, last, next)
		}
		if again, _ := tl.Occasions(r, next.At.Add(-time.Second)); again != last {
			t.Fatalf("%s: just before %v the last is %v, at %v it was %v", text, next.At, again, at, last)
		}
		if then, _ := tl.Occasions(r, next.At); then != next {
			t.Fatalf("%s: at %v the last is %v", text, next.At, then)
		}
	})
}

func TestDaysOfAClass(t *testing.T) {
	tests := map[string]struct{ day, want string }{
		"the middle of a month":                {"2026-12-15", "Tuesday"},
		"the last working day":                 {"2026-11-30", "WD-1"},
		"the third last":                       {"2026-11-26", "WD-3"},
		"the fourth last is like others":       {"2026-11-25", "Wednesday"},
		"the first":                            {"2026-12-01", "WD+1"},
		"the fifth":                            {"2026-12-07", "WD+5"},
		"the sixth is like others":             {"2026-12-08", "Tuesday"},
		"a Saturday":                           {"2026-12-12", "Saturday"},
		"a holiday":                            {"2026-12-25", "holiday"},
		"a half day, wherever it is":           {"2026-12-24", "half day"},
		"the first after a holiday":            {"2027-01-04", "WD+1"},
		"holidays are not counted":             {"2027-01-07", "WD+3"},
		"a month that ends on a weekend, last": {"2027-01-29", "WD-1"},
	}
	tl := vienna(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := calendar.ParseDate(tt.day)
			if err != nil {
				t.Fatal(err)
			}
			if got := tl.Class(d); got != tt.want {
				t.Errorf("Class(%s) = %q, want %q", d, got, tt.want)
			}
		})
	}
}
