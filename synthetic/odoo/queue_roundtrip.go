package odoo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// QueueRoundtripName is the name of the flow QueueRoundtrip.
const QueueRoundtripName = "queue-roundtrip"

// QueueRoundtrip requeues the one test job that setup made, and waits until a
// worker has run it. The job only writes a line into Odoo's log; nothing is
// created and no ledger is touched, so that there is nothing to clean up.
//
// It needs queue_job of the OCA, which exists for Odoo 16 to 18. Without it the
// flow is not measurable: scheduled actions cannot stand in, because Odoo lets
// only administrators trigger them.
type QueueRoundtrip struct{ p *Prober }

// NewQueueRoundtrip returns the flow on p's tenant.
func NewQueueRoundtrip(p *Prober) QueueRoundtrip { return QueueRoundtrip{p} }

// Name implements flow.Flow.
func (QueueRoundtrip) Name() string { return QueueRoundtripName }

// Process implements flow.Flow: of all processes it is e-invoicing that waits
// for background jobs.
func (QueueRoundtrip) Process() string { return "e-invoicing" }

// Levels implements flow.Flow.
func (QueueRoundtrip) Levels() []flow.Level { return levels[QueueRoundtripName] }

// CannotDetect implements flow.Limiter.
func (QueueRoundtrip) CannotDetect(flow.Level) []string {
	return []string{"channels that are full while root has room", "what real jobs do: whether documents are sent and accepted"}
}

// A job is a row of queue.job. Its times are in whole seconds.
type job struct {
	State    string  `json:"state"`
	Enqueued text    `json:"date_enqueued"`
	Started  text    `json:"date_started"`
	Done     text    `json:"date_done"`
	Took     float64 `json:"exec_time"` // seconds
	Failure  text    `json:"exc_name"`
}

var jobFields = []string{"state", "date_enqueued", "date_started", "date_done", "exec_time", "exc_name"}

// Waiting for the job: often while it can be fast, seldom later.
const (
	firstPoll = 100 * time.Millisecond
	lastPoll  = 2 * time.Second
)

// abandonedAfter is how long a job may be started before its worker is taken
// for dead: longer than Odoo lets a request run (limit_time_real, 120 s by
// default). Until it is requeued it takes up room in its channel for ever.
const abandonedAfter = 10 * time.Minute

