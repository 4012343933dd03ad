package prometheus

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// maxText bounds what is repeated of a server's or a library's text.
const maxText = 200

// refusals maps the errorType of the API to the kind of failure it is. Servers
// know more of them, and VictoriaMetrics writes the status there: for those the
// status counts.
var refusals = map[string]fault.Kind{
	"bad_data":          fault.Rejected,
	"execution":         fault.Rejected,
	"timeout":           fault.Timeout,
	"canceled":          fault.Unavailable,
	"internal":          fault.Unavailable,
	"unavailable":       fault.Unavailable,
	"too_many_requests": fault.Limit,
}

// statuses maps the status of an answer that is none; the first range that
// holds it counts. 422 and 503 are those of the API for an expression that
// cannot be executed and for a server that gave up.
var statuses = []struct {
	from, to int
	kind     fault.Kind
	hint     string
}{
	{401, 401, fault.Auth, "check basic, bearer or headers: credentials may have expired or been revoked"},
	{403, 403, fault.Denied, "check what these credentials may read, and tenant"},
	{404, 405, fault.Schema, "check the path of url: it is what comes before /api/v1/query"},
	{408, 408, fault.Timeout, "narrow the query, or make it a recording rule of the server"},
	{413, 413, fault.Limit, "narrow the query"},
	{429, 429, fault.Limit, "ask less often or for less, or have the quota raised"},
	{400, 499, fault.Rejected, "try the query on the server itself"},
	{500, 599, fault.Unavailable, "see the server's own state and log"},
}

// refused is the failure that an answer of another status than 200 is.
func refused(status int, body []byte) error {
	f := &fault.Error{Op: statusText(status), Kind: fault.Schema, Hint: "check that url is that of a Prometheus API"}
	for _, s := range statuses {
		if s.from <= status && status <= s.to {
			f.Kind, f.Hint = s.kind, s.hint
			break
		}
	}
	var e envelope
	if json.Unmarshal(body, &e) != nil || e.Status != "error" {
		return f // an intermediary's: what it says may be anything
	}
	return e.refusal(f)
}

// refusal adds to f what the server says.
func (e envelope) refusal(f *fault.Error) error {
	if kind, known := refusals[e.ErrorType]; known {
		f.Kind = kind
	}
	if f.Kind == fault.Rejected {
		f.Hint = "try the query on the server itself"
	}
	if e.Error != "" {
		f.Err = errors.New(e.Error)
	}
	return f
}

func statusText(status int) string {
	text := "HTTP " + strconv.Itoa(status)
	if known := http.StatusText(status); known != "" {
		text += " " + known
	}
	return text
}

// explain makes a fault of what went wrong while the server was asked, and
// scrubs its text. Errors that may quote what the server sent, or the URL, are
// put in words of ours.
func (c *client) explain(err error) error {
	f := &fault.Error{Op: "ask " + c.host()}
	if ours, ok := errors.AsType[*fault.Error](err); ok { // a judgement made on the way
		f.Kind, f.Err, f.Hint = ours.Kind, errors.New(c.scrub(fault.TextOf(ours))), ours.Hint
		return f
	}
	if u, ok := errors.AsType[*url.Error](err); ok { // repeats the URL
		err = u.Err
	}
	f.Kind, f.Err = fault.Classify(err), err
	switch {
	case f.Kind == fault.DNS:
		f.Hint = "check the host name, and the name server of this machine"
	case f.Kind == fault.Timeout:
		f.Err, f.Hint = errors.New("the deadline passed"), "narrow the query, or raise timeout"
	case errors.Is(err, http.ErrSchemeMismatch):
		f.Kind, f.Err, f.Hint = fault.TLS, errors.New("the server does not speak TLS"), "write http:// or the port that does"
	case f.Kind == fault.TLS || ofHandshake(err):
		f.Kind, f.Hint = fault.TLS, "check the server's certificate, and ca if its authority is not a public one"
	case f.Kind == fault.Unreachable:
		f.Hint = "check that the server runs, the address, and any firewall between"
	default:
		f.Kind, f.Err, f.Hint = fault.Schema, errors.New("the answer cannot be read as HTTP"), "check that url is that of a Prometheus API"
	}
	f.Err = errors.New(c.scrub(f.Err.Error()))
	return f
}

// ofHandshake recognises the errors of crypto/tls that have no type: alerts of
// either side and refusals of its own.
func ofHandshake(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	return strings.HasPrefix(err.Error(), "tls: ")
}

// host is all of the URL that is shown.
func (c *client) host() string {
	u, err := url.Parse(c.config.URL.Reveal())
	if err != nil {
		return "the server"
	}
	return u.Host
}

// labelSet is a set of labels or matchers, closed or cut off. Values are in
// quotes, may hold braces, and may name what nobody is to read in a log.
var labelSet = regexp.MustCompile(`\{(?:[^{}"']|"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$))*(?:\}|$)`)

// scrub makes one short line of a text, without secrets and label sets.
func (c *client) scrub(text string) string {
	for _, s := range c.secrets() {
		text = strings.ReplaceAll(text, s, secret.Redacted)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = labelSet.ReplaceAllString(text, "{…}")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
