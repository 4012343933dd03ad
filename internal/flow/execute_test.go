package flow_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// A script is a flow made of a function.
type script func(ctx context.Context, r *flow.Recorder) error

func (script) Name() string         { return "invoice-posting" }
func (script) Process() string      { return "invoice-posting" }
func (script) Levels() []flow.Level { return []flow.Level{flow.L1, flow.L3} }
func (script) CannotDetect(l flow.Level) []string {
	return []string{"what " + string(l) + " does not touch"}
}

func (s script) Run(ctx context.Context, _ flow.Level, r *flow.Recorder) error { return s(ctx, r) }

func sleep(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func fail(kind fault.Kind) func(context.Context) error {
	return func(context.Context) error {
		return &fault.Error{Op: "call account.move/action_post", Kind: kind, Err: errors.New("refused"), Hint: "look at Odoo"}
	}
}

func TestExecuteTurnsWhatHappensIntoARun(t *testing.T) {
	tests := map[string]struct {
		flow  script
		level flow.Level
		want  flow.Run // what is not compared is left out
		steps []string
	}{
		"all well": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				r.Defer("tidy", sleep(5*time.Second))
				return r.Step(ctx, "post", func(ctx context.Context) error {
					r.Note("state=%s", "posted")
					return sleep(2 * time.Second)(ctx)
				})
			},
			want:  flow.Run{Outcome: flow.Passed, Duration: 2 * time.Second},
			steps: []string{"post 2s state=posted", "(tidy) 5s"},
		},
		"a step fails": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				if err := r.Step(ctx, "create", sleep(time.Second)); err != nil {
					return err
				}
				r.Defer("delete", sleep(time.Second))
				return r.Step(ctx, "post", fail(fault.Locked))
			},
			want:  flow.Run{Outcome: flow.Failed, Kind: fault.Locked, FailedStep: "post", Reason: "call account.move/action_post: refused", Hint: "look at Odoo", Duration: time.Second},
			steps: []string{"create 1s", "post 0s locked", "(delete) 1s"},
		},
		"a clean-up fails": {
			flow: func(_ context.Context, r *flow.Recorder) error {
				r.Defer("delete", func(context.Context) error { r.Leftover("closewatch-probe/1"); return errors.New("no") })
				return nil
			},
			want:  flow.Run{Outcome: flow.Passed, Leftovers: []string{"closewatch-probe/1"}, Reason: "passed, but 1 left over by the clean-up"},
			steps: []string{"(delete) 0s internal"},
		},
		"clean-ups run newest first, also those a clean-up adds": {
			flow: func(_ context.Context, r *flow.Recorder) error {
				r.Defer("first", func(context.Context) error { r.Defer("added", sleep(0)); return nil })
				r.Defer("second", sleep(0))
				return nil
			},
			want:  flow.Run{Outcome: flow.Passed},
			steps: []string{"(second) 0s", "(first) 0s", "(added) 0s"},
		},
		"a guard objects": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				r.Guard(flow.Guard{Name: "lock-dates", Check: func(context.Context) error { return errors.New("today is locked") }})
				return r.Write(ctx, "create", sleep(time.Hour))
			},
			want:  flow.Run{Outcome: flow.Blocked, Kind: fault.Blocked, FailedStep: "create", Reason: "guard lock-dates: today is locked"},
			steps: []string{"create 0s blocked"},
		},
		"a guard cannot tell": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				r.Guard(flow.Guard{Name: "books", Check: fail(fault.Timeout)})
				return r.Write(ctx, "create", sleep(time.Hour))
			},
			want:  flow.Run{Outcome: flow.Blocked, Kind: fault.Blocked, FailedStep: "create", Reason: "guard books: call account.move/action_post: refused", Hint: "look at Odoo"},
			steps: []string{"create 0s blocked"},
		},
		"a guard panics": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				r.Guard(flow.Guard{Name: "books", Check: func(context.Context) error { panic("oops") }})
				return r.Write(ctx, "create", sleep(time.Hour))
			},
			want:  flow.Run{Outcome: flow.Blocked, Kind: fault.Blocked, FailedStep: "create", Reason: "guard books: run: panic: oops", Hint: "report this: it is a mistake in Closewatch"},
			steps: []string{"create 0s blocked"},
		},
		"a step panics": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				r.Defer("tidy", sleep(0))
				return r.Step(ctx, "post", func(context.Context) error { panic("oops") })
			},
			want:  flow.Run{Outcome: flow.Failed, Kind: fault.Internal, FailedStep: "post", Reason: "run: panic: oops", Hint: "report this: it is a mistake in Closewatch"},
			steps: []string{"post 0s internal", "(tidy) 0s"},
		},
		"the flow panics": {
			flow: func(_ context.Context, r *flow.Recorder) error {
				r.Defer("tidy", sleep(0))
				panic("oops")
			},
			want:  flow.Run{Outcome: flow.Failed, Kind: fault.Internal, Reason: "run: panic: oops", Hint: "report this: it is a mistake in Closewatch"},
			steps: []string{"(tidy) 0s"},
		},
		"a step never ends": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				r.Defer("tidy", sleep(3*time.Second))
				return r.Step(ctx, "post", sleep(time.Hour))
			},
			want:  flow.Run{Outcome: flow.Failed, Kind: fault.Timeout, FailedStep: "post", Reason: "step post: the deadline of the step, 20s, passed: context deadline exceeded", Duration: 20 * time.Second},
			steps: []string{"post 20s timeout", "(tidy) 3s"},
		},
		"steps in time that add up to more than the run may take": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				for _, name := range []string{"one", "two", "three"} {
					if err := r.Step(ctx, name, sleep(19*time.Second)); err != nil {
						return err
					}
				}
				return r.Step(ctx, "four", sleep(19*time.Second))
			},
			want:  flow.Run{Outcome: flow.Failed, Kind: fault.Timeout, FailedStep: "four", Reason: "step four: the deadline of the run, 1m0s, passed: context deadline exceeded", Duration: time.Minute},
			steps: []string{"one 19s", "two 19s", "three 19s", "four 3s timeout"},
		},
		"a refusal that comes late is a refusal": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				return r.Step(ctx, "post", func(ctx context.Context) error {
					<-ctx.Done()
					return fail(fault.Locked)(ctx)
				})
			},
			want:  flow.Run{Outcome: flow.Failed, Kind: fault.Locked, FailedStep: "post", Reason: "call account.move/action_post: refused", Hint: "look at Odoo", Duration: 20 * time.Second},
			steps: []string{"post 20s locked"},
		},
		"a guard never answers": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				r.Guard(flow.Guard{Name: "books", Check: sleep(time.Hour)})
				return r.Write(ctx, "create", func(context.Context) error { t.Error("wrote"); return nil })
			},
			want:  flow.Run{Outcome: flow.Blocked, Kind: fault.Blocked, FailedStep: "create", Reason: "guard books: context deadline exceeded"},
			steps: []string{"create 0s blocked"},
		},
		"clean-ups never end": {
			flow: func(_ context.Context, r *flow.Recorder) error {
				r.Defer("one", sleep(time.Hour))
				r.Defer("two", sleep(time.Hour))
				return nil
			},
			want:  flow.Run{Outcome: flow.Passed},
			steps: []string{"(two) 30s timeout", "(one) 0s timeout"},
		},
		"an assertion": {
			flow: func(ctx context.Context, r *flow.Recorder) error {
				return r.Step(ctx, "verify", func(context.Context) error {
					return errors.Join(flow.Assert(true, "this"), flow.Assert(false, "the %s", "total"), flow.Assert(false, "the tax"))
				})
			},
			want:  flow.Run{Outcome: flow.Failed, Kind: fault.Assertion, FailedStep: "verify", Reason: "verify: the total: not as it should be; verify: the tax: not as it should be"},
			steps: []string{"verify 0s assertion"},
		},
		"a level it does not have": {
			flow:  func(context.Context, *flow.Recorder) error { t.Error("ran"); return nil },
			level: flow.L0,
			want:  flow.Run{Outcome: flow.Blocked, Kind: fault.Blocked, Reason: "run invoice-posting: it has no level L0", Hint: "use L1 or L3"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				level := tt.level
				if level == "" {
					level = flow.L3
				}
				began := time.Now()
				run := flow.Execute(t.Context(), tt.flow, level, flow.Settings{Environment: "test", Component: "erp", Tenant: "acme", NewID: func() string { return "1" }})
				var steps []string
				for _, s := range run.Steps {
					steps = append(steps, describe(s))
				}
				if diff := cmp.Diff(tt.steps, steps); diff != "" {
					t.Errorf("steps:\n%s", diff)
				}
				want := tt.want
				want.ID, want.Flow, want.Process, want.Level, want.Started = "1", "invoice-posting", "invoice-posting", level, began
				want.Environment, want.Component, want.Tenant = "test", "erp", "acme"
				want.CannotDetect = []string{"what " + string(level) + " does not touch"}
				run.Steps = nil
				if diff := cmp.Diff(want, run); diff != "" {
					t.Errorf("run:\n%s", diff)
				}
			})
		})
	}
}

