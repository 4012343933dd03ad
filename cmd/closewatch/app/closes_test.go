package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// A closeRoom follows the close of one entity as the daemon does at a tick.
type closeRoom struct {
	assembler *assembler
	locks     *lockWatch
	told      *chronicle
	log       *evidence.Log
	dir       string
}

func newCloseRoom(t *testing.T) *closeRoom {
	t.Helper()
	dir := t.TempDir()
	log, err := evidence.Open(evidence.Settings{Dir: filepath.Join(dir, "evidence"), KeyFile: filepath.Join(dir, "key"), Now: func() time.Time { return noon }, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return &closeRoom{
		assembler: assemble(closing(t, "calendar: {holidays: [2026-12-25, 2027-12-27]}\n"), acme(catalogued(t, "ap-bill-run"))),
		locks:     newLockWatch(), told: newChronicle(log, nil, telemetry.NewOwn()), log: log, dir: filepath.Join(dir, "evidence"),
	}
}

// restarted is the room of another process, that takes up what was kept.
func (r *closeRoom) restarted(t *testing.T) *closeRoom {
	t.Helper()
	kept, err := json.Marshal(memory{Closes: r.locks.memory()})
	if err != nil {
		t.Fatal(err)
	}
	var m memory
	if err := json.Unmarshal(kept, &m); err != nil {
		t.Fatal(err)
	}
	next := newCloseRoom(t)
	next.told, next.log, next.dir = newChronicle(r.log, nil, telemetry.NewOwn()), r.log, r.dir
	next.told.stood(m)
	next.locks.restore(m.Closes)
	return next
}

// tick returns what is decided on and what is published.
func (r *closeRoom) tick(t *testing.T, s string, dates map[string]string) *Tick {
	t.Helper()
	at := at(t, s)
	var published []signal.Sample // no dates: they cannot be read
	if dates != nil {
		published = collectedAt(locked(dates), at)
	}
	tick := &Tick{At: at, Locks: r.locks.findings(at, indexSamples(published), r.assembler.calendars)}
	tick.Places = r.assembler.calendars.places(at, r.assembler.subjects)
	tick.Evidence = append(tick.Evidence, r.assembler.only(at))
	r.told.happened(tick, nil, nil)
	return tick
}

func (r *closeRoom) chronicled(t *testing.T) []string {
	t.Helper()
	var out []string
	for rec, err := range evidence.Read(os.DirFS(r.dir)) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(rec.Action, "close-") {
			out = append(out, strings.TrimRight(strings.Join([]string{rec.Action, rec.Refs["period"], rec.Refs["planned"], rec.Refs["actual"]}, " "), " "))
		}
	}
	return out
}

// TestACloseIsFollowedOverARestart takes a close past its planned end, through a
// restart without lock dates, to its lock, and opens it again: what is decided
// on, published and chronicled at each tick.
func TestACloseIsFollowedOverARestart(t *testing.T) {
	open, shut := map[string]string{"fiscalyear": "2026-10-31"}, map[string]string{"fiscalyear": "2026-11-30"}
	r := newCloseRoom(t)
	steps := []struct {
		name, at string
		dates    map[string]string
		restart  bool
		place    string
		critical bool
		metrics  string
	}{
		{"in its close", "2026-12-04T12:00:00Z", open, false, "close of 2026-11", true, "planned 2026-12-08T00:00:00Z, state 1"},
		{"past its planned end", "2026-12-08T00:00:00Z", open, false, "close of 2026-11, past its planned end", true, "planned 2026-12-08T00:00:00Z, state 2"},
		{"after a restart, before lock dates are read", "2026-12-08T00:01:00Z", nil, true, "close of 2026-11, past its planned end", true, "planned 2026-12-08T00:00:00Z, state 2"},
		{"locked", "2026-12-09T10:00:00Z", shut, false, "tail of 2026-11", false, "planned 2026-12-08T00:00:00Z, actual 2026-12-09T10:00:00Z, state 3"},
		{"after another restart", "2026-12-09T10:01:00Z", shut, true, "tail of 2026-11", false, "planned 2026-12-08T00:00:00Z, actual 2026-12-09T10:00:00Z, state 3"},
		{"opened again", "2026-12-15T10:00:00Z", open, false, "close of 2026-11, opened again", true, "planned 2026-12-08T00:00:00Z, state 4"},
		{"locked again", "2026-12-15T11:00:00Z", shut, false, "normal days", false, "planned 2026-12-08T00:00:00Z, actual 2026-12-15T11:00:00Z, state 3"},
	}
	for _, s := range steps {
		if s.restart {
			r = r.restarted(t)
		}
		tick := r.tick(t, s.at, s.dates)
		ev := tick.Evidence[0]
		if ev.Place.String() != s.place || ev.Critical != s.critical {
			t.Errorf("%s: %s, critical %v, want %s, %v", s.name, ev.Place, ev.Critical, s.place, s.critical)
		}
		if got := published(tick); got != s.metrics {
			t.Errorf("%s: published %s, want %s", s.name, got, s.metrics)
		}
	}
	want := []string{
		"close-overrun 2026-11 2026-12-08T00:00:00Z",
		"close-closed 2026-11 2026-12-08T00:00:00Z 2026-12-09T10:00:00Z",
		"close-reopened 2026-11 2026-12-08T00:00:00Z",
		"close-closed 2026-11 2026-12-08T00:00:00Z 2026-12-15T11:00:00Z",
	}
	if diff := cmp.Diff(want, r.chronicled(t)); diff != "" {
		t.Errorf("chronicled (-want +got):\n%s", diff)
	}
}

// published is what metrics say of November.
func published(tick *Tick) string {
	names := map[*prometheus.Desc]string{closePlannedEnd: "planned", closeActualEnd: "actual", closeState: "state"}
	said := map[string]string{}
	closeMetrics(func(d *prometheus.Desc, v float64, labels ...string) {
		if labels[2] == "2026-11" {
			said[names[d]] = time.Unix(int64(v), 0).UTC().Format(time.RFC3339)
			if d == closeState {
				said["state"] = string(rune('0' + int(v)))
			}
		}
	}, tick.Places[0])
	var out []string
	for _, name := range []string{"planned", "actual", "state"} {
		if said[name] != "" {
			out = append(out, name+" "+said[name])
		}
	}
	return strings.Join(out, ", ")
}

// A close that goes on keeps flows at the pace of a critical window, and what
// freezes with it frozen, as those who run flows see the calendar.
func TestPaceFollowsTheClose(t *testing.T) {
	p := planOf(t, "components:\n"+odoo("erp", "prod", "")+twoEntities+`calendar:
  holidays: [2026-12-25, 2027-12-25]
  freezes:
    - {id: close, title: the close, from: WD+1 00:00, to: WD+5 24:00, level: hard, breakGlass: {approvers: 2}}
`)
	cals := newCalendars(p.Estate, entities(p.Estate, p.tenants))
	pace, during := p.pacer(p.components[0], cals), at(t, "2026-12-08T10:00:00Z")
	before := pace("month-end-close", during)
	w := newLockWatch()
	w.restore([]followedClose{{"production", "prod", "acme-at", calendar.Actual{Period: "2026-11", Lock: calendar.FiscalYearLock, Overrun: true}}})
	w.findings(during, indexSamples(nil), cals)
	after := pace("month-end-close", during)
	if before.Tempo == after.Tempo || before.Closed != "" || after.Closed != "hard close: the close" || after.Why != "WD-2 to WD+5 of 2026-11, whose close goes on" {
		t.Errorf("pace as planned %+v, with a close that goes on %+v", before, after)
	}
}

// Commands see in a data directory how closes went; without one the plan counts.
func TestClosesAreReadFromADataDirectory(t *testing.T) {
	p := planOf(t, "components:\n"+odoo("erp", "prod", "")+twoEntities)
	states := func() []string {
		var out []string
		for _, e := range p.WhatIf(at(t, "2026-12-09T12:00:00Z"), "").Entities {
			for _, c := range e.Closes {
				out = append(out, e.Entity+" "+string(c.State)+": "+c.Words)
			}
		}
		return out
	}
	dir := t.TempDir()
	if err := p.ReadCloses(dir); err != nil {
		t.Fatal(err)
	}
	unknown := "planned to end 2026-12-07 24:00 %s; no lock dates tell when it does: the plan counts"
	want := []string{"acme-uk planned: " + strings.Replace(unknown, "%s", "GMT", 1), "acme-at planned: " + strings.Replace(unknown, "%s", "CET", 1)}
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("without lock dates (-want +got):\n%s", diff)
	}
	kept := memory{At: noon, Closes: []followedClose{
		{"production", "prod", "acme-at", calendar.Actual{Period: "2026-11", Lock: calendar.FiscalYearLock, Turns: []time.Time{at(t, "2026-12-04T08:00:00Z")}}},
		{"production", "prod", "acme-uk", calendar.Actual{Period: "2026-11", Lock: calendar.HardLock, Overrun: true}},
	}}
	if err := os.MkdirAll(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := kept.save(filepath.Join(dir, "state", "incidents.json")); err != nil {
		t.Fatal(err)
	}
	if err := p.ReadCloses(dir); err != nil {
		t.Fatal(err)
	}
	want = []string{
		"acme-uk overrun: planned to end 2026-12-07 24:00 GMT; hard_lock_date is not set: in its close until it is",
		"acme-at closed: planned to end 2026-12-07 24:00 CET; fiscalyear_lock_date set 2026-12-04 09:00 CET: 3d15h early",
	}
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("with lock dates (-want +got):\n%s", diff)
	}
	var shown []string
	for _, e := range p.Calendars("acme-at", at(t, "2026-12-03T00:00:00Z"), at(t, "2026-12-09T00:00:00Z"))[0].Events {
		if e.What == "phase" {
			shown = append(shown, e.Start.Format(time.RFC3339)+" "+e.Title)
		}
	}
	if !slices.Equal(shown, []string{"2026-12-04T09:00:00+01:00 tail of 2026-11, closed early begins"}) {
		t.Errorf("shown %q", shown)
	}
	if err := durable.WriteChecked(filepath.Join(dir, "state", "incidents.json"), []byte("{")); err != nil {
		t.Fatal(err)
	}
	if err := p.ReadCloses(dir); err == nil {
		t.Error("what cannot be read is not said")
	}
}
