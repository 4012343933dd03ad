package auth_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
)

// certificate is a connection on which a client proved a certificate.
func certificate(name string, until time.Time) *tls.ConnectionState {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: until}
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
}

// TestWhoMayDoWhat asks every route as everybody: the answers stand in the
// order open, scrape, read, query, operate, admin.
func TestWhoMayDoWhat(t *testing.T) {
	asked := []string{"GET /-/healthy", "GET /metrics", "GET /api/v1/explain", "POST /query", "POST /api/v1/acknowledge", "POST /-/reload"}
	later, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	unproved := certificate("deploy", later)
	unproved.VerifiedChains = nil
	tests := map[string]struct {
		from, with string
		tls        *tls.ConnectionState
		open       estate.Unauthenticated
		want       [6]int
	}{
		"this machine":                           {from: fromHere, want: [6]int{200, 200, 200, 200, 401, 401}},
		"this machine, IPv6":                     {from: "[::1]:50000", want: [6]int{200, 200, 200, 200, 401, 401}},
		"this machine, IPv4 in IPv6":             {from: "[::ffff:127.0.0.1]:50000", want: [6]int{200, 200, 200, 200, 401, 401}},
		"this machine when nobody is trusted":    {from: fromHere, open: estate.Nowhere, want: [6]int{200, 401, 401, 401, 401, 401}},
		"another machine":                        {from: fromNetwork, want: [6]int{200, 401, 401, 401, 401, 401}},
		"another machine when all are trusted":   {from: fromWorld, open: estate.Everywhere, want: [6]int{200, 200, 200, 200, 401, 401}},
		"an address that is none":                {from: "@", want: [6]int{200, 401, 401, 401, 401, 401}},
		"read token":                             {from: fromNetwork, with: bearer(readToken), want: [6]int{200, 403, 200, 200, 403, 403}},
		"scrape token":                           {from: fromNetwork, with: bearer(scrapeToken), want: [6]int{200, 200, 403, 403, 403, 403}},
		"operate token":                          {from: fromNetwork, with: bearer(operateToken), want: [6]int{200, 403, 200, 200, 200, 403}},
		"admin token":                            {from: fromNetwork, with: bearer(adminToken), want: [6]int{200, 403, 200, 200, 200, 200}},
		"admin token from this machine":          {from: fromHere, with: bearer(adminToken), want: [6]int{200, 403, 200, 200, 200, 200}},
		"small letters":                          {from: fromNetwork, with: "bearer " + readToken, want: [6]int{200, 403, 200, 200, 403, 403}},
		"wrong token":                            {from: fromNetwork, with: bearer(wrongToken), want: [6]int{200, 401, 401, 401, 401, 401}},
		"wrong token from this machine":          {from: fromHere, with: bearer(wrongToken), want: [6]int{200, 401, 401, 401, 401, 401}},
		"a token and a letter":                   {from: fromNetwork, with: bearer(readToken + "a"), want: [6]int{200, 401, 401, 401, 401, 401}},
		"a token but a letter":                   {from: fromNetwork, with: bearer(readToken[1:]), want: [6]int{200, 401, 401, 401, 401, 401}},
		"no token":                               {from: fromNetwork, with: "Bearer", want: [6]int{200, 400, 400, 400, 400, 400}},
		"two words":                              {from: fromNetwork, with: bearer(readToken + " x"), want: [6]int{200, 400, 400, 400, 400, 400}},
		"another scheme":                         {from: fromNetwork, with: "Digest username=alice", want: [6]int{200, 400, 400, 400, 400, 400}},
		"user the estate does not list":          {from: fromNetwork, with: basic("alice", alicesWord), want: [6]int{200, 403, 200, 200, 403, 403}},
		"user the estate lists":                  {from: fromNetwork, with: basic("bob", bobsWord), want: [6]int{200, 403, 200, 200, 200, 403}},
		"wrong password":                         {from: fromNetwork, with: basic("bob", "hunter2"), want: [6]int{200, 401, 401, 401, 401, 401}},
		"password of another":                    {from: fromNetwork, with: basic("bob", alicesWord), want: [6]int{200, 401, 401, 401, 401, 401}},
		"a name that does not exist":             {from: fromNetwork, with: basic("mallory", alicesWord), want: [6]int{200, 401, 401, 401, 401, 401}},
		"no password":                            {from: fromNetwork, with: basic("bob", ""), want: [6]int{200, 401, 401, 401, 401, 401}},
		"not base64":                             {from: fromNetwork, with: "Basic %%%", want: [6]int{200, 400, 400, 400, 400, 400}},
		"no colon":                               {from: fromNetwork, with: "Basic Ym9i", want: [6]int{200, 400, 400, 400, 400, 400}},
		"not text":                               {from: fromNetwork, with: "Basic /zr/", want: [6]int{200, 400, 400, 400, 400, 400}},
		"too long":                               {from: fromNetwork, with: bearer(strings.Repeat("a", 3000)), want: [6]int{200, 400, 400, 400, 400, 400}},
		"certificate":                            {from: fromNetwork, tls: certificate("deploy", later), want: [6]int{200, 403, 200, 200, 200, 200}},
		"certificate of a scraper":               {from: fromNetwork, tls: certificate("prometheus", later), want: [6]int{200, 200, 403, 403, 403, 403}},
		"certificate of a stranger":              {from: fromNetwork, tls: certificate("mallory", later), want: [6]int{200, 401, 401, 401, 401, 401}},
		"certificate of a stranger on loopback":  {from: fromHere, tls: certificate("mallory", later), want: [6]int{200, 200, 200, 200, 401, 401}},
		"certificate that nobody verified":       {from: fromNetwork, tls: unproved, want: [6]int{200, 401, 401, 401, 401, 401}},
		"certificate that ended meanwhile":       {from: fromNetwork, tls: certificate("deploy", past), want: [6]int{200, 401, 401, 401, 401, 401}},
		"certificate and a token: the token":     {from: fromNetwork, tls: certificate("deploy", later), with: bearer(readToken), want: [6]int{200, 403, 200, 200, 403, 403}},
		"certificate and a wrong token":          {from: fromNetwork, tls: certificate("deploy", later), with: bearer(wrongToken), want: [6]int{200, 401, 401, 401, 401, 401}},
		"token that is a user's name":            {from: fromNetwork, with: bearer("bob"), want: [6]int{200, 401, 401, 401, 401, 401}},
		"password that is a token":               {from: fromNetwork, with: basic("deploy", adminToken), want: [6]int{200, 401, 401, 401, 401, 401}},
		"an empty header, which is none of ours": {from: fromHere, with: " ", want: [6]int{200, 400, 400, 400, 400, 400}},
	}
	file := webFile(t, users(t))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := web()
			if tt.open != "" {
				w.Unauthenticated = tt.open
			}
			_, h := guarded(t, auth.Settings{Web: w, File: file})
			var got [6]int
			for i, a := range asked {
				method, path, _ := strings.Cut(a, " ")
				r := request(method, path+"?secret=hunter2", tt.from, tt.with)
				r.TLS = tt.tls
				resp := ask(h, r)
				got[i] = resp.Code
				noSecret(t, a, fmt.Sprint(resp.Body, resp.Header()))
				if resp.Code == http.StatusUnauthorized && resp.Header().Get("WWW-Authenticate") == "" {
					t.Errorf("%s: 401 without WWW-Authenticate", a)
				}
			}
			if got != tt.want {
				t.Errorf("%v = %v, want %v", asked, got, tt.want)
			}
		})
	}
}

