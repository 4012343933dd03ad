package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// A screen takes what is written to a terminal.
type screen struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// seen is what is seen of text once its lines have been written over.
func seen(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if i := strings.LastIndex(line, "\r\x1b[K"); i >= 0 {
			line = line[i+len("\r\x1b[K"):]
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

var liveSeries = flow.Series{Environment: "staging", Component: "erp", Tenant: "prod", Flow: "login", Level: flow.L0}

// watched shows a run of two steps, the second of which takes its time.
func watched(v *liveView, err error) {
	v.Began(liveSeries, time.Minute)
	first := flow.Step{Name: "read-version", Duration: 41 * time.Millisecond, Note: "version=18.0"}
	v.Step(flow.Event{Step: flow.Step{Name: first.Name}})
	v.Step(flow.Event{Step: first, Ended: true})
	second := flow.Step{Name: "log-in", Duration: 2 * time.Second}
	v.Step(flow.Event{Step: flow.Step{Name: second.Name}})
	time.Sleep(2050 * time.Millisecond)
	run := flow.Run{Flow: "login", Level: flow.L0, Tenant: "prod", Environment: "staging", Outcome: flow.Passed, Duration: 2041 * time.Millisecond}
	if err != nil {
		second.Kind, second.Error = fault.Auth, err.Error()
		run.Outcome, run.Reason = flow.Failed, err.Error()
	}
	v.Step(flow.Event{Step: second, Ended: true})
	v.Ended(run)
	v.close()
}

func TestStepsAreShownWhileTheyRun(t *testing.T) {
	tests := map[string]struct {
		terminal, colour bool
		err              error
		want             string // seen in the end
	}{
		"no terminal": {want: `login at L0 on prod (staging)
  ok     read-version                         41 ms  version=18.0
  ok     log-in                             2000 ms
login at L0 on prod (staging): PASSED in 2041 ms
`},
		"a terminal without colour": {terminal: true, err: errors.New("refused"), want: `login at L0 on prod (staging)
  ✓ read-version                         41 ms  version=18.0
  ✗ log-in                             2000 ms  auth: refused
login at L0 on prod (staging): FAILED in 2041 ms
why    refused
`},
		"a terminal with colour": {terminal: true, colour: true, want: "\x1b[1mlogin at L0 on prod (staging)\x1b[0m\n" +
			"  \x1b[32m✓\x1b[0m read-version                         41 ms  version=18.0\n" +
			"  \x1b[32m✓\x1b[0m log-in                             2000 ms\n" +
			"login at L0 on prod (staging): \x1b[32mPASSED\x1b[0m in 2041 ms\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &screen{}
				v := startLiveView(out, tt.terminal, tt.colour)
				watched(v, tt.err)
				if got := seen(out.text()); got != tt.want {
					t.Errorf("seen:\n%q, want\n%q", got, tt.want)
				}
				moves := strings.Contains(out.text(), "log-in                               2.0 s")
				if moves != tt.terminal {
					t.Errorf("the step under way is shown: %t, want %t", moves, tt.terminal)
				}
				if !tt.colour && strings.Contains(out.text(), "\x1b[3") {
					t.Error("coloured without being asked")
				}
			})
		})
	}
}

func TestWhatARunCostInWords(t *testing.T) {
	rows := &flow.Rows{Inserted: 100, Updated: 60, Deleted: 50, At: time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)}
	tests := map[string]struct {
		cost  *flow.Cost
		every time.Duration
		want  string
	}{
		"not measured":  {nil, time.Minute, ""},
		"by itself":     {&flow.Cost{Requests: 1, Sent: 285, Received: 42, Busy: 100 * time.Millisecond}, 0, "1 request; 285 B sent and 42 B received; at most 0.1 s of a worker"},
		"of a schedule": {&flow.Cost{Requests: 23, Sent: 4100, Received: 9200, Busy: 1900 * time.Millisecond}, time.Minute, "23 requests; 4.1 kB sent and 9.2 kB received; at most 1.9 s of a worker, which is 3.2% of one at a run every 60s"},
		"with a sample": {&flow.Cost{Requests: 2, Rows: rows}, 0, "2 requests; 0 B sent and 0 B received; at most 0.0 s of a worker; at most 210 rows written (sampled 2026-03-03 12:00Z)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := costOf(tt.cost, tt.every); got != tt.want {
				t.Errorf("%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestWaterfall(t *testing.T) {
	began := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	step := func(name string, after, took time.Duration) flow.Step {
		return flow.Step{Name: name, Started: began.Add(after), Duration: took}
	}
	failed := step("post-invoice", 500*time.Millisecond, 250*time.Millisecond)
	failed.Kind, failed.Error, failed.Exchange = fault.Locked, "a lock date", "POST /web/dataset/call_kw {…}\n200 {…}"
	undone := step("delete-draft", 750*time.Millisecond, 250*time.Millisecond)
	undone.Cleanup = true
	var b strings.Builder
	printWaterfall(&b, flow.Run{
		Flow: "invoice-posting", Level: flow.L3, Tenant: "prod", Environment: "staging", Started: began,
		Steps: []flow.Step{step("log-in", 0, 0), step("create-invoice", 0, 500*time.Millisecond), failed, undone},
	})
	bar := func(from, n int) string {
		return "│" + strings.Repeat(" ", from) + strings.Repeat("█", n) + strings.Repeat(" ", barWidth-from-n) + "│"
	}
	want := "invoice-posting at L3 on prod (staging), began 2026-03-03T12:00:00Z\n" +
		fmt.Sprintf("  ok     %s log-in                                0 ms\n", bar(0, 1)) +
		fmt.Sprintf("  ok     %s create-invoice                      500 ms\n", bar(0, 20)) +
		fmt.Sprintf("  FAILED %s post-invoice                        250 ms\n", bar(20, 10)) +
		"         locked: a lock date\n         POST /web/dataset/call_kw {…}\n         200 {…}\n" +
		fmt.Sprintf("  ok     %s clean up: delete-draft              250 ms\n", bar(30, 10))
	if got := b.String(); got != want {
		t.Errorf("drawn:\n%s\nwant\n%s", got, want)
	}
	b.Reset()
	printWaterfall(&b, flow.Run{Started: began, Steps: []flow.Step{step("a", -time.Hour, -time.Hour), step("b", time.Hour, 0)}}) // a clock that jumped
	if !strings.Contains(b.String(), "█") {
		t.Errorf("drawn: %q", b.String())
	}
}
