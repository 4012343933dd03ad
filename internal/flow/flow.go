// Package flow is the contract of a synthetic business transaction.
//
// A flow is made of steps, each timed, asserted and traced. Its run never
// panics and never leaves the caller guessing: the outcome is passed, failed
// (with a fault.Kind), blocked (a guard stopped it before it wrote) or unknown
// (it could not measure). Every result says what its level cannot detect.
package flow

import (
	"context"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Level is a rung of the safety ladder: what a run may touch.
type Level string

// The ladder.
const (
	L0 Level = "L0" // reads only
	L1 Level = "L1" // a draft, created and deleted, never numbered
	L3 Level = "L3" // the full flow in the synthetic company, cleaned up
)

// An Outcome is the verdict of a run.
type Outcome string

// Outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Blocked Outcome = "blocked" // a guard stopped it: not a failure of the outcome
	Unknown Outcome = "unknown" // could not measure: interrupted, or shut down
)

// A Step is one timed part of a run.
type Step struct {
	Name     string        `json:"name"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration_ns"`
	Kind     fault.Kind    `json:"kind,omitempty"`  // empty when the step passed
	Error    string        `json:"error,omitempty"` // redacted, bounded
	Note     string        `json:"note,omitempty"`  // what was asserted: "state=posted residual=0"
	Cleanup  bool          `json:"cleanup,omitempty"`

	// Exchange is the shape of the request that failed and of its answer,
	// redacted and at most 2 KB; empty when the step passed or asked nothing.
	Exchange string `json:"exchange,omitempty"`
}

// A Run is the result of one run of a flow.
type Run struct {
	ID           string        `json:"id"`
	Flow         string        `json:"flow"`
	Process      string        `json:"process"`
	Environment  string        `json:"environment"`
	Component    string        `json:"component"` // the Odoo component driven
	Tenant       string        `json:"tenant"`
	Level        Level         `json:"level"`
	Started      time.Time     `json:"started"`
	Duration     time.Duration `json:"duration_ns"` // forward steps only, without clean-up
	Outcome      Outcome       `json:"outcome"`
	Kind         fault.Kind    `json:"kind,omitempty"`
	FailedStep   string        `json:"failed_step,omitempty"`
	Reason       string        `json:"reason,omitempty"` // for people
	Hint         string        `json:"hint,omitempty"`
	TraceID      string        `json:"trace_id,omitempty"`
	Steps        []Step        `json:"steps"`
	CannotDetect []string      `json:"cannot_detect,omitempty"`
	Leftovers    []string      `json:"leftovers,omitempty"` // references the clean-up could not remove
	Cost         *Cost         `json:"cost,omitempty"`      // nil: not measured
	ByHand       bool          `json:"by_hand,omitempty"`   // by a person, besides the schedule
}

// Ended returns when the last step, clean-up included, was over.
func (run Run) Ended() time.Time {
	if n := len(run.Steps); n > 0 {
		return run.Steps[n-1].Started.Add(run.Steps[n-1].Duration)
	}
	return run.Started.Add(run.Duration)
}

// A Flow is a synthetic transaction.
type Flow interface {
	Name() string    // "invoice-posting"
	Process() string // the finance process whose outcome it exercises
	Levels() []Level // what it can be run at, safest first
	// Run performs the transaction once. It honours ctx between and within
	// steps, cleans up with a context of its own, and reports through the
	// Recorder; its error, if any, is a *fault.Error.
	Run(ctx context.Context, level Level, r *Recorder) error
}
