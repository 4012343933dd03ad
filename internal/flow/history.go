package flow

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// A Series is what runs are counted by: one flow at one level on one tenant.
type Series struct {
	Environment, Component, Tenant string
	Flow                           string
	Level                          Level
}

// SeriesOf returns the series that run belongs to.
func SeriesOf(run Run) Series {
	return Series{run.Environment, run.Component, run.Tenant, run.Flow, run.Level}
}

// A History keeps the last runs of every series, failures longer than
// successes, and totals of all there ever were. What it holds is bounded. It is
// safe for concurrent use; the runs it returns are shared and not to be changed.
type History struct {
	mu     sync.Mutex
	series map[Series]*record
	over   int // runs of series beyond MaxSeries
}

// Bounds of a history, per series but for the last.
const (
	KeepPassed    = 50  // runs
	KeepNotPassed = 200 // failed, blocked and unknown runs
	MaxSeries     = 500
)

// A record is the history of one series.
type record struct {
	passed, rest []Run // oldest first
	latest       Run
	streak       int // runs in a row with latest's outcome
	totals       totals
}

// NewHistory returns an empty history.
func NewHistory() *History { return &History{series: map[Series]*record{}} }

// Declare makes a series known before its first run, so that its counters
// start at zero and the first failure is an increase.
func (h *History) Declare(s Series) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.record(s)
}

// record returns the record of s, or nil when there are too many already.
func (h *History) record(s Series) *record {
	if r, ok := h.series[s]; ok {
		return r
	}
	if len(h.series) == MaxSeries {
		h.over++
		return nil
	}
	r := &record{totals: newTotals()}
	h.series[s] = r
	return r
}

// Add remembers a run and counts it.
func (h *History) Add(run Run) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.record(SeriesOf(run))
	if r == nil {
		return
	}
	r.remember(run)
	r.totals.add(run)
}

// Restore remembers a run of before the start, if its series is declared. It
// is not counted: counters begin at zero with the program, as counters do, and
// what was counted before is with who scraped it. Runs are restored oldest
// first, before any is added. It reports whether the run is remembered.
func (h *History) Restore(run Run) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.series[SeriesOf(run)]
	if r != nil {
		r.remember(run)
	}
	return r != nil
}

func (r *record) remember(run Run) {
	if run.Outcome == r.latest.Outcome {
		r.streak++
	} else {
		r.streak = 1
	}
	r.latest = run
	if run.Outcome == Passed {
		r.passed = keep(r.passed, run, KeepPassed)
	} else {
		r.rest = keep(r.rest, run, KeepNotPassed)
	}
}

func keep(runs []Run, run Run, n int) []Run {
	if len(runs) == n {
		runs = slices.Delete(runs, 0, 1)
	}
	return append(runs, run)
}

// Series lists what is known, in a fixed order.
func (h *History) Series() []Series {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sorted()
}

func (h *History) sorted() []Series {
	all := make([]Series, 0, len(h.series))
	for s := range h.series {
		all = append(all, s)
	}
	slices.SortFunc(all, compareSeries)
	return all
}

func compareSeries(a, b Series) int {
	for _, pair := range [][2]string{{a.Environment, b.Environment}, {a.Component, b.Component}, {a.Tenant, b.Tenant}, {a.Flow, b.Flow}, {string(a.Level), string(b.Level)}} {
		if c := strings.Compare(pair[0], pair[1]); c != 0 {
			return c
		}
	}
	return 0
}

// Latest returns the last run of s, if there was one.
func (h *History) Latest(s Series) (Run, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.series[s]
	if r == nil || r.latest.Outcome == "" {
		return Run{}, false
	}
	return r.latest, true
}

// Runs returns the runs of s that are kept, newest first.
func (h *History) Runs(s Series) []Run {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.series[s]
	if r == nil {
		return nil
	}
	all := slices.Concat(r.passed, r.rest)
	slices.SortStableFunc(all, func(a, b Run) int { return b.Started.Compare(a.Started) })
	return all
}

// Find returns a run by its id, if it is still kept.
func (h *History) Find(id string) (Run, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sorted() {
		for _, runs := range [][]Run{h.series[s].rest, h.series[s].passed} {
			if i := slices.IndexFunc(runs, func(r Run) bool { return r.ID == id }); i >= 0 {
				return runs[i], true
			}
		}
	}
	return Run{}, false
}

// Streak returns the outcome of the last run of s and how many runs in a row
// had it. Nothing has run yet when n is 0.
func (h *History) Streak(s Series) (outcome Outcome, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.series[s]
	if r == nil {
		return "", 0
	}
	return r.latest.Outcome, r.streak
}

// LastPassed returns when s last passed; zero when it never did.
func (h *History) LastPassed(s Series) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.series[s]
	if r == nil || len(r.passed) == 0 {
		return time.Time{}
	}
	return r.passed[len(r.passed)-1].Started
}
