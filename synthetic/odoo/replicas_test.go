package odoo_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// A replica is a prober on a machine of its own: its lease's file and its
// intents are nobody else's.
type replica struct {
	*schedule.Schedule
	runs chan flow.Run
}

func (l ledger) replica(t *testing.T, p *lab.Postgres, client odoo.Client, observed func(flow.Flow) flow.Flow) replica {
	t.Helper()
	prober := odoo.New(l.settings(t, client))
	r := replica{runs: make(chan flow.Run, 1000)}
	lease := schedule.NewAdvisoryLease(l.rpc.Database, pgsession.Settings{DSN: secret.New(p.DSN("postgres", "postgres")), Database: l.rpc.Database})
	var err error
	r.Schedule, err = schedule.New(schedule.Settings{
		Entries: []schedule.Entry{
			{Flow: observed(odoo.NewInvoicePosting(prober)), Level: flow.L3, Interval: time.Second, Timeout: time.Minute, StepTimeout: time.Minute},
			{Flow: odoo.NewReporting(prober), Level: flow.L0, Interval: time.Second, Timeout: time.Minute, StepTimeout: time.Minute},
		},
		Run:    flow.Settings{Environment: "test", Component: "erp", Tenant: l.rpc.Database},
		Lease:  schedule.Leases{schedule.NewFileLease(filepath.Join(t.TempDir(), "lease")), lease},
		Sweep:  func(ctx context.Context) error { _, err := prober.Sweep(ctx); return err },
		Result: func(run flow.Run) { r.runs <- run },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A counted flow counts how many of its kind run at a time.
type counted struct {
	flow.Flow
	mu            *sync.Mutex
	running, most *int
}

func (c counted) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	c.count(1)
	// Newest first: this is registered first, so that it is undone last.
	r.Defer("count", func(context.Context) error { c.count(-1); return nil })
	return c.Flow.Run(ctx, level, r)
}

func (c counted) count(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.running += by
	*c.most = max(*c.most, *c.running)
}

// Two replicas on different machines post in turn, and neither waits to read.
func TestTwoReplicasNeverWriteAtOnce(t *testing.T) {
	l, _ := standIn(t, "replicas")
	p := startPostgres(t)
	var mu sync.Mutex
	var running, most int
	observed := func(f flow.Flow) flow.Flow { return counted{f, &mu, &running, &most} }
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var both sync.WaitGroup
	for _, r := range []replica{l.replica(t, p, l.client(t, nil), observed), l.replica(t, p, l.client(t, nil), observed)} {
		stop, enough := context.WithCancel(ctx)
		both.Go(func() { _ = r.Run(stop) })
		both.Go(func() {
			defer enough()
			for posted, read := 0, 0; posted < 2 || read < 2; {
				select {
				case run := <-r.runs:
					switch {
					case run.Outcome == flow.Blocked && run.FailedStep == "": // the other had its turn for too long
					case run.Outcome != flow.Passed:
						t.Errorf("%s: %s at %s: %s", run.Flow, run.Outcome, run.FailedStep, run.Reason)
						return
					case run.Level == flow.L3:
						posted++
					default:
						read++
					}
				case <-ctx.Done():
					t.Errorf("%d runs posted and %d read within a minute", posted, read)
					return
				}
			}
		})
	}
	both.Wait()
	if most != 1 {
		t.Errorf("up to %d replicas wrote at once", most)
	}
	if ours, _ := l.tagged(t, l.client(t, nil)); ours != 0 {
		t.Errorf("%d entries left", ours)
	}
}

// A replica whose lease's session is ended between two writes does not make
// the second, takes back the first, and reads on.
func TestALeaseThatIsLostInARunStopsItsNextWrite(t *testing.T) {
	l, _ := standIn(t, "lost_lease")
	p := startPostgres(t)
	end := sync.OnceFunc(func() {
		if err := p.Exec(t.Context(), "postgres", "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '"+pgsession.LockName+"'"); err != nil {
			t.Error(err)
		}
	})
	client := tamper{Client: l.client(t, nil), before: func(model, method string) {
		if model == "account.move" && method == "create" {
			end()
		}
	}}
	r := l.replica(t, p, client, func(f flow.Flow) flow.Flow { return f })
	run, err := r.RunNow(t.Context(), odoo.InvoicePostingName)
	if err != nil {
		t.Fatal(err)
	}
	if run.Outcome != flow.Blocked || run.FailedStep != "post-invoice" || !strings.HasPrefix(run.Reason, "guard lease: make sure of the lock on PostgreSQL") {
		t.Errorf("%s at %s: %s", run.Outcome, run.FailedStep, run.Reason)
	}
	if ours, _ := l.tagged(t, l.client(t, nil)); ours != 0 || len(run.Leftovers) > 0 {
		t.Errorf("%d entries left, %v reported", ours, run.Leftovers)
	}
	for _, name := range []string{odoo.ReportingName, odoo.InvoicePostingName} {
		if run, err := r.RunNow(t.Context(), name); err != nil || run.Outcome != flow.Passed {
			t.Errorf("afterwards %s: %s: %s, %v", name, run.Outcome, run.Reason, err)
		}
	}
}
