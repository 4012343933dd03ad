package app

import (
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
)

// An objectiveState is an objective at a tick: its burn windows, where it has
// any, and its budgets.
type objectiveState struct {
	slo.State
	is          *process.Objective
	Name        string
	Environment string
	Entities    []string
	Every       bool // none may be missed: there is no budget
	Burning     bool // it has burn windows and a rolling budget
	Budgets     []budgetState
	Sum         slo.Event     // since the start
	Doubts      uint64        // good or bad events that were more than there were
	Breach      time.Duration // beyond a threshold, since the start
	Judged      bool          // Breach is meaningful
	Lacks       string        // why it is not measured: "a bucket that ends at 3s; nearest: 2s or 5s"; "" otherwise
}

// A stateRoom is where the states of objectives at a tick are: side by side, so
// that there are a few pieces of memory however many objectives there are.
type stateRoom struct {
	states   []objectiveState
	burns    []slo.BurnState
	budgets  []budgetState
	balances []slo.Balance
	outlooks []slo.Outlook
}

// another returns an empty room of the same size.
func (r *stateRoom) another() *stateRoom {
	return &stateRoom{
		make([]objectiveState, 0, len(r.states)), make([]slo.BurnState, 0, len(r.burns)), make([]budgetState, 0, len(r.budgets)),
		make([]slo.Balance, 0, len(r.balances)), make([]slo.Outlook, 0, len(r.outlooks)),
	}
}

// clear empties the room.
func (r *stateRoom) clear() {
	r.states, r.burns, r.budgets, r.balances, r.outlooks = r.states[:0], r.burns[:0], r.budgets[:0], r.balances[:0], r.outlooks[:0]
}

// states lists every objective at a tick. The list is not changed later.
func (o *objectives) states(at time.Time) []objectiveState {
	room := o.room.another()
	o.lay(room, at)
	o.room = *room
	return room.states
}

// lay puts the state of every objective at a tick in an empty room.
func (o *objectives) lay(room *stateRoom, at time.Time) {
	for _, t := range o.tracked {
		st := objectiveState{
			is: &t.is, Name: t.is.Name, Environment: t.environment, Every: t.is.Every, Burning: t.burns >= 0, Entities: t.entities,
			Sum: t.sum, Doubts: t.doubts, Breach: t.breach, Judged: judgesTime(t.feeds),
		}
		if f, ok := t.feeds.(*bucketed); ok {
			st.Lacks = f.lacks(t.is.In(t.critical).Threshold)
		}
		o.read(t, &o.scratch.state)
		st.State = o.scratch.state
		first := len(room.burns)
		room.burns = append(room.burns, st.Burns...)
		st.Burns = room.burns[first:len(room.burns):len(room.burns)]
		st.Budgets = room.budgetsOf(at, t, &st.State)
		room.states = append(room.states, st)
	}
}

// read reads the windows of an objective into a value that is used again.
func (o *objectives) read(t *tracked, st *slo.State) {
	if t.burns < 0 {
		*st = slo.State{Objective: t.Objective, Burns: st.Burns[:0]}
		return
	}
	o.engine.Read(t.burns, st)
}

// judgesTime reports whether an indicator judges each tick, so that it knows
// for how long a threshold was crossed.
func judgesTime(f indicator) bool {
	switch f.(type) {
	case aged, valued:
		return true
	default:
		return false
	}
}

// What a burn is reckoned over, as decisions and people read it.
const (
	rollingBurn  = "rolling"
	criticalBurn = "critical"
	phaseBurn    = "phase"
)

