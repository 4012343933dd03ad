package signal

import (
	"iter"
	"slices"
	"time"
)

// Published is what is published at a tick: the samples of a metric, which are
// not to be changed.
type Published func(metric string) []Sample

// Match yields the samples of a metric whose labels equal all of want.
func (p Published) Match(metric string, want map[string]string) []Sample {
	var out []Sample
	for _, x := range p(metric) {
		if matches(x.Labels, want) {
			out = append(out, x)
		}
	}
	return out
}

// All are the samples of many metrics.
func (p Published) All(metrics iter.Seq[string]) []Sample {
	var out []Sample
	asked := map[string]bool{}
	for metric := range metrics {
		if !asked[metric] {
			out = append(out, p(metric)...)
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

// One returns the value of the only series that matches.
func (p Published) One(metric string, want map[string]string) (value float64, ok bool) {
	found := 0
	for _, x := range p(metric) {
		if matches(x.Labels, want) {
			value = x.Value
			found++
		}
	}
	if found != 1 {
		return 0, false
	}
	return value, true
}

// Sum adds up the series that match. ok is false when there is none.
func (p Published) Sum(metric string, want map[string]string, keep func(labels map[string]string) bool) (total float64, at time.Time, ok bool) {
	for _, x := range p(metric) {
		if !matches(x.Labels, want) || keep != nil && !keep(x.Labels) {
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

// Stamp reads a Unix timestamp metric; the zero time when it is absent or 0.
func (p Published) Stamp(metric string, want map[string]string) time.Time {
	v, ok := p.One(metric, want)
	if !ok || v <= 0 {
		return time.Time{}
	}
	return Unix(v)
}

// Unix reads a Unix timestamp.
func Unix(v float64) time.Time {
	sec := int64(v)
	return time.Unix(sec, int64((v-float64(sec))*1e9)).UTC()
}

// Values lists the values a label takes on a metric, sorted.
func (p Published) Values(metric, label string, want map[string]string) []string {
	var out []string
	for _, x := range p(metric) {
		if v := x.Labels[label]; matches(x.Labels, want) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
