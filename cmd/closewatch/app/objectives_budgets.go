package app

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// entityBudgets are the budgets of one objective over the calendar of one
// entity. They are running sums: a tick costs the same in every month.
type entityBudgets struct {
	entity                  string
	month, fiscal, critical *slo.Aligned
	inForce                 process.BudgetWindow
	phase                   calendar.Phase  // at the newest tick
	stood                   uint32          // burns of the critical window that fire, a bit for each
	layout                  *calendarLayout // the critical window was looked up in
	own                     *ownBurns       // of the critical window; nil before the first
	kept                    keptPart
}

// A keptPart is what of an error budget is kept for the phase that an entity is
// in.
type keptPart struct {
	layout *calendarLayout // it was looked up in
	phase  calendar.Phase
	until  time.Time     // its end
	length time.Duration // of the phase; 0: nothing is kept for it, or nobody knows how long it is
	target process.Share // that holds in it
	stood  uint32        // burns that fire, a bit for each
	own    *ownBurns     // nil before they are asked for
}

func newEntityBudgets(is process.Objective, entity string, tick time.Duration) *entityBudgets {
	rules := phaseRules(is.Budget)
	return &entityBudgets{
		entity: entity, inForce: outside(is),
		month: slo.NewAligned(tick, rules), fiscal: slo.NewAligned(tick, rules), critical: slo.NewAligned(tick, nil),
	}
}

// phaseRules are what an estate says about phases, in the order of the phases.
func phaseRules(b process.Budget) []slo.PhaseRule {
	var out []slo.PhaseRule
	for _, phase := range calendar.Phases() {
		weight, weighs := b.Weights[string(phase)]
		share, kept := b.Shares[string(phase)]
		if weighs || kept {
			out = append(out, slo.PhaseRule{Phase: string(phase), Weight: uint64(max(0, weight)), Share: uint64(max(0, share))}) //nolint:gosec // not negative
		}
	}
	return out
}

// outside is the budget window that counts outside the critical window. Of
// occasions there are too few for thirty days to say anything that a month does
// not.
func outside(is process.Objective) process.BudgetWindow {
	switch {
	case is.Budget.Window != "":
		return is.Budget.Window
	case is.Indicator.Occasional() || is.Every:
		return process.MonthWindow
	default:
		return process.RollingWindow
	}
}

// criticalTarget is the target inside the critical window: never lower than
// outside it.
func criticalTarget(is process.Objective) process.Share { return is.In(true).Target }

// observe counts a tick in every span that it lies in.
func (b *entityBudgets) observe(l *looking, t *tracked, c counted, s *subject, critical bool) {
	tl := l.layout.of[s.key.Entity]
	b.turn(tl, l.at.Add(-1))
	b.phase = tl.At(l.at).Phase
	b.keep(tl, &t.is, l)
	b.inForce = t.outside
	if critical && (b.layout != l.layout || !b.critical.Span().Has(l.at)) {
		b.open(tl, s, l.at)
		b.layout = l.layout
	}
	if critical && b.critical.Span().Has(l.at) {
		b.inForce = process.CriticalWindow
	}
	n := slo.Count{Event: slo.Event{Bad: c.Bad, Total: c.Total, Observed: c.Observed}, Excluded: c.Excluded, Phase: string(c.Phase)}
	b.month.Observe(l.at, n, t.allowed)
	b.fiscal.Observe(l.at, n, t.allowed)
	b.critical.Observe(l.at, n, t.allowedCritical)
}

// keep finds out what is kept of the budget for the phase that has begun: of that
// of the month, or of the fiscal period where that is what counts.
func (b *entityBudgets) keep(tl *calendar.Timeline, is *process.Objective, l *looking) {
	if len(is.Budget.Shares) == 0 || b.kept.phase == b.phase && b.kept.layout == l.layout && l.at.Before(b.kept.until) {
		return
	}
	was := b.kept
	b.kept = keptPart{layout: l.layout, phase: b.phase, until: l.at}
	span := b.month.Span()
	if is.Budget.Window == process.FiscalWindow {
		span = b.fiscal.Span()
	}
	from, to, ok := tl.PhaseSpan(l.at)
	if !ok || span.IsZero() {
		return
	}
	b.kept.until = to
	may, ok := slo.KeptFor(allowed(is.Target), uint64(is.Budget.Shares[string(b.phase)]), to.Sub(from), span.Length()) //nolint:gosec // not negative
	if !ok {
		return
	}
	b.kept.length, b.kept.target = to.Sub(from), process.Whole-process.Share(may) //nolint:gosec // below the whole
	if was.phase == b.phase {
		b.kept.stood = was.stood
	}
}

// turn begins the month and the fiscal period that an instant lies in, once the
// ones before are over.
func (b *entityBudgets) turn(tl *calendar.Timeline, within time.Time) {
	if !b.month.Span().Has(within) {
		name, from, to := tl.CivilMonth(within)
		b.month.Begin(slo.Span{Name: name, From: from, To: to})
	}
	if !b.fiscal.Span().Has(within) {
		if name, from, to, ok := tl.FiscalPeriod(within); ok {
			b.fiscal.Begin(slo.Span{Name: name, From: from, To: to})
		} else {
			b.fiscal.Begin(slo.Span{})
		}
	}
}

