package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// verdictOn is one impact of a process in an entity.
func verdictOn(p process.Process, entity string, tier tiering.Tier, rows ...string) (tiering.Impact, tiering.Evidence) {
	k := tiering.Key{Process: p.Name, Entity: entity, Tenant: "prod", Environment: "production"}
	im := tiering.Impact{Verdict: tiering.Verdict{Key: k, Tier: tier}, Since: noon.Add(-10 * time.Minute)}
	for _, row := range tiering.Table() {
		for _, id := range rows {
			if row.ID == id {
				im.Reasons = append(im.Reasons, tiering.Reason{Symptom: row.Symptom, Row: id, Tier: tier})
			}
		}
	}
	return im, tiering.Evidence{Key: k, Process: p, Flows: []tiering.Flow{{Name: p.Name}}}
}

func publicApp(t *testing.T) *App {
	t.Helper()
	outbox, err := delivery.New(delivery.Settings{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return &App{
		outbox: outbox,
		estate: &estate.Estate{Metadata: estate.Metadata{Name: "acme-finance"}}, zone: time.UTC, url: "https://closewatch.example.com",
		engine: &engineMetrics{}, decider: &decider{assembler: &assembler{}},
	}
}

func TestStatusSaysOfEachProcessWhatIsTrueEverywhere(t *testing.T) {
	const works = "Invoice posting: Working"
	type seen struct {
		entity string
		tier   tiering.Tier
		rows   string
		change func(*tiering.Impact, *tiering.Evidence)
	}
	unknown := func(im *tiering.Impact, _ *tiering.Evidence) { im.Unknown = true }
	tests := map[string]struct {
		entities    []seen
		lines       []string
		notMeasured []string
	}{
		"works everywhere": {entities: []seen{{entity: "at"}, {entity: "uk"}}, lines: []string{works}},
		"paused in one, and works in another": {
			entities: []seen{{entity: "at"}, {entity: "uk", tier: tiering.BusinessCritical, rows: "failing-confirmed"}},
			lines:    []string{"Invoice posting: Paused for uk since 11:50 · What you can do: keep saving drafts and do not resubmit · Next update 12:20"},
		},
		"paused in two, told as often as the worse asks for": {
			entities: []seen{
				{entity: "at", tier: tiering.Degradation, rows: "failing-confirmed"}, {entity: "uk", tier: tiering.BusinessCritical, rows: "failing-confirmed"},
			},
			lines: []string{"Invoice posting: Paused for at and uk since 11:50 · What you can do: keep saving drafts and do not resubmit · Next update 12:20"},
		},
		"slow in one and paused in another": {
			entities: []seen{{entity: "at", tier: tiering.Degradation, rows: "slow"}, {entity: "uk", tier: tiering.Degradation, rows: "failing-confirmed"}},
			lines: []string{
				"Invoice posting: Paused for uk since 11:50 · What you can do: keep saving drafts and do not resubmit · Next update 13:50",
				"Invoice posting: Slow for at since 11:50 · What you can do: keep saving drafts and do not resubmit · Next update 13:50",
			},
		},
		"what people feel most counts": {
			entities: []seen{{entity: "at", tier: tiering.BusinessCritical, rows: "recovery-point-lost work-missing"}},
			lines:    []string{"Invoice posting: Delayed for at since 11:50 · What you can do: keep saving drafts and do not resubmit · Next update 12:20"},
		},
		"only the test fails": {
			entities: []seen{{entity: "at", tier: tiering.Degradation, rows: "failing-users-fine"}},
			lines:    []string{"Invoice posting: Unsteady for at since 11:50 · Next update 13:50"},
		},
		"a part is unhealthy, the outcome is not": {
			entities: []seen{{entity: "at", tier: tiering.Informational, rows: "cause-on-the-path"}}, lines: []string{works},
		},
		"a part is unhealthy, and of the outcome nothing is seen": {
			entities: []seen{{entity: "at", tier: tiering.Informational, rows: "cause-on-the-path", change: unknown}},
			lines:    []string{"Invoice posting: Unknown for at since 11:50 · What you can do: keep saving drafts and do not resubmit"},
		},
		"not seen yet": {entities: []seen{{entity: "at", change: unknown}}, lines: []string{"Invoice posting: Unknown for at"}},
		"not seen yet in one, and out of sight in another": {
			entities: []seen{{entity: "at", tier: tiering.Degradation, rows: "blind-in-window", change: unknown}, {entity: "uk", change: unknown}},
			lines:    []string{"Invoice posting: Unknown for at and uk since 11:50 · What you can do: keep saving drafts and do not resubmit · Next update 13:50"},
		},
		"nothing exercises it": {
			entities:    []seen{{entity: "at", change: func(im *tiering.Impact, ev *tiering.Evidence) { im.Unknown, ev.Flows = true, nil }}},
			notMeasured: []string{"Invoice posting"},
		},
		"held back on purpose": {
			entities:    []seen{{entity: "at", change: func(im *tiering.Impact, _ *tiering.Evidence) { im.Unknown, im.Paused = true, true }}},
			notMeasured: []string{"Invoice posting"},
		},
		"measured in one entity only": {
			entities: []seen{{entity: "at", change: func(im *tiering.Impact, ev *tiering.Evidence) { im.Unknown, ev.Flows = true, nil }}, {entity: "uk"}},
			lines:    []string{works},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tick := &Tick{At: noon}
			for _, e := range tt.entities {
				im, ev := verdictOn(catalogued(t, "invoice-posting"), e.entity, e.tier, strings.Fields(e.rows)...)
				if e.change != nil {
					e.change(&im, &ev)
				}
				tick.Impacts, tick.Evidence = append(tick.Impacts, im), append(tick.Evidence, ev)
			}
			a := publicApp(t)
			a.engine.last.Store(tick)
			s := view{a}.Status()
			var lines []string
			for _, line := range s.Lines {
				lines = append(lines, line.Text)
			}
			if diff := cmp.Diff(tt.lines, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.notMeasured, s.NotMeasured); diff != "" {
				t.Errorf("not measured (-want +got):\n%s", diff)
			}
		})
	}
	a := publicApp(t)
	before := web.Status{
		Estate: "acme-finance", Zone: time.UTC,
		Parts: []web.Part{{Name: "Delivery", State: signal.Warning, Text: "neither an Alertmanager nor a webhook or email is configured: nobody is paged"}},
	}
	if diff := cmp.Diff(before, view{a}.Status(), cmp.Comparer(func(x, y *time.Location) bool { return x == y })); diff != "" {
		t.Errorf("before the first tick (-want +got):\n%s", diff)
	}
}

func TestDoubtsAreOfRowsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, row := range tiering.Table() {
		known[row.ID] = true
	}
	for row, text := range doubts {
		if !known[row] {
			t.Errorf("the decision table has no row %s", row)
		}
		for _, f := range append(wording.Jargon(text), wording.PII(text)...) {
			t.Errorf("%q: %s", text, f.Why)
		}
	}
}

