package flow_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

var series = flow.Series{Environment: "production", Component: "erp", Tenant: "acme", Flow: "invoice-posting", Level: flow.L3}

func result(n int, outcome flow.Outcome, kind fault.Kind) flow.Run {
	return flow.Run{
		ID: strconv.Itoa(n), Environment: series.Environment, Component: series.Component, Tenant: series.Tenant,
		Flow: series.Flow, Level: series.Level, Started: noon.Add(time.Duration(n) * time.Minute),
		Outcome: outcome, Kind: kind, Duration: 700 * time.Millisecond,
		Steps: []flow.Step{{Name: "create-invoice", Duration: 400 * time.Millisecond}, {Name: "post-invoice", Duration: 300 * time.Millisecond, Error: errorOf(outcome)}},
	}
}

// costing is a run whose cost was measured.
func costing(n int) flow.Run {
	run := result(n, flow.Passed, "")
	run.Cost = &flow.Cost{Requests: 20 + n, Sent: 4000, Received: 9000, Busy: 1500 * time.Millisecond, Rows: &flow.Rows{Inserted: 60, Updated: 30, Deleted: 25, Commits: 20, At: noon}}
	return run
}

func errorOf(o flow.Outcome) string {
	if o == flow.Passed {
		return ""
	}
	return "no"
}

func TestHistoryKeepsFailuresLongerThanSuccesses(t *testing.T) {
	h := flow.NewHistory()
	h.Add(result(0, flow.Failed, fault.Timeout))
	for n := range 1000 {
		h.Add(result(n+1, flow.Passed, ""))
	}
	runs := h.Runs(series)
	if len(runs) != flow.KeepPassed+1 || runs[0].ID != "1000" || runs[len(runs)-1].ID != "0" {
		t.Errorf("%d runs from %s to %s, want the failure and the last %d", len(runs), runs[0].ID, runs[len(runs)-1].ID, flow.KeepPassed)
	}
	if run, ok := h.Find("0"); !ok || run.Outcome != flow.Failed {
		t.Error("the failure is not found by its id")
	}
	if _, ok := h.Find("5"); ok {
		t.Error("an old success is still there")
	}
	for n := range 1000 {
		h.Add(result(n+2000, flow.Failed, fault.Timeout))
	}
	if n := len(h.Runs(series)); n != flow.KeepPassed+flow.KeepNotPassed {
		t.Errorf("%d runs kept, want %d", n, flow.KeepPassed+flow.KeepNotPassed)
	}
}

func TestStreak(t *testing.T) {
	h := flow.NewHistory()
	if o, n := h.Streak(series); o != "" || n != 0 {
		t.Errorf("before any run: %s %d", o, n)
	}
	for i, tt := range []struct {
		outcome flow.Outcome
		want    int
	}{{flow.Passed, 1}, {flow.Passed, 2}, {flow.Failed, 1}, {flow.Failed, 2}, {flow.Failed, 3}, {flow.Blocked, 1}, {flow.Passed, 1}} {
		h.Add(result(i, tt.outcome, ""))
		if o, n := h.Streak(series); o != tt.outcome || n != tt.want {
			t.Errorf("after run %d: %s %d, want %s %d", i, o, n, tt.outcome, tt.want)
		}
	}
	if got := h.LastPassed(series); !got.Equal(noon.Add(6 * time.Minute)) {
		t.Errorf("last passed at %s", got)
	}
	if run, ok := h.Latest(series); !ok || run.ID != "6" {
		t.Errorf("Latest() = %s, %t", run.ID, ok)
	}
}

func TestHistoryBoundsItsSeries(t *testing.T) {
	h := flow.NewHistory()
	for i := range flow.MaxSeries + 7 {
		run := result(i, flow.Passed, "")
		run.Tenant = strconv.Itoa(i)
		h.Add(run)
	}
	if n := len(h.Series()); n != flow.MaxSeries {
		t.Errorf("%d series, want %d", n, flow.MaxSeries)
	}
	if text := exposition(t, h); !strings.Contains(text, "closewatch_probe_series_dropped_total 7") {
		t.Error("the runs that were not counted are not counted")
	}
}

func TestMetrics(t *testing.T) {
	tests := map[string][]flow.Run{
		"declared": nil,
		"passed":   {result(0, flow.Passed, "")},
		"failing":  {result(0, flow.Passed, ""), result(1, flow.Failed, fault.Rejected), result(2, flow.Failed, fault.Timeout)},
		"costly":   {costing(0), costing(1), costing(2)},
		"blocked":  {result(0, flow.Passed, ""), result(1, flow.Blocked, fault.Blocked)},
	}
	for name, runs := range tests {
		t.Run(name, func(t *testing.T) {
			h := flow.NewHistory()
			h.Declare(series)
			for _, run := range runs {
				h.Add(run)
			}
			got := exposition(t, h)
			problems, err := promlint.New(strings.NewReader(got)).Lint()
			if err != nil || len(problems) > 0 {
				t.Errorf("promlint: %v, %v", problems, err)
			}
			golden(t, "testdata/"+name+".prom", got)
		})
	}
}

// A restart forgets no state, and counts nothing twice.
func TestARestartedHistory(t *testing.T) {
	before := []flow.Run{result(0, flow.Passed, ""), result(1, flow.Failed, fault.Rejected), result(2, flow.Failed, fault.Timeout)}
	h := flow.NewHistory()
	h.Declare(series)
	for _, run := range before {
		h.Restore(run)
		run.Tenant = "gone" // no longer in the estate
		h.Restore(run)
	}
	if o, n := h.Streak(series); o != flow.Failed || n != 2 {
		t.Errorf("%d %s in a row, want 2 failed", n, o)
	}
	if got := h.LastPassed(series); !got.Equal(before[0].Started) {
		t.Errorf("last passed at %v, want %v", got, before[0].Started)
	}
	if n := len(h.Series()); n != 1 {
		t.Errorf("%d series, want the declared one", n)
	}
	golden(t, "testdata/restored.prom", exposition(t, h))
	h.Add(result(3, flow.Failed, fault.Timeout))
	if o, n := h.Streak(series); o != flow.Failed || n != 3 || len(h.Runs(series)) != 4 {
		t.Errorf("after one more: %d %s in a row of %d runs, want 3 failed of 4", n, o, len(h.Runs(series)))
	}
}

func TestHistoryAndMetricsAreSafeTogether(t *testing.T) {
	h := flow.NewHistory()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 50 {
				h.Add(result(n, flow.Passed, ""))
			}
		})
		wg.Go(func() {
			for range 10 {
				exposition(t, h)
				h.Runs(series)
			}
		})
	}
	wg.Wait()
}

func exposition(t *testing.T, h *flow.History) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(flow.NewMetrics(h))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (make golden to accept):\n%s", path, diff)
	}
}