// What can be lost at any time is asked about right before each write, and does
// not keep a run from cleaning up.
func TestGuardsOfTheRunAreAskedLastBeforeEveryWrite(t *testing.T) {
	var asked []string
	say := func(name string) func(context.Context) error {
		return func(context.Context) error { asked = append(asked, name); return nil }
	}
	held := true
	run := flow.Execute(t.Context(), script(func(ctx context.Context, r *flow.Recorder) error {
		r.Guard(flow.Guard{Name: "books", Check: say("books")})
		r.Defer("delete", say("delete"))
		if err := r.Write(ctx, "create", say("create")); err != nil {
			return err
		}
		held = false
		if err := r.Step(ctx, "read", say("read")); err != nil {
			return err
		}
		return r.Write(ctx, "post", say("post"))
	}), flow.L3, flow.Settings{Guards: []flow.Guard{{Name: "lease", Check: func(context.Context) error {
		asked = append(asked, "lease")
		if !held {
			return errors.New("it was lost")
		}
		return nil
	}}}})
	if run.Outcome != flow.Blocked || run.FailedStep != "post" || run.Reason != "guard lease: it was lost" {
		t.Errorf("outcome %s at %s: %s", run.Outcome, run.FailedStep, run.Reason)
	}
	if diff := cmp.Diff([]string{"books", "lease", "create", "read", "books", "lease", "delete"}, asked); diff != "" {
		t.Errorf("asked and done (-want +got):\n%s", diff)
	}
}

