package endpoint

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
)

var march31 = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

func TestMetrics(t *testing.T) {
	type outcome struct {
		answer answer
		took   time.Duration
		err    error
	}
	busy := &fault.Error{Op: "ask api.example.com", Kind: fault.Unavailable}
	late := &fault.Error{Op: "ask api.example.com", Kind: fault.Timeout}
	web := answer{status: 200, phases: map[string]time.Duration{
		resolving: 2 * time.Millisecond, connecting: 10 * time.Millisecond, handshake: 20 * time.Millisecond, processing: 160 * time.Millisecond, transfer: 8 * time.Millisecond,
	}}
	cut := web
	cut.cut = true
	tests := map[string]struct {
		protocol protocol
		runs     []outcome
		err      error
	}{
		"http_passed":             {overHTTP, []outcome{{web, 200 * time.Millisecond, nil}, {web, 4 * time.Second, nil}}, nil},
		"http_body_cut":           {overHTTP, []outcome{{cut, 200 * time.Millisecond, nil}}, nil},
		"http_failed_twice":       {overHTTP, []outcome{{web, 200 * time.Millisecond, nil}, {answer{status: 503}, 20 * time.Millisecond, busy}, {answer{}, 10 * time.Second, late}}, late},
		"http_never_passed":       {overHTTP, []outcome{{answer{status: 503}, 20 * time.Millisecond, busy}}, busy},
		"http_recovered":          {overHTTP, []outcome{{answer{}, 10 * time.Second, late}, {web, 200 * time.Millisecond, nil}}, nil},
		"tcp_passed":              {overTCP, []outcome{{answer{phases: map[string]time.Duration{connecting: time.Millisecond}}, time.Millisecond, nil}}, nil},
		"dns_passed":              {overDNS, []outcome{{answer{phases: map[string]time.Duration{connecting: time.Microsecond, request: time.Millisecond}}, time.Millisecond, nil}}, nil},
		"tcp_at_a_buckets_border": {overTCP, []outcome{{answer{}, 50 * time.Millisecond, nil}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now, run := march31, 0
			p := &probe{name: "api", class: "bank", protocol: tt.protocol, now: func() time.Time { return now }, failures: map[fault.Kind]uint64{}}
			p.ask = func(context.Context) (answer, error) {
				o := tt.runs[run]
				run++
				now = now.Add(o.took)
				return o.answer, o.err
			}
			for range tt.runs[1:] {
				_, _ = runFor(t, p, time.Minute)
				now = now.Add(time.Minute)
			}
			if err := collectortest.Golden(t, p, name); !errors.Is(err, tt.err) {
				t.Errorf("Collect() = %v, want %v", err, tt.err)
			}
		})
	}
}

// A run that the shutdown interrupts says nothing about the service.
func TestCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := newProbe(httpCheck("http://"+at(serve(t, func(http.ResponseWriter, *http.Request) { cancel() }).URL), nil), settings(t)).(*probe)
	a := &adapter{Collector: p, ctx: ctx}
	collected := 0
	ch := make(chan prometheus.Metric)
	go func() { defer close(ch); a.Collect(ch) }()
	for range ch {
		collected++
	}
	if err := a.err; err == nil || collected != 0 || p.durations.count != 0 || p.inARow != 0 {
		t.Errorf("Collect() = %v with %d metrics, %d runs, %d failures, want an error and nothing", err, collected, p.durations.count, p.inARow)
	}
}

// One service that hangs costs the others nothing, and each answer is published
// when it is there.
func TestHangingEndpointDelaysNoOther(t *testing.T) {
	s := settings(t)
	hanging, good := httpCheck("http://"+listen(t, silent), nil), httpCheck(serve(t, answering(200, "")).URL, nil)
	hanging.Name, good.Name = "hanging", "good"
	hanging.Interval = hanging.Timeout
	good.Interval, good.Timeout = good.Interval/200, good.Timeout/50
	s.Config.Checks = []Check{hanging, good}
	runner := collector.New(collector.Settings{})
	if err := runner.Add(New(s)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); runner.Run(ctx) }()
	defer func() { cancel(); <-done }()
	runs := map[time.Time]bool{}
	for deadline := time.Now().Add(8 * time.Second); len(runs) < 5; {
		if time.Now().After(deadline) {
			t.Fatalf("the good check has run %d times", len(runs))
		}
		<-time.After(10 * time.Millisecond)
		for _, snapshot := range runner.Snapshots() {
			switch {
			case snapshot.Task.Name == "hanging":
				t.Fatalf("the hanging check has ended: %v", snapshot.Err)
			case snapshot.Err != nil:
				t.Fatal(snapshot.Err)
			}
			runs[snapshot.At] = true
		}
	}
}

