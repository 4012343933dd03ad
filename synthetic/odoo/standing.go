package odoo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// standingFor is how long an answer stands that only an administrator's hand
// changes: rights, modules, contacts, which database it is. All flows of a
// tenant share it, so that guarding costs Odoo about fifteen small reads a
// minute, and two before each write: the company and its journals, which a
// closing period changes.
const standingFor = time.Minute

// standing are the answers that stand, by question.
type standing struct {
	mu      sync.Mutex
	answers map[string]standingAnswer
}

type standingAnswer struct {
	at    time.Time
	value any
}

// ask returns the answer that stands, or asks. Failures do not stand.
func ask[T any](p *Prober, question string, read func() (T, error)) (T, error) {
	now := p.now()
	p.standing.mu.Lock()
	a, had := p.standing.answers[question]
	p.standing.mu.Unlock()
	if age := now.Sub(a.at); had && age >= 0 && age < standingFor {
		if v, ok := a.value.(T); ok {
			return v, nil
		}
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	p.standing.mu.Lock()
	defer p.standing.mu.Unlock()
	if p.standing.answers == nil {
		p.standing.answers = map[string]standingAnswer{}
	}
	p.standing.answers[question] = standingAnswer{now, v}
	return v, nil
}

func (p *Prober) version(ctx context.Context) (odoorpc.Version, error) {
	return ask(p, "version", func() (odoorpc.Version, error) { return p.client.Version(ctx) })
}

// fieldsOf returns those of the wanted fields that a model has in this
// database: versions and modules differ.
func (p *Prober) fieldsOf(ctx context.Context, model string, wanted []string) ([]string, error) {
	return ask(p, "fields of "+model, func() ([]string, error) {
		var known map[string]any
		if err := p.call(ctx, model, "fields_get", []any{wanted, []string{"type"}}, nil, &known); err != nil {
			return nil, err
		}
		var fields []string
		for _, f := range wanted {
			if _, ok := known[f]; ok {
				fields = append(fields, f)
			}
		}
		return fields, nil
	})
}

// may reports whether the monitoring user's groups allow an operation. It says
// nothing about companies and single records.
func (p *Prober) may(ctx context.Context, r right) (bool, error) {
	return ask(p, "right "+r.operation+" "+r.model, func() (bool, error) {
		v, err := p.version(ctx)
		if err != nil {
			return false, err
		}
		var allowed *bool
		if v.Major >= 18 { // where check_access_rights is on its way out
			err = p.client.Call(ctx, r.model, "has_access", []any{[]int64{}}, map[string]any{"operation": r.operation}, &allowed)
		} else {
			err = p.client.Call(ctx, r.model, "check_access_rights", nil, map[string]any{"operation": r.operation, "raise_exception": false}, &allowed)
		}
		if err == nil && allowed == nil {
			err = &fault.Error{Op: fmt.Sprintf("ask for the right to %s %s", r.operation, r.model), Kind: fault.Schema, Err: errors.New("the answer is neither yes nor no")}
		}
		return err == nil && *allowed, err
	})
}

// A right is an operation on a model: read, create, write or unlink.
type right struct{ model, operation string }

func all(model string) []right {
	return []right{{model, "create"}, {model, "write"}, {model, "unlink"}}
}
