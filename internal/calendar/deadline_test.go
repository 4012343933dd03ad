package calendar_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
)

func rule(tb testing.TB, s string) calendar.DueRule {
	tb.Helper()
	r, err := calendar.ParseDueRule(s)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func cutoffDay(tb testing.TB, s string) calendar.CutoffDay {
	tb.Helper()
	d, err := calendar.ParseCutoffDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// next lists the instants of the next occurrences after an instant, walking
// from one to the next.
func next(tb testing.TB, tl *calendar.Timeline, process, after string, n int) []string {
	tb.Helper()
	at := utc(tb, after)
	var out []string
	for range n {
		all := tl.Deadlines(at, process)
		if len(all) == 0 {
			break
		}
		at = all[0].At
		out = append(out, at.UTC().Format("2006-01-02T15:04Z"))
	}
	return out
}

func TestRulesOfDeadlines(t *testing.T) {
	tests := map[string]struct {
		due   calendar.Due
		after string
		want  []string
	}{
		"UK VAT: one month and seven days after each quarter": {
			calendar.Due{Rule: rule(t, "quarter_end + 1 month + 7 days")},
			"2026-03-01T00:00:00Z",
			[]string{"2026-05-08T00:00Z", "2026-08-08T00:00Z", "2026-11-08T00:00Z", "2027-02-08T00:00Z"}, // the end of the 7th
		},
		"before a weekend: 7 November 2026 is a Saturday": {
			calendar.Due{Rule: rule(t, "quarter_end + 1 month + 7 days"), Adjust: calendar.Preceding},
			"2026-10-01T00:00:00Z",
			[]string{"2026-11-07T00:00Z", "2027-02-06T00:00Z"},
		},
		"after a weekend": {
			calendar.Due{Rule: rule(t, "quarter_end + 1 month + 7 days"), Adjust: calendar.Following},
			"2026-10-01T00:00:00Z",
			[]string{"2026-11-10T00:00Z", "2027-02-09T00:00Z"},
		},
		"modified following stays in the month: 31 October 2026 is a Saturday": {
			calendar.Due{Rule: rule(t, "month_end"), Adjust: calendar.ModifiedFollowing, At: calendar.TimeOfDay{Hour: 12}},
			"2026-10-01T00:00:00Z",
			[]string{"2026-10-30T12:00Z", "2026-11-30T12:00Z", "2026-12-31T12:00Z"},
		},
		"fifteen days after the month": {
			calendar.Due{Rule: rule(t, "month_end + 15 days")}, "2026-11-20T00:00:00Z", []string{"2026-12-16T00:00Z", "2027-01-16T00:00Z"},
		},
		"month ends of unequal length": {
			calendar.Due{Rule: rule(t, "month_end + 1 month"), At: calendar.TimeOfDay{Hour: 9}},
			"2027-01-01T00:00:00Z",
			[]string{"2027-01-31T09:00Z", "2027-02-28T09:00Z", "2027-03-31T09:00Z"},
		},
		"a date, once":            {calendar.Due{Rule: rule(t, "2026-12-15")}, "2026-01-01T00:00:00Z", []string{"2026-12-16T00:00Z"}},
		"the same day of a month": {calendar.Due{Rule: rule(t, "2026-10-31 + 4 months")}, "2026-01-01T00:00:00Z", []string{"2027-03-01T00:00Z"}},
		"business days over Christmas": {
			calendar.Due{Rule: rule(t, "2026-12-23 + 3 BD"), Days: englandDays(t)}, "2026-01-01T00:00:00Z", []string{"2026-12-31T00:00Z"},
		},
		"year end": {calendar.Due{Rule: rule(t, "year_end + 9 months")}, "2026-01-01T00:00:00Z", []string{"2026-10-01T00:00Z", "2027-10-01T00:00Z"}},
		"two banking days before payday, the 25th or the banking day before it": {
			calendar.Due{Rule: rule(t, "payday - 2 BD"), Days: englandDays(t), At: calendar.TimeOfDay{Hour: 22}},
			"2026-10-01T00:00:00Z",
			[]string{"2026-10-21T22:00Z", "2026-11-23T22:00Z", "2026-12-22T22:00Z"}, // 25 Oct is a Sunday, 25 Dec a holiday
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.due.ID, tt.due.Process = "due", "p"
			if tt.due.At == (calendar.TimeOfDay{}) {
				tt.due.At = calendar.EndOfDay()
			}
			tl := compiled(calendar.Plan{Entity: "acme", Payday: 25, Dues: []calendar.Due{tt.due}})
			if diff := cmp.Diff(tt.want, next(t, tl, "p", tt.after, len(tt.want))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.due.Rule, diff)
			}
		})
	}
}

