package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	arran "github.com/arran4/golang-ical"
	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
)

// shownAs runs calendar show over the example of a whole estate.
func shownAs(t *testing.T, format string) []byte {
	t.Helper()
	for _, name := range []string{"REDIS_PASSWORD", "AM_PASSWORD", "MAIL_PASSWORD", "GRAFANA_TOKEN", "DEPLOY_TOKEN"} {
		t.Setenv("CLOSEWATCH_"+name, strings.Repeat(strings.ToLower(name), 3))
	}
	t.Setenv("CLOSEWATCH_HOOK_URL", "https://hooks.example.com/closewatch")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../deploy/examples")); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"pg", "odoo"} {
		if err := os.WriteFile(filepath.Join(dir, secret), []byte("pw"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "acme.yaml")
	estate, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(estate, []byte("/run/secrets/"), []byte(dir+"/")), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs([]string{"calendar", "show", "--from", "2026-11-15", "--to", "2027-04-15", "--format", format, "-f", file})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Semantic (j): another parser reads the same events out of the calendar that people
// subscribe to as machines read out of the JSON: five months of two entities,
// with changes of the clocks between them.
func TestAnotherParserReadsTheCalendar(t *testing.T) {
	var entities []app.EntityCalendar
	if err := json.Unmarshal(shownAs(t, "json"), &entities); err != nil {
		t.Fatal(err)
	}
	type event struct {
		Summary, Category, Start, End string
		AllDay                        bool
	}
	want := map[string]int{}
	render := func(e event) string {
		text, _ := json.Marshal(e)
		return string(text)
	}
	layout := map[bool]string{true: time.DateOnly, false: time.RFC3339}
	for _, c := range entities {
		for _, e := range c.Events {
			summary := c.Entity + ": " + e.Title
			if e.What != "phase" {
				summary += " (" + e.What + ")"
			}
			start, end := e.Start, e.End
			if !e.AllDay {
				start, end = start.UTC(), end.UTC()
			}
			want[render(event{summary, e.What, start.Format(layout[e.AllDay]), end.Format(layout[e.AllDay]), e.AllDay})]++
		}
	}
	parsed, err := arran.ParseCalendar(bytes.NewReader(shownAs(t, "ics")))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range parsed.Events() {
		allDay := len(e.GetProperty(arran.ComponentPropertyDtStart).Value) == len("20261231")
		start, err := e.GetStartAt()
		end, endErr := e.GetEndAt()
		switch {
		case allDay:
			start, err = e.GetAllDayStartAt()
			end, endErr = e.GetAllDayEndAt()
		case e.GetProperty(arran.ComponentPropertyDtEnd) == nil:
			end, endErr = start, nil // an instant
		}
		if err != nil || endErr != nil {
			t.Fatalf("%s: %v, %v", e.Id(), err, endErr)
		}
		got[render(event{
			e.GetProperty(arran.ComponentPropertySummary).Value, e.GetProperty(arran.ComponentPropertyCategories).Value,
			start.Format(layout[allDay]), end.Format(layout[allDay]), allDay,
		})]++
	}
	if len(want) < 200 {
		t.Errorf("only %d events are compared", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the ICS differs from the JSON (-json +ics):\n%s", diff)
	}
}
