package collector

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However runs go: a task is asked at most as often as it says, is never
// stretched beyond what its readers allow, and a healthy target is back at the
// normal pace after two good runs for each doubling.
func TestPaceKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		duration := func(name string, least, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(int64(least), int64(most)).Draw(t, name))
		}
		var task Task
		task.Interval = duration("interval", time.Second, time.Hour)
		task.Timeout = duration("timeout", time.Millisecond, task.Interval)
		task.Fresh = duration("fresh", 0, 5*time.Hour)
		task.Budget.Requests = rapid.Uint64Range(0, 1).Draw(t, "budget")
		withdraw := max(withdrawAfter*task.Interval, DefaultWithdrawFloor)
		p := newPace(task, withdraw)
		for range rapid.IntRange(0, 30).Draw(t, "runs") {
			before := p.interval
			longer := p.after(outcome(rapid.IntRange(int(silent), int(costly)).Draw(t, "outcome")))
			if longer != (p.interval > before) || p.interval > 2*before || p.interval < before/2 {
				t.Fatalf("from %v to %v, longer %v", before, p.interval, longer)
			}
			oldest := p.interval + task.Timeout + patience
			switch {
			case p.interval == task.Interval:
			case task.Budget == Budget{}, p.interval < task.Interval, p.interval > maxStretch*task.Interval, oldest > withdraw, task.Fresh > 0 && oldest > task.Fresh:
				t.Fatalf("interval %v of %+v", p.interval, task)
			}
		}
		for range 3 * streak { // 8 = 2³
			p.after(good)
		}
		if p.interval != task.Interval {
			t.Fatalf("%v after good runs, want %v", p.interval, task.Interval)
		}
	})
}

func TestPaceChangesAfterAStreak(t *testing.T) {
	tests := map[string]struct {
		outcomes []outcome
		want     time.Duration
	}{
		"one costly run is an accident":                {[]outcome{costly}, 15 * time.Second},
		"a good run between breaks the streak":         {[]outcome{costly, good, costly}, 15 * time.Second},
		"two in a row double":                          {[]outcome{costly, costly}, 30 * time.Second},
		"a server that is down in between says none":   {[]outcome{costly, silent, costly}, 30 * time.Second},
		"four double twice, up to what is still fresh": {[]outcome{costly, costly, costly, costly}, 49 * time.Second},
		"one good run is not yet health":               {[]outcome{costly, costly, good}, 30 * time.Second},
		"two good ones halve":                          {[]outcome{costly, costly, costly, costly, good, good}, 24500 * time.Millisecond},
		"never below normal":                           {[]outcome{good, good, good, good}, 15 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPace(Task{Interval: 15 * time.Second, Timeout: 10 * time.Second, Budget: Budget{Requests: 1}, Fresh: time.Minute}, 75*time.Second)
			for _, o := range tt.outcomes {
				p.after(o)
			}
			if p.interval != tt.want {
				t.Errorf("interval %v, want %v", p.interval, tt.want)
			}
		})
	}
}