// A rule that is wrong names the word that is.
func TestWrongRules(t *testing.T) {
	tests := map[string]struct {
		text string
		at   int
		want string
	}{
		"nothing":                 {"", 0, "is empty"},
		"no base":                 {"quarter-end + 7 days", 0, "does not start with a day"},
		"a date that is none":     {"2026-02-30 + 7 days", 0, "does not start with a day"},
		"no sign":                 {"month_end 15 days", 10, `"15" is no step`},
		"no space":                {"month_end +15 days", 10, `"+15" is no step`},
		"no unit":                 {"month_end + 15", 14, "ends inside a step"},
		"an unknown unit":         {"month_end + 15 weeks", 15, `"weeks" is no unit`},
		"no number":               {"month_end + some days", 12, `"some" is no number`},
		"nothing of a unit":       {"month_end + 0 days", 12, `"0" is no number`},
		"a sign twice":            {"month_end + -3 days", 12, `"-3" is no number`},
		"too far":                 {"month_end + 401 days", 12, "401 is too far"},
		"the second step":         {"quarter_end + 1 month + 7 dais", 26, `"dais" is no unit`},
		"more steps than anybody": {"month_end + 1 days + 1 days + 1 days + 1 days + 1 days", 46, "more than 4 steps"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := calendar.ParseDueRule(tt.text)
			wrong, ok := errors.AsType[*calendar.RuleError](err)
			if !ok || wrong.Offset != tt.at || !strings.Contains(err.Error(), tt.want) || wrong.Remedy == "" {
				t.Errorf("ParseDueRule(%q) = %v, want %q at %d", tt.text, err, tt.want, tt.at)
			}
		})
	}
}

func TestARuleIsPrintedAsItIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := calendar.DueRule{Base: rapid.SampledFrom([]calendar.Base{calendar.EndOfMonth, calendar.EndOfQuarter, calendar.EndOfYear, calendar.Payday}).Draw(t, "base")}
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			n := rapid.IntRange(1, 24).Draw(t, "n") * rapid.SampledFrom([]int{-1, 1}).Draw(t, "sign")
			r.Terms = append(r.Terms, calendar.Term{N: n, Unit: rapid.SampledFrom([]calendar.Unit{calendar.CivilDays, calendar.CivilMonths, calendar.BusinessDays}).Draw(t, "unit")})
		}
		got, err := calendar.ParseDueRule(r.String())
		if diff := cmp.Diff(r, got); err != nil || diff != "" {
			t.Fatalf("%s: %v (-want +got):\n%s", r, err, diff)
		}
	})
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"quarter_end + 1 month + 7 days", "payday - 2 BD", "2026-12-15", "month_end + 15", "  ", "year_end + 99999 days", "month_end + 1 \x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := calendar.ParseDueRule(s)
		if wrong, ok := errors.AsType[*calendar.RuleError](err); err != nil && (!ok || wrong.Offset < 0 || wrong.Offset > len(s)) {
			t.Fatalf("ParseDueRule(%q) = %v, outside the text", s, err)
		}
		if err != nil {
			return
		}
		if again, err := calendar.ParseDueRule(r.String()); err != nil || again.String() != r.String() {
			t.Fatalf("%q is printed as %q, which is read as %q, %v", s, r, again, err)
		}
	})
}

