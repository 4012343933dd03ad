package schedule

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
)

// A Tempo says how much depends on a flow at a time.
type Tempo string

// Tempos.
const (
	Steady   Tempo = "steady"
	Quiet    Tempo = "quiet"    // nights and days not worked
	Critical Tempo = "critical" // the critical window of the flow's process, or nobody knows
)

// A Pace is what the calendar says to a flow. The zero Pace is steady.
type Pace struct {
	Tempo  Tempo
	Why    string // what makes it quiet or critical: "close of 2026-11"
	Closed string // why nothing may be posted: "hard close: year-end"; "" when it may
}

// An Entry is one flow and its cadence.
type Entry struct {
	Flow        flow.Flow
	Level       flow.Level
	Interval    time.Duration
	Quiet       time.Duration // the interval at quiet times; 0 means Interval
	Critical    time.Duration // the interval in critical windows; 0 means Interval
	Timeout     time.Duration // of one run; 0 means flow.DefaultTimeout
	StepTimeout time.Duration // of each of its steps; 0 means flow.DefaultStepTimeout
}

// every is how often the flow runs at a tempo.
func (e Entry) every(t Tempo) time.Duration {
	switch {
	case t == Quiet && e.Quiet > 0:
		return e.Quiet
	case t == Critical && e.Critical > 0:
		return e.Critical
	}
	return e.Interval
}

// Rest is the level at which a flow that posts runs while nothing may be posted:
// its safest. A flow without another level, and one that does not post, has
// none.
func (e Entry) Rest() (flow.Level, bool) {
	if e.Level != flow.L3 {
		return "", false
	}
	levels := e.Flow.Levels()
	i := slices.IndexFunc(levels, func(l flow.Level) bool { return l != flow.L3 })
	if i < 0 {
		return "", false
	}
	return levels[i], true
}

// pace asks the calendar about a flow.
func (s *Schedule) pace(e Entry, at time.Time) Pace {
	p := Pace{}
	if s.settings.Pace != nil {
		p = s.settings.Pace(e.Flow.Process(), at)
	}
	if p.Tempo == "" {
		p.Tempo = Steady
	}
	return p
}

// Interval returns how often a flow runs at the pace in force at an instant; 0
// when it is not scheduled.
func (s *Schedule) Interval(name string, at time.Time) time.Duration {
	e, ok := s.entries[name]
	if !ok {
		return 0
	}
	return e.every(s.pace(e, at).Tempo)
}

// lookEvery is how soon a change of pace is noticed at the latest.
const lookEvery = 15 * time.Second

// due returns when a flow is to run that runs every interval, and last began
// at last; zero: it has not yet.
func (s *Schedule) due(e Entry, last, started, now time.Time, interval time.Duration) time.Time {
	seed := s.seed(e)
	if last.IsZero() {
		return started.Add(time.Duration(seed % uint64(min(interval, firstWithin))))
	}
	if last.After(now) {
		last = now // clocks were set back
	}
	if at := nextOnGrid(last.Add(interval/2), interval, seed); !at.Before(now) {
		return at
	}
	return nextOnGrid(now, interval, seed)
}

// nextOnGrid returns the first time after t that lies on the flow's grid.
func nextOnGrid(t time.Time, interval time.Duration, seed uint64) time.Time {
	next := t.Truncate(interval).Add(time.Duration(seed % uint64(interval)))
	for !next.After(t) {
		next = next.Add(interval)
	}
	return next
}