func TestHandlersLearnWhoAsks(t *testing.T) {
	_, h := guarded(t, auth.Settings{Web: web(), File: webFile(t, users(t))})
	for with, want := range map[string]string{
		"":                         "hello loopback",
		bearer(readToken):          "hello token:grafana",
		basic("alice", alicesWord): "hello user:alice",
	} {
		if got := ask(h, request("GET", "/", fromHere, with)).Body.String(); got != want {
			t.Errorf("with %q: %q, want %q", with, got, want)
		}
	}
	r := request("GET", "/api/v1/explain", fromNetwork, "")
	r.TLS = certificate("deploy", time.Now().Add(time.Hour))
	if got := ask(h, r).Body.String(); got != "hello client:deploy" {
		t.Errorf("with a certificate: %q", got)
	}
}

func TestTwoAuthorizationHeadersAreNone(t *testing.T) {
	_, h := guarded(t, auth.Settings{Web: web(), File: webFile(t, users(t))})
	r := request("GET", "/", fromNetwork, bearer(readToken))
	r.Header.Add("Authorization", basic("alice", alicesWord))
	if got := ask(h, r); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), "more than one Authorization header") {
		t.Errorf("answer = %d %s", got.Code, got.Body)
	}
}

func TestChallenges(t *testing.T) {
	both, onlyTokens, neither := web(), web(), estate.Web{Unauthenticated: estate.Loopback}
	file := webFile(t, users(t))
	onlyUsers := web()
	onlyUsers.Tokens, onlyTokens.Users = nil, nil
	const scheme, login = `Bearer realm="closewatch"`, `Basic realm="closewatch", charset="UTF-8"`
	tests := map[string]struct {
		web    estate.Web
		file   *auth.File
		with   string
		path   string
		status int
		want   []string
	}{
		"tokens and passwords": {both, file, "", "/-/reload", 401, []string{login, scheme}},
		"only tokens":          {onlyTokens, nil, "", "/-/reload", 401, []string{scheme}},
		"only passwords":       {onlyUsers, file, "", "/-/reload", 401, []string{login}},
		"nothing":              {neither, nil, "", "/-/reload", 401, []string{scheme}},
		"wrong token":          {onlyTokens, nil, bearer(wrongToken), "/-/reload", 401, []string{scheme + `, error="invalid_token"`}},
		"malformed":            {onlyTokens, nil, "Bearer ä", "/-/reload", 400, []string{scheme + `, error="invalid_request"`}},
		"wrong password":       {onlyUsers, file, basic("bob", "x"), "/-/reload", 401, []string{login}},
		"not enough":           {both, file, bearer(readToken), "/-/reload", 403, []string{scheme + `, error="insufficient_scope", scope="admin"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, h := guarded(t, auth.Settings{Web: tt.web, File: tt.file})
			resp := ask(h, request("POST", tt.path, fromHere, tt.with))
			if resp.Code != tt.status {
				t.Errorf("status = %d, want %d: %s", resp.Code, tt.status, resp.Body)
			}
			if diff := cmp.Diff(tt.want, resp.Header().Values("WWW-Authenticate")); diff != "" {
				t.Errorf("WWW-Authenticate (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	_, h := guarded(t, auth.Settings{Web: web()})
	resp := ask(h, request("POST", "/-/reload", fromHere, ""))
	if got, want := resp.Body.String(), "this needs a token, a password or a certificate with the scope admin, also from this machine\n"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
	if got := resp.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type = %s", got)
	}
	resp = ask(h, request("POST", "/api/v1/acknowledge?secret=hunter2", fromHere, bearer(readToken)))
	var problem map[string]any
	if err := json.Unmarshal(resp.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "about:blank", "title": "Forbidden", "status": 403.0,
		"detail": "token:grafana lacks the scope operate", "instance": "/api/v1/acknowledge",
	}
	if diff := cmp.Diff(want, problem); diff != "" || resp.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("problem (-want +got):\n%s%v", diff, resp.Header())
	}
	if got := ask(h, request("POST", "/-/reload", fromHere, "")).Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q", got)
	}
	_, h = guarded(t, auth.Settings{Web: estate.Web{Unauthenticated: estate.Loopback}})
	if got := ask(h, request("POST", "/-/reload", fromHere, "")).Body.String(); !strings.HasSuffix(got, "the estate has none: add one under web.tokens\n") {
		t.Errorf("text = %q", got)
	}
}

func TestNothingIsServedThatNoRouteDeclares(t *testing.T) {
	_, h := guarded(t, auth.Settings{Web: web()})
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"POST", "/", 405},
		{"PUT", "/metrics", 405},
		{"DELETE", "/api/v1/explain", 405},
		{"BREW", "/", 405},
		{"OPTIONS", "/-/reload", 405},
		{"HEAD", "/", 200},
		{"GET", "/-/reload", 200}, // GET / serves it: a page that says there is nothing
	} {
		if got := ask(h, request(tt.method, tt.path, fromHere, bearer(adminToken))); got.Code != tt.want {
			t.Errorf("%s %s = %d, want %d", tt.method, tt.path, got.Code, tt.want)
		}
	}
}

func TestARouteWithoutAScopeIsRefused(t *testing.T) {
	g, err := auth.New(auth.Settings{Web: web()})
	if err != nil {
		t.Fatal(err)
	}
	good := auth.Route{Method: "GET", Pattern: "/x", Scope: auth.Read, Handler: http.NotFoundHandler()}
	for want, change := range map[string]func(*auth.Route){
		"has no scope":   func(r *auth.Route) { r.Scope = "" },
		`"everything"`:   func(r *auth.Route) { r.Scope = "everything" },
		"has no method":  func(r *auth.Route) { r.Method = "" },
		"has no handler": func(r *auth.Route) { r.Handler = nil },
	} {
		bad := good
		change(&bad)
		if _, err := g.Handler(slices.Concat(routes(), []auth.Route{bad})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Handler() = %v, want %s", err, want)
		}
	}
	if _, err := g.Handler(slices.Concat(routes(), []auth.Route{good})); err != nil {
		t.Errorf("Handler() = %v", err)
	}
}

// A page in a browser can neither change anything with what the browser adds by
// itself, nor read through a name that was made to lead here.
func TestPagesOfOthers(t *testing.T) {
	tests := map[string]struct {
		method, path, host, with, from string
		headers                        map[string]string
		want                           int
	}{
		"a command line":                                 {"POST", "/-/reload", "127.0.0.1:9977", bearer(adminToken), fromHere, nil, 200},
		"our own page":                                   {"POST", "/-/reload", "127.0.0.1:9977", bearer(adminToken), fromHere, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:9977"}, 200},
		"our own page behind a proxy":                    {"POST", "/-/reload", "127.0.0.1:9977", bearer(adminToken), fromHere, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://closewatch.example.com"}, 200},
		"another site, with the browser's password":      {"POST", "/api/v1/acknowledge", "127.0.0.1:9977", basic("bob", bobsWord), fromHere, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		"another site of the same domain":                {"POST", "/-/reload", "closewatch.example.com", bearer(adminToken), fromNetwork, map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"an old browser tells the origin only":           {"POST", "/-/reload", "127.0.0.1:9977", bearer(adminToken), fromHere, map[string]string{"Origin": "https://evil.example"}, 403},
		"a page without an origin":                       {"POST", "/-/reload", "127.0.0.1:9977", bearer(adminToken), fromHere, map[string]string{"Origin": "null"}, 403},
		"another site posts a query":                     {"POST", "/query", "127.0.0.1:9977", "", fromHere, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"another site links here":                        {"GET", "/", "127.0.0.1:9977", "", fromHere, map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		"a name that leads here":                         {"GET", "/", "evil.example:9977", "", fromHere, map[string]string{"Sec-Fetch-Site": "same-origin"}, 421},
		"a name that looks like ours":                    {"GET", "/", "127.0.0.1.evil.example", "", fromHere, nil, 421},
		"a name that leads here, for a change":           {"POST", "/-/reload", "evil.example", "", fromHere, nil, 401},
		"localhost":                                      {"GET", "/", "localhost:9977", "", fromHere, nil, 200},
		"Localhost with a dot":                           {"GET", "/", "Localhost.:9977", "", fromHere, nil, 200},
		"IPv6":                                           {"GET", "/", "[::1]:9977", "", fromHere, nil, 200},
		"IPv6 without a port":                            {"GET", "/", "[::1]", "", fromHere, nil, 200},
		"the name people use":                            {"GET", "/", "closewatch.example.com", "", fromHere, nil, 200},
		"any name with a token":                          {"GET", "/", "proxy.internal", bearer(readToken), fromHere, nil, 200},
		"health by any name":                             {"GET", "/-/healthy", "evil.example", "", fromHere, nil, 200},
		"a name that leads here, and nobody may read it": {"GET", "/", "evil.example", "", fromNetwork, nil, 401},
	}
	_, h := guarded(t, auth.Settings{Web: web(), File: webFile(t, users(t))})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := request(tt.method, tt.path, tt.from, tt.with)
			r.Host = tt.host
			for k, v := range tt.headers {
				r.Header.Set(k, v)
			}
			if got := ask(h, r); got.Code != tt.want {
				t.Errorf("answer = %d, want %d: %s", got.Code, tt.want, got.Body)
			}
		})
	}
}

func TestSettingsOfTheWebFileHold(t *testing.T) {
	file := webFile(t, users(t)+"http_server_config:\n  headers: {X-Frame-Options: deny}\nrate_limit: {interval: 1h, burst: 2}\n")
	_, h := guarded(t, auth.Settings{Web: web(), File: file})
	var got []int
	for range 3 {
		resp := ask(h, request("GET", "/", fromHere, ""))
		if resp.Header().Get("X-Frame-Options") != "deny" {
			t.Errorf("headers = %v", resp.Header())
		}
		got = append(got, resp.Code)
	}
	if !slices.Equal(got, []int{200, 200, 429}) {
		t.Errorf("answers = %v, want two and a refusal", got)
	}
}
