package app

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

const gated = `entities:
  - {name: uk, tenant: prod, company: 1, timezone: Europe/London}
  - {name: at, tenant: prod, company: 2, timezone: Europe/Vienna}
components:
  db: {postgres: {dsn: "postgres://cw@db:5432/postgres"}}
  cache: {redis: {url: "redis://cache:6379/0"}}
  erp: {odoo: {url: "http://erp", database: prod, login: cw, password: "${file:password}"}}
calendar:
  days: {eu: {rule: TARGET}}
  default: eu
  cutoffs:
    - {id: ap, title: AP cut-off, process: ap-bill-run, entity: uk, at: "17:00"}
  freezes:
    - {id: year-end, title: year end, scope: {components: [db]}, from: WD-1 00:00, to: WD+3 18:00, level: hard, breakGlass: {approvers: 2}}
    - {id: tail, title: careful days, from: WD+7 00:00, to: WD+8 18:00, level: soft}
`

// What may begin may also be held to: nothing speaks against the window that is
// offered, and something does where it ends.
func TestTheWindowThatIsOfferedIsSafe(t *testing.T) {
	plan := planOf(t, gated)
	from := at(t, "2026-11-01T00:00:00Z")
	subjects, cals := resolveSubjects(plan.Estate, plan.tenants, plan.scheduled), newCalendars(plan.Estate, entities(plan.Estate, plan.tenants))
	random := rand.New(rand.NewPCG(1, 2))
	for range 15 {
		q := GateQuestion{
			At: from.Add(time.Duration(random.IntN(60*24*60)) * time.Minute), Duration: time.Duration(1+random.IntN(300)) * time.Minute,
			Components: [][]string{nil, {"db"}, {"cache"}, {"erp", "db"}}[random.IntN(4)],
		}
		v, err := plan.Gate(q)
		if err != nil {
			t.Fatal(err)
		}
		ask := func(at time.Time) GateVerdict { // with the calendars at hand, as the daemon
			q.At = at
			g, err := newGate(plan.Estate, subjects, cals, q)
			if err != nil {
				t.Fatal(err)
			}
			return g.verdict(plan.Estate.Hash)
		}
		if v.Answer == Go {
			if v.Next != nil || len(v.Reasons) > 0 {
				t.Fatalf("go, with reasons or another window: %+v", v)
			}
			continue
		}
		if v.Next == nil {
			t.Fatalf("no window within two months: %+v", v)
		}
		if !v.Next.From.After(v.At) || !v.Next.Until.After(v.Next.From) {
			t.Fatalf("asked at %s, offered %+v", v.At, v.Next)
		}
		if got := ask(v.Next.From); got.Answer != Go {
			t.Fatalf("asked at %s, offered from %s, where the answer is %s: %+v", v.At, v.Next.From, got.Answer, got.Reasons)
		}
		if got := ask(v.Next.Until); got.Answer == Go {
			t.Fatalf("the window is said to end at %s, where the answer is still go", v.Next.Until)
		}
		if w := v.NextCaution; w != nil {
			if got := ask(w.From); got.Answer != Caution {
				t.Fatalf("offered with caution from %s, where the answer is %s", w.From, got.Answer)
			}
		}
	}
}

