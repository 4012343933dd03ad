package collector

import (
	"math"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A Series is one value of a metric family under the name and labels that
// Prometheus gives it: a histogram is its _bucket, _sum and _count series.
type Series struct {
	Name   string
	Labels []*dto.LabelPair // of the metric, sorted by name; shared, not to be changed
	// Extra is the label a bucket or quantile has besides Labels: le or
	// quantile, "" when there is none.
	Extra, ExtraValue string
	Value             float64
	At                time.Time // the metric's own timestamp; zero when it has none
	Created           time.Time // when a counter or histogram began at zero; zero when it does not say
}

// Flatten calls yield with every series of mf, in a fixed order.
func Flatten(mf *dto.MetricFamily, yield func(Series)) {
	name := mf.GetName()
	for _, m := range mf.Metric {
		s := Series{Name: name, Labels: m.Label}
		if m.TimestampMs != nil {
			s.At = time.UnixMilli(m.GetTimestampMs())
		}
		switch mf.GetType() {
		case dto.MetricType_COUNTER:
			s.Value, s.Created = m.GetCounter().GetValue(), instant(m.GetCounter().GetCreatedTimestamp())
			yield(s)
		case dto.MetricType_GAUGE:
			s.Value = m.GetGauge().GetValue()
			yield(s)
		case dto.MetricType_UNTYPED:
			s.Value = m.GetUntyped().GetValue()
			yield(s)
		case dto.MetricType_SUMMARY:
			s.Created = instant(m.GetSummary().GetCreatedTimestamp())
			flattenSummary(s, m.GetSummary(), yield)
		case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
			s.Created = instant(m.GetHistogram().GetCreatedTimestamp())
			flattenHistogram(s, m.GetHistogram(), yield)
		}
	}
}

// instant is a timestamp that may be missing.
func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// suffixes are what the names of a family's series end with beyond its own.
func suffixes(t dto.MetricType) []string {
	switch t {
	case dto.MetricType_SUMMARY:
		return []string{"", "_sum", "_count"}
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return []string{"_bucket", "_sum", "_count"}
	case dto.MetricType_COUNTER, dto.MetricType_GAUGE, dto.MetricType_UNTYPED:
	}
	return []string{""}
}

func flattenSummary(s Series, sum *dto.Summary, yield func(Series)) {
	family := s.Name
	for _, q := range sum.GetQuantile() {
		s.Extra, s.ExtraValue, s.Value = "quantile", formatFloat(q.GetQuantile()), q.GetValue()
		yield(s)
	}
	s.Extra, s.ExtraValue = "", ""
	s.Name, s.Value = family+"_sum", sum.GetSampleSum()
	yield(s)
	s.Name, s.Value = family+"_count", float64(sum.GetSampleCount())
	yield(s)
}

func flattenHistogram(s Series, h *dto.Histogram, yield func(Series)) {
	family, count := s.Name, float64(h.GetSampleCount())
	if h.SampleCountFloat != nil {
		count = h.GetSampleCountFloat()
	}
	s.Name, s.Extra = family+"_bucket", "le"
	infinite := false
	for _, b := range h.GetBucket() {
		s.ExtraValue, s.Value = formatFloat(b.GetUpperBound()), float64(b.GetCumulativeCount())
		if b.CumulativeCountFloat != nil {
			s.Value = b.GetCumulativeCountFloat()
		}
		infinite = infinite || math.IsInf(b.GetUpperBound(), 1)
		yield(s)
	}
	if !infinite {
		s.ExtraValue, s.Value = "+Inf", count
		yield(s)
	}
	s.Extra, s.ExtraValue = "", ""
	s.Name, s.Value = family+"_sum", h.GetSampleSum()
	yield(s)
	s.Name, s.Value = family+"_count", count
	yield(s)
}

// formatFloat writes bounds as the text exposition format does.
func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
