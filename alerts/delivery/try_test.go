package delivery_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/fault"
)

func TestTryingAMailServerSendsNothing(t *testing.T) {
	p := newPKI(t)
	server := &tls.Config{Certificates: []tls.Certificate{p.pair}, MinVersion: tls.VersionTLS12}
	trusting, err := delivery.Access{CA: p.ca}.TLS()
	must(t, err)
	wary, err := delivery.Access{}.TLS()
	must(t, err)
	tests := map[string]struct {
		server   *smtpServer // nil is gone
		password string
		tls      *tls.Config
		implicit bool
		text     string
		kind     fault.Kind
		hint     string
	}{
		"in clear on this machine":    {server: &smtpServer{}, text: "answers in clear"},
		"TLS that is asked for":       {server: &smtpServer{tls: server, starttls: true}, password: word, tls: trusting, text: "answers by TLS 1.3, lets the user in"},
		"TLS from the start":          {server: &smtpServer{tls: server}, password: word, tls: trusting, implicit: true, text: "answers by TLS 1.3, lets the user in"},
		"TLS is not offered":          {server: &smtpServer{}, tls: trusting, kind: fault.TLS, hint: "let it offer STARTTLS"},
		"an authority we do not know": {server: &smtpServer{tls: server, starttls: true}, tls: wary, kind: fault.TLS, hint: "tls.ca of notifications.email"},
		"wrong password":              {server: &smtpServer{}, password: word + "no", kind: fault.Auth, hint: "check the user and password"},
		"nobody can log in":           {server: &smtpServer{ways: "LOGIN XOAUTH2"}, password: word, kind: fault.Auth, hint: "port for submission"},
		"a port that begins with TLS": {server: &smtpServer{tls: server}, tls: trusting, kind: fault.Timeout, hint: "write security: tls"},
		"a port that begins without":  {server: &smtpServer{}, tls: trusting, implicit: true, kind: fault.TLS, hint: "of a server without TLS change the address"},
		"gone":                        {kind: fault.Unreachable, hint: "check that it runs"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := &delivery.Email{Server: "127.0.0.1:1", From: "closewatch@example.com", To: []string{"on-call@example.com"}, TLS: tt.tls, Implicit: tt.implicit}
			if tt.server != nil {
				e.Server = newSMTP(t, tt.server).address
			}
			if tt.password != "" {
				e.Username, e.Password = "cw", tt.password
			}
			patience := 30 * time.Second
			if tt.kind == fault.Timeout {
				patience = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			found, err := e.Try(ctx)
			if got := fault.KindOf(err); got != tt.kind || !strings.Contains(fault.HintOf(err), tt.hint) {
				t.Fatalf("Try = %v, want kind %q and the hint %q", err, tt.kind, tt.hint)
			}
			if err != nil {
				if text := err.Error(); strings.Contains(text, word) || strings.Contains(text, "on-call") {
					t.Errorf("the error holds a secret or an address: %v", err)
				}
				return
			}
			expect(t, "found", found.Text, tt.text)
			tt.server.mu.Lock()
			defer tt.server.mu.Unlock()
			if heard := tt.server.verbs; slices.Contains(heard, "MAIL") || !slices.Equal(heard[len(heard)-2:], []string{"NOOP", "QUIT"}) {
				t.Errorf("the server heard %q", heard)
			}
		})
	}
}

func TestTryingAWebhookPostsNothing(t *testing.T) {
	p := newPKI(t)
	var posted atomic.Int64
	answers := map[string]int{
		"/ok": 204, "/posts-only": 405, "/wants-a-page": 400, "/unknown": 404, "/who": 401, "/forbidden": 403, "/moved": 301, "/gone": 410, "/ill": 502,
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodHead && r.Method != http.MethodConnect || r.ContentLength > 0:
			posted.Add(1)
		case r.Header.Get("Authorization") == "Bearer "+word:
			w.WriteHeader(http.StatusOK)
		default:
			w.WriteHeader(answers[r.URL.Path])
		}
	})
	plain := httptest.NewServer(handler)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(handler)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{p.pair}, MinVersion: tls.VersionTLS12}
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	secure.StartTLS()
	defer secure.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	tests := map[string]struct {
		access  delivery.Access
		address string
		text    string
		doubt   string
		kind    fault.Kind
		hint    string
	}{
		"takes it":               {address: plain.URL + "/ok", text: "HTTP 204"},
		"takes pages only":       {address: plain.URL + "/posts-only", text: "HTTP 405"},
		"misses a page in it":    {address: plain.URL + "/wants-a-page", text: "HTTP 400"},
		"knows us":               {address: secure.URL + "/who", access: delivery.Access{CA: p.ca, Bearer: word}, text: "HTTP 200"},
		"perhaps another path":   {address: plain.URL + "/unknown", text: "HTTP 404", doubt: "path of notifications.webhook.url"},
		"does not know us":       {address: plain.URL + "/who", kind: fault.Auth, hint: "basic or bearer of notifications.webhook"},
		"does not let us":        {address: plain.URL + "/forbidden", kind: fault.Denied, hint: "let whoever we are there post"},
		"is elsewhere":           {address: plain.URL + "/moved", kind: fault.Schema, hint: "the address it leads to"},
		"is gone for good":       {address: plain.URL + "/gone", kind: fault.Schema, hint: "path of notifications.webhook.url"},
		"cannot at the moment":   {address: plain.URL + "/ill", kind: fault.Unavailable, hint: "look at what answers there"},
		"an unknown authority":   {address: secure.URL, kind: fault.TLS, hint: "tls.ca of notifications.webhook"},
		"no TLS there":           {address: strings.Replace(plain.URL, "http:", "https:", 1), kind: fault.TLS, hint: "of a server without TLS change the address"},
		"gone":                   {address: "http://127.0.0.1:1/" + word, kind: fault.Unreachable, hint: "check that it runs"},
		"proxy wants to know us": {address: "http://hooks.example.com/" + word, access: delivery.Access{Proxy: proxy.URL}, kind: fault.Auth, hint: "in the proxy's URL"},
		"proxy wants to, by TLS": {address: "https://hooks.example.com/" + word, access: delivery.Access{Proxy: proxy.URL}, kind: fault.Auth, hint: "in the proxy's URL"},
		"proxy is gone":          {address: "https://hooks.example.com/" + word, access: delivery.Access{Proxy: "http://u:" + word + "@127.0.0.1:1"}, kind: fault.Unreachable, hint: "the proxy of notifications.webhook"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			transport, err := tt.access.Transport()
			must(t, err)
			w, err := delivery.NewWebhook(tt.address, transport)
			must(t, err)
			defer w.Close()
			found, err := w.Try(t.Context())
			if got := fault.KindOf(err); got != tt.kind || !strings.Contains(fault.HintOf(err), tt.hint) {
				t.Fatalf("Try = %v, want kind %q and the hint %q", err, tt.kind, tt.hint)
			}
			if err != nil {
				if strings.Contains(err.Error(), word) {
					t.Errorf("the error holds a secret: %v", err)
				}
				return
			}
			if !strings.Contains(found.Text, tt.text) || (found.Doubt == "") != (tt.doubt == "") || !strings.Contains(found.Doubt, tt.doubt) {
				t.Errorf("found %+v, want %q and %q", found, tt.text, tt.doubt)
			}
		})
	}
	if n := posted.Load(); n > 0 {
		t.Errorf("%d requests with a page", n)
	}
}
