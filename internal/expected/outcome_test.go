package expected

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// TestOutcomes asks, at the end of a tick, what became of work that was due at ten
// (nine in UTC) on a Wednesday and may be done until noon.
func TestOutcomes(t *testing.T) {
	const tick = 30 * time.Second
	due := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	end := due.Add(2 * time.Hour)
	zero, one := 0.0, 1.0
	yesterday := 1
	left := process.Work{Metric: "left", Due: "every working day 10:00", Within: 2 * time.Hour, Done: process.Done{AtMost: &zero}, Says: "lines"}
	byJournal := left
	byJournal.By = "journal"
	dated := process.Work{Metric: "newest", Due: left.Due, Within: left.Within, Done: process.Done{Dated: &yesterday}, Says: "statement"}
	counted := process.Work{Metric: "runs_total", Due: left.Due, Within: left.Within, Done: process.Done{Advances: &one}, Says: "run"}
	habit := left
	habit.Habit = true
	of := func(name string, v float64, more labels) []signal.Sample {
		return []signal.Sample{sample(name, v, more)}
	}
	tests := map[string]struct {
		work      process.Work
		since, at time.Time
		published []signal.Sample
		want      []Outcome
	}{
		"done at the end":                        {left, end.Add(-tick), end, of("left", 0, nil), []Outcome{{"lines", due, true}}},
		"not done at the end":                    {left, end.Add(-tick), end, of("left", 2, nil), []Outcome{{"lines", due, false}}},
		"a tick before the end":                  {left, end.Add(-2 * tick), end.Add(-tick), of("left", 2, nil), nil},
		"a tick after the end it was told":       {left, end, end.Add(tick), of("left", 2, nil), nil},
		"the tick that holds the end is late":    {left, end.Add(-tick), end.Add(3 * tick), of("left", 2, nil), []Outcome{{"lines", due, false}}},
		"nobody watched for an hour":             {left, end.Add(-time.Minute), end.Add(time.Hour), of("left", 0, nil), nil},
		"a date tells whoever looks later":       {dated, end.Add(-time.Minute), end.Add(time.Hour), of("newest", seconds(time.Date(2026, 11, 17, 0, 0, 0, 0, time.UTC)), nil), []Outcome{{"statement", due, true}}},
		"a date that is too old":                 {dated, end.Add(-tick), end, of("newest", seconds(time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)), nil), []Outcome{{"statement", due, false}}},
		"a date that is none":                    {dated, end.Add(-tick), end, of("newest", 0, nil), nil},
		"nothing is published":                   {left, end.Add(-tick), end, nil, nil},
		"what is no number tells nothing":        {left, end.Add(-tick), end, of("left", nan(), nil), nil},
		"another entity's":                       {left, end.Add(-tick), end, of("left", 2, labels{"entity": "other"}), nil},
		"each journal by itself, by name":        {byJournal, end.Add(-tick), end, append(of("left", 2, labels{"journal": "b"}), of("left", 0, labels{"journal": "a"})...), []Outcome{{"a", due, true}, {"b", due, false}}},
		"series together where none are told":    {left, end.Add(-tick), end, append(of("left", 2, labels{"journal": "b"}), of("left", 0, labels{"journal": "a"})...), []Outcome{{"lines", due, false}}},
		"a counter nobody has followed":          {counted, end.Add(-tick), end, of("runs_total", 5, nil), nil},
		"by habit, before there is one":          {habit, end.Add(-tick), end, of("left", 2, nil), nil},
		"on a Sunday nothing is due":             {left, end.AddDate(0, 0, 4).Add(-tick), end.AddDate(0, 0, 4), of("left", 2, nil), nil},
		"a rule that is none, and is not let in": {process.Work{Metric: "left", Due: "sometimes", Within: time.Hour, Done: left.Done}, end.Add(-tick), end, of("left", 2, nil), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := acme("test")
			s.Timeline = vienna(t, noon)
			got := New(5*time.Minute).Outcomes(tt.since, tt.at, published(tt.published), s, tt.work)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			s.Timeline = nil
			if got := New(5*time.Minute).Outcomes(tt.since, tt.at, published(tt.published), s, tt.work); got != nil {
				t.Errorf("without a calendar: %v", got)
			}
		})
	}
}

// What the ledger has followed counts, whatever the metric shows at the end: what
// was done in time and has come again since was done.
func TestOutcomesOfWhatWasFollowed(t *testing.T) {
	zero, one := 0.0, 1.0
	due := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	from, end := due.Add(-25*time.Hour), due.Add(2*time.Hour) // since before the day before
	tests := map[string]struct {
		work     process.Work
		shown    func(time.Time) []signal.Sample
		restarts bool
		want     bool
	}{
		"done, and more came in since": {
			process.Work{Metric: "left", Done: process.Done{AtMost: &zero}},
			func(now time.Time) []signal.Sample {
				v := 3.0
				if d := now.Sub(due); d > 30*time.Minute && d < time.Hour {
					v = 0
				}
				return []signal.Sample{sample("left", v, nil)}
			}, false, true,
		},
		"the same, over a restart": {
			process.Work{Metric: "left", Done: process.Done{AtMost: &zero}},
			func(now time.Time) []signal.Sample {
				v := 3.0
				if d := now.Sub(due); d > 30*time.Minute && d < time.Hour {
					v = 0
				}
				return []signal.Sample{sample("left", v, nil)}
			}, true, true,
		},
		"never done": {
			process.Work{Metric: "left", Done: process.Done{AtMost: &zero}},
			func(time.Time) []signal.Sample { return []signal.Sample{sample("left", 1, nil)} }, false, false,
		},
		"a counter that went on": {
			process.Work{Metric: "runs_total", Done: process.Done{Advances: &one}},
			func(now time.Time) []signal.Sample {
				return []signal.Sample{sample("runs_total", float64(now.Sub(from)/time.Hour), nil)}
			}, false, true,
		},
		"a counter that stood": {
			process.Work{Metric: "runs_total", Done: process.Done{Advances: &one}},
			func(time.Time) []signal.Sample { return []signal.Sample{sample("runs_total", 5, nil)} }, false, false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.work.Source, tt.work.Due, tt.work.Within, tt.work.Says = process.Schedule, "every working day 10:00", 2*time.Hour, "it"
			c := newClock(t, from, tt.work)
			c.until(due.Add(90*time.Minute), tt.shown)
			if tt.restarts {
				c.restarts()
			}
			c.until(end, tt.shown)
			got := c.ledger.Outcomes(end.Add(-5*time.Minute), end, published(tt.shown(end)), c.subject, tt.work)
			if diff := cmp.Diff([]Outcome{{"it", due, tt.want}}, got); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}
