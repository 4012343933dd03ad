package odoorpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

const fiveSeconds = estate.Duration(5 * time.Second)

// A fake is an Odoo that keeps sessions and answers calls as a test says.
type fake struct {
	*httptest.Server
	logins atomic.Int64
	call   func(w http.ResponseWriter, r *http.Request, cookie string, params map[string]any)

	mu    sync.Mutex
	valid string
	last  *http.Request
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	var envelope struct {
		Params map[string]any `json:"params"`
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &envelope)
	cookie := ""
	if ck, err := r.Cookie(sessionCookie); err == nil {
		cookie = ck.Value
	}
	f.mu.Lock()
	f.last = r
	f.mu.Unlock()
	switch {
	case r.URL.Path == "/web/session/authenticate":
		f.mu.Lock()
		f.valid = "session" + string('0'+rune(f.logins.Add(1)))
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: f.valid, MaxAge: 604800, Path: "/", HttpOnly: true})
		f.mu.Unlock()
		reply(w, `"result":{"uid":8}`)
	case strings.HasPrefix(r.URL.Path, "/web/dataset/call_kw/") && cookie != f.session():
		reply(w, `"error":{"code":100,"message":"Odoo Session Expired","data":{"name":"odoo.http.SessionExpiredException","message":"Session expired"}}`)
	default:
		f.call(w, r, cookie, envelope.Params)
	}
}

func (f *fake) session() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.valid
}

func (f *fake) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.valid = "none"
}

