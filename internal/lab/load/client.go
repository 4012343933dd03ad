package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 8 << 20

// A client is one person's browser: a web session and the calls it makes.
type client struct {
	opts  Options
	http  *http.Client
	stats *counters

	mu       sync.Mutex // one login at a time
	cookie   string
	place    *place
	retryNot time.Time // before this no new login is tried
}

// A place is where the work is done, found at login.
type place struct {
	company, saleJournal, bankJournal, suspense int64
	customers                                   []int64
}

func newClient(opts Options, stats *counters) *client {
	return &client{
		opts:  opts,
		stats: stats,
		http: &http.Client{
			Timeout:       opts.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				MaxIdleConnsPerHost: opts.Concurrency,
				MaxConnsPerHost:     2 * opts.Concurrency,
				IdleConnTimeout:     30 * time.Second,
			},
		},
	}
}

// An rpcError is an error object of the server.
type rpcError struct {
	Code int `json:"code"`
	Data struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	} `json:"data"`
}

func (e *rpcError) Error() string { return e.Data.Name + ": " + e.Data.Message }

// kind maps the server's exceptions to kinds of fault, for the counters.
func (e *rpcError) kind() fault.Kind {
	switch {
	case e.Code == 100:
		return fault.Auth
	case strings.HasSuffix(e.Data.Name, "AccessDenied"):
		return fault.Auth
	case strings.HasSuffix(e.Data.Name, "AccessError"):
		return fault.Denied
	case strings.HasSuffix(e.Data.Name, "OperationalError"):
		return fault.Unavailable
	case strings.HasPrefix(e.Data.Name, "psycopg2.errors."):
		return fault.Conflict
	default:
		return fault.Rejected
	}
}

func (c *client) post(ctx context.Context, path, cookie string, params any) (json.RawMessage, string, error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "method": "call", "id": 1, "params": params})
	if err != nil {
		return nil, "", err
	}
	resp, err := c.do(ctx, http.MethodPost, path, cookie, body)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, "", err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, "", &fault.Error{Op: "call " + path, Kind: fault.Unavailable, Err: fmt.Errorf("status %d", resp.StatusCode)}
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	if json.Unmarshal(raw, &answer) != nil {
		return nil, "", &fault.Error{Op: "call " + path, Kind: fault.Schema, Err: errors.New("not a JSON-RPC answer")}
	}
	if answer.Error != nil {
		return nil, "", &fault.Error{Op: "call " + path, Kind: answer.Error.kind(), Err: answer.Error}
	}
	return answer.Result, sessionCookie(resp), nil
}

func (c *client) do(ctx context.Context, method, path, cookie string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.opts.BaseURL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) lab-load")
	if c.opts.Host != "" {
		req.Host = c.opts.Host
	}
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: "session_id", Value: cookie})
	}
	return c.http.Do(req)
}

func sessionCookie(resp *http.Response) string {
	for _, cookie := range resp.Cookies() {
		if cookie.Name == "session_id" {
			return cookie.Value
		}
	}
	return ""
}

// session returns a web session and the place to work in, logging in when
// there is none. After a failed login nobody tries again for a second.
func (c *client) session(ctx context.Context) (string, *place, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cookie != "" {
		return c.cookie, c.place, nil
	}
	if wait := time.Until(c.retryNot); wait > 0 {
		return "", nil, &fault.Error{Op: "log in", Kind: fault.Auth, Err: errors.New("the last login failed a moment ago")}
	}
	cookie, err := c.login(ctx)
	if err == nil && c.place == nil {
		c.place, err = c.look(ctx, cookie)
	}
	if err != nil {
		c.retryNot = time.Now().Add(time.Second)
		return "", nil, err
	}
	c.cookie = cookie
	c.stats.add(func(s *Stats) { s.Logins++ })
	return cookie, c.place, nil
}

