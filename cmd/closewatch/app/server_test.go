package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/store"
)

// minimal is an estate of which nothing answers, with more of its own.
func minimal(t *testing.T, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "estate.yaml")
	content := "apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\ncomponents:\n  db: {postgres: {dsn: \"postgres://cw@127.0.0.1:1/postgres\"}}\n" + more
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// file is a web configuration file with one password, of alice.
func webFile(t *testing.T) *auth.File {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("correct-horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(path, []byte("basic_auth_users: {alice: "+string(hash)+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := auth.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func scoped(name string, scope auth.Scope) estate.Token {
	return estate.Token{Name: name, Scopes: []estate.Scope{scope}, Token: secret.New(name + "-token-0123456789-0123456789")}
}

func TestListenStaysOnThisMachine(t *testing.T) {
	var silent, open, tokens estate.Web
	for _, w := range []*estate.Web{&silent, &open, &tokens} {
		w.SetDefaults()
	}
	open.Unauthenticated = estate.Everywhere
	tokens.Tokens = []estate.Token{scoped("grafana", auth.Read)}
	const refused, clear, whoever = "nothing says who may read", "travel in clear", "whoever reaches the address may read"
	tests := map[string]struct {
		address string
		web     estate.Web
		file    *auth.File
		kind    fault.Kind // "" listens
		want    string     // in the error, or in the log; "" logs nothing
	}{
		"IPv4 loopback":                       {address: "127.0.0.1:0", web: silent},
		"another loopback":                    {address: "127.0.0.2:0", web: silent},
		"localhost":                           {address: "localhost:0", web: silent},
		"every interface":                     {":0", silent, nil, fault.Blocked, refused},
		"every IPv4 interface":                {"0.0.0.0:0", silent, nil, fault.Blocked, refused},
		"every IPv6 interface":                {"[::]:0", silent, nil, fault.Blocked, refused},
		"an address of a net":                 {"192.0.2.1:9977", silent, nil, fault.Blocked, refused},
		"a name":                              {"closewatch.example.com:9977", silent, nil, fault.Blocked, refused},
		"every interface, as told":            {":0", open, nil, "", whoever},
		"every interface, with a token":       {":0", tokens, nil, "", clear},
		"every interface, with a password":    {":0", silent, webFile(t), "", clear},
		"loopback, with a token":              {address: "127.0.0.1:0", web: tokens},
		"no port":                             {"127.0.0.1", silent, nil, fault.Internal, "missing port"},
		"a port that is none":                 {"127.0.0.1:99999", silent, nil, fault.Internal, "invalid port"},
		"a port that is none, with passwords": {"127.0.0.1:99999", silent, webFile(t), fault.Internal, "invalid port"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			a := &App{estate: &estate.Estate{Web: tt.web}, log: slog.New(slog.NewTextHandler(&log, nil))}
			l, err := a.listen(t.Context(), tt.address, tt.file)
			if l != nil {
				defer func() { _ = l.Close() }() // nothing was accepted
			}
			if tt.kind == "" {
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(log.String(), tt.want) || tt.want == "" && log.Len() > 0 {
					t.Errorf("the log says %q, want %q", log.String(), tt.want)
				}
				if host, _, _ := net.SplitHostPort(l.Addr().String()); net.ParseIP(host).IsLoopback() == strings.HasPrefix(tt.address, ":") {
					t.Errorf("listens on %s", l.Addr())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || fault.HintOf(err) == "" {
				t.Errorf("listen = %v, want %s with a hint", err, tt.want)
			}
			if tt.kind == fault.Blocked && fault.KindOf(err) != fault.Blocked {
				t.Errorf("kind = %s, want %s", fault.KindOf(err), tt.kind)
			}
		})
	}
}

// The table of routes is what this daemon serves, to whom: every route is asked
// as everybody. A new route has a new line here.
func TestAuthOfEveryRoute(t *testing.T) {
	db, err := store.Open(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &App{store: db, now: time.Now}
	var w estate.Web
	w.SetDefaults()
	for _, scope := range []auth.Scope{auth.Read, auth.Scrape, auth.Operate, auth.Admin} {
		w.Tokens = append(w.Tokens, scoped(string(scope), scope))
	}
	guard, err := auth.New(auth.Settings{Web: w, File: webFile(t)})
	if err != nil {
		t.Fatal(err)
	}
	routes := a.routes()
	for i := range routes {
		routes[i].Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	}
	h, err := guard.Handler(routes)
	if err != nil {
		t.Fatal(err)
	}
	who := []string{"loopback", "network", "wrong", "read", "scrape", "operate", "admin", "alice"}
	want := map[string][]int{
		"GET /-/healthy": {200, 200, 200, 200, 200, 200, 200, 200},
		"GET /-/ready":   {200, 401, 401, 200, 403, 200, 200, 200},
		"GET /metrics":   {200, 401, 401, 403, 200, 403, 403, 403},
		"GET /":          {200, 401, 401, 200, 403, 200, 200, 200},

		"GET /api/v1/explain":                     {200, 401, 401, 200, 403, 200, 200, 200},
		"GET /api/v1/gate":                        {200, 401, 401, 200, 403, 200, 200, 200},
		"GET /api/v1/objectives":                  {200, 401, 401, 200, 403, 200, 200, 200},
		"GET /api/v1/objectives/{process}":        {200, 401, 401, 200, 403, 200, 200, 200},
		"GET /api/v1/changes":                     {200, 401, 401, 200, 403, 200, 200, 200},
		"POST /api/v1/changes":                    {401, 401, 401, 403, 403, 200, 200, 403},
		"POST /api/v1/changes/{tool}":             {401, 401, 401, 403, 403, 200, 200, 403},
		"POST /api/v1/incidents/{id}/acknowledge": {401, 401, 401, 403, 403, 200, 200, 403},
		"GET /api/v1/probing":                     {200, 401, 401, 200, 403, 200, 200, 200},
		"POST /api/v1/probing/pause":              {401, 401, 401, 403, 403, 200, 200, 403},
		"POST /api/v1/probing/resume":             {401, 401, 401, 403, 403, 200, 200, 403},
		"GET /prometheus/":                        {200, 401, 401, 200, 403, 200, 200, 200},
		"POST /prometheus/":                       {200, 401, 401, 200, 403, 200, 200, 200},
		"POST /-/reload":                          {401, 401, 401, 403, 403, 403, 200, 403},
	}
	got := map[string][]int{}
	for i, route := range routes {
		key := route.Method + " " + route.Pattern
		for _, name := range who {
			r := httptest.NewRequest(route.Method, "http://127.0.0.1:9977"+route.Pattern, http.NoBody)
			r.RemoteAddr = fmt.Sprintf("192.0.2.%d:50000", i+1) // who guesses often from one address is slowed down
			switch name {
			case "loopback":
				r.RemoteAddr = "127.0.0.1:50000"
			case "network":
			case "wrong":
				r.Header.Set("Authorization", "Bearer nobodys-token-0123456789-0123456789")
			case "alice":
				r.SetBasicAuth("alice", "correct-horse")
			default:
				r.Header.Set("Authorization", "Bearer "+name+"-token-0123456789-0123456789")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got[key] = append(got[key], w.Code)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers to %v (-want +got):\n%s", who, diff)
	}
	for _, route := range routes {
		key := route.Method + " " + route.Pattern
		reads := route.Method == http.MethodGet || key == "POST /prometheus/" // long queries are posted
		if !reads && !slices.Contains([]auth.Scope{auth.Operate, auth.Admin}, route.Scope) {
			t.Errorf("%s may change something with the scope %s", key, route.Scope)
		}
	}
}

func TestReloadAnswers(t *testing.T) {
	mistakes := estate.Mistakes{{File: "estate.yaml", Line: 2, Column: 7, Path: "kind", What: "is not Estate", Remedy: "write kind: Estate"}}
	good := func(string) (string, error) { return "0123456789abcdef", nil }
	bad := func(string) (string, error) { return "", mistakes }
	tests := map[string]struct {
		reload Reloader
		accept string
		status int
		want   string
	}{
		"accepted":              {good, "", 202, "accepted: reloading\nconfiguration 0123456789abcdef\n"},
		"accepted, for machine": {good, "application/json", 202, `{"config_hash":"0123456789abcdef","status":"accepted"}` + "\n"},
		"refused":               {bad, "*/*", 422, "the estate has mistakes; the running configuration stays\nestate.yaml:2:7: kind: is not Estate; write kind: Estate\n"},
		"refused, for machine": {
			bad, "application/json", 422,
			`{"mistakes":[{"file":"estate.yaml","line":2,"column":7,"path":"kind","what":"is not Estate","remedy":"write kind: Estate"}],"status":"refused"}` + "\n",
		},
		"nothing to read": {nil, "", 501, "this daemon was not started from a file that can be read again\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := &App{reload: tt.reload}
			r := httptest.NewRequest(http.MethodPost, "/-/reload", http.NoBody)
			r.Header.Set("Accept", tt.accept)
			w := httptest.NewRecorder()
			a.serveReload(w, r)
			if w.Code != tt.status || w.Body.String() != tt.want {
				t.Errorf("answer = %d %q, want %d %q", w.Code, w.Body, tt.status, tt.want)
			}
		})
	}
}

// What a client can cause is not logged; a handler that panics is.
func TestComplaintsOfTheServer(t *testing.T) {
	var log bytes.Buffer
	to := slog.NewLogLogger(complaints{slog.NewTextHandler(&log, nil)}, slog.LevelDebug)
	to.Print("http: TLS handshake error from 192.0.2.7:50000: EOF")
	if log.Len() > 0 {
		t.Errorf("the log says %q", log.String())
	}
	to.Print("http: panic serving 192.0.2.7:50000: nil")
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log says %q, want an error", log.String())
	}
}

// A daemon from an estate file asks who reads, counts who may not, and tells
// it; it says nothing of what was presented.
func TestServerAsksWhoReads(t *testing.T) {
	secrets := t.TempDir()
	const token, wrong = "deploy-token-0123456789-0123456789", "nobodys-token-0123456789-0123456789"
	if err := os.WriteFile(filepath.Join(secrets, "deploy"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, err := Load(minimal(t, "web: {listen: \"127.0.0.1:0\", unauthenticated: nowhere, tokens: [{name: deploy, scopes: [admin, scrape], token: \"${file:"+secrets+"/deploy}\"}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	asked := make(chan string, 1)
	a, err := New(t.Context(), Settings{
		Plan: plan, Data: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil)),
		Reload: func(who string) (string, error) { asked <- who; return plan.Estate.Hash, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Start(t.Context())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	said := ""
	ask := func(method, path, with string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if with != "" {
			req.Header.Set("Authorization", "Bearer "+with)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }() // read to the end below
		var body bytes.Buffer
		if _, err := body.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		said += body.String()
		for name, values := range resp.Header {
			said += name + strings.Join(values, " ")
		}
		return resp.StatusCode
	}
	for _, tt := range []struct {
		method, path, with string
		want               int
	}{
		{"GET", "/-/healthy", "", 200},
		{"GET", "/", "", 401},
		{"GET", "/api/v1/overview?secret=hunter2", wrong, 401},
		{"GET", "/", token, 200},
		{"POST", "/-/reload?secret=hunter2", "", 401},
		{"POST", "/-/reload", wrong, 401},
		{"POST", "/-/reload", token, 202},
		{"GET", "/metrics", token, 200},
	} {
		if got := ask(tt.method, tt.path, tt.with); got != tt.want {
			t.Errorf("%s %s = %d, want %d", tt.method, tt.path, got, tt.want)
		}
	}
	if who := <-asked; who != "token:deploy" {
		t.Errorf("reload was asked by %s", who)
	}
	if !strings.Contains(said, `closewatch_auth_failures_total{component="closewatch",environment="production",kind="missing"} 2`) {
		t.Error("closewatch_auth_failures_total does not count who presents nothing")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Errorf("Stop() = %v", err)
	}
	for _, want := range []string{
		`msg=access outcome=granted identity=token:deploy scope=admin method=POST route=/-/reload remote=loopback count=1`,
		`msg=access outcome=denied identity=unknown scope=admin method=POST route=/-/reload remote=loopback count=1`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log.String())
		}
	}
	for where, text := range map[string]string{"the log": log.String(), "an answer": said} {
		for _, s := range []string{token, wrong, "hunter2"} {
			if strings.Contains(text, s) {
				t.Errorf("%s shows %s", where, s)
			}
		}
	}
}
