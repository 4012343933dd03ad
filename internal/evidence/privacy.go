package evidence

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/durable"
)

// A cipher turns what may not be written into keyed digests. Whoever lacks the
// key cannot try names against them.
type cipher struct{ key []byte }

// openCipher reads the installation's key, or makes one when there is none or
// it was damaged. fresh is true when it was made: what was withheld before can
// no longer be linked to anybody.
func openCipher(path string) (c cipher, fresh bool, err error) {
	text, found, err := durable.ReadChecked(path)
	if err != nil && !errors.Is(err, durable.ErrDamaged) {
		return cipher{}, false, err
	}
	if key, err := hex.DecodeString(strings.TrimSpace(string(text))); found && err == nil && len(key) == sha256.Size {
		return cipher{key}, false, nil
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: documented
	return cipher{key}, true, durable.WriteChecked(path, []byte(hex.EncodeToString(key)+"\n"))
}

// digest is the first 128 bits of HMAC-SHA-256 over kind and text.
func (c cipher) digest(kind, text string) string {
	h := hmac.New(sha256.New, c.key)
	_, _ = fmt.Fprintf(h, "%s\n%s", kind, text) // a hash never fails
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (c cipher) person(subject string) string { return "person:" + c.digest("person", subject) }

// withheldMark begins a value that was replaced by its keyed digest.
const withheldMark = "withheld:"

func (c cipher) withhold(text string) string { return withheldMark + c.digest("withheld", text) }

var actorForm = regexp.MustCompile(`^(system|(role|token):[A-Za-z][A-Za-z0-9._-]{0,63}|person:[0-9a-f]{32})$`)

// clean returns the entry as it may be written: nothing is dropped and no
// record is lost, but what may be personal data is replaced.
func (c cipher) clean(e Entry) Entry {
	switch {
	case e.Actor == "":
		e.Actor = daemon
	case !actorForm.MatchString(e.Actor) || personal(e.Actor):
		e.Actor = c.person(e.Actor)
	}
	if e.Note != "" && (len(e.Note) > maxNote || personal(e.Note)) {
		e.Note = c.withhold(e.Note)
	}
	e.Refs = maps.Clone(e.Refs)
	for key, value := range e.Refs {
		if !plain(key, value) {
			e.Refs[key] = c.withhold(value)
		}
	}
	return e
}

// identifierForm is what a reference may look like: a name of the estate, a
// time, a digest, a route. It has no space, so that no sentence fits in.
var identifierForm = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9._:/+#{}*~=-]{0,127}$`)

// counts are the references whose value is a number of things, which may have
// any number of digits.
var counts = strings.Fields("bytes count first_seq last_seq line lost missed offset records segments seq withheld")

var digits = regexp.MustCompile(`^[0-9]{1,20}$`)

func plain(key, value string) bool {
	if slices.Contains(counts, key) && digits.MatchString(value) {
		return true
	}
	return identifierForm.MatchString(value) && !personal(value)
}

// known are the identifiers of ours that have many digits and belong to nobody:
// segments, times and dates, months, digests, runs, incidents, changes, traces,
// UUIDs.
var known = regexp.MustCompile(`\b(?:` + strings.Join([]string{
	`[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{6,12}\.log`,
	`[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?`,
	`[0-9]{4}-(?:0[1-9]|1[0-2])`,
	`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
	`[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4,32}`,
	`[CI]-[0-9a-f]{8}`,
	`T[0-9a-f]{8}-[0-9a-f]{16}`,
	`(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})`,
}, "|") + `)\b`)

// money is a number beside a currency: a sign, or one of the codes of ISO 4217
// that finance estates mostly meet.
var money = regexp.MustCompile(`(?i)\p{Sc}|\b(?:` + currencies + `)[ \x{a0}]?[-+]?[0-9]|[0-9][ \x{a0}]?(?:` + currencies + `)\b`)

const currencies = `AED|AUD|BGN|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|ILS|INR|JPY|MXN|NOK|NZD|PLN|RON|SEK|SGD|TRY|USD|ZAR`

// personal reports whether a text looks like it holds an address, an amount, or
// the number of an account, a document, a telephone or a host. It cannot know a
// name: who writes an entry must not.
func personal(text string) bool {
	if !utf8.ValidString(text) || strings.ContainsRune(text, '@') {
		return true
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		return true
	}
	text = known.ReplaceAllString(text, "x")
	return money.MatchString(text) || longNumber(text)
}

// longNumber reports whether there are six digits in a row, where one space or
// mark between two digits does not end the row.
func longNumber(text string) bool {
	run, marks := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			run, marks = run+1, 0
			if run >= 6 {
				return true
			}
		case strings.ContainsRune(" \u00a0\u202f.,/'’-", r) && marks == 0:
			marks = 1
		default:
			run, marks = 0, 0
		}
	}
	return false
}
