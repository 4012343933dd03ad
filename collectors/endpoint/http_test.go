package endpoint

import (
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// answering answers with a status and a body.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Every way in which an HTTP service fails has its kind, and none of them shows
// a secret, a query or what was answered.
func TestHTTPKinds(t *testing.T) {
	expect := func(e Expect) func(*HTTP) {
		return func(c *HTTP) {
			e.MaxBytes = c.Expect.MaxBytes
			c.Expect = e
		}
	}
	short := func(e Expect) func(*HTTP) {
		return func(c *HTTP) {
			e.MaxBytes = 8
			c.Expect = e
		}
	}
	const document = `{"status":"UP","consents":[{"valid":true,"days":42,"note":null}],"a/b":"x","` + hushed + `":1}`
	tests := map[string]struct {
		handler http.HandlerFunc
		check   func(*HTTP)
		kind    fault.Kind
		says    string
	}{
		"answers":                        {handler: answering(200, "ok")},
		"answers another 2xx":            {handler: answering(204, "")},
		"answers 2xx, 201 was expected":  {handler: answering(200, ""), check: expect(Expect{Status: []int{201}}), kind: fault.Assertion, says: "HTTP 200"},
		"answers 401 as expected":        {handler: answering(401, ""), check: expect(Expect{Status: []int{401}})},
		"wants credentials":              {handler: answering(401, ""), kind: fault.Auth, says: "HTTP 401 Unauthorized"},
		"credentials lack the right":     {handler: answering(403, ""), kind: fault.Denied},
		"limits the rate":                {handler: answering(429, ""), kind: fault.Limit},
		"does not know the path":         {handler: answering(404, ""), kind: fault.Rejected},
		"does not like the request":      {handler: answering(422, ""), kind: fault.Rejected},
		"waited for the request in vain": {handler: answering(408, ""), kind: fault.Timeout},
		"fails":                          {handler: answering(500, ""), kind: fault.Unavailable},
		"has a dead upstream":            {handler: answering(502, ""), kind: fault.Unavailable},
		"is in maintenance":              {handler: answering(503, ""), kind: fault.Unavailable, says: "HTTP 503 Service Unavailable"},
		"has a slow upstream":            {handler: answering(504, ""), kind: fault.Unavailable},
		"answers an unknown status":      {handler: answering(799, ""), kind: fault.Schema},
		"redirects": {
			handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login?"+hushed, http.StatusFound) },
			kind:    fault.Schema, says: "HTTP 302 Found",
		},
		"redirects for ever": {
			handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
			check:   func(c *HTTP) { c.FollowRedirects = true }, kind: fault.Schema, says: "more than 5 redirects",
		},
		"body has the text":              {handler: answering(200, "all is well"), check: expect(Expect{BodyContains: "is w"})},
		"body lacks the text":            {handler: answering(200, hushed), check: expect(Expect{BodyContains: "well"}), kind: fault.Assertion},
		"body has the pattern":           {handler: answering(200, "v1.2"), check: expect(Expect{BodyMatches: `^v\d`})},
		"body lacks the pattern":         {handler: answering(200, hushed), check: expect(Expect{BodyMatches: `^v\d`}), kind: fault.Assertion},
		"text is behind the cut":         {handler: answering(200, "0123456789"), check: short(Expect{BodyContains: "9"}), kind: fault.Assertion, says: "in its first 8 bytes"},
		"text is before the cut":         {handler: answering(200, "0123456789"), check: short(Expect{BodyContains: "7"})},
		"JSON has the values":            {handler: answering(200, document), check: expect(Expect{JSON: map[string]string{"/status": "UP", "/consents/0/valid": "true", "/consents/0/days": "42", "/consents/0/note": "null", "/a~1b": "x"}})},
		"JSON has another value":         {handler: answering(200, document), check: expect(Expect{JSON: map[string]string{"/status": "DOWN"}}), kind: fault.Assertion, says: "/status"},
		"JSON lacks a field":             {handler: answering(200, document), check: expect(Expect{JSON: map[string]string{"/state": "UP"}}), kind: fault.Schema},
		"JSON has a shorter list":        {handler: answering(200, document), check: expect(Expect{JSON: map[string]string{"/consents/1/valid": "true"}}), kind: fault.Schema},
		"JSON has a text for an object":  {handler: answering(200, document), check: expect(Expect{JSON: map[string]string{"/status/code": "1"}}), kind: fault.Schema},
		"JSON has an object for a value": {handler: answering(200, document), check: expect(Expect{JSON: map[string]string{"/consents": "1"}}), kind: fault.Schema},
		"JSON is behind the cut":         {handler: answering(200, document), check: short(Expect{JSON: map[string]string{"/status": "UP"}}), kind: fault.Schema, says: "longer than 8 bytes"},
		"HTML comes for JSON":            {handler: answering(200, "<html>"+hushed), check: expect(Expect{JSON: map[string]string{"/status": "UP"}}), kind: fault.Schema},
		"two documents come for one":     {handler: answering(200, `{"status":"UP"}{}`), check: expect(Expect{JSON: map[string]string{"/status": "UP"}}), kind: fault.Schema},
		"headers have no end": {
			handler: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Long", strings.Repeat("x", 1<<17)) },
			kind:    fault.Schema,
		},
		"hangs up in the body": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "half")
				panic(http.ErrAbortHandler)
			},
			kind: fault.Unreachable,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := serve(t, tt.handler)
			url := "http://" + at(server.URL) + "/path/" + hushed + "?key=" + hushed
			c := httpCheck(url, func(c *HTTP) {
				c.SecretHeaders = map[string]secret.Value{"X-Api-Key": secret.New(hushed)}
				c.Bearer = secret.New(hushed)
				if tt.check != nil {
					tt.check(c)
				}
			})
			values, err := run(t, newProbe(c, settings(t)))
			expectKind(t, values, err, tt.kind, tt.says)
		})
	}
}

