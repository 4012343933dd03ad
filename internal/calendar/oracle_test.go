package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/ecb"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/us"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Twenty years of weekdays, by our rules and by a library that others wrote:
// every day on which the two differ is listed, with the source that says who is
// right.
func TestRulesAgreeWithAnIndependentLibrary(t *testing.T) {
	const (
		enacted    = "enacted after the library's list: "
		proclaimed = "the library lists no days of one year: "
	)
	tests := map[string]struct {
		library []*cal.Holiday
		differ  map[string]string // days with + that only our rule has, with - that only the library has, by the reason
	}{
		"TARGET": {ecb.Holidays, nil},
		"AT":     {at.Holidays, nil},
		"BE":     {be.Holidays, nil},
		"DE": {de.Holidays, map[string]string{
			"every Land made the 500th anniversary of the Reformation a holiday in 2017": "+2017-10-31",
		}},
		"ES": {es.Holidays, nil},
		"FR": {fr.Holidays, nil},
		"GB-ENG": {gb.Holidays, map[string]string{
			proclaimed + "proclamation of 10 September 2022": "+2022-09-19",
		}},
		"IT": {it.Holidays, map[string]string{
			enacted + "legge 8 ottobre 2025, n. 151": "+2027-10-04 +2028-10-04 +2029-10-04 +2030-10-04 +2032-10-04 +2033-10-04 +2034-10-04",
		}},
		"NL": {without(nl.Holidays, "Goede Vrijdag", "Bevrijdingsdag"), map[string]string{
			"a day off for all in every fifth year, of those on a weekday; Good Friday and the other years are not": "+2015-05-05 +2020-05-05 +2025-05-05",
		}},
		"PL": {pl.Holidays, map[string]string{
			proclaimed + "act of 7 November 2018": "+2018-11-12",
			enacted + "act of 6 December 2024":    "+2025-12-24 +2026-12-24 +2027-12-24 +2029-12-24 +2030-12-24 +2031-12-24 +2032-12-24",
		}},
		"US-FED": {us.Holidays, map[string]string{
			"the Reserve Banks are open on the Friday before a holiday on a Saturday; the library has the offices of the government": "-2015-07-03 -2017-11-10 -2020-07-03 " +
				"-2021-06-18 -2021-12-24 -2021-12-31 -2023-11-10 -2026-07-03 -2027-06-18 -2027-12-24 -2027-12-31 -2028-11-10 -2032-06-18 -2032-12-24 -2032-12-31 -2034-11-10",
		}},
	}
	for id, tt := range tests {
		t.Run(id, func(t *testing.T) {
			library := cal.NewBusinessCalendar()
			library.AddHoliday(tt.library...)
			days := ruled(t, id)
			var got, want []string
			for day := date(t, "2015-01-01"); day.Year <= 2034; day = day.Add(1) {
				theirs := library.IsWorkday(time.Date(day.Year, day.Month, day.Day, 12, 0, 0, 0, time.UTC))
				switch ours := days.IsWorkingDay(day); {
				case theirs && !ours:
					got = append(got, "+"+day.String())
				case ours && !theirs:
					got = append(got, "-"+day.String())
				}
			}
			for _, list := range tt.differ {
				want = append(want, strings.Fields(list)...)
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("differences to the library (-listed +found):\n%s", diff)
			}
		})
	}
	if want := 8; len(tests) < want {
		t.Errorf("%d rules are compared, want %d at least", len(tests), want)
	}
}

// ruled are the days of a rule as it stands.
func ruled(tb testing.TB, id string) *calendar.Days {
	tb.Helper()
	return byRule(tb, id, id)
}

func composed(tb testing.TB, c calendar.Composition) *calendar.Days {
	tb.Helper()
	days, flaws := calendar.Compose(c)
	if len(flaws) > 0 {
		tb.Fatalf("Compose(%s) found flaws: %v", c.Name, flaws)
	}
	return days
}

// without is a list of the library less some holidays by name.
func without(list []*cal.Holiday, names ...string) []*cal.Holiday {
	return slices.DeleteFunc(slices.Clone(list), func(h *cal.Holiday) bool { return slices.Contains(names, h.Name) })
}
