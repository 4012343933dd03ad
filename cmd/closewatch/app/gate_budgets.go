package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

// A GateBudget is an error budget in force that is low enough for its policy to
// ask for something.
type GateBudget struct {
	Process   string               `json:"process"`
	Objective string               `json:"objective"`
	Source    string               `json:"source"`
	Window    process.BudgetWindow `json:"window"`
	Left      float64              `json:"left"` // share of it, negative when overspent
	Policy    process.PolicyState  `json:"policy"`
}

// lowBudget is a budget as the gate weighs it.
type lowBudget struct {
	GateBudget
	said  string
	until time.Time // when another budget counts; zero: nobody knows
}

// budgets adds what the error-budget policies of the processes ask for: one
// reason for each state of a process. Frozen deploys are a no to what a process
// of tier A or B cannot do without, and ask for caution otherwise.
func (g *gate) budgets(out []GateReason, t *Tick) []GateReason {
	for _, s := range g.subjects {
		low := lowBudgets(t, s.subject)
		for _, state := range slices.Backward(process.PolicyStates()) {
			of := slices.DeleteFunc(slices.Clone(low), func(b lowBudget) bool { return b.Policy != state })
			if len(of) == 0 {
				continue
			}
			r := policyReason(s, state)
			said := make([]string, len(of))
			for i, b := range of {
				said[i] = b.said
				r.Budgets = append(r.Budgets, b.GateBudget)
			}
			r.Text += ": " + wording.List(said)
			r.Until = lastOf(of)
			out = withReason(out, s.key.Entity, r)
		}
	}
	return out
}

// lastOf is when the last of the budgets gives way to another; zero when nobody
// knows.
func lastOf(all []lowBudget) (last time.Time) {
	for _, b := range all {
		if b.until.IsZero() {
			return time.Time{}
		}
		if b.until.After(last) {
			last = b.until
		}
	}
	return last
}

// policyReason is what a state of a policy says to a change.
func policyReason(s served, state process.PolicyState) GateReason {
	r := GateReason{Answer: Caution, Source: "budget"}
	if !state.Frozen() {
		r.Text = s.process.Title + ": changes need approval, for little is left of its error budget"
		r.Override = "approval by whoever answers for the process"
		if s.process.Owner != "" {
			r.Override = "approval by the " + s.process.Owner
		}
		return r
	}
	if s.role == process.Hard && s.process.TierIn(false) <= process.Important {
		r.Answer = No
	}
	r.Text = s.process.Title + ": deploys are frozen by its error-budget policy"
	r.Override = "a fix of what spends the budget may go ahead: tell of it with closewatch change"
	if state == process.PolicyReport {
		r.Override += ", and report to those in charge"
	}
	return r
}

// lowBudgets are the budgets in force for a subject whose policy asks for more
// than to be looked at.
func lowBudgets(t *Tick, s subject) []lowBudget {
	var out []lowBudget
	for i := range t.Objectives {
		o := &t.Objectives[i]
		if o.Objective.Process != s.key.Process || o.Objective.Tenant != s.key.Tenant || o.Environment != s.key.Environment {
			continue
		}
		b, ok := inForce(o.Budgets, s.key.Entity)
		left, known := b.Raw.Remaining()
		if !ok || !known || b.Policy != process.PolicyApproval && !b.Policy.Frozen() {
			continue
		}
		out = append(out, lowBudget{
			GateBudget{o.Objective.Process, o.Name, string(o.Objective.Source), b.Window, left, b.Policy},
			fmt.Sprintf("%s by %s %s", o.Name, sourceWords(o.Objective.Source), spentWords(left, b)),
			b.Span.To,
		})
	}
	return out
}

// spentWords says how much is left of a budget, or how far it is overspent.
func spentWords(left float64, b budgetState) string {
	if left > 0 {
		return fmt.Sprintf("has %s left over %s", wording.Percent(left), budgetWords(b))
	}
	return fmt.Sprintf("has spent %s over %s", wording.Percent(1-left), budgetWords(b))
}

// budgetWords says which budget it is.
func budgetWords(b budgetState) string {
	switch b.Window {
	case process.MonthWindow:
		return "the month " + b.Span.Name
	case process.FiscalWindow:
		return "the fiscal period " + b.Span.Name
	case process.CriticalWindow:
		return "the " + b.Span.Name
	default:
		return "the last thirty days"
	}
}
