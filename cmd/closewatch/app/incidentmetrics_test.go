package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// An incident is raised, escalates, is taken, is lost to another or recovers:
// what is counted and what is evidence at each tick.
func TestIncidentsAreCountedAndAreEvidence(t *testing.T) {
	key := acme(catalogued(t, "invoice-posting")).key
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	member := incident.Member{
		Impact: tiering.Impact{Verdict: tiering.Verdict{Key: key}}, Worst: tiering.BusinessCritical,
		RTO: incident.Clock{Began: at(-2), Stopped: at(30), Objective: time.Hour, Elapsed: 32 * time.Minute},
		RPO: incident.Exposure{Known: true, Objective: 5 * time.Minute, Worst: 6 * time.Minute, Postings: new(float64(12)), Ended: true},
	}
	raised := incident.Incident{
		ID: "I-1", Environment: key.Environment, Opened: at(-2), Detected: at(0), Lead: key, Pages: 1, Cause: &tiering.Cause{Component: "db", Part: "x y"}, Members: []incident.Member{member},
		Escalations: []incident.Escalation{{At: at(0), Tier: tiering.Degradation, By: key}},
		Checks:      []incident.Check{{Name: "writable", State: incident.Waiting}, {Name: "copy", State: incident.Unknown, Remains: true}},
	}
	escalated := raised
	escalated.Pages, escalated.Acknowledged = 2, at(3)
	escalated.Escalations = append(escalated.Escalations, incident.Escalation{At: at(5), Tier: tiering.BusinessCritical, By: key})
	recovered := escalated
	member.Left = at(40)
	recovered.Members, recovered.Recovered, recovered.Restored = []incident.Member{member}, at(40), at(30)
	recovered.Checks = []incident.Check{{Name: "writable", State: incident.Passed}, {Name: "prod/reporting", State: incident.NotChecked}, {Name: "books", State: incident.NotChecked}}
	merged := incident.Incident{ID: "I-2", Environment: key.Environment, Recovered: at(40), Into: "I-1", Members: []incident.Member{member}}

	m := newIncidentMeter([]subject{acme(catalogued(t, "invoice-posting"))})
	dir := t.TempDir()
	log, err := evidence.Open(evidence.Settings{Dir: dir, KeyFile: filepath.Join(t.TempDir(), "key"), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	m.observe(&Tick{At: at(-1)})
	for _, s := range []struct {
		minute int
		list   []*incident.Incident
	}{{0, []*incident.Incident{&raised}}, {1, []*incident.Incident{&raised}}, {5, []*incident.Incident{&escalated}}, {40, []*incident.Incident{&recovered, &merged}}, {41, []*incident.Incident{&recovered, &merged}}} {
		tk := &Tick{At: at(s.minute), Incidents: s.list}
		m.observe(tk)
		for _, e := range incidentEntries(tk) {
			if _, err := log.Append(t.Context(), e); err != nil {
				t.Error(err)
			}
			told = append(told, strings.TrimSpace(strings.Join([]string{e.Action, e.Outcome, e.Refs["incident"], e.Refs["to_restore"], e.Refs["away"], e.Refs["rpo_verdict"], e.Refs["checks_passed"], e.Refs["checks_not_passed"], e.Refs["into"]}, " ")))
		}
	}
	if diff := cmp.Diff([]string{
		"incident-raised degradation I-1", "incident-escalated business-critical I-1",
		"process-recovered met I-1  32m0s missed", "incident-recovered business-critical I-1 32m0s  missed 1 prod/reporting+books", "incident-merged  I-2      I-1",
	}, told); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for r, err := range evidence.Read(os.DirFS(dir)) {
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range r.Refs {
			if strings.HasPrefix(value, "withheld:") {
				t.Errorf("%s: the reference %s is withheld", r.Action, name)
			}
		}
	}
	if problems, err := testutil.CollectAndLint(m); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	for _, want := range []string{
		`closewatch_incident_pages_total{environment="production"} 2`,
		`closewatch_incident_recovered_total{environment="production",tier="business-critical"} 1`,
		`closewatch_incident_recovered_total{environment="production",tier="degradation"} 0`,
		`closewatch_incident_recovery_verdicts_total{environment="production",objective="rto",process="invoice-posting",verdict="met"} 1`,
		`closewatch_incident_recovery_verdicts_total{environment="production",objective="rpo",process="invoice-posting",verdict="missed"} 1`,
		`closewatch_incident_detect_seconds_sum{environment="production",tier="business-critical"} 120`,
		`closewatch_incident_acknowledge_seconds_sum{environment="production",tier="business-critical"} 180`,
		`closewatch_incident_restore_seconds_sum{environment="production",tier="business-critical"} 1920`,
	} {
		name, _, _ := strings.Cut(want, "{")
		name = strings.TrimSuffix(name, "_sum")
		got, err := testutil.CollectAndFormat(m, expfmt.TypeTextPlain, name)
		if err != nil || !strings.Contains(string(got), want+"\n") {
			t.Errorf("want %s, got %v\n%s", want, err, got)
		}
	}
}

// After a restart, what was counted before it is not counted again.
func TestARestartCountsNoPageTwice(t *testing.T) {
	key := acme(catalogued(t, "invoice-posting")).key
	inc := &incident.Incident{ID: "I-1", Environment: key.Environment, Detected: noon.Add(-time.Hour), Pages: 1}
	m := newIncidentMeter([]subject{acme(catalogued(t, "invoice-posting"))})
	pages := func() float64 { return testutil.ToFloat64(m.pages.WithLabelValues(key.Environment)) }
	m.observe(&Tick{At: noon, Incidents: []*incident.Incident{inc}})
	if got := pages(); got != 0 {
		t.Errorf("%v pages of an incident that was paged before the start, want 0", got)
	}
	inc.Pages = 2
	m.observe(&Tick{At: noon.Add(tick), Incidents: []*incident.Incident{inc}})
	if got := pages(); got != 1 {
		t.Errorf("%v pages, want the one that was sent since", got)
	}
}
