package synthetic_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic"
	"github.com/closewatch/closewatch/synthetic/odoo"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// orders names the environment variable that makes this test a prober.
const orders = "CLOSEWATCH_TEST_PROBER"

// An order says what a prober is to run and where it is to come to grief.
type order struct {
	URL, Database, Login, Password string
	Timeout                        time.Duration // of one call
	Books                          odoo.Synthetic
	State                          string // directory of its intent log
	Lease                          string // file
	Flow                           string
	Level                          flow.Level
	NoSweep                        bool // at the start, as before a run in the middle of the day
	At                             point
}

// A point is a moment in the life of a prober, and what happens then. It is
// named by the step and, unless it is the step's own beginning or end, by the
// number of a request in that step. The requests of guards and of the sweep
// count as steps of these names.
type point struct {
	Step    string
	Request int    // from 1; 0 for the step itself
	When    string // one of the moments; "" for never
	Fault   string // instead of a kill: the name of a fault of the wire
}

// Moments of a step and of a request.
const (
	atStart  = "start"    // the step begins
	atEnd    = "end"      // the step has ended
	unsent   = "unsent"   // the request is not sent yet
	sent     = "sent"     // the request is sent, the answer is under way
	answered = "answered" // the answer is there and not read yet
)

// What is asked outside of steps.
const (
	sweepStep  = "sweep"
	guardsStep = "guards"
)

// A testimony is what a prober that was not killed says.
type testimony struct {
	Run      flow.Run
	Requests map[string]int // by step
}

// probe is the process: it does what the daemon does when it has started and
// a flow is due.
func probe(text string) int {
	var o order
	said, err := testimony{}, json.Unmarshal([]byte(text), &o)
	if err == nil {
		said, err = o.run()
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(said)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (o order) run() (testimony, error) {
	v := &victim{at: o.At, wire: &http.Transport{}, requests: map[string]int{}}
	client, err := odoorpc.New(odoorpc.Config{
		URL: o.URL, Database: o.Database, Login: o.Login, Password: secret.New(o.Password), Timeout: estate.Duration(o.Timeout),
	}, odoorpc.Options{Version: "test", Transport: v})
	if err != nil {
		return testimony{}, err
	}
	defer client.Close()
	p, err := o.prober(client)
	if err != nil {
		return testimony{}, err
	}
	settings := schedule.Settings{
		Entries: synthetic.Plan(o.config(), p),
		Run:     flow.Settings{Environment: "lab", Component: "odoo", Tenant: o.Database, Tracer: v, CleanupTimeout: patience},
		Lease:   schedule.NewFileLease(o.Lease),
		Sweep:   func(ctx context.Context) error { _, err := p.Sweep(ctx); return err },
	}
	if o.NoSweep {
		settings.Sweep = nil
	}
	s, err := schedule.New(settings)
	if err != nil {
		return testimony{}, err
	}
	run, err := s.RunNow(context.Background(), o.Flow)
	return testimony{run, v.requests}, err
}

// prober returns the flows' prober on the order's books.
func (o order) prober(client odoo.Client) (*odoo.Prober, error) {
	intents, err := flow.OpenIntentLog(filepath.Join(o.State, "intents.jsonl"))
	if err != nil {
		return nil, err
	}
	return odoo.New(odoo.Settings{Environment: "lab", Tenant: o.Database, Client: client, Config: o.config(), Intents: intents}), nil
}

// patience is how long a run may take on a machine that has more to do. What is
// to come to grief for want of time is made to.
const patience = 5 * time.Minute

// config has one flow on.
func (o order) config() odoo.Config {
	var c odoo.Config
	c.SetDefaults()
	c.Synthetic, c.RunsPerHour = o.Books, 1_000_000
	c.Levels = map[string]flow.Level{}
	for _, name := range synthetic.Names() {
		c.Levels[name] = odoo.Off
	}
	c.Levels[o.Flow] = o.Level
	c.Timeouts = map[string]time.Duration{o.Flow: patience}
	c.StepTimeouts = c.Timeouts
	c.Printing.Pages = 2 // that there are many is tested elsewhere
	return c
}

// A victim is what kills the process: as the tracer of its run it knows which
// step is under way, as its wire it sees every request.
type victim struct {
	noop.Tracer
	at   point
	wire http.RoundTripper

	mu       sync.Mutex
	requests map[string]int
}

type stepKey struct{}

// Start implements trace.Tracer. The first span is the run itself.
func (v *victim) Start(ctx context.Context, name string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	if ctx.Value(stepKey{}) == nil {
		name = guardsStep
	}
	v.reach(point{Step: name, When: atStart})
	return context.WithValue(ctx, stepKey{}, name), span{end: func() { v.reach(point{Step: name, When: atEnd}) }}
}

type span struct {
	noop.Span
	end func()
}

// End implements trace.Span.
func (s span) End(...trace.SpanEndOption) { s.end() }

// RoundTrip implements http.RoundTripper.
func (v *victim) RoundTrip(r *http.Request) (*http.Response, error) {
	step, ok := r.Context().Value(stepKey{}).(string)
	if !ok {
		step = sweepStep
	}
	v.mu.Lock()
	v.requests[step]++
	here := point{Step: step, Request: v.requests[step]}
	v.mu.Unlock()
	moment := func(when string) point { here.When = when; return here }

	v.reach(moment(unsent))
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { v.reach(moment(sent)) },
	})
	broken := v.at == point{Step: here.Step, Request: here.Request, Fault: v.at.Fault}
	if broken && v.at.Fault == timedOut {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		ctx = short
	}
	r = r.WithContext(ctx)
	if broken {
		r.Header.Set(faultHeader, v.at.Fault)
	}
	resp, err := v.wire.RoundTrip(r)
	if err == nil {
		v.reach(moment(answered))
	}
	return resp, err
}

// reach is the end of the process when it is here that it is to end.
func (v *victim) reach(here point) {
	if here != v.at {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // it is on its way
}

// start starts a prober; what it has to say is had from the function returned.
// A prober that was killed says nothing.
func (o order) start(t *testing.T) func() (testimony, bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), orders+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() (testimony, bool) {
		t.Helper()
		var said testimony
		decodeErr := json.NewDecoder(out).Decode(&said)
		err := cmd.Wait()
		if status, ok := errors.AsType[*exec.ExitError](err); ok && status.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			return testimony{}, false
		}
		if err := errors.Join(err, decodeErr); err != nil {
			t.Fatalf("%s %s, %+v: %v", o.Flow, o.Level, o.At, err)
		}
		return said, true
	}
}
