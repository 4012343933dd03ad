package pgsession

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/fault"
)

// explain makes a fault of what the driver or the server said. Of a server's
// message only the primary line is kept, and that only where it cannot quote a
// row.
func explain(op string, err error, config *pgconn.Config) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return &fault.Error{
			Op:   op,
			Kind: KindOfState(refused.Code),
			Err:  fmt.Errorf("%s (SQLSTATE %s)", said(refused), refused.Code),
			Hint: hintOfState(refused, config),
		}
	}
	switch kind := fault.Classify(err); {
	case errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err):
		return &fault.Error{Op: op, Kind: fault.Timeout, Err: errors.New("no answer within the deadline")}
	case errors.Is(err, context.Canceled):
		return &fault.Error{Op: op, Kind: fault.Internal, Err: context.Canceled}
	case errors.Is(err, pgconn.ErrConnClosed), errors.Is(err, errEnded):
		return &fault.Error{Op: op, Kind: fault.Unreachable, Err: errors.New("the connection was closed")}
	case strings.Contains(err.Error(), "server refused TLS"):
		return &fault.Error{Op: op, Kind: fault.TLS, Err: errors.New("the server does not offer TLS"), Hint: "turn ssl on at the server, or write sslmode=prefer for a loopback connection"}
	case kind == fault.Unreachable:
		return &fault.Error{Op: op, Kind: kind, Err: innermost(err), Hint: "check that the server runs, its listen_addresses and any firewall between"}
	case kind == fault.DNS:
		return &fault.Error{Op: op, Kind: kind, Err: innermost(err), Hint: "check the host name"}
	case kind != fault.Internal:
		return &fault.Error{Op: op, Kind: kind, Err: innermost(err)}
	default: // the driver met what it does not understand
		return &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New(bounded(innermost(err).Error())), Hint: "check that a PostgreSQL server listens at this address"}
	}
}

// repeating are the classes of SQLSTATE whose messages repeat values: what could
// not be read or computed, what broke a constraint, what somebody's function
// raised, what came from another server, and what nobody expected.
var repeating = map[string]string{
	"22": "a value of a row cannot be read or computed",
	"23": "a row breaks a constraint",
	"44": "a row is not what the view allows",
	"HV": "a foreign table cannot be read",
	"P0": "a function of the database raised an error",
	"XX": "the server met an internal error",
}

// said is what may be repeated of a server's message.
func said(e *pgconn.PgError) string {
	if text, repeats := repeating[e.Code[:min(len(e.Code), 2)]]; repeats {
		return text + "; the message is in the server's log"
	}
	return bounded(e.Message)
}

// KindOfState classifies a SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html
func KindOfState(code string) fault.Kind {
	switch code {
	case "42501":
		return fault.Denied
	case "57014", "25P03", "25P04", "57P05":
		return fault.Timeout
	case "55P03", "55006":
		return fault.Locked
	case "40001", "40P01":
		return fault.Conflict
	case "25006":
		return fault.Blocked // our own read-only default
	case "08P01", "3D000", "3F000":
		return fault.Schema
	}
	if len(code) < 2 {
		return fault.Internal
	}
	switch code[:2] {
	case "28":
		return fault.Auth
	case "53":
		return fault.Limit
	case "57", "58":
		return fault.Unavailable
	case "08":
		return fault.Unreachable
	case "42", "0A":
		return fault.Schema
	case "22", "23", "55":
		return fault.Rejected
	default:
		return fault.Internal
	}
}

func hintOfState(e *pgconn.PgError, config *pgconn.Config) string {
	user, database := "closewatch", ""
	if config != nil {
		user, database = config.User, config.Database
	}
	switch e.Code {
	case "28P01":
		return fmt.Sprintf("check the password of role %s", user)
	case "28000":
		return fmt.Sprintf("allow role %s to log in from here: create it, and a line for it in pg_hba.conf", user)
	case "42501":
		return fmt.Sprintf("GRANT pg_monitor TO %s, or the right named above", user)
	case "53300":
		return "raise max_connections or the role's connection limit, or find who holds the connections"
	case "3D000":
		return fmt.Sprintf("database %s does not exist; name one that does in the connection string", database)
	case "55P03":
		return "something holds a lock on what this reads, such as a module upgrade"
	case "57014":
		return "the server stopped the statement at our statement_timeout"
	case "57P03":
		return "the server is starting up, shutting down or recovering"
	case "08P01":
		if strings.Contains(e.Message, "startup parameter") {
			return "connect to PostgreSQL itself: PgBouncer would drop the timeouts that bound our statements"
		}
	}
	return ""
}

// innermost strips the driver's wrapping, which repeats address and user.
func innermost(err error) error {
	for {
		switch wrapped := err.(type) { //nolint:errorlint // walking the chain by hand
		case interface{ Unwrap() error }:
			if wrapped.Unwrap() == nil {
				return err
			}
			err = wrapped.Unwrap()
		case interface{ Unwrap() []error }:
			list := wrapped.Unwrap()
			if len(list) == 0 {
				return err
			}
			err = list[len(list)-1]
		default:
			return err
		}
	}
}

// bounded cuts foreign text to a length fit for a log line and a page.
func bounded(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
