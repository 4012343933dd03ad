package acceptance

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/tickrecord"
)

// What the people, companies and papers of an estate are called. None of it is
// a word of ours, so that wherever it is found it was let through.
const (
	person   = "Hannelore Quetschenberger-Großhübner"
	foreign  = "Siobhán O'Shaughnessy-Wrexham"
	faraway  = "Łukasz Brzęczyszczykiewicz"
	company  = "Knöterich & Söhne Spezialtiefbau GmbH"
	supplier = "Société Aiguebelle d'Entremont S.A.R.L."
	email    = "hannelore.quetschenberger@knoeterich-soehne.example"
	phone    = "+49 171 3920655"
	iban     = "DE89 3704 0044 0532 0130 00"
	document = "INV/2026/0904172"
	payment  = "PBNK1/2026/0613854"
	subject  = "Gehaltspfändung"
	passkey  = "tok-7f3e9b51c2d8"
	visitor  = "203.0.113.77"
)

// papers is a text that says all of it, with an amount in the spellings that
// people use.
var papers = strings.Join([]string{
	person, foreign, faraway, company, supplier, email, phone, iban, strings.ReplaceAll(iban, " ", ""), document, payment, subject, passkey, visitor,
	"748319.27 748,319.27 748.319,27 748 319,27 748'319.27 EUR",
}, ", ")

// A mark is something whose presence gives it away.
type mark struct{ name, text string }

// names are each word of a name and each of its parts of five characters, as
// what is escaped differs around the others, in small letters.
func names() []mark {
	var out []mark
	for _, name := range []string{person, foreign, faraway, company, supplier, email, subject, passkey, visitor} {
		for _, piece := range pieces(name) {
			piece = strings.ToLower(piece)
			if !slices.ContainsFunc(out, func(m mark) bool { return m.text == piece }) {
				out = append(out, mark{fmt.Sprintf("%q of %q", piece, name), piece})
			}
		}
	}
	return out
}

// numbers are known by their digits, however they are grouped.
var numbers = []string{"748319", "904172", "613854", "491713920655", "370400440532013000"}