// expectKind judges the outcome of a first run.
func expectKind(t *testing.T, values map[string]float64, err error, kind fault.Kind, says string) {
	t.Helper()
	if got := fault.KindOf(err); got != kind {
		t.Fatalf("Collect() = %v of kind %q, want kind %q", err, got, kind)
	}
	success, failures := 1.0, 0.0
	if err != nil {
		success, failures = 0, 1
		if text := err.Error(); strings.Contains(text, hushed) || strings.Contains(text, "?") || !strings.Contains(text, says) || len(text) > 600 {
			t.Errorf("Collect() = %q, want a short text with %q, without a secret", text, says)
		}
		if values["endpoint_check_failures_total/"+string(kind)] != 1 {
			t.Errorf("failures of kind %s = %v, want 1", kind, values["endpoint_check_failures_total/"+string(kind)])
		}
	}
	if values["probe_success"] != success || values["endpoint_check_consecutive_failures"] != failures {
		t.Errorf("success %v, failures in a row %v, want %v, %v", values["probe_success"], values["endpoint_check_consecutive_failures"], success, failures)
	}
}

// What is not an HTTP service, or not one we can speak to.
func TestHTTPConnections(t *testing.T) {
	ok := answering(200, "ok")
	trusted := serveTLS(t, ok, nil)
	trust := authority(t, trusted)
	old := serveTLS(t, ok, func(s *httptest.Server) { s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11} })
	mutual := serveTLS(t, ok, func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} })
	plain := serve(t, ok)
	tests := map[string]struct {
		url  string
		tls  *TLS
		kind fault.Kind
	}{
		"TLS of an authority that is given":  {url: "https://" + at(trusted.URL), tls: trust},
		"TLS of an authority nobody knows":   {url: "https://" + at(trusted.URL), kind: fault.TLS},
		"TLS for another host":               {url: "https://" + at(trusted.URL), tls: &TLS{CA: trust.CA}, kind: fault.TLS},
		"TLS too old":                        {url: "https://" + at(old.URL), tls: authority(t, old), kind: fault.TLS},
		"TLS that wants our certificate":     {url: "https://" + at(mutual.URL), tls: authority(t, mutual), kind: fault.TLS},
		"TLS that gets our certificate":      {url: "https://" + at(mutual.URL), tls: withCertificate(authority(t, mutual))},
		"no TLS":                             {url: "https://" + at(plain.URL), kind: fault.TLS},
		"TLS where none was expected":        {url: "http://" + at(trusted.URL), kind: fault.Rejected}, // Go's server answers 400 in clear
		"an authority whose file is missing": {url: "https://" + at(trusted.URL), tls: &TLS{CA: "/nowhere/ca.pem"}, kind: fault.Internal},
		"an authority in no PEM file":        {url: "https://" + at(trusted.URL), tls: &TLS{CA: write(t, "ca.pem", []byte("none"))}, kind: fault.Internal},
		"a name that does not exist":         {url: "http://nowhere.test/", kind: fault.DNS},
		"a port nobody listens at":           {url: "http://" + closed(t), kind: fault.Unreachable},
		"a server that hangs up":             {url: "http://" + listen(t, func(c net.Conn) { _ = c.Close() }), kind: fault.Unreachable},
		"a server that speaks SSH": {url: "http://" + listen(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-"+hushed+"\r\n")
		}), kind: fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := httpCheck(tt.url, func(c *HTTP) { c.TLS = tt.tls })
			values, err := run(t, newProbe(c, settings(t)))
			expectKind(t, values, err, tt.kind, "")
			if _, answered := values["probe_http_status_code"]; answered != (tt.kind == "" || tt.kind == fault.Rejected) {
				t.Errorf("a status was published: %v", answered)
			}
		})
	}
}

