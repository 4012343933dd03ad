package app

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/signal"
)

// A reading that is other in any field is written.
func TestReadingsAreAlikeOnlyInEveryField(t *testing.T) {
	full := func() signal.Reading {
		return signal.Reading{Signal: "s", Environment: "e", Component: "c", Labels: map[string]string{"a": "b"}, Value: 1, Since: noon, Text: "fine"}
	}
	a, b := full(), full()
	if !sameReading(&a, &b) {
		t.Error("two readings of the same are told apart")
	}
	others := map[string]any{"Role": signal.Role(1), "State": signal.Critical, "Value": 2.0, "Since": noon.Add(1), "Labels": map[string]string{"a": "c"}}
	for i := range reflect.TypeFor[signal.Reading]().NumField() {
		b := full()
		field := reflect.ValueOf(&b).Elem().Field(i)
		name := reflect.TypeFor[signal.Reading]().Field(i).Name
		if other, given := others[name]; given {
			field.Set(reflect.ValueOf(other))
		} else {
			field.SetString("other")
		}
		if sameReading(&a, &b) {
			t.Errorf("with another %s they are taken for alike", name)
		}
	}
	for name, change := range map[string]func(*signal.Reading){
		"no labels":      func(r *signal.Reading) { r.Labels = nil },
		"the other zero": func(r *signal.Reading) { r.Value = 0 },
		"another zone":   func(r *signal.Reading) { r.Since = r.Since.In(time.FixedZone("", 3600)) },
	} {
		a, b := full(), full()
		a.Labels, a.Value = map[string]string{}, negativeZero()
		b.Labels, b.Value = map[string]string{}, negativeZero()
		change(&b)
		if sameReading(&a, &b) {
			t.Errorf("%s: they are taken for alike", name)
		}
	}
}

func negativeZero() float64 { return math.Copysign(0, -1) }

// A lookout finds the rows that are others, whether there are more or fewer.
func TestALookoutFindsWhatIsAnother(t *testing.T) {
	l := lookout[counted]{alike: func(was, now *counted) bool { return *was == *now }}
	rows := func(totals ...uint64) (out []counted) {
		for _, n := range totals {
			out = append(out, counted{Objective: "o", Total: n})
		}
		return out
	}
	for n, step := range []struct {
		rows []counted
		want []int
	}{
		{rows(1, 2, 3), []int{0, 1, 2}}, {rows(1, 2, 3), []int{}}, {rows(1, 5, 3), []int{1}}, {rows(1), []int{}}, {rows(1, 5, 3), []int{1, 2}}, {rows(4, 5, 3), []int{0}},
	} {
		if diff := cmp.Diff(step.want, l.look(step.rows)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", n, diff)
		}
	}
}
