package pgsession

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// A Console asks the admin console of a PgBouncer. The console speaks the simple
// protocol only and takes no timeouts for itself, so that those of the context
// and the settings are kept on our side. It keeps one connection, which it opens
// on first use and again, with growing pauses, after a failure. It is safe for
// concurrent use: callers wait for their turn.
type Console struct{ session *Session }

// consoleDatabase is the pseudo database that is the console.
const consoleDatabase = "pgbouncer"

// OpenConsole prepares a console. It neither connects nor fails: settings that
// cannot be used are the error of every answer.
func OpenConsole(settings Settings) *Console {
	settings.Connections = 1
	if settings.Database == "" && !namesDatabase(settings) {
		settings.Database = consoleDatabase
	}
	s := Open(settings)
	if s.config != nil {
		// PgBouncer refuses parameters that it does not track.
		s.config.RuntimeParams = map[string]string{"application_name": ApplicationName}
	}
	return &Console{s}
}

func namesDatabase(settings Settings) bool {
	cfg, err := parseDSN(settings.DSN)
	return err == nil && cfg.Database != "" && cfg.Database != cfg.User
}

// Address is the PgBouncer's host:port or socket path.
func (c *Console) Address() string { return c.session.address }

// Close ends the connection and what is under way. It may be called twice.
func (c *Console) Close() { c.session.Close() }

// Show gives commands such as "SHOW POOLS" one after the other and returns one
// answer each, named like its command. A command that is refused costs its own
// answer; when the console cannot be asked, those left unanswered carry the same
// error.
func (c *Console) Show(ctx context.Context, commands ...string) Results {
	results := make(Results, len(commands))
	for i, command := range commands {
		results[i].Name = command
	}
	if err := c.ask(ctx, results); err != nil {
		for i := range results {
			if !results[i].answered {
				results[i].Err = err
			}
		}
	}
	return results
}

func (c *Console) ask(ctx context.Context, results Results) error {
	s := c.session
	if s.invalid != nil || len(results) == 0 {
		return s.invalid
	}
	ctx, cancel := context.WithTimeout(ctx, s.settings.BatchTimeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)() //nolint:contextcheck // ends with the session as well

	slot, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { s.slots <- slot }()
	reused := slot.usable()
	err = c.converse(ctx, slot, results)
	if err != nil && reused && ctx.Err() == nil && !results.answered() {
		err = c.converse(ctx, slot, results) // the old connection was dead
	}
	return err
}

// converse connects if need be and gives each command. A connection that fails
// is dropped.
func (c *Console) converse(ctx context.Context, slot *slot, results Results) error {
	if err := c.session.connect(ctx, slot); err != nil {
		return c.explain(err)
	}
	for i := range results {
		begun := time.Now()
		err := c.show(ctx, slot.conn, &results[i])
		c.session.count(ctx, collector.Spent{Requests: 1, Waiting: time.Since(begun)})
		if err != nil {
			slot.drop() //nolint:contextcheck // closes within a time of its own
			return c.explain(explain("ask PgBouncer "+c.session.address, err, c.session.config))
		}
	}
	return nil
}

// show gives one command. It returns an error when the connection is no longer
// of use.
func (c *Console) show(ctx context.Context, conn *pgconn.PgConn, r *Result) error {
	*r = Result{Name: r.Name}
	reader := conn.Exec(ctx, r.Name)
	var err error
	for reader.NextResult() {
		if readErr := r.read(reader.ResultReader(), c.session.settings.MaxRows, c.session.settings.MaxBytes); err == nil {
			err = readErr
		}
	}
	if closeErr := reader.Close(); err == nil {
		err = closeErr
	}
	refused, isRefused := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
		r.answered = true
		return nil
	case isRefused && !conn.IsClosed() && refused.Severity != "FATAL":
		r.fail(c.explain(explain("ask PgBouncer for "+r.Name, err, c.session.config)))
		return nil
	case ctx.Err() != nil: // what the network says then is only the consequence
		return ctx.Err()
	default:
		return err
	}
}

// Has reports whether the answer has a column, for tables whose columns differ
// between versions.
func (r Row) Has(column string) bool {
	if r.shape == nil {
		return false
	}
	_, ok := r.shape.index[column]
	return ok
}

// explain makes of a session's fault one of a console, which gives nearly all
// that it refuses the same SQLSTATE: its words have to be read.
func (c *Console) explain(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Err == nil {
		return err
	}
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(f.Err.Error(), w) })
	}
	kind, hint := f.Kind, f.Hint
	switch user := c.session.config.User; {
	case says("not allowed", "admin access needed"):
		kind, hint = fault.Denied, "add "+user+" to stats_users in pgbouncer.ini and reload it"
	case says("no such user", "authentication failed", "auth failed", "login failed"):
		kind, hint = fault.Auth, "check the password of "+user+" in PgBouncer's auth_file"
	case says("no such database"):
		kind, hint = fault.Schema, "name the database pgbouncer in the connection string"
	case says("no more connections allowed"):
		kind, hint = fault.Limit, "raise max_client_conn, or find who holds the connections"
	}
	return &fault.Error{Op: strings.Replace(f.Op, "PostgreSQL", "PgBouncer", 1), Kind: kind, Err: f.Err, Hint: hint}
}
