// Package fault describes failures a person has to act on.
//
// A fault answers, in order: what was attempted, what went wrong, and what to
// do next. Its Kind is a closed set because it is also a metric label: the
// same kinds classify a collector that cannot read, a flow that cannot post
// and an endpoint that does not answer. Odoo's, PostgreSQL's and the ingress'
// own error classes are mapped to it where they are met.
package fault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Kind classifies a fault. It is a label value: new kinds are added, existing
// ones never renamed.
type Kind string

// The closed set of kinds.
const (
	Auth        Kind = "auth"        // credentials refused: wrong password, expired key or session
	Denied      Kind = "denied"      // authenticated, but lacks the right
	Unreachable Kind = "unreachable" // nothing answers at the address: refused, reset, closed, no route
	DNS         Kind = "dns"         // the name does not resolve
	TLS         Kind = "tls"         // handshake, certificate or protocol version
	Timeout     Kind = "timeout"     // no answer within the deadline
	Limit       Kind = "limit"       // a quota, rate limit or connection limit was hit
	Conflict    Kind = "conflict"    // serialization failure, deadlock, concurrent update
	Locked      Kind = "locked"      // a lock date, a lock wait, a hash-restricted journal
	Rejected    Kind = "rejected"    // the request was understood and refused by a business rule
	Schema      Kind = "schema"      // answered, but not in the expected shape: HTML, missing column, unknown version
	Assertion   Kind = "assertion"   // answered in the right shape with the wrong content
	Unavailable Kind = "unavailable" // an intermediary answered for an upstream that cannot: 502, 503, 504, database down behind Odoo
	Blocked     Kind = "blocked"     // a guard of ours stopped the operation before it started
	Internal    Kind = "internal"    // anything else, including our own mistakes
)

// Kinds lists the closed set in a fixed order, for metrics that publish a zero
// for each and for documentation.
func Kinds() []Kind {
	return []Kind{
		Auth, Denied, Unreachable, DNS, TLS, Timeout, Limit, Conflict, Locked,
		Rejected, Schema, Assertion, Unavailable, Blocked, Internal,
	}
}

// Error is a failure with enough context to be read without the source code.
type Error struct {
	Op   string // what was attempted: "read account_bank_statement_line"
	Kind Kind
	Err  error  // the cause; nil when Op says it all
	Hint string // one imperative sentence; empty when there is nothing useful to say
}

// Error renders "op: cause (hint)".
func (e *Error) Error() string {
	s := e.Op
	if e.Err != nil {
		s = fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Wrap describes err as a failure of op. The kind is the one err already
// carries, or the one Classify finds. It returns nil when err is nil.
func Wrap(op string, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Kind: KindOf(err), Err: err, Hint: hint}
}

// KindOf returns the kind of the outermost Error in err's chain, or what
// Classify makes of a plain error.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != "" {
		return e.Kind
	}
	return Classify(err)
}

// HintOf returns the first hint in err's chain, or "".
func HintOf(err error) string {
	for err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			if e.Hint != "" {
				return e.Hint
			}
			err = e.Err
			continue
		}
		return ""
	}
	return ""
}

// TextOf renders err without the hints in its chain, for whoever shows HintOf
// beside it.
func TextOf(err error) string {
	if err == nil {
		return ""
	}
	switch e := err.(type) { //nolint:errorlint // walks the chain itself
	case *Error:
		if e.Err == nil {
			return e.Op
		}
		return e.Op + ": " + TextOf(e.Err)
	case interface{ Unwrap() []error }: // errors.Join
		var texts []string
		for _, part := range e.Unwrap() {
			texts = append(texts, TextOf(part))
		}
		return strings.Join(texts, "; ")
	default:
		return err.Error()
	}
}

// RootOf returns the innermost Error in err's chain: the operation that failed
// first, whatever was attempted with it. It returns err when there is none.
func RootOf(err error) error {
	root := err
	for {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return root
		}
		root, err = e, e.Err
	}
}

// Classify maps the errors of the standard library (context, net, tls, io) to
// a kind. Protocol packages classify their own errors first and fall back here.
func Classify(err error) Kind {
	var netErr net.Error
	var dnsErr *net.DNSError
	var certErr *tls.CertificateVerificationError
	var unknownCA x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &dnsErr):
		return DNS
	case errors.As(err, &certErr), errors.As(err, &unknownCA), errors.As(err, &hostname), errors.As(err, &record), errors.As(err, &alert):
		return TLS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case errors.As(err, &netErr) && netErr.Timeout():
		return Timeout
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &netErr):
		return Unreachable
	default:
		return Internal
	}
}
