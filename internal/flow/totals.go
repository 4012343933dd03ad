package flow

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Buckets are the upper bounds, in seconds, of every duration histogram of a
// flow. Objectives on latency are exact when their threshold is one of them.
func Buckets() []float64 { return []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60} }

// Histograms names the histograms that have these buckets.
func Histograms() []string {
	return []string{"closewatch_probe_duration_seconds", "closewatch_probe_step_duration_seconds"}
}

// maxStepSeries bounds the step histograms of one series.
const maxStepSeries = 32

// totals are what counters and histograms publish of a series.
type totals struct {
	outcomes map[Outcome]uint64
	failures map[fault.Kind]uint64
	duration histogram
	steps    map[string]*histogram

	cost   *Cost // of all runs together; nil before the first that was measured
	recent []use // of the last runs that were measured, oldest first
}

// recentRuns is over how many runs the share of a worker is told.
const recentRuns = 10

// A use is how long a run that began at a time kept a worker busy.
type use struct {
	began time.Time
	busy  time.Duration
}

func newTotals() totals {
	t := totals{outcomes: map[Outcome]uint64{}, failures: map[fault.Kind]uint64{}, duration: newHistogram(), steps: map[string]*histogram{}}
	for _, o := range []Outcome{Passed, Failed, Blocked, Unknown} {
		t.outcomes[o] = 0
	}
	for _, k := range fault.Kinds() {
		t.failures[k] = 0
	}
	return t
}

// add counts a run. Durations are those of runs that passed, and of their
// steps: a fast refusal is not a fast posting.
func (t *totals) add(run Run) {
	t.outcomes[run.Outcome]++
	if run.Outcome == Failed {
		t.failures[run.Kind]++
	}
	t.addCost(run)
	if run.Outcome != Passed {
		return
	}
	t.duration.observe(run.Duration)
	for _, s := range run.Steps {
		if s.Error != "" {
			continue
		}
		h, ok := t.steps[s.Name]
		if !ok {
			if len(t.steps) == maxStepSeries {
				continue
			}
			fresh := newHistogram()
			h = &fresh
			t.steps[s.Name] = h
		}
		h.observe(s.Duration)
	}
}

// addCost adds what a run cost, whatever its outcome.
func (t *totals) addCost(run Run) {
	if run.Cost == nil {
		return
	}
	if t.cost == nil {
		t.cost = &Cost{}
	}
	t.cost.Requests += run.Cost.Requests
	t.cost.Sent += run.Cost.Sent
	t.cost.Received += run.Cost.Received
	t.cost.Busy += run.Cost.Busy
	if len(t.recent) == recentRuns {
		t.recent = slices.Delete(t.recent, 0, 1)
	}
	t.recent = append(t.recent, use{run.Started, run.Cost.Busy})
}

// share is the part of one worker's time that the last runs took at the pace
// at which they came. It is not known before the second run.
func (t *totals) share() (ratio float64, known bool) {
	n := len(t.recent)
	if n < 2 {
		return 0, false
	}
	span := t.recent[n-1].began.Sub(t.recent[0].began)
	var busy time.Duration
	for _, u := range t.recent[:n-1] { // what the newest takes belongs to the time until the next
		busy += u.busy
	}
	return busy.Seconds() / span.Seconds(), span > 0
}

// A histogram counts durations by bucket, cumulatively as Prometheus does.
type histogram struct {
	counts map[float64]uint64
	count  uint64
	sum    float64
}

func newHistogram() histogram {
	h := histogram{counts: map[float64]uint64{}}
	for _, b := range Buckets() {
		h.counts[b] = 0
	}
	return h
}

func (h *histogram) observe(d time.Duration) {
	seconds := d.Seconds()
	h.count++
	h.sum += seconds
	for bound := range h.counts {
		if seconds <= bound {
			h.counts[bound]++
		}
	}
}
