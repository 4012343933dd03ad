package app

import (
	"iter"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// samples is what is published at a tick: the samples of a metric.
type samples func(metric string) []signal.Sample

// match yields the samples of a metric whose labels equal all of want.
func (s samples) match(metric string, want map[string]string) []signal.Sample {
	var out []signal.Sample
	for _, x := range s(metric) {
		if matches(x.Labels, want) {
			out = append(out, x)
		}
	}
	return out
}

// all are the samples of many metrics.
func (s samples) all(metrics iter.Seq[string]) []signal.Sample {
	var out []signal.Sample
	asked := map[string]bool{}
	for metric := range metrics {
		if !asked[metric] {
			out = append(out, s(metric)...)
		}
		asked[metric] = true
	}
	return out
}

func matches(labels, want map[string]string) bool {
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// one returns the value of the only series that matches.
func (s samples) one(metric string, want map[string]string) (value float64, ok bool) {
	found := s.match(metric, want)
	if len(found) != 1 {
		return 0, false
	}
	return found[0].Value, true
}

// sum adds up the series that match. ok is false when there is none.
func (s samples) sum(metric string, want map[string]string, keep func(labels map[string]string) bool) (total float64, at time.Time, ok bool) {
	for _, x := range s.match(metric, want) {
		if keep != nil && !keep(x.Labels) {
			continue
		}
		total += x.Value
		if x.At.After(at) {
			at = x.At
		}
		ok = true
	}
	return total, at, ok
}

// stamp reads a Unix timestamp metric; the zero time when it is absent or 0.
func (s samples) stamp(metric string, want map[string]string) time.Time {
	v, ok := s.one(metric, want)
	if !ok || v <= 0 {
		return time.Time{}
	}
	return unix(v)
}

func unix(v float64) time.Time {
	sec := int64(v)
	return time.Unix(sec, int64((v-float64(sec))*1e9)).UTC()
}

// values lists the values a label takes on a metric, sorted.
func (s samples) values(metric, label string, want map[string]string) []string {
	var out []string
	for _, x := range s.match(metric, want) {
		if v := x.Labels[label]; !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
