package ics

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// An Event is one entry of a calendar that is published.
type Event struct {
	UID         string // stays the same when the file is written anew, so that a reader updates the event
	Summary     string
	Description string
	Start       time.Time
	End         time.Time // exclusive; zero: an instant, or one day
	AllDay      bool      // Start and End are the civil days they have in their locations
	Categories  []string
	Busy        bool // it takes people's time, as a holiday does that others read; a deadline takes none
}

// Encode writes events as an iCalendar file: UTC times, lines that end in CRLF
// and have at most 75 bytes, in the order given. Stamp is when the file was
// made. It refuses what no reader would accept: no event at all, an event
// without a start or with an end before it, and a UID that is missing or used
// twice.
func Encode(w io.Writer, events []Event, stamp time.Time) error {
	if len(events) == 0 {
		return errors.New("a calendar of no events is no iCalendar file (RFC 5545, 3.6)")
	}
	var out strings.Builder
	write := func(name, value string) { fold(&out, name+":"+value) }
	write("BEGIN", "VCALENDAR")
	write("VERSION", "2.0")
	write("PRODID", "-//Closewatch//Finance calendar//EN")
	write("CALSCALE", "GREGORIAN")
	seen := map[string]bool{}
	for i, e := range events {
		if err := e.check(seen); err != nil {
			return fmt.Errorf("event %d (%s): %w", i+1, e.Summary, err)
		}
		seen[e.UID] = true
		e.encode(write, stamp)
	}
	write("END", "VCALENDAR")
	_, err := io.WriteString(w, out.String())
	return err
}

func (e Event) check(seen map[string]bool) error {
	switch {
	case e.UID == "":
		return errors.New("has no UID")
	case seen[e.UID]:
		return fmt.Errorf("has the UID %q of another", e.UID)
	case e.Start.IsZero():
		return errors.New("has no start")
	case !e.End.IsZero() && e.End.Before(e.Start):
		return errors.New("ends before it starts")
	}
	return nil
}

func (e Event) encode(write func(name, value string), stamp time.Time) {
	const instant = "20060102T150405Z"
	write("BEGIN", "VEVENT")
	write("UID", escape(e.UID))
	write("DTSTAMP", stamp.UTC().Format(instant))
	switch {
	case e.AllDay:
		end := e.End
		if end.IsZero() || end.Format(time.DateOnly) == e.Start.Format(time.DateOnly) {
			end = e.Start.AddDate(0, 0, 1)
		}
		write("DTSTART;VALUE=DATE", e.Start.Format("20060102"))
		write("DTEND;VALUE=DATE", end.Format("20060102"))
	default:
		write("DTSTART", e.Start.UTC().Format(instant))
		if e.End.After(e.Start) {
			write("DTEND", e.End.UTC().Format(instant))
		}
	}
	write("SUMMARY", escape(e.Summary))
	if e.Description != "" {
		write("DESCRIPTION", escape(e.Description))
	}
	if len(e.Categories) > 0 {
		var all []string
		for _, c := range e.Categories {
			all = append(all, escape(c))
		}
		write("CATEGORIES", strings.Join(all, ","))
	}
	if !e.Busy {
		write("TRANSP", "TRANSPARENT")
	}
	write("END", "VEVENT")
}

// escape renders text as a TEXT value; control characters other than the end of
// a line are left out.
func escape(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "�")
	s = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(s)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// fold ends a content line, in physical lines of at most 75 bytes that do not
// part a character.
func fold(out *strings.Builder, content string) {
	room := 75
	for len(content) > room {
		cut := room
		for !utf8.RuneStart(content[cut]) {
			cut--
		}
		out.WriteString(content[:cut] + "\r\n ")
		content, room = content[cut:], 74 // the space counts
	}
	out.WriteString(content + "\r\n")
}
