package slo

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// A Policy is what is agreed on when an error budget runs low. It holds from an
// instant on; before that nothing is asked for.
type Policy struct {
	Since time.Time
	Steps []process.PolicyStep
}

// DefaultPolicy is what holds where nobody has agreed on anything else. That
// changes stop when the budget is spent is the policy of The Site Reliability
// Workbook, appendix B, https://sre.google/workbook/error-budget-policy/. The
// steps before it, and that the close is stricter, are ours.
func DefaultPolicy() Policy {
	return Policy{Steps: []process.PolicyStep{
		{Left: 50 * process.Percent, State: process.PolicyWatch},
		{Left: 25 * process.Percent, State: process.PolicyApproval},
		{Left: 25 * process.Percent, Phase: "close", State: process.PolicyFreeze},
		{Left: 0, State: process.PolicyFreeze},
		{Left: 0, Phase: "close", State: process.PolicyReport},
	}}
}

// fewFailures is how many events must have failed before a policy asks for more
// than to be looked at: fewer can be one incident, or chance, whatever share of a
// young or rarely used budget they are. The number is ours.
const fewFailures = 5

// Decide returns what is asked for: the strictest of the steps that apply, and no
// more than to watch while few events have failed. Without a budget, or while
// nothing was counted, it is ok.
func (p Policy) Decide(at time.Time, r Balance, phase string) process.PolicyState {
	strictest := process.PolicyOK
	if at.Before(p.Since) {
		return strictest
	}
	states := process.PolicyStates()
	for _, s := range p.Steps {
		if r.Bad < fewFailures && s.State != process.PolicyWatch {
			continue
		}
		if (s.Phase == "" || s.Phase == phase) && r.AtMost(uint64(s.Left)) && slices.Index(states, s.State) > slices.Index(states, strictest) {
			strictest = s.State
		}
	}
	return strictest
}
