package schedule_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// A fakeLease is held or not as a test says.
type fakeLease struct {
	mu         sync.Mutex
	elsewhere  bool
	held, most int
}

func (l *fakeLease) Acquire(ctx context.Context) (schedule.Held, error) {
	l.mu.Lock()
	if !l.elsewhere {
		defer l.mu.Unlock()
		l.held++
		l.most = max(l.most, l.held)
		return fakeHeld{l}, nil
	}
	l.mu.Unlock()
	<-ctx.Done()
	return nil, &fault.Error{Op: "take the lease", Kind: fault.Blocked, Err: schedule.ErrTaken}
}

type fakeHeld struct{ lease *fakeLease }

func (h fakeHeld) Check(context.Context) error {
	h.lease.mu.Lock()
	defer h.lease.mu.Unlock()
	if h.lease.elsewhere {
		return errors.New("it was lost")
	}
	return nil
}

func (h fakeHeld) Release() {
	h.lease.mu.Lock()
	defer h.lease.mu.Unlock()
	h.lease.held--
}

func TestALeaseHeldElsewhereBlocksWritersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := runFor(t, schedule.Settings{
			Entries: []schedule.Entry{entry("invoice-posting", flow.L1, 0, time.Minute), entry("login", flow.L0, 0, time.Minute)},
			Lease:   &fakeLease{elsewhere: true},
		}, 3*time.Minute)
		count := map[string]int{}
		for _, r := range runs {
			count[r.Flow+" "+string(r.Outcome)]++
		}
		if count["invoice-posting blocked"] < 3 || count["invoice-posting passed"] > 0 || count["login passed"] < 3 {
			t.Errorf("runs: %v", count)
		}
	})
}

// A writer is a flow that writes twice, and cleans up.
type writer struct {
	between func() // what happens between its writes
	wrote   *[]string
}

func (writer) Name() string         { return "invoice-posting" }
func (writer) Process() string      { return "invoice-posting" }
func (writer) Levels() []flow.Level { return []flow.Level{flow.L1, flow.L3} }

func (w writer) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	note := func(what string) func(context.Context) error {
		return func(context.Context) error { *w.wrote = append(*w.wrote, what); return nil }
	}
	r.Defer("delete", note("delete"))
	if err := r.Write(ctx, "create", note("create "+string(level))); err != nil {
		return err
	}
	if w.between != nil {
		w.between()
	}
	return r.Write(ctx, "post", note("post"))
}

// Whoever loses the lease in the middle of a run writes nothing more, cleans up
// what was written, goes on reading, and writes again once the lease is back.
func TestALostLeaseStopsTheNextWriteAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lease := &fakeLease{}
		var wrote []string
		lose := func() {
			lease.mu.Lock()
			defer lease.mu.Unlock()
			lease.elsewhere = true
		}
		w := &writer{between: lose, wrote: &wrote}
		sch, err := schedule.New(schedule.Settings{
			Entries: []schedule.Entry{{Flow: w, Level: flow.L3, Interval: time.Minute}, entry("login", flow.L0, 0, time.Minute)},
			Run:     flow.Settings{Environment: "production", Component: "erp", Tenant: "acme"},
			Lease:   lease,
		})
		if err != nil {
			t.Fatal(err)
		}
		run := func(name string) flow.Run {
			t.Helper()
			r, err := sch.RunNow(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		held := func(want string) {
			t.Helper()
			want = "# HELP closewatch_probe_lease_held Whether this process may write to the tenant at this moment: a run that writes holds its lease (1) or not (0).\n" +
				"# TYPE closewatch_probe_lease_held gauge\n" +
				`closewatch_probe_lease_held{component="erp",environment="production",tenant="acme"} ` + want + "\n"
			if err := testutil.CollectAndCompare(schedule.NewMetrics(nil, sch), strings.NewReader(want), "closewatch_probe_lease_held"); err != nil {
				t.Error(err)
			}
		}
		if r := run("invoice-posting"); r.Outcome != flow.Blocked || r.FailedStep != "post" || r.Reason != "guard lease: it was lost" {
			t.Errorf("the lease was lost in the run: %s at %s: %s", r.Outcome, r.FailedStep, r.Reason)
		}
		if diff := cmp.Diff([]string{"create L3", "delete"}, wrote); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
		if r := run("login"); r.Outcome != flow.Passed {
			t.Errorf("reading: %s: %s", r.Outcome, r.Reason)
		}
		if r := run("invoice-posting"); r.Outcome != flow.Blocked || !strings.Contains(r.Reason, schedule.ErrTaken.Error()) {
			t.Errorf("the lease is elsewhere: %s: %s", r.Outcome, r.Reason)
		}
		held("0")
		lease.mu.Lock()
		lease.elsewhere = false
		lease.mu.Unlock()
		wrote = nil
		w.between = func() { held("1") }
		if r := run("invoice-posting"); r.Outcome != flow.Passed {
			t.Errorf("the lease is back: %s: %s", r.Outcome, r.Reason)
		}
		held("0")
		if lease.held != 0 {
			t.Errorf("the lease was given back %d times too few", lease.held)
		}
	})
}

