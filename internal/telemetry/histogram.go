package telemetry

import (
	"math"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// bounds are the upper bounds, in seconds, a histogram is published with: three
// a decade from 100 µs to 1000 s. VictoriaMetrics' histogram counts in ranges,
// eighteen a decade, that end at each of them, so nothing is interpolated.
var bounds = []float64{
	0.0001, 0.000215443, 0.000464159, 0.001, 0.00215443, 0.00464159, 0.01, 0.0215443, 0.0464159, 0.1, 0.215443, 0.464159,
	1, 2.15443, 4.64159, 10, 21.5443, 46.4159, 100, 215.443, 464.159, 1000,
}

// rounding is how far the end of a vmrange may be from its bound: it is
// written with four digits.
const rounding = 1e-3

// histograms makes classic histograms of name's vmrange buckets.
func histograms(name string, untyped map[string]*dto.MetricFamily) []*dto.Metric {
	byLabels := map[string]*dto.Metric{}
	of := func(labels []*dto.LabelPair) *dto.Metric {
		labels = slices.DeleteFunc(slices.Clone(labels), func(l *dto.LabelPair) bool { return l.GetName() == "vmrange" })
		key := labelKey(labels)
		if byLabels[key] == nil {
			byLabels[key] = &dto.Metric{Label: labels, Histogram: empty()}
		}
		return byLabels[key]
	}
	for _, m := range untyped[name+"_bucket"].GetMetric() {
		count(of(m.Label).Histogram, upperBound(m), uint64(m.GetUntyped().GetValue()))
	}
	for _, m := range untyped[name+"_sum"].GetMetric() {
		sum := m.GetUntyped().GetValue()
		of(m.Label).Histogram.SampleSum = &sum
	}
	var keys []string
	for key := range byLabels {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := make([]*dto.Metric, 0, len(keys))
	for _, key := range keys {
		out = append(out, byLabels[key])
	}
	return out
}

func empty() *dto.Histogram {
	h := &dto.Histogram{SampleCount: new(uint64), SampleSum: new(float64)}
	for _, b := range bounds {
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &b, CumulativeCount: new(uint64)})
	}
	return h
}

// count adds n values that are at most upper.
func count(h *dto.Histogram, upper float64, n uint64) {
	*h.SampleCount += n
	for _, b := range h.Bucket {
		if upper <= b.GetUpperBound()*(1+rounding) {
			*b.CumulativeCount += n
		}
	}
}

// upperBound is the end of a bucket's vmrange, as in "1.000e-03...1.136e-03".
func upperBound(m *dto.Metric) float64 {
	for _, l := range m.Label {
		if l.GetName() != "vmrange" {
			continue
		}
		_, end, _ := strings.Cut(l.GetValue(), "...")
		if v, err := strconv.ParseFloat(end, 64); err == nil {
			return v
		}
	}
	return math.Inf(1)
}

func labelKey(labels []*dto.LabelPair) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.GetName() + "\xff" + l.GetValue() + "\xff")
	}
	return b.String()
}
