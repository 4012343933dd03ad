package collector

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/fault"
)

// replay hands the metrics of a finished run to the registry that checks them.
type replay struct {
	describe Collector
	metrics  []prometheus.Metric
	known    forms // what the registry has judged before
}

func (r *replay) Describe(ch chan<- *prometheus.Desc) { r.describe.Describe(ch) }

func (r *replay) Collect(ch chan<- prometheus.Metric) {
	for _, m := range r.metrics {
		ch <- m
	}
}

// gather checks what a run sent (declared, consistent, no series twice), adds
// the labels of the task and keeps to its bound. Metrics that fail the checks
// are left out and make the run a partial one.
func (w *worker) gather(b batch) (families, error) {
	if w.invalid != nil {
		return families{}, join(b.err, w.invalid)
	}
	var gathered []*dto.MetricFamily
	err := guard("gather "+w.task.Name, func() (err error) {
		gathered, err = w.judge(b.metrics)
		return err
	})
	if err != nil && fault.HintOf(err) == "" {
		err = &fault.Error{Op: "gather " + w.task.Name, Kind: fault.Internal, Err: err, Hint: "report this as a bug of the collector"}
	}
	var f families
	for _, mf := range gathered {
		err = join(err, w.label(mf))
		f.add(mf, w.task.MaxSeries)
	}
	return f, join(b.err, err)
}

// judge has the registry check metrics, unless they look like those it has passed
// before.
func (w *worker) judge(metrics []prometheus.Metric) ([]*dto.MetricFamily, error) {
	known := &w.source.known
	if gathered, ok := known.families(metrics); ok {
		return gathered, nil
	}
	defer func() { w.source.metrics = nil }()
	w.source.metrics = metrics
	gathered, err := w.registry.Gather()
	if err != nil {
		return gathered, err
	}
	if *known == nil {
		*known = forms{}
	}
	known.learn(metrics, func(m prometheus.Metric) ([]*dto.MetricFamily, error) {
		w.source.metrics = []prometheus.Metric{m}
		return w.registry.Gather()
	})
	return gathered, nil
}

// join is errors.Join that leaves a single error as it is.
func join(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	default:
		return errors.Join(first, second)
	}
}

// label adds environment and component to every metric of mf.
func (w *worker) label(mf *dto.MetricFamily) error {
	var err error
	for _, m := range mf.Metric {
		labels := make([]*dto.LabelPair, len(m.Label), len(m.Label)+len(w.own))
		copy(labels, m.Label) // they may be shared between metrics
		for _, l := range w.own {
			at, found := slices.BinarySearchFunc(labels, l, compareNames)
			if found {
				err = &fault.Error{Op: "gather " + w.task.Name, Kind: fault.Internal, Err: fmt.Errorf("%s has a label %s of its own", mf.GetName(), l.GetName())}
				labels[at] = l
				continue
			}
			labels = slices.Insert(labels, at, l)
		}
		m.Label = labels
	}
	return err
}

func pair(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

func compareNames(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) }

// add keeps as many of mf's metrics as limit allows.
func (f *families) add(mf *dto.MetricFamily, limit int) {
	for i, m := range mf.Metric {
		n := seriesOf(mf.GetType(), m)
		if f.series+n > limit {
			for _, m := range mf.Metric[i:] {
				f.dropped += seriesOf(mf.GetType(), m)
			}
			mf.Metric = mf.Metric[:i]
			break
		}
		f.series += n
	}
	if len(mf.Metric) > 0 {
		f.kept = append(f.kept, mf)
	}
}

// seriesOf counts the series Flatten makes of m.
func seriesOf(t dto.MetricType, m *dto.Metric) int {
	switch t {
	case dto.MetricType_SUMMARY:
		return len(m.GetSummary().GetQuantile()) + 2 // _sum and _count
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		buckets := m.GetHistogram().GetBucket()
		n := len(buckets) + 2
		if !slices.ContainsFunc(buckets, func(b *dto.Bucket) bool { return math.IsInf(b.GetUpperBound(), 1) }) {
			n++ // the one above all
		}
		return n
	case dto.MetricType_COUNTER, dto.MetricType_GAUGE, dto.MetricType_UNTYPED:
	}
	return 1
}
