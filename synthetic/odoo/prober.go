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
	Identity(ctx context.Context) (odoorpc.Identity, error)
	Clock(ctx context.Context) (time.Time, error)
	Notes(ctx context.Context) ([]odoorpc.Note, error)
	MayBrowse(op string) error
	Printer
	Bus
}

var _ Client = (*odoorpc.Client)(nil)

// Settings are what a Prober is made of.
type Settings struct {
	Environment string
	Component   string // the Odoo component driven; empty: it is known by its tenant
	Tenant      string
	Client      Client
	Config      Config
	Intents     *flow.IntentLog  // nil: no flow may write
	KillSwitch  *flow.KillSwitch // nil: one that only Pause turns on
	Guards      []flow.Guard     // asked before every write of L3 besides our own: the calendar's hard close
	Databases   *Databases       // which database is meant; nil: the first that this Prober meets
	Now         func() time.Time // nil means time.Now

	// Identify tells which database it is where Odoo does not; nil: nobody does.
	Identify func(context.Context) (odoorpc.Identity, error)
}

// A Prober runs flows on one tenant. Its flows may be run concurrently: of
// those that write, one at a time does, and another is blocked meanwhile.
type Prober struct {
	environment string
	component   string
	tenant      string
	client      Client
	config      Config
	intents     *flow.IntentLog
	killSwitch  *flow.KillSwitch
	extra       []flow.Guard
	databases   *Databases
	identify    func(context.Context) (odoorpc.Identity, error)
	now         func() time.Time

	writing  sync.Mutex // held by the run, or the sweep, that writes
	paying   paying
	standing standing

	sweptMu sync.Mutex
	swept   swept // by the last sweep that could look
}

// New returns a Prober. Nothing is asked of Odoo yet.
func New(s Settings) *Prober {
	p := &Prober{
		environment: s.Environment, component: s.Component, tenant: s.Tenant, client: s.Client, config: s.Config,
		intents: s.Intents, killSwitch: s.KillSwitch, extra: s.Guards, databases: s.Databases, identify: s.Identify, now: s.Now,
	}
	if p.databases == nil {
		p.databases = NewDatabases("")
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
		context := map[string]any{"allowed_company_ids": []int64{id}}
		if given, ok := kwargs["context"].(map[string]any); ok {
			maps.Copy(context, given)
		}
		wide["context"] = context
	}
	return p.client.Call(ctx, model, method, args, wide, out)
}

// today is the accounting date of what is written.
func (p *Prober) today() string { return p.now().UTC().Format(time.DateOnly) }

// A transaction is a run that writes.
type transaction struct {
	*Prober
	*books
	r          *flow.Recorder
	ref        string   // the tag of everything it writes
	ambiguous  bool     // the answer to a write was lost: it may be carried out yet
	before     balances // of the prober's own journals, before it writes
	taxPercent float64  // of the configured tax
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
	t := &transaction{Prober: p, books: &books{}, r: r, ref: Tag + r.RunID()}
	err := r.Step(ctx, "read-books", func(ctx context.Context) (err error) {
		if lacking := p.rightsGuard(ctx, name); flow.IsObjection(lacking) {
			return nil // the guard says so below: without it the books may not even open
		} else if lacking != nil {
			return lacking
		}
		t.books, err = p.readBooks(ctx)
		return err
	})
	if err != nil {
		return err
	}
	r.Guard(p.guards(name, level, t.books)...)
	if err := r.Ask(ctx); err != nil {
		return err
	}
	if err := flow.Check(ctx, []flow.Guard{p.rateGuard()}); err != nil {
		return err
	}
	if err := t.removeLeftovers(ctx); err != nil {
		return err
	}
	if err := r.Step(ctx, "read-balances", t.readBalances); err != nil {
		return err
	}
	intent := flow.Intent{ID: r.RunID(), Flow: name, Tenant: p.tenant, Ref: t.ref, At: p.now()}
	if err := p.intents.Begin(intent); err != nil {
		return blocked("write the intent log", err, "check the disk of --data")
	}
	held = true // until the last clean-up, which Execute runs after this has returned
	r.Defer("verify-balances", func(ctx context.Context) error {
		defer release()
		return t.verifyMoved(ctx, nil)
	})
	r.Defer("verify-clean", func(ctx context.Context) error { return t.verifyClean(ctx, intent) })
	return body(ctx, t)
}

// removeLeftovers clears what earlier runs left, and refuses to add to it.
func (t *transaction) removeLeftovers(ctx context.Context) error {
	found, err := t.anyLeft(ctx, t.books)
	if err == nil && found {
		err = t.r.Cleanup(ctx, "remove-leftovers", func(ctx context.Context) error {
			_, err := t.clear(ctx, "")
			return err
		})
	}
	if err != nil {
		return blocked("remove what earlier runs left over", err, byHand)
	}
	_, err = t.settle()
	return err
}

// verifyClean looks for anything that the run left, removes it, and closes
// the intent when it is certain that nothing can be left.
func (t *transaction) verifyClean(ctx context.Context, intent flow.Intent) error {
	removed, err := t.clear(ctx, t.ref)
	switch {
	case err != nil:
		return err
	case t.ambiguous:
		t.r.Note("removed=%d, looked for again later: an answer was lost", removed)
		return nil
	}
	return t.intents.Done(intent, t.now())
}

// clear sweeps within a run, which says what is left.
func (t *transaction) clear(ctx context.Context, ref string) (removed int, err error) {
	removed, left, err := t.sweep(ctx, t.books, ref)
	t.r.Note("removed=%d", removed)
	for _, e := range left {
		t.r.Leftover(e.ref)
	}
	if err != nil && len(left) == 0 && ref != "" {
		t.r.Leftover(ref) // it could not be looked for
	}
	return removed, err
}

// write is a step that changes something, after the guards agreed.
func (t *transaction) write(ctx context.Context, step, model, method string, args []any, out any) error {
	return t.writeWith(ctx, step, model, method, args, nil, out)
}

// writeWith is write for a method that takes keywords or a context.
func (t *transaction) writeWith(ctx context.Context, step, model, method string, args []any, kwargs map[string]any, out any) error {
	return t.r.Write(ctx, step, func(ctx context.Context) error {
		return t.change(ctx, model, method, args, kwargs, out)
	})
}

// change is a call that changes something.
func (t *transaction) change(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	err := t.call(ctx, model, method, args, kwargs, out)
	t.ambiguous = t.ambiguous || odoorpc.Ambiguous(err)
	return err
}

// undo registers a call that takes back what a step did.
func (t *transaction) undo(step, model, method string, id int64) {
	t.r.Defer(step, func(ctx context.Context) error {
		return t.change(ctx, model, method, []any{[]int64{id}}, nil, nil)
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
