package app

import (
	"net/http"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
)

// ObjectivesShown are the objectives as they were at a tick, for programs. What is
// not known is left out: it is neither good nor 0.
type ObjectivesShown struct {
	At         time.Time        `json:"at"`
	Objectives []ObjectiveShown `json:"objectives"` // in the order of the estate's entities and processes
}

// An ObjectiveShown is one objective, by one source: what users see, what test
// transactions see and what systems record are never added up.
type ObjectiveShown struct {
	ID          string   `json:"objective"`
	Process     string   `json:"process"`
	Name        string   `json:"name"`
	Tenant      string   `json:"tenant"`
	Environment string   `json:"environment"`
	Entities    []string `json:"entities"`
	Indicator   string   `json:"indicator"`
	Source      string   `json:"source"` // users, synthetic or records
	Says        string   `json:"says,omitempty"`

	Target         *process.Share `json:"target,omitempty"`          // absent where none may fail
	CriticalTarget *process.Share `json:"critical_target,omitempty"` // inside the critical window
	Every          bool           `json:"every,omitempty"`           // none may be missed

	State   ObjectiveCondition `json:"state"`
	Lacks   string             `json:"lacks,omitempty"` // why it is not measured
	Burns   []BurnShown        `json:"burns"`
	Budgets []BudgetShown      `json:"budgets"`
}

// An ObjectiveCondition sums an objective up.
type ObjectiveCondition string

// Conditions, the worst that holds.
const (
	ObjectiveUnknown ObjectiveCondition = "unknown" // nothing was counted in the budget in force
	ObjectiveMet     ObjectiveCondition = "met"
	ObjectiveBurning ObjectiveCondition = "burning" // a pair of windows fires
	ObjectiveMissed  ObjectiveCondition = "missed"  // a budget in force is spent, or one was missed of which none may be
)

// A BurnShown is a pair of burn windows.
type BurnShown struct {
	Scope  string        `json:"scope"`            // rolling; critical, of the critical window; phase, of what is kept for the phase
	Entity string        `json:"entity,omitempty"` // whose critical window or phase that is
	Window string        `json:"window"`           // 2% in 1h
	Fast   bool          `json:"fast"`
	Firing bool          `json:"firing"`
	Frozen bool          `json:"frozen,omitempty"` // the source is silent: firing is what it was before
	Target process.Share `json:"target"`
	Rate   *float64      `json:"rate,omitempty"` // 1 spends exactly the budget; absent without events
	Bad    uint64        `json:"bad"`            // in the long window
	Total  uint64        `json:"total"`
}

// A BudgetShown is an error budget over one window.
type BudgetShown struct {
	Window   string         `json:"window"`           // rolling, month, fiscal or critical
	Entity   string         `json:"entity,omitempty"` // whose calendar it goes by; absent: the whole tenant's
	Name     string         `json:"name,omitempty"`
	From     *time.Time     `json:"from,omitempty"`
	To       *time.Time     `json:"to,omitempty"`
	Target   *process.Share `json:"target,omitempty"`
	InForce  bool           `json:"in_force"` // it is the one that counts now
	Measured float64        `json:"measured"` // share of the time up to now that was observed

	Raw      BalanceShown  `json:"raw"`
	Adjusted BalanceShown  `json:"adjusted"`            // without announced maintenance
	Capped   bool          `json:"capped,omitempty"`    // there was more maintenance than may be left out
	Weighted *BalanceShown `json:"weighted,omitempty"`  // each event weighing what its phase says
	OfPhase  *BalanceShown `json:"of_phase,omitempty"`  // what is kept for the phase now
	Phase    string        `json:"phase,omitempty"`     // the entity is in
	Outlook  *OutlookShown `json:"estimated,omitempty"` // at the end of the window
	// Policy is what the error-budget policy asks for; of the budget in force.
	Policy process.PolicyState `json:"policy,omitempty"`
}

// A BalanceShown is what a budget was spent on.
type BalanceShown struct {
	Bad       uint64   `json:"bad"`
	Total     uint64   `json:"total"`
	Allowed   uint64   `json:"allowed"`              // bad events that the budget has room for, rounded down
	Good      *float64 `json:"good_ratio,omitempty"` // absent before anything was counted
	Consumed  *float64 `json:"consumed,omitempty"`   // share of the budget
	Remaining *float64 `json:"remaining,omitempty"`  // negative when overspent
}

// An OutlookShown is an estimate.
type OutlookShown struct {
	Total      uint64  `json:"total"`
	Remaining  float64 `json:"remaining"`
	EventsLeft int64   `json:"events_left"`
}

// objectivesShown are the objectives of a process at a tick; of all without one.
func (t *Tick) objectivesShown(name string) ObjectivesShown {
	out := ObjectivesShown{At: t.At, Objectives: []ObjectiveShown{}}
	of := map[tiering.Key][]*tiering.Evidence{} // by process, tenant and environment
	for i := range t.Evidence {
		k := t.Evidence[i].Key
		k.Entity = ""
		of[k] = append(of[k], &t.Evidence[i])
	}
	for i := range t.Objectives {
		if o := &t.Objectives[i]; name == "" || o.Objective.Process == name {
			k := tiering.Key{Process: o.Objective.Process, Tenant: o.Objective.Tenant, Environment: o.Environment}
			out.Objectives = append(out.Objectives, o.forPrograms(of[k]))
		}
	}
	return out
}

