package flow

import (
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Buckets are the upper bounds, in seconds, of every duration histogram of a
// flow. Objectives on latency are exact when their threshold is one of them.
func Buckets() []float64 { return []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60} }

// maxStepSeries bounds the step histograms of one series.
const maxStepSeries = 32

// totals are what counters and histograms publish of a series.
type totals struct {
	outcomes map[Outcome]uint64
	failures map[fault.Kind]uint64
	duration histogram
	steps    map[string]*histogram
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