func describe(s flow.Step) string {
	name := s.Name
	if s.Cleanup {
		name = "(" + name + ")"
	}
	parts := []string{name, s.Duration.String()}
	for _, p := range []string{string(s.Kind), s.Note} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}

func TestAnInterruptedRunIsUnknownAndStillCleansUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var tidied bool
		run := flow.Execute(ctx, script(func(ctx context.Context, r *flow.Recorder) error {
			r.Defer("tidy", func(ctx context.Context) error {
				tidied = ctx.Err() == nil
				return sleep(time.Hour)(ctx) // longer than a shutdown waits
			})
			if err := r.Step(ctx, "post", sleep(time.Hour)); err == nil {
				t.Error("the step was not interrupted")
			}
			return r.Step(ctx, "verify", func(context.Context) error { t.Error("a step began after the end"); return nil })
		}), flow.L3, flow.Settings{})
		if run.Outcome != flow.Unknown || run.Reason != "interrupted" || !tidied {
			t.Errorf("outcome %s (%s), cleaned up: %t", run.Outcome, run.Reason, tidied)
		}
		if got := run.Steps[len(run.Steps)-1].Duration; got != flow.ShutdownCleanup {
			t.Errorf("the clean-up took %s, want %s", got, flow.ShutdownCleanup)
		}
	})
}

func TestARunIsATraceWithASpanForEachStep(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	run := flow.Execute(t.Context(), script(func(ctx context.Context, r *flow.Recorder) error {
		r.Defer("tidy", sleep(0))
		_ = r.Step(ctx, "create", sleep(0))
		return r.Step(ctx, "post", fail(fault.Rejected))
	}), flow.L3, flow.Settings{Tracer: provider.Tracer("test")})

	var root string
	names := map[string]codes.Code{}
	for _, s := range spans.Ended() {
		names[s.Name()] = s.Status().Code
		if s.SpanContext().TraceID().String() != run.TraceID {
			t.Errorf("span %s is of another trace", s.Name())
		}
		if !s.Parent().IsValid() {
			root = s.SpanContext().SpanID().String()
		}
	}
	for _, s := range spans.Ended() {
		if s.Parent().IsValid() && s.Parent().SpanID().String() != root {
			t.Errorf("span %s does not hang under the run", s.Name())
		}
	}
	want := map[string]codes.Code{"flow invoice-posting": codes.Error, "create": codes.Unset, "post": codes.Error, "tidy": codes.Unset}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestARunIsBounded(t *testing.T) {
	run := flow.Execute(t.Context(), script(func(ctx context.Context, r *flow.Recorder) error {
		for range 1000 {
			r.Leftover(strings.Repeat("x", 1000))
			_ = r.Step(ctx, "loop", func(context.Context) error {
				r.Note("%s", strings.Repeat("n", 10000))
				return errors.New(strings.Repeat("e\n", 10000))
			})
		}
		return nil
	}), flow.L3, flow.Settings{})
	size := 0
	for _, s := range run.Steps {
		size += len(s.Error) + len(s.Note)
	}
	for _, l := range run.Leftovers {
		size += len(l)
	}
	if size > 64<<10 {
		t.Errorf("the run holds %d bytes of text", size)
	}
}

func TestKillSwitch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stop")
	k := flow.NewKillSwitch(path)
	check := func(want bool) {
		t.Helper()
		if err := flow.Check(t.Context(), []flow.Guard{k.Guard()}); (err != nil) != want {
			t.Errorf("stopped = %v, want %t", err, want)
		}
	}
	check(false)
	k.Pause("year end")
	check(true)
	k.Resume()
	check(false)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k.Resume() // does not remove the file
	check(true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check(false)

	under := flow.NewKillSwitch(filepath.Join(path, "below", "a-file")) // cannot be looked at: its parent is a file
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := under.On(); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a switch that cannot be looked at: %v, want an objection", err)
	}
}

