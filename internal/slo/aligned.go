package slo

import (
	"slices"
	"time"
)

// MaxExcluded is the share of a period, in billionths, that announced
// maintenance may leave out of the adjusted figures: 2 %. What is beyond it
// counts in both readings, and the budget says so. Maintenance without a limit
// would make every objective attainable.
const MaxExcluded = 20_000_000

// MaxWeight bounds how much more events of a phase may weigh than others: a
// large weight would hide all that happens outside it.
const MaxWeight = 100

// A PhaseRule is what is different about the events of one phase of the
// calendar.
type PhaseRule struct {
	Phase  string
	Weight uint64 // of each of its events, where others weigh 1; 0 is 1
	Share  uint64 // of the period's error budget that is kept for it, in billionths; 0 is none
}

// An Aligned is a budget over a span of the calendar: a month, a fiscal period
// or a critical window. It is a running sum: a tick costs the same however long
// the span is, and the sum can be taken up again from 5-minute cells.
//
// Targets may change within the span. Each event is allowed for by the target
// that was in force when it happened, so that the allowances add up and what
// is left is never infinite.
type Aligned struct {
	span   Span
	tick   time.Duration
	phases []PhaseRule

	raw, excluded sum2
	targets       []segment
	byPhase       []phaseSum
	observed      uint64        // ticks
	left          time.Duration // out, by maintenance
	capped        bool
	last          time.Time // the newest tick counted
}

// sum2 counts events.
type sum2 struct{ bad, total uint64 }

// A segment is the events that had one target.
type segment struct {
	allowed         uint64 // of each event, in billionths
	total, excluded uint64
}

// A phaseSum is the events of one phase.
type phaseSum struct {
	phase      string
	bad, total uint64
}

// NewAligned returns the budget of no span yet, on a grid of ticks.
func NewAligned(tick time.Duration, phases []PhaseRule) *Aligned {
	return &Aligned{tick: tick, phases: phases}
}

// Span returns the stretch that is counted; zero when there is none.
func (a *Aligned) Span() Span { return a.span }

// Begin counts another span, from nothing. A span that is the same but for its
// end goes on: a close is extended.
func (a *Aligned) Begin(s Span) {
	if !s.IsZero() && s.From.Equal(a.span.From) {
		a.span = s
		return
	}
	targets, byPhase := a.targets[:0], a.byPhase[:0]
	*a = Aligned{span: s, tick: a.tick, phases: a.phases, targets: targets, byPhase: byPhase}
}

// Observe counts what happened in the tick that ends at an instant, with the
// share of events that may fail, in billionths. What happened before the span
// or after it is not counted.
func (a *Aligned) Observe(at time.Time, c Count, allowed uint64) {
	a.observe(at, a.tick, c, allowed)
}

// A Cell is what was counted over several ticks, as a ledger keeps it.
type Cell struct {
	End              time.Time // of the cell
	Length           time.Duration
	Bad, Total       uint64
	BadOut, TotalOut uint64 // of these, within maintenance
	Observed         uint64 // ticks
	Phase            string
}

// Out is how long maintenance is taken to have lasted in a cell: as much of it
// as of the events.
func (c Cell) Out() time.Duration {
	if c.Total == 0 {
		return 0
	}
	return time.Duration(float64(c.Length) * float64(c.TotalOut) / float64(c.Total))
}

// Resume counts a cell of the past. It lies within one phase: those begin and
// end where cells do.
func (a *Aligned) Resume(c Cell, allowed uint64) {
	if !a.span.Has(c.End.Add(-1)) {
		return
	}
	a.observed += c.Observed
	a.last = c.End
	if c.TotalOut > 0 && !a.leaveOut(c.Out()) {
		c.BadOut, c.TotalOut = 0, 0
	}
	a.add(sum2{c.Bad, c.Total}, sum2{c.BadOut, c.TotalOut}, c.Phase, allowed)
}

func (a *Aligned) observe(at time.Time, length time.Duration, c Count, allowed uint64) {
	if !a.span.Has(at.Add(-1)) || !at.After(a.last) {
		return
	}
	a.last = at
	if c.Observed {
		a.observed++
	}
	out := sum2{}
	if c.Excluded && a.leaveOut(length) {
		out = sum2{c.Bad, c.Total}
	}
	a.add(sum2{c.Bad, c.Total}, out, c.Phase, allowed)
}

