package collector_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
)

// spender costs more with each run.
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
			`resource="requests"`:                    "} 2",
			`resource="waiting"`:                     "} 4",
		} {
			if got := exposition(t, r.GathererFor("db"), what, want); got == "" {
				t.Errorf("%s is not%s: %s", what, want, exposition(t, r.GathererFor("db"), what))
			}
		}
		for _, what := range []string{"requests_total", "target_seconds", "over_budget"} {
			if got := exposition(t, r.GathererFor("cache"), what); got != "" {
				t.Errorf("a collector that does not tell its cost has one: %s", got)
			}
		}
	})
}
