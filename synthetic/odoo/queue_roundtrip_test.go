package odoo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// TestAJobGoesRound runs the flow on the stand-in, or on a real Odoo whose
// test job CLOSEWATCH_ODOO_QUEUE_JOB names.
func TestAJobGoesRound(t *testing.T) {
	l, server := queueLedger(t)
	s := l.settings(t, l.client(t, nil))
	for range 2 {
		run := execute(t.Context(), odoo.NewQueueRoundtrip(odoo.New(s)), flow.L1)
		logRun(t, run)
		if run.Outcome != flow.Passed {
			t.Fatalf("outcome = %s: %s", run.Outcome, run.Reason)
		}
		if diff := cmp.Diff([]string{"log-in", "find-job", "enqueue", "wait-done"}, stepNames(run)); diff != "" {
			t.Errorf("steps:\n%s", diff)
		}
		if note := run.Steps[3].Note; !strings.HasPrefix(note, "state=done waited_and_ran=") {
			t.Errorf("note %q", note)
		}
	}
	if server == nil {
		return // the rest breaks what it runs on
	}

	server.Faults().SetJobsFailing(true)
	run := execute(t.Context(), odoo.NewQueueRoundtrip(odoo.New(s)), flow.L1)
	server.Faults().SetJobsFailing(false)
	if run.Kind != fault.Rejected || run.FailedStep != "wait-done" || run.Reason != "run the job: it failed with odoo.addons.queue_job.exception.JobError" {
		t.Errorf("a job that fails: %s at %s: %s", run.Kind, run.FailedStep, run.Reason)
	}

	sql(t, l, fmt.Sprintf("DELETE FROM res_groups_users_rel WHERE uid = %d AND gid = 30", odoosim.ProbeUID))
	run = execute(t.Context(), odoo.NewQueueRoundtrip(odoo.New(s)), flow.L1)
	if run.Outcome != flow.Blocked || !strings.Contains(run.Reason, "may not see it") {
		t.Errorf("without the right: %s, %s", run.Outcome, run.Reason)
	}
}

func queueLedger(t *testing.T) (ledger, *odoosim.Server) {
	t.Helper()
	if id := os.Getenv("CLOSEWATCH_ODOO_QUEUE_JOB"); id != "" {
		l, _ := realLedger(t)
		var err error
		if l.synthetic.QueueJob, err = strconv.ParseInt(id, 10, 64); err != nil {
			t.Fatal(err)
		}
		return l, nil
	}
	l, server := standIn(t, "queue")
	job, err := odoosim.AddTestJob(t.Context(), startPostgres(t).DSN("postgres", l.rpc.Database))
	if err != nil {
		t.Fatal(err)
	}
	l.synthetic.QueueJob = job
	return l, server
}

// A jobState is what a read of the job gives, from a time after the requeue on.
type jobState struct {
	after time.Duration
	row   string // JSON
}

// A jobServer answers for queue.job, on the test's clock.
type jobServer struct {
	odoo.Client // nil: nothing else is called
	before      string
	states      []jobState
	refused     error // of requeue
	unread      error // of every read

	calls    []string
	requeued time.Time
}

func (s *jobServer) UserID(context.Context) (int64, error) { return 8, nil }

func (s *jobServer) Call(ctx context.Context, model, method string, _ []any, _ map[string]any, out any) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap("call "+model+"/"+method, err, "")
	}
	if len(s.calls) == 0 || s.calls[len(s.calls)-1] != method {
		s.calls = append(s.calls, method)
	}
	if method == "requeue" {
		s.requeued = time.Now()
		return s.refused
	}
	if s.unread != nil {
		return s.unread
	}
	row := s.before
	since := s.requeued
	if since.IsZero() && len(s.states) > 0 && s.states[0].after < 0 { // goes on without a requeue
		since = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	for _, st := range s.states {
		if !since.IsZero() && time.Since(since) >= st.after {
			row = st.row
		}
	}
	return json.Unmarshal([]byte("["+row+"]"), out)
}

