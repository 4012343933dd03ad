package odoorpc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/closewatch/closewatch/internal/fault"
)

// A session is a proof of having logged in. The zero session is none.
type session struct {
	uid     int64
	cookie  string // empty for an API key, which needs none
	dialect dialect
}

const sessionCookie = "session_id"

const opLogin = "log in to Odoo"

// callSession calls with the session cookie.
func (c *Client) callSession(ctx context.Context, s session, what call, out any) error {
	a, err := c.rpc(ctx, message{
		op: what.op(), path: "/web/dataset/call_kw/" + what.model + "/" + what.method, cookie: s.cookie, call: what,
		body: map[string]any{"model": what.model, "method": what.method, "args": what.args, "kwargs": what.kwargs},
	})
	if err != nil {
		return err
	}
	c.renew(s, a.page.cookie)
	return a.into(out)
}

// login returns the session, making one when there is none or when the one
// there is is stale. Concurrent callers wait for one login instead of each
// paying for a password hash.
func (c *Client) login(ctx context.Context, stale session) (session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return session{}, fault.Wrap(opLogin, err, "")
	}
	how, err := c.way(ctx)
	if err != nil {
		return session{}, err
	}
	usable := c.session != (session{}) && c.session != stale && c.session.dialect == how
	if !usable {
		s, err := c.authenticate(ctx, how)
		if err != nil {
			c.doubted = true
			return session{}, err
		}
		c.session = s
	}
	c.doubted = false
	return c.session, nil
}

// way returns the dialect to speak. Odoo is asked only when that is open.
func (c *Client) way(ctx context.Context) (dialect, error) {
	switch {
	case !c.cfg.Password.IsZero():
		return webSession, nil
	case c.session.dialect == undecided || c.doubted:
		return c.detect(ctx)
	}
	return c.session.dialect, nil
}

// renew stores the cookie which a good answer brought, unless another caller
// has meanwhile logged in.
func (c *Client) renew(used session, cookie string) {
	if cookie == "" || cookie == used.cookie {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == used {
		c.session.cookie = cookie
	}
}

// Reauthenticate logs in anew and then closes the old session, so that
// repeated logins leave nothing behind at Odoo. A login flow calls it to measure
// what logging in costs. Callers still using the old session are moved to the
// new one without noticing.
func (c *Client) Reauthenticate(ctx context.Context) error {
	c.mu.Lock()
	old := c.session
	c.mu.Unlock()
	if _, err := c.login(ctx, old); err != nil {
		return err
	}
	if old.cookie != "" {
		_, _ = c.rpc(ctx, message{op: "log out of Odoo", path: "/web/session/destroy", cookie: old.cookie, body: map[string]any{}}) // only tidiness: sessions expire
	}
	return nil
}

func (c *Client) authenticate(ctx context.Context, how dialect) (session, error) {
	if how != webSession {
		return c.authenticateKey(ctx, how)
	}
	a, err := c.rpc(ctx, message{
		op: opLogin, path: "/web/session/authenticate",
		body: map[string]any{"db": c.cfg.Database, "login": c.cfg.Login, "password": c.cfg.Password.Reveal()},
	})
	if err != nil {
		return session{}, err
	}
	var who struct {
		UID json.RawMessage `json:"uid"`
	}
	if err := a.into(&who); err != nil {
		return session{}, err
	}
	uid := userID(who.UID)
	switch {
	case uid == 0:
		return session{}, a.failed(&fault.Error{Op: opLogin, Kind: fault.Auth, Err: errors.New("Odoo did not accept the login as complete"), Hint: "the monitoring user must not need a second factor; use apiKey instead"}) //nolint:staticcheck // a product's name
	case a.page.cookie == "":
		return session{}, a.failed(&fault.Error{Op: opLogin, Kind: fault.Schema, Err: errors.New("no session cookie in the answer"), Hint: "check that the ingress passes Set-Cookie on"})
	}
	return session{uid: uid, cookie: a.page.cookie, dialect: webSession}, nil
}

// userID reads an id that may be false or null.
func userID(raw json.RawMessage) int64 {
	var id int64
	if json.Unmarshal(raw, &id) != nil {
		return 0
	}
	return id
}

// cookieOf returns the session cookie that an answer sets, or "".
func cookieOf(resp *http.Response) string {
	for _, ck := range resp.Cookies() {
		if ck.Name == sessionCookie && ck.MaxAge >= 0 {
			return ck.Value
		}
	}
	return ""
}
