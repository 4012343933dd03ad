package flow

import (
	"errors"
	"strings"
	"unicode"
)

// maxExchange bounds what is kept of a failed exchange, in bytes.
const maxExchange = 2 << 10

// exchangeOf returns the shape of the exchange that failed, when an error in
// err's chain knows it. Redacting is its part; bounding is ours.
func exchangeOf(err error) string {
	var known interface{ Exchange() string }
	if !errors.As(err, &known) {
		return ""
	}
	return boundedLines(known.Exchange(), maxExchange)
}

// boundedLines makes s plain text of at most n bytes that keeps its lines.
func boundedLines(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= n {
		return s
	}
	const more = "\u2026"
	return strings.ToValidUTF8(s[:n-len(more)], "") + more
}