// Every class of service is told when it fails in each way that was asked for.
func TestClassesFaulted(t *testing.T) {
	faults := map[fault.Kind]http.HandlerFunc{
		fault.Auth:     answering(401, ""),
		fault.Schema:   answering(200, "<html>"),
		fault.Rejected: answering(400, ""),
		fault.Limit:    answering(429, ""),
		fault.Timeout:  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	for _, class := range Classes() {
		for kind, handler := range faults {
			t.Run(string(class)+" "+string(kind), func(t *testing.T) {
				values, err := runFor(t, faulted(t, class, handler), timeoutFor(kind))
				expectKind(t, values, err, kind, "")
			})
		}
	}
}

func faulted(t *testing.T, class Class, handler http.HandlerFunc) collector.Collector {
	t.Helper()
	s := settings(t)
	s.Config.Class = class
	return newProbe(httpCheck(serve(t, handler).URL, func(c *HTTP) { c.Expect.JSON = map[string]string{"/status": "UP"} }), s)
}

// A service that keeps failing is as bad as its class says, from the run that
// the class says on; one of which nothing new is known is unknown.
func TestPatienceOfEachClass(t *testing.T) {
	afterTwo := map[Class]signal.State{Bank: signal.Critical, Tax: signal.Critical, Identity: signal.Critical, Reporting: signal.Warning, Documents: signal.Warning}
	for _, class := range Classes() {
		t.Run(string(class), func(t *testing.T) {
			p, failing := faulted(t, class, answering(401, "")), "endpoint_"+string(class)+"_failing"
			evaluator, err := signal.NewEvaluator(Signals())
			if err != nil {
				t.Fatal(err)
			}
			evaluator.Expect([]signal.Subject{{Kind: Kind, Environment: "test", Component: "service"}})
			expectStates(t, evaluator.Evaluate(march31, nil), map[string]signal.State{"endpoint_checked": signal.Unknown})
			var values map[string]float64
			now := march31
			for _, want := range []signal.State{signal.OK, afterTwo[class], afterTwo[class], afterTwo[class], signal.Critical} {
				values, _ = run(t, p)
				now = now.Add(time.Minute)
				expectStates(t, evaluator.Evaluate(now, samples(values, class, now)), map[string]signal.State{"endpoint_checked": signal.OK, failing: want})
			}
			later := now.Add(fresh + time.Second)
			expectStates(t, evaluator.Evaluate(later, samples(values, class, now)), map[string]signal.State{"endpoint_checked": signal.Unknown, failing: signal.Unknown})
		})
	}
}

func timeoutFor(kind fault.Kind) time.Duration {
	if kind == fault.Timeout {
		return 30 * time.Millisecond
	}
	return 10 * time.Second
}

func samples(values map[string]float64, class Class, at time.Time) []signal.Sample {
	var out []signal.Sample
	for metric, v := range values {
		out = append(out, signal.Sample{Name: metric, Value: v, At: at, Labels: map[string]string{
			"environment": "test", "component": "service", "class": string(class), "check": "api",
		}})
	}
	return out
}

func expectStates(t *testing.T, readings []signal.Reading, want map[string]signal.State) {
	t.Helper()
	if len(readings) != len(want) {
		t.Errorf("%d readings, want %d: %+v", len(readings), len(want), readings)
	}
	for _, r := range readings {
		if state, known := want[r.Signal]; !known || r.State != state {
			t.Errorf("%s is %s (%s), want %s", r.Signal, r.State, r.Text, state)
		}
	}
}

// Whatever the table says, a class has a signal.
func TestEveryClassHasASignal(t *testing.T) {
	if err := signal.Check(Signals()); err != nil {
		t.Error(err)
	}
	if got, want := len(Signals()), len(Classes())+1; got != want {
		t.Errorf("%d signals, want %d", got, want)
	}
}
