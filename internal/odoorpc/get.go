package odoorpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Page is a document that Odoo served, or what it served instead.
type Page struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get fetches a document, such as a printed report, with the web session. path
// begins with a slash; a document longer than limit bytes is an error. It takes
// as long as ctx allows, since printing takes longer than a call. It logs in
// when needed, and once more when Odoo sends to the login page. A web page where
// a document was expected, Odoo's own error pages included, is a failure, and is
// returned beside it for whoever knows how to read it. API keys make no session:
// with one, Get is blocked.
func (c *Client) Get(ctx context.Context, op, path string, limit int64) (Page, error) {
	if err := c.MayBrowse(op); err != nil {
		return Page{}, err
	}
	var stale session
	for {
		s, err := c.login(ctx, stale)
		if err != nil {
			return Page{}, err
		}
		x, err := c.send(ctx, message{op: op, method: http.MethodGet, path: path, cookie: s.cookie, limit: int(limit), slow: true})
		if err != nil {
			return Page{}, err
		}
		got := Page{Status: x.page.status, Header: x.page.header, Body: x.page.body}
		err = noDocument(op, x.page)
		if err == nil {
			c.renew(s, x.page.cookie)
			return got, nil
		}
		if !errors.Is(err, errExpired) || stale != (session{}) {
			return got, x.failed(err)
		}
		stale = s
	}
}

// MayBrowse returns nil when the client can do what takes a web session, such as
// op: fetch a document or open a websocket. With an API key it cannot, and the
// error is blocked. Nothing is asked of Odoo.
func (c *Client) MayBrowse(op string) error {
	if !c.cfg.Password.IsZero() {
		return nil
	}
	return &fault.Error{
		Op: op, Kind: fault.Blocked, Err: errors.New("not possible with an API key: Odoo makes web sessions for passwords only"),
		Hint: "configure login and password for flows that print or open a websocket",
	}
}

// noDocument says why an answer to Get is not a document; nil when it is one.
func noDocument(op string, got page) error {
	if got.status == http.StatusOK && !isPage(got) {
		return nil
	}
	e := &Error{Status: got.status, Text: describe(got)}
	if toLogin(got) {
		return &fault.Error{Op: op, Kind: fault.Auth, Err: fmt.Errorf("%w: %w", errExpired, e), Hint: credentials}
	}
	kind, hint := kindOf("", "", got.status)
	switch {
	case got.status == http.StatusOK:
		e.Text, kind, hint = "a page where a document was expected", fault.Unavailable, notPrinted
	case got.status == http.StatusBadRequest, got.status == http.StatusUnprocessableEntity:
		e.Text, kind, hint = "Odoo refused to make the document", fault.Rejected, notPrinted // how an exception looks to a browser up to 18, and from 19 on
	case got.status == http.StatusNotFound:
		e.Text, hint = "neither the document nor a page that says why", "check that the database is up, and that what is printed exists"
	case got.status >= 500:
		hint = notPrinted
	}
	return &fault.Error{Op: op, Kind: kind, Err: e, Hint: hint}
}

const notPrinted = "look in Odoo's log for the traceback: printing needs wkhtmltopdf and the document's own data"

// isPage reports whether got is for a browser's window.
func isPage(got page) bool {
	return strings.HasPrefix(got.header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(got.body[:min(len(got.body), 64)])), []byte("<!doctype html"))
}

// toLogin reports whether got sends a browser to log in.
func toLogin(got page) bool {
	to, err := url.Parse(got.location)
	return err == nil && got.status >= 300 && got.status < 400 && strings.HasSuffix(to.Path, "/web/login")
}