func withCertificate(c *TLS) *TLS {
	c.Certificate = c.CA
	return c
}

func TestHTTPSendsWhatItIsTold(t *testing.T) {
	requests := make(chan *http.Request, 1)
	bodies := make(chan string, 1)
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		requests <- r
		bodies <- string(text)
	})
	c := httpCheck("http://"+at(server.URL)+"/rates?key="+hushed, func(c *HTTP) {
		c.Method, c.Body = http.MethodPost, "<envelope/>"
		c.Headers = map[string]string{"content-type": "text/xml", "Host": "tax.example.com"}
		c.SecretHeaders = map[string]secret.Value{"X-Api-Key": secret.New(hushed)}
		c.Basic = &Basic{Username: "closewatch", Password: secret.New(hushed)}
	})
	if _, err := run(t, newProbe(c, settings(t))); err != nil {
		t.Fatal(err)
	}
	r := <-requests
	user, password, _ := r.BasicAuth()
	got := fmt.Sprint(r.Method, " ", r.Host, " ", r.URL, " ", r.Header.Get("Content-Type"), " ", r.Header.Get("X-Api-Key"), " ", user, " ", password, " ", <-bodies, " ", r.UserAgent())
	want := "POST tax.example.com /rates?key=hunter2 text/xml hunter2 closewatch hunter2 <envelope/> closewatch-probe/1"
	if got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// A body that is longer than its bound is read no further and said to be cut;
// one that unpacks to more than it weighs is bounded as unpacked.
func TestHTTPBodiesAreBounded(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
				return
			}
		}
	}
	packed := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 1 << 7 {
			if _, err := io.WriteString(z, strings.Repeat("x", 1<<14)); err != nil {
				return
			}
		}
		_ = z.Close()
	}
	for name, handler := range map[string]http.HandlerFunc{"endless": endless, "packed": packed} {
		t.Run(name, func(t *testing.T) {
			c := httpCheck("http://"+at(serve(t, handler).URL), nil)
			values, err := run(t, newProbe(c, settings(t)))
			if err != nil || values["endpoint_body_truncated"] != 1 {
				t.Errorf("Collect() = %v, truncated %v, want success and 1", err, values["endpoint_body_truncated"])
			}
		})
	}
	values, err := run(t, newProbe(httpCheck("http://"+at(serve(t, answering(200, "short")).URL), nil), settings(t)))
	if err != nil || values["endpoint_body_truncated"] != 0 {
		t.Errorf("a short body: Collect() = %v, truncated %v, want success and 0", err, values["endpoint_body_truncated"])
	}
	b, err := readBody(strings.NewReader(strings.Repeat("x", 100)), 10)
	if len(b.text) != 10 || !b.cut || err != nil {
		t.Errorf("readBody() = %d bytes, cut %v, %v, want 10, true", len(b.text), b.cut, err)
	}
}

// Redirects are followed when told, and never to another host with credentials;
// the other host does not learn the query of the first.
func TestHTTPRedirects(t *testing.T) {
	var asked atomic.Int32
	referers := make(chan string, 10)
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		referers <- r.Referer()
	})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "http://"+at(other.URL)+"/", http.StatusTemporaryRedirect)
		case "/near":
			http.Redirect(w, r, "/there", http.StatusFound)
		}
	})
	tests := map[string]struct {
		path  string
		check func(*HTTP)
		kind  fault.Kind
		asked int32
	}{
		"not told to follow":           {path: "/near", kind: fault.Schema},
		"told to follow":               {path: "/near", check: func(c *HTTP) { c.FollowRedirects = true }},
		"with credentials to the same": {path: "/near", check: func(c *HTTP) { c.FollowRedirects, c.Bearer = true, secret.New(hushed) }},
		"to another host":              {path: "/away", check: func(c *HTTP) { c.FollowRedirects = true }, asked: 1},
		"with a token to another host": {path: "/away", check: func(c *HTTP) { c.FollowRedirects, c.Bearer = true, secret.New(hushed) }, kind: fault.Blocked},
		"with a password to another":   {path: "/away", check: func(c *HTTP) { c.FollowRedirects, c.Basic = true, &Basic{"u", secret.New(hushed)} }, kind: fault.Blocked},
		"with a key to another host": {path: "/away", check: func(c *HTTP) {
			c.FollowRedirects, c.SecretHeaders = true, map[string]secret.Value{"X-Key": secret.New(hushed)}
		}, kind: fault.Blocked},
		"with our certificate elsewhere": {path: "/away", check: func(c *HTTP) {
			c.FollowRedirects, c.TLS = true, withCertificate(authority(t, serveTLS(t, answering(200, ""), nil)))
		}, kind: fault.Blocked},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			c := httpCheck("http://"+at(server.URL)+tt.path+"?key="+hushed, tt.check)
			values, err := run(t, newProbe(c, settings(t)))
			expectKind(t, values, err, tt.kind, "")
			if asked.Load() != tt.asked {
				t.Errorf("the other host was asked %d times, want %d", asked.Load(), tt.asked)
			}
			if tt.asked > 0 {
				if referer := <-referers; referer != "" {
					t.Errorf("the other host learnt %q", referer)
				}
			}
		})
	}
}

