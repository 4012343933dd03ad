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
	uid    int64
	cookie string // empty for an API key, which needs none
}

const sessionCookie = "session_id"

// callSession calls with the session cookie, and once more with a new session
// when Odoo says that the old one has expired.
func (c *Client) callSession(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	params := map[string]any{"model": model, "method": method, "args": args, "kwargs": kwargs}
	path := "/web/dataset/call_kw/" + model + "/" + method
	op := "call " + model + "/" + method

	var stale session
	for {
		s, err := c.login(ctx, stale)
		if err != nil {
			return err
		}
		a, err := c.post(ctx, op, path, s.cookie, params)
		if err == nil {
			c.renew(s, a.cookie)
			return resultInto(op, a, out)
		}
		if !errors.Is(err, errExpired) || stale != (session{}) {
			return err
		}
		stale = s
	}
}

// login returns the session, making one when there is none or when the one
// there is is stale. Concurrent callers wait for one login instead of each
// paying for a password hash.
func (c *Client) login(ctx context.Context, stale session) (session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != (session{}) && c.session != stale {
		return c.session, nil
	}
	if err := ctx.Err(); err != nil {
		return session{}, fault.Wrap("log in to Odoo", err, "")
	}
	s, err := c.authenticate(ctx)
	if err != nil {
		return session{}, err
	}
	c.session = s
	return s, nil
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
		_, _ = c.post(ctx, "log out of Odoo", "/web/session/destroy", old.cookie, map[string]any{}) // only tidiness: sessions expire
	}
	return nil
}

func (c *Client) authenticate(ctx context.Context) (session, error) {
	if c.cfg.Password.IsZero() {
		return c.authenticateKey(ctx)
	}
	const op = "log in to Odoo"
	params := map[string]any{"db": c.cfg.Database, "login": c.cfg.Login, "password": c.cfg.Password.Reveal()}
	a, err := c.post(ctx, op, "/web/session/authenticate", "", params)
	if err != nil {
		return session{}, err
	}
	var who struct {
		UID json.RawMessage `json:"uid"`
	}
	if err := resultInto(op, a, &who); err != nil {
		return session{}, err
	}
	uid := userID(who.UID)
	switch {
	case uid == 0:
		return session{}, &fault.Error{Op: op, Kind: fault.Auth, Err: errors.New("Odoo did not accept the login as complete"), Hint: "the monitoring user must not need a second factor; use apiKey instead"} //nolint:staticcheck // a product's name
	case a.cookie == "":
		return session{}, &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("no session cookie in the answer"), Hint: "check that the ingress passes Set-Cookie on"}
	}
	return session{uid: uid, cookie: a.cookie}, nil
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
