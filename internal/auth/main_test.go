package auth_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What must never be seen again once it was presented.
const (
	readToken    = "read-token-of-grafana-0123456789"
	scrapeToken  = "scrape-token-of-prometheus-01234"
	operateToken = "operate-token-of-oncall-01234567"
	adminToken   = "admin-token-of-deploy-0123456789"
	wrongToken   = "a-token-that-is-nobodys-01234567"
	alicesWord   = "correct-horse"
	bobsWord     = "battery:staple"
)

// web is an estate's with an identity of every kind.
func web() estate.Web {
	var w estate.Web
	w.SetDefaults()
	w.ExternalURL = "https://closewatch.example.com"
	for _, t := range []struct {
		name, token string
		scope       estate.Scope
	}{{"grafana", readToken, auth.Read}, {"prometheus", scrapeToken, auth.Scrape}, {"oncall", operateToken, auth.Operate}, {"deploy", adminToken, auth.Admin}} {
		w.Tokens = append(w.Tokens, estate.Token{Name: t.name, Scopes: []estate.Scope{t.scope}, Token: secret.New(t.token)})
	}
	w.Users = map[string][]estate.Scope{"bob": {auth.Operate}}
	w.Clients = []estate.Client{{Name: "prometheus", Scopes: []estate.Scope{auth.Scrape}}, {Name: "deploy", Scopes: []estate.Scope{auth.Admin}}}
	return w
}

func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// users are the passwords of alice, whom the estate does not list, and bob.
func users(t *testing.T) string {
	t.Helper()
	return "basic_auth_users:\n  alice: " + hash(t, alicesWord) + "\n  bob: " + hash(t, bobsWord) + "\n"
}

// webFile reads a web configuration file of that content.
func webFile(t *testing.T, content string) *auth.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := auth.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// routes are one of every scope, and what they were asked by.
func routes() []auth.Route {
	says := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("hello " + auth.Identity(r))) }
	h := http.HandlerFunc(says)
	return []auth.Route{
		{Method: "GET", Pattern: "/-/healthy", Scope: auth.Open, Handler: h},
		{Method: "GET", Pattern: "/metrics", Scope: auth.Scrape, Handler: h},
		{Method: "GET", Pattern: "/", Scope: auth.Read, Handler: h},
		{Method: "GET", Pattern: "/api/v1/explain", Scope: auth.Read, Handler: h},
		{Method: "POST", Pattern: "/query", Scope: auth.Read, Handler: h},
		{Method: "POST", Pattern: "/api/v1/acknowledge", Scope: auth.Operate, Handler: h},
		{Method: "POST", Pattern: "/-/reload", Scope: auth.Admin, Handler: h},
	}
}

// guarded is routes behind a guard.
func guarded(t *testing.T, s auth.Settings) (*auth.Guard, http.Handler) {
	t.Helper()
	g, err := auth.New(s)
	if err != nil {
		t.Fatal(err)
	}
	h, err := g.Handler(routes())
	if err != nil {
		t.Fatal(err)
	}
	return g, h
}

const (
	fromHere    = "127.0.0.1:50000"
	fromNetwork = "10.0.0.7:50000"
	fromWorld   = "203.0.113.7:50000"
)

// request is one from an address with an Authorization header, "" for none.
func request(method, path, from, authorization string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:9977"+path, http.NoBody)
	r.RemoteAddr = from
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func bearer(token string) string { return "Bearer " + token }

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// A recorder keeps what it is told.
type recorder struct {
	mu     sync.Mutex
	events []auth.Event
}

func (r *recorder) Access(e auth.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// told returns the events since it was last asked.
func (r *recorder) told() []auth.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.events
	r.events = nil
	return out
}

// noSecret fails when a text shows what was presented.
func noSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range []string{readToken, scrapeToken, operateToken, adminToken, wrongToken, alicesWord, bobsWord, "hunter2", "$2a$", basic("alice", alicesWord), "secret="} {
		if strings.Contains(text, s) {
			t.Errorf("%s shows %q:\n%s", where, s, text)
		}
	}
}
