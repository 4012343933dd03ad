package wording

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Finding is a word that has no place in what people read.
type Finding struct {
	Offset int    // byte at which it begins
	Text   string // as it is written
	Why    string // "say it as: job runner"
}

// A word is a run of letters and digits, with its place.
type word struct {
	text       string // folded to small letters
	start, end int
}

// words cuts a text into words by what Unicode calls letters, marks and digits:
// "épod" is one word, and none of them is "pod".
func words(text string) []word {
	var out []word
	start := -1
	end := func(at int) {
		if start >= 0 {
			out = append(out, word{strings.ToLower(text[start:at]), start, at})
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			if start < 0 {
				start = i
			}
		default:
			end(i)
		}
	}
	end(len(text))
	return out
}

// prose returns text with its code, between backticks, blanked out: what is to
// be typed is not read as a sentence. Offsets stay.
func prose(text string) string {
	out := []byte(text)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	for i := 0; i < len(text); {
		if text[i] != '`' {
			i++
			continue
		}
		n := len(text[i:]) - len(strings.TrimLeft(text[i:], "`"))
		fence := text[i : i+n]
		length := strings.Index(text[i+n:], fence)
		if length < 0 { // never closed: prose
			i += n
			continue
		}
		stop := i + n + length + n
		blank(i, stop)
		i = stop
	}
	return string(out)
}

// Jargon finds words of the machine room, each with what to say instead. Code
// between backticks is not looked at, and neither are allowed phrases such as
// the names of products.
func Jargon(text string) []Finding {
	ws := words(prose(text))
	var out []Finding
	for i := 0; i < len(ws); {
		n, instead := longest(text, ws[i:])
		if n > 0 && instead != "" {
			out = append(out, Finding{ws[i].start, text[ws[i].start:ws[i+n-1].end], "say it as: " + instead})
		}
		i += max(n, 1)
	}
	return out
}

// longest returns how many words the longest phrase has that begins here, and
// what to say instead; nothing for one that is allowed.
func longest(text string, ws []word) (n int, instead string) {
	for _, first := range []string{ws[0].text, strings.TrimSuffix(ws[0].text, "s")} {
		for _, p := range phrases[first] {
			if len(p.words) > n && begins(text, ws, p.words) {
				n, instead = len(p.words), p.instead
			}
		}
	}
	return n, instead
}

// begins reports whether the words of a phrase stand here, on one line with
// nothing but spaces, dashes and slashes between.
func begins(text string, ws []word, phrase []string) bool {
	if len(phrase) > len(ws) {
		return false
	}
	for i, w := range phrase {
		beside := i == 0 || strings.Trim(text[ws[i-1].end:ws[i].start], " -_/") == ""
		if !beside || ws[i].text != w && ws[i].text != w+"s" {
			return false
		}
	}
	return true
}

// A phrase is a term in words.
type phrase struct {
	words   []string
	instead string // "" of one that is allowed
}

// phrases are the terms of the lexicon and what is allowed, by their first word.
var phrases = func() map[string][]phrase {
	out := map[string][]phrase{}
	add := func(text, instead string) {
		ws := strings.Fields(text)
		out[ws[0]] = append(out[ws[0]], phrase{ws, instead})
	}
	for _, a := range allowed {
		add(a, "")
	}
	for _, t := range lexicon {
		add(t.word, t.instead)
	}
	return out
}()

// PII finds what tells of a person, an account, a document or an amount.
func PII(text string) []Finding {
	var out []Finding
	digits := strings.ContainsFunc(text, unicode.IsDigit)
	for _, p := range personal {
		if p.needs == "" && !digits || p.needs != "" && !strings.ContainsAny(text, p.needs) {
			continue // looking for a character is much faster than for a pattern
		}
		for _, m := range p.find.FindAllStringIndex(text, -1) {
			from, to := m[0], m[1]
			if bounded(text, from, to) && (p.unless == nil || !p.unless.MatchString(text[from:to])) {
				out = append(out, Finding{from, text[from:to], p.why})
			}
		}
	}
	out = append(out, people(text)...)
	slices.SortStableFunc(out, func(a, b Finding) int { return a.Offset - b.Offset })
	return out
}

// bounded reports whether what is found stands alone: no letter or digit goes
// on before or after it.
func bounded(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	first, _ := utf8.DecodeRuneInString(text[from:])
	last, _ := utf8.DecodeLastRuneInString(text[:to])
	part := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return (!part(before) || !part(first)) && (!part(after) || !part(last))
}

// people finds names of persons: a form of address or a common given name
// before a word with a capital.
func people(text string) []Finding {
	ws := words(text)
	var out []Finding
	for i := 0; i+1 < len(ws); i++ {
		w, next := ws[i], ws[i+1]
		capital := func(w word) bool {
			r, n := utf8.DecodeRuneInString(text[w.start:])
			second, _ := utf8.DecodeRuneInString(text[w.start+n:])
			return unicode.IsUpper(r) && unicode.IsLower(second)
		}
		beside := strings.Trim(text[w.end:next.start], ". ") == "" && !strings.Contains(text[w.end:next.start], "  ")
		if !beside || !capital(w) || !capital(next) {
			continue
		}
		if slices.Contains(address, w.text) || slices.Contains(givenNames, w.text) && text[w.end:next.start] == " " {
			out = append(out, Finding{w.start, text[w.start:next.end], "names a person: name a role"})
		}
	}
	return out
}