// leaveOut reports whether so much more may be left out of the adjusted
// figures.
func (a *Aligned) leaveOut(d time.Duration) bool {
	if float64(a.left+d)*billion > float64(a.span.Length())*MaxExcluded {
		a.capped = true
		return false
	}
	a.left += d
	return true
}

func (a *Aligned) add(all, out sum2, phase string, allowed uint64) {
	if all.total == 0 {
		return
	}
	a.raw.bad, a.raw.total = a.raw.bad+all.bad, a.raw.total+all.total
	a.excluded.bad, a.excluded.total = a.excluded.bad+out.bad, a.excluded.total+out.total
	i := slices.IndexFunc(a.targets, func(s segment) bool { return s.allowed == allowed })
	if i < 0 {
		i = len(a.targets)
		a.targets = append(a.targets, segment{allowed: allowed})
	}
	a.targets[i].total += all.total
	a.targets[i].excluded += out.total
	if len(a.phases) == 0 {
		return
	}
	i = slices.IndexFunc(a.byPhase, func(s phaseSum) bool { return s.phase == phase })
	if i < 0 {
		i = len(a.byPhase)
		a.byPhase = append(a.byPhase, phaseSum{phase: phase})
	}
	a.byPhase[i].bad += all.bad
	a.byPhase[i].total += all.total
}

// Raw is the budget with everything that happened.
func (a *Aligned) Raw() Balance {
	r := Balance{Bad: a.raw.bad, Total: a.raw.total}
	for _, s := range a.targets {
		r.Allowed.add(s.total, s.allowed)
	}
	return r
}

// Adjusted is the budget without what happened in announced maintenance. capped
// says that there was more maintenance than may be left out.
func (a *Aligned) Adjusted() (r Balance, capped bool) {
	r = Balance{Bad: a.raw.bad - a.excluded.bad, Total: a.raw.total - a.excluded.total}
	for _, s := range a.targets {
		r.Allowed.add(s.total-s.excluded, s.allowed)
	}
	return r, a.capped
}

// Measured is the share of the span's time up to an instant that was observed,
// 0 to 1.
func (a *Aligned) Measured(at time.Time) float64 {
	if a.span.IsZero() || !at.After(a.span.From) || a.tick <= 0 {
		return 0
	}
	if at.After(a.span.To) {
		at = a.span.To
	}
	return min(1, float64(a.observed)*float64(a.tick)/float64(at.Sub(a.span.From)))
}

// Weighted is the budget with each event weighing what its phase says; ok is
// false when no phase weighs more than another. The allowance is that of the
// weighted events.
func (a *Aligned) Weighted() (r Balance, ok bool) {
	for _, p := range a.phases {
		ok = ok || p.Weight > 1
	}
	if !ok || len(a.targets) == 0 {
		return Balance{}, false
	}
	for _, s := range a.byPhase {
		w := a.rule(s.phase).weight()
		r.Bad, r.Total = r.Bad+w*s.bad, r.Total+w*s.total
	}
	r.Allowed.add(r.Total, a.targets[len(a.targets)-1].allowed)
	return r, true
}

func (a *Aligned) rule(phase string) PhaseRule {
	for _, p := range a.phases {
		if p.Phase == phase {
			return p
		}
	}
	return PhaseRule{Phase: phase}
}

func (p PhaseRule) weight() uint64 { return min(max(p.Weight, 1), MaxWeight) }

// OfPhase is the part of the budget that is kept for a phase: of what may
// fail of all events so far, its share. ok is false when none is kept for it.
func (a *Aligned) OfPhase(phase string) (r Balance, ok bool) {
	share := a.rule(phase).Share
	if share == 0 {
		return Balance{}, false
	}
	for _, s := range a.byPhase {
		if s.phase == phase {
			r.Bad, r.Total = s.bad, s.total
		}
	}
	all := a.Raw().Allowed
	r.Allowed = all.part(share)
	return r, true
}
