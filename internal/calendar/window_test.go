package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

func TestCriticalWindows(t *testing.T) {
	wd := func(from, to int) []calendar.Window {
		return []calendar.Window{{Kind: calendar.WorkingDays, From: from, To: to}}
	}
	before := func(d time.Duration, days int) []calendar.Window {
		return []calendar.Window{{Kind: calendar.BeforeDeadline, Before: d, BeforeDays: days}}
	}
	said := func(w calendar.Window, words string) []calendar.Window {
		w.Says = words
		return []calendar.Window{w}
	}
	p := monthly(zone(t, "Europe/London"), englandDays(t))
	p.Cutoffs = []calendar.Cutoff{{ID: "ap", Title: "AP cut-off", Process: "p", At: calendar.TimeOfDay{Hour: 17}, Days: englandDays(t)}}
	p.Dues = []calendar.Due{{ID: "vat", Title: "VAT return", Process: "tax", Rule: rule(t, "quarter_end + 1 month + 7 days"), At: calendar.EndOfDay()}, {ID: "intrastat", Title: "Intrastat", Process: "intrastat", Rule: rule(t, "2026-11-18"), At: calendar.EndOfDay()}}
	tl := compiled(p)
	tests := map[string]struct {
		process string
		windows []calendar.Window
		at      string
		why     string // "" is not critical
		until   string
	}{
		"no window: the phase":                        {"p", nil, "2026-12-02T12:00:00Z", "close of 2026-11", "2026-12-08T00:00:00Z"},
		"no window: normal days":                      {"p", nil, "2026-12-15T12:00:00Z", "", ""},
		"no window: the tail":                         {"p", nil, "2026-12-09T12:00:00Z", "", ""},
		"a window of its own, no phase":               {"p", wd(1, 3), "2026-11-30T12:00:00Z", "", ""},
		"around the end, its first day":               {"p", wd(-2, 2), "2026-11-27T00:00:00Z", "WD-2 to WD+2 of 2026-11", "2026-12-03T00:00:00Z"},
		"around the end, the day before":              {"p", wd(-2, 2), "2026-11-26T23:59:59Z", "", ""},
		"around the end, over a weekend":              {"p", wd(-2, 2), "2026-11-29T12:00:00Z", "WD-2 to WD+2 of 2026-11", "2026-12-03T00:00:00Z"},
		"around the end, its last second":             {"p", wd(-2, 2), "2026-12-02T23:59:59Z", "WD-2 to WD+2 of 2026-11", "2026-12-03T00:00:00Z"},
		"around the end, over":                        {"p", wd(-2, 2), "2026-12-03T00:00:00Z", "", ""},
		"year end, New Year's weekend":                {"p", wd(1, 3), "2027-01-02T12:00:00Z", "", ""},
		"four hours before the cut-off":               {"p", before(4*time.Hour, 0), "2026-11-17T13:00:00Z", "before AP cut-off", "2026-11-17T17:00:00Z"},
		"more than four hours before":                 {"p", before(4*time.Hour, 0), "2026-11-17T12:59:59Z", "", ""},
		"the cut-off has passed":                      {"p", before(4*time.Hour, 0), "2026-11-17T17:00:00Z", "", ""},
		"five working days before filing":             {"tax", before(0, 5), "2026-11-02T00:00:00Z", "before VAT return", "2026-11-08T00:00:00Z"},
		"six working days before":                     {"tax", before(0, 5), "2026-11-01T23:59:59Z", "", ""},
		"due at midnight is due in the day that ends": {"intrastat", before(0, 2), "2026-11-16T00:00:00Z", "before Intrastat", "2026-11-19T00:00:00Z"},
		"a process without deadlines":                 {"other", before(4*time.Hour, 5), "2026-11-17T16:00:00Z", "", ""},
		"always":                                      {"p", []calendar.Window{{Kind: calendar.Always}}, "2026-11-17T12:00:00Z", "always critical", ""},
		"around the end, in its own words":            {"p", said(wd(-2, 2)[0], "WD-2 to WD+2 (receipts)"), "2026-11-27T00:00:00Z", "WD-2 to WD+2 (receipts) of 2026-11", "2026-12-03T00:00:00Z"},
		"before the cut-off, in its own words":        {"p", said(before(4*time.Hour, 0)[0], "4 h before payment"), "2026-11-17T13:00:00Z", "4 h before payment: AP cut-off", "2026-11-17T17:00:00Z"},
		"in two windows: the one that ends last":      {"p", append(before(4*time.Hour, 0), wd(1, 3)...), "2026-12-02T15:00:00Z", "WD+1 to WD+3 of 2026-11", "2026-12-04T00:00:00Z"},
		"in two windows: the one without an end":      {"p", append(wd(1, 3), calendar.Window{Kind: calendar.Always}, before(4*time.Hour, 0)[0]), "2026-12-02T15:00:00Z", "always critical", ""},
		"the second of two windows":                   {"p", append(wd(1, 3), before(4*time.Hour, 0)...), "2026-11-17T13:00:00Z", "before AP cut-off", "2026-11-17T17:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tl.Critical(tt.process, tt.windows, utc(t, tt.at))
			if got.Critical != (tt.why != "") || got.Why != tt.why {
				t.Errorf("Critical(%s) = %+v, want %q", tt.at, got, tt.why)
			}
			if tt.until != "" && !got.Until.Equal(utc(t, tt.until)) {
				t.Errorf("until %s, want %s", got.Until, tt.until)
			}
		})
	}
}

// Semantic (h): beyond what was compiled every process is critical and says
// why, whatever its windows.
func TestBeyondTheHorizonEverythingIsCritical(t *testing.T) {
	tl := compiled(monthly(time.UTC, nil))
	never := []calendar.Window{{Kind: calendar.BeforeDeadline, Before: time.Hour}}
	for _, at := range []string{"2025-12-31T23:59:59Z", "2028-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"} {
		place := tl.At(utc(t, at))
		if place.Phase != calendar.Unknown || !place.Critical() || !strings.Contains(place.Doubt, "from 2026-01-01 to 2028-01-01 only") {
			t.Errorf("At(%s) = %+v, want unknown and critical, with the reason", at, place)
		}
		if c := tl.Critical("p", never, utc(t, at)); !c.Critical || !strings.Contains(c.Why, "in doubt") {
			t.Errorf("Critical(%s) = %+v, want critical because of the doubt", at, c)
		}
	}
}

// Semantic (h): a calendar on which nobody ever works places no close; that is
// said, and is critical. Nothing hangs.
func TestACalendarWithoutWorkingDaysIsInDoubt(t *testing.T) {
	p := monthly(time.UTC, calendar.NewDays("holidays", calendar.Workweek{}, nil, nil))
	p.Cutoffs = []calendar.Cutoff{{ID: "c", Process: "p", At: calendar.TimeOfDay{Hour: 9}}}
	p.Dues = []calendar.Due{{ID: "d", Process: "p", Rule: rule(t, "month_end + 2 BD")}}
	tl := compiled(p)
	at := utc(t, "2026-11-17T12:00:00Z")
	if got := tl.At(at); !got.Critical() || !strings.Contains(got.Doubt, "holidays: the close of 2026-11 cannot be placed") {
		t.Errorf("At() = %+v, want a doubt", got)
	}
	if got := tl.Deadlines(at, "p"); len(got) != 0 {
		t.Errorf("deadlines %+v, want none", got)
	}
	if c := tl.Critical("p", []calendar.Window{{Kind: calendar.WorkingDays, From: 1, To: 2}}, at); !c.Critical {
		t.Error("a window around unknown days is not critical")
	}
}
