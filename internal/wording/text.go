package wording

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Duration renders a duration as people say it: 45s, 12m, 3h06m, 2d4h.
func Duration(d time.Duration) string {
	if d < 0 {
		if d == math.MinInt64 {
			d++
		}
		return "-" + Duration(-d)
	}
	d = d.Round(time.Second)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	case d < 48*time.Hour:
		if m := int(d % time.Hour / time.Minute); m > 0 {
			return fmt.Sprintf("%dh%02dm", int(d/time.Hour), m)
		}
		return fmt.Sprintf("%dh", int(d/time.Hour))
	default:
		if h := int(d % (24 * time.Hour) / time.Hour); h > 0 {
			return fmt.Sprintf("%dd%dh", int(d/(24*time.Hour)), h)
		}
		return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
	}
}

// Percent says a ratio with as many decimals as keep it honest: 99.95 %. A
// ratio that is no number is unknown.
func Percent(ratio float64) string {
	if math.IsNaN(ratio) || math.IsInf(ratio, 0) {
		return "unknown"
	}
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", ratio*100), "0"), ".") + " %"
}

// Count says how many: "1 incident", "2 incidents".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// List joins words as people do: "a", "a and b", "a, b and 3 more".
func List(words []string) string {
	switch n := len(words); {
	case n == 0:
		return ""
	case n == 1:
		return words[0]
	case n <= 3:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	default:
		return fmt.Sprintf("%s, %s and %d more", words[0], words[1], n-2)
	}
}

// Capital begins a sentence.
func Capital(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return text
	}
	return string(unicode.ToUpper(r)) + text[n:]
}

// Sentence makes a sentence of a text: a capital and a full stop.
func Sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return Capital(text)
	}
	return Capital(text) + "."
}

// OneLine returns a text on one line: control characters and runs of space are
// one space, and bytes that are no text are shown as such.
func OneLine(text string) string {
	plain := func(r rune) bool { return !unicode.IsControl(r) && !unicode.IsSpace(r) && !bidi(r) }
	clean := strings.IndexFunc(text, func(r rune) bool { return r != ' ' && !plain(r) }) < 0
	if clean && utf8.ValidString(text) && !strings.Contains(text, "  ") && strings.TrimSpace(text) == text {
		return text
	}
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool { return !plain(r) }), " ")
}

// bidi reports whether r turns the direction of what follows, so that a line
// reads otherwise than it is written.
func bidi(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' }

// Cut shortens a text to n characters, ending with … when something was
// dropped. It leaves neither half of a word, unless the first one is too long,
// nor half of a character that several runes make.
func Cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)
	end := max(n-1, 0)
	for end > 0 && joins(runes[end-1], runes[end]) {
		end--
	}
	if word := lastSpace(runes[:end+1]); word > 0 {
		end = word
	}
	return strings.TrimRight(string(runes[:end]), " ,;:\n") + "…"
}

// lastSpace is the place of the last space that something stands before; 0 when
// there is none.
func lastSpace(runes []rune) int {
	for i := len(runes) - 1; i > 0; i-- {
		if unicode.IsSpace(runes[i]) {
			return i
		}
	}
	return 0
}

// joins reports whether two runes are parts of one character people see.
func joins(a, b rune) bool {
	const joiner = '\u200D'
	return a == joiner || b == joiner || unicode.In(b, unicode.Mn, unicode.Me, unicode.Variation_Selector) ||
		regional(a) && regional(b) || b >= 0x1F3FB && b <= 0x1F3FF // skin tones
}

// regional reports whether r is half of a flag.
func regional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }
