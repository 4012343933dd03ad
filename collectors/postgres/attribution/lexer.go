package attribution

import "strings"

// A token is a word in lower case, a quoted name or a symbol. Of a literal, a
// number and a parameter only the place is kept.
type token struct {
	kind tokenKind
	text string
}

type tokenKind int

const (
	word tokenKind = iota
	quoted
	symbol
	value
)

func (t token) is(text string) bool { return t.kind != quoted && t.text == text }

func (t token) name() bool { return t.kind == word || t.kind == quoted }

// tokens splits a statement. Comments are left out, and what is not closed ends
// with the text.
func tokens(sql string) []token {
	var list []token
	for i := 0; i < len(sql); {
		c, rest := sql[i], sql[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			i += until(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			i += comment(rest)
		case c == '\'':
			i += literal(rest, escapes(list, sql, i))
			list = append(list, token{kind: value})
		case c == '"':
			n := literal(rest, false)
			list = append(list, token{quoted, strings.ReplaceAll(strings.Trim(rest[:n], `"`), `""`, `"`)})
			i += n
		case letter(c):
			n := run(rest, func(c byte) bool { return letter(c) || digit(c) || c == '$' })
			list = append(list, token{word, strings.ToLower(rest[:n])})
			i += n
		case c == '$':
			i += dollar(rest)
			list = append(list, token{kind: value})
		case digit(c):
			i += run(rest, func(c byte) bool { return letter(c) || digit(c) || c == '.' })
			list = append(list, token{kind: value})
		case c <= ' ':
			i++
		default:
			list = append(list, token{symbol, rest[:1]})
			i++
		}
	}
	return list
}

func letter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80 }

func digit(c byte) bool { return '0' <= c && c <= '9' }

// run is the length of the beginning of s whose bytes all fit.
func run(s string, fits func(byte) bool) int {
	n := 0
	for n < len(s) && fits(s[n]) {
		n++
	}
	return n
}

// until is the length of s up to and including end.
func until(s, end string) int {
	if n := strings.Index(s, end); n >= 0 {
		return n + len(end)
	}
	return len(s)
}

// comment is the length of the comment that s begins with; comments nest.
func comment(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// literal is the length of what s begins with up to the quote that ends it; a
// quote within is doubled or, where escapes are meant, follows a backslash.
func literal(s string, escapes bool) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// escapes reports whether the literal at i is one with backslashes: E'it\'s'.
func escapes(before []token, sql string, i int) bool {
	return len(before) > 0 && before[len(before)-1].is("e") && i > 0 && sql[i-1]|0x20 == 'e'
}

// dollar is the length of the parameter or dollar-quoted literal that s begins
// with: $1, $$text$$, $tag$text$tag$.
func dollar(s string) int {
	n := 1 + run(s[1:], func(c byte) bool { return letter(c) || digit(c) })
	if n >= len(s) || s[n] != '$' || n > 1 && digit(s[1]) {
		return n
	}
	tag := s[:n+1]
	return len(tag) + until(s[len(tag):], tag)
}
