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
	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
)

// closing is an estate with a calendar of its own.
func closing(tb testing.TB, calendar string) *estate.Estate {
	tb.Helper()
	e, err := estate.Parse("x.yaml", []byte(`apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme}
entities:
  - {name: acme, tenant: prod, timezone: Europe/London}
components:
  db: {postgres: {dsn: "postgres://cw@db:5432/postgres"}}
`+calendar), estate.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func assemble(e *estate.Estate, subjects ...subject) *assembler {
	return &assembler{
		subjects: subjects, calendars: newCalendars(e, e.Entities), work: expected.New(time.Minute),
		beyond: map[tiering.Key]time.Time{}, ledger: map[ledgerKey]*postings{},
	}
}

func (a *assembler) only(at time.Time) tiering.Evidence {
	return a.evidence(at, indexSamples(nil), make([][]tiering.Work, len(a.subjects)), nil, &objectives{of: map[group][]int{}, engine: &slo.Engine{}}, nil)[0]
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

// Semantic (k): a freeze is in the evidence, for people; it makes no process less
// critical and mutes nothing: what is business-critical without it is so in it.
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
	if in, out := confirmed(frozen), confirmed(free); in.Tier != tiering.BusinessCritical || in.Tier != out.Tier {
		t.Errorf("a confirmed failure is %s in the freeze, %s without, want business-critical", in.Tier, out.Tier)
	}
}

// Semantic (e): each result cites the hash of the calendar it was made under. An
// edit that makes a day in the past a holiday holds for what comes; the results
// that are kept, and what they cite, stay as they were.
func TestABackDatedEditRewritesNoResult(t *testing.T) {
	hashOf := func(holidays string) string {
		return newCalendars(closing(t, "calendar: {holidays: ["+holidays+"]}\n"), []estate.Entity{{Name: "acme"}}).hash
	}
	was, now := hashOf("2026-12-25"), hashOf("2026-11-02, 2026-12-25")
	if was == now {
		t.Fatal("the edit is not in the hash")
	}
	const cell = 5 * time.Minute
	h := openHouse(t, t.TempDir(), noon)
	under := func(hash string) {
		h.hashes.Calendar = hash
		for range 2 * int(cell/(30*time.Second)) {
			h.tick(t)
		}
	}
	kept := func(from time.Time) (out []ledger.Cell) {
		for c, err := range h.cells.Cells(availability, from, from.Add(2*cell)) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, c)
		}
		return out
	}
	under(was)
	before := kept(noon)
	under(now)
	if diff := cmp.Diff(before, kept(noon)); diff != "" {
		t.Errorf("the edit changed results of before (-before +after):\n%s", diff)
	}
	for from, hash := range map[time.Time]string{noon: was, noon.Add(2 * cell): now} {
		cells := kept(from)
		if len(cells) != 2 {
			t.Errorf("%d cells from %s, want 2", len(cells), from)
		}
		for _, c := range cells {
			if c.Context.Calendar != hash {
				t.Errorf("the cell of %s cites %s, want %s", c.Start, c.Context.Calendar, hash)
			}
		}
	}
}

// confirmed is the verdict on evidence when two runs of a flow in a row fail as
// well.
func confirmed(ev tiering.Evidence) tiering.Verdict {
	ev.Flows = []tiering.Flow{{Name: "f", State: tiering.FlowFailing, Failures: 2, FirstFailure: ev.Place.Ends, Previous: ev.Place.Ends, LastRun: ev.Place.Ends}}
	return tiering.Decide(ev.Place.Ends, ev, tiering.DefaultRules())
}

// Semantic (h): a calendar that is stale, ends too soon or disagrees with
// another makes a failure on a quiet Tuesday what it would be in the close. The
// reason is with the verdict.
func TestACalendarInDoubtFailsTowardsCritical(t *testing.T) {
	tests := map[string]struct {
		days string
		why  string // "" is no doubt
	}{
		"it can be relied on": {"days: {eu: {rule: TARGET}}", ""},
		"it is stale": {
			"days: {eu: {rule: TARGET, checked: 2026-11-26, maxAge: 30d}}",
			"eu: it was checked on 2026-11-26, 82 days ago; at most 30 are allowed",
		},
		"it ends too soon": {
			"days: {eu: {add: [{on: 2027-01-01, name: New Year}, {on: 2027-03-29, name: Easter Monday}]}}",
			"eu: its newest entry is 2027-03-29, 41 days ahead; it must reach 60",
		},
		"it has ended": {
			"days: {eu: {add: [{on: 2027-01-01, name: New Year}]}}",
			"eu: it ends on 2027-01-01",
		},
		"it disagrees with the bank's": {
			"default: eu\n  days: {eu: {rule: TARGET, agreesWith: bank}, bank: {add: [{on: 2027-01-01, name: New Year}, {on: 2027-03-26, name: Good Friday}, {on: 2027-12-31, name: closed}]}}",
			"eu: it does not agree with bank on 2027-03-29, nor on 1 later days",
		},
		"the bank's is stale, the close's is not": {
			"default: acme\n  days: {acme: {rule: GB-ENG}, eu: {rule: TARGET, checked: 2026-11-26, maxAge: 30d}}\n" +
				"  cutoffs: [{id: sepa, process: payment-registration, at: \"14:00\", calendar: eu}]",
			"eu: it was checked on 2026-11-26, 82 days ago; at most 30 are allowed",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			when := at(t, "2027-02-16T12:00:00Z")
			subj := acme(catalogued(t, "month-end-close"))
			subj.windows = windows(subj.process)
			ev := assemble(closing(t, "calendar:\n  "+tt.days+"\n"), subj).only(when)
			if ev.Place.Phase != calendar.Normal {
				t.Fatalf("%s is in %s, want normal days", when, ev.Place)
			}
			ev.Place.Ends = when
			got, want := confirmed(ev), tiering.Degradation
			if tt.why != "" {
				want = tiering.BusinessCritical
			}
			if got.Tier != want || !strings.Contains(got.CriticalWhy, tt.why) || (got.CriticalWhy == "") != (tt.why == "") {
				t.Errorf("%s, critical because %q; want %s, because %q", got.Tier, got.CriticalWhy, want, tt.why)
			}
		})
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

// Semantic (j): the phase and the seconds to each deadline are metrics. The ICS
// and the JSON are read in cmd/closewatch.
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
		{Name: "availability", Kind: process.Availability, Target: 99.5 * process.Percent, CriticalTarget: 99.9 * process.Percent, Says: "posted"},
		{Name: "latency", Kind: process.Latency, Target: 95 * process.Percent, Threshold: 3 * time.Second, CriticalThreshold: 5 * time.Second},
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