// A proxy is used when it is named, and only then (TestMain sees to that).
func TestHTTPProxies(t *testing.T) {
	target := serve(t, answering(200, "direct"))
	var proxied atomic.Int32
	proxy := func(status int) *httptest.Server {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Proxy-Authorization") != "" {
				proxied.Add(1)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "proxied")
		})
	}
	tests := map[string]struct {
		scheme, body string
		status       int
		kind         fault.Kind
	}{
		"named":                       {scheme: "http", body: "proxied", status: 200},
		"wants a password":            {scheme: "http", status: 407, kind: fault.Auth},
		"refuses a tunnel":            {scheme: "https", status: 403, kind: fault.Denied},
		"wants a password for it":     {scheme: "https", status: 407, kind: fault.Auth},
		"cannot reach what is beyond": {scheme: "https", status: 504, kind: fault.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			proxied.Store(0)
			c := httpCheck(tt.scheme+"://"+at(target.URL), func(c *HTTP) {
				c.Proxy = secret.New("http://closewatch:" + hushed + "@" + at(proxy(tt.status).URL))
				c.Expect.BodyContains = tt.body
			})
			values, err := run(t, newProbe(c, settings(t)))
			expectKind(t, values, err, tt.kind, "")
			if proxied.Load() != 1 {
				t.Errorf("the proxy was asked %d times with our password, want once", proxied.Load())
			}
		})
	}
	dead := httpCheck("http://"+at(target.URL), func(c *HTTP) { c.Proxy = secret.New("http://" + closed(t)) })
	values, err := run(t, newProbe(dead, settings(t)))
	expectKind(t, values, err, fault.Unreachable, "")
}

// Each run opens a connection of its own, so that its parts are measured and a
// server that was replaced is met.
func TestHTTPConnectsAnew(t *testing.T) {
	var opened, open atomic.Int32
	server := serveTLS(t, answering(200, "ok"), func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				opened.Add(1)
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			default: // between the two
			}
		}
	})
	p := newProbe(httpCheck("https://"+at(server.URL), func(c *HTTP) { c.TLS = authority(t, server) }), settings(t))
	for n := int32(1); n <= 3; n++ {
		values, err := run(t, p)
		if err != nil || opened.Load() != n {
			t.Fatalf("run %d: %v, %d connections opened", n, err, opened.Load())
		}
		for _, phase := range []string{resolving, connecting, handshake, processing, transfer} {
			if v, ok := values["probe_http_duration_seconds/"+phase]; !ok || v < 0 || v > 10 {
				t.Errorf("phase %s took %v, %v", phase, v, ok)
			}
		}
	}
	for deadline := time.Now().Add(5 * time.Second); open.Load() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections stay open", open.Load())
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestHTTPDeadlines(t *testing.T) {
	stalled := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	unresponsive := startRawDNS(t, func([]byte, bool) [][]byte { return nil })
	for name, tt := range map[string]struct {
		url    string
		server string // of names
		kind   fault.Kind
	}{
		"no answer":       {url: "http://" + listen(t, silent), kind: fault.Timeout},
		"no handshake":    {url: "https://" + listen(t, silent), kind: fault.Timeout},
		"no end of body":  {url: stalled.URL, kind: fault.Timeout},
		"no name service": {url: "http://" + host, server: unresponsive, kind: fault.DNS},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(t)
			if tt.server != "" {
				s.Resolver.Dial = dialTo(tt.server)
			}
			err := collectortest.Deadline(t, newProbe(httpCheck(tt.url+"/?"+hushed, nil), s))
			if fault.KindOf(err) != tt.kind || strings.Contains(err.Error(), hushed) {
				t.Errorf("Collect() = %v, want kind %s", err, tt.kind)
			}
		})
	}
}
