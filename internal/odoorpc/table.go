package odoorpc

import (
	"net/http"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// A row of the table says which failure a refusal is. The first row that
// matches decides; an empty field matches everything.
type row struct {
	class   string // data.name, or its beginning when it ends in "."
	message string // part of data.message; calls ask for en_US, so it is English
	status  int
	kind    fault.Kind
	hint    string
}

// What to do next, where several rows say the same.
const (
	lockDates    = "lift or wait for the lock date; a lock date on the synthetic company stops its flows"
	hashed       = "use a journal without restrict_mode_hash_table: entries of a hashed journal are permanent"
	noDatabase   = "check that the database is up and that database: names it exactly"
	databaseDown = "check PostgreSQL as Odoo reaches it: Odoo answers so when it cannot connect"
	credentials  = "check login and password; an API key belongs under apiKey"
	rights       = "grant the monitoring user the group that Odoo names, on its company only"
	version      = "check the Odoo version and installed modules: a model, method or field that was expected is not there"
	wrongPlace   = "check that url leads to Odoo and not to a page before it"
	retryLater   = "nothing to do once: concurrent updates; if it lasts, look for long transactions"
)

// table maps Odoo's error classes, with the messages that tell them apart.
var table = []row{
	{class: "odoo.exceptions.AccessDenied", kind: fault.Auth, hint: credentials},
	{class: "odoo.http.SessionExpiredException", kind: fault.Auth, hint: credentials},
	{class: "odoo.http.SessionExpired", kind: fault.Auth, hint: credentials},
	{class: "werkzeug.exceptions.Unauthorized", kind: fault.Auth, hint: credentials},
	{class: "odoo.exceptions.AccessError", message: "Database not found", kind: fault.Unavailable, hint: noDatabase},
	{class: "odoo.exceptions.AccessError", message: "unauthorized or invalid companies", kind: fault.Denied, hint: "allow the monitoring user the synthetic company, or correct synthetic.company"},
	{class: "odoo.exceptions.AccessError", message: "Private methods", kind: fault.Schema, hint: version},
	{class: "odoo.exceptions.AccessError", kind: fault.Denied, hint: rights},
	{class: "werkzeug.exceptions.Forbidden", kind: fault.Denied, hint: rights},

	{class: "odoo.exceptions.", message: "prior to and inclusive of", kind: fault.Locked, hint: lockDates},
	{class: "odoo.exceptions.", message: "Hard Lock Date", kind: fault.Locked, hint: lockDates},
	{class: "odoo.exceptions.", message: "in the period you want to lock", kind: fault.Locked, hint: lockDates},
	{class: "odoo.exceptions.", message: "strict mode", kind: fault.Locked, hint: hashed},
	{class: "odoo.exceptions.", message: "locked journal entry", kind: fault.Locked, hint: hashed},
	{class: "odoo.exceptions.", message: "could not be locked", kind: fault.Locked, hint: hashed},
	{class: "odoo.exceptions.", message: "Posted Entries with Hash", kind: fault.Locked, hint: hashed},
	{class: "odoo.exceptions.UserError", message: "Object ", kind: fault.Schema, hint: version},
	{class: "odoo.exceptions.ConcurrencyError", kind: fault.Conflict, hint: retryLater},
	{class: "odoo.exceptions.LockError", kind: fault.Locked, hint: retryLater},
	{class: "odoo.exceptions.UserError", kind: fault.Rejected},
	{class: "odoo.exceptions.ValidationError", kind: fault.Rejected},
	{class: "odoo.exceptions.RedirectWarning", kind: fault.Rejected},
	{class: "odoo.exceptions.MissingError", kind: fault.Rejected, hint: "check the ids in the configuration: the record does not exist"},
	{class: "odoo.exceptions.", kind: fault.Rejected},

	{class: "psycopg2.errors.SerializationFailure", kind: fault.Conflict, hint: retryLater},
	{class: "psycopg2.errors.DeadlockDetected", kind: fault.Conflict, hint: retryLater},
	{class: "psycopg2.extensions.TransactionRollbackError", kind: fault.Conflict, hint: retryLater},
	{class: "psycopg2.", message: "could not serialize access", kind: fault.Conflict, hint: retryLater},
	{class: "psycopg2.errors.LockNotAvailable", kind: fault.Locked, hint: retryLater},
	{class: "psycopg2.errors.QueryCanceled", kind: fault.Timeout, hint: "look for slow statements: PostgreSQL cancelled one of Odoo's"},
	{class: "psycopg2.extensions.QueryCanceledError", kind: fault.Timeout, hint: "look for slow statements: PostgreSQL cancelled one of Odoo's"},
	{class: "psycopg2.errors.TooManyConnections", kind: fault.Limit, hint: "compare db_maxconn and workers with max_connections"},
	{class: "psycopg2.", message: "too many clients", kind: fault.Limit, hint: "compare db_maxconn and workers with max_connections"},
	{class: "psycopg2.", message: "remaining connection slots", kind: fault.Limit, hint: "compare db_maxconn and workers with max_connections"},
	{class: "psycopg2.pool.PoolError", kind: fault.Limit, hint: "raise db_maxconn or lower the load: Odoo's connection pool is full"},
	{class: "psycopg2.", message: "does not exist", kind: fault.Unavailable, hint: noDatabase},
	{class: "psycopg2.errors.UndefinedTable", kind: fault.Schema, hint: version},
	{class: "psycopg2.errors.UndefinedColumn", kind: fault.Schema, hint: version},
	{class: "psycopg2.errors.ReadOnlySqlTransaction", kind: fault.Unavailable, hint: "Odoo is connected to a standby: point it to the primary"},
	{class: "psycopg2.errors.DiskFull", kind: fault.Limit, hint: "free space for PostgreSQL"},
	{class: "psycopg2.errors.UniqueViolation", kind: fault.Rejected},
	{class: "psycopg2.errors.ForeignKeyViolation", kind: fault.Rejected},
	{class: "psycopg2.", kind: fault.Unavailable, hint: databaseDown},
	{class: "redis.exceptions.", kind: fault.Unavailable, hint: "check the Redis that holds Odoo's sessions"},

	{class: "builtins.MemoryError", kind: fault.Limit, hint: "raise limit_memory_hard or look for what filled the worker"},
	{class: "builtins.AttributeError", kind: fault.Schema, hint: version},
	{class: "builtins.ValueError", kind: fault.Schema, hint: version},
	{class: "builtins.TypeError", kind: fault.Schema, hint: version},
	{class: "builtins.IndexError", kind: fault.Schema, hint: version},
	{class: "builtins.KeyError", kind: fault.Schema, hint: version},
	{class: "werkzeug.exceptions.NotFound", kind: fault.Schema, hint: version},
	{class: "werkzeug.exceptions.BadRequest", kind: fault.Schema, hint: version},
	{class: "werkzeug.exceptions.UnprocessableEntity", kind: fault.Schema, hint: version},
	{class: "werkzeug.exceptions.UnsupportedMediaType", kind: fault.Schema, hint: version},

	// Answers that are not Odoo's own words: class is empty.
	{status: http.StatusSeeOther, kind: fault.Unavailable, hint: databaseDown},
	{status: http.StatusNotFound, kind: fault.Unavailable, hint: noDatabase},
	{status: http.StatusUnauthorized, kind: fault.Auth, hint: "a proxy before Odoo asks for credentials of its own"},
	{status: http.StatusForbidden, kind: fault.Denied, hint: "a proxy before Odoo refuses this client or path"},
	{status: http.StatusProxyAuthRequired, kind: fault.Auth, hint: "a proxy before Odoo asks for credentials of its own"},
	{status: http.StatusRequestTimeout, kind: fault.Timeout},
	{status: http.StatusRequestEntityTooLarge, kind: fault.Limit},
	{status: http.StatusTooManyRequests, kind: fault.Limit, hint: "exempt the monitoring user from the rate limit of the ingress"},
	{status: 499, kind: fault.Timeout},
}

// kindOf finds what a refusal is and what to do about it.
func kindOf(class, message string, status int) (fault.Kind, string) {
	for _, r := range table {
		if r.matches(class, message, status) {
			return r.kind, r.hint
		}
	}
	switch {
	case class != "":
		return fault.Internal, "look in Odoo's log for the traceback"
	case status >= 500:
		return fault.Unavailable, "look at Odoo's workers and at the ingress: no worker answered properly"
	}
	return fault.Schema, wrongPlace
}

func (r row) matches(class, message string, status int) bool {
	if r.status != 0 {
		return class == "" && r.status == status
	}
	if strings.HasSuffix(r.class, ".") {
		return strings.HasPrefix(class, r.class) && strings.Contains(message, r.message)
	}
	return class == r.class && strings.Contains(message, r.message)
}