func TestGateKnowsWhatGoesOn(t *testing.T) {
	plan := planOf(t, gated)
	quiet := at(t, "2026-11-17T20:00:00Z")
	subjects := resolveSubjects(plan.Estate, plan.tenants, plan.scheduled)
	cals := newCalendars(plan.Estate, entities(plan.Estate, plan.tenants))
	posting := tiering.Key{Process: "invoice-posting", Entity: "uk", Tenant: "prod", Environment: plan.Estate.Environment}
	open := func(tier tiering.Tier, environment string) *incident.Incident {
		return &incident.Incident{
			ID: "I-1", Environment: environment, Opened: quiet, Lead: posting,
			Members: []incident.Member{{Impact: tiering.Impact{Verdict: tiering.Verdict{Key: posting, Tier: tier}}}},
		}
	}
	tests := map[string]struct {
		tick *Tick
		want []GateReason
	}{
		"nothing": {&Tick{}, []GateReason{}},
		"a page is open": {
			&Tick{Incidents: []*incident.Incident{open(tiering.BusinessCritical, plan.Estate.Environment)}},
			[]GateReason{{Answer: No, Entities: []string{}, Source: "incident", Text: "incident I-1 is open: invoice-posting is business-critical", Override: "a change that mends it may go ahead: tell of it with closewatch change"}},
		},
		"a ticket is open": {
			&Tick{Incidents: []*incident.Incident{open(tiering.Degradation, plan.Estate.Environment)}},
			[]GateReason{{Answer: Caution, Entities: []string{}, Source: "incident", Text: "incident I-1 is open: invoice-posting is degradation", Override: "a change that mends it may go ahead: tell of it with closewatch change"}},
		},
		"a note is no reason":    {&Tick{Incidents: []*incident.Incident{open(tiering.Informational, plan.Estate.Environment)}}, []GateReason{}},
		"an incident elsewhere":  {&Tick{Incidents: []*incident.Incident{open(tiering.BusinessCritical, "staging")}}, []GateReason{}},
		"an incident that ended": {&Tick{Incidents: []*incident.Incident{ended(open(tiering.BusinessCritical, plan.Estate.Environment), quiet)}}, []GateReason{}},
		"nobody sees the outcome": {
			&Tick{Impacts: []tiering.Impact{{Verdict: tiering.Verdict{Key: posting, Unknown: true}}}},
			[]GateReason{{Answer: Caution, Entities: []string{"uk"}, Source: "monitoring", Text: "Invoice posting is not measured now: a change that breaks it would not be seen"}},
		},
		"it is not exercised on purpose": {&Tick{Impacts: []tiering.Impact{{Verdict: tiering.Verdict{Key: posting, Unknown: true, Paused: true}}}}, []GateReason{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := newGate(plan.Estate, subjects, cals, GateQuestion{At: quiet, Duration: GateDuration, Components: []string{"erp"}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, g.goingOn(tt.tick)); diff != "" {
				t.Errorf("reasons differ (-want +got):\n%s", diff)
			}
		})
	}
}

func ended(inc *incident.Incident, at time.Time) *incident.Incident {
	inc.Recovered = at
	return inc
}

func TestGateInTheClose(t *testing.T) {
	plan := planOf(t, gated)
	tests := map[string]struct {
		at         string
		components []string
		answer     Answer
		text       string
	}{
		"the frozen component":            {"2026-12-01T10:00:00Z", []string{"db"}, No, "year end: nothing is changed"},
		"another component, in the close": {"2026-12-01T10:00:00Z", []string{"erp"}, No, "Invoice posting is in its critical window: WD-2 to WD+2 of 2026-11"},
		"what can be done without":        {"2026-12-01T10:00:00Z", []string{"cache"}, Caution, "Invoice posting is in its critical window: WD-2 to WD+2 of 2026-11"},
		"the freeze begins meanwhile":     {"2026-11-29T23:45:00Z", []string{"db"}, No, "year end: nothing is changed"},
		"a soft freeze":                   {"2026-12-09T10:00:00Z", []string{"erp"}, Caution, "careful days: changes need a reason"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := plan.Gate(GateQuestion{At: at(t, tt.at), Duration: GateDuration, Components: tt.components})
			if err != nil {
				t.Fatal(err)
			}
			if v.Answer != tt.answer {
				t.Errorf("answer %s, want %s", v.Answer, tt.answer)
			}
			texts := map[string]bool{}
			for _, r := range v.Reasons {
				texts[r.Text] = true
			}
			if !texts[tt.text] {
				t.Errorf("no reason %q in %v", tt.text, texts)
			}
		})
	}
}
