package collector_test

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
)

// spender tells of background work that costs more from run to run.
type spender struct {
	collect
	runs *atomic.Uint64
}

func (s spender) Spent() collector.Spent {
	n := s.runs.Load()
	return collector.Spent{Requests: n * n, Waiting: time.Duration(n) * 100 * time.Millisecond}
}

func TestCostIsPublishedAndHeldAgainstTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Uint64
		s := spender{func(context.Context, chan<- prometheus.Metric) error { runs.Add(1); return nil }, &runs}
		costly := task("db", s)
		// The runs cost 1, 3, 5 and 7 requests, and 100 ms each.
		costly.Budget = collector.Budget{Requests: 4, Waiting: 99 * time.Millisecond}
		silent := task("cache", collect(func(context.Context, chan<- prometheus.Metric) error { return nil }))
		r, _ := started(t, collector.Settings{}, costly, silent)
		time.Sleep(3*15*time.Second + 5*time.Second)
		for what, want := range map[string]string{
			"scrape_collector_requests_total{":       "} 16",
			"scrape_collector_target_seconds_total{": "} 0.4",
			"over_budget_total{" + `collector="replication",component="db",environment="production",resource="waiting"`:  "} 4",
			"over_budget_total{" + `collector="replication",component="db",environment="production",resource="requests"`: "} 2",
			"scrape_collector_budget_requests{":       "} 4",
			"scrape_collector_budget_target_seconds{": "} 0.099",
			"scrape_collector_backoffs_total{":        "} 0",
		} {
			if got := exposition(t, r.GathererFor("db"), what, want); got == "" {
				t.Errorf("%s is not%s: %s", what, want, exposition(t, r.GathererFor("db"), what))
			}
		}
		for _, what := range []string{"requests_total", "connections_total", "target_seconds", "over_budget", "budget_"} {
			if got := exposition(t, r.GathererFor("cache"), what); got != "" {
				t.Errorf("a collector that does not tell its cost has one: %s", got)
			}
		}
	})
}

// What is charged to a run's context is the cost of its task, also when it is
// charged by a goroutine that outlives the run.
func TestChargesToTheContextAreTheCostOfTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asking := func(n uint64) collector.Collector {
			return collect(func(ctx context.Context, _ chan<- prometheus.Metric) error {
				collector.Charge(ctx, collector.Spent{Requests: n, Connections: 1, Waiting: time.Second})
				go func() {
					time.Sleep(time.Second)
					collector.Charge(ctx, collector.Spent{Requests: 1})
				}()
				return nil
			})
		}
		r, _ := started(t, collector.Settings{}, task("db", asking(9)), task("cache", asking(4)))
		time.Sleep(20 * time.Second) // two runs
		for component, requests := range map[string]string{"db": "} 20", "cache": "} 10"} {
			for what, want := range map[string]string{"requests_total{": requests, "connections_total{": "} 2", "target_seconds_total{": "} 2"} {
				if got := exposition(t, r.GathererFor(component), "scrape_collector_"+what, want); got == "" {
					t.Errorf("%s: %s is not%s: %s", component, what, want, exposition(t, r.GathererFor(component), what))
				}
			}
		}
	})
	collector.Charge(t.Context(), collector.Spent{Requests: 1}) // nobody's
}

func TestCPUOfARunIsItsOwn(t *testing.T) {
	burning := func(t *testing.T, rounds int) collector.Task {
		t.Helper()
		c := task("db", collect(func(_ context.Context, ch chan<- prometheus.Metric) error {
			sum := sha256.Sum256(nil)
			for range rounds {
				sum = sha256.Sum256(sum[:])
			}
			ch <- gauge(up, float64(sum[0]))
			return nil
		}))
		c.Interval, c.Timeout, c.Budget = time.Hour, time.Minute, collector.Budget{CPU: time.Millisecond}
		return c
	}
	r := collector.New(collector.Settings{})
	busy, idle := burning(t, 500_000), burning(t, 0)
	idle.Component = "cache"
	if err := r.Add(&instance{tasks: []collector.Task{busy, idle}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	for len(r.Snapshots()) < 2 {
		runtime.Gosched()
	}
	cancel()
	<-done
	cpu := map[string]float64{}
	for _, s := range r.Samples(time.Now()) {
		if s.Name == "closewatch_scrape_collector_cpu_seconds_total" {
			cpu[s.Labels["component"]] = s.Value
		}
	}
	// The fastest machine needs 50 ns for a round.
	if cpu["db"] < 0.01 || cpu["db"] <= cpu["cache"] {
		t.Errorf("busy: %v s; idle: %v s", cpu["db"], cpu["cache"])
	}
	if got := exposition(t, r.GathererFor("db"), "over_budget_total{", `resource="cpu"`, "} 1"); got == "" {
		t.Errorf("not counted: %s", exposition(t, r.GathererFor("db"), "over_budget"))
	}
}