// A deadLease is one that nobody can tell about.
type deadLease struct{}

func (deadLease) Acquire(context.Context) (schedule.Held, error) {
	return nil, &fault.Error{Op: "take the lease", Kind: fault.Blocked, Err: errors.New("the database does not answer")}
}

// A reader reads before it writes.
type reader struct {
	writer
	reads error
}

func (f *reader) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	if err := r.Step(ctx, "read", func(context.Context) error { return f.reads }); err != nil {
		return err
	}
	return f.writer.Run(ctx, level, r)
}

// With the database dead nobody can tell who has the lease: nothing is written
// or swept, and that Odoo does not work either is found out all the same.
func TestALeaseThatCannotBeToldStopsTheFirstWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		reads   error
		outcome flow.Outcome
		step    string
		reason  string
	}{
		"Odoo works":      {nil, flow.Blocked, "create", "the database does not answer"},
		"it does not too": {&fault.Error{Op: "read", Kind: fault.Unavailable, Err: errors.New("Odoo answers 500")}, flow.Failed, "read", "Odoo answers 500"},
	} {
		t.Run(name, func(t *testing.T) {
			var wrote []string
			f := &reader{writer{between: func() {}, wrote: &wrote}, tt.reads}
			swept := false
			sch, err := schedule.New(schedule.Settings{
				Entries: []schedule.Entry{{Flow: f, Level: flow.L3, Interval: time.Minute}}, Lease: deadLease{},
				Sweep: func(context.Context) error { swept = true; return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			r, err := sch.RunNow(t.Context(), f.Name())
			if err != nil {
				t.Fatal(err)
			}
			if r.Outcome != tt.outcome || r.FailedStep != tt.step || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("%s at %s: %s, want %s at %s: %s", r.Outcome, r.FailedStep, r.Reason, tt.outcome, tt.step, tt.reason)
			}
			if wrote = slices.DeleteFunc(wrote, func(s string) bool { return s == "delete" }); len(wrote) > 0 || swept { // cleaning up is harmless
				t.Errorf("wrote %v, swept: %t", wrote, swept)
			}
		})
	}
}

func TestFileLease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "write.lock")
	one, two := schedule.NewFileLease(path), schedule.NewFileLease(path)
	held, err := one.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := two.Acquire(short); fault.KindOf(err) != fault.Blocked {
		t.Errorf("a second holder: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		held, err := two.Acquire(t.Context())
		if err == nil {
			held.Release()
		}
		got <- err
	}()
	held.Release()
	if err := <-got; err != nil {
		t.Errorf("after the first gave it back: %v", err)
	}

	if held, err = one.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	if err := held.Check(t.Context()); err != nil {
		t.Errorf("right after it was taken: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := held.Check(t.Context()); err == nil {
		t.Error("a lease whose file is gone is still held")
	}
	other, err := two.Acquire(t.Context()) // makes a new file
	if err != nil {
		t.Fatal(err)
	}
	defer other.Release()
	if err := held.Check(t.Context()); err == nil || other.Check(t.Context()) != nil {
		t.Errorf("the first still holds what the second does: %v, %v", err, other.Check(t.Context()))
	}

	blocked := filepath.Join(path, "below", "a-file") // its parent is a file
	if _, err := schedule.NewFileLease(blocked).Acquire(t.Context()); fault.KindOf(err) != fault.Blocked {
		t.Errorf("a directory that cannot be made: %v", err)
	}
}

// Of several leases all are held, or none.
func TestLeasesAreHeldTogether(t *testing.T) {
	first, second := &fakeLease{}, &fakeLease{}
	all := schedule.Leases{first, second}
	held, err := all.Acquire(t.Context())
	if err != nil || first.held != 1 || second.held != 1 {
		t.Fatalf("Acquire() = %v; held %d and %d", err, first.held, second.held)
	}
	second.elsewhere = true
	if err := held.Check(t.Context()); err == nil {
		t.Error("one of them is lost, and both are held")
	}
	held.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.Acquire(ctx); err == nil || first.held != 0 || second.held != 0 {
		t.Errorf("one is not to be had: %v; held %d and %d", err, first.held, second.held)
	}
}