func (c *client) login(ctx context.Context) (string, error) {
	_, cookie, err := c.post(ctx, "/web/session/authenticate", "", map[string]any{
		"db": c.opts.DB, "login": c.opts.Login, "password": c.opts.Password.Reveal(),
	})
	if err == nil && cookie == "" {
		err = &fault.Error{Op: "log in", Kind: fault.Schema, Err: errors.New("no session cookie")}
	}
	return cookie, err
}

// forget drops a session the server no longer knows.
func (c *client) forget(cookie string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cookie == cookie {
		c.cookie = ""
	}
}

// call invokes a method of a model, renewing a lost session once.
func (c *client) call(ctx context.Context, into any, model, method string, args []any, kwargs map[string]any) error {
	for try := 0; ; try++ {
		cookie, p, err := c.session(ctx)
		if err != nil {
			return err
		}
		err = c.callIn(ctx, cookie, p.company, into, model, method, args, kwargs)
		if expired, ok := errors.AsType[*rpcError](err); ok && expired.Code == 100 {
			c.forget(cookie)
			if try == 0 {
				continue
			}
		}
		return err
	}
}

func (c *client) callIn(ctx context.Context, cookie string, company int64, into any, model, method string, args []any, kwargs map[string]any) error {
	rpcContext := map[string]any{}
	if company != 0 {
		rpcContext["allowed_company_ids"] = []int64{company}
	}
	all := map[string]any{}
	for k, v := range kwargs {
		if k == "context" {
			extra, _ := v.(map[string]any)
			maps.Copy(rpcContext, extra)
			continue
		}
		all[k] = v
	}
	all["context"] = rpcContext
	result, _, err := c.post(ctx, "/web/dataset/call_kw/"+model+"/"+method, cookie, map[string]any{
		"model": model, "method": method, "args": args, "kwargs": all,
	})
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(result, into); err != nil {
		return &fault.Error{Op: "call " + model + "/" + method, Kind: fault.Schema, Err: err}
	}
	return nil
}

// look finds the company, journals, accounts and customers to work with.
func (c *client) look(ctx context.Context, cookie string) (*place, error) {
	p := &place{}
	read := func(into any, model, method string, args []any, kwargs map[string]any) error {
		return c.callIn(ctx, cookie, p.company, into, model, method, args, kwargs)
	}
	first := func(into *int64, what, model string, domain ...any) error {
		var ids []int64
		if err := read(&ids, model, "search", []any{domain}, map[string]any{"limit": 1}); err != nil {
			return err
		}
		if len(ids) == 0 {
			return &fault.Error{Op: "look for " + what, Kind: fault.Rejected, Hint: "give the load user a company with " + what}
		}
		*into = ids[0]
		return nil
	}
	var journals []struct {
		Suspense []any `json:"suspense_account_id"`
	}
	if err := first(&p.company, "a company", "res.company"); err != nil {
		return nil, err
	}
	if err := first(&p.saleJournal, "a sale journal", "account.journal", []any{"type", "=", "sale"}, []any{"company_id", "=", p.company}); err != nil {
		return nil, err
	}
	if err := first(&p.bankJournal, "a bank journal", "account.journal", []any{"type", "=", "bank"}, []any{"company_id", "=", p.company}); err != nil {
		return nil, err
	}
	if err := read(&journals, "account.journal", "read", []any{[]int64{p.bankJournal}, []string{"suspense_account_id"}}, nil); err != nil {
		return nil, err
	}
	if len(journals) != 1 || len(journals[0].Suspense) == 0 {
		return nil, &fault.Error{Op: "look for a suspense account", Kind: fault.Rejected, Hint: "set one on the bank journal"}
	}
	p.suspense = int64(journals[0].Suspense[0].(float64))
	if err := read(&p.customers, "res.partner", "search", []any{[]any{[]any{"is_company", "=", true}, []any{"company_id", "=", false}}}, map[string]any{"limit": 50}); err != nil {
		return nil, err
	}
	if len(p.customers) == 0 {
		return nil, &fault.Error{Op: "look for customers", Kind: fault.Rejected, Hint: "create a partner that is a company"}
	}
	return p, nil
}
