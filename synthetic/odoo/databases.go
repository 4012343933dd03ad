package odoo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// Databases remembers which database stood behind each component when it was
// first to be written to. A database that was replaced, or a copy of production
// elsewhere, is told by it. Identities are hashes. It is safe for concurrent
// use, also by several processes that share the file.
type Databases struct {
	path string

	mu     sync.Mutex
	memory map[string]pin // when there is no file
}

// A pin is what is remembered of one component.
type pin struct {
	Identity    string    `json:"identity"`
	Environment string    `json:"environment"`
	Since       time.Time `json:"since"`
}

// NewDatabases returns the memory in the file at path; an empty path means that
// it lasts as long as the process.
func NewDatabases(path string) *Databases { return &Databases{path: path} }

func (d *Databases) read() (map[string]pin, error) {
	if d.path == "" {
		return d.memory, nil
	}
	content, found, err := durable.ReadChecked(d.path)
	if err != nil || !found {
		return nil, err
	}
	pins := map[string]pin{}
	return pins, json.Unmarshal(content, &pins)
}

// copied objects to a database that carries the identity of one in production
// and could act in its place.
func copied(pins map[string]pin, component, environment string, is odoorpc.Identity) error {
	if environment == Production || is.Neutralized {
		return nil
	}
	for name, p := range pins {
		if name != component && p.Environment == Production && p.Identity == is.Database {
			return flow.Objection("the database is a copy of production and was not neutralised: it may send mail and reach banks beside production", "stop its Odoo and run odoo-bin neutralize")
		}
	}
	return nil
}

// settle compares a component's database with the one that is meant: that
// which the estate names, or else the first that was met, which it remembers.
func (d *Databases) settle(component, environment, named string, is odoorpc.Identity, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	pins, err := d.read()
	if err != nil {
		return fault.Wrap("read which databases are known", err, "restore the file, or remove it to have every database taken as it is now")
	}
	if err := copied(pins, component, environment, is); err != nil {
		return err
	}
	had, known := pins[component]
	remedy := "if that was meant, write synthetic.database: " + short(is.Database) + " in the estate"
	switch {
	case named != "" && !strings.HasPrefix(is.Database, named):
		return flow.Objection("the database is not the one under synthetic.database", remedy)
	case known && had.Identity == is.Database:
		return nil
	case known && named == "":
		return flow.Objection("the database is another one than on "+had.Since.Format(time.DateOnly)+": it was replaced or restored", remedy)
	}
	pins = maps.Clone(pins)
	if pins == nil {
		pins = map[string]pin{}
	}
	pins[component] = pin{is.Database, environment, now.UTC().Truncate(time.Second)}
	if d.path == "" {
		d.memory = pins
		return nil
	}
	content, err := json.Marshal(pins)
	if err == nil {
		err = durable.WriteChecked(d.path, content)
	}
	return fault.Wrap("remember the database", err, "check the disk of --data")
}

// shortIdentity is how much of an identity people write and compare, in
// characters of its hash.
const shortIdentity = 16

func short(identity string) string { return identity[:min(len(identity), shortIdentity)] }

// databaseGuard makes sure that what is written to is what was meant. Where
// the estate names the database, that decides; elsewhere the first one does.
func (p *Prober) databaseGuard(ctx context.Context) error {
	is, err := p.readIdentity(ctx)
	if err != nil {
		return err
	}
	if p.environment == Production && is.Neutralized {
		return flow.Objection("the database is a neutralised copy, and the estate calls it "+Production, "name the right address or environment in the estate")
	}
	return p.databases.settle(p.place(), p.environment, p.config.Synthetic.Database, is, p.now())
}

// place names the component, where it has a name.
func (p *Prober) place() string { return cmp.Or(p.component, p.tenant) }

// readIdentity asks Odoo which database it is, and where Odoo does not tell
// whoever asked next to it: an API key is told nothing.
func (p *Prober) readIdentity(ctx context.Context) (odoorpc.Identity, error) {
	return ask(p, "identity", func() (odoorpc.Identity, error) {
		is, err := p.client.Identity(ctx)
		if err != nil && p.identify != nil {
			var second error
			if is, second = p.identify(ctx); second != nil {
				return is, errors.Join(err, second)
			}
			err = nil
		}
		if err == nil && is.Database == "" {
			err = &fault.Error{Op: "read the database's identity", Kind: fault.Schema, Err: errors.New("it has none")}
		}
		return is, err
	})
}
