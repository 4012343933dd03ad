package evidence

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is personal in a note or a reference, and what only looks like it.
func TestPersonal(t *testing.T) {
	tests := map[string]struct {
		text string
		want bool
	}{
		"plain words":               {"two runs failed at step post", false},
		"a count":                   {"12 of 40 lines, 3 times", false},
		"a share":                   {"99.95 % of 12 h", false},
		"a time":                    {"since 2026-11-24T22:00:30Z", false},
		"a time with a zone":        {"until 2026-12-31T23:59:59.123+01:00", false},
		"a date and a month":        {"2026-11-24 of period 2026-11", false},
		"a period":                  {"FY2026-P11", false},
		"a digest":                  {"sha256:" + strings.Repeat("12", 32), false},
		"a digest like an amount":   {"withheld:aed16f823aaec08ff19680c1ef3adf4f", false},
		"a commit":                  {strings.Repeat("1a", 20), false},
		"a trace":                   {strings.Repeat("0123456789abcdef", 2), false},
		"a run":                     {"20261125T010430Z-5f6e7d8c", false},
		"an incident":               {"I-12345678", false},
		"a change":                  {"C-12345678", false},
		"a trace of a verdict":      {"T12345678-1234567812345678", false},
		"a UUID":                    {"12345678-1234-1234-1234-123456789012", false},
		"a segment":                 {"2026-11-24-000001.log", false},
		"a version":                 {"18.0.3", false},
		"words that hold a code":    {"European chf1", true},
		"a list of small numbers":   {"1, 2, 3, 4, 5, 6, 7", false},
		"an address":                {"ask jane@example.com", true},
		"an account":                {"DE02 1203 0000 0000 2020 51", true},
		"a card":                    {"4111-1111-1111-1111", true},
		"a telephone":               {"+44 20 7946 0000", true},
		"six digits":                {"ref 123456", true},
		"five digits":               {"ref 12345", false},
		"a document":                {"INV/2026/00042", true},
		"an amount with a sign":     {"off by €5", true},
		"an amount with a code":     {"off by 12 EUR", true},
		"a code before the amount":  {"usd 12", true},
		"a grouped amount":          {"1.234.567", true},
		"a grouped amount, Swiss":   {"1'234'567", true},
		"a host":                    {"10.20.113.45", true},
		"a second line":             {"one\ntwo", true},
		"a control character":       {"one\x1b[31m", true},
		"a line separator":          {"one\u2028two", true},
		"not UTF-8":                 {"\xff", true},
		"digits of another script":  {"١٢٣٤٥٦", true},
		"a date that is none":       {"1234-56-78", true},
		"digits around a date":      {"12026-11-24", true},
		"digits glued to a run":     {"920261125T010430Z-5f6e", true},
		"a digest that is too long": {strings.Repeat("1", 65), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := personal(tt.text); got != tt.want {
				t.Errorf("personal(%q) = %v", tt.text, got)
			}
		})
	}
}

// What may not be written is replaced, and nothing of it is in the files.
func TestWithheld(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, settings(t, dir, newClock()))
	tests := map[string]struct {
		entry Entry
		left  string // that must not be in the log
		want  func(r Record) bool
	}{
		"a person as actor": {Entry{Actor: "Jane Doe"}, "Jane", func(r Record) bool { return r.Actor == l.Pseudonym("Jane Doe") }},
		"a pseudonym stays": {Entry{Actor: l.Pseudonym("somebody")}, "somebody", func(r Record) bool { return r.Actor == l.Pseudonym("somebody") }},
		"a name alone":      {Entry{Actor: "alice"}, "alice", func(r Record) bool { return r.Actor == l.Pseudonym("alice") }},
		"a role":            {Entry{Actor: "role:on-call"}, "", func(r Record) bool { return r.Actor == "role:on-call" }},
		"a token":           {Entry{Actor: "token:grafana"}, "", func(r Record) bool { return r.Actor == "token:grafana" }},
		"a number as token": {Entry{Actor: "token:x987654321"}, "987654321", func(r Record) bool { return strings.HasPrefix(r.Actor, "person:") }},
		"nobody":            {Entry{}, "", func(r Record) bool { return r.Actor == "system" }},
		"a note":            {Entry{Note: "paid 77,00 EUR"}, "77,00", func(r Record) bool { return r.Note == l.keys.withhold("paid 77,00 EUR") }},
		"a note too long":   {Entry{Note: strings.Repeat("long ", 50)}, "long", func(r Record) bool { return strings.HasPrefix(r.Note, withheldMark) }},
		"a sentence for a reference": {Entry{Refs: map[string]string{"process": "Jane's payroll"}}, "Jane", func(r Record) bool {
			return strings.HasPrefix(r.Refs["process"], withheldMark)
		}},
		"an account for a reference": {Entry{Refs: map[string]string{"entity": "DE02120300000000202051", "process": "payroll"}}, "DE02", func(r Record) bool {
			return strings.HasPrefix(r.Refs["entity"], withheldMark) && r.Refs["process"] == "payroll"
		}},
		"an empty reference": {Entry{Refs: map[string]string{"process": ""}}, "", func(r Record) bool { return strings.HasPrefix(r.Refs["process"], withheldMark) }},
		"a large count":      {Entry{Refs: map[string]string{"bytes": "123456789"}}, "", func(r Record) bool { return r.Refs["bytes"] == "123456789" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.entry.Class, tt.entry.Action = Access, "page-read"
			mustAppend(t, l, tt.entry)
			all := records(t, dir)
			if r := all[len(all)-1]; !tt.want(r) {
				t.Errorf("recorded %+v", r)
			}
			for file, content := range load(t, dir) {
				if tt.left != "" && strings.Contains(content, tt.left) {
					t.Errorf("%q is in %s", tt.left, file)
				}
			}
		})
	}
	if r := wantIntact(t, dir); r.Withheld != 5 {
		t.Errorf("%d values were withheld", r.Withheld)
	}
}

// Whatever an entry says, what is written can be read again, is never personal
// and is one line of bounded length.
func TestAnythingMayBeSaid(t *testing.T) {
	c := cipher{[]byte(strings.Repeat("k", 32))}
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{
			Class: System, Action: "x", Actor: rapid.String().Draw(t, "actor"), Note: rapid.String().Draw(t, "note"),
			Refs: rapid.MapOfN(rapid.StringMatching(refForm.String()), rapid.String(), 0, maxRefs).Draw(t, "refs"),
		}
		if err := e.check(); err != nil {
			t.Fatal(err)
		}
		w := writing{at: place{0, origin}, now: november}
		w.add(c.clean(e))
		if len(w.text) > maxLine {
			t.Fatalf("a line of %d bytes", len(w.text))
		}
		body := w.text[65 : len(w.text)-1]
		r, err := decode[Record](body)
		if err != nil {
			t.Fatal(err)
		}
		if chain(origin, body) != string(w.text[:64]) || strings.Count(string(w.text), "\n") != 1 {
			t.Fatalf("not one line: %q", w.text)
		}
		for key, value := range r.Refs {
			if !plain(key, value) {
				t.Fatalf("reference %q is %q", key, value)
			}
		}
		if personal(r.Note) || personal(r.Actor) {
			t.Fatalf("note %q of %q", r.Note, r.Actor)
		}
	})
}