// forPrograms is an objective with what its process's evidence has of it.
func (o *objectiveState) forPrograms(evidence []*tiering.Evidence) ObjectiveShown {
	out := ObjectiveShown{
		ID: o.Objective.ID, Process: o.Objective.Process, Name: o.Name, Tenant: o.Objective.Tenant, Environment: o.Environment,
		Entities: o.Entities, Indicator: o.Objective.Indicator, Source: string(o.Objective.Source), Says: o.is.Says,
		Every: o.Every, State: ObjectiveUnknown, Lacks: o.Lacks, Burns: []BurnShown{}, Budgets: []BudgetShown{},
	}
	if !o.Every {
		out.Target, out.CriticalTarget = shareOf(o.is.Target), shareOf(criticalTarget(*o.is))
	}
	for i := range o.Burns {
		b := &o.Burns[i]
		out.Burns = append(out.Burns, BurnShown{
			Scope: rollingBurn, Window: b.Window.Name, Fast: b.Window.Fast, Firing: b.Firing, Frozen: b.Frozen, Target: o.is.Target,
			Rate: rateOf(b.Rate, b.Long.Total), Bad: b.Long.Bad, Total: b.Long.Total,
		})
	}
	out.Burns = append(out.Burns, o.ownBurns(evidence)...)
	for i := range o.Budgets {
		out.Budgets = append(out.Budgets, budgetShown(&o.Budgets[i], o.Every))
	}
	out.State = o.condition(out.Burns)
	return out
}

// ownBurns are those of critical windows and phases, as they were decided on.
func (o *objectiveState) ownBurns(evidence []*tiering.Evidence) []BurnShown {
	var out []BurnShown
	for _, ev := range evidence {
		for _, b := range ev.Burns {
			if b.Scope == rollingBurn || b.Objective != o.Name || b.Source != string(o.Objective.Source) {
				continue
			}
			out = append(out, BurnShown{
				Scope: b.Scope, Entity: ev.Entity, Window: b.Window, Fast: b.Fast, Firing: b.Firing, Target: b.Target,
				Rate: rateOf(b.Rate, b.Total), Bad: b.Bad, Total: b.Total,
			})
		}
	}
	return out
}

// condition sums an objective up: by the budgets in force and by what burns.
func (o *objectiveState) condition(burns []BurnShown) ObjectiveCondition {
	out := ObjectiveUnknown
	for i := range o.Budgets {
		b := &o.Budgets[i]
		left, known := b.Raw.Remaining()
		switch {
		case !b.InForce || b.Raw.Total == 0:
		case o.Every && b.Raw.Bad > 0, known && left <= 0:
			return ObjectiveMissed
		default:
			out = ObjectiveMet
		}
	}
	if slices.ContainsFunc(burns, func(b BurnShown) bool { return b.Firing }) {
		return ObjectiveBurning
	}
	return out
}

func budgetShown(b *budgetState, every bool) BudgetShown {
	out := BudgetShown{
		Window: string(b.Window), Entity: b.Entity, Name: b.Span.Name, InForce: b.InForce, Measured: b.Measured,
		Raw: balanceShown(b.Raw), Adjusted: balanceShown(b.Adjusted), Capped: b.Capped, Phase: b.Phase, Policy: b.Policy,
	}
	if !every {
		out.Target = shareOf(b.Target)
	}
	if !b.Span.IsZero() {
		from, to := b.Span.From.UTC(), b.Span.To.UTC()
		out.From, out.To = &from, &to
	}
	for to, of := range map[**BalanceShown]*slo.Balance{&out.Weighted: b.Weighted, &out.OfPhase: b.OfPhase} {
		if of != nil {
			shown := balanceShown(*of)
			*to = &shown
		}
	}
	if b.Ahead != nil {
		out.Outlook = &OutlookShown{b.Ahead.Total, b.Ahead.Remaining, b.Ahead.EventsLeft}
	}
	return out
}

func balanceShown(b slo.Balance) BalanceShown {
	out := BalanceShown{Bad: b.Bad, Total: b.Total, Allowed: b.Allowed.Events()}
	if v, ok := b.Ratio(); ok {
		out.Good = &v
	}
	if left, ok := b.Remaining(); ok {
		used := 1 - left
		out.Consumed, out.Remaining = &used, &left
	}
	return out
}

func shareOf(s process.Share) *process.Share {
	if s == 0 {
		return nil
	}
	return &s
}

func rateOf(rate float64, total uint64) *float64 {
	if total == 0 {
		return nil
	}
	return &rate
}

// serveObjectives answers GET /api/v1/objectives and /api/v1/objectives/{process}.
func (a *App) serveObjectives(w http.ResponseWriter, r *http.Request) {
	name, t := r.PathValue("process"), a.engine.last.Load()
	known := name == "" || slices.ContainsFunc(a.assembler.subjects, func(s subject) bool { return s.process.Name == name })
	switch {
	case t == nil:
		web.Problem(w, r, http.StatusServiceUnavailable, "the first tick is still to come; ask again in a minute")
	case !known:
		web.Problem(w, r, http.StatusNotFound, "there is no process "+name+" in the estate; GET /api/v1/objectives lists those that have objectives")
	default:
		writeJSON(w, t.objectivesShown(name))
	}
}
