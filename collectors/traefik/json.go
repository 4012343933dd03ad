package traefik

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// A key is a field of a line that matters.
type key uint8

const (
	keyOther key = iota
	keyDuration
	keyOriginDuration
	keyStatus
	keyOriginStatus
	keySize
	keyBodySize
	keyRetries
	keyCount
	keyPath
	keyHost
	keyMethod
	keyAgent
	keyContentLength
	keyStart
	keyService
)

func keyOf(name []byte) key {
	switch string(name) {
	case "Duration":
		return keyDuration
	case "OriginDuration":
		return keyOriginDuration
	case "DownstreamStatus":
		return keyStatus
	case "OriginStatus":
		return keyOriginStatus
	case "DownstreamContentSize":
		return keySize
	case "RequestContentSize":
		return keyBodySize
	case "RetryAttempts":
		return keyRetries
	case "RequestCount":
		return keyCount
	case "RequestPath":
		return keyPath
	case "RequestHost":
		return keyHost
	case "RequestMethod":
		return keyMethod
	case "request_User-Agent":
		return keyAgent
	case "request_Content-Length":
		return keyContentLength
	case "StartUTC":
		return keyStart
	case "ServiceName":
		return keyService
	}
	return keyOther
}

const (
	// maxLayout bounds how many keys are remembered. A line has about 40 with
	// the headers users send, and clients may send others.
	maxLayout = 128
	// maxKey is how long a key may be to be remembered.
	maxKey = 64
)

// A layout remembers in which order lines have their keys, since Traefik sorts
// them: what stands where it did in the line before is recognised by one
// comparison. It changes how fast a line is read, never what is read.
type layout []expected

type expected struct {
	text string // as it is written, from the brace or comma before it to its colon
	key  key
}

// scanJSON reads one flat JSON object, keeping the fields that matter and
// stepping over the rest. It accepts what Traefik writes and is lenient with
// what it does not use; it never reads beyond the line.
func (p *parser) scanJSON(b []byte) bool {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	for at := 0; ; {
		var k key
		if at < len(p.layout) && has(b[i:], p.layout[at].text) {
			k = p.layout[at].key
			i += len(p.layout[at].text)
			at++
		} else if k, i, at = p.unexpected(b, i, at); i < 0 {
			return false
		}
		if i = p.value(b, i, k); i < 0 || i >= len(b) {
			return false
		}
		if b[i] == ',' {
			continue
		}
		if i = skipSpace(b, i); i >= len(b) || b[i] != ',' {
			return i < len(b) && b[i] == '}' && skipSpace(b, i+1) == len(b)
		}
	}
}

// unexpected reads the key that follows the brace or comma at b[i], where
// another was expected, and returns the index after its colon, or -1, and where
// in the layout the next one is expected.
func (p *parser) unexpected(b []byte, i, at int) (k key, next, then int) {
	begin := skipSpace(b, i+1)
	if begin >= len(b) || b[begin] != '"' {
		return 0, -1, at
	}
	end := stringEnd(b, begin+1)
	if end < 0 {
		return 0, -1, at
	}
	k = keyOf(b[begin+1 : end])
	next = skipSpace(b, end+1)
	if next >= len(b) || b[next] != ':' {
		return 0, -1, at
	}
	next++
	text := b[i:next]
	for j := at; j < len(p.layout); j++ {
		if p.layout[j].text == string(text) {
			return k, next, j + 1
		}
	}
	if len(p.layout) == maxLayout || len(text) > maxKey {
		return k, next, at
	}
	p.layout = slices.Insert(p.layout, at, expected{string(text), k})
	return k, next, at + 1
}

// value reads the value at b[i] of one key and returns the index after it, or
// -1.
func (p *parser) value(b []byte, i int, k key) int {
	if i = skipSpace(b, i); i >= len(b) {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		end := stringEnd(b, i+1)
		if end < 0 {
			return -1
		}
		if k != keyOther {
			p.text(k, b[i+1:end])
		}
		return end + 1
	case c == '-' || c >= '0' && c <= '9':
		if k == keyOther {
			return skipNumber(b, i)
		}
		n, next := integer(b, i)
		p.number(k, n)
		return next
	}
	return skipValue(b, i)
}

// number keeps a numeric field.
func (p *parser) number(k key, n int64) {
	r := &p.req
	switch k {
	case keyDuration:
		r.Duration = n
	case keyOriginDuration:
		r.OriginDuration = n
	case keyStatus:
		r.Status = n
	case keyOriginStatus:
		r.OriginStatus = n
	case keySize:
		r.Size = n
	case keyBodySize:
		r.BodySize = n
	case keyRetries:
		r.Retries = n
	case keyCount:
		r.Count = n
	case keyOther, keyPath, keyHost, keyMethod, keyAgent, keyContentLength, keyStart, keyService:
	}
}

