package app

import (
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// What a verdict rests on, as it is told to programs. Names stay when the record
// of decisions changes its own.

// A FlowSeen is a flow's evidence.
type FlowSeen struct {
	Flow         string     `json:"flow"`
	Level        string     `json:"level"`
	State        string     `json:"state"`
	Failures     int        `json:"consecutive_failures"`
	LastRun      time.Time  `json:"last_run,omitzero"`
	Next         time.Time  `json:"next_run,omitzero"`
	Kind         fault.Kind `json:"kind,omitempty"`
	Step         string     `json:"step,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	CannotDetect []string   `json:"cannot_detect,omitempty"`
}

// A NeedSeen is a dependency's evidence.
type NeedSeen struct {
	Component string       `json:"component"`
	Kind      string       `json:"kind"`
	Role      process.Role `json:"role"`
	State     signal.State `json:"state"`
	Since     time.Time    `json:"since,omitzero"`
	Evidence  []string     `json:"evidence,omitempty"`
}

// A BurnSeen is one pair of burn-rate windows of an objective.
type BurnSeen struct {
	Objective string        `json:"objective"`
	Scope     string        `json:"scope"`
	Target    process.Share `json:"target"`
	Indicator string        `json:"indicator"`
	Source    string        `json:"source"`
	Window    string        `json:"window"`
	Length    time.Duration `json:"length_ns"`
	Fast      bool          `json:"fast"`
	Firing    bool          `json:"firing"`
	Lingers   bool          `json:"lingers"`
	Rate      float64       `json:"rate"`
	Bad       uint64        `json:"bad"`
	Total     uint64        `json:"total"`
	Lately    uint64        `json:"bad_in_short_window"`
}

// A BudgetSeen is an error budget, and what is left of it in thousandths.
type BudgetSeen struct {
	Objective string `json:"objective"`
	Indicator string `json:"indicator"`
	Source    string `json:"source"`
	Of        string `json:"of"`
	Left      int64  `json:"left_permille"`
}

// A WorkSeen is one piece of expected work.
type WorkSeen struct {
	Source  process.WorkSource `json:"source"`
	Name    string             `json:"name"`
	Says    string             `json:"says"`
	Count   int                `json:"waiting"`
	Oldest  time.Time          `json:"oldest,omitzero"`
	Due     time.Time          `json:"due,omitzero"`
	CatchUp time.Duration      `json:"catch_up_ns"`
	Drains  bool               `json:"drains"`
	Stalled time.Time          `json:"stalled_since,omitzero"`
	Done    time.Time          `json:"last_done,omitzero"`
	Missing bool               `json:"missing"`
	Lacks   int                `json:"lacks"`
	Since   time.Time          `json:"missing_since,omitzero"`
	Why     string             `json:"why,omitempty"`
}

// A FindingSeen is a signal that is a symptom by itself.
type FindingSeen struct {
	Symptom   tiering.Symptom `json:"symptom"`
	Signal    string          `json:"signal"`
	Component string          `json:"component"`
	State     signal.State    `json:"state"`
	Since     time.Time       `json:"since"`
	Text      string          `json:"text"`
}

// A DeadlineSeen is a deadline of the process within the next days.
type DeadlineSeen struct {
	ID    string        `json:"id"`
	Title string        `json:"title"`
	At    time.Time     `json:"at"`
	Kind  calendar.Kind `json:"kind"`
	Bank  time.Time     `json:"bank_closes,omitzero"`
	For   string        `json:"for,omitempty"`
}

// A BlockerSeen is what must be done first by others for one of the deadlines.
type BlockerSeen struct {
	Deadline string        `json:"deadline"`
	Title    string        `json:"title"`
	Process  string        `json:"process"`
	CatchUp  time.Duration `json:"catch_up_ns"`
}

// seen lays out the evidence of a verdict. Lists without an entry are empty, not
// absent.
func (x *Explanation) seen(ev *tiering.Evidence) {
	x.Flows = told(ev.Flows, func(f tiering.Flow) FlowSeen {
		return FlowSeen{f.Name, f.Level, f.State.String(), f.Failures, f.LastRun, f.Next, f.Kind, f.Step, f.Reason, f.CannotDetect}
	})
	x.Needs = told(ev.Needs, func(n tiering.Need) NeedSeen {
		return NeedSeen{n.Component, n.Kind, n.Role, n.State, n.Since, n.Evidence}
	})
	x.Burns = told(ev.Burns, func(b tiering.Burn) BurnSeen { return BurnSeen(b) })
	x.Budgets = told(ev.Budgets, func(b tiering.Budget) BudgetSeen { return BudgetSeen(b) })
	x.Work = told(ev.Work, func(w tiering.Work) WorkSeen { return WorkSeen(w) })
	x.Findings = told(ev.Findings, func(f tiering.Finding) FindingSeen { return FindingSeen(f) })
	x.Blockers = told(ev.Blockers, func(b tiering.Blocker) BlockerSeen { return BlockerSeen(b) })
	x.Deadlines = told(ev.Deadlines, func(d calendar.Deadline) DeadlineSeen {
		return DeadlineSeen{d.ID, d.Title, d.At, d.Kind, d.Bank, d.For}
	})
}

func told[From, To any](all []From, as func(From) To) []To {
	out := make([]To, len(all))
	for i, one := range all {
		out[i] = as(one)
	}
	return out
}