func TestCutoffs(t *testing.T) {
	halfDay := calendar.NewDays("bank", calendar.MondayToFriday(), map[calendar.Date]string{date(t, "2026-12-25"): "Christmas Day"},
		map[calendar.Date]calendar.TimeOfDay{date(t, "2026-12-24"): {Hour: 12}, date(t, "2026-12-31"): {Hour: 15}})
	berlin, london := zone(t, "Europe/Berlin"), zone(t, "Europe/London")
	tests := map[string]struct {
		cutoff calendar.Cutoff
		after  string
		want   []string
	}{
		"every banking day, in the bank's zone": {
			calendar.Cutoff{At: calendar.TimeOfDay{Hour: 14}, Zone: berlin, Days: targetDays(t), Day: cutoffDay(t, "value-0BD")},
			"2026-12-24T00:00:00Z",
			[]string{"2026-12-24T13:00Z", "2026-12-28T13:00Z", "2026-12-29T13:00Z"},
		},
		"England has a substitute holiday where TARGET works": {
			calendar.Cutoff{At: calendar.TimeOfDay{Hour: 17}, Zone: london, Days: englandDays(t)},
			"2026-12-24T00:00:00Z",
			[]string{"2026-12-24T17:00Z", "2026-12-29T17:00Z"},
		},
		"the clocks change: 14:00 in Berlin is an hour earlier in UTC": {
			calendar.Cutoff{At: calendar.TimeOfDay{Hour: 14}, Zone: berlin, Days: targetDays(t)},
			"2027-03-25T00:00:00Z",
			[]string{"2027-03-25T13:00Z", "2027-03-30T12:00Z"}, // Good Friday, Easter Monday; clocks changed on the 28th
		},
		"the house is earlier than the bank": {
			calendar.Cutoff{At: calendar.TimeOfDay{Hour: 22}, Zone: london, Days: englandDays(t), Margin: 4 * time.Hour},
			"2026-11-20T00:00:00Z",
			[]string{"2026-11-20T18:00Z", "2026-11-23T18:00Z"},
		},
		"two banking days before value dates on Fridays": {
			calendar.Cutoff{At: calendar.TimeOfDay{Hour: 22}, Zone: london, Days: englandDays(t), Day: cutoffDay(t, "entry-2BD"), Weekdays: []time.Weekday{time.Friday}},
			"2026-12-10T00:00:00Z",
			[]string{"2026-12-16T22:00Z", "2027-01-06T22:00Z"}, // 25 December and 1 January are no value dates
		},
		"a half day ends earlier than the cut-off": {
			calendar.Cutoff{At: calendar.TimeOfDay{Hour: 14}, Zone: london, Days: halfDay},
			"2026-12-23T15:00:00Z",
			[]string{"2026-12-24T12:00Z", "2026-12-28T14:00Z"},
		},
		"a half day ends later than the cut-off": {
			calendar.Cutoff{At: calendar.TimeOfDay{Hour: 14}, Zone: london, Days: halfDay}, "2026-12-30T15:00:00Z", []string{"2026-12-31T14:00Z"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.cutoff.ID, tt.cutoff.Process = "cut", "p"
			tl := compiled(calendar.Plan{Entity: "acme", Cutoffs: []calendar.Cutoff{tt.cutoff}})
			if diff := cmp.Diff(tt.want, next(t, tl, "p", tt.after, len(tt.want))); diff != "" {
				t.Errorf("cut-offs differ (-want +got):\n%s", diff)
			}
		})
	}
}

// Semantic (c): milestones are on the close calendar, cut-offs on the bank's: in
// the last week of 2026 the house, England's banks, TARGET and the Fed all work
// on different days.
func TestMilestonesAndCutoffsHaveCalendarsOfTheirOwn(t *testing.T) {
	company := composed(t, calendar.Composition{
		Name: "acme-cd", Extends: []*calendar.Days{englandDays(t)},
		Add: []calendar.Holiday{{On: date(t, "2026-12-24"), Name: "company day"}, {On: date(t, "2027-01-04"), Name: "company day"}},
	})
	p := monthly(time.UTC, company)
	p.Close.Milestones = []calendar.Milestone{{ID: "first", Process: "close", Due: mark(t, "WD+1 12:00")}}
	for process, bank := range map[string]*calendar.Days{"bacs": englandDays(t), "sepa": targetDays(t), "ach": fedDays(t), "house": nil} {
		p.Cutoffs = append(p.Cutoffs, calendar.Cutoff{ID: process, Process: process, At: calendar.TimeOfDay{Hour: 12}, Days: bank})
	}
	tl := compiled(p)
	for process, want := range map[string]string{
		"bacs":  "2026-12-24 2026-12-29 2026-12-30 2026-12-31 2027-01-04", // 28 December is a substitute day
		"sepa":  "2026-12-24 2026-12-28 2026-12-29 2026-12-30 2026-12-31",
		"ach":   "2026-12-24 2026-12-28 2026-12-29 2026-12-30 2026-12-31",
		"house": "2026-12-29 2026-12-30 2026-12-31 2027-01-05 2027-01-06",
	} {
		if got := strings.Join(next(t, tl, process, "2026-12-23T13:00:00Z", 5), " "); got != strings.ReplaceAll(want+" ", " ", "T12:00Z ")[:len(want)+5*len("T12:00Z")] {
			t.Errorf("%s cut-offs on %s, want %s", process, got, want)
		}
	}
	if got := next(t, tl, "close", "2026-12-31T13:00:00Z", 1)[0]; got != "2027-01-05T12:00Z" {
		t.Errorf("WD+1 = %s, want the day after the company's", got)
	}
	if got := next(t, tl, "ach", "2026-11-25T13:00:00Z", 1)[0]; got != "2026-11-27T12:00Z" {
		t.Errorf("the next ACH cut-off is %s, want it after Thanksgiving", got)
	}
}

