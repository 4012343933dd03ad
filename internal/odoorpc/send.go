package odoorpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// errExpired marks an answer that the session is no longer valid.
var errExpired = errors.New("session expired")

// A message is one request to Odoo.
type message struct {
	op     string // what is attempted, for errors
	method string // empty means POST
	path   string
	cookie string       // the session; empty for none
	key    secret.Value // the bearer of JSON-2; zero for none
	body   any          // encoded as JSON; nil for none
	limit  int          // of the answer's body in bytes; 0 means maxBody
	slow   bool         // takes as long as the context allows, not the timeout of a call
	call   call         // what it carries, for the names in its shape
	sent   []byte       // the body as it was sent
}

// An answer is a JSON-RPC response without an error.
type answer struct {
	exchange
	result json.RawMessage
}

// into decodes a good answer.
func (a answer) into(out any) error { return a.resultInto(a.result, out) }

// rpc sends one JSON-RPC request and returns its good answer, or a
// *fault.Error that says what went wrong.
func (c *Client) rpc(ctx context.Context, m message) (answer, error) {
	m.body = request{JSONRPC: "2.0", Method: "call", Params: m.body, ID: c.id.Add(1)}
	x, err := c.send(ctx, m)
	if err != nil {
		return answer{}, err
	}
	r, ok := decodeResponse(x.page.body)
	if !ok || x.page.status != http.StatusOK {
		return answer{}, x.failed(notOdoo(m.op, m.path, x.page))
	}
	if r.Error != nil {
		return answer{}, x.failed(refused(m.op, x.page.status, r.Error))
	}
	return answer{exchange: x, result: r.Result}, nil
}

// send sends m and reads what comes back, whatever it is.
func (c *Client) send(ctx context.Context, m message) (exchange, error) {
	if !m.slow {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Timeout.D())
		defer cancel()
	}
	x := exchange{message: m}
	var body io.Reader
	if m.body != nil {
		b, err := json.Marshal(m.body)
		if err != nil {
			return x, &fault.Error{Op: m.op, Kind: fault.Internal, Err: fmt.Errorf("encode the request: %w: %w", shapeOf(err), errUnsent)}
		}
		x.message.sent = b
		body = bytes.NewReader(b)
	}
	method := m.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+m.path, body)
	if err != nil {
		return x, fault.Wrap(m.op, fmt.Errorf("%w: %w", err, errUnsent), "")
	}
	if m.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if m.cookie != "" {
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: m.cookie})
	}
	if !m.key.IsZero() {
		req.Header.Set("Authorization", "Bearer "+m.key.Reveal())
		req.Header.Set("X-Odoo-Database", c.cfg.Database)
	}
	x.page, err = c.do(req, len(x.message.sent), m.limit)
	if err != nil {
		return x, x.failed(notAnswered(m.op, err))
	}
	return x, nil
}

// A page is an HTTP response, read.
type page struct {
	status   int
	header   http.Header
	body     []byte
	cookie   string // the session cookie that it sets, or ""
	location string
}

// do sends req with what every request carries and reads a bounded body. What
// it takes is counted by the meter of the request's context.
func (c *Client) do(req *http.Request, sent, limit int) (page, error) {
	if limit <= 0 {
		limit = maxBody
	}
	req.Header.Set("User-Agent", c.userAgent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if c.cfg.Host != "" {
		req.Host = c.cfg.Host
	}
	propagation.TraceContext{}.Inject(req.Context(), propagation.HeaderCarrier(req.Header))
	start := time.Now()
	got, err := c.read(req, limit)
	count(req.Context(), sent, len(got.body), time.Since(start))
	if err == nil && len(got.body) > limit {
		err = &fault.Error{Op: "read the answer", Kind: fault.Schema, Err: fmt.Errorf("longer than %d bytes", limit), Hint: wrongPlace}
	}
	if err != nil {
		return page{}, err
	}
	return got, nil
}

// read sends req and reads a body that may be one byte longer than limit. What
// it could read is returned with an error as well.
func (c *Client) read(req *http.Request, limit int) (page, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	return page{status: resp.StatusCode, header: resp.Header, body: body, cookie: cookieOf(resp), location: resp.Header.Get("Location")}, err
}

// notAnswered describes a request without an answer. The URL is left out: it
// is the caller's to say which component it asked.
func notAnswered(op string, err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	kind := fault.KindOf(err)
	if inner, ok := errors.AsType[*net.OpError](err); ok {
		err = fmt.Errorf("%s: %w", inner.Op, inner.Err) // without addresses, which change from call to call
	}
	return &fault.Error{Op: op, Kind: kind, Err: err, Hint: hintFor(kind)}
}

func hintFor(kind fault.Kind) string {
	switch kind {
	case fault.Unreachable:
		return "check that Odoo and its ingress run; a closed connection without an answer is a worker killed at its limit"
	case fault.Timeout:
		return "look for busy workers and blocked transactions; what was asked may still be carried out"
	case fault.DNS:
		return "check the host name in url"
	case fault.TLS:
		return "check the certificate, its name and its dates"
	default:
		return ""
	}
}

// notOdoo describes an answer that is not what the dialect answers with: a
// page, a redirect, a gateway's status, or the error object of JSON-2.
func notOdoo(op, path string, got page) error {
	var plain struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	e := &Error{Status: got.status}
	if startsObject(got.body) && json.Unmarshal(got.body, &plain) == nil && isClass(plain.Name) {
		e.Class, e.Text = plain.Name, Scrub(plain.Message)
	} else {
		e.Text = describe(got)
	}
	kind, hint := kindOf(e.Class, plain.Message, got.status)
	switch {
	case got.status != http.StatusNotFound || e.Class != "":
	case ofTenant(path):
		e.Text = "Odoo does not have its database"
	default:
		kind, hint = fault.Schema, wrongPlace
	}
	return &fault.Error{Op: op, Kind: kind, Err: e, Hint: hint}
}

// ofTenant reports whether Odoo has path only while it has the tenant's
// database: what 404 means there is that the database is not to be had.
func ofTenant(path string) bool {
	return strings.HasPrefix(path, "/web/dataset/") || strings.HasPrefix(path, jsonTwoPath)
}

// describe says what came instead of JSON, without its content.
func describe(got page) string {
	if got.status >= 300 && got.status < 400 {
		if to, err := url.Parse(got.location); err == nil {
			return "redirected to " + bound((&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String(), maxText)
		}
		return "redirected"
	}
	if got.status == http.StatusOK {
		return "not a JSON answer"
	}
	return http.StatusText(got.status)
}

// refused describes an error object of Odoo.
func refused(op string, status int, w *wireError) error {
	class := w.Data.Name
	if !isClass(class) {
		class = "unknown"
	}
	kind, hint := kindOf(class, w.Data.Message, status)
	var cause error = &Error{Class: class, Text: Scrub(w.Data.Message), Status: status}
	if w.Code == sessionExpired {
		kind, cause = fault.Auth, fmt.Errorf("%w: %w", errExpired, cause)
	}
	return &fault.Error{Op: op, Kind: kind, Err: cause, Hint: hint}
}

// isClass reports whether name looks like a Python class with its module. What
// does not is somebody's data and is shown nowhere.
func isClass(name string) bool {
	if len(name) > 100 || !strings.Contains(name, ".") {
		return false
	}
	for _, r := range name {
		if r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}