// burns lists the burn states of a subject's objectives: those of the last
// thirty days, and inside its critical window those of the window's own budget.
// A process as a whole has none: its parts have. The list is not changed later,
// and all that is allocated.
func (o *objectives) burns(subj subject) []tiering.Burn {
	out := o.scratch.burns[:0]
	for t := range o.group(&subj) {
		if t.burns < 0 || t.is.Name == process.Composite {
			continue
		}
		st := &o.scratch.state
		o.engine.Read(t.burns, st)
		for i := range st.Burns {
			b := &st.Burns[i]
			out = append(out, tiering.Burn{
				Objective: t.is.Name, Scope: rollingBurn, Target: t.is.Target,
				Indicator: t.Indicator, Source: string(t.Source), Window: b.Window.Name, Length: b.Long.Length, Fast: b.Window.Fast,
				Firing: b.Firing, Lingers: b.Lingers, Rate: b.Rate, Bad: b.Long.Bad, Total: b.Long.Total, Lately: b.Short.Bad,
			})
		}
		if i := t.entity(subj.key.Entity); i >= 0 {
			out = o.criticalBurns(out, t, t.budgets[i])
			out = o.phaseBurns(out, t, &t.budgets[i].kept)
		}
	}
	if o.scratch.burns = out; len(out) == 0 {
		return nil
	}
	return slices.Clone(out)
}

// ownBurns are the burns of a stretch of time that has a budget of its own.
type ownBurns struct {
	in      *slo.Stretch
	scope   string
	target  process.Share
	windows []string // as decisions and people read them; in the order of the burns
}

// criticalBurns appends the burns of an entity's critical window, while it is in
// one. They are asked for once at each tick.
func (o *objectives) criticalBurns(out []tiering.Burn, t *tracked, of *entityBudgets) []tiering.Burn {
	if of.inForce != process.CriticalWindow {
		of.stood = 0
		return out
	}
	if length := of.critical.Span().Length(); of.own == nil || of.own.in.Period() != length {
		target := criticalTarget(t.is)
		of.own = &ownBurns{in: o.engine.Stretch(target.Rat(), length), scope: criticalBurn, target: target}
	}
	return o.appendBurns(out, t, of.own, &of.stood, func() string { return " of the critical window" })
}

// phaseBurns appends the burns of the part of an error budget that is kept for
// the phase an entity is in. They are asked for once at each tick.
func (o *objectives) phaseBurns(out []tiering.Burn, t *tracked, of *keptPart) []tiering.Burn {
	if of.length == 0 {
		return out
	}
	if of.own == nil {
		of.own = &ownBurns{in: o.engine.Stretch(of.target.Rat(), of.length), scope: phaseBurn, target: of.target}
	}
	return o.appendBurns(out, t, of.own, &of.stood, func() string { return " of what is kept for " + phaseInWords(of.phase) })
}

// appendBurns appends burns as decisions read them, and moves on what stands.
// what says of what they are.
func (o *objectives) appendBurns(out []tiering.Burn, t *tracked, own *ownBurns, stood *uint32, what func() string) []tiering.Burn {
	o.scratch.own, *stood = o.engine.Critical(t.burns, own.in, *stood, o.scratch.own[:0])
	if own.windows == nil {
		for i := range o.scratch.own {
			own.windows = append(own.windows, o.scratch.own[i].Window.Name+what())
		}
	}
	for i := range o.scratch.own {
		b := &o.scratch.own[i]
		out = append(out, tiering.Burn{
			Objective: t.is.Name, Scope: own.scope, Target: own.target,
			Indicator: t.Indicator, Source: string(t.Source), Window: own.windows[i], Length: b.Long.Length, Fast: b.Window.Fast,
			Firing: b.Firing, Rate: b.Rate, Bad: b.Long.Bad, Total: b.Long.Total, Lately: b.Short.Bad,
		})
	}
	return out
}

// phaseInWords names a phase within a sentence.
func phaseInWords(p calendar.Phase) string {
	if p == calendar.Normal {
		return "normal days"
	}
	return "the " + strings.ReplaceAll(string(p), "_", "-")
}

// shown is an objective as pages show it for an entity: by the budget that
// counts now.
func (o objectiveState) shown(entity string) web.Objective {
	out := web.Objective{Name: o.Name + ", " + sourceWords(o.Objective.Source)}
	b, ok := inForce(o.Budgets, entity)
	if !ok {
		return out
	}
	out.Target, out.Measured = b.Target.Float(), &b.Measured
	if left, known := b.Raw.Remaining(); known {
		out.Budget = &left
		if len(o.Burns) > 0 && o.Burns[0].Long.Total > 0 {
			out.Burn = &o.Burns[0].Rate
		}
	}
	return out
}
