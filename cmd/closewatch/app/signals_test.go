package app

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/wording"
)

// docs/signals.md lists what is built in, to the letter. UPDATE_GOLDEN=1 writes
// the list anew.
func TestSignalsAreDocumented(t *testing.T) {
	const file, begin, end = "../../../docs/signals.md", "<!-- signals: begin", "<!-- signals: end"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	from, to := strings.Index(text, begin), strings.Index(text, end)
	if from < 0 || to < from {
		t.Fatalf("%s has no place for the list", file)
	}
	from += strings.Index(text[from:], "\n") + 1
	want := text[:from] + signalTables() + text[to:]
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(want, text); diff != "" {
		t.Errorf("%s does not list what is built in (-want +got):\n%s", file, diff)
	}
}

func signalTables() string {
	var shown []SignalShown
	for _, d := range ofKinds() {
		shown = append(shown, shownSignals(d, false)...)
	}
	slices.SortStableFunc(shown, func(a, b SignalShown) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	var out strings.Builder
	kind := "-"
	for _, s := range shown {
		if s.Kind != kind {
			kind = s.Kind
			fmt.Fprintf(&out, "\n### %s\n\n| signal | is | role | bad when | holds | left at | in the close |\n|---|---|---|---|---|---|---|\n", cmp.Or(kind, "closewatch"))
		}
		hold, inClose := "at once", ""
		if s.For > 0 {
			hold = wording.Duration(s.For)
		}
		if s.Close != nil {
			inClose = s.Close.Words()
			if s.Close.For != s.For {
				inClose += ", holds " + wording.Duration(s.Close.For)
			}
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s | %s | %s |\n", s.Name, s.Title, s.Role, s.Words(), hold, s.Exit, inClose)
	}
	return out.String() + "\n"
}

// TestLimitsOfTheClose asks which readings concern a close: an entity's its own, a
// tenant's and a shared component's those of any entity.
func TestLimitsOfTheClose(t *testing.T) {
	p := planOf(t, "components:\n"+odoo("erp", "prod", "")+`entities:
  - {name: acme-uk, tenant: prod, company: 1, timezone: Europe/London}
  - {name: acme-at, tenant: prod, company: 3, timezone: Europe/Vienna}
  - {name: other, tenant: elsewhere, company: 1, timezone: America/New_York}
`)
	a := &assembler{subjects: resolveSubjects(p.Estate, p.tenants, p.scheduled), calendars: newCalendars(p.Estate, p.Estate.Entities)}
	tests := map[string]struct {
		at   string
		want string // of acme-at, of tenant prod, of tenant elsewhere, of a component
	}{
		"a quiet day":                         {"2026-11-17T12:00:00Z", "----"},
		"everybody's close":                   {"2026-12-02T12:00:00Z", "aptc"},
		"Vienna's has begun, London's hasn't": {"2026-11-25T23:30:00Z", "ap-c"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			concerns := a.inClose(at(t, tt.at))
			got := ""
			for _, r := range []struct {
				mark    string
				reading signal.Reading
			}{
				{"a", signal.Reading{Environment: "production", Component: "erp", Tenant: "prod", Labels: map[string]string{"entity": "acme-at"}}},
				{"p", signal.Reading{Environment: "production", Component: "erp", Tenant: "prod"}},
				{"t", signal.Reading{Environment: "production", Component: "erp", Tenant: "elsewhere"}},
				{"c", signal.Reading{Environment: "production", Component: "db"}},
			} {
				if concerns(r.reading) {
					got += r.mark
				} else {
					got += "-"
				}
			}
			if got != tt.want {
				t.Errorf("concerned %s, want %s", got, tt.want)
			}
		})
	}
}

// What an estate says of signals is in force, and check says where it was said.
func TestSignalsAsTheEstateHasThem(t *testing.T) {
	p := planOf(t, "components:\n"+odoo("erp", "prod", "")+`  db: {postgres: {dsn: "postgres://cw@db:5432/postgres"}, signals: {postgres_standby_lag: {warning: 500ms, for: 10s}, postgres_blocked: {enabled: false}}}
entities: [{name: acme, tenant: prod}]
signals:
  postgres_standby_lag: {warning: 2m, exit: 80%, close: {critical: 1h30m}}
  odoo_up: {enabled: false}
`)
	shown := map[string]string{}
	for _, s := range p.Signals() {
		if s.Changed == "" {
			continue
		}
		said := s.Words()
		if s.Off {
			said = "off"
		} else if s.Close != nil {
			said += fmt.Sprintf(" (close: %s), left at %s, holds %s", s.Close.Words(), s.Exit, s.For)
		}
		shown[strings.TrimSuffix(s.Name+" "+s.Component, " ")] = said + " by " + s.Changed
	}
	want := map[string]string{
		"odoo_up":                 "off by signals",
		"postgres_blocked db":     "off by components.db.signals",
		"postgres_standby_lag":    "warning more than 2 min (close: warning more than 10 s, critical more than 1 h 30 min), left at 80 %, holds 0s by signals",
		"postgres_standby_lag db": "warning more than 0.5 s (close: warning more than 0.5 s, critical more than 1 h 30 min, left at 80 %, holds 10s by components.db.signals",
	}
	want["postgres_standby_lag db"] = strings.Replace(want["postgres_standby_lag db"], "1 h 30 min,", "1 h 30 min),", 1)
	if diff := gocmp.Diff(want, shown); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	e, err := signal.NewEvaluator(p.signals(0.5))
	if err != nil {
		t.Fatal(err)
	}
	e.Expect(p.subjects())
	lag := func(component string, at time.Time) []signal.Sample {
		return []signal.Sample{{
			Name: "pg_standby_lag_seconds", Value: 1, At: at,
			Labels: map[string]string{"environment": "production", "component": component, "stage": "replay", "bound": "lower", "standby": "one"},
		}}
	}
	state := ""
	for _, after := range []time.Duration{0, 5 * time.Second} { // 10 s, scaled by half
		for _, r := range e.Evaluate(noon.Add(after), lag("db", noon.Add(after))) {
			if r.Signal == "postgres_standby_lag" && r.Component == "db" {
				state += r.State.String() + " "
			}
		}
	}
	if state != "unknown warning " {
		t.Errorf("states of a lag of 1 s where 500ms is the limit: %s, want unknown, then warning", state)
	}
}
