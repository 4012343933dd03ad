package wording_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

func found(fs []wording.Finding) []string {
	var out []string
	for _, f := range fs {
		out = append(out, f.Text)
	}
	return out
}

func TestJargon(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"plain words":                        {"The database does not answer; posting is paused.", nil},
		"a word":                             {"Restart the pod.", []string{"pod"}},
		"a plural, in capitals":              {"PODS and Goroutines", []string{"PODS", "Goroutines"}},
		"inside another word":                {"podium, tripod, épod, podé, walnut", nil},
		"with digits":                        {"p95 of 5xx", []string{"p95", "5xx"}},
		"of two words":                       {"an HTTP 502, a cron job, json-rpc", []string{"HTTP 502", "cron job", "json-rpc"}},
		"two words that only meet":           {"It was http. 502 came later.", nil},
		"an allowed phrase":                  {"the bank's Access API, not our API", []string{"API"}},
		"what is to be typed":                {"Run `kubectl get pods`, then wait.", nil},
		"a block that is to be typed":        {"First:\n```sh\nkubectl get pods\n```\nthen the pod", []string{"pod"}},
		"backticks that are never closed":    {"a ` pod", []string{"pod"}},
		"beside punctuation and other runes": {"«pod» pod’s (pod)", []string{"pod", "pod", "pod"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, found(wording.Jargon(tt.text))); diff != "" {
				t.Errorf("Jargon(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestPII(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"plain words":            {"31 e-invoices wait since 14:05:10, WD+2, 99.5 % within 24h, I-0123abcd", nil},
		"times":                  {"since 2026-12-01 14:05:10 UTC, 2026-12-01T14:05:10Z", nil},
		"addresses":              {"http://127.0.0.1:9977/incidents/I-0123abcd", nil},
		"an e-mail address":      {"ask someone.else@example.com, please", []string{"someone.else@example.com"}},
		"one with other letters": {"frag jörg@bücher.example", []string{"jörg@bücher.example"}},
		"an IBAN":                {"to AT61 1904 3002 3457 3201 today", []string{"AT61 1904 3002 3457 3201"}},
		"one without spaces":     {"DE89370400440532013000", []string{"DE89370400440532013000"}},
		"an amount":              {"1.234,50 € and EUR 99", []string{"1.234,50 €", "EUR 99"}},
		"other amounts":          {"$12 or £12k or 12,000 USD", []string{"$12", "£12k", "12,000 USD"}},
		"a currency alone":       {"EUR bank statements", nil},
		"a document number":      {"INV/2026/00017 and BNK1/2026/11/0004", []string{"INV/2026/00017", "BNK1/2026/11/0004"}},
		"a long number":          {"call 0043 1 234 56 78 or 123456789", []string{"0043 1 234 56 78", "123456789"}},
		"an eight digit day":     {"20261201", nil},
		"a person":               {"ask Dr. Example or Maria Example", []string{"Dr. Example", "Maria Example"}},
		"not a person":           {"Mark the entry. Anna", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, found(wording.PII(tt.text))); diff != "" {
				t.Errorf("PII(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestFindingsPointAtTheText(t *testing.T) {
	parts := []string{"pod", "é", "5xx", " ", "\n", "`", "a@b.example", "€ 12", "\xff", "AT61 1904 3002 3457 3201", "Anna Example", "http", "502", "-", "words"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(parts), rapid.String())).Draw(t, "parts"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		for _, f := range append(wording.Jargon(text), wording.PII(text)...) {
			if f.Offset < 0 || f.Offset+len(f.Text) > len(text) || text[f.Offset:f.Offset+len(f.Text)] != f.Text || f.Why == "" || f.Text == "" {
				t.Fatalf("finding %+v is not in %q", f, text)
			}
		}
	})
}

// read lists everything people read, by where it is from.
func read(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range process.Catalog() {
		lines := []string{p.Title, p.Stops, p.Meanwhile, p.Workaround, p.Owner, p.Vendor, p.Refetch}
		lines = append(append(lines, p.DoFirst...), p.DoNot...)
		for _, s := range p.Symptoms {
			lines = append(lines, s.Says)
		}
		for _, w := range p.Windows {
			lines = append(lines, w.String())
		}
		for _, o := range p.Objectives {
			lines = append(lines, wording.Objective(o))
		}
		for _, n := range p.Needs {
			lines = append(lines, n.Use)
		}
		for _, w := range p.Work {
			lines = append(lines, w.Says)
		}
		out["catalogue, "+p.Name] = strings.Join(lines, "\n")
		for kind, text := range said(situation(p.Name)) {
			out[kind+", "+p.Name] = text
		}
	}
	maps.Copy(out, everything(situation("invoice-posting")))
	for _, row := range tiering.Table() {
		out["table, "+row.ID] = row.Because + "\n" + row.If.String() + "\n" + row.Unless.String()
	}
	for _, kind := range collectors.Catalog(nil) {
		for _, d := range kind.Signals() {
			out["signal, "+d.Name] = d.Title + "\n" + d.Says
		}
		for _, family := range wording.FirstFamilies(kind.Name) {
			out["first step, "+kind.Name+" "+family] = wording.FirstFor(kind.Name, family, "x")
		}
	}
	for _, f := range tiering.Families() {
		out["trouble, "+f.Kind+" "+f.Name] = f.Says + "\n" + f.Fine
	}
	for _, name := range wording.Runbooks() {
		out["runbook, "+name], _ = wording.Runbook(name)
	}
	goldens, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(goldens) < 4 {
		t.Fatalf("found %d goldens: %v", len(goldens), err)
	}
	for _, file := range append(goldens, htmlFiles(t)...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out["file "+file] = visible(string(text))
	}
	return out
}

// htmlFiles lists the templates of the pages.
func htmlFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../web/templates/*.html")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d templates: %v", len(files), err)
	}
	return files
}

// visible is what of a page is read: neither its tags nor its actions.
func visible(page string) string {
	return regexp.MustCompile(`(?s)<[^>]*>|\{\{.*?\}\}`).ReplaceAllString(page, "\n")
}

func TestEverythingPeopleReadIsInPlainWords(t *testing.T) {
	for where, text := range read(t) {
		for _, f := range wording.Jargon(text) {
			t.Errorf("%s: %q in %q; %s", where, f.Text, around(text, f), f.Why)
		}
	}
}

func TestNothingPeopleReadIsPersonal(t *testing.T) {
	texts := read(t)
	pages, err := filepath.Glob("../web/testdata/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatalf("found %d pages: %v", len(pages), err)
	}
	for _, file := range pages {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts["page "+file] = visible(string(page))
	}
	for where, text := range texts {
		for _, f := range wording.PII(text) {
			t.Errorf("%s: %q in %q %s", where, f.Text, around(text, f), f.Why)
		}
	}
}

func around(text string, f wording.Finding) string {
	from, to := max(0, f.Offset-30), min(len(text), f.Offset+len(f.Text)+30)
	return fmt.Sprintf("…%s…", text[from:to])
}
