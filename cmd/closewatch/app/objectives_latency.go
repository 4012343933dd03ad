package app

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A timing counts events within a threshold, that of the critical window
// inside it.
type timing struct{ normal, critical ratioed }

// timed counts by a histogram that has a bucket at every threshold of an
// objective: a classic one, or a native one that ends there.
func timed(is process.Objective, histogram string, labels map[string]string, ours keeps, selectors *[]slo.Selector) timing {
	layout := histograms()[histogram]
	all := slo.Selector{Metric: histogram + "_count", Labels: labels, Keep: ours}
	within := func(threshold time.Duration) ratioed {
		metric := histogram + "_bucket"
		if !slices.Contains(layout.Bounds, threshold) && slices.Contains(layout.Native, threshold) {
			metric = histogram + collector.NativeSuffix
		}
		return ratioOf(selectors, all, slo.Selector{Metric: metric, Labels: labels, Keep: func(l map[string]string) bool {
			return endsAt(l, threshold) && ours(l)
		}}, false)
	}
	f := timing{normal: within(is.Threshold)}
	if f.critical = f.normal; is.In(true).Threshold != is.Threshold {
		f.critical = within(is.In(true).Threshold)
	}
	return f
}

// endsAt reports whether a bucket ends at a threshold.
func endsAt(l map[string]string, threshold time.Duration) bool {
	le, err := strconv.ParseFloat(l["le"], 64)
	return err == nil && le == threshold.Seconds()
}

func (f timing) count(t *tracked, l *looking) slo.Event {
	if t.critical {
		return f.critical.count(t, l)
	}
	return f.normal.count(t, l)
}

// byHistogram counts by a histogram that an estate names. Whether a bucket of one
// whose buckets are known ends at the threshold was checked with the estate; any
// other is looked at in each tick.
func byHistogram(is process.Objective, of slo.Selector, selectors *[]slo.Selector) indicator {
	f := timed(is, of.Metric, of.Labels, of.Keep, selectors)
	if _, known := histograms()[of.Metric]; known {
		return f
	}
	of.Metric += "_bucket"
	return &bucketed{timing: f, buckets: of}
}

// A bucketed is a timing by a histogram whose buckets only its source knows. While
// not every series has one that ends at the threshold, nobody can tell what was
// within it: nothing is counted.
type bucketed struct {
	timing
	buckets slo.Selector
	lacking bool            // at the newest tick
	nearest []time.Duration // bounds next to the threshold, while it is lacking
}

func (f *bucketed) count(t *tracked, l *looking) slo.Event {
	if f.lacking {
		return slo.Event{}
	}
	return f.timing.count(t, l)
}

// look finds out whether every series has a bucket that ends at a threshold. A
// histogram that is not published has nothing that could be lacking.
func (f *bucketed) look(published signal.Published, threshold time.Duration) {
	infinite, ending := 0, 0
	all := published(f.buckets.Metric)
	for i := range all {
		if !selects(f.buckets, all[i].Labels) {
			continue
		}
		if le := all[i].Labels["le"]; le == "+Inf" {
			infinite++
		} else if endsAt(all[i].Labels, threshold) {
			ending++
		}
	}
	f.nearest = nil
	if f.lacking = ending < infinite; f.lacking {
		f.nearest = f.common(all, infinite).Nearest(threshold)
	}
}

// common is where a bucket of each of so many series ends.
func (f *bucketed) common(all []signal.Sample, series int) signal.Layout {
	n := map[float64]int{}
	for i := range all {
		if le, err := strconv.ParseFloat(all[i].Labels["le"], 64); err == nil && selects(f.buckets, all[i].Labels) && !math.IsInf(le, 0) {
			n[le]++
		}
	}
	var bounds []float64
	for le, have := range n {
		if have == series {
			bounds = append(bounds, le)
		}
	}
	slices.Sort(bounds)
	return signal.LayoutOf(bounds...)
}

// bucketMissing is the metric of objectives that cannot be measured: no bucket
// ends at their threshold.
const bucketMissing = "closewatch_slo_bucket_missing"

// bucketMissingLabels are its labels beyond those of any sample.
var bucketMissingLabels = []string{"environment", "component", "tenant", "objective", "threshold", "nearest"}

var bucketMissingDesc = desc(bucketMissing,
	"1 for a latency objective that is not measured because not every series of its histogram has a bucket that ends at the threshold; absent for others.",
	bucketMissingLabels...)

// lacking looks for the buckets that objectives need, and lists those that are
// not there, as samples of bucketMissing.
func (o *objectives) lacking(at time.Time, published signal.Published) []signal.Sample {
	var out []signal.Sample
	for _, t := range o.tracked {
		f, ok := t.feeds.(*bucketed)
		if !ok {
			continue
		}
		threshold := t.is.In(t.critical).Threshold
		if f.look(published, threshold); !f.lacking {
			continue
		}
		out = append(out, signal.Sample{Name: bucketMissing, Value: 1, At: at, Labels: map[string]string{
			"environment": t.environment, "component": self, "tenant": t.Tenant, "objective": t.ID,
			"threshold": model.Duration(threshold).String(), "nearest": boundsInWords(f.nearest),
		}})
	}
	return out
}

// boundsInWords names bounds: "2s or 5s".
func boundsInWords(bounds []time.Duration) string {
	if len(bounds) == 0 {
		return "none"
	}
	words := make([]string, len(bounds))
	for i, d := range bounds {
		words[i] = model.Duration(d).String()
	}
	return strings.Join(words, " or ")
}

// lacks says in words what is not there; "" when nothing is lacking.
func (f *bucketed) lacks(threshold time.Duration) string {
	if !f.lacking {
		return ""
	}
	return "a bucket that ends at " + model.Duration(threshold).String() + "; nearest: " + boundsInWords(f.nearest)
}

// bucketSignals say that an objective cannot be measured.
func bucketSignals() []signal.Definition {
	return []signal.Definition{{
		Name: "objective_bucket_missing", Title: "Latency objectives are measured where a bucket ends", Metric: bucketMissing,
		By: []string{"objective", "threshold", "nearest"}, Warning: 0, Critical: signal.Never(), Fresh: blindAtLeast, Optional: true, Role: signal.Context,
		Says: "objective {objective} is not measured: no bucket of its histogram ends at {threshold}. Use a threshold at which one does (nearest: {nearest}), or give the source such a bucket",
	}}
}

func bucketMetrics(gauge func(*prometheus.Desc, float64, ...string), t *Tick) {
	for _, x := range t.Lacking {
		values := make([]string, len(bucketMissingLabels))
		for i, name := range bucketMissingLabels {
			values[i] = x.Labels[name]
		}
		gauge(bucketMissingDesc, x.Value, values...)
	}
}