func reply(w http.ResponseWriter, member string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if member != "" {
		member = "," + member
	}
	_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1`+member+`}`)
}

func client(t *testing.T, f *fake) *Client {
	t.Helper()
	c, err := New(Config{URL: f.URL + "/", Database: "tenant", Login: "probe", Password: secret.New("hunter2"), Timeout: fiveSeconds}, Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestCallLogsInOnceAndSendsWhatOdooNeeds(t *testing.T) {
	f := newFake(t)
	var paths []string
	var params map[string]any
	f.call = func(w http.ResponseWriter, r *http.Request, _ string, p map[string]any) {
		paths = append(paths, r.URL.Path)
		params = p
		reply(w, `"result":42`)
	}
	c := client(t, f)
	ctx, span := trace.NewTracerProvider().Tracer("t").Start(t.Context(), "run")
	defer span.End()
	for range 3 {
		var id int
		err := c.Call(ctx, "account.move", "create", []any{map[string]any{"ref": "x"}}, map[string]any{"context": map[string]any{"allowed_company_ids": []int{2}}}, &id)
		if err != nil || id != 42 {
			t.Fatalf("Call() = %d, %v", id, err)
		}
	}
	if n := f.logins.Load(); n != 1 {
		t.Errorf("logged in %d times, want once", n)
	}
	if diff := cmp.Diff(strings.Repeat("/web/dataset/call_kw/account.move/create ", 3), strings.Join(paths, " ")+" "); diff != "" {
		t.Error(diff)
	}
	want := map[string]any{
		"model": "account.move", "method": "create", "args": []any{map[string]any{"ref": "x"}},
		"kwargs": map[string]any{"context": map[string]any{"lang": "en_US", "allowed_company_ids": []any{2.0}}},
	}
	if diff := cmp.Diff(want, params); diff != "" {
		t.Error(diff)
	}
	h := f.last.Header
	if got := h.Get("User-Agent"); got != "closewatch-probe/1.2.3" {
		t.Errorf("User-Agent = %q", got)
	}
	if got := h.Get("Traceparent"); !strings.Contains(got, span.SpanContext().TraceID().String()) {
		t.Errorf("traceparent = %q, want the trace of the caller", got)
	}
}

func TestCallTakesAMissingResultForNone(t *testing.T) {
	f := newFake(t)
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) { reply(w, "") }
	out := "untouched"
	if err := client(t, f).Call(t.Context(), "account.move.line", "reconcile", []any{[]int{1, 2}}, nil, &out); err != nil || out != "untouched" {
		t.Errorf("Call() = %q, %v", out, err)
	}
}

func TestCallLogsInAgainOnlyWhenTheSessionExpired(t *testing.T) {
	f := newFake(t)
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) { reply(w, `"result":true`) }
	c := client(t, f)
	mustCall(t, c)
	f.expire()
	mustCall(t, c)
	if n := f.logins.Load(); n != 2 {
		t.Errorf("logged in %d times, want 2", n)
	}
}

func TestCallGivesUpWhenEvenANewSessionIsRefused(t *testing.T) {
	f := newFake(t)
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
		reply(w, `"error":{"code":100,"data":{"name":"odoo.http.SessionExpiredException","message":"Session expired"}}`)
	}
	err := client(t, f).Call(t.Context(), "res.users", "read", nil, nil, nil)
	if fault.KindOf(err) != fault.Auth || f.logins.Load() != 2 {
		t.Errorf("Call() = %v after %d logins, want auth after 2", err, f.logins.Load())
	}
}

func TestConcurrentCallersShareOneLogin(t *testing.T) {
	f := newFake(t)
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) { reply(w, `"result":true`) }
	c := client(t, f)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := c.Call(t.Context(), "res.users", "read", nil, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.logins.Load(); n != 1 {
		t.Errorf("logged in %d times, want once", n)
	}
}

func TestTheCookieChangesOnlyWithAGoodAnswer(t *testing.T) {
	answers := map[string]struct {
		answer func(w http.ResponseWriter)
		want   string // cookie of the next request
	}{
		"rotated with a good answer": {func(w http.ResponseWriter) { reply(w, `"result":1`) }, "fresh"},
		"404 of a stopped database":  {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, "session1"},
		"redirect to the selector": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "/web/database/selector")
			w.WriteHeader(http.StatusSeeOther)
		}, "session1"},
		"an error object": {func(w http.ResponseWriter) {
			reply(w, `"error":{"code":200,"data":{"name":"odoo.exceptions.UserError","message":"No."}}`)
		}, "session1"},
		"a page": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") }, "session1"},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			var cookies []string
			f.call = func(w http.ResponseWriter, _ *http.Request, cookie string, _ map[string]any) {
				cookies = append(cookies, cookie)
				http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: "fresh", MaxAge: 604800})
				f.mu.Lock()
				f.valid = tt.want
				f.mu.Unlock()
				tt.answer(w)
			}
			c := client(t, f)
			_ = c.Call(t.Context(), "res.users", "read", nil, nil, nil)
			_ = c.Call(t.Context(), "res.users", "read", nil, nil, nil)
			if diff := cmp.Diff([]string{"session1", tt.want}, cookies); diff != "" {
				t.Error(diff)
			}
			if n := f.logins.Load(); n != 1 {
				t.Errorf("logged in %d times, want once", n)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f := newFake(t)
	requests := 0
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
		requests++
		w.Header().Set("Location", "https://sso.example.com/login?token=abc#x")
		w.WriteHeader(http.StatusFound)
	}
	err := client(t, f).Call(t.Context(), "res.users", "read", nil, nil, nil)
	if fault.KindOf(err) != fault.Schema || requests != 1 {
		t.Errorf("Call() = %v after %d requests", err, requests)
	}
	if !strings.Contains(err.Error(), "redirected to https://sso.example.com/login") || strings.Contains(err.Error(), "abc") {
		t.Errorf("error = %v, want where to, without its query", err)
	}
}

func TestAnswersThatAreNoAnswers(t *testing.T) {
	tests := map[string]struct {
		answer func(w http.ResponseWriter)
		want   fault.Kind
	}{
		"a gateway without a backend": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, fault.Unavailable},
		"a gateway that waited":       {func(w http.ResponseWriter) { w.WriteHeader(http.StatusGatewayTimeout) }, fault.Unavailable},
		"a rate limit":                {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }, fault.Limit},
		"a firewall":                  {func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, fault.Denied},
		"a page":                      {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<!DOCTYPE html><html>Welcome, Jane") }, fault.Schema},
		"nothing":                     {func(http.ResponseWriter) {}, fault.Schema},
		"half an object":              {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"jsonrpc":"2.0","res`) }, fault.Schema},
		"another protocol":            {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"data":1}`) }, fault.Schema},
		"another shape":               {func(w http.ResponseWriter) { reply(w, `"result":{"name":"Jane"}`) }, fault.Schema},
		"a body without end": {func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","result":"`)
			chunk := strings.Repeat("a", 1<<20)
			for range 5 {
				_, _ = io.WriteString(w, chunk)
			}
		}, fault.Schema},
		"a worker killed at its limit": {func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			_ = conn.Close()
		}, fault.Unreachable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) { tt.answer(w) }
			var out []string
			err := client(t, f).Call(t.Context(), "res.users", "read", nil, nil, &out)
			if got := fault.KindOf(err); got != tt.want {
				t.Errorf("kind = %s, want %s (%v)", got, tt.want, err)
			}
			if strings.Contains(err.Error(), "Jane") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

