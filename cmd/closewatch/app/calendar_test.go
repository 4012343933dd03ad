package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
)

// closing is an estate with a calendar of its own.
func closing(t *testing.T, calendar string) *estate.Estate {
	t.Helper()
	e, err := estate.Parse("x.yaml", []byte(`apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme}
entities:
  - {name: acme, tenant: prod, timezone: Europe/London}
components:
  db: {postgres: {dsn: "postgres://cw@db:5432/postgres"}}
`+calendar), estate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func assemble(e *estate.Estate, subjects ...subject) *assembler {
	return &assembler{
		subjects: subjects, calendars: newCalendars(e, e.Entities), work: newWorkWatch(time.Minute),
		beyond: map[tiering.Key]time.Time{}, ledger: map[string]*postings{},
	}
}

func (a *assembler) only(at time.Time) tiering.Evidence {
	return a.evidence(at, samples{}, nil, &objectives{of: map[string][]int{}, engine: &slo.Engine{}}, nil)[0]
}

func at(t *testing.T, s string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

const cutoffs = `calendar:
  holidays: [2026-12-25, 2027-12-27]
  cutoffs:
    - {id: ap, title: AP cut-off, process: ap-bill-run, at: "17:00"}
    - {id: other, process: payroll, at: "10:00"}
  freezes:
    - {id: f, from: WD-2 00:00, to: WD+5 18:00, level: hard, breakGlass: {approvers: 2}}
`

func TestEvidenceSaysWhereAProcessIsInItsCalendar(t *testing.T) {
	own := acme(catalogued(t, "ap-bill-run"))
	own.windows = []calendar.Window{{Kind: calendar.BeforeDeadline, Before: 4 * time.Hour, Says: "4 h before the payment cut-off"}}
	tests := map[string]struct {
		subject  subject
		at       string
		place    string
		why      string // "" is not critical
		deadline string
	}{
		"a quiet day":                   {acme(catalogued(t, "ap-bill-run")), "2026-11-17T14:00:00Z", "normal days", "", "AP cut-off 2026-11-17T17:00:00Z"},
		"no window of its own: close":   {acme(catalogued(t, "ap-bill-run")), "2026-12-02T12:00:00Z", "close of 2026-11", "close of 2026-11", "AP cut-off 2026-12-02T17:00:00Z"},
		"its own window on a quiet day": {own, "2026-11-17T14:00:00Z", "normal days", "4 h before the payment cut-off: AP cut-off", "AP cut-off 2026-11-17T17:00:00Z"},
		"its own window is not open":    {own, "2026-12-02T12:00:00Z", "close of 2026-11", "", "AP cut-off 2026-12-02T17:00:00Z"},
		"a holiday has no cut-off":      {own, "2026-12-25T15:00:00Z", "normal days", "", "AP cut-off 2026-12-28T17:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ev := assemble(closing(t, cutoffs), tt.subject).only(at(t, tt.at))
			if ev.Place.String() != tt.place || ev.Critical != (tt.why != "") || ev.CriticalWhy != tt.why {
				t.Errorf("place %s, critical %v (%q), want %s, %q", ev.Place, ev.Critical, ev.CriticalWhy, tt.place, tt.why)
			}
			if len(ev.Deadlines) != 1 || ev.Deadlines[0].Title+" "+ev.Deadlines[0].At.Format(time.RFC3339) != tt.deadline {
				t.Errorf("deadlines %+v, want %s alone", ev.Deadlines, tt.deadline)
			}
		})
	}
}

// A freeze is in the evidence, for people; it does not make a process less
// critical.
func TestAFreezeIsToldAndLowersNothing(t *testing.T) {
	subj, during := acme(catalogued(t, "invoice-posting")), at(t, "2026-12-02T12:00:00Z")
	frozen := assemble(closing(t, cutoffs), subj).only(during)
	free := assemble(closing(t, strings.Split(cutoffs, "  freezes:")[0]), subj).only(during)
	if frozen.Place.Freeze != calendar.HardFreeze || free.Place.Freeze != "" {
		t.Fatalf("freezes %q and %q, want hard and none", frozen.Place.Freeze, free.Place.Freeze)
	}
	if frozen.Critical != free.Critical || frozen.CriticalWhy != free.CriticalWhy {
		t.Errorf("critical %v (%s) in the freeze, %v (%s) without", frozen.Critical, frozen.CriticalWhy, free.Critical, free.CriticalWhy)
	}
}

// The calendar is laid out anew in each month, and what it says does not depend
// on when that was.
func TestTheCalendarIsLaidOutAgainBeforeItEnds(t *testing.T) {
	c := newCalendars(closing(t, cutoffs), []estate.Entity{{Name: "acme"}})
	first := c.around(at(t, "2026-11-01T00:00:00Z"))
	if c.around(at(t, "2026-11-30T23:59:59Z")) != first {
		t.Error("laid out twice in one month")
	}
	when := at(t, "2026-12-03T12:00:00Z")
	next := c.around(when)
	if next == first {
		t.Error("not laid out anew in the next month")
	}
	if diff := cmp.Diff(first.of["acme"].At(when), next.of["acme"].At(when)); diff != "" {
		t.Errorf("the place depends on when it was laid out (-November +December):\n%s", diff)
	}
	if diff := cmp.Diff(first.of["acme"].Deadlines(when, ""), next.of["acme"].Deadlines(when, "")); diff != "" {
		t.Errorf("deadlines depend on when they were laid out (-November +December):\n%s", diff)
	}
	c = newCalendars(closing(t, ""), []estate.Entity{{Name: "acme"}})
	for _, far := range []string{"2031-06-01T00:00:00Z", "1999-01-01T00:00:00Z"} {
		if place := c.around(at(t, far)).of["acme"].At(at(t, far)); place.Doubt != "" {
			t.Errorf("at %s the calendar has ended: %s", far, place.Doubt)
		}
	}
}

func TestWithoutACalendarEveryWeekdayIsWorked(t *testing.T) {
	a := assemble(closing(t, ""), acme(catalogued(t, "invoice-posting")))
	for when, want := range map[string]string{"2026-11-17T12:00:00Z": "normal days", "2026-12-02T12:00:00Z": "close of 2026-11"} {
		if ev := a.only(at(t, when)); ev.Place.String() != want || ev.Critical != ev.Place.Critical() {
			t.Errorf("at %s: %s, critical %v; want %s", when, ev.Place, ev.Critical, want)
		}
	}
	none := assemble(closing(t, "calendar: {close: none}\n"), acme(catalogued(t, "invoice-posting")))
	if ev := none.only(at(t, "2026-12-02T12:00:00Z")); ev.Place.Phase != calendar.Normal || ev.Critical {
		t.Errorf("without a close: %s, critical %v", ev.Place, ev.Critical)
	}
}

func TestCalendarMetrics(t *testing.T) {
	when := at(t, "2026-12-02T12:00:00Z")
	a := assemble(closing(t, cutoffs), acme(catalogued(t, "ap-bill-run")), acme(catalogued(t, "payroll")))
	var m engineMetrics
	m.last.Store(&Tick{At: when, Places: a.calendars.places(when, a.subjects), Doubts: a.calendars.doubts(when)})
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(&m)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, series := range f.GetMetric() {
			if v := series.GetGauge().GetValue(); strings.HasPrefix(f.GetName(), "closewatch_calendar") || strings.HasPrefix(f.GetName(), "closewatch_deadline") {
				got[f.GetName()+" "+values(series)] = v
			}
		}
	}
	want := map[string]float64{
		"closewatch_calendar_phase acme production close":            1,
		"closewatch_calendar_phase acme production normal":           0,
		"closewatch_calendar_phase acme production pre_close":        0,
		"closewatch_calendar_phase acme production tail":             0,
		"closewatch_calendar_phase acme production unknown":          0,
		"closewatch_deadline_seconds acme production ap ap-bill-run": 5 * 3600,
		"closewatch_deadline_seconds acme production other payroll":  22 * 3600,
		"closewatch_calendar_doubts default":                         0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics differ (-want +got):\n%s", diff)
	}
}

// values are those of a series' labels, in the order of their names.
func values(m *dto.Metric) string {
	var out []string
	for _, l := range m.GetLabel() {
		out = append(out, l.GetValue())
	}
	return strings.Join(out, " ")
}

// What-if asks the same table and the same windows as a tick does, and tells
// what is in force: outside the critical window of month-end close and in it.
func TestWhatIfAgreesWithATick(t *testing.T) {
	e := closing(t, cutoffs)
	e.Processes = map[string]estate.ProcessOverride{}
	p := &Plan{Estate: e}
	for when, want := range map[string]struct {
		tier     tiering.Tier
		severity string
		matters  process.ServiceTier
		why      string
		until    string
		recovery process.Recovery
	}{
		"2026-11-17T09:00:00Z": {tiering.Degradation, "ticket", process.Important, "", "0001-01-01T00:00:00Z", process.Recovery{RTO: 8 * time.Hour, RPO: 15 * time.Minute}},
		"2026-12-02T09:00:00Z": {tiering.BusinessCritical, "page", process.Critical, "WD-2 to WD+5 of 2026-11", "2026-12-08T00:00:00Z", process.Recovery{RTO: 2 * time.Hour, RPO: 5 * time.Minute}},
	} {
		w := p.WhatIf(at(t, when), "acme")
		i := slices.IndexFunc(w.Entities[0].Processes, func(pr ProcessWhatIf) bool { return pr.Process == "month-end-close" })
		pr := w.Entities[0].Processes[i]
		if pr.AlertTier != want.tier || pr.Severity != want.severity || pr.ServiceTier != want.matters || pr.Because == "" {
			t.Errorf("at %s: %+v, want %s, %s, tier %s", when, pr, want.tier, want.severity, want.matters)
		}
		if pr.Why != want.why || !pr.Until.Equal(at(t, want.until)) {
			t.Errorf("at %s critical because %q until %s, want %q until %s", when, pr.Why, pr.Until, want.why, want.until)
		}
		if got := (process.Recovery{RTO: pr.RTO, RPO: pr.RPO}); got != want.recovery {
			t.Errorf("at %s recovery objectives %v, want %v", when, got, want.recovery)
		}
		subj := acme(catalogued(t, "month-end-close"))
		subj.windows = windows(subj.process)
		ev := assemble(e, subj).only(at(t, when))
		if ev.Critical != pr.Critical || ev.CriticalWhy != pr.Why {
			t.Errorf("at %s a tick says critical %v (%s), what-if %v (%s)", when, ev.Critical, ev.CriticalWhy, pr.Critical, pr.Why)
		}
	}
	if got := p.WhatIf(at(t, "2026-12-02T09:00:00Z"), "nobody"); len(got.Entities) != 0 {
		t.Errorf("an entity nobody has: %+v", got.Entities)
	}
}

// The objectives in force are those of the critical window inside it, and say
// nothing about the other side of it.
func TestWhatIfTellsTheObjectivesInForce(t *testing.T) {
	p := process.Process{Objectives: []process.Objective{
		{Name: "availability", Kind: process.Availability, Target: 0.995, CriticalTarget: 0.999, Says: "posted"},
		{Name: "latency", Kind: process.Latency, Target: 0.95, Threshold: 3 * time.Second, CriticalThreshold: 5 * time.Second},
		{Name: "file", Kind: process.Deadline, Every: true, CriticalOnly: true},
	}}
	for critical, want := range map[bool][]string{
		false: {"availability 99.5 %: posted", "latency 95 % within 3s"},
		true:  {"availability 99.9 %: posted", "latency 95 % within 5s", "file every time"},
	} {
		var got []string
		for _, o := range objectivesIn(p, critical) {
			got = append(got, o.Name+" "+o.Words)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("critical %v: objectives differ (-want +got):\n%s", critical, diff)
		}
	}
}
