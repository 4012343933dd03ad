package collector

import (
	"errors"
	"fmt"
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
	w.source.metrics = b.metrics
	defer func() { w.source.metrics = nil }()
	var gathered []*dto.MetricFamily
	err := guard("gather "+w.task.Name, func() (err error) {
		gathered, err = w.registry.Gather()
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
		m.Label = slices.Clone(m.Label) // client_golang may share it between metrics
		for _, l := range []*dto.LabelPair{pair("environment", w.task.Environment), pair("component", w.task.Component)} {
			at, found := slices.BinarySearchFunc(m.Label, l, compareNames)
			if found {
				err = &fault.Error{Op: "gather " + w.task.Name, Kind: fault.Internal, Err: fmt.Errorf("%s has a label %s of its own", mf.GetName(), l.GetName())}
				m.Label[at] = l
				continue
			}
			m.Label = slices.Insert(m.Label, at, l)
		}
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
	if t != dto.MetricType_HISTOGRAM && t != dto.MetricType_GAUGE_HISTOGRAM && t != dto.MetricType_SUMMARY {
		return 1
	}
	n := 0
	Flatten(&dto.MetricFamily{Type: &t, Metric: []*dto.Metric{m}}, func(Series) { n++ })
	return n
}
