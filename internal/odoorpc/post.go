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
)

// errExpired marks an answer that the session is no longer valid.
var errExpired = errors.New("session expired")

// An answer is a JSON-RPC response without an error.
type answer struct {
	result json.RawMessage
	cookie string // set by this answer, or ""
}

// post sends one JSON-RPC request and returns its good answer, or a
// *fault.Error that says what went wrong.
func (c *Client) post(ctx context.Context, op, path, cookie string, params any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout.D())
	defer cancel()
	body, err := json.Marshal(request{JSONRPC: "2.0", Method: "call", Params: params, ID: c.id.Add(1)})
	if err != nil {
		return answer{}, &fault.Error{Op: op, Kind: fault.Internal, Err: fmt.Errorf("encode the request: %w", shapeOf(err))}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, fault.Wrap(op, err, "")
	}
	req.Header.Set("Content-Type", "application/json")
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	}
	got, err := c.do(req)
	if err != nil {
		return answer{}, notAnswered(op, err)
	}
	r, ok := decodeResponse(got.body)
	if !ok || got.status != http.StatusOK {
		return answer{}, notOdoo(op, path, got)
	}
	if r.Error != nil {
		return answer{}, refused(op, got.status, r.Error)
	}
	return answer{result: r.Result, cookie: got.cookie}, nil
}

// A page is an HTTP response, read.
type page struct {
	status   int
	body     []byte
	cookie   string // the session cookie that it sets, or ""
	location string
}

// do sends req with what every request carries and reads a bounded body.
func (c *Client) do(req *http.Request) (page, error) {
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json")
	if c.cfg.Host != "" {
		req.Host = c.cfg.Host
	}
	propagation.TraceContext{}.Inject(req.Context(), propagation.HeaderCarrier(req.Header))
	start := time.Now()
	var body []byte
	defer func() { count(req.Context(), int(max(req.ContentLength, 0)), len(body), time.Since(start)) }()
	resp, err := c.http.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return page{}, err
	}
	if len(body) > maxBody {
		return page{}, &fault.Error{Op: "read the answer", Kind: fault.Schema, Err: fmt.Errorf("longer than %d bytes", maxBody), Hint: wrongPlace}
	}
	return page{status: resp.StatusCode, body: body, cookie: cookieOf(resp), location: resp.Header.Get("Location")}, nil
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

// notOdoo describes an answer that is not a JSON-RPC response: a page, a
// redirect, a gateway's status, or the error object of Odoo's newer routes.
func notOdoo(op, path string, got page) error {
	var plain struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	e := &Error{Status: got.status}
	if startsObject(got.body) && json.Unmarshal(got.body, &plain) == nil && plain.Name != "" {
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
	return strings.HasPrefix(path, "/web/dataset/") || strings.HasPrefix(path, "/json/2/")
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
		return "not a JSON-RPC answer"
	}
	return http.StatusText(got.status)
}

// refused describes an error object of Odoo.
func refused(op string, status int, w *wireError) error {
	kind, hint := kindOf(w.Data.Name, w.Data.Message, status)
	var cause error = &Error{Class: w.Data.Name, Text: Scrub(w.Data.Message), Status: status}
	if w.Code == sessionExpired {
		kind, cause = fault.Auth, fmt.Errorf("%w: %w", errExpired, cause)
	}
	return &fault.Error{Op: op, Kind: kind, Err: cause, Hint: hint}
}

// resultInto decodes a good answer.
func resultInto(op string, a answer, out any) error {
	if err := decodeResult(a.result, out); err != nil {
		return &fault.Error{Op: op, Kind: fault.Schema, Err: err, Hint: version}
	}
	return nil
}