// Whatever has the form of an address for mail or of an account is somebody's.
var (
	address = regexp.MustCompile(`[\w.+-]+@[\w-]+\.[a-z]{2,}`)
	account = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}(?: ?[0-9]{4}){3,}`)
)

// between are characters that may be between two digits of a number.
const between = " .,'/-\u00a0"

// numberAt returns the number that begins at a place of a text, "" for none. A
// cent or more may follow it.
func numberAt(text string, at int) string {
	if at > 0 && (isDigit(text[at-1]) || text[at-1] == '.') {
		return ""
	}
	rest := strings.TrimLeft(text[at:], "0")
	for _, number := range numbers {
		if left, ok := after(rest, number); ok && (left == "" || !isDigit(left[0])) {
			return number
		}
	}
	return ""
}

// after returns what follows a number that a text begins with.
func after(text, number string) (rest string, ok bool) {
	for i := range number {
		if r, size := utf8.DecodeRuneInString(text); i > 0 && text != "" && strings.ContainsRune(between, r) {
			text = text[size:]
		}
		if text == "" || text[0] != number[i] {
			return "", false
		}
		text = text[1:]
	}
	return text, true
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// pieces are the parts of a name by which it is known, longest first.
func pieces(name string) []string {
	out := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	out = append(out, strings.FieldsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})...)
	out = slices.DeleteFunc(out, func(p string) bool { return utf8.RuneCountInString(p) < 5 || p == "example" })
	if name == visitor {
		out = []string{name}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(out)
}

// A search looks for marks and tells of each place once where they are.
type search struct {
	names  []mark
	places map[string]bool
	bytes  int
}

func newSearch() *search { return &search{names: names(), places: map[string]bool{}} }

// in returns what gives something away in a text, with a bit around it.
func (s *search) in(place, text string) (hits []string) {
	text = strings.ToValidUTF8(text, "?")
	s.bytes += len(text)
	hit := func(what string, at int) {
		if !s.places[place+what] {
			s.places[place+what] = true
			hits = append(hits, fmt.Sprintf("%s shows %s: …%q…", place, what, text[max(0, at-150):min(len(text), at+100)]))
		}
	}
	binary := strings.HasPrefix(place, "file tsdb") // any form is there by chance
	small := strings.ToLower(text)
	for _, m := range s.names {
		if at := strings.Index(small, m.text); at >= 0 {
			hit(m.name, min(at, len(text)))
		}
	}
	for at := range len(text) {
		switch c := text[at]; {
		case isDigit(c):
			if number := numberAt(text, at); number != "" {
				hit("the number "+number, at)
			}
		case binary:
		case c == '@':
			if address.MatchString(text[max(0, at-20):min(len(text), at+60)]) {
				hit("an address for mail", at)
			}
		case 'A' <= c && c <= 'Z' && (at == 0 || !isLetter(text[at-1]) && !isDigit(text[at-1])):
			if at+3 < len(text) && isDigit(text[at+2]) && account.MatchString(text[at:min(len(text), at+60)]) {
				hit("an account", at)
			}
		}
	}
	return hits
}

// files looks through all that a daemon keeps, its tick record unpacked.
func (s *search) files(t *testing.T, data string) (hits []string) {
	t.Helper()
	err := filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(data, path)
		hits = append(hits, s.in("file "+name, string(text))...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ticks := 0
	for rec, err := range tickrecord.Read(filepath.Join(data, "ticks"), time.Time{}, time.Now().Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		hits = append(hits, s.in("the tick record", string(rec.Payload))...)
		ticks++
	}
	if ticks < 5 {
		t.Errorf("%d ticks are recorded: hardly anything was looked at", ticks)
	}
	return hits
}

// What is looked for is found however it is written, and what is not meant is
// not.
func TestTheSearchFinds(t *testing.T) {
	for name, text := range map[string]string{
		"a name":                    "the customer " + person,
		"a part of it":              "user=\"GROSSHUEBNER\" and QUETSCHENBERGER",
		"escaped as HTML":           "O&#39;Shaughnessy",
		"escaped as JSON":           `Kn\u00f6terich \u0026 S\u00f6hne`,
		"escaped as a URL":          "q=Brz%C4%99czyszczykiewicz",
		"quoted":                    `\"Gehaltspf\xc3\xa4ndung\"`,
		"of a company":              "/my/invoices/aiguebelle.pdf",
		"a document":                "INV/2026/00904172 is late",
		"of a payment":              "613854",
		"an amount in cents":        "748319.27",
		"in German":                 "748.319,27",
		"in English":                "total 748,319.27",
		"in Swiss":                  "748'319",
		"without cents":             "748319",
		"an account in groups":      "DE89 3704 0044 0532 0130 00",
		"an account in one":         "DE89370400440532013000",
		"an account of others":      "GB29 1234 6016 1331 9268 19",
		"an address of others":      "<someone@mail.test>",
		"a telephone":               "+49-171-3920655",
		"a secret in a path":        "?access_token=" + passkey,
		"the address of a computer": visitor + ":51234",
	} {
		if len(newSearch().in("here", text)) == 0 {
			t.Errorf("%s: nothing is found in %q", name, text)
		}
	}
	for name, text := range map[string]string{
		"a router of Traefik":   `service="erp@file",router="erp@docker"`,
		"a fraction":            "0.0904172 and 1.748319",
		"a longer number":       "17483190 and 5748319",
		"an identifier of ours": "I-12345678 20261125T010430Z-5f6e7d8c",
		"a word of ours":        "Bank statement lines that are not reconciled",
	} {
		if hits := newSearch().in("here", text); len(hits) > 0 {
			t.Errorf("%s: %v", name, hits)
		}
	}
	for _, m := range names() {
		if !strings.Contains(strings.ToLower(papers), m.text) {
			t.Errorf("what is written to be found does not have %s", m.name)
		}
	}
}
