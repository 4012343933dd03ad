package collector_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// A target is asked by a task and takes its time.
type target struct {
	takes atomic.Int64 // nanoseconds
	down  atomic.Bool

	mu    sync.Mutex
	asked []time.Duration // when, since the start
}

func (g *target) note(at time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, at)
}

func (g *target) task(t *testing.T) collector.Task {
	t.Helper()
	begun := time.Now()
	c := task("db", collect(func(ctx context.Context, ch chan<- prometheus.Metric) error {
		g.note(time.Since(begun))
		if g.down.Load() {
			return &fault.Error{Op: "connect", Kind: fault.Unreachable}
		}
		answer := time.Duration(g.takes.Load())
		select {
		case <-time.After(answer):
			collector.Charge(ctx, collector.Spent{Requests: 1, Waiting: answer})
			ch <- gauge(up, 1)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
	c.Budget, c.Fresh = collector.Budget{Waiting: time.Second}, time.Minute
	return c
}

// times is how often the target was asked.
func (g *target) times() int { return len(g.intervals()) + 1 }

// intervals lie between the times the target was asked.
func (g *target) intervals() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []time.Duration
	for i := 1; i < len(g.asked); i++ {
		list = append(list, (g.asked[i] - g.asked[i-1]).Round(time.Second))
	}
	return list
}

func TestSlowTargetIsAskedLessAndItsResultsStayCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g target
		g.takes.Store(int64(4 * time.Second)) // of 5
		r, _ := started(t, collector.Settings{}, g.task(t))
		time.Sleep(30 * time.Second)
		for range 300 {
			time.Sleep(time.Second)
			s := only(t, r)
			if age := time.Since(s.Gathered); s.Err != nil || len(s.Families) == 0 || age > time.Minute {
				t.Fatalf("asking less made the results %v old: %+v", age, s)
			}
		}
		// 4 s of each are the answer: the next turn is counted from its end.
		want := []time.Duration{15 * time.Second, 34 * time.Second, 30 * time.Second, 58 * time.Second, 54 * time.Second}
		for i, w := range want {
			if got := g.intervals(); len(got) <= i || got[i] != w {
				t.Fatalf("asked after %v, want %v, …", got, want)
			}
		}
		if got := exposition(t, r.Gatherer(), "collector_interval_seconds{", "} 54"); got == "" {
			t.Errorf("interval: %s", exposition(t, r.Gatherer(), "collector_interval_seconds"))
		}

		// That it is down tells nothing about how slow it is.
		g.down.Store(true)
		time.Sleep(5 * time.Minute)
		if got := exposition(t, r.Gatherer(), "collector_interval_seconds{", "} 54"); got == "" {
			t.Errorf("interval while it is down: %s", exposition(t, r.Gatherer(), "collector_interval_seconds"))
		}

		g.down.Store(false)
		g.takes.Store(0)
		time.Sleep(6 * time.Minute)
		for _, got := range g.intervals()[g.times()-5:] {
			if got != 15*time.Second {
				t.Errorf("a quick target is asked after %v", g.intervals())
			}
		}
		if got := exposition(t, r.Gatherer(), "backoffs_total{", "} 2"); got == "" {
			t.Errorf("back-offs: %s", exposition(t, r.Gatherer(), "backoffs_total"))
		}
	})
}

func TestTargetThatNeverAnswersIsAskedLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g target
		g.takes.Store(int64(time.Hour))
		r, _ := started(t, collector.Settings{}, g.task(t))
		time.Sleep(10 * time.Minute)
		if n := g.times(); n > 14 {
			t.Errorf("asked %d times in 10 minutes", n)
		}
		if s := only(t, r); fault.KindOf(s.Err) != fault.Timeout {
			t.Errorf("err = %v", s.Err)
		}
	})
}

func TestServerThatIsDownIsAskedAsOftenAsEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g target
		g.down.Store(true)
		r, _ := started(t, collector.Settings{}, g.task(t))
		time.Sleep(10 * time.Minute)
		if n := g.times(); n != 40 {
			t.Errorf("asked %d times in 10 minutes, want 40", n)
		}
		if got := exposition(t, r.Gatherer(), "backoffs_total{", "} 0"); got == "" {
			t.Errorf("back-offs: %s", exposition(t, r.Gatherer(), "backoffs_total"))
		}
	})
}

// A task that runs every 5 minutes and meets a server at a bad moment is tried
// again soon, then less and less often, and is back at its pace once it succeeds.
func TestRareTaskIsTriedAgainSoonerAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g target
		g.down.Store(true)
		task := g.task(t)
		task.Interval, task.Fresh = 5*time.Minute, 0
		_, _ = started(t, collector.Settings{}, task)
		time.Sleep(12 * time.Minute)
		for i, want := range []string{"5s", "10s", "20s", "40s", "1m20s", "2m40s", "5m0s"} {
			if got := g.intervals(); len(got) <= i || got[i].String() != want {
				t.Fatalf("asked after %v, want %s the %d. time", got, want, i+1)
			}
		}
		before := g.times()
		g.down.Store(false)
		time.Sleep(21 * time.Minute)
		for _, got := range g.intervals()[before:] {
			if got != 5*time.Minute {
				t.Errorf("a server that answers is asked after %v", g.intervals())
			}
		}
	})
}