// Whoever follows the link of an alert finds its runbook.
func TestEveryAlertLeadsToItsRunbook(t *testing.T) {
	a := publicApp(t)
	found := func(annotations map[string]string) {
		t.Helper()
		name, ok := strings.CutPrefix(annotations["runbook_url"], "https://closewatch.example.com/runbooks/")
		if _, known := (view{a}).Runbook(name); !ok || !known || name != annotations["runbook"] {
			t.Errorf("%q leads to no runbook %q", annotations["runbook_url"], annotations["runbook"])
		}
	}
	found(a.watchdog().Annotations)
	found(silent(a.estate, a.url).Annotations)
	for _, p := range process.Catalog() {
		for _, alert := range []string{"FinanceProcessImpaired", "FinanceLedgerIntegrity", "FinanceMonitoringBlind"} {
			im, ev := verdictOn(p, "at", tiering.Degradation, "failing-confirmed")
			m := incident.Member{Impact: im, Alerts: []incident.Alert{{Name: alert, Tier: tiering.Degradation}}}
			inc := &incident.Incident{ID: "I-1", Lead: im.Key, Members: []incident.Member{m}}
			found(a.alert(&Tick{At: noon, Evidence: []tiering.Evidence{ev}}, inc, m, m.Alerts[0]).Annotations)
		}
	}
}

// What people are told stands on the page of the incident, until it is over and
// a last time then.
func TestAnIncidentTellsPeople(t *testing.T) {
	im, ev := verdictOn(catalogued(t, "invoice-posting"), "at", tiering.BusinessCritical, "failing-confirmed")
	member := incident.Member{Impact: im, Worst: tiering.BusinessCritical, Alerts: []incident.Alert{{Name: "FinanceLedgerIntegrity", Tier: tiering.BusinessCritical}}}
	show := func(m incident.Member, recovered time.Time) web.Incident {
		a := publicApp(t)
		inc := &incident.Incident{ID: "I-1", Environment: "production", Opened: im.Since, Lead: im.Key, Members: []incident.Member{m}, Recovered: recovered}
		a.flows = &flowBook{history: flow.NewHistory()}
		a.engine.last.Store(&Tick{At: noon, Evidence: []tiering.Evidence{ev}, Impacts: []tiering.Impact{m.Impact}, Incidents: []*incident.Incident{inc}})
		in, ok := view{a}.Incident("I-1")
		if !ok {
			t.Fatal("the incident is not shown")
		}
		return in
	}
	in := show(member, time.Time{})
	if !strings.HasPrefix(in.Update, "12:00 ") || !in.NextUpdate.Equal(noon.Add(20*time.Minute)) || in.UpdateEvery.D() != 30*time.Minute {
		t.Errorf("people are told %q, next at %v, every %v", in.Update, in.NextUpdate, in.UpdateEvery.D())
	}
	if !strings.HasPrefix(in.Triage, "at: ") || in.Runbook != "finance-ledger-integrity" || in.Links[0].URL != "/runbooks/invoice-posting" {
		t.Errorf("triage %q, runbook %q, links %v", in.Triage, in.Runbook, in.Links)
	}

	over := member
	over.Left, over.Impact.Tier, over.Impact.Reasons = noon.Add(-time.Minute), tiering.None, nil
	in = show(over, noon.Add(-time.Minute))
	if !strings.HasSuffix(in.Update, "This is the last update.") || !in.NextUpdate.IsZero() {
		t.Errorf("at its end people are told %q, next at %v", in.Update, in.NextUpdate)
	}
	if !strings.HasPrefix(in.Title, "[BIZ] ") {
		t.Errorf("its title is now %q", in.Title)
	}
}
