package app

import (
	"unicode"
	"unicode/utf8"
)

// clip bounds what an error may say on a page.
func clip(text string) string {
	const limit = 300
	if s := []rune(text); len(s) > limit {
		return string(s[:limit-1]) + "…"
	}
	return text
}

// capital begins a sentence.
func capital(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return text
	}
	return string(unicode.ToUpper(r)) + text[n:]
}
