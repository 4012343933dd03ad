package odoo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// A Client is what flows need of Odoo; *odoorpc.Client is one.
type Client interface {
	Call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error
	UserID(ctx context.Context) (int64, error)
	Reauthenticate(ctx context.Context) error
	Version(ctx context.Context) (odoorpc.Version, error)
	Printer
	Bus
}

var _ Client = (*odoorpc.Client)(nil)

// Settings are what a Prober is made of.
type Settings struct {
	Environment string
	Tenant      string
	Client      Client
	Config      Config
	Intents     *flow.IntentLog  // nil: no flow may write
	KillSwitch  *flow.KillSwitch // nil: one that only Pause turns on
	Guards      []flow.Guard     // asked before every write besides our own: the calendar's hard close
	Now         func() time.Time // nil means time.Now
}

// A Prober runs flows on one tenant. Its flows may be run concurrently: of
// those that write, one at a time does, and another is blocked meanwhile.
type Prober struct {
	environment string
	tenant      string
	client      Client
	config      Config
	intents     *flow.IntentLog
	killSwitch  *flow.KillSwitch
	extra       []flow.Guard
	now         func() time.Time

	writing sync.Mutex // held by the run, or the sweep, that writes

	fieldsMu sync.Mutex
	fields   []string // of res.company that this database has
}

// New returns a Prober. Nothing is asked of Odoo yet.
func New(s Settings) *Prober {
	p := &Prober{
		environment: s.Environment, tenant: s.Tenant, client: s.Client, config: s.Config,
		intents: s.Intents, killSwitch: s.KillSwitch, extra: s.Guards, now: s.Now,
	}
	if p.killSwitch == nil {
		p.killSwitch = flow.NewKillSwitch("")
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

// call calls Odoo in the synthetic company, where there is one.
func (p *Prober) call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	wide := make(map[string]any, len(kwargs)+1)
	maps.Copy(wide, kwargs)
	if id := p.config.Synthetic.Company; id != 0 {
		wide["context"] = map[string]any{"allowed_company_ids": []int64{id}}
	}
	return p.client.Call(ctx, model, method, args, wide, out)
}

// today is the accounting date of what is written.
func (p *Prober) today() string { return p.now().UTC().Format(time.DateOnly) }

// A transaction is a run that writes.
type transaction struct {
	*Prober
	*books
	r         *flow.Recorder
	ref       string // the tag of everything it writes
	ambiguous bool   // the answer to a write was lost: it may be carried out yet
}

// transact prepares a run that writes, performs body and leaves the cleaning
// up registered. Reading the books is part of the transaction, so that an
// Odoo which cannot be read fails it; everything after that is a guard.
func (p *Prober) transact(ctx context.Context, name string, level flow.Level, r *flow.Recorder, body func(context.Context, *transaction) error) error {
	if p.intents == nil {
		return blocked("write", errors.New("there is no intent log"), "set --data")
	}
	if !p.writing.TryLock() {
		return blocked("write", errors.New("another flow is writing to this tenant"), "")
	}
	release := sync.OnceFunc(p.writing.Unlock)
	held := false
	defer func() {
		if !held {
			release()
		}
	}()

	if err := r.Step(ctx, "log-in", func(ctx context.Context) error { _, err := p.client.UserID(ctx); return err }); err != nil {
		return err
	}
	t := &transaction{Prober: p, r: r, ref: Tag + r.RunID()}
	err := r.Step(ctx, "read-books", func(ctx context.Context) (err error) {
		t.books, err = p.readBooks(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if err := flow.Check(ctx, append(p.guards(name, level, t.books), p.rateGuard())); err != nil {
		return err
	}
	r.Guard(p.guards(name, level, t.books)...)
	if err := t.removeLeftovers(ctx); err != nil {
		return err
	}
	intent := flow.Intent{ID: r.RunID(), Flow: name, Tenant: p.tenant, Ref: t.ref, At: p.now()}
	if err := p.intents.Begin(intent); err != nil {
		return blocked("write the intent log", err, "check the disk of --data")
	}
	held = true // until the last clean-up, which Execute runs after this has returned
	r.Defer("verify-clean", func(ctx context.Context) error {
		defer release()
		return t.verifyClean(ctx, intent)
	})
	return body(ctx, t)
}

// removeLeftovers clears what earlier runs left, and refuses to add to it.
func (t *transaction) removeLeftovers(ctx context.Context) error {
	found, err := t.leftovers(ctx, t.books, "")
	if err == nil && len(found) > 0 {
		err = t.r.Cleanup(ctx, "remove-leftovers", func(ctx context.Context) error {
			t.r.Note("found=%d", len(found))
			left, err := t.sweep(ctx, t.books, found, "")
			for _, e := range left {
				t.r.Leftover(string(e.Ref))
			}
			return err
		})
	}
	if err != nil {
		return blocked("remove what earlier runs left over", err, "remove the entries tagged "+Tag+" in the synthetic company by hand")
	}
	return t.settle()
}

// verifyClean looks for anything that the run left, removes it, and closes
// the intent when it is certain that nothing can be left.
func (t *transaction) verifyClean(ctx context.Context, intent flow.Intent) error {
	found, err := t.leftovers(ctx, t.books, t.ref)
	if err != nil {
		t.r.Leftover(t.ref)
		return err
	}
	if len(found) > 0 {
		left, err := t.sweep(ctx, t.books, found, t.ref)
		if err != nil {
			for _, e := range left {
				t.r.Leftover(string(e.Ref))
			}
			return err
		}
	}
	if t.ambiguous {
		t.r.Note("removed=%d, looked for again later: an answer was lost", len(found))
		return nil
	}
	t.r.Note("removed=%d", len(found))
	return t.intents.Done(intent, t.now())
}

// write is a step that changes something, after the guards agreed.
func (t *transaction) write(ctx context.Context, step, model, method string, args []any, out any) error {
	return t.r.Write(ctx, step, func(ctx context.Context) error {
		err := t.call(ctx, model, method, args, nil, out)
		t.ambiguous = t.ambiguous || odoorpc.Ambiguous(err)
		return err
	})
}

// undo registers a call that takes back what a step did.
func (t *transaction) undo(step, model, method string, id int64) {
	t.r.Defer(step, func(ctx context.Context) error {
		err := t.call(ctx, model, method, []any{[]int64{id}}, nil, nil)
		t.ambiguous = t.ambiguous || odoorpc.Ambiguous(err)
		return err
	})
}

func blocked(op string, err error, hint string) error {
	return &fault.Error{Op: op, Kind: fault.Blocked, Err: err, Hint: hint}
}

// one returns the only row, as a read of one id gives it.
func one[T any](rows []T, what string) (T, error) {
	if len(rows) != 1 {
		var zero T
		return zero, &fault.Error{Op: "read " + what, Kind: fault.Assertion, Err: fmt.Errorf("found %d, want 1", len(rows))}
	}
	return rows[0], nil
}
