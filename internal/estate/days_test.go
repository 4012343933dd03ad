package estate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
)

func on(t *testing.T, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// small is all an estate must say.
const small = "apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\ncomponents:\n  db: {postgres: {dsn: \"postgres://cw@db:5432/postgres\"}}\n"

// withCalendar parses a small estate with a calendar section.
func withCalendar(t *testing.T, file, section string, opts estate.Options) *estate.Estate {
	t.Helper()
	e, err := estate.Parse(file, []byte(small+section), opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWorkingDaysOfAcme(t *testing.T) {
	e := example(t, "acme.yaml")
	days := e.DayCalendars()
	tests := map[string]struct {
		calendar, day string
		working       bool
		holiday       string
	}{
		"the company's own day":      {"acme", "2026-12-24", false, "company day"},
		"the bank is open on it":     {"bank", "2026-12-24", true, ""},
		"Austria works half of it":   {"at", "2026-12-24", true, ""},
		"the substitute of the rule": {"acme", "2026-12-28", false, "Boxing Day (substitute day)"},
		"the substitute of the file": {"bank", "2026-12-28", false, "Boxing Day (substitute day)"},
		"none in TARGET":             {"eu", "2026-12-28", true, ""},
		"worked by the company":      {"acme", "2027-05-03", true, ""},
		"not worked by others":       {"gb", "2027-05-03", false, "Early May bank holiday"},
		"a Saturday":                 {"acme", "2026-11-28", false, ""},
		"Epiphany in Austria":        {"at", "2027-01-06", false, "Epiphany"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, d := days[tt.calendar], on(t, tt.day)
			if holiday, _ := c.Holiday(d); c.IsWorkingDay(d) != tt.working || holiday != tt.holiday {
				t.Errorf("%s: working %v, holiday %q", d, c.IsWorkingDay(d), holiday)
			}
		})
	}
	acme := days[e.Calendar.Default]
	if until, ok := acme.HalfDay(on(t, "2026-12-31")); !ok || until.String() != "14:00" {
		t.Errorf("New Year's Eve ends at %s, %v", until, ok)
	}
	for name, c := range days {
		if doubts := c.Doubts(on(t, "2026-11-26")); doubts != nil {
			t.Errorf("%s is doubted: %v", name, doubts)
		}
	}
	var got []string
	for _, s := range append(acme.Sources(), days["bank"].Sources()...) {
		got = append(got, strings.Join([]string{s.Name, s.Title, s.Checked.String(), s.Hash[:8]}, "|"))
	}
	want := []string{
		"gb|England and Wales, bank holidays|2026-11-26|" + days["gb"].Hash()[:8],
		"acme||2026-11-22|" + acme.Hash()[:8],
		"bank|days on which the bank is closed|2026-11-22|879376b8",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sources differ (-want +got):\n%s", diff)
	}
}

// The file of the bank and the rule are two sources: when one changes, all that
// rests on the rule is in doubt until somebody has looked.
func TestSourcesThatDisagreeAreDoubted(t *testing.T) {
	opts := known()
	opts.ReadFile = func(string) ([]byte, error) {
		return []byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:20270101\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:20270326\nEND:VEVENT\nEND:VCALENDAR\n"), nil
	}
	e := withCalendar(t, "x.yaml", "calendar:\n  days:\n    gb: {rule: GB-ENG, agreesWith: bank}\n    bank: {ics: {file: bank.ics}}\n    acme: {extends: [gb]}\n  default: acme\n", opts)
	doubts := e.DayCalendars()["acme"].Doubts(on(t, "2026-12-01"))
	if len(doubts) != 1 || doubts[0].Calendar != "gb" || !strings.HasPrefix(doubts[0].Why, "it does not agree with bank on 2026-12-28") {
		t.Errorf("Doubts() = %v", doubts)
	}
}

func TestDefaultCalendar(t *testing.T) {
	tests := map[string]struct {
		section string
		name    string
		off     string // days nobody works
		doubted bool   // on 1 February 2027
	}{
		"nothing is declared":       {"", estate.PlainDays, "", false},
		"the short form":            {"calendar: {holidays: [2026-12-25, 2027-01-01]}\n", estate.PlainDays, "2026-12-25 2027-01-01", true},
		"the only one":              {"calendar: {days: {gb: {rule: GB-ENG}}}\n", "gb", "2026-12-25 2026-12-28", false},
		"the short form adds to it": {"calendar: {holidays: [2026-12-24, 2026-12-25], days: {gb: {rule: GB-ENG}}}\n", "gb", "2026-12-24 2026-12-25 2026-12-28", false},
		"a list of its own":         {"calendar: {days: {acme: {add: [{on: 2026-12-25, name: Christmas Day}, {on: 2027-12-24, name: eve}]}}}\n", "acme", "2026-12-25 2027-12-24", false},
		"a list that is added to":   {"calendar: {holidays: [2027-12-31], days: {acme: {add: [{on: 2026-12-25, name: Christmas Day}]}}}\n", "acme", "2026-12-25 2027-12-31", false},
		"one of two":                {"calendar: {default: eu, days: {gb: {rule: GB-ENG}, eu: {rule: TARGET}}}\n", "eu", "2026-12-25", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := withCalendar(t, "x.yaml", tt.section, known())
			days := e.DayCalendars()[e.Calendar.Default]
			if days == nil || days.Name() != tt.name || e.Calendar.Default != tt.name {
				t.Fatalf("default is %q, days %v", e.Calendar.Default, days)
			}
			var got []string
			for d := on(t, "2026-12-20"); d.Before(on(t, "2028-01-01")); d = d.Add(1) {
				if !days.IsWorkingDay(d) && d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
					got = append(got, d.String())
				}
			}
			for i, want := range strings.Fields(tt.off) {
				if i >= len(got) || !strings.Contains(strings.Join(got, " "), want) {
					t.Errorf("%s is worked; days off are %v", want, got)
				}
			}
			if tt.off == "" && len(got) > 0 {
				t.Errorf("days off: %v", got)
			}
			if doubts := days.Doubts(on(t, "2027-02-01")); (doubts != nil) != tt.doubted {
				t.Errorf("doubts on 1 February: %v", doubts)
			}
		})
	}
}

