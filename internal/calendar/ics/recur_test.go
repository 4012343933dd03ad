package ics_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/calendar/ics"
)

// Rules of the kinds holidays have fall on the days that a library finds.
func TestRecurrencesAgreeWithALibrary(t *testing.T) {
	list := func(t *rapid.T, what string, most int, one func() string) string {
		var out []string
		for range rapid.IntRange(1, most).Draw(t, "number of "+what) {
			out = append(out, one())
		}
		slices.Sort(out)
		return what + "=" + strings.Join(slices.Compact(out), ",")
	}
	sign := func(n int, up bool) string {
		if up {
			return strconv.Itoa(n)
		}
		return strconv.Itoa(-n)
	}
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		freq := rapid.SampledFrom([]string{"YEARLY", "MONTHLY", "WEEKLY"}).Draw(t, "freq")
		parts := []string{"FREQ=" + freq, fmt.Sprintf("INTERVAL=%d", rapid.IntRange(1, 5).Draw(t, "interval")), fmt.Sprintf("COUNT=%d", rapid.IntRange(1, 30).Draw(t, "count"))}
		if rapid.Bool().Draw(t, "by month") {
			parts = append(parts, list(t, "BYMONTH", 3, func() string { return strconv.Itoa(rapid.IntRange(1, 12).Draw(t, "month")) }))
		}
		if freq != "WEEKLY" && rapid.Bool().Draw(t, "by day of the month") {
			parts = append(parts, list(t, "BYMONTHDAY", 4, func() string {
				return sign(rapid.IntRange(1, 28).Draw(t, "day"), rapid.Bool().Draw(t, "from the start"))
			}))
		}
		if rapid.Bool().Draw(t, "by weekday") {
			numbered := freq != "WEEKLY" && rapid.Bool().Draw(t, "which one") // all or none: the library has a meaning of its own for a mix
			parts = append(parts, list(t, "BYDAY", 3, func() string {
				day := rapid.SampledFrom([]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}).Draw(t, "weekday")
				if numbered {
					day = sign(rapid.IntRange(1, 4).Draw(t, "n"), rapid.Bool().Draw(t, "from the start")) + day
				}
				return day
			}))
		}
		if freq != "WEEKLY" && rapid.Bool().Draw(t, "by place") { // the library begins its first week with the first day
			parts = append(parts, "BYSETPOS="+sign(rapid.IntRange(1, 3).Draw(t, "place"), rapid.Bool().Draw(t, "from the start")))
		}
		if rapid.Bool().Draw(t, "weeks from Sunday") {
			parts = append(parts, "WKST=SU")
		}
		rule := strings.Join(parts, ";")
		start := calendar.Date{Year: 2026, Month: 1, Day: 1}.Add(rapid.IntRange(0, 1500).Draw(t, "start"))

		option, err := rrule.StrToROption(rule)
		if err != nil {
			t.Fatal(err)
		}
		option.Dtstart = start.In(time.UTC)
		library, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, at := range library.All() {
			if at.Year() <= 2149 {
				want = append(want, at.Format(time.DateOnly))
			}
		}
		var got []string
		h, err := ics.Decode(event("DTSTART:" + strings.ReplaceAll(start.String(), "-", "") + "\nRRULE:" + rule))
		if err != nil && !strings.HasPrefix(err.Error(), "holds no event") {
			t.Fatalf("%s: %v", rule, err)
		}
		for _, day := range h.Holidays {
			got = append(got, day.On.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s from %s (-library +got):\n%s", rule, start, diff)
		}
		seen += len(got)
	})
	if seen == 0 {
		t.Error("no rule had a day")
	}
}
