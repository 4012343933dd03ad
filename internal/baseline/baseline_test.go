package baseline_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/baseline"
	"github.com/closewatch/closewatch/internal/calendar"
)

var monday = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// weekly is one value a week, on Mondays at ten, in a phase.
func weekly(h *baseline.History, phase calendar.Phase, values ...float64) {
	for i, v := range values {
		at := monday.AddDate(0, 0, 7*i)
		h.Add(baseline.Hour{At: at, Slot: baseline.SlotOf(at, phase, true), Value: v})
	}
}

func TestUsual(t *testing.T) {
	daily := func(days int, works bool, v func(i int) float64) func(*baseline.History) {
		return func(h *baseline.History) {
			for i := range days {
				at := monday.AddDate(0, 0, i)
				h.Add(baseline.Hour{At: at, Slot: baseline.SlotOf(at, calendar.Normal, works), Value: v(i)})
			}
		}
	}
	same := func(int) float64 { return 7 }
	tests := map[string]struct {
		learn func(*baseline.History)
		slot  baseline.Slot
		known bool
		want  baseline.Usual
	}{
		"nothing is known": {func(*baseline.History) {}, baseline.SlotOf(monday, calendar.Normal, true), false, baseline.Usual{}},
		"too few weeks":    {func(h *baseline.History) { weekly(h, calendar.Normal, 1, 2, 3) }, baseline.SlotOf(monday, calendar.Normal, true), false, baseline.Usual{}},
		"enough weeks": {
			func(h *baseline.History) { weekly(h, calendar.Normal, 10, 11, 12, 13, 14) }, baseline.SlotOf(monday, calendar.Normal, true), true,
			baseline.Usual{Median: 12, MAD: 1, Count: 5, Weeks: 4, Words: "Mondays 10:00"},
		},
		"one bad week teaches nothing": {
			func(h *baseline.History) { weekly(h, calendar.Close, 10, 11, 1e9, 13, 14) }, baseline.SlotOf(monday, calendar.Close, true), true,
			baseline.Usual{Median: 13, MAD: 2, Count: 5, Weeks: 4, Words: "close Mondays 10:00"},
		},
		"another phase tells nothing": {func(h *baseline.History) { weekly(h, calendar.Close, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) }, baseline.SlotOf(monday, calendar.Normal, true), false, baseline.Usual{}},
		"another hour tells nothing":  {func(h *baseline.History) { weekly(h, calendar.Normal, 1, 2, 3, 4, 5) }, baseline.SlotOf(monday.Add(time.Hour), calendar.Normal, true), false, baseline.Usual{}},
		"any working day, while too little is known of the Monday": {
			daily(12, true, same), baseline.SlotOf(monday, calendar.Normal, true), true, baseline.Usual{Median: 7, Count: 12, Weeks: 2, Words: "working days 10:00"},
		},
		"free days are alike": {
			daily(6, false, same), baseline.SlotOf(monday, calendar.Normal, false), true, baseline.Usual{Median: 7, Count: 6, Weeks: 1, Words: "holidays and weekends 10:00"},
		},
		"a working day is no free day": {daily(12, true, same), baseline.SlotOf(monday, calendar.Normal, false), false, baseline.Usual{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := baseline.New(8)
			tt.learn(h)
			got, known := h.Usual(tt.slot)
			if known != tt.known || known && got != tt.want {
				t.Errorf("Usual() = %+v, %v, want %+v, %v", got, known, tt.want, tt.known)
			}
		})
	}
}

func TestDeviation(t *testing.T) {
	tests := map[string]struct {
		usual    baseline.Usual
		v, least float64
		want     float64
	}{
		"as usual":                        {baseline.Usual{Median: 12, MAD: 2}, 12, 0, 0},
		"more":                            {baseline.Usual{Median: 12, MAD: 2}, 24, 0, 6},
		"less":                            {baseline.Usual{Median: 12, MAD: 2}, 0, 0, 6},
		"never varied: what counts":       {baseline.Usual{Median: 200}, 206, 6, 1},
		"never anything, and nothing":     {baseline.Usual{}, 0, 0, 0},
		"never anything, and something":   {baseline.Usual{}, 1, 0, baseline.Farthest},
		"never anything, and what counts": {baseline.Usual{}, 1, 5, 0.2},
		"bounded":                         {baseline.Usual{Median: 1, MAD: 1}, 1e300, 0, baseline.Farthest},
	}
	for name, tt := range tests {
		if got := tt.usual.Deviation(tt.v, tt.least); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// Whatever is learned: nothing is not a number, the history is bounded and in
// order, and a value among those learned is never farther than their whole range.
func TestWhatIsLearnedIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := baseline.New(1)
		at := monday
		for range rapid.IntRange(0, 400).Draw(t, "hours") {
			at = at.Add(time.Duration(rapid.IntRange(-2, 30).Draw(t, "hours later")) * time.Hour)
			v := rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(math.Inf(1)), rapid.Just(0.0)).Draw(t, "value")
			h.Add(baseline.Hour{At: at, Slot: baseline.SlotOf(at, calendar.Normal, at.Weekday() != time.Sunday), Value: v})
		}
		hours := h.Hours()
		if len(hours) > 7*24 {
			t.Fatalf("%d hours are kept of a week", len(hours))
		}
		for i, x := range hours {
			if math.IsNaN(x.Value) || math.IsInf(x.Value, 0) || i > 0 && !x.At.After(hours[i-1].At) {
				t.Fatalf("hour %d is %+v", i, x)
			}
			u, known := h.Usual(x.Slot)
			if d := u.Deviation(x.Value, 0); known && (math.IsNaN(d) || d < 0 || d > baseline.Farthest || math.IsNaN(u.Median) || math.IsInf(u.Median, 0)) {
				t.Fatalf("%+v is %v from %+v", x, d, u)
			}
		}
	})
}