// open begins the critical window that an instant lies in, or moves the end of
// the one that is counted. One that never ends has no budget of its own: it is
// that of the last thirty days.
func (b *entityBudgets) open(tl *calendar.Timeline, s *subject, at time.Time) {
	if from, to, ok := tl.CriticalSpan(s.process.Name, s.windows, at); ok {
		b.critical.Begin(slo.Span{Name: "critical window until " + to.In(tl.Zone()).Format("Mon 2 Jan 15:04"), From: from, To: to})
	}
}

// A budgetState is one budget of an objective, as it is at a tick.
type budgetState struct {
	Entity   string // "" is the whole tenant
	Window   process.BudgetWindow
	Span     slo.Span // zero of the rolling window
	Target   process.Share
	Raw      slo.Balance
	Adjusted slo.Balance // without announced maintenance
	Capped   bool        // there was more maintenance than may be left out
	Measured float64     // share of the time that was observed, 0 to 1

	Weighted *slo.Balance // each event weighing what its phase says; nil when all weigh the same
	OfPhase  *slo.Balance // what is kept of the budget for the phase now; nil when nothing is
	Phase    string
	Ahead    *slo.Outlook // estimated; nil when too little has happened

	InForce bool // the one that counts now
	Policy  process.PolicyState
}

// budgets are an objective's budgets at a tick: the rolling one, and those of
// every entity.
func (r *stateRoom) budgetsOf(at time.Time, t *tracked, st *slo.State) []budgetState {
	first := len(r.budgets)
	if t.burns >= 0 {
		r.budgets = append(r.budgets, rolling(t, st))
	}
	recent := recentOf(st)
	for _, b := range t.budgets {
		r.aligned(at, process.MonthWindow, b.month, b, t.is.Target, recent)
		r.aligned(at, process.FiscalWindow, b.fiscal, b, t.is.Target, recent)
		r.aligned(at, process.CriticalWindow, b.critical, b, criticalTarget(t.is), recent)
	}
	out := r.budgets[first:len(r.budgets):len(r.budgets)]
	for i := range out {
		if out[i].InForce {
			out[i].Policy = t.policy.Decide(at, out[i].Raw, out[i].Phase)
		}
	}
	return out
}

// rolling is the budget of the last thirty days. It counts for the tenant when it
// counts for any entity.
func rolling(t *tracked, st *slo.State) budgetState {
	b := budgetState{
		Window: process.RollingWindow, Target: t.is.Target, Measured: st.Period.Measured,
		Raw: slo.NewBalance(st.Period.Bad, st.Period.Total, t.allowed),
	}
	b.Adjusted, b.Capped = t.excluded.Adjusted(st.Period, t.allowed)
	for _, e := range t.budgets {
		if e.inForce == process.RollingWindow {
			b.InForce, b.Phase = true, string(e.phase)
		}
	}
	return b
}

// aligned adds the budget of a stretch of the calendar, where there is one.
func (r *stateRoom) aligned(at time.Time, window process.BudgetWindow, of *slo.Aligned, b *entityBudgets, target process.Share, recent slo.Window) {
	span := of.Span()
	if span.IsZero() {
		return
	}
	s := budgetState{
		Entity: b.entity, Window: window, Span: span, Target: target, Raw: of.Raw(), Measured: of.Measured(at),
		InForce: window == b.inForce && span.Has(at), Phase: string(b.phase),
	}
	s.Adjusted, s.Capped = of.Adjusted()
	if w, ok := of.Weighted(); ok {
		s.Weighted = stored(&r.balances, w)
	}
	if p, ok := of.OfPhase(string(b.phase)); ok {
		s.OfPhase = stored(&r.balances, p)
	}
	if o, ok := of.Ahead(at, recent); ok {
		s.Ahead = stored(&r.outlooks, o)
	}
	r.budgets = append(r.budgets, s)
}

// stored puts a value where it stays, and returns where that is.
func stored[T any](in *[]T, v T) *T {
	*in = append(*in, v)
	return &(*in)[len(*in)-1]
}

// recentOf is the longest burn window of at most a day: what the rest of a span
// is supposed to be like.
func recentOf(st *slo.State) (w slo.Window) {
	for i := range st.Burns {
		b := &st.Burns[i]
		if b.Long.Length <= 24*time.Hour && b.Long.Length > w.Length {
			w = b.Long
		}
	}
	return w
}

func policyOf(b process.Budget) slo.Policy {
	if b.Policy == nil {
		return slo.DefaultPolicy()
	}
	return slo.Policy{Since: b.PolicySince, Steps: b.Policy}
}

// inForce is the budget that counts for an entity; false when there is none.
func inForce(all []budgetState, entity string) (budgetState, bool) {
	i := slices.IndexFunc(all, func(b budgetState) bool { return b.InForce && b.Entity == entity })
	if i < 0 {
		i = slices.IndexFunc(all, func(b budgetState) bool { return b.InForce && b.Entity == "" })
	}
	if i < 0 {
		return budgetState{}, false
	}
	return all[i], true
}