func TestTimeoutAndCancellation(t *testing.T) {
	f := newFake(t)
	release := make(chan struct{})
	f.call = func(http.ResponseWriter, *http.Request, string, map[string]any) { <-release }
	t.Cleanup(func() { close(release) })
	c := client(t, f)
	c.cfg.Timeout = estate.Duration(30 * time.Millisecond)
	err := c.Call(t.Context(), "account.move", "action_post", nil, nil, nil)
	if fault.KindOf(err) != fault.Timeout || !Ambiguous(err) {
		t.Errorf("Call() = %v, want a timeout whose effect is unknown", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Call(ctx, "account.move", "action_post", nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Call() = %v, want canceled", err)
	}
}

func TestNothingListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	_ = l.Close()
	c, err := New(Config{URL: url, Database: "d", Login: "l", Password: secret.New("p"), Timeout: fiveSeconds}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Version(t.Context())
	if fault.KindOf(err) != fault.Unreachable {
		t.Errorf("Version() = %v, want unreachable", err)
	}
	if got, want := err.Error(), "read Odoo's version: dial: connect: connection refused"; !strings.HasPrefix(got, want) {
		t.Errorf("error = %s, want %s", got, want)
	}
}

func TestVersion(t *testing.T) {
	tests := map[string]struct {
		result string
		want   Version
		kind   fault.Kind
	}{
		"a release":      {`{"server_version":"18.0","server_version_info":[18,0,0,"final",0,""]}`, Version{18, "18.0"}, ""},
		"a rolling one":  {`{"server_version":"saas~17.4","server_version_info":["saas~17",4,0,"final",0,""]}`, Version{17, "saas~17.4"}, ""},
		"something else": {`{"server_version":"x"}`, Version{0, "x"}, fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
				reply(w, `"result":`+tt.result)
			}
			got, err := client(t, f).Version(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" || fault.KindOf(err) != tt.kind {
				t.Errorf("Version() error %v\n%s", err, diff)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	yes, no := true, false
	tests := map[string]struct {
		status int
		page   string
		pass   bool
		db     *bool
	}{
		"all well":                       {200, `{"status":"pass","db_server_status":true}`, true, &yes},
		"database down":                  {500, `{"status":"fail","db_server_status":false}`, false, &no},
		"16, which ignores the question": {200, `{"status":"pass"}`, true, nil},
		"a page":                         {200, `<html>`, false, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.page)
			}
			h, err := client(t, f).Health(t.Context())
			if h.Pass != tt.pass || (err == nil) != tt.pass {
				t.Errorf("Health() = %+v, %v", h, err)
			}
			if diff := cmp.Diff(tt.db, h.Database); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func mustCall(t *testing.T, c *Client) {
	t.Helper()
	if err := c.Call(t.Context(), "res.users", "read", nil, nil, nil); err != nil {
		t.Fatal(err)
	}
}
