package ics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	arran "github.com/arran4/golang-ical"
	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/calendar/ics"
)

// file wraps lines in a calendar.
func file(lines string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\r\n") + "\r\nEND:VCALENDAR\r\n")
}

// event wraps lines in an event.
func event(lines string) []byte {
	return file("BEGIN:VEVENT\nUID:1\nDTSTAMP:20260110T090000Z\n" + lines + "\nEND:VEVENT")
}

// tell lists the first holidays of a file and what it covers.
func tell(h ics.Holidays) string {
	var out []string
	for i, d := range h.Holidays {
		if i == 5 {
			out = append(out, fmt.Sprintf("and %d more", len(h.Holidays)-5))
			break
		}
		out = append(out, d.On.String()+" "+d.Name)
	}
	return fmt.Sprintf("%s (%s..%s)", strings.Join(out, ", "), h.First, h.Last)
}

func TestDecode(t *testing.T) {
	tests := map[string]struct {
		file []byte
		want string
	}{
		"a day":                       {event("SUMMARY:Christmas Day\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226"), "2026-12-25 Christmas Day (2026-01-01..2026-12-25)"},
		"a day without an end":        {event("SUMMARY:Christmas Day\nDTSTART;VALUE=DATE:20261225"), "2026-12-25 Christmas Day (2026-01-01..2026-12-25)"},
		"no summary":                  {event("DTSTART:20261225"), "2026-12-25 holiday (2026-01-01..2026-12-25)"},
		"the end is exclusive":        {event("SUMMARY:x\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227"), "2026-12-24 x, 2026-12-25 x, 2026-12-26 x (2026-01-01..2026-12-26)"},
		"a duration":                  {event("SUMMARY:x\nDTSTART;VALUE=DATE:20261224\nDURATION:P2D"), "2026-12-24 x, 2026-12-25 x (2026-01-01..2026-12-25)"},
		"hours in their own zone":     {event("SUMMARY:x\nDTSTART;TZID=Pacific/Auckland:20261225T000000\nDTEND;TZID=Pacific/Auckland:20261226T000000"), "2026-12-25 x (2026-01-01..2026-12-25)"},
		"hours that reach into a day": {event("SUMMARY:x\nDTSTART:20261224T140000\nDURATION:PT12H30M"), "2026-12-24 x, 2026-12-25 x (2026-01-01..2026-12-25)"},
		"UTC with the file's zone":    {file("X-WR-TIMEZONE:Europe/Vienna\nBEGIN:VEVENT\nSUMMARY:x\nDTSTART:20261224T230000Z\nDTEND:20261225T230000Z\nEND:VEVENT"), "2026-12-25 x (2026-01-01..2026-12-25)"},
		"every year for ever":         {event("SUMMARY:x\nDTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY"), "2020-12-25 x, 2021-12-25 x, 2022-12-25 x, 2023-12-25 x, 2024-12-25 x, and 125 more (2020-01-01..2149-12-25)"},
		"the last Monday of May":      {event("SUMMARY:x\nDTSTART;VALUE=DATE:20260525\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;UNTIL=20280601"), "2026-05-25 x, 2027-05-31 x, 2028-05-29 x (2026-01-01..2028-05-29)"},
		"three times":                 {event("SUMMARY:x\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;COUNT=3"), "2026-01-01 x, 2026-02-01 x, 2026-03-01 x (2026-01-01..2026-03-01)"},
		"except once, and once more":  {event("SUMMARY:x\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY;COUNT=3\nEXDATE;VALUE=DATE:20270101\nRDATE;VALUE=DATE:20270104,20280103"), "2026-01-01 x, 2027-01-04 x, 2028-01-01 x, 2028-01-03 x (2026-01-01..2028-01-03)"},
		"one occurrence moves":        {file("BEGIN:VEVENT\nUID:a\nSUMMARY:moved\nRECURRENCE-ID;VALUE=DATE:20270427\nDTSTART;VALUE=DATE:20270426\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\nSUMMARY:x\nDTSTART;VALUE=DATE:20260427\nRRULE:FREQ=YEARLY;COUNT=2\nEND:VEVENT"), "2026-04-27 x, 2027-04-26 moved (2026-01-01..2027-04-26)"},
		"one occurrence is cancelled": {file("BEGIN:VEVENT\nUID:a\nSTATUS:CANCELLED\nRECURRENCE-ID;VALUE=DATE:20270427\nDTSTART;VALUE=DATE:20270427\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\nSUMMARY:x\nDTSTART;VALUE=DATE:20260427\nRRULE:FREQ=YEARLY;COUNT=2\nEND:VEVENT"), "2026-04-27 x (2026-01-01..2026-04-27)"},
		"for ever does not reach":     {file("BEGIN:VEVENT\nUID:a\nSUMMARY:x\nDTSTART:20261225\nRRULE:FREQ=YEARLY;COUNT=1\nEND:VEVENT\nBEGIN:VEVENT\nUID:b\nSUMMARY:y\nDTSTART:20260101\nRRULE:FREQ=YEARLY\nEND:VEVENT"), "2026-01-01 y, 2026-12-25 x, 2027-01-01 y, 2028-01-01 y, 2029-01-01 y, and 120 more (2026-01-01..2026-12-25)"},
		"folded and escaped":          {event("SUMMARY:New Year\\, \n observed\\n in\n \tlieu \\; yes\nDTSTART;VALUE=DATE:20270104"), "2027-01-04 New Year, observed in lieu ; yes (2027-01-01..2027-01-04)"},
		"small letters, plain ends":   {[]byte("\ufeffbegin:vcalendar\nbegin:vevent\ndtstart;value=date:20261225\nend:vevent\nend:vcalendar"), "2026-12-25 holiday (2026-01-01..2026-12-25)"},
		"what it does not know":       {file("X-ODD;A=\"b:c;d\":e\nBEGIN:VTIMEZONE\nTZID:Custom\nBEGIN:STANDARD\nDTSTART:16010101T000000\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTART;TZID=Custom:20261225T000000\nDURATION:P1D\nBEGIN:VALARM\nDTSTART:x\nEND:VALARM\nEND:VEVENT"), "2026-12-25 holiday (2026-01-01..2026-12-25)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h, err := ics.Decode(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if got := tell(h); got != tt.want {
				t.Errorf("Decode() = %s\nwant       %s", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidAboutAFile(t *testing.T) {
	h, err := ics.Decode(file(`X-WR-CALNAME:Bank holidays\, England
BEGIN:VEVENT
DTSTAMP:20260110T233000Z
SUMMARY:x
DTSTART;VALUE=DATE:20261225
END:VEVENT
BEGIN:VEVENT
LAST-MODIFIED:20260312T000000Z
DTSTAMP:20260101T000000Z
TRANSP:TRANSPARENT
DTSTART;VALUE=DATE:20261224
END:VEVENT
BEGIN:VEVENT
STATUS:CANCELLED
DTSTART;VALUE=DATE:20261223
END:VEVENT`))
	if err != nil {
		t.Fatal(err)
	}
	if h.Title != "Bank holidays, England" || h.Written.String() != "2026-03-12" || h.Ignored != 2 || len(h.Holidays) != 1 || len(h.Hash) != 64 {
		t.Errorf("Decode() = %+v", h)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	tests := map[string]struct {
		file []byte
		want string
	}{
		"nothing":                    {nil, "holds nothing; take a file that begins with BEGIN:VCALENDAR"},
		"a web page":                 {[]byte("<!doctype html>\n<html>"), `line 1: is no content line: "<!doctype html>"; write NAME:VALUE, and begin the continuation of a line with a space`},
		"a contact":                  {[]byte("BEGIN:VCARD\nEND:VCARD"), "line 1: does not begin an iCalendar file; take a file that begins with BEGIN:VCALENDAR"},
		"cut off":                    {[]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\n"), `line 2: BEGIN "VEVENT" has no end; fetch the file anew, it was cut off`},
		"no event":                   {file("X-WR-CALNAME:x"), "holds no event; take a file with holidays as VEVENT"},
		"only free time":             {event("TRANSP:TRANSPARENT\nDTSTART:20261225"), "holds no holiday: all of its 1 events are cancelled or marked as free time; take a file of days nobody works"},
		"no start":                   {event("SUMMARY:x"), "line 4: BEGIN VEVENT has no DTSTART; write DTSTART;VALUE=DATE:20261225"},
		"a day that does not exist":  {event("DTSTART;VALUE=DATE:20260230"), `line 7: DTSTART is not a date: "20260230"; write a day that exists, such as DTSTART;VALUE=DATE:20261225`},
		"UTC without a zone":         {event("DTSTART:20261224T230000Z"), `line 7: DTSTART is in UTC, which is no civil day: "20261224T230000Z"; write the day, or name the file's zone as X-WR-TIMEZONE:Europe/Vienna`},
		"an end before the start":    {event("DTSTART:20261225\nDTEND:20261224"), "line 8: DTEND is before DTSTART; write an end after the start"},
		"an end and a duration":      {event("DTSTART:20261225\nDTEND:20261226\nDURATION:P1D"), "line 9: DURATION stands beside DTEND; keep one of the two"},
		"two starts":                 {event("DTSTART:20261225\nDTSTART:20261226"), "line 8: DTSTART is there twice, first in line 7; keep one of the two"},
		"a duration of nothing":      {event("DTSTART:20261225\nDURATION:1D"), `line 8: DURATION is not a duration: "1D"; write a duration such as P1D`},
		"a year-long holiday":        {event("DTSTART:20260101\nDTEND:20280101"), "line 8: DTEND makes an event of 730 days, more than 366; write one event for each holiday"},
		"a rule nobody knows":        {event("DTSTART:20261225\nRRULE:FREQ=LUNAR"), `line 8: RRULE has none of these frequencies; write FREQ=YEARLY, MONTHLY or WEEKLY, or list the days as RDATE`},
		"every day":                  {event("DTSTART:20261225\nRRULE:FREQ=DAILY"), `line 8: RRULE has none of these frequencies; write FREQ=YEARLY, MONTHLY or WEEKLY, or list the days as RDATE`},
		"an interval out of bounds":  {event("DTSTART:20261225\nRRULE:FREQ=MONTHLY;INTERVAL=9223372036854775807"), `line 8: RRULE has a part that cannot be understood: "INTERVAL=9223372036854775807"; write a rule such as FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO`},
		"an interval of nothing":     {event("DTSTART:20261225\nRRULE:FREQ=MONTHLY;INTERVAL=0"), `line 8: RRULE has a part that cannot be understood: "INTERVAL=0"; write a rule such as FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO`},
		"by the number of the week":  {event("DTSTART:20261225\nRRULE:FREQ=YEARLY;BYWEEKNO=20"), `line 8: RRULE has a part that does not make holidays: "BYWEEKNO=20"; leave it out, or list the days as RDATE`},
		"a weekday nobody knows":     {event("DTSTART:20261225\nRRULE:FREQ=YEARLY;BYDAY=1XX"), `line 8: RRULE has a part that cannot be understood: "BYDAY=1XX"; write a rule such as FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO`},
		"a part twice":               {event("DTSTART:20261225\nRRULE:FREQ=YEARLY;FREQ=YEARLY"), `line 8: RRULE has FREQ twice; keep one of the two`},
		"an end and a number":        {event("DTSTART:20261225\nRRULE:FREQ=YEARLY;COUNT=2;UNTIL=20281225"), `line 8: RRULE has a COUNT and an UNTIL; keep one of the two`},
		"the first Monday of a week": {event("DTSTART:20261225\nRRULE:FREQ=WEEKLY;BYDAY=1MO"), `line 8: RRULE asks for days of the month in each week; write FREQ=MONTHLY`},
		"before there were files":    {event("DTSTART:00010101\nRRULE:FREQ=YEARLY"), `line 7: DTSTART is not in the years 1900 to 2149: "00010101"; write a day that exists, such as DTSTART;VALUE=DATE:20261225`},
		"too many days":              {event("DTSTART:20200101\nDTEND:20210101\nRRULE:FREQ=WEEKLY"), "line 4: BEGIN brings the days to more than 50000; take a file of holidays"},
		"all that follows moves":     {event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261225\nDTSTART:20261225"), "line 7: RECURRENCE-ID moves more than one day; write an event for each day that moves"},
		"a wrong exception":          {event("DTSTART:20261225\nEXDATE:20261225,soon"), `line 8: EXDATE is not a date: "soon"; write a day that exists, such as DTSTART;VALUE=DATE:20261225`},
		"another calendar":           {file("CALSCALE:JULIAN"), `line 4: CALSCALE is not GREGORIAN: "JULIAN"; take a file with Gregorian dates`},
		"a zone nobody knows":        {file("X-WR-TIMEZONE:Vienna"), `line 4: X-WR-TIMEZONE is not a time zone: "Vienna"; write an IANA name such as Europe/Vienna`},
		"ends that do not match":     {file("BEGIN:VEVENT\nEND:VTODO"), `line 5: END "VTODO" ends nothing that is open; write BEGIN and END in pairs`},
		"behind the end":             {append(event("DTSTART:20261225"), "VERSION:2.0"...), "line 10: VERSION stands outside the calendar; leave it out, or put it before END:VCALENDAR"},
		"nested too deep":            {file(strings.Repeat("BEGIN:VEVENT\n", 5)), "line 7: BEGIN is nested deeper than 4; take a file of holidays"},
		"not UTF-8":                  {event("SUMMARY:F\xeate\nDTSTART:20261225"), "line 7: is not UTF-8; save the file as UTF-8"},
		"a line that never ends":     {event("SUMMARY:" + strings.Repeat("x", 20_000)), "line 7: is longer than 16384 bytes; take a file of holidays"},
		"folded for ever":            {event("SUMMARY:x" + strings.Repeat("\n xxxxxxxxxxxxxxxxxxxx", 1000)), "line 7: is longer than 16384 bytes; take a file of holidays"},
		"a line without a name":      {event(":x"), `line 7: has no name in front of its value: ""; write NAME:VALUE`},
		"a file beyond bounds":       {make([]byte, ics.MaxFile+1), "is longer than 4 MiB; take a file of holidays"},
		"events beyond bounds":       {file(strings.Repeat("BEGIN:VEVENT\nDTSTART:20261225\nEND:VEVENT\n", 10_001)), "line 30004: BEGIN is one event more than 10000; take a file of holidays"},
		"recurring beyond bounds":    {file(strings.Repeat("BEGIN:VEVENT\nDTSTART:20261225\nRRULE:FREQ=YEARLY;COUNT=2\nEND:VEVENT\n", 201)), "line 806: RRULE is one rule more than 200; list the days"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h, err := ics.Decode(tt.file)
			if e, ok := errors.AsType[*ics.Error](err); !ok || err.Error() != tt.want || e.Remedy == "" {
				t.Errorf("Decode() = %v\nwant %s", err, tt.want)
			}
			if h.Holidays != nil || h.Hash != "" {
				t.Errorf("Decode() = %+v beside an error", h)
			}
		})
	}
}

// What another library writes is read.
func TestDecodeWhatAnotherLibraryWrote(t *testing.T) {
	cal := arran.NewCalendar()
	cal.SetXWRCalName("Bank holidays")
	rule, _ := calendar.RuleByID("GB-ENG")
	want := rule.Holidays(2026)
	for i, h := range want {
		e := cal.AddEvent(fmt.Sprintf("%d@example.com", i))
		e.SetDtStampTime(time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC))
		e.SetAllDayStartAt(h.On.In(time.UTC))
		e.SetAllDayEndAt(h.On.Add(1).In(time.UTC))
		e.SetSummary(h.Name)
	}
	h, err := ics.Decode([]byte(cal.Serialize()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, h.Holidays); diff != "" || h.Title != "Bank holidays" || h.Last.String() != "2026-12-28" || h.Written.String() != "2026-01-10" {
		t.Errorf("Decode() = %+v, differs (-want +got):\n%s", h, diff)
	}
}

// FuzzDecode holds any file to the promises of Decode: no panic, either
// holidays in order within what they cover, or an error with a place and a
// remedy.
func FuzzDecode(f *testing.F) {
	f.Add(event("SUMMARY:x\nDTSTART;VALUE=DATE:20260525\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;UNTIL=20280601\nEXDATE:20270531\nRDATE:20270601"))
	f.Add(event("DTSTART;TZID=Europe/Vienna:20261225T000000\nDURATION:PT12H30M"))
	f.Add(event("RRULE:FREQ=WEEKLY;INTERVAL=0;BYSETPOS=-366;BYWEEKNO=53;BYYEARDAY=-1;WKST=SU\nDTSTART:20261225"))
	f.Add(file("X-WR-TIMEZONE:Europe/Vienna\nBEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20261224T230000Z\nDTSTART:20261224T230000Z\nDTEND:20261225T230000Z\nEND:VEVENT"))
	f.Add(event("DTSTART:20260101\nRRULE:FREQ=MONTHLY;INTERVAL=9223372036854775807"))
	f.Add([]byte("BEGIN:VCALENDAR\nA;B=\"c:d\":e\n f\nEND:VCALENDAR"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ics.Decode(data)
		if err != nil {
			if e, ok := errors.AsType[*ics.Error](err); !ok || e.What == "" || e.Remedy == "" || e.Line > strings.Count(string(data), "\n")+1 || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("an error without a place or a remedy: %q", err)
			}
			return
		}
		if len(h.Holidays) == 0 || h.Last.Before(h.First) || h.Holidays[0].On.Before(h.First) {
			t.Errorf("holidays %d, %s..%s", len(h.Holidays), h.First, h.Last)
		}
		for i, day := range h.Holidays {
			if day.Name == "" || i > 0 && !h.Holidays[i-1].On.Before(day.On) {
				t.Errorf("holiday %d is %+v, out of order or without a name", i, day)
			}
		}
	})
}
