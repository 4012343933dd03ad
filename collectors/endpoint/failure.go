package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxText bounds what is repeated of a library's error.
const maxText = 200

// explain makes a fault of what went wrong while op was attempted. Errors that
// may quote what the service sent, or the URL, are put in words of ours. A name
// that did not resolve in time is a failure of the name service.
func explain(op string, err error, watch *stopwatch) error {
	if ours, ok := errors.AsType[*fault.Error](err); ok { // a judgement made on the way
		return &fault.Error{Op: op, Kind: ours.Kind, Err: bounded(unhinted(ours)), Hint: ours.Hint}
	}
	if u, ok := errors.AsType[*url.Error](err); ok { // repeats the URL
		err = u.Err
	}
	f := &fault.Error{Op: op, Kind: fault.Classify(err), Err: err}
	switch {
	case f.Kind == fault.DNS:
		f.Hint = "check the host name, and the name server of this machine"
	case f.Kind == fault.Timeout:
		part, words := watch.unfinished()
		f.Err = errors.New(strings.TrimSpace("the deadline passed " + words))
		if part == resolving {
			f.Kind, f.Hint = fault.DNS, "check the name server of this machine"
		}
	case errors.Is(err, http.ErrSchemeMismatch):
		f.Kind, f.Err, f.Hint = fault.TLS, errors.New("the server does not speak TLS"), "write http:// or the port that does"
	case f.Kind == fault.TLS:
		f.Hint = "check the server's certificate, and tls.ca if its authority is not a public one"
	case ofHandshake(err):
		f.Kind, f.Hint = fault.TLS, "check which versions the server speaks, and tls.certificate if it wants one of ours"
	case f.Kind == fault.Unreachable:
		f.Hint = "check that the service runs, the address, and any firewall between"
	default:
		f.Kind, f.Err, f.Hint = fault.Schema, errors.New("the answer cannot be read as what was asked for"), "check that the address is that of the service"
	}
	f.Err = bounded(f.Err)
	return f
}

// ofHandshake recognises the errors of crypto/tls that have no type: alerts of
// either side and refusals of its own.
func ofHandshake(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return strings.HasPrefix(err.Error(), "tls: ")
}

// unhinted is f without its hint, which is moved outward.
func unhinted(f *fault.Error) error {
	if f.Err == nil {
		return errors.New(f.Op)
	}
	return fmt.Errorf("%s: %w", f.Op, f.Err)
}

// bounded returns err with a text of one line that fits.
func bounded(err error) error {
	text := err.Error()
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(clean) > maxText {
		clean = strings.ToValidUTF8(clean[:maxText], "") + "…"
	}
	if clean == text {
		return err
	}
	return errors.New(clean)
}
