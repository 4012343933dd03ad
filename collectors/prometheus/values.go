package prometheus

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds of what is made of an answer.
const (
	maxValues     = 50  // of one query
	maxLabelValue = 128 // bytes; those of a longer one are told as other
)

// other is the label value of what is not told by itself.
const other = "other"

// A state is what became of a series.
type state string

// States of series.
const (
	used      state = "used"         // its value counts
	folded    state = "other"        // its value counts in the one called other
	stale     state = "stale"        // its sample is too old
	notNumber state = "not_a_number" // it has none
)

var states = []state{used, folded, stale, notNumber}

// A value is what is told for one combination of the By labels.
type value struct {
	labels []string // in the order of By
	value  float64
}

// values makes at most maxValues of an answer, in the order of their labels,
// and counts what became of each series. A group without a number is not told.
func (q *Query) values(found []series, at time.Time, freshFor time.Duration) ([]value, map[state]int) {
	counts := map[state]int{}
	groups := map[string]*group{}
	for _, s := range found {
		switch {
		case at.Sub(s.Value.at) > freshFor:
			counts[stale]++
		case math.IsNaN(s.Value.value):
			counts[notNumber]++
		default:
			labels := q.labelsOf(s)
			key := strings.Join(labels, "\xff") // in no UTF-8 text
			if groups[key] == nil {
				groups[key] = &group{labels: labels}
			}
			groups[key].values = append(groups[key].values, s.Value.value)
		}
	}
	sorted := slices.SortedFunc(maps.Values(groups), func(a, b *group) int { return slices.Compare(a.labels, b.labels) })
	return q.fold(sorted, counts), counts
}

// A group is the series with equal By labels.
type group struct {
	labels []string
	values []float64 // none is NaN
}

func (q *Query) labelsOf(s series) []string {
	out := make([]string, len(q.By))
	for i, name := range q.By {
		out[i] = s.Metric[name]
	}
	return out
}

// fold keeps the first groups and makes one of the others, the worst of them:
// whichever are kept, nothing bad is lost.
func (q *Query) fold(groups []*group, counts map[state]int) []value {
	var out []value
	var rest []float64
	for i, g := range groups {
		v := q.aggregate(g.values)
		switch {
		case math.IsNaN(v): // infinities that cancel out
			counts[notNumber] += len(g.values)
		case isOther(g.labels):
			counts[used] += len(g.values)
			rest = append(rest, v)
		case len(groups) > maxValues && i >= maxValues-1, slices.ContainsFunc(g.labels, tooLong):
			counts[folded] += len(g.values)
			rest = append(rest, v)
		default:
			counts[used] += len(g.values)
			out = append(out, value{g.labels, v})
		}
	}
	if len(rest) > 0 {
		out = append(out, value{slices.Repeat([]string{other}, len(q.By)), q.worst(rest)})
	}
	return out
}

func tooLong(s string) bool { return len(s) > maxLabelValue }

// isOther reports whether the server itself calls a series so.
func isOther(labels []string) bool {
	return len(labels) > 0 && !slices.ContainsFunc(labels, func(s string) bool { return s != other })
}

// aggregate makes one value of many by the query's rule. Values are summed in
// order of size, so that the order of series cannot show in the last bit.
func (q *Query) aggregate(values []float64) float64 {
	switch q.Aggregate {
	case Max:
		return slices.Max(values)
	case Min:
		return slices.Min(values)
	case Sum:
		sum := 0.0
		for _, v := range slices.SortedFunc(slices.Values(values), cmp.Compare) {
			sum += v
		}
		return sum
	case Count:
		return float64(len(values))
	}
	return q.worst(values)
}
