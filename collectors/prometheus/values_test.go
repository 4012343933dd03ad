package prometheus

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestValues(t *testing.T) {
	of := func(job string, v float64) series {
		return series{Metric: map[string]string{"job": job, "i": "1"}, Value: &sample{march31, v}}
	}
	old := func(s series, by time.Duration) series {
		return series{Metric: s.Metric, Value: &sample{march31.Add(-by), s.Value.value}}
	}
	by := func(q *Query) { q.By = []string{"job"} }
	rule := func(a Aggregate) func(*Query) { return func(q *Query) { by(q); q.Aggregate = a } }
	below := func(q *Query) { by(q); q.Direction = Below }
	long := strings.Repeat("x", maxLabelValue+1)
	inf := math.Inf(1)
	tests := map[string]struct {
		query  func(*Query)
		series []series
		want   []value
		counts map[state]int
	}{
		"nothing":                       {by, nil, nil, nil},
		"one for each":                  {by, []series{of("b", 2), of("a", 1)}, []value{{[]string{"a"}, 1}, {[]string{"b"}, 2}}, map[state]int{used: 2}},
		"one for all":                   {nil, []series{of("b", 2), of("a", 1)}, []value{{nil, 2}}, map[state]int{used: 2}},
		"the worst is the least":        {below, []series{of("a", 2), of("a", 1)}, []value{{[]string{"a"}, 1}}, map[state]int{used: 2}},
		"max":                           {func(q *Query) { below(q); q.Aggregate = Max }, []series{of("a", 2), of("a", 1)}, []value{{[]string{"a"}, 2}}, map[state]int{used: 2}},
		"min":                           {rule(Min), []series{of("a", 2), of("a", 1)}, []value{{[]string{"a"}, 1}}, map[state]int{used: 2}},
		"sum":                           {rule(Sum), []series{of("a", 2), of("a", 1), of("b", 4)}, []value{{[]string{"a"}, 3}, {[]string{"b"}, 4}}, map[state]int{used: 3}},
		"count":                         {rule(Count), []series{of("a", 20), of("a", 10)}, []value{{[]string{"a"}, 2}}, map[state]int{used: 2}},
		"a label is missing":            {by, []series{{Value: &sample{march31, 3}}}, []value{{[]string{""}, 3}}, map[state]int{used: 1}},
		"not a number beside a number":  {by, []series{of("a", math.NaN()), of("a", 1)}, []value{{[]string{"a"}, 1}}, map[state]int{used: 1, notNumber: 1}},
		"not a number alone":            {by, []series{of("a", math.NaN())}, nil, map[state]int{notNumber: 1}},
		"infinity is a value":           {by, []series{of("a", inf), of("b", -inf)}, []value{{[]string{"a"}, inf}, {[]string{"b"}, -inf}}, map[state]int{used: 2}},
		"infinities that cancel out":    {rule(Sum), []series{of("a", inf), of("a", -inf)}, nil, map[state]int{notNumber: 2}},
		"as old as may be":              {by, []series{old(of("a", 1), time.Minute)}, []value{{[]string{"a"}, 1}}, map[state]int{used: 1}},
		"too old":                       {by, []series{old(of("a", 1), time.Minute+time.Millisecond), of("b", 2)}, []value{{[]string{"b"}, 2}}, map[state]int{used: 1, stale: 1}},
		"too long a label":              {by, []series{of(long, 1), of("a", 2)}, []value{{[]string{"a"}, 2}, {[]string{other}, 1}}, map[state]int{used: 1, folded: 1}},
		"the server's own other":        {by, []series{of(other, 1), of("a", 2)}, []value{{[]string{"a"}, 2}, {[]string{other}, 1}}, map[state]int{used: 2}},
		"its other and ours":            {by, []series{of(other, 1), of(long, 7)}, []value{{[]string{other}, 7}}, map[state]int{used: 1, folded: 1}},
		"its other and ours, for below": {below, []series{of(other, 1), of(long, 7)}, []value{{[]string{other}, 1}}, map[state]int{used: 1, folded: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := query("", tt.query)
			got, counts := q.values(tt.series, march31, time.Minute)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(value{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.counts, counts, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// However many series there are, in whatever order: few are told, the worst of
// all is among them, and each is counted.
func TestNothingBadIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := query("", func(q *Query) {
			q.By = []string{"job"}
			q.Direction = rapid.SampledFrom([]Direction{Above, Below}).Draw(t, "direction")
		})
		numbers := rapid.SliceOfN(rapid.Float64(), 1, 3*maxValues).Draw(t, "values")
		found := make([]series, len(numbers))
		for i, v := range numbers {
			found[i] = series{Metric: map[string]string{"job": strconv.Itoa(i)}, Value: &sample{march31, v}}
		}
		got, counts := q.values(found, march31, time.Minute)
		shuffled, _ := q.values(rapid.Permutation(found).Draw(t, "order"), march31, time.Minute)
		if diff := cmp.Diff(got, shuffled, cmp.AllowUnexported(value{})); diff != "" {
			t.Fatalf("the order of series shows:\n%s", diff)
		}
		worst := got[0].value
		for _, v := range got {
			worst = q.worst([]float64{worst, v.value})
		}
		if worst != q.worst(numbers) {
			t.Errorf("the worst is %v, told is %v", q.worst(numbers), worst)
		}
		if len(got) != min(len(numbers), maxValues) || counts[used]+counts[folded] != len(numbers) || (counts[folded] > 0) != (len(numbers) > maxValues) {
			t.Errorf("%d values and %v of %d series", len(got), counts, len(numbers))
		}
		if last := got[len(got)-1]; counts[folded] > 0 && !slices.Equal(last.labels, []string{other}) {
			t.Errorf("the last is %v, want %s", last.labels, other)
		}
	})
}