const (
	lastRun   = `{"id": 8, "state": "done", "date_enqueued": "1999-12-31 23:55:00", "date_started": "1999-12-31 23:55:00", "date_done": "1999-12-31 23:55:01", "exec_time": 0.5, "exc_name": false}`
	nowDone   = `{"id": 8, "state": "done", "date_enqueued": "2000-01-01 00:00:01", "date_started": "2000-01-01 00:00:01", "date_done": "2000-01-01 00:00:02", "exec_time": 0.25, "exc_name": false}`
	isPending = `{"id": 8, "state": "pending", "date_enqueued": false, "date_started": false, "date_done": false, "exec_time": 0, "exc_name": false}`
	isTaken   = `{"id": 8, "state": "enqueued", "date_enqueued": "2000-01-01 00:00:01", "date_started": false, "date_done": false, "exec_time": 0, "exc_name": false}`
	isStarted = `{"id": 8, "state": "started", "date_enqueued": "2000-01-01 00:00:01", "date_started": "2000-01-01 00:00:01", "date_done": false, "exec_time": 0, "exc_name": false}`
	isStuck   = `{"id": 8, "state": "started", "date_enqueued": "1999-12-31 23:40:00", "date_started": "1999-12-31 23:40:00", "date_done": false, "exec_time": 0, "exc_name": false}`
)

