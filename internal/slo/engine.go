package slo

import (
	"fmt"
	"math/big"
	"slices"
	"time"
)

// A Source says whose experience an objective measures. The two are reported
// side by side and never blended.
type Source string

// Sources.
const (
	Synthetic Source = "synthetic" // flows
	Users     Source = "users"     // real operations seen at the ingress
)

// An Objective is a target for a stream of events.
type Objective struct {
	ID        string // unique and stable: "acme/invoice-posting/availability/users"
	Process   string
	Tenant    string
	Indicator string // "availability" or "latency"
	Source    Source
	Target    *big.Rat // 0 < Target < 1
	// MinBad is the least number of bad events in the long window that make a
	// burn: a single failure among few events is a report, not a burn.
	MinBad uint64
}

// Settings of an engine.
type Settings struct {
	Tick  time.Duration // distance of ticks on the grid, after scaling
	Scale float64       // multiplies every window; 1 in production, less in a demo
	Burns []BurnWindow  // nil means BurnWindows(); at most maxBurns
}

// An Event is what one objective saw in one tick.
type Event struct {
	Bad, Total uint64
	// Observed says the source answered in this tick. A tick without traffic
	// is observed; a tick whose source was down is not.
	Observed bool
}

// An Engine follows many objectives. A tick costs the same for every objective
// and allocates nothing. It is not safe for concurrent use.
//
// Of one engine, ticks and events decide everything: the same ones give the same
// states, whether or not anybody read the states in between, and whether or not
// the engine was written down and restored in between.
type Engine struct {
	tick       time.Duration
	burns      []BurnWindow
	windows    []time.Duration
	spans      []span
	pairs      []pair // by burn
	period     int
	objectives []Objective
	budgets    []float64 // 1 - target
	floors     []uint64  // of bad events, at least 1
	limits     []*limit  // by objective and burn
	index      map[string]int
	critical   map[ratio]*limit // of critical windows, as they come up

	rings [levels]ring
	sums  []sum    // by objective and window
	first []int64  // tick at which an objective began; by objective
	heard []int64  // newest tick that was observed; by objective
	stood []uint32 // what fired at the end of the tick before, a bit for each burn; by objective
	fresh []int    // objectives that the snapshot did not know which was restored
	now   int64    // tick; 0 before the first
}

// A pair is where the windows of a burn are among the spans.
type pair struct {
	long int
	// recent are the short window and the longer ones that take its place when
	// it has too few events to say anything, shortest first.
	recent []int
}

// maxBurns is how many burns an engine can follow.
const maxBurns = 32

// New returns an engine for the given objectives.
func New(s Settings, objectives []Objective) (*Engine, error) {
	if s.Tick <= 0 || s.Scale <= 0 {
		return nil, fmt.Errorf("slo: tick %v and scale %v must be positive", s.Tick, s.Scale)
	}
	burns := s.Burns
	if burns == nil {
		burns = BurnWindows()
	}
	if len(burns) > maxBurns {
		return nil, fmt.Errorf("slo: %d burn windows, at most %d", len(burns), maxBurns)
	}
	e := &Engine{tick: s.Tick, burns: burns, objectives: objectives, index: make(map[string]int, len(objectives))}
	e.lay(s)
	if err := e.judge(); err != nil {
		return nil, err
	}
	e.allocate()
	return e, nil
}

// lay places every window on a level.
func (e *Engine) lay(s Settings) {
	for l, r := range resolutions() {
		e.rings[l] = newRing(r, s.Tick, s.Scale, len(e.objectives))
	}
	window := func(d time.Duration) int {
		if i := slices.Index(e.windows, d); i >= 0 {
			return i
		}
		level := 0
		for l, r := range resolutions() {
			if level = l; d <= r.reach {
				break
			}
		}
		ticks, ring := ticksOf(d, s.Tick, s.Scale), &e.rings[level]
		e.windows = append(e.windows, d)
		e.spans = append(e.spans, span{level, ring.cellsFor(ticks), ticks})
		ring.count = max(ring.count, ring.cellsFor(ticks))
		return len(e.windows) - 1
	}
	for _, b := range e.burns {
		e.pairs = append(e.pairs, pair{long: window(b.Lookback), recent: []int{window(b.Short)}})
	}
	e.period = window(Period)
	for i, b := range e.burns {
		for w, d := range e.windows {
			if d > b.Short && d <= b.Lookback/2 {
				e.pairs[i].recent = append(e.pairs[i].recent, w)
			}
		}
		slices.SortFunc(e.pairs[i].recent, func(v, w int) int { return int(e.windows[v] - e.windows[w]) })
	}
}