// text keeps a string field; raw is between its quotes.
func (p *parser) text(k key, raw []byte) {
	r := &p.req
	switch k {
	case keyPath:
		r.Path = p.unescape(raw)
	case keyHost:
		r.Host = p.unescape(raw)
	case keyMethod:
		r.Method = p.unescape(raw)
	case keyAgent:
		r.Agent = p.unescape(raw)
	case keyContentLength:
		if n, end := integer(raw, 0); end == len(raw) && end > 0 {
			r.ContentLength = n
		}
	case keyStart:
		r.Start = p.clock.rfc3339(raw)
	case keyService:
		r.Service = len(raw) > 0
	case keyOther, keyDuration, keyOriginDuration, keyStatus, keyOriginStatus, keySize, keyBodySize, keyRetries, keyCount:
	}
}

// skipSpace returns the first index from i on that is not white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the index of the quote that closes a string whose first
// byte is b[i], or -1. Most strings are short, so that the first words are
// looked at here.
func stringEnd(b []byte, i int) int {
	const (
		ones   = 0x0101010101010101
		quotes = ones * '"'
		highs  = ones * 0x80
		words  = 4
	)
	from := i
	for range words {
		if i+8 > len(b) {
			break
		}
		w := binary.LittleEndian.Uint64(b[i:]) ^ quotes
		if found := (w - ones) &^ w & highs; found != 0 {
			i += bits.TrailingZeros64(found) / 8
			if i == from || b[i-1] != '\\' {
				return i
			}
			return escapedEnd(b, from, i-from)
		}
		i += 8
	}
	q := bytes.IndexByte(b[i:], '"')
	if q < 0 {
		return -1
	}
	i += q
	if i == from || b[i-1] != '\\' {
		return i
	}
	return escapedEnd(b, from, i-from)
}

// escapedEnd is stringEnd once the quote at i+q follows a backslash.
func escapedEnd(b []byte, i, q int) int {
	for start := i; q >= 0; q = bytes.IndexByte(b[i:], '"') {
		i += q
		backslashes := 0
		for j := i - 1; j >= start && b[j] == '\\'; j-- {
			backslashes++
		}
		if backslashes%2 == 0 {
			return i
		}
		i++
	}
	return -1
}

// integer reads a JSON number at b[i], dropping a fraction, and returns the
// index after it. Numbers beyond int64 saturate.
func integer(b []byte, i int) (n int64, next int) {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if n > (1<<63-1-9)/10 {
			n = (1<<63 - 1 - 9) / 10
		}
		n = n*10 + int64(b[i]-'0')
	}
	for i < len(b) && (b[i] == '.' || b[i] == 'e' || b[i] == 'E' || b[i] == '+' || b[i] == '-' || b[i] >= '0' && b[i] <= '9') {
		i++
	}
	if negative {
		n = -n
	}
	return n, i
}

// skipNumber returns the index after the number at b[i].
func skipNumber(b []byte, i int) int {
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] > ' ' {
		i++
	}
	return i
}

// skipValue steps over a literal, an object or an array at b[i].
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			end := stringEnd(b, i+1)
			if end < 0 {
				return -1
			}
			i = end
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}

// unescape returns the value of a JSON string. Without an escape it is the
// line itself, else scratch space that lives as long as the request.
func (p *parser) unescape(raw []byte) []byte {
	first := bytes.IndexByte(raw, '\\')
	if first < 0 {
		return raw
	}
	start := len(p.scratch)
	out := append(p.scratch, raw[:first]...)
	for i := first; i < len(raw); {
		if raw[i] != '\\' || i+1 >= len(raw) {
			out = append(out, raw[i])
			i++
			continue
		}
		switch c := raw[i+1]; c {
		case 'u':
			r, width := unicodeEscape(raw[i:])
			out = utf8.AppendRune(out, r)
			i += width
			continue
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		default:
			out = append(out, c)
		}
		i += 2
	}
	p.scratch = out
	return out[start:]
}

// unicodeEscape reads \u and four hexadecimal digits, or two such when they are a surrogate pair.
func unicodeEscape(b []byte) (r rune, width int) {
	r, ok := hex4(b)
	if !ok {
		return utf8.RuneError, 2
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hex4(b[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
