package process

import "time"

// A Budget says how an objective's error budget is reckoned. The zero Budget
// counts events over the last thirty days, all alike.
type Budget struct {
	Window BudgetWindow // that counts outside the critical window; "" is rolling

	// With a slice of time, slices are counted instead of events: each is good
	// when at least SliceTarget of its events are.
	Slice       time.Duration
	SliceTarget Share      // 0 is the objective's target
	EmptySlice  EmptySlice // of a slice in which nothing happened

	Weights map[string]int   // by phase of the calendar: how much an event there weighs, where others weigh 1
	Shares  map[string]Share // by phase: of the period's budget, what is kept for it

	Policy      []PolicyStep // what is agreed on when it runs low; nil is the usual one, and without steps none
	PolicySince time.Time    // from when on; the zero time is always
}

// Unpoliced reports whether nothing is to be asked for, however little is left.
func (b Budget) Unpoliced() bool { return b.Policy != nil && len(b.Policy) == 0 }

// An EmptySlice is what becomes of a slice in which nothing happened.
type EmptySlice string

// What an empty slice can be.
const (
	EmptyExcluded EmptySlice = "exclude" // no slice at all: the default
	EmptyGood     EmptySlice = "good"
	EmptyBad      EmptySlice = "bad"
)

// EmptySlices lists what an empty slice can be.
func EmptySlices() []EmptySlice { return []EmptySlice{EmptyExcluded, EmptyGood, EmptyBad} }

// A PolicyState is what an error-budget policy asks for.
type PolicyState string

// States, in rising order of what they ask for.
const (
	PolicyOK       PolicyState = "ok"
	PolicyWatch    PolicyState = "watch"          // look at it this week
	PolicyApproval PolicyState = "needs-approval" // changes need the approval of who answers for the process
	PolicyFreeze   PolicyState = "freeze-deploys" // only fixes of what spends the budget are deployed
	PolicyReport   PolicyState = "exec-report"    // frozen, and those in charge are told in writing
)

// PolicyStates lists the states in rising order.
func PolicyStates() []PolicyState {
	return []PolicyState{PolicyOK, PolicyWatch, PolicyApproval, PolicyFreeze, PolicyReport}
}

// Frozen reports whether deploys are to wait.
func (s PolicyState) Frozen() bool { return s == PolicyFreeze || s == PolicyReport }

// A PolicyStep asks for a state when at most so much of a budget is left.
type PolicyStep struct {
	Left  Share  // of the budget; 0 is none
	Phase string // of the calendar; "" is any
	State PolicyState
}