// judge works out what burns for each objective.
func (e *Engine) judge() error {
	known := map[ratio]*limit{} // many objectives have the same target
	for i, o := range e.objectives {
		if _, dup := e.index[o.ID]; dup {
			return fmt.Errorf("slo: objective %q is declared twice", o.ID)
		}
		if o.Target == nil || o.Target.Sign() <= 0 || o.Target.Cmp(big.NewRat(1, 1)) >= 0 {
			return fmt.Errorf("slo: objective %q: the target must lie between 0 and 1 to leave an error budget", o.ID)
		}
		e.index[o.ID] = i
		budget := new(big.Rat).Sub(big.NewRat(1, 1), o.Target)
		share, _ := budget.Float64()
		e.budgets = append(e.budgets, share)
		e.floors = append(e.floors, max(o.MinBad, 1))
		for _, b := range e.burns {
			at, ok := limitOf(budget, b)
			if !ok {
				return fmt.Errorf("slo: objective %q: the target has too many digits to be compared exactly; eighteen are enough", o.ID)
			}
			if known[at] == nil {
				known[at] = newLimit(at)
			}
			e.limits = append(e.limits, known[at])
		}
	}
	return nil
}

// allocate makes room for what is counted, all of it empty.
func (e *Engine) allocate() {
	n := len(e.objectives)
	if e.rings[0].events == nil || e.now != 0 { // what is empty stays
		for l := range e.rings {
			e.rings[l].allocate()
		}
	}
	e.sums = make([]sum, n*len(e.spans))
	e.first, e.heard, e.stood = make([]int64, n), make([]int64, n), make([]uint32, n)
	e.now, e.fresh = 0, nil
}

// Clear forgets all that was counted.
func (e *Engine) Clear() { e.allocate() }

// Objectives returns the objectives in their given order.
func (e *Engine) Objectives() []Objective { return e.objectives }

// Now is the newest tick, the zero time before the first.
func (e *Engine) Now() time.Time {
	if e.now == 0 {
		return time.Time{}
	}
	return time.Unix(0, e.now*int64(e.tick)).UTC()
}

// Advance moves every objective to the grid tick at or before at and reports
// whether time moved forward. A clock that steps back changes nothing: what was
// decided stays decided, and later events count in the newest tick. Ticks that
// are skipped count as not observed.
func (e *Engine) Advance(at time.Time) bool {
	tick := at.UnixNano() / int64(e.tick)
	if tick <= e.now {
		return false
	}
	if e.now == 0 {
		for i := range e.first {
			e.first[i] = tick
		}
		e.to(tick)
		return true
	}
	for i := range e.stood {
		e.stood[i] = e.firing(i)
	}
	for l := range e.rings {
		e.slide(l, tick)
	}
	e.to(tick)
	return true
}

// to makes a tick the newest.
func (e *Engine) to(tick int64) {
	e.now = tick
	for l := range e.rings {
		r := &e.rings[l]
		r.newest = r.base(r.cellOf(tick))
	}
}

// slide moves the windows of a level forward: what leaves them is taken off
// their sums, and the cells that begin are empty.
func (e *Engine) slide(level int, tick int64) {
	r := &e.rings[level]
	from, to := r.cellOf(e.now), r.cellOf(tick)
	if to-from >= r.count { // nothing is left of what was
		clear(r.events)
		clear(r.seen)
		for i := range e.sums {
			if e.spans[i%len(e.spans)].level == level {
				e.sums[i] = sum{}
			}
		}
		return
	}
	for index := from + 1; index <= to; index++ {
		e.leave(level, index)
		r.empty(index)
	}
}

// leave takes off every sum of a level the row that leaves its window when a
// cell begins.
func (e *Engine) leave(level int, index int64) {
	r, n := &e.rings[level], len(e.spans)
	var windows, rows [2*maxBurns + 1]int
	leaving := 0
	for w, s := range e.spans {
		if s.level == level && index >= s.cells {
			windows[leaving], rows[leaving] = w, r.base(index-s.cells)
			leaving++
		}
	}
	for i := range r.width {
		sums := e.sums[i*n : (i+1)*n]
		for k := range leaving {
			s, place := &sums[windows[k]], rows[k]+i
			c := r.events[place]
			s.bad -= uint64(c.bad)
			s.total -= uint64(c.total)
			s.seen -= uint64(r.seen[place])
		}
	}
}

// Observe counts an event of the current tick. It panics on an index out of
// range; indexes are those of Objectives.
func (e *Engine) Observe(objective int, ev Event) {
	if e.now == 0 {
		return
	}
	var seen uint16
	if ev.Observed && e.heard[objective] != e.now {
		e.heard[objective], seen = e.now, 1
	}
	if seen == 0 && ev.Bad|ev.Total == 0 {
		return
	}
	var counted [levels]cell
	for l := range e.rings {
		r := &e.rings[l]
		counted[l] = r.add(r.newest+objective, ev.Bad, max(ev.Total, ev.Bad), seen)
	}
	sums := e.sums[objective*len(e.spans) : (objective+1)*len(e.spans)]
	for w := range sums {
		c := &counted[e.spans[w].level]
		sums[w].bad += uint64(c.bad)
		sums[w].total += uint64(c.total)
		sums[w].seen += uint64(seen)
	}
}
