package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// identify tells which database a component has, as the database itself says
// it: an Odoo that is called with an API key does not tell. nil when the estate
// has no SQL access to it.
func (p *Plan) identify(c plannedComponent, log *slog.Logger) func(context.Context) (odoorpc.Identity, error) {
	dsn, allowed := c.odoo.SQL.DSN, c.odoo.SQL.AllowSuperuser
	if server := p.postgres[c.Environment]; dsn.IsZero() {
		dsn, allowed = server.DSN, allowed || server.AllowSuperuser
	}
	if dsn.IsZero() {
		return nil
	}
	settings := pgsession.Settings{DSN: dsn, Database: c.odoo.RPC.Database, Superuser: pgsession.NoSuperuser(c.Environment, allowed, log)}
	return func(ctx context.Context) (odoorpc.Identity, error) {
		session := pgsession.Open(settings) // seldom: once a minute at most
		defer session.Close()               //nolint:contextcheck // it says good-bye in a time of its own
		rs := session.Batch(ctx, pgsession.Query{Name: "marks", SQL: `select identity, neutralized from closewatch_copy_marks()`})
		const op, hint = "read the database's identity by SQL", "run deploy/sql/closewatch-role.sql on the tenant's database"
		if err := rs[0].Err; err != nil {
			return odoorpc.Identity{}, fault.Wrap(op, err, hint)
		}
		row := rs[0].First()
		neutralized, told := row.Bool("neutralized")
		if !told || row.String("identity") == "" {
			return odoorpc.Identity{}, &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("the database does not say"), Hint: hint}
		}
		return odoorpc.Identity{Database: row.String("identity"), Neutralized: neutralized}, nil
	}
}
