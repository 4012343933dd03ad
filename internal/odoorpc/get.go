package odoorpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/propagation"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Page is what a GET was answered with.
type Page struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get fetches a document, such as a printed report, with the web session; a
// document longer than limit bytes is an error. It takes as long as ctx allows,
// since printing takes longer than a call. It logs in when needed, and once more
// when Odoo sends to the login page. An answer other than 200 is a failure, and
// is returned beside it for whoever knows how to read it. API keys make no
// session: with one, Get is blocked.
func (c *Client) Get(ctx context.Context, op, path string, limit int64) (Page, error) {
	if c.cfg.Password.IsZero() {
		return Page{}, needsPassword(op)
	}
	var stale session
	for {
		s, err := c.login(ctx, stale)
		if err != nil {
			return Page{}, err
		}
		got, err := c.fetch(ctx, op, path, s.cookie, limit)
		if err != nil || got.Status == http.StatusOK {
			return got, err
		}
		if !toLogin(got) {
			kind, hint := kindOf("", "", got.Status)
			return got, &fault.Error{Op: op, Kind: kind, Err: &Error{Status: got.Status, Text: http.StatusText(got.Status)}, Hint: hint}
		}
		if stale != (session{}) {
			return got, &fault.Error{Op: op, Kind: fault.Auth, Err: errExpired, Hint: credentials}
		}
		stale = s
	}
}

func (c *Client) fetch(ctx context.Context, op, path, cookie string, limit int64) (Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+path, nil)
	if err != nil {
		return Page{}, fault.Wrap(op, err, "")
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	if c.cfg.Host != "" {
		req.Host = c.cfg.Host
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	resp, err := c.http.Do(req)
	if err != nil {
		return Page{}, notAnswered(op, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return Page{}, notAnswered(op, err)
	}
	if int64(len(body)) > limit {
		return Page{}, &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("longer than %d bytes", limit), Hint: wrongPlace}
	}
	return Page{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// toLogin reports whether got sends a browser to log in.
func toLogin(got Page) bool {
	to, err := url.Parse(got.Header.Get("Location"))
	return err == nil && got.Status >= 300 && got.Status < 400 && strings.HasSuffix(to.Path, "/web/login")
}

func needsPassword(op string) error {
	return &fault.Error{
		Op: op, Kind: fault.Blocked, Err: errors.New("not possible with an API key: Odoo makes web sessions for passwords only"),
		Hint: "configure login and password for flows that print or open a websocket",
	}
}