func TestTooManyCalendars(t *testing.T) {
	section := "calendar:\n  default: c0\n  days:\n"
	for i := range 101 {
		section += fmt.Sprintf("    c%d: {rule: AT}\n", i)
	}
	_, err := estate.Parse("x.yaml", []byte(small+section), known())
	want := "x.yaml:8:3: calendar.days: declares 101 calendars, more than 100; keep those that an entity or a cut-off needs"
	if err == nil || err.Error() != want {
		t.Errorf("Parse() = %v, want %s", err, want)
	}
}

// A map that was handed out is the caller's.
func TestDayCalendarsAreACopy(t *testing.T) {
	e := example(t, "minimal.yaml")
	clear(e.DayCalendars())
	if len(e.DayCalendars()) != 1 {
		t.Error("a caller has emptied the estate")
	}
}

// Without an option files are read from disk beside the estate, but no pipe and
// no more than an ICS file may hold.
func TestFilesBesideTheEstate(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bank.ics", []byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\nEND:VEVENT\nEND:VCALENDAR\n"))
	write("big.ics", make([]byte, 5<<20))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.ics"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"bank.ics":                     "",
		filepath.Join(dir, "bank.ics"): "",
		"big.ics":                      "big.ics: is longer than 4 MiB; take a file of holidays",
		"pipe.ics":                     "cannot be read: it is no file; name a file that the daemon's user may read, relative to this one",
		".":                            "cannot be read: it is no file; name a file that the daemon's user may read, relative to this one",
	} {
		_, err := estate.Parse(filepath.Join(dir, "estate.yaml"), []byte(small+"calendar: {days: {bank: {ics: {file: "+file+"}}}}\n"), estate.Options{})
		mistakes, _ := errors.AsType[estate.Mistakes](err)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", file, err)
		case want != "" && (len(mistakes) != 1 || !strings.HasSuffix(mistakes[0].String(), "calendar.days.bank.ics.file: "+want)):
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}
