package serverlog

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Formats a log can have, as a configuration writes them.
const (
	Auto    = "auto"    // whatever the first lines are in
	Plain   = "odoo"    // Odoo's own lines
	JSON    = "json"    // journalctl -o json, or a container's JSON lines
	Export  = "journal" // journalctl -o export
	Runtime = "cri"     // a Kubernetes container's lines
)

// Formats lists them.
func Formats() []string { return []string{Auto, Plain, JSON, Export, Runtime} }

// An envelope takes Odoo's lines out of what keeps them.
type envelope struct {
	auto    bool
	format  string // Auto until it is known
	strange int    // lines in a row that the format found by Auto does not explain
	inside  bool   // of a message of an export that has several lines
	first   bool   // of such a message
	buf     []byte
}

// manyStrange is after how many lines a format found is given up.
const manyStrange = 200

func newEnvelope(format string) *envelope {
	return &envelope{auto: format == Auto || format == "", format: format}
}

// open returns Odoo's line, which may have several lines itself, or ok false
// for a line that carries none.
func (e *envelope) open(b []byte) (line []byte, ok bool) {
	if e.auto && (e.format == Auto || e.format == "" || e.strange > manyStrange) {
		e.format, e.strange = recognise(b), 0
	}
	switch e.format {
	case Plain:
		return b, true
	case JSON:
		line, ok = e.json(b)
	case Export:
		return e.export(b)
	case Runtime:
		line, ok = runtime(b)
	}
	if ok {
		e.strange = 0
	} else {
		e.strange++
	}
	return line, ok
}

// recognise tells the format from a line, Auto when it says nothing.
func recognise(b []byte) string {
	var r record
	switch {
	case len(b) == 0:
		return Auto
	case r.parse(plain(bytes.Clone(b))):
		return Plain
	case b[0] == '{' && isObject(b):
		return JSON
	case bytes.HasPrefix(b, []byte("__CURSOR=")), bytes.HasPrefix(b, []byte("MESSAGE=")):
		return Export
	}
	if _, ok := runtime(b); ok {
		return Runtime
	}
	return Auto
}

func isObject(b []byte) bool {
	_, ok := (&envelope{}).json(b)
	return ok
}

// runtime takes a line out of "2026-11-22T02:10:19.5Z stderr F line".
func runtime(b []byte) ([]byte, bool) {
	stamp, rest, ok := word(b)
	if !ok || len(stamp) < 20 || stamp[10] != 'T' {
		return nil, false
	}
	stream, rest, ok := word(rest)
	if !ok || string(stream) != "stdout" && string(stream) != "stderr" {
		return nil, false
	}
	if len(rest) < 1 || rest[0] != 'F' && rest[0] != 'P' {
		return nil, false
	}
	return bytes.TrimPrefix(rest[1:], []byte(" ")), true
}

// export takes MESSAGE out of the fields of a journal's export. A message of
// several lines follows its name, after its length in eight bytes.
func (e *envelope) export(b []byte) ([]byte, bool) {
	name := fieldName(b)
	switch {
	case len(name) == len(b) && string(b) == "MESSAGE":
		e.inside, e.first = true, true
		return nil, false
	case len(name) > 0 && len(name) < len(b) && b[len(name)] == '=' || len(b) > 1 && len(name) == len(b) && !e.first:
		e.inside = false
		line, ok := bytes.CutPrefix(b, []byte("MESSAGE="))
		return line, ok
	case !e.inside:
		return nil, false
	}
	if e.first {
		const length = 8
		e.first = false
		if i := bytes.LastIndexByte(b[:min(length, len(b))], 0); i >= 0 {
			b = b[i+1:]
		}
	}
	return b, true
}

// fieldName returns the name of a field a line of an export begins with.
func fieldName(b []byte) []byte {
	for i, c := range b {
		if c != '_' && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return b[:i]
		}
	}
	return b
}

// json takes "MESSAGE" or "log" out of an object on one line.
func (e *envelope) json(b []byte) ([]byte, bool) {
	s := scanner{b: b}
	if !s.take('{') {
		return nil, false
	}
	for !s.take('}') {
		key, ok := s.text()
		if !ok || !s.take(':') {
			return nil, false
		}
		if string(key) == "MESSAGE" || string(key) == "log" {
			return e.value(&s)
		}
		if !s.skip() {
			return nil, false
		}
		s.take(',')
	}
	return nil, false
}

// value reads a message: text, or its bytes as numbers when it is not all
// printable.
func (e *envelope) value(s *scanner) ([]byte, bool) {
	if !s.take('[') {
		raw, ok := s.text()
		if !ok {
			return nil, false
		}
		e.buf = unescape(e.buf[:0], raw)
		return bytes.TrimRight(e.buf, "\r\n"), true
	}
	e.buf = e.buf[:0]
	for !s.take(']') {
		n := 0
		from := s.at
		for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' && n < 256 {
			n = n*10 + int(s.b[s.at]-'0')
			s.at++
		}
		if s.at == from || n > 255 {
			return nil, false
		}
		e.buf = append(e.buf, byte(n))
		s.take(',')
	}
	return bytes.TrimRight(e.buf, "\r\n"), true
}

// A scanner walks over JSON without making anything of it.
type scanner struct {
	b  []byte
	at int
}

// take moves past c, and the spaces before it, if it is next.
func (s *scanner) take(c byte) bool {
	for s.at < len(s.b) && (s.b[s.at] == ' ' || s.b[s.at] == '\t') {
		s.at++
	}
	if s.at < len(s.b) && s.b[s.at] == c {
		s.at++
		return true
	}
	return false
}

// text reads a string, as it is written.
func (s *scanner) text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	from := s.at
	for ; s.at < len(s.b); s.at++ {
		switch s.b[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return s.b[from : s.at-1], true
		}
	}
	return nil, false
}

// skip moves past a value.
func (s *scanner) skip() bool {
	depth := 0
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case '"':
			if _, ok := s.text(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 {
				return true
			}
			if s.b[s.at] != ',' {
				depth--
			}
		}
		s.at++
	}
	return false
}

// unescape appends what a JSON string stands for.
func unescape(out, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b', 'f':
			out = append(out, ' ')
		case 'u':
			r := hex4(b[i+1:])
			i += min(4, len(b)-i-1)
			if low := b[i+1:]; utf16.IsSurrogate(r) && len(low) >= 6 && low[0] == '\\' && low[1] == 'u' {
				r = utf16.DecodeRune(r, hex4(low[2:]))
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, b[i])
		}
	}
	return out
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return utf8.RuneError
	}
	r := rune(0)
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 + rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 + rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			r = r<<4 + rune(c-'A') + 10
		default:
			return utf8.RuneError
		}
	}
	return r
}
