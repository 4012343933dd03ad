// Package ics writes calendars as RFC 5545 has them, for people to subscribe
// to.
package ics

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// An Event is one entry. The days of one that lasts all day are those of Start
// and, not included, End; others are instants, and those that end where they
// start are points in time.
type Event struct {
	UID         string // the same whenever the calendar is written
	Summary     string
	Description string
	Start, End  time.Time
	AllDay      bool
	Categories  []string
}

// product names the writer in the file.
const product = "-//Closewatch//Finance calendar//EN"

// Encode writes a calendar; stamp is when what it says was looked up.
func Encode(w io.Writer, events []Event, stamp time.Time) error {
	out := &writer{Writer: bufio.NewWriter(w)}
	out.line("BEGIN:VCALENDAR")
	out.line("VERSION:2.0")
	out.line("PRODID:" + product)
	out.line("CALSCALE:GREGORIAN")
	for _, e := range events {
		out.event(e, stamp)
	}
	out.line("END:VCALENDAR")
	if out.err != nil {
		return out.err
	}
	return out.Flush()
}

type writer struct {
	*bufio.Writer
	err error
}

func (w *writer) event(e Event, stamp time.Time) {
	w.line("BEGIN:VEVENT")
	w.line("UID:" + escape(e.UID))
	w.line("DTSTAMP:" + instant(stamp))
	switch {
	case e.AllDay:
		w.line("DTSTART;VALUE=DATE:" + e.Start.Format("20060102"))
		w.line("DTEND;VALUE=DATE:" + e.End.Format("20060102"))
	default:
		w.line("DTSTART:" + instant(e.Start))
		if e.End.After(e.Start) {
			w.line("DTEND:" + instant(e.End))
		}
	}
	w.line("SUMMARY:" + escape(e.Summary))
	if e.Description != "" {
		w.line("DESCRIPTION:" + escape(e.Description))
	}
	if len(e.Categories) > 0 {
		escaped := make([]string, len(e.Categories))
		for i, c := range e.Categories {
			escaped[i] = escape(c)
		}
		w.line("CATEGORIES:" + strings.Join(escaped, ","))
	}
	w.line("TRANSP:TRANSPARENT") // it takes nobody's time
	w.line("END:VEVENT")
}

func instant(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// escape writes text so that it stays one value on one line.
func escape(s string) string {
	return strings.NewReplacer("\\", `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(s)
}

// fold is how many octets a line may have.
const fold = 75

// line writes a line, folded between characters.
func (w *writer) line(s string) {
	most := fold
	for len(s) > most {
		cut := most
		for !utf8.RuneStart(s[cut]) && cut > 1 {
			cut--
		}
		w.write(s[:cut] + "\r\n ")
		s, most = s[cut:], fold-1
	}
	w.write(s + "\r\n")
}

func (w *writer) write(s string) {
	if w.err == nil {
		_, w.err = fmt.Fprint(w.Writer, s)
	}
}
