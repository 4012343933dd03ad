package ics

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// An Error is what is wrong with a file, and where.
type Error struct {
	Line   int // counted from 1; 0 is the whole file
	What   string
	Remedy string
}

// Error renders "line 12: what is wrong; what to do".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.What + "; " + e.Remedy
	}
	return fmt.Sprintf("line %d: %s; %s", e.Line, e.What, e.Remedy)
}

// A line is one content line, unfolded.
type line struct {
	number int    // of its first physical line
	name   string // in capitals
	params map[string]string
	value  string
}

// errorf describes what is wrong with a line.
func (l line) errorf(remedy, format string, args ...any) *Error {
	return &Error{l.number, l.name + " " + fmt.Sprintf(format, args...), remedy}
}

// A reader takes a file apart line by line.
type reader struct {
	rest   []byte
	number int // of the line that was read last
}

// next returns the next content line; ok is false at the end of the file.
func (r *reader) next() (l line, ok bool, err error) {
	for len(r.rest) > 0 {
		text := r.physical()
		l.number = r.number
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		for len(r.rest) > 0 && (r.rest[0] == ' ' || r.rest[0] == '\t') && len(text) <= maxLine {
			text = append(slices.Clip(text), r.physical()[1:]...)
		}
		if len(text) > maxLine {
			return line{}, false, &Error{l.number, fmt.Sprintf("is longer than %d bytes", maxLine), "take a file of holidays"}
		}
		err := l.parse(string(text))
		return l, true, err
	}
	return line{}, false, nil
}

// physical returns the next physical line without its end.
func (r *reader) physical() []byte {
	r.number++
	text, rest, _ := bytes.Cut(r.rest, []byte("\n"))
	r.rest = rest
	return bytes.TrimSuffix(text, []byte("\r"))
}

// parse splits NAME;PARAM=VALUE;PARAM="VALUE":VALUE.
func (l *line) parse(text string) error {
	if !utf8.ValidString(text) {
		return &Error{l.number, "is not UTF-8", "save the file as UTF-8"}
	}
	quoted := false
	fields, start := []string{}, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			fields, start = append(fields, text[start:i]), i+1
		case c == ':' && !quoted:
			fields = append(fields, text[start:i])
			return l.take(fields, text[i+1:])
		}
	}
	return &Error{l.number, fmt.Sprintf("is no content line: %q", clip(text)), "write NAME:VALUE, and begin the continuation of a line with a space"}
}

func (l *line) take(fields []string, value string) error {
	l.name, l.value = strings.ToUpper(fields[0]), value
	if l.name == "" || strings.Trim(l.name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return &Error{l.number, fmt.Sprintf("has no name in front of its value: %q", clip(l.name)), "write NAME:VALUE"}
	}
	l.params = make(map[string]string, len(fields)-1)
	for _, f := range fields[1:] {
		name, param, _ := strings.Cut(f, "=")
		l.params[strings.ToUpper(name)] = strings.Trim(param, `"`)
	}
	return nil
}

// clip shortens what is quoted from a file.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// unescape reads a TEXT value as one line.
func unescape(s string) string {
	s = strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, " ", `\N`, " ").Replace(s)
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
}
