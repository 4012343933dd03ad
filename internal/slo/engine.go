package slo

import (
	"fmt"
	"math/big"
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
	Burns []BurnWindow  // nil means BurnWindows()
}

// An Event is what one objective saw in one tick.
type Event struct {
	Bad, Total uint64
	// Observed says the source answered in this tick. A tick without traffic
	// is observed; a tick whose source was down is not.
	Observed bool
}

// An Engine follows many objectives. It is not safe for concurrent use.
type Engine struct {
	tick       time.Duration
	burns      []BurnWindow
	spans      []span
	windows    []time.Duration
	long       []int // index into spans, per burn
	short      []int
	period     int
	objectives []Objective
	limits     [][]ratio // per objective, per burn: error ratio at which it burns
	tracks     []track
	index      map[string]int
	now        int64
}

// A ratio is num/den in lowest terms, small enough for integer comparison.
type ratio struct{ num, den uint64 }

// New returns an engine for the given objectives.
func New(s Settings, objectives []Objective) (*Engine, error) {
	if s.Tick <= 0 || s.Scale <= 0 {
		return nil, fmt.Errorf("slo: tick %v and scale %v must be positive", s.Tick, s.Scale)
	}
	burns := s.Burns
	if burns == nil {
		burns = BurnWindows()
	}
	e := &Engine{tick: s.Tick, burns: burns, objectives: objectives, index: map[string]int{}}
	window := func(d time.Duration) int {
		for i, w := range e.windows {
			if w == d {
				return i
			}
		}
		e.windows = append(e.windows, d)
		scaled := time.Duration(float64(d) * s.Scale)
		e.spans = append(e.spans, lay(max(1, int64((scaled+s.Tick-1)/s.Tick))))
		return len(e.windows) - 1
	}
	for _, b := range burns {
		e.long = append(e.long, window(b.Lookback))
		e.short = append(e.short, window(b.Short))
	}
	e.period = window(Period)
	e.tracks = make([]track, len(objectives))
	for i, o := range objectives {
		if _, dup := e.index[o.ID]; dup {
			return nil, fmt.Errorf("slo: objective %q is declared twice", o.ID)
		}
		if o.Target == nil || o.Target.Sign() <= 0 || o.Target.Cmp(big.NewRat(1, 1)) >= 0 {
			return nil, fmt.Errorf("slo: objective %q: the target must lie between 0 and 1 to leave an error budget", o.ID)
		}
		e.index[o.ID] = i
		e.tracks[i].sums = make([]sum, len(e.spans))
		budget := new(big.Rat).Sub(big.NewRat(1, 1), o.Target)
		limits := make([]ratio, len(burns))
		for j, b := range burns {
			r := new(big.Rat).Mul(b.Factor(), budget)
			if r.Cmp(big.NewRat(1, 1)) >= 0 { // more than everything cannot fail: total outage must still burn
				r = big.NewRat(999, 1000)
			}
			limits[j] = ratio{r.Num().Uint64(), r.Denom().Uint64()}
		}
		e.limits = append(e.limits, limits)
	}
	return e, nil
}

// Objectives returns the objectives in their given order.
func (e *Engine) Objectives() []Objective { return e.objectives }

// Advance moves every objective to the grid tick at or before at and reports
// whether time moved forward. A clock that steps back changes nothing: what was
// decided stays decided, and later events count in the newest tick.
func (e *Engine) Advance(at time.Time) bool {
	tick := at.UnixNano() / int64(e.tick)
	if tick <= e.now {
		return false
	}
	e.now = tick
	for i := range e.tracks {
		e.tracks[i].advance(tick, e.spans)
	}
	return true
}

// Observe counts an event of the current tick. It panics on an index out of
// range; indexes are those of Objectives.
func (e *Engine) Observe(objective int, ev Event) {
	if e.now == 0 {
		return
	}
	c := cell{bad: clip(ev.Bad), total: clip(max(ev.Total, ev.Bad))}
	if ev.Observed {
		c.seen = 1
	}
	e.tracks[objective].add(c, e.spans)
}

func clip(n uint64) uint32 { return uint32(min(n, 1<<31-1)) } //nolint:gosec // bounded by min

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
	Window      BurnWindow
	Firing      bool
	Long, Short Window
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
	t, o := &e.tracks[i], e.objectives[i]
	budget, _ := new(big.Rat).Sub(big.NewRat(1, 1), o.Target).Float64()
	st := State{Objective: o, Period: e.window(t, e.period), Remaining: 1}
	if st.Traffic = st.Period.Total > 0; st.Traffic {
		st.Remaining = 1 - float64(st.Period.Bad)/(float64(st.Period.Total)*budget)
	}
	for j, b := range e.burns {
		bs := BurnState{Window: b, Long: e.window(t, e.long[j]), Short: e.window(t, e.short[j])}
		limit := e.limits[i][j]
		bs.Firing = burns(bs.Long, limit) && burns(bs.Short, limit) && bs.Long.Bad >= max(o.MinBad, 1) && significant(bs.Long, limit)
		if bs.Long.Total > 0 {
			bs.Rate = float64(bs.Long.Bad) / (float64(bs.Long.Total) * budget)
		}
		st.Burns = append(st.Burns, bs)
	}
	return st
}

// burns compares bad/total with the limit in integers, the traffic of the part
// of the window that has not begun taken to be like the rest and healthy; being
// exactly at the limit is not a burn.
func burns(w Window, limit ratio) bool {
	if w.Total == 0 {
		return false
	}
	product := func(factors ...uint64) *big.Int {
		p := big.NewInt(1)
		for _, f := range factors {
			p.Mul(p, new(big.Int).SetUint64(f))
		}
		return p
	}
	return product(w.Bad, limit.den, w.Begun).Cmp(product(w.Total, limit.num, w.Ticks)) > 0
}

func (e *Engine) window(t *track, i int) Window {
	s := t.sums[i]
	return Window{
		Length: e.windows[i], Bad: s.bad, Total: s.total,
		Measured: min(1, float64(s.seen)/float64(e.spans[i].ticks)),
		Begun:    uint64(min(t.last-t.first+1, e.spans[i].ticks)), Ticks: uint64(e.spans[i].ticks),
	}
}
