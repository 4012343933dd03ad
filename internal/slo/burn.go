package slo

import "time"

// firing tells which burns of an objective fire at the newest tick, a bit for
// each.
func (e *Engine) firing(objective int) (bits uint32) {
	if e.sums[objective*len(e.spans)+e.period].bad == 0 {
		return 0 // the period holds every window
	}
	for burn := range e.burns {
		if e.fires(objective, burn) {
			bits |= 1 << burn
		}
	}
	return bits
}

// fires reports whether a burn fires: the long window burns, with enough bad
// events to be more than chance, and it goes on, by what is recent. Where chance
// is not all but ruled out, what is recent must hold as many bad events as it
// takes for a burn at all.
//
// When the source does not answer for half of the short window or more, nobody
// can say that the burn has ended: what fired goes on firing as long as the long
// window burns, and nothing begins to.
func (e *Engine) fires(objective, burn int) bool {
	return e.firesAt(objective, burn, e.limits[objective*len(e.burns)+burn], e.stood[objective])
}

// firesAt is fires at another limit, with what fired by it at the tick before.
func (e *Engine) firesAt(objective, burn int, lim *limit, stood uint32) bool {
	p, floor := &e.pairs[burn], e.floors[objective]
	sums := e.sums[objective*len(e.spans) : (objective+1)*len(e.spans)]
	long := &sums[p.long]
	if long.bad < floor || !lim.exceeded(long, e.begun(objective, p.long), e.spans[p.long].ticks) || !lim.enough(long) {
		return false
	}
	if e.frozen(objective, burn) {
		return stood&(1<<burn) != 0
	}
	w := e.recent(objective, burn)
	recent := &sums[w]
	return lim.exceeded(recent, e.begun(objective, w), e.spans[w].ticks) && (recent.bad >= floor || lim.sure(long))
}

// lingers reports whether what a burn raised is not over.
func (e *Engine) lingers(objective, burn int) bool {
	p, sums := &e.pairs[burn], e.sums[objective*len(e.spans):(objective+1)*len(e.spans)]
	return e.limits[objective*len(e.burns)+burn].lingers(&sums[p.long], e.begun(objective, p.long), e.spans[p.long].ticks, &sums[p.recent[0]])
}

// frozen reports whether too little of the short window was observed to judge.
func (e *Engine) frozen(objective, burn int) bool {
	w := e.pairs[burn].recent[0]
	return 2*int64(e.sums[objective*len(e.spans)+w].seen) < e.begun(objective, w) //nolint:gosec // at most the ticks of a window
}

// recent is the window that says whether a burn goes on: the short one, or the
// next longer one, up to half of the long one, that holds as many events as must
// be bad.
func (e *Engine) recent(objective, burn int) (window int) {
	for _, window = range e.pairs[burn].recent {
		if e.sums[objective*len(e.spans)+window].total >= e.floors[objective] {
			return window
		}
	}
	return window
}

// begun is how many ticks of a window have passed since the objective began.
func (e *Engine) begun(objective, window int) int64 {
	return min(e.now-e.first[objective]+1, e.spans[window].ticks)
}

// A Window is what one objective counted in one window.
type Window struct {
	Length     time.Duration // unscaled
	Bad, Total uint64
	Measured   float64 // share of the window's ticks that were observed, 0 to 1
	// Since the engine began, Begun of the window's Ticks have passed. What lies
	// before counts as healthy: three bad minutes after a start are no burn of
	// three days.
	Begun, Ticks uint64
}

// A BurnState is the verdict of one pair of windows.
type BurnState struct {
	Window BurnWindow
	Firing bool
	// Lingers says that the long window has not come back to four fifths of the
	// threshold while the short one still sees failures: it is not over, whether it
	// fires or not.
	Lingers bool
	// Frozen says that the source was silent for half of the short window or
	// more: Firing is then what it was before, while the long window burns.
	Frozen      bool
	Long, Short Window
	// Recent says whether the burn goes on. It is the short window, or a longer
	// one where the short one has too few events.
	Recent Window
	// Rate is the long window's burn rate: 1 spends exactly the budget. It is
	// meaningful only with traffic.
	Rate float64
}

// A State is what an objective looks like now.
type State struct {
	Objective Objective
	Burns     []BurnState
	Period    Window
	// Remaining is the share of the rolling budget left, negative when
	// overspent. It is 1 without traffic, when Traffic is false.
	Remaining float64
	Traffic   bool
}

// State reports objective i.
func (e *Engine) State(i int) State {
	var st State
	e.Read(i, &st)
	return st
}

// Read is State into a value that is used again: it allocates nothing once the
// value has held a state of this engine.
func (e *Engine) Read(i int, st *State) {
	st.Objective, st.Period, st.Remaining = e.objectives[i], e.window(i, e.period), 1
	if st.Traffic = st.Period.Total > 0; st.Traffic {
		st.Remaining = 1 - float64(st.Period.Bad)/(float64(st.Period.Total)*e.budgets[i])
	}
	st.Burns = st.Burns[:0]
	for j, b := range e.burns {
		bs := BurnState{
			Window: b, Firing: e.fires(i, j), Frozen: e.frozen(i, j),
			Long: e.window(i, e.pairs[j].long), Short: e.window(i, e.pairs[j].recent[0]), Recent: e.window(i, e.recent(i, j)),
			Lingers: e.lingers(i, j),
		}
		if bs.Long.Total > 0 {
			bs.Rate = float64(bs.Long.Bad) / (float64(bs.Long.Total) * e.budgets[i])
		}
		st.Burns = append(st.Burns, bs)
	}
}

// Firing reports whether a burn of objective i fires; burns are in the order of
// the settings.
func (e *Engine) Firing(i, burn int) bool { return e.fires(i, burn) }

func (e *Engine) window(objective, i int) Window {
	s, ticks := &e.sums[objective*len(e.spans)+i], e.spans[i].ticks
	w := Window{
		Length: e.windows[i], Bad: s.bad, Total: s.total, Ticks: uint64(ticks), //nolint:gosec // positive
		Measured: min(1, float64(s.seen)/float64(ticks)),
	}
	if e.now != 0 {
		w.Begun = uint64(e.begun(objective, i)) //nolint:gosec // positive
	}
	return w
}