func TestDeadlinesAreSoonestFirst(t *testing.T) {
	p := monthly(time.UTC, nil)
	p.Close.Milestones = []calendar.Milestone{{ID: "m", Title: "AP closed", Process: "p", Due: mark(t, "WD+1 17:00")}}
	p.Cutoffs = []calendar.Cutoff{
		{ID: "late", Process: "p", At: calendar.TimeOfDay{Hour: 17}, Margin: time.Hour},
		{ID: "early", Process: "p", At: calendar.TimeOfDay{Hour: 9}},
		{ID: "other", Process: "q", At: calendar.TimeOfDay{Hour: 8}},
	}
	tl := compiled(p)
	friday := utc(t, "2026-11-20T15:00:00Z")
	want := []calendar.Deadline{
		{ID: "late", Title: "late", Process: "p", At: utc(t, "2026-11-20T16:00:00Z"), Bank: utc(t, "2026-11-20T17:00:00Z"), Kind: calendar.CutoffKind, For: "2026-11-20"},
		{ID: "early", Title: "early", Process: "p", At: utc(t, "2026-11-23T09:00:00Z"), Bank: utc(t, "2026-11-23T09:00:00Z"), Kind: calendar.CutoffKind, For: "2026-11-23"},
		{ID: "m", Title: "AP closed", Process: "p", At: utc(t, "2026-12-01T17:00:00Z"), Bank: utc(t, "2026-12-01T17:00:00Z"), Kind: calendar.MilestoneKind, For: "2026-11"},
	}
	if diff := cmp.Diff(want, tl.Deadlines(friday, "p")); diff != "" {
		t.Errorf("deadlines differ (-want +got):\n%s", diff)
	}
	if got := len(tl.Deadlines(friday, "")); got != 4 {
		t.Errorf("%d deadlines of all processes, want 4", got)
	}
	// A deadline is over at its instant, not after it.
	if got := tl.Deadlines(want[0].At, "p")[0].ID; got != "early" {
		t.Errorf("at the cut-off itself the next is %s, want early", got)
	}
}

// No occurrence is skipped when one steps from deadline to deadline: each
// banking day has its cut-off.
func TestSteppingSkipsNoDeadline(t *testing.T) {
	bank := targetDays(t)
	tl := compiled(calendar.Plan{Entity: "acme", Cutoffs: []calendar.Cutoff{
		{ID: "c", Process: "p", At: calendar.TimeOfDay{Hour: 14}, Zone: zone(t, "Europe/Berlin"), Days: bank, Day: cutoffDay(t, "value-2BD"), Margin: 20 * time.Hour},
	}})
	from, to := tl.Span()
	want := 0
	for d := calendar.DateOf(from); d.In(time.UTC).Before(to); d = d.Add(1) {
		at := calendar.TimeOfDay{Hour: 14}.On(d, zone(t, "Europe/Berlin")).Add(-20 * time.Hour)
		if bank.IsWorkingDay(d) && !at.Before(from) && at.Before(to) {
			want++
		}
	}
	got := 0
	for at := from.Add(-time.Second); ; got++ {
		next := tl.Deadlines(at, "p")
		if len(next) == 0 {
			break
		}
		if !next[0].At.After(at) {
			t.Fatalf("after %s comes %s", at, next[0].At)
		}
		at = next[0].At
	}
	if got != want {
		t.Errorf("stepped over %d cut-offs, want one for each of %d banking days", got, want)
	}
}
