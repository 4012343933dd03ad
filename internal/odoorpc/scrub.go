package odoorpc

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds what is kept of a message, in runes.
const maxText = 200

// masked stands for words that were taken out.
const masked = "…"

// Scrub reduces what Odoo said to what may be shown: the first paragraph,
// bounded, with digits as # and every word that could be a name, an amount or
// the number of a document as …. Kept are lower-case ASCII words, technical
// names such as account.move, and the few capitalised words with which Odoo's
// sentences begin. Quoted text is kept only when it is a technical name.
func Scrub(message string) string {
	text, _, _ := strings.Cut(strings.TrimSpace(message), "\n\n")
	text, _, _ = strings.Cut(text, "\n{") // a RedirectWarning carries its action along
	var kept []string
	before := ""
	for _, word := range unquote(strings.Fields(bound(text, 4*maxText))) {
		word, before = scrubWord(word, before), word
		if word == masked && len(kept) > 0 && kept[len(kept)-1] == masked {
			continue
		}
		kept = append(kept, word)
	}
	return bound(strings.Join(kept, " "), maxText)
}

// unquote replaces quoted phrases of several words by one masked word.
func unquote(words []string) []string {
	var out []string
	inside := rune(0)
	for _, word := range words {
		open, _ := utf8.DecodeRuneInString(strings.TrimLeft(word, "("))
		if inside == 0 && strings.ContainsRune(`'"«“‘`, open) {
			inside = closing(open)
			if strings.ContainsRune(strings.TrimLeft(word, "(")[utf8.RuneLen(open):], inside) {
				inside = 0 // one quoted word
				out = append(out, word)
				continue
			}
			out = append(out, masked)
			continue
		}
		if inside != 0 {
			if strings.ContainsRune(word, inside) {
				inside = 0
			}
			continue
		}
		out = append(out, word)
	}
	return out
}

func closing(open rune) rune {
	switch open {
	case '«':
		return '»'
	case '“':
		return '”'
	case '‘':
		return '’'
	}
	return open
}

const punctuation = `.,;:!?()[]{}"'«»“”‘’`

// scrubWord returns what may be shown of word, which follows before.
func scrubWord(word, before string) string {
	core := strings.Trim(word, punctuation)
	switch {
	case core == "":
		return word
	case strings.ContainsAny(core, "@/\\=$€£"), strings.Contains(core, "://"):
		return masked
	case openers[core]:
		return word
	case strings.ContainsAny(word, `'"«“‘`) && !technical(core, before) && !contraction(word):
		return masked
	}
	for _, r := range core {
		if r > unicode.MaxASCII && r != '’' || unicode.IsUpper(r) {
			return masked
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '#'
		}
		return r
	}, word)
}

// technical reports whether a quoted word names a model, field, module or
// method: by its dots and underscores, or because the word before says so.
func technical(core, before string) bool {
	if before != "field" && before != "model" && before != "method" && !strings.ContainsAny(core, "._") {
		return false
	}
	for _, r := range core {
		if r != '.' && r != '_' && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}

// contraction reports whether the quote in word is an apostrophe: doesn't.
func contraction(word string) bool {
	i := strings.IndexAny(word, `'’`)
	return i > 0 && !strings.ContainsAny(word, `"«“‘`) && strings.Trim(word, punctuation) == strings.TrimRight(word, punctuation)
}

// openers are capitalised words that begin Odoo's sentences or belong to its
// vocabulary, and are nobody's name.
var openers = set(`A Access Accounting An Connection Contact Database Date Denied Draft Due Entries Entry Even
Expected FATAL Field Global Hard Hash Invalid Invoicing Is Journal Lock Method Missing Move New No Object Odoo Only
Posted Private Purchase Record Sale Sequence Server Session Some Sorry TCP/IP Tax The There This Unexpected Unknown Wrong You
Your`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// bound cuts s to n runes.
func bound(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	i := 0
	for pos := range s {
		if i == n-1 {
			return s[:pos] + "…"
		}
		i++
	}
	return s
}