// exchanged is an error that knows what was asked and answered.
type exchanged struct{ text string }

func (exchanged) Error() string      { return "refused" }
func (e exchanged) Exchange() string { return e.text }

func TestAFailedStepKeepsItsExchange(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"none is known":        {errors.New("refused"), ""},
		"known":                {exchanged{"POST /x\n{…}"}, "POST /x\n{…}"},
		"known deep inside":    {&fault.Error{Op: "call", Err: errors.Join(errors.New("a"), fault.Wrap("b", exchanged{"x"}, ""))}, "x"},
		"with what is no text": {exchanged{"a\x00\x1b[31mb\xff\u200bc\t\n"}, "a[31mb�c\t\n"},
		"too long":             {exchanged{strings.Repeat("ä", 2000)}, strings.Repeat("ä", 1022) + "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			run := flow.Execute(t.Context(), script(func(ctx context.Context, r *flow.Recorder) error {
				return r.Step(ctx, "post-invoice", func(context.Context) error { return tt.err })
			}), flow.L1, flow.Settings{})
			if diff := cmp.Diff(tt.want, run.Steps[0].Exchange); diff != "" {
				t.Errorf("exchange (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAWatcherIsToldOfEveryStep(t *testing.T) {
	var told []string
	run := flow.Execute(t.Context(), script(func(ctx context.Context, r *flow.Recorder) error {
		r.Defer("delete-draft", func(context.Context) error { return nil })
		if err := r.Step(ctx, "log-in", func(context.Context) error { r.Note("uid"); return nil }); err != nil {
			return err
		}
		return r.Write(ctx, "post-invoice", fail(fault.Rejected))
	}), flow.L1, flow.Settings{Observe: func(e flow.Event) {
		said := e.Step.Name + " " + map[bool]string{false: "began", true: "ended"}[e.Ended] + " " + string(e.Step.Kind) + e.Step.Note
		told = append(told, strings.TrimSpace(said))
		if len(told) == 2 {
			panic("on its own")
		}
	}})
	want := []string{"log-in began", "log-in ended uid", "post-invoice began", "post-invoice ended rejected", "delete-draft began", "delete-draft ended"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if run.Outcome != flow.Failed || run.Kind != fault.Rejected {
		t.Errorf("%s %s, want what the flow says", run.Outcome, run.Kind)
	}
}

func TestTheCostOfARun(t *testing.T) {
	type key struct{}
	calls := 0
	count := func(ctx context.Context) error { ctx.Value(key{}).(func())(); return nil }
	counting := func(ctx context.Context, _ flow.Run) (context.Context, func() *flow.Cost) {
		return context.WithValue(ctx, key{}, func() { calls++ }), func() *flow.Cost { return &flow.Cost{Requests: calls} }
	}
	run := flow.Execute(t.Context(), script(func(ctx context.Context, r *flow.Recorder) error {
		r.Defer("clean-up", count)
		return r.Step(ctx, "call", count)
	}), flow.L1, flow.Settings{Meter: counting})
	if diff := cmp.Diff(&flow.Cost{Requests: 2}, run.Cost); diff != "" {
		t.Errorf("with its clean-up (-want +got):\n%s", diff)
	}
	for name, meter := range map[string]flow.Meter{
		"none":           nil,
		"panics at once": func(context.Context, flow.Run) (context.Context, func() *flow.Cost) { panic("no") },
		"panics at last": func(ctx context.Context, _ flow.Run) (context.Context, func() *flow.Cost) {
			return ctx, func() *flow.Cost { panic("no") }
		},
	} {
		run := flow.Execute(t.Context(), script(func(ctx context.Context, r *flow.Recorder) error { return r.Step(ctx, "call", sleep(0)) }), flow.L1, flow.Settings{Meter: meter})
		if run.Outcome != flow.Passed || run.Cost != nil {
			t.Errorf("a meter that %s: %s, cost %v; want passed and not known", name, run.Outcome, run.Cost)
		}
	}
}
