package app

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/internal/tiering"
)

// restarted is a run book over what an earlier one kept.
func restarted(t *testing.T, dir string) *runBook {
	t.Helper()
	a, err := flow.OpenArchive(flow.ArchiveOptions{Dir: dir, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	h := flow.NewHistory()
	h.Declare(flow.SeriesOf(ran(0, flow.Passed)))
	return newRunBook(h, a, slog.New(slog.DiscardHandler), telemetry.NewOwn())
}

func numbered(id string, r flow.Run) flow.Run {
	r.ID = id
	return r
}

// What a flow says after a restart is what its runs said before.
func TestFlowEvidenceAfterARestart(t *testing.T) {
	const minute = time.Minute
	tests := map[string]struct {
		runs []flow.Run
		want tiering.FlowState
		row  int
	}{
		"nothing ran before":              {nil, tiering.FlowNever, 0},
		"it passed a minute ago":          {[]flow.Run{ran(minute, flow.Passed)}, tiering.FlowPassing, 0},
		"it failed three times":           {[]flow.Run{ran(4*minute, flow.Passed), ran(3*minute, flow.Failed), ran(2*minute, flow.Failed), ran(minute, flow.Failed)}, tiering.FlowFailing, 3},
		"it was blocked":                  {[]flow.Run{ran(minute, flow.Blocked)}, tiering.FlowBlocked, 0},
		"it passed yesterday":             {[]flow.Run{ran(24*time.Hour, flow.Passed)}, tiering.FlowStale, 0},
		"it failed yesterday":             {[]flow.Run{ran(24*time.Hour, flow.Failed)}, tiering.FlowStale, 1},
		"a person ran it":                 {[]flow.Run{changed(ran(minute, flow.Failed), func(r *flow.Run) { r.ByHand = true })}, tiering.FlowNever, 0},
		"it ran when the clock was wrong": {[]flow.Run{ran(minute, flow.Passed), ran(-time.Hour, flow.Failed)}, tiering.FlowPassing, 0},
		"it ran at another level":         {[]flow.Run{changed(ran(minute, flow.Failed), func(r *flow.Run) { r.Level = flow.L1 })}, tiering.FlowNever, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first := restarted(t, dir)
			for i, r := range tt.runs {
				first.add(numbered(strconv.Itoa(i), r))
			}
			second := restarted(t, dir)
			if err := second.takeUp(noon, func(flow.Run) {}); err != nil {
				t.Fatal(err)
			}
			b := &flowBook{history: second.history, plans: map[flowKey]flowPlan{
				{"production", "prod", "invoice-posting"}: {level: flow.L3, interval: func(time.Time) time.Duration { return minute }, timeout: 30 * time.Second},
			}}
			got, _ := b.Flow("production", "prod", "invoice-posting", noon)
			if got.State != tt.want || got.Failures != tt.row {
				t.Errorf("%s with %d failures in a row, want %s with %d", got.State, got.Failures, tt.want, tt.row)
			}
		})
	}
}

func TestDamageIsNamedAndTheRestIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	first := restarted(t, dir)
	for i := range 4 {
		first.add(numbered(strconv.Itoa(i), ran(time.Duration(10-i)*time.Minute, flow.Failed)))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Replace(b, []byte(`"id":"1"`), []byte(`"id":"x"`), 1)
	b = bytes.Replace(b, []byte(`"id":"2"`), []byte(`"id":"y"`), 1)
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	var told []string
	second := restarted(t, dir)
	err = second.takeUp(noon, func(r flow.Run) { told = append(told, r.ID) })
	if !errors.Is(err, durable.ErrDamaged) || !strings.Contains(err.Error(), "and 1 more") {
		t.Errorf("takeUp: %v, want the first of two damaged lines", err)
	}
	if diff := cmp.Diff([]string{"0", "3"}, told); diff != "" {
		t.Errorf("taken up (-want +got):\n%s", diff)
	}
}

// A run that had ended before the newest tick is not told to the evidence log
// again; one that ended later is.
func TestRunsOfBeforeAreToldOnce(t *testing.T) {
	r := &rooms{last: noon.Add(-2 * time.Minute), chronicle: &chronicle{runs: map[flow.Series]flow.Run{}}}
	h := flow.NewHistory()
	for i, ago := range []time.Duration{5 * time.Minute, 3 * time.Minute, time.Minute} {
		run := numbered(strconv.Itoa(i), ran(ago, flow.Failed))
		h.Declare(flow.SeriesOf(run))
		h.Restore(run)
		r.toldOf(run)
	}
	var ids []string
	for _, run := range newRuns(h, r.chronicle.toldOf) {
		ids = append(ids, run.ID)
	}
	if diff := cmp.Diff([]string{"2"}, ids); diff != "" {
		t.Errorf("to be told (-want +got):\n%s", diff)
	}
}

func TestADiskThatRefusesStopsNoDecision(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	b := restarted(t, dir)
	var log bytes.Buffer
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	b.add(numbered("0", ran(2*time.Minute, flow.Failed)))
	b.add(numbered("1", ran(time.Minute, flow.Failed)))
	if o, n := b.history.Streak(flow.SeriesOf(ran(0, flow.Failed))); o != flow.Failed || n != 2 {
		t.Errorf("%d %s in a row are decided on, want 2 failed", n, o)
	}
	if n := strings.Count(log.String(), "cannot be kept"); n != 1 || b.refused.Get() != 2 {
		t.Errorf("told %d times and counted %d, want once and 2:\n%s", n, b.refused.Get(), &log)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	b.add(numbered("2", ran(0, flow.Passed)))
	kept := 0
	for _, err := range b.archive.Runs() {
		if err != nil {
			t.Fatal(err)
		}
		kept++
	}
	if kept != 3 || b.lost.Get() != 0 {
		t.Errorf("%d runs are on disk and %d lost, want 3 and none", kept, b.lost.Get())
	}
}