// Run implements flow.Flow.
func (f QueueRoundtrip) Run(ctx context.Context, _ flow.Level, r *flow.Recorder) error {
	p := f.p
	if err := r.Step(ctx, "log-in", func(ctx context.Context) error { _, err := p.client.UserID(ctx); return err }); err != nil {
		return err
	}
	var before job
	err := r.Step(ctx, "find-job", func(ctx context.Context) (err error) {
		if before, err = p.findJob(ctx); err == nil {
			r.Note("state=%s", before.State)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.Guard(p.killSwitch.Guard())
	r.Guard(p.extra...)
	began := p.now()
	if p.requeues(before) {
		if err := r.Write(ctx, "enqueue", p.requeueJob); err != nil {
			return err
		}
	}
	return r.Step(ctx, "wait-done", func(ctx context.Context) error {
		after, err := p.awaitJob(ctx, before)
		if err != nil {
			return err
		}
		r.Note("state=%s waited_and_ran=%s ran=%s", after.State, p.now().Sub(began).Round(time.Millisecond), after.took())
		return nil
	})
}

// ready implements preparer: it looks for the test job.
func (f QueueRoundtrip) ready(ctx context.Context) (seen string, err error) {
	j, err := f.p.findJob(ctx)
	return "in state " + stateName(j.State), err
}

// setUpJob is what to do where the job, or the right to it, is missing.
const setUpJob = "run closewatch probe setup and write the id that it prints under synthetic.queueJob"

// findJob reads the job, and tells why there is none to be read.
func (p *Prober) findJob(ctx context.Context) (job, error) {
	const op, hint = "find the test job", setUpJob
	if p.config.Synthetic.QueueJob == 0 {
		return job{}, blocked(op, errors.New("synthetic.queueJob names none"), hint)
	}
	j, err := p.readJob(ctx)
	switch {
	case err == nil:
	case errors.Is(err, errNoJob):
		return job{}, blocked(op, err, hint)
	case fault.KindOf(err) == fault.Denied:
		return job{}, blocked(op, errors.New("the monitoring user may not see it"), hint)
	case fault.KindOf(err) == fault.Schema && odoorpc.ClassOf(err) != "":
		return job{}, blocked(op, errors.New("not measurable here: queue_job is not installed"), "turn the flow off, or install queue_job and run closewatch probe setup")
	default:
		return job{}, err
	}
	switch j.State {
	case "cancelled", "wait_dependencies":
		return job{}, blocked(op, fmt.Errorf("the job is in state %s: somebody changed it", stateName(j.State)), "run closewatch probe setup again")
	}
	return j, nil
}

var errNoJob = errors.New("it is not there: Odoo clears away jobs that did not run for a month")

func (p *Prober) readJob(ctx context.Context) (job, error) {
	var rows []job
	if err := p.call(ctx, "queue.job", "read", []any{[]int64{p.config.Synthetic.QueueJob}, jobFields}, nil, &rows); err != nil {
		return job{}, err
	}
	if len(rows) == 0 {
		return job{}, errNoJob
	}
	return one(rows, "the test job")
}

func (p *Prober) requeueJob(ctx context.Context) error {
	err := p.call(ctx, "queue.job", "requeue", []any{[]int64{p.config.Synthetic.QueueJob}}, nil, nil)
	if fault.KindOf(err) == fault.Denied {
		return blocked("requeue the test job", errors.New("the monitoring user may not change it"), setUpJob)
	}
	return err
}

// requeues reports whether the job is to be requeued. One that still waits or
// runs from the last time is waited for instead: requeued while it runs, it
// would run twice.
func (p *Prober) requeues(j job) bool {
	switch j.State {
	case "pending", "enqueued":
		return false
	case "started":
		at, err := time.Parse(time.DateTime, string(j.Started))
		return err == nil && p.now().Sub(at) > abandonedAfter
	}
	return true
}

// awaitJob waits until the job is done. When ctx ends before, the error names
// the state in which the job stays and what that means.
func (p *Prober) awaitJob(ctx context.Context, before job) (job, error) {
	seen := job{State: "pending"}
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		j, err := p.readJob(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return seen, late(seen)
		case errors.Is(err, errNoJob):
			return j, &fault.Error{Op: "wait for the job", Kind: fault.Assertion, Err: errors.New("it was deleted while it was waited for")}
		case err != nil:
			return j, err
		case j.State == "done":
			return j, j.ranAfter(before)
		case j.State == "failed":
			return j, &fault.Error{Op: "run the job", Kind: fault.Rejected, Err: fmt.Errorf("it failed with %s", className(string(j.Failure))), Hint: "open the job in Odoo: Job Queue > Jobs"}
		}
		seen = j
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return seen, late(seen)
		case <-timer.C:
		}
	}
}

// ranAfter makes sure that the job ran anew: all of what it says of its run
// differs only if it did.
func (j job) ranAfter(before job) error {
	return errors.Join(
		flow.Assert(j.Done != "" && j.Done >= before.Done && j.Done >= j.Enqueued, "the time at which the job was done"),
		flow.Assert(j != before, "a job that was requeued and did not run again"),
		flow.Assert(j.Took > 0, "the time that the job took"),
	)
}

func (j job) took() time.Duration {
	return time.Duration(float64(j.Took) * float64(time.Second)).Round(time.Millisecond)
}

// late says what it means that a job stays in a state.
func late(j job) error {
	var what, hint string
	switch j.State {
	case "pending":
		what, hint = "no job runner took it", "look whether Odoo's job runner is alive and connected to PostgreSQL, and whether the channel root is full of jobs in state started"
	case "enqueued":
		what, hint = "the job runner took it, and no worker began", "look for busy HTTP workers, and at the address under which the job runner calls Odoo"
	default:
		what, hint = "a worker began and did not end", "look for a worker that hangs or was killed"
	}
	return &fault.Error{Op: "wait for the job", Kind: fault.Timeout, Err: fmt.Errorf("it stays %s: %s", stateName(j.State), what), Hint: hint}
}

// stateName is a state as queue_job names it, and nothing else.
func stateName(state string) string {
	switch state {
	case "wait_dependencies", "pending", "enqueued", "started", "done", "cancelled", "failed":
		return state
	}
	return "unknown"
}

// className is the name of a Python class, and nothing else: an exception's
// message may hold anything.
func className(s string) string {
	ok := func(r rune) bool {
		return r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if s == "" || len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
		return "an exception"
	}
	return s
}
