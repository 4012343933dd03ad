package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/web"
)

func TestAnIncidentInWords(t *testing.T) {
	at := func(minutes int) time.Time {
		return time.Date(2026, 11, 18, 10, minutes, 0, 0, time.UTC)
	}
	took := func(d time.Duration) *web.Seconds { return new(web.Seconds(d)) }
	in := web.Incident{
		IncidentSummary: web.IncidentSummary{
			ID: "I-118a2b3c", Title: "[BIZ] acme: Invoice posting fails", State: "recovering", Tier: web.TierBusinessCritical, Process: "invoice-posting",
			Entity: "acme", Environment: "production", Cause: "db", Opened: at(0),
		},
		Life: web.Life{ToDetect: web.Seconds(time.Minute), ToAcknowledge: took(2 * time.Minute), Recovering: at(30), Taken: []web.Taken{{By: "token:on-call"}, {By: "role:lead"}}},
		Checks: []web.Check{
			{Name: "writable", State: "passed", Text: "db accepts writes"},
			{Name: "job-runner", State: "waiting", Text: "31 jobs wait", Holds: true},
		},
		Recoveries: []web.Recovery{
			{
				Process: "invoice-posting", Entity: "acme", RTOIs: "running", RPOIs: "met",
				RTO: &web.Clock{Elapsed: took(30 * time.Minute), Objective: web.Seconds(4 * time.Hour)},
				RPO: &web.Clock{Elapsed: took(0), Objective: web.Seconds(5 * time.Minute)},
			},
			{Process: "payroll", Entity: "acme", RTOIs: "not measured", RPOIs: "not measured"},
		},
		Timeline: []web.Event{{At: at(0), Text: "first bad tick of invoice-posting"}, {At: at(1), Text: "paged for invoice-posting"}},
	}
	var out bytes.Buffer
	printIncident(&out, in)
	want := `I-118a2b3c  [BIZ] acme: Invoice posting fails
  state       recovering, business-critical, of acme in production
  cause       db
  began       2026-11-18 10:00:00 UTC, raised after 60s
  taken       after 2m by token:on-call, then role:lead
  recovering  since 2026-11-18 10:30:00 UTC
  checks      passed,      db accepts writes
              waiting,     31 jobs wait
┌─────────────────┬────────┬──────┬────────┬─────────┬─────────┬────────┬─────────┐
│ process         │ entity │ away │ of RTO │ verdict │ at risk │ of RPO │ verdict │
├─────────────────┼────────┼──────┼────────┼─────────┼─────────┼────────┼─────────┤
│ invoice-posting │ acme   │ 30m  │ 4h     │ running │ 0s      │ 5m     │ met     │
└─────────────────┴────────┴──────┴────────┴─────────┴─────────┴────────┴─────────┘
  timeline    2026-11-18 10:00:00  first bad tick of invoice-posting
              2026-11-18 10:01:00  paged for invoice-posting
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the incident (-want +got):\n%s", diff)
	}
	out.Reset()
	printIncidents(&out, []web.IncidentSummary{in.IncidentSummary}, at(45))
	want = `┌────────────┬────────────┬───────────────────┬─────────────────────────┬───────┬─────────────────────┬────────┐
│ incident   │ state      │ tier              │ lead                    │ cause │ began (UTC)         │ lasted │
├────────────┼────────────┼───────────────────┼─────────────────────────┼───────┼─────────────────────┼────────┤
│ I-118a2b3c │ recovering │ business-critical │ invoice-posting of acme │ db    │ 2026-11-18 10:00:00 │ 45m    │
└────────────┴────────────┴───────────────────┴─────────────────────────┴───────┴─────────────────────┴────────┘
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
}

// Whoever asks in a script learns by the exit code whether something is open.
func TestAnOpenIncidentIsAFinding(t *testing.T) {
	over := time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		is   web.IncidentSummary
		want bool
	}{
		"open":                    {web.IncidentSummary{Tier: web.TierDegradation}, true},
		"open, and informational": {web.IncidentSummary{Tier: web.TierInformational}, false},
		"over":                    {web.IncidentSummary{Tier: web.TierBusinessCritical, Resolved: over}, false},
	} {
		if got := graveness(nil, tt.is) != nil; got != tt.want {
			t.Errorf("%s: a finding %v, want %v", name, got, tt.want)
		}
	}
}
