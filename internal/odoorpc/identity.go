package odoorpc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// An Identity says which database answers, so that a copy is not taken for the
// original.
type Identity struct {
	Database    string // SHA-256, in hex, of database.uuid: what Odoo gives each database it makes
	Neutralized bool   // it says on its login page that it is a neutralised copy
}

const (
	accountPage = "/web/session/account"
	loginPage   = "/web/login"
)

// neutralBanner is the id of what a neutralised database (16 to 19) shows on
// every page.
var neutralBanner = []byte("oe_neutralize_banner")

// Identity asks Odoo which database it serves. System parameters are closed to
// users of no special rights; where a session may manage its odoo.com account,
// Odoo names the database to it all the same, in the address it sends it to.
// An API key has no session and is not told.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	const op = "read the database's identity"
	if c.cfg.Password.IsZero() {
		return Identity{}, &fault.Error{Op: op, Kind: fault.Rejected, Err: errors.New("Odoo tells it to a session only, and an API key has none"), Hint: "let the monitoring user log in with a password"} //nolint:staticcheck // a product's name
	}
	var stale session
	for {
		s, err := c.login(ctx, stale)
		if err != nil {
			return Identity{}, err
		}
		a, err := c.rpc(ctx, message{op: op, path: accountPage, cookie: s.cookie, body: map[string]any{}})
		if errors.Is(err, errExpired) && stale == (session{}) {
			stale = s
			continue
		}
		if err != nil {
			return Identity{}, err
		}
		uuid, err := databaseUUID(a)
		if err != nil {
			return Identity{}, err
		}
		// With the session's cookie Odoo need not make a session for a visitor.
		login, err := c.get(ctx, op, loginPage, s.cookie)
		if err != nil {
			return Identity{}, err
		}
		c.renew(s, login.cookie)
		sum := sha256.Sum256([]byte(uuid))
		return Identity{Database: hex.EncodeToString(sum[:]), Neutralized: bytes.Contains(login.body, neutralBanner)}, nil
	}
}

func databaseUUID(a answer) (string, error) {
	var address string
	if err := a.into(&address); err != nil {
		return "", err
	}
	if u, err := url.Parse(address); err == nil && u.Query().Get("client_id") != "" {
		return u.Query().Get("client_id"), nil
	}
	return "", &fault.Error{Op: a.message.op, Kind: fault.Schema, Err: errors.New("the answer does not name the database"), Hint: version}
}

// Clock asks for a page that needs neither login nor database, and returns the
// time that the server, or the ingress before it, put on it: whole seconds.
func (c *Client) Clock(ctx context.Context) (time.Time, error) {
	const op = "read the server's clock"
	got, err := c.get(ctx, op, healthPage, "")
	if err != nil {
		return time.Time{}, err
	}
	at, err := http.ParseTime(got.header.Get("Date"))
	if err != nil {
		return time.Time{}, &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("the answer carries no date"), Hint: "check that the ingress passes the header Date on"}
	}
	return at, nil
}

// get reads a page that must be there.
func (c *Client) get(ctx context.Context, op, path, cookie string) (page, error) {
	x, err := c.send(ctx, message{op: op, method: http.MethodGet, path: path, cookie: cookie})
	if err != nil {
		return page{}, err
	}
	if x.page.status != http.StatusOK {
		kind, hint := kindOf("", "", x.page.status)
		return page{}, x.failed(&fault.Error{Op: op, Kind: kind, Err: &Error{Status: x.page.status, Text: describe(x.page)}, Hint: hint})
	}
	return x.page, nil
}
