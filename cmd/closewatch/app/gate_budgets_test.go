package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// spentBy is an objective of invoice posting whose budget in force has so many
// bad events among a thousand, of which sixteen may fail.
func spentBy(bad uint64, b budgetState) objectiveState {
	b.InForce, b.Raw = true, slo.NewBalance(bad, 1000, 16_000_000)
	b.Policy = slo.DefaultPolicy().Decide(time.Time{}, b.Raw, b.Phase)
	return objectiveState{
		State: slo.State{Objective: slo.Objective{ID: "x", Process: "invoice-posting", Tenant: "prod", Source: slo.Users}},
		Name:  "availability", Environment: "production", Budgets: []budgetState{b},
	}
}

func TestGateAsksTheErrorBudgets(t *testing.T) {
	plan := planOf(t, gated)
	quiet := at(t, "2026-11-17T20:00:00Z")
	november := slo.Span{Name: "2026-11", From: at(t, "2026-11-01T00:00:00Z"), To: at(t, "2026-12-01T00:00:00Z")}
	rolling, month := budgetState{Window: process.RollingWindow}, budgetState{Window: process.MonthWindow, Span: november}
	ofUK := budgetState{Entity: "uk", Window: process.CriticalWindow, Phase: "close", Span: slo.Span{Name: "critical window until Wed 18 Nov 00:00", To: at(t, "2026-11-18T00:00:00Z")}}
	freeze := "a fix of what spends the budget may go ahead: tell of it with closewatch change"
	low := func(window process.BudgetWindow, left float64, policy process.PolicyState) []GateBudget {
		return []GateBudget{{"invoice-posting", "availability", "users", window, left, policy}}
	}
	tests := map[string]struct {
		objectives []objectiveState
		component  string
		want       []GateReason
	}{
		"enough is left":  {[]objectiveState{spentBy(7, rolling)}, "erp", []GateReason{}},
		"half is watched": {[]objectiveState{spentBy(8, rolling)}, "erp", []GateReason{}},
		"little is left": {[]objectiveState{spentBy(12, rolling)}, "erp", []GateReason{{
			Answer: Caution, Entities: []string{"uk", "at"}, Source: "budget", Override: "approval by the AP and AR leads",
			Text:    "Invoice posting: changes need approval, for little is left of its error budget: availability by real users has 25 % left over the last thirty days",
			Budgets: low(process.RollingWindow, 0.25, process.PolicyApproval),
		}}},
		"a month is spent": {[]objectiveState{spentBy(20, month)}, "erp", []GateReason{{
			Answer: No, Entities: []string{"uk", "at"}, Source: "budget", Until: november.To, Override: freeze,
			Text:    "Invoice posting: deploys are frozen by its error-budget policy: availability by real users has spent 125 % over the month 2026-11",
			Budgets: low(process.MonthWindow, -0.25, process.PolicyFreeze),
		}}},
		"what it can do without": {[]objectiveState{spentBy(20, month)}, "cache", []GateReason{{
			Answer: Caution, Entities: []string{"uk", "at"}, Source: "budget", Until: november.To, Override: freeze,
			Text:    "Invoice posting: deploys are frozen by its error-budget policy: availability by real users has spent 125 % over the month 2026-11",
			Budgets: low(process.MonthWindow, -0.25, process.PolicyFreeze),
		}}},
		"the close of one entity is spent": {[]objectiveState{spentBy(16, ofUK)}, "erp", []GateReason{{
			Answer: No, Entities: []string{"uk"}, Source: "budget", Until: ofUK.Span.To, Override: freeze + ", and report to those in charge",
			Text:    "Invoice posting: deploys are frozen by its error-budget policy: availability by real users has spent 100 % over the critical window until Wed 18 Nov 00:00",
			Budgets: low(process.CriticalWindow, 0, process.PolicyReport),
		}}},
		"another environment": {[]objectiveState{func() objectiveState { o := spentBy(20, month); o.Environment = "staging"; return o }()}, "erp", []GateReason{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := GateQuestion{At: quiet, Duration: GateDuration, Components: []string{tt.component}}
			g, err := newGate(plan.Estate, resolveSubjects(plan.Estate, plan.tenants, plan.scheduled), newCalendars(plan.Estate, entities(plan.Estate, plan.tenants)), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, g.goingOn(&Tick{Objectives: tt.objectives})); diff != "" {
				t.Errorf("reasons differ (-want +got):\n%s", diff)
			}
		})
	}
}

// A budget that has an end is waited for; what has none is told as a proviso.
func TestTheNextWindowWaitsForTheBudget(t *testing.T) {
	plan := planOf(t, gated)
	quiet := at(t, "2026-11-17T20:00:00Z")
	ends := at(t, "2026-11-18T13:00:00Z")
	tests := map[string]struct {
		span slo.Span
		from time.Time
		open bool
	}{
		"of a window that ends":   {slo.Span{Name: "2026-11", To: ends}, ends, false},
		"of the last thirty days": {slo.Span{}, quiet, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := GateQuestion{At: quiet, Duration: GateDuration, Components: []string{"erp"}}
			g, err := newGate(plan.Estate, resolveSubjects(plan.Estate, plan.tenants, plan.scheduled), newCalendars(plan.Estate, entities(plan.Estate, plan.tenants)), q)
			if err != nil {
				t.Fatal(err)
			}
			v := g.verdict("")
			g.now = g.goingOn(&Tick{Objectives: []objectiveState{spentBy(20, budgetState{Window: process.MonthWindow, Span: tt.span})}})
			v.Reasons = append(v.Reasons, g.now...)
			v.judge()
			g.ahead(&v)
			if v.Answer != No || v.Next == nil || v.Next.From.Before(tt.from) || v.Open(Go) != tt.open {
				t.Errorf("%s, next %+v, open %v; want no, from %s at the earliest, open %v", v.Answer, v.Next, v.Open(Go), tt.from, tt.open)
			}
		})
	}
}
