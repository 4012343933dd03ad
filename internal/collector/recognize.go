package collector

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// forms are what the registry made of descriptions it has judged: metrics that
// look the same need no second judgement, which costs ten times what recognizing
// them does. Whatever looks different is for the registry to judge, and to name in
// its error.
type forms map[*prometheus.Desc]*form

// A form is how every metric of a description looks.
type form struct {
	family *dto.MetricFamily // without metrics
	labels []string          // names, sorted
	fixed  []string          // their values, when none of them is variable
}

// maxForms bounds the descriptions remembered: a collector may make new ones in
// every run.
const maxForms = 1024

// learn takes note of what judge makes of the first metric of each description.
func (fs forms) learn(metrics []prometheus.Metric, judge func(prometheus.Metric) ([]*dto.MetricFamily, error)) {
	for _, m := range metrics {
		d := m.Desc()
		variable, constant := labelsOf(d)
		if _, known := fs[d]; known || (variable && constant) {
			continue
		}
		judged, err := judge(m)
		if err != nil || len(judged) != 1 || len(judged[0].Metric) != 1 {
			continue
		}
		if len(fs) >= maxForms {
			clear(fs)
		}
		fs[d] = newForm(judged[0], constant)
	}
}

// labelsOf reports which labels a description has. Of a description with both it
// does not tell which are which.
func labelsOf(d *prometheus.Desc) (variable, constant bool) {
	text := d.String()
	return !strings.HasSuffix(text, "variableLabels: {}}"), !strings.Contains(text, "constLabels: {}, variableLabels: ")
}

// newForm is how a judged metric looks, whose labels' values are constant or
// variable.
func newForm(mf *dto.MetricFamily, constant bool) *form {
	f := &form{family: &dto.MetricFamily{Name: mf.Name, Help: mf.Help, Type: mf.Type, Unit: mf.Unit}}
	for _, l := range mf.Metric[0].Label {
		f.labels = append(f.labels, l.GetName())
		if constant {
			f.fixed = append(f.fixed, l.GetValue())
		}
	}
	return f
}

// families makes of metrics what the registry would, sorted as it does; ok is false
// when one of them is not recognized or they do not go together.
func (fs forms) families(metrics []prometheus.Metric) (_ []*dto.MetricFamily, ok bool) {
	byName := map[string]*dto.MetricFamily{}
	written := make([]dto.Metric, len(metrics))
	for i, m := range metrics {
		f, known := fs[m.Desc()]
		if !known || m.Write(&written[i]) != nil || !f.fits(&written[i]) {
			return nil, false
		}
		mf := byName[f.family.GetName()]
		if mf == nil {
			mf = &dto.MetricFamily{Name: f.family.Name, Help: f.family.Help, Type: f.family.Type, Unit: f.family.Unit}
			byName[f.family.GetName()] = mf
		}
		if mf.GetType() != f.family.GetType() {
			return nil, false
		}
		mf.Metric = append(mf.Metric, &written[i])
	}
	out := make([]*dto.MetricFamily, 0, len(byName))
	for _, mf := range byName {
		if collision(mf, byName) != "" || !inOrder(mf.Metric) {
			return nil, false
		}
		out = append(out, mf)
	}
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return out, true
}

// fits reports whether a metric is of the form: its type, and its labels' names in
// their order with values of text, or the constant ones.
func (f *form) fits(m *dto.Metric) bool {
	var has bool
	switch f.family.GetType() {
	case dto.MetricType_COUNTER:
		has = m.Counter != nil
	case dto.MetricType_GAUGE:
		has = m.Gauge != nil
	case dto.MetricType_SUMMARY:
		has = m.Summary != nil
	case dto.MetricType_HISTOGRAM:
		has = m.Histogram != nil
	case dto.MetricType_UNTYPED:
		has = m.Untyped != nil
	case dto.MetricType_GAUGE_HISTOGRAM: // the registry makes none
	}
	if !has || len(m.Label) != len(f.labels) {
		return false
	}
	for i, l := range m.Label {
		if l.GetName() != f.labels[i] || !utf8.ValidString(l.GetValue()) || (f.fixed != nil && l.GetValue() != f.fixed[i]) {
			return false
		}
	}
	return true
}

// collision names a family that is called like a series of mf, a histogram or
// summary; "" when there is none.
func collision[F any](mf *dto.MetricFamily, byName map[string]F) string {
	for _, suffix := range suffixes(mf.GetType()) {
		if name := mf.GetName() + suffix; suffix != "" {
			if _, there := byName[name]; there {
				return name
			}
		}
	}
	return ""
}

// inOrder sorts the metrics of a family and reports whether each is there once.
func inOrder(metrics []*dto.Metric) bool {
	if !ascending(metrics) {
		slices.SortFunc(metrics, compareLabels)
	}
	return ascending(metrics)
}

// ascending reports whether metrics are sorted and no two have the same labels.
func ascending(metrics []*dto.Metric) bool {
	for i := 1; i < len(metrics); i++ {
		if compareLabels(metrics[i-1], metrics[i]) >= 0 {
			return false
		}
	}
	return true
}