func TestQueueRoundtrip(t *testing.T) {
	tests := map[string]struct {
		server  jobServer
		kill    bool
		unnamed bool
		outcome flow.Outcome
		kind    fault.Kind
		reason  string
		calls   []string // without repetitions
	}{
		"picked up and done": {
			server:  jobServer{before: lastRun, states: []jobState{{0, isPending}, {time.Second, isTaken}, {2 * time.Second, isStarted}, {3 * time.Second, nowDone}}},
			outcome: flow.Passed, calls: []string{"read", "requeue", "read"},
		},
		"deaf runner": {
			server:  jobServer{before: lastRun, states: []jobState{{0, isPending}}},
			outcome: flow.Failed, kind: fault.Timeout, reason: "step wait-done: the deadline of the run, 1m0s, passed: wait for the job: it stays pending: no job runner took it",
			calls: []string{"read", "requeue", "read"},
		},
		"no worker": {
			server:  jobServer{before: lastRun, states: []jobState{{0, isPending}, {time.Second, isTaken}}},
			outcome: flow.Failed, kind: fault.Timeout, reason: "step wait-done: the deadline of the run, 1m0s, passed: wait for the job: it stays enqueued: the job runner took it, and no worker began",
			calls: []string{"read", "requeue", "read"},
		},
		"worker that hangs": {
			server:  jobServer{before: lastRun, states: []jobState{{0, isStarted}}},
			outcome: flow.Failed, kind: fault.Timeout, reason: "step wait-done: the deadline of the run, 1m0s, passed: wait for the job: it stays started: a worker began and did not end",
			calls: []string{"read", "requeue", "read"},
		},
		"still waiting from the last run is waited for, not requeued": {
			server:  jobServer{before: isPending, states: []jobState{{-1, isPending}, {10 * time.Second, nowDone}}},
			outcome: flow.Passed, calls: []string{"read"},
		},
		"still running is waited for, not run twice": {
			server:  jobServer{before: isStarted, states: []jobState{{-1, isStarted}, {10 * time.Second, nowDone}}},
			outcome: flow.Passed, calls: []string{"read"},
		},
		"started long ago by a worker that died": {
			server:  jobServer{before: isStuck, states: []jobState{{0, isPending}, {time.Second, nowDone}}},
			outcome: flow.Passed, calls: []string{"read", "requeue", "read"},
		},
		"requeue that does nothing": {
			server:  jobServer{before: lastRun},
			outcome: flow.Failed, kind: fault.Assertion, reason: "verify: a job that was requeued and did not run again: not as it should be",
			calls: []string{"read", "requeue", "read"},
		},
		"deleted while it is waited for": {
			server:  jobServer{before: lastRun, states: []jobState{{0, ""}}},
			outcome: flow.Failed, kind: fault.Assertion, reason: "wait for the job: it was deleted while it was waited for",
			calls: []string{"read", "requeue", "read"},
		},
		"failed with an exception whose text may hold anything": {
			server:  jobServer{before: lastRun, states: []jobState{{0, strings.ReplaceAll(strings.Replace(isStarted, "started", "failed", 1), `"exc_name": false`, `"exc_name": "Error: ACME owes 100.00"`)}}},
			outcome: flow.Failed, kind: fault.Rejected, reason: "run the job: it failed with an exception",
			calls: []string{"read", "requeue", "read"},
		},
		"cleared away": {
			server:  jobServer{},
			outcome: flow.Blocked, kind: fault.Blocked, reason: "find the test job: it is not there: Odoo clears away jobs that did not run for a month",
			calls: []string{"read"},
		},
		"cancelled by somebody": {
			server:  jobServer{before: strings.Replace(lastRun, "done", "cancelled", 1)},
			outcome: flow.Blocked, kind: fault.Blocked, reason: "find the test job: the job is in state cancelled: somebody changed it",
			calls: []string{"read"},
		},
		"not installed": {
			server: jobServer{unread: &fault.Error{
				Op: "call queue.job/read", Kind: fault.Schema,
				Err: &odoorpc.Error{Class: "odoo.exceptions.UserError", Text: "Object queue.job doesn't exist", Status: 200},
			}},
			outcome: flow.Blocked, kind: fault.Blocked, reason: "find the test job: not measurable here: queue_job is not installed",
			calls: []string{"read"},
		},
		"answer of something else than Odoo": {
			server:  jobServer{unread: &fault.Error{Op: "call queue.job/read", Kind: fault.Schema, Err: errors.New("HTML")}},
			outcome: flow.Failed, kind: fault.Schema, reason: "call queue.job/read: HTML", calls: []string{"read"},
		},
		"right to change it missing": {
			server:  jobServer{before: lastRun, refused: &fault.Error{Op: "call", Kind: fault.Denied, Err: errors.New("no")}},
			outcome: flow.Blocked, kind: fault.Blocked, reason: "requeue the test job: the monitoring user may not change it",
			calls: []string{"read", "requeue"},
		},
		"kill switch": {
			server: jobServer{before: lastRun}, kill: true,
			outcome: flow.Blocked, kind: fault.Blocked, reason: "guard kill-switch: stop",
			calls: []string{"read"},
		},
		"none configured": {
			server: jobServer{before: lastRun}, unnamed: true,
			outcome: flow.Blocked, kind: fault.Blocked, reason: "find the test job: synthetic.queueJob names none",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stop := flow.NewKillSwitch("")
				if tt.kill {
					stop.Pause("stop")
				}
				var c odoo.Config
				c.SetDefaults()
				if !tt.unnamed {
					c.Synthetic.QueueJob = 8
				}
				p := odoo.New(odoo.Settings{Client: &tt.server, Config: c, KillSwitch: stop})
				run := flow.Execute(t.Context(), odoo.NewQueueRoundtrip(p), flow.L1, flow.Settings{StepTimeout: c.StepTimeout(odoo.QueueRoundtripName)})
				if run.Outcome != tt.outcome || run.Kind != tt.kind || run.Reason != tt.reason {
					t.Errorf("%s, %q, %q; want %s, %q, %q", run.Outcome, run.Kind, run.Reason, tt.outcome, tt.kind, tt.reason)
				}
				if (run.Outcome == flow.Passed) != (run.Hint == "" && run.Reason == "") && run.Kind != fault.Assertion {
					t.Errorf("hint %q", run.Hint)
				}
				if !slices.Equal(tt.server.calls, tt.calls) {
					t.Errorf("calls %v, want %v", tt.server.calls, tt.calls)
				}
				if run.Duration > flow.DefaultTimeout {
					t.Errorf("took %s", run.Duration)
				}
			})
		})
	}
}

// TestAnInterruptedRoundtripSaysNothing stops the program while the job waits.
func TestAnInterruptedRoundtripSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c odoo.Config
		c.SetDefaults()
		c.Synthetic.QueueJob = 8
		server := &jobServer{before: lastRun, states: []jobState{{0, isPending}}}
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		run := flow.Execute(ctx, odoo.NewQueueRoundtrip(odoo.New(odoo.Settings{Client: server, Config: c})), flow.L1, flow.Settings{})
		if run.Outcome != flow.Unknown {
			t.Errorf("outcome = %s: %s", run.Outcome, run.Reason)
		}
	})
}
