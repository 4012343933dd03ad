package odoosim

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// An odooError is an exception of the server as its clients see it: the "data"
// of an error object in a response whose HTTP status is 200.
type odooError struct {
	name      string // "odoo.exceptions.UserError"
	message   string
	arguments []any // exception.args; nil means the message alone
	expired   bool  // the session is gone: error.code 100
}

// Error implements error.
func (e *odooError) Error() string { return e.name + ": " + e.message }

func raise(name, format string, args ...any) error {
	return &odooError{name: name, message: fmt.Sprintf(format, args...)}
}

func userError(format string, args ...any) error {
	return raise("odoo.exceptions.UserError", format, args...)
}

func validationError(format string, args ...any) error {
	return raise("odoo.exceptions.ValidationError", format, args...)
}

func accessError(format string, args ...any) error {
	return raise("odoo.exceptions.AccessError", format, args...)
}

func valueError(format string, args ...any) error {
	return raise("builtins.ValueError", format, args...)
}

func missingError(model string, id, uid int64) error {
	return raise("odoo.exceptions.MissingError", "Record does not exist or has been deleted.\n(Record: %s(%d,), User: %d)", model, id, uid)
}

func accessDenied() error { return raise("odoo.exceptions.AccessDenied", "Access Denied") }

func indexError() error { return raise("builtins.IndexError", "tuple index out of range") }

func sessionExpired() error {
	return &odooError{name: "odoo.http.SessionExpiredException", message: "Session expired", expired: true}
}

// asOdooError turns whatever an RPC failed with into what the client is told.
func asOdooError(err error) *odooError {
	if e, ok := errors.AsType[*odooError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return &odooError{name: psycopgName(e.Code), message: e.Message + "\n"}
	}
	if e, ok := errors.AsType[*unavailable](err); ok {
		return &odooError{name: "psycopg2.OperationalError", message: e.message}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &odooError{name: "psycopg2.OperationalError", message: "canceling statement due to user request\n"}
	}
	return &odooError{name: "psycopg2.OperationalError", message: "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n"}
}

// psycopgName maps an SQLSTATE to the exception psycopg2 raises.
func psycopgName(code string) string {
	switch code {
	case "40001":
		return "psycopg2.errors.SerializationFailure"
	case "40P01":
		return "psycopg2.errors.DeadlockDetected"
	case "55P03":
		return "psycopg2.errors.LockNotAvailable"
	case "57014":
		return "psycopg2.errors.QueryCanceled"
	case "57P01":
		return "psycopg2.errors.AdminShutdown"
	case "25006":
		return "psycopg2.errors.ReadOnlySqlTransaction"
	case "53100":
		return "psycopg2.errors.DiskFull"
	case "23505":
		return "psycopg2.errors.UniqueViolation"
	case "23503":
		return "psycopg2.errors.ForeignKeyViolation"
	case "23502":
		return "psycopg2.errors.NotNullViolation"
	case "23514":
		return "psycopg2.errors.CheckViolation"
	case "22P02":
		return "psycopg2.errors.InvalidTextRepresentation"
	}
	if strings.HasPrefix(code, "08") || strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "53") {
		return "psycopg2.OperationalError"
	}
	return "psycopg2.errors.InternalError_"
}

// isConcurrency reports whether Odoo retries the transaction: serialization
// failure, deadlock, lock not available.
func isConcurrency(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01" || e.Code == "55P03")
}

// errorObject renders the JSON-RPC error of e. Branch on data.name: the code
// says only "session expired" (100) or not, and rebranded servers change the message.
func (s *Server) errorObject(e *odooError) object {
	code, message := 200, "Odoo Server Error"
	if s.opts.Version >= 19 {
		code = 0
	}
	if e.expired {
		code, message = 100, "Odoo Session Expired"
	}
	arguments := e.arguments
	if arguments == nil {
		arguments = []any{e.message}
	}
	return object{
		{"code", code},
		{"message", message},
		{"data", object{
			{"name", e.name},
			{"debug", traceback(e)},
			{"message", e.message},
			{"arguments", arguments},
			{"context", object{}},
		}},
	}
}

func traceback(e *odooError) string {
	return "Traceback (most recent call last):\n" +
		"  File \"/opt/odoo/odoo/http.py\", line 1963, in _transactioning\n" +
		"    return service_model.retrying(func, env=self.env)\n" +
		strings.TrimPrefix(e.name, "builtins.") + ": " + e.message + "\n"
}

// An unavailable says that PostgreSQL cannot be reached, in libpq's words.
type unavailable struct{ message string }

// Error implements error.
func (e *unavailable) Error() string { return strings.TrimSpace(e.message) }

func typeName(v any) string { return fmt.Sprintf("%T", v) }
