package wording_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

var at = time.Date(2026, 12, 1, 14, 5, 0, 0, time.UTC)

func situation(name string) wording.Situation {
	for _, p := range process.Catalog() {
		if p.Name == name {
			return wording.Situation{
				Tier: "business-critical", Process: p.Title, Entity: "acme-uk", Environment: "production",
				Symptom: "failing", Headline: "test transaction " + name + " failed twice in a row at step post (rejected)",
				Because: "the outcome fails, confirmed by a second witness",
				Since:   at.Add(-13 * time.Minute), At: at,
				Stops: p.Stops, Workaround: p.Workaround, DoFirst: p.DoFirst, DoNot: p.DoNot, Team: p.Team, Owner: p.Owner,
				Deadline: "AP cut-off", DeadlineAt: at.Add(2*time.Hour + 55*time.Minute), DeadlineLeft: 2*time.Hour + 15*time.Minute,
				Cause: "db", Evidence: []string{"PostgreSQL db does not answer"}, RuledOut: []string{"ingress", "cache"},
				Also: []string{"Bank reconciliation", "Financial reporting"}, ServiceTier: "A", Phase: "close of 2026-11",
				Witnesses: []string{"2 failing runs of " + name + " in a row", "db is unhealthy"},
				RTO:       p.Recovery.RTO, RPO: p.Recovery.RPO, Exposure: 3 * time.Second, Budget: "62% left",
				Incident: "I-0123abcd", URL: "http://127.0.0.1:9977/incidents/I-0123abcd",
			}
		}
	}
	panic("no process " + name)
}

func TestCompose(t *testing.T) {
	degraded := situation("e-invoicing")
	degraded.Tier, degraded.Symptom, degraded.Cause, degraded.Witnesses, degraded.Also = "degradation", "work-missing", "", nil, nil
	degraded.Headline = "expected work missing: e-invoices waiting to be sent (31 jobs pending, none taken for 3m)"
	degraded.Because = "expected work is missing; there is still time"
	noted := situation("reporting")
	noted.Tier, noted.Symptom, noted.Headline = "informational", "cause-only", "db is unhealthy: checkpoints are slow"
	noted.Because, noted.Deadline = "a component it depends on is unhealthy, the outcome is not affected", ""
	tests := map[string]wording.Situation{
		"business_critical": situation("invoice-posting"),
		"degradation":       degraded,
		"informational":     noted,
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			p := wording.Compose(s)
			got := p.Title + "\n\n" + p.Body + "\n"
			file := filepath.Join("testdata", name+".txt")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("page differs from %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

func TestEveryPageKeepsItsLimits(t *testing.T) {
	for _, p := range process.Catalog() {
		s := situation(p.Name)
		s.Entity = "a-rather-long-entity-name-of-some-holding"
		s.Evidence = []string{strings.Repeat("a component said a great deal about itself ", 20)}
		page := wording.Compose(s)
		if n := utf8.RuneCountInString(page.Title); n > wording.MaxTitle {
			t.Errorf("%s: title has %d characters, limit %d", p.Name, n, wording.MaxTitle)
		}
		if n := utf8.RuneCountInString(page.Body); n > wording.MaxBody {
			t.Errorf("%s: body has %d characters, limit %d", p.Name, n, wording.MaxBody)
		}
	}
}

func TestOrdinaryPagesFitWithoutLosingASection(t *testing.T) {
	for _, p := range process.Catalog() {
		page := wording.Compose(situation(p.Name))
		for _, part := range []string{"impact", "deadline", "cause", "do_first", "do_not", "workaround", "who", "why", "clocks"} {
			if page.Parts[part] == "" {
				t.Errorf("%s: the page has no %s", p.Name, part)
			}
		}
		if strings.Contains(page.Body, "…") {
			t.Errorf("%s: an ordinary page is cut:\n%s", p.Name, page.Body)
		}
	}
}

// TestPagesSpeakToFinance keeps the machine room's words out of what every page
// says about a process.
func TestPagesSpeakToFinance(t *testing.T) {
	jargon := []string{"lsn", "wal", "promql", "sigstop", "oom", "mutex", "goroutine", "http 200", "5xx", "p95", "pod", "qps", "regex", "stacktrace"}
	for _, p := range process.Catalog() {
		text := strings.ToLower(strings.Join(append(append([]string{p.Title, p.Stops, p.Workaround}, p.DoFirst...), p.DoNot...), " "))
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
			for _, j := range jargon {
				if word == j {
					t.Errorf("%s: says %q", p.Name, j)
				}
			}
		}
		if p.Team == "" || p.Owner == "" || p.Stops == "" || p.Workaround == "" || len(p.DoFirst) == 0 || len(p.DoNot) == 0 {
			t.Errorf("%s: a page about it would be incomplete", p.Name)
		}
	}
}

func TestDuration(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0s", 95 * time.Second: "95s", 12 * time.Minute: "12m", 3*time.Hour + 6*time.Minute: "3h06m",
		4 * time.Hour: "4h", 52 * time.Hour: "2d4h", -30 * time.Second: "-30s",
	}
	for in, want := range tests {
		if got := wording.Duration(in); got != want {
			t.Errorf("Duration(%v) = %q, want %q", in, got, want)
		}
	}
}
