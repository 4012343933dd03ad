package ics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar/ics"
)

func TestEncode(t *testing.T) {
	at := time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC)
	var b strings.Builder
	err := ics.Encode(&b, []ics.Event{
		{UID: "a@x", Summary: "closed; at noon, sharp", Description: strings.Repeat("Ä long line ", 12) + "\nend", Start: at, End: at.Add(time.Hour), Categories: []string{"cut-off", "a,b"}},
		{UID: "b@x", Summary: "New Year's Day", Start: at, End: at.AddDate(0, 0, 1), AllDay: true},
		{UID: "c@x", Summary: "an instant", Start: at, End: at},
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", `SUMMARY:closed\; at noon\, sharp` + "\r\n", "DTSTART:20261231T150000Z\r\nDTEND:20261231T160000Z\r\n",
		"DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101\r\n", "DTSTART:20261231T150000Z\r\nSUMMARY:an instant\r\n", `CATEGORIES:cut-off,a\,b`, "END:VCALENDAR\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	for line := range strings.SplitSeq(got, "\r\n") {
		if len(line) > 75 || strings.Contains(line, "\n") {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	if unfolded := strings.ReplaceAll(got, "\r\n ", ""); !strings.Contains(unfolded, "DESCRIPTION:"+strings.Repeat("Ä long line ", 12)+`\nend`) {
		t.Errorf("the description does not unfold:\n%s", unfolded)
	}
}
