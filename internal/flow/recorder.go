package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/closewatch/closewatch/internal/fault"
)

// Bounds of what a run keeps.
const (
	maxSteps     = 64
	maxLeftovers = 20
	maxErrorText = 400 // runes
	maxNoteText  = 200 // runes
)

// A Recorder times, traces and remembers the steps of one run, guards its
// writes, and cleans up after it. It belongs to the goroutine of the run.
type Recorder struct {
	id          string
	now         func() time.Time
	tracer      trace.Tracer
	observe     func(Event)
	timeout     time.Duration // of the run
	stepTimeout time.Duration
	guards      []Guard
	last        []Guard // asked after guards
	deferred    []cleanup
	steps       []Step
	dropped     int
	note        string
	leftovers   []string
}

// A cleanup undoes one thing that a run did.
type cleanup struct {
	name string
	fn   func(context.Context) error
}

// RunID identifies the run: "20260103T101500Z-1a2b3c4d".
func (r *Recorder) RunID() string { return r.id }

// Guard adds guards that every later Write has to pass.
func (r *Recorder) Guard(guards ...Guard) { r.guards = append(r.guards, guards...) }

// Step runs fn as a named step with a span and a deadline of its own and
// returns its error. A panic of fn is an error of the step. When ctx is already
// done, fn is not run.
func (r *Recorder) Step(ctx context.Context, name string, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap("before step "+name, err, "")
	}
	return r.record(ctx, name, false, fn)
}

// Write is Step for a step that changes something: it asks every guard first.
// The time that the guards take is not the step's; all of them together have as
// long as a step.
func (r *Recorder) Write(ctx context.Context, name string, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap("before step "+name, err, "")
	}
	if err := r.Ask(ctx); err != nil {
		return r.record(ctx, name, false, func(context.Context) error { return err })
	}
	return r.record(ctx, name, false, fn)
}

// Ask puts every guard to the question, as Write does: for what is to be done
// before the first.
func (r *Recorder) Ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.stepTimeout)
	defer cancel()
	return Check(ctx, slices.Concat(r.guards, r.last))
}

// Defer registers what undoes a step. Execute runs it after the flow has
// returned, newest first, whatever happened, with a deadline of its own and
// even when the run was cancelled. Guards do not stop it. Register before
// writing: a write whose answer is lost may have happened.
func (r *Recorder) Defer(name string, fn func(context.Context) error) {
	r.deferred = append(r.deferred, cleanup{name: name, fn: fn})
}

// Cleanup runs fn now as a clean-up step: recorded and traced, but not part of
// the run's duration, and no verdict on the flow unless the flow returns its
// error.
func (r *Recorder) Cleanup(ctx context.Context, name string, fn func(context.Context) error) error {
	return r.record(ctx, name, true, fn)
}

// Note says what the current step found: "state=posted residual=0". Only the
// last note of a step is kept. It must carry no name, amount or number of a
// document.
func (r *Recorder) Note(format string, args ...any) {
	r.note = bounded(fmt.Sprintf(format, args...), maxNoteText)
}

// Leftover reports something that the run could not remove, by its reference.
func (r *Recorder) Leftover(ref string) {
	if len(r.leftovers) < maxLeftovers {
		r.leftovers = append(r.leftovers, bounded(ref, maxNoteText))
	}
}

func (r *Recorder) record(ctx context.Context, name string, isCleanup bool, fn func(context.Context) error) error {
	ctx, span := r.tracer.Start(ctx, name, trace.WithAttributes(attribute.Bool("closewatch.step.cleanup", isCleanup)))
	defer span.End()
	r.note = ""
	step := Step{Name: name, Started: r.now(), Cleanup: isCleanup}
	r.tell(step, false)
	err := r.inTime(ctx, name, isCleanup, fn)
	step.Duration = r.now().Sub(step.Started)
	step.Note = r.note
	if err != nil {
		step.Kind, step.Error, step.Exchange = fault.KindOf(err), bounded(err.Error(), maxErrorText), exchangeOf(err)
		span.SetAttributes(attribute.String("error.type", string(step.Kind)))
		span.SetStatus(codes.Error, step.Error)
	}
	r.tell(step, true)
	if len(r.steps) == maxSteps {
		r.dropped++
		return err
	}
	r.steps = append(r.steps, step)
	return err
}

// inTime runs fn within the deadline of a step, which a clean-up has not, and
// says of a timeout whose deadline it was.
func (r *Recorder) inTime(run context.Context, name string, isCleanup bool, fn func(context.Context) error) error {
	if isCleanup {
		return protect(func() error { return fn(run) })
	}
	ctx, cancel := context.WithTimeout(run, r.stepTimeout)
	defer cancel()
	err := protect(func() error { return fn(ctx) })
	if fault.KindOf(err) != fault.Timeout || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	whose, deadline := "the step", r.stepTimeout
	ofStep, _ := ctx.Deadline()
	if ofRun, bound := run.Deadline(); bound && !ofStep.Before(ofRun) { // ctx keeps the earlier of the two
		whose, deadline = "the run", r.timeout
	}
	return fault.Wrap("step "+name, fault.Wrap(fmt.Sprintf("the deadline of %s, %s, passed", whose, deadline), err, ""), "")
}

// cleanUp undoes what was registered, newest first. What a clean-up registers
// itself is undone too.
func (r *Recorder) cleanUp(ctx context.Context) {
	for len(r.deferred) > 0 {
		last := r.deferred[len(r.deferred)-1]
		r.deferred = r.deferred[:len(r.deferred)-1]
		_ = r.record(ctx, last.name, true, last.fn) // kept in the step; the flow's last clean-up says what is left over
	}
}

// forward returns the total duration of the steps that are the transaction
// itself, and the name of the last of them that failed.
func (r *Recorder) forward() (total time.Duration, failed string) {
	for _, s := range r.steps {
		if s.Cleanup {
			continue
		}
		total += s.Duration
		if s.Error != "" {
			failed = s.Name
		}
	}
	return total, failed
}

// bounded makes s one line of at most n runes.
func bounded(s string, n int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "�")), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
