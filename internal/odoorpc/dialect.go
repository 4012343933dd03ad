package odoorpc

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// A dialect is a way of calling Odoo.
type dialect string

const (
	undecided  dialect = ""            // nobody knows yet, or Odoo hides its version
	webSession dialect = "web session" // a password, any version
	jsonTwo    dialect = "JSON-2"      // an API key from 19 on
	jsonRPC    dialect = "/jsonrpc"    // an API key before
)

// detect asks Odoo for its version and returns the dialect in which that takes
// API keys. It is undecided when the version page is closed to us, and between
// 18 and 19, where it depends on the rolling release. An Odoo that does not
// answer at all is an error.
func (c *Client) detect(ctx context.Context) (dialect, error) {
	v, err := c.Version(ctx)
	if err == nil {
		return dialectOf(v), nil
	}
	switch fault.KindOf(err) {
	case fault.Schema, fault.Denied, fault.Auth, fault.Rejected:
		return undecided, nil // something answered, but does not tell
	default:
		return undecided, err
	}
}

// dialectOf returns how an Odoo of version v takes API keys.
func dialectOf(v Version) dialect {
	switch {
	case v.Major >= 19:
		return jsonTwo
	case v.Major == 18 && strings.HasPrefix(v.Text, "saas"):
		return undecided
	}
	return jsonRPC
}

// authenticateKey logs in with the API key in the dialect of d; when that is
// undecided, in the newer one and then, if Odoo does not know it, the older.
func (c *Client) authenticateKey(ctx context.Context, d dialect) (session, error) {
	switch d {
	case jsonTwo:
		return c.authenticateJSON2(ctx)
	case jsonRPC:
		return c.authenticateJSONRPC(ctx)
	default:
	}
	s, err := c.authenticateJSON2(ctx)
	if err == nil || !noSuchRoute(err) {
		return s, err
	}
	return c.authenticateJSONRPC(ctx)
}

// noSuchRoute reports whether err is what an Odoo without JSON-2 answers there:
// 16 and 17 do not find the page, 18 wants a browser to log in first, a route
// of another type does not take the method or the body. An Odoo 19 without its
// database does not find the page either.
func noSuchRoute(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class != "" {
		return false
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusSeeOther, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return true
	}
	return false
}

// doubt remembers, when err is what another version of Odoo would answer or
// what a restart looks like, to ask for the version before the next call.
func (c *Client) doubt(s session, err error) {
	if err == nil || s.dialect == webSession {
		return
	}
	kind := fault.KindOf(err)
	if kind != fault.Schema && kind != fault.Unreachable && !noSuchRoute(err) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.doubted = true
	}
}
