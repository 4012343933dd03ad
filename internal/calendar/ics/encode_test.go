package ics_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	arran "github.com/arran4/golang-ical"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar/ics"
)

var stamp = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

func encoded(tb testing.TB, events ...ics.Event) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := ics.Encode(&out, events, stamp); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func TestEncode(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	got := encoded(t,
		ics.Event{
			UID: "2026-11.ap-cutoff@closewatch", Summary: "AP cut-off of November; WD+1, 17:00", Description: "Owner: AP lead\nBefore it: C:\\bills, all of them; then the payment run, the reconciliation of the bank – größer",
			Start: time.Date(2026, 12, 1, 17, 0, 0, 0, london), Categories: []string{"deadline", "acme, uk"},
		},
		ics.Event{UID: "2026-11.close@closewatch", Summary: "Close of 2026-11", Start: time.Date(2026, 12, 1, 0, 0, 0, 0, london), End: time.Date(2026, 12, 7, 18, 0, 0, 0, london)},
		ics.Event{UID: "gb.2026-12-28@closewatch", Summary: "Boxing Day (substitute day)", Start: time.Date(2026, 12, 28, 0, 0, 0, 0, london), AllDay: true, Busy: true},
		ics.Event{UID: "freeze@closewatch", Summary: "Freeze", Start: time.Date(2026, 6, 29, 0, 0, 0, 0, london), End: time.Date(2026, 7, 8, 0, 0, 0, 0, london), AllDay: true},
	)
	const golden = "testdata/events.ics"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("file differs (-want +got):\n%s", diff)
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	good := ics.Event{UID: "1", Summary: "x", Start: stamp}
	without, backwards, nowhen := good, good, good
	without.UID, backwards.End, nowhen.Start = "", stamp.Add(-1), time.Time{}
	tests := map[string]struct {
		events []ics.Event
		want   string
	}{
		"none":         {nil, "a calendar of no events is no iCalendar file (RFC 5545, 3.6)"},
		"no UID":       {[]ics.Event{without}, "event 1 (x): has no UID"},
		"a UID twice":  {[]ics.Event{good, good}, `event 2 (x): has the UID "1" of another`},
		"no start":     {[]ics.Event{nowhen}, "event 1 (x): has no start"},
		"ends earlier": {[]ics.Event{backwards}, "event 1 (x): ends before it starts"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := ics.Encode(&out, tt.events, stamp); err == nil || err.Error() != tt.want || out.Len() > 0 {
				t.Errorf("Encode() = %v with %d bytes, want %s", err, out.Len(), tt.want)
			}
		})
	}
}

// Whatever text an event has, the file is of the form RFC 5545 asks for, and
// another parser reads the same text and the same instants out of it.
func TestAnotherParserReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Z;,:"\\ \n\täöü€😀]{150,250}`)
		start := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "start"), 0).UTC()
		e := ics.Event{UID: "u@closewatch", Summary: text.Draw(t, "summary"), Description: text.Draw(t, "description"), Start: start, End: start.Add(time.Hour), AllDay: rapid.Bool().Draw(t, "all day")}
		if e.AllDay {
			e.End = start.AddDate(0, 0, 3)
		}
		var out bytes.Buffer
		if err := ics.Encode(&out, []ics.Event{e}, stamp); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitAfterSeq(out.String(), "\r\n") {
			if len(line) > 77 || line != "" && !strings.HasSuffix(line, "\r\n") || strings.ContainsAny(strings.TrimSuffix(line, "\r\n"), "\r\n") {
				t.Errorf("a line of %d bytes: %q", len(line), line)
			}
		}
		cal, err := arran.ParseCalendar(&out)
		if err != nil || len(cal.Events()) != 1 {
			t.Fatalf("the other parser: %v", err)
		}
		got := cal.Events()[0]
		if s := read(got, arran.ComponentPropertySummary); s != e.Summary {
			t.Errorf("summary %q, want %q", s, e.Summary)
		}
		if s := read(got, arran.ComponentPropertyDescription); s != e.Description {
			t.Errorf("description %q, want %q", s, e.Description)
		}
		from, err := got.GetStartAt()
		to, err2 := got.GetEndAt()
		if e.AllDay {
			from, err = got.GetAllDayStartAt()
			to, err2 = got.GetAllDayEndAt()
			start, e.End = start.Truncate(24*time.Hour), e.End.Truncate(24*time.Hour)
		}
		if err != nil || err2 != nil || from.Format(time.DateTime) != start.Format(time.DateTime) || to.Format(time.DateTime) != e.End.Format(time.DateTime) {
			t.Errorf("from %s (%v) to %s (%v), want %s to %s", from, err, to, err2, start, e.End)
		}
	})
}

func read(e *arran.VEvent, p arran.ComponentProperty) string {
	if got := e.GetProperty(p); got != nil {
		return got.Value
	}
	return ""
}

// Holidays that are written are read as the same holidays.
func TestHolidaysComeBack(t *testing.T) {
	var events []ics.Event
	want := "2026-04-03 Good Friday, 2026-12-24 company day (2026-01-01..2026-12-24)"
	for _, day := range []string{"2026-04-03 Good Friday", "2026-12-24 company day"} {
		start, err := time.Parse(time.DateOnly, day[:10])
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ics.Event{UID: day[:10], Summary: day[11:], Start: start, AllDay: true, Busy: true})
	}
	h, err := ics.Decode(encoded(t, events...))
	if err != nil || tell(h) != want || h.Written.String() != "2026-11-26" {
		t.Errorf("Decode() = %s, written %s (%v), want %s", tell(h), h.Written, err, want)
	}
}
