package flow

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/closewatch/closewatch/internal/fault"
)

// Settings are what a run needs to know besides its flow.
type Settings struct {
	Environment string
	Component   string // the Odoo component driven
	Tenant      string

	Timeout        time.Duration // of the whole transaction; 0 means DefaultTimeout
	StepTimeout    time.Duration // of each step within it, clean-ups apart; 0 means DefaultStepTimeout
	CleanupTimeout time.Duration // of all clean-ups together; 0 means DefaultCleanupTimeout

	// Guards are asked before every write after those of the flow, right before
	// it: what they watch, such as a lease, can be lost at any time.
	Guards []Guard

	Now    func() time.Time // nil means time.Now
	Tracer trace.Tracer     // nil means none
	NewID  func() string    // nil means a timestamp and random digits

	Observe func(Event) // told of every step as it begins and ends, by the goroutine of the run; nil: nobody
	Meter   Meter       // measures what the run costs; nil: nothing does
}

// Bounds of a run that sets none. A clean-up after a shutdown must fit into
// the time that the daemon takes to stop; what it does not manage, the intent
// log tells the next start to finish.
const (
	DefaultTimeout        = 60 * time.Second
	DefaultStepTimeout    = 20 * time.Second
	DefaultCleanupTimeout = 30 * time.Second
	ShutdownCleanup       = 4 * time.Second
)

// A Limiter is a flow that says what its levels cannot detect.
type Limiter interface{ CannotDetect(Level) []string }

// Execute runs f once and says how it went. It never panics and always cleans
// up. When ctx ends, the outcome is Unknown: the run was interrupted, which
// says nothing about what was watched.
func Execute(ctx context.Context, f Flow, level Level, s Settings) Run {
	s = s.withDefaults()
	run := Run{
		ID: s.NewID(), Flow: f.Name(), Process: f.Process(), Level: level, Started: s.Now(),
		Environment: s.Environment, Component: s.Component, Tenant: s.Tenant,
	}
	if l, ok := f.(Limiter); ok {
		run.CannotDetect = l.CannotDetect(level)
	}
	if !slices.Contains(f.Levels(), level) {
		return run.concluded(ctx, &fault.Error{Op: "run " + run.Flow, Kind: fault.Blocked, Err: fmt.Errorf("it has no level %s", level), Hint: "use " + oneOf(f.Levels())})
	}
	traced, span := s.Tracer.Start(ctx, "flow "+run.Flow, trace.WithAttributes(
		attribute.String("closewatch.run.id", run.ID), attribute.String("closewatch.flow.level", string(level)),
		attribute.String("closewatch.environment", s.Environment), attribute.String("closewatch.component", s.Component), attribute.String("closewatch.tenant", s.Tenant),
	))
	defer span.End()
	if sc := span.SpanContext(); sc.HasTraceID() {
		run.TraceID = sc.TraceID().String()
	}

	r := &Recorder{id: run.ID, now: s.Now, tracer: s.Tracer, observe: s.Observe, last: s.Guards, timeout: s.Timeout, stepTimeout: s.StepTimeout}
	metered, cost := s.meter(traced, run)
	err := perform(metered, f, level, r, s.Timeout)
	undo(metered, r, s.CleanupTimeout)
	run.Cost = cost()

	run.Steps, run.Leftovers = r.steps, r.leftovers
	run.Duration, run.FailedStep = r.forward()
	run = run.concluded(ctx, err)
	span.SetAttributes(attribute.String("closewatch.run.outcome", string(run.Outcome)))
	if run.Outcome == Failed {
		span.SetAttributes(attribute.String("error.type", string(run.Kind)))
		span.SetStatus(codes.Error, run.Reason)
	}
	return run
}

// oneOf names levels for people: "L1 or L3".
func oneOf(levels []Level) string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = string(l)
	}
	return strings.Join(names, " or ")
}

// perform runs the transaction within its deadline.
func perform(ctx context.Context, f Flow, level Level, r *Recorder, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return protect(func() error { return f.Run(ctx, level, r) })
}

// undo cleans up with a deadline of its own, shorter when we are shutting down.
func undo(ctx context.Context, r *Recorder, timeout time.Duration) {
	if ctx.Err() != nil {
		timeout = min(timeout, ShutdownCleanup)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	r.cleanUp(ctx)
}

// concluded fills in the verdict that err is.
func (run Run) concluded(ctx context.Context, err error) Run {
	run.Kind, run.Reason, run.Hint = fault.KindOf(err), bounded(fault.TextOf(err), maxErrorText), fault.HintOf(err)
	switch {
	case err == nil:
		run.Outcome, run.FailedStep = Passed, ""
		if len(run.Leftovers) > 0 {
			run.Reason = fmt.Sprintf("passed, but %d left over by the clean-up", len(run.Leftovers))
		}
	case run.Kind == fault.Blocked:
		run.Outcome = Blocked
	case ctx.Err() != nil:
		run.Outcome, run.Reason, run.Hint = Unknown, "interrupted", ""
	default:
		run.Outcome = Failed
	}
	return run
}

func (s Settings) withDefaults() Settings {
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	if s.StepTimeout <= 0 {
		s.StepTimeout = DefaultStepTimeout
	}
	if s.CleanupTimeout <= 0 {
		s.CleanupTimeout = DefaultCleanupTimeout
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Tracer == nil {
		s.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if s.NewID == nil {
		now := s.Now
		s.NewID = func() string { return newID(now()) }
	}
	return s
}

func newID(at time.Time) string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return at.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b)
}

// ErrAssertion is wrapped by Assert.
var ErrAssertion = errors.New("not as it should be")

// Assert returns a *fault.Error of kind fault.Assertion when ok is false, and
// nil otherwise. what names what was expected and found.
func Assert(ok bool, what string, args ...any) error {
	if ok {
		return nil
	}
	return &fault.Error{Op: "verify", Kind: fault.Assertion, Err: fmt.Errorf("%s: %w", strings.TrimSpace(fmt.Sprintf(what, args...)), ErrAssertion)}
}
