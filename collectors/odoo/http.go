package odoo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// maxPage is how much of an answer is read: Odoo's largest page asked for, the
// database manager with its lists of languages and countries, has 46 KiB.
const maxPage = 256 << 10

// pages sends requests that need no login, as what they are: a probe.
type pages struct {
	client *http.Client
	host   string // sent as Host, when the URL names an ingress by address
}

// An answer is what came back, redirects not followed.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a pages) get(ctx context.Context, url string, cookies ...*http.Cookie) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, &fault.Error{Op: "ask Odoo", Kind: fault.Schema, Err: err, Hint: "check url"}
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	return a.send(req)
}

// call is a call without parameters to a route of type JSON.
func (a pages) call(ctx context.Context, url string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(`{"jsonrpc":"2.0","method":"call","params":{}}`)))
	if err != nil {
		return answer{}, &fault.Error{Op: "ask Odoo", Kind: fault.Schema, Err: err, Hint: "check url"}
	}
	req.Header.Set("Content-Type", "application/json")
	return a.send(req)
}

func (a pages) send(req *http.Request) (answer, error) {
	a.sign(req)
	resp, err := a.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, err
}

// sign says whose request it is.
func (a pages) sign(req *http.Request) {
	req.Host = a.host
	req.Header.Set("User-Agent", "closewatch-probe/1")
	req.Header.Set("Accept", "application/json, text/html")
}

// unanswered says what it means that nothing came back, without the URL, whose
// query may hold a secret.
func unanswered(op string, err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	kind := fault.KindOf(err)
	hint := "check that Odoo runs and that url is reachable from here"
	if kind == fault.Timeout {
		hint = "look for long requests or locks: all workers are probably busy"
	}
	return &fault.Error{Op: op, Kind: kind, Err: err, Hint: hint}
}

// newClient returns a client that follows no redirect and keeps no cookie.
func newClient() *http.Client {
	return &http.Client{
		Transport: collector.Transport(&http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, MaxConnsPerHost: 1, IdleConnTimeout: 90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
