package scenario_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/scenario"
)

// head is the least a scenario has before its steps.
const head = "name: n\nestate: e.yaml\nstart: 2026-12-01 09:00\n"

func parse(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every bad file has beside it all its mistakes, as people read them.
func TestMistakesAreToldAllAtOnceWithTheirPlaces(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = scenario.Parse(filepath.Base(file), data)
			got := ""
			if err != nil {
				got = err.Error() + "\n"
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", got)
		})
	}
}

func TestTheSchemaIsThatOfTheTypes(t *testing.T) {
	golden(t, "../../docs/scenario.schema.json", string(scenario.Schema()))
}

// golden compares with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}

func TestInstants(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	clock := scenario.Clock{Start: time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), Zone: london, Mark: func(m calendar.Mark, from time.Time) (time.Time, bool) {
		return from.Add(time.Duration(m.WD) * 24 * time.Hour), true
	}}
	tests := map[string]struct{ at, want string }{
		"after the start":                        {"+90m", "2026-03-28T13:30:00Z"},
		"days after the start":                   {"+1d2h", "2026-03-29T14:00:00Z"},
		"a day and a time in summer":             {"2026-07-01 09:00", "2026-07-01T08:00:00Z"},
		"with a T between":                       {"2026-01-01T09:00", "2026-01-01T09:00:00Z"},
		"the end of a day":                       {"2026-01-01 24:00", "2026-01-02T00:00:00Z"},
		"a time that a clock change leaves out":  {"2026-03-29 01:30", "2026-03-29T01:00:00Z"},
		"a time that comes twice is the first":   {"2026-10-25 01:30", "2026-10-25T00:30:00Z"},
		"an instant with a zone of its own":      {"2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"},
		"a working day, by the calendar it asks": {"WD+2 09:00", "2026-03-30T12:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var i scenario.Instant
			if err := i.UnmarshalText([]byte(tt.at)); err != nil {
				t.Fatal(err)
			}
			got, ok := clock.On(i, clock.Start)
			if !ok || got.Format(time.RFC3339) != tt.want {
				t.Errorf("%s = %s, %t, want %s", tt.at, got.Format(time.RFC3339), ok, tt.want)
			}
		})
	}
}

func TestAScenarioIsHeldAgainstItsEstate(t *testing.T) {
	s := parse(t, head+`
healthy: db, dbb
entity: acme-ku
steps:
  - at: +10m
    set:
      components: {databse: down, db: down}
      signals: {db/postgres_upp: critical, bd/postgres_up: critical, db/postgres_up: warning}
      flows: {invoice-postin: passing}
      users: {payroll: 5 good}
      posted: {acme-ku: 3}
    tell: {changes: [{kind: deploy, component: erb, what: x}]}
  - at: +5m
    expect:
      pages: [invoice-posting/acme, invoice-posting/acme-uk]
      impacts: [{of: invoice-postings, tier: none}]
  - {at: WD+1 09:00, expect: {phases: {acme: close}}}
`)
	_, err := s.Check(ground(), scenario.Clock{Start: noon, Zone: time.UTC})
	golden(t, "testdata/check.txt", err.Error()+"\n")
}

// FuzzParse holds whatever is in a file to the promises of Parse: no panic,
// either a scenario or mistakes, each with a place in the file, a path and a
// remedy, on one line, in the order of the file. So is what Check finds.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "../../deploy/examples/scenarios/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal("no seeds", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte(strings.Repeat("- ", 2000)))
	f.Add([]byte(head + "steps: [{at: +10000000000d, for: 99999999999y, set: {users: {x: 99999999999 good}}}]"))
	f.Add([]byte(head + "inline: {components: {db: {postgres: {dsn: \"${env:X}\"}}}}\nsteps: [{at: +1m, expect: {pages: []}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scenario.Parse("x.yaml", data)
		if err != nil {
			checkPromises(t, data, err)
			return
		}
		if s == nil {
			t.Fatal("neither a scenario nor mistakes")
		}
		clock := scenario.Clock{Zone: time.UTC}
		clock.Start, _ = clock.On(s.Start, time.Time{})
		times, err := s.Check(ground(), clock)
		if err != nil {
			checkPromises(t, data, err)
			return
		}
		w := scenario.NewWorld(ground(), s.Healthy, clock.Start)
		for i, at := range times {
			w.Set(at, s.Steps[i].Set, s.Steps[i].For.D())
			w.Published()
		}
		if !s.Inline.IsZero() {
			if _, err := s.Inline.Estate(estate.Options{Offline: true}); err != nil {
				checkPromises(t, data, err)
			}
		}
	})
}

func checkPromises(t *testing.T, data []byte, err error) {
	t.Helper()
	mistakes, ok := errors.AsType[estate.Mistakes](err)
	if !ok || len(mistakes) == 0 {
		t.Fatalf("an error that is no mistake: %v", err)
	}
	lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
	for i, m := range mistakes {
		if m.File != "x.yaml" || m.Line < 1 || m.Line > lines || m.Column < 1 {
			t.Errorf("mistake is not in the file of %d lines: %+v", lines, m)
		}
		if m.Path == "" || m.What == "" || m.Remedy == "" || strings.ContainsAny(m.String(), "\n\r") || !utf8.ValidString(m.String()) {
			t.Errorf("mistake is not one readable line: %+v", m)
		}
		if i > 0 && m.Line < mistakes[i-1].Line {
			t.Errorf("mistakes are not in the order of the file: %v", mistakes)
		}
	}
}
