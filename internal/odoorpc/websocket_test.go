package odoorpc_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
)

// gevent is a server that logs anybody in and does as it is told with
// websockets.
func gevent(t *testing.T, serve http.HandlerFunc) odoorpc.Config {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/web/session/authenticate", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session_id", Value: "s3ss10n"})
		_, _ = w.Write([]byte(`{"jsonrpc": "2.0", "id": 1, "result": {"uid": 7}}`))
	})
	mux.HandleFunc("/websocket", serve)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return odoorpc.Config{URL: server.URL, Database: "prod", Login: "probe", Password: secret.New("pw"), Timeout: estate.Duration(30 * time.Second)}
}

func socketOf(t *testing.T, cfg odoorpc.Config) (*odoorpc.Socket, error) {
	t.Helper()
	c, err := odoorpc.New(cfg, odoorpc.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	socket, err := c.Websocket(t.Context())
	if err == nil {
		t.Cleanup(socket.Abandon)
	}
	return socket, err
}

func TestWhyAWebsocketDoesNotOpen(t *testing.T) {
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	tests := map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		hint  string
	}{
		"a worker, not gevent":             {answer(500), fault.Unavailable, "gevent port"},
		"headers do not pass":              {answer(400), fault.Unavailable, "Upgrade, Connection and Origin"},
		"no route":                         {answer(404), fault.Unavailable, "gevent port"},
		"gevent is not started":            {answer(502), fault.Unavailable, "start Odoo's gevent"},
		"gevent hangs":                     {answer(504), fault.Timeout, "does not answer"},
		"the database is down":             {answer(303), fault.Unavailable, "PostgreSQL"},
		"a proxy wants a password":         {answer(401), fault.Auth, "proxy"},
		"a proxy forbids it":               {answer(403), fault.Denied, "proxy"},
		"a rate limit":                     {answer(429), fault.Limit, "rate limit"},
		"a page":                           {answer(200), fault.Unavailable, "gevent port"},
		"the connection is closed at once": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Unreachable, "ingress"},
		"an upgrade to something else": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Upgrade", "h2c")
			w.Header().Set("Connection", "Upgrade")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}, fault.Schema, "gevent port"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := socketOf(t, gevent(t, tt.serve))
			if fault.KindOf(err) != tt.kind || !strings.Contains(fault.HintOf(err), tt.hint) {
				t.Errorf("Websocket() = %v, kind %s; want %s with %q", err, fault.KindOf(err), tt.kind, tt.hint)
			}
			if text := fault.TextOf(err); strings.Contains(text, "127.0.0.1") || strings.Contains(text, "s3ss10n") {
				t.Errorf("the error tells too much: %s", text)
			}
		})
	}
}

// The handshake is a browser's: its session, and its site as the users know it.
func TestAWebsocketComesFromTheUsersSite(t *testing.T) {
	seen := make(chan *http.Request, 1)
	cfg := gevent(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		w.WriteHeader(http.StatusNotFound)
	})
	cfg.Host = "erp.example.com"
	_, _ = socketOf(t, cfg)
	r := <-seen
	if r.Host != "erp.example.com" || r.Header.Get("Origin") != "http://erp.example.com" || r.Header.Get("Cookie") != "session_id=s3ss10n" ||
		r.UserAgent() != "closewatch-probe/test" || r.URL.RawQuery != "" {
		t.Errorf("%s?%s with %v", r.Host, r.URL.RawQuery, r.Header)
	}
}

// HTTP/2, which a call may use, has no upgrade.
func TestAWebsocketDoesNotOfferHTTP2(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	offers := make(chan []string, 8)
	server := &http.Server{ReadHeaderTimeout: time.Minute, TLSConfig: &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { //nolint:gosec // no handshake comes about
		offers <- hello.SupportedProtos
		return nil, http.ErrAbortHandler
	}}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(listener, "", "")
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })

	plain := gevent(t, func(http.ResponseWriter, *http.Request) {})
	c, err := odoorpc.New(plain, odoorpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.UserID(t.Context()); err != nil {
		t.Fatal(err)
	}
	odoorpc.SetBase(c, "https://"+listener.Addr().String())
	if _, err := c.Websocket(t.Context()); err == nil {
		t.Error("a websocket opened")
	}
	if protocols := <-offers; slices.Contains(protocols, "h2") {
		t.Errorf("offered %v", protocols)
	}
}

func TestWhatEndsAWebsocket(t *testing.T) {
	serve := func(with func(*websocket.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer func() { _ = conn.CloseNow() }()
			with(conn)
		}
	}
	tests := map[string]struct {
		with func(t *testing.T) func(*websocket.Conn)
		kind fault.Kind
		text string
	}{
		"cut":       {func(*testing.T) func(*websocket.Conn) { return func(*websocket.Conn) {} }, fault.Unreachable, ""},
		"code 4001": {func(*testing.T) func(*websocket.Conn) { return func(c *websocket.Conn) { _ = c.Close(4001, "") } }, fault.Auth, "code 4001"},
		"code 1012": {func(*testing.T) func(*websocket.Conn) { return func(c *websocket.Conn) { _ = c.Close(1012, "") } }, fault.Unavailable, "code 1012"},
		"no list": {func(t *testing.T) func(*websocket.Conn) {
			return func(c *websocket.Conn) {
				_ = c.Write(t.Context(), websocket.MessageText, []byte(`{"id": 1}`))
				_, _, _ = c.Read(t.Context())
			}
		}, fault.Schema, "object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			socket, err := socketOf(t, gevent(t, serve(tt.with(t))))
			if err != nil {
				t.Fatal(err)
			}
			told, err := socket.Receive(t.Context())
			if fault.KindOf(err) != tt.kind || !strings.Contains(fault.TextOf(err), tt.text) || fault.HintOf(err) == "" {
				t.Errorf("Receive() = %v, %v of kind %s; want %s", told, err, fault.KindOf(err), tt.kind)
			}
			if name == "no list" {
				return
			}
			if err := socket.Ping(t.Context()); fault.KindOf(err) != tt.kind {
				t.Errorf("Ping() = %v, want %s", err, tt.kind)
			}
			if err := socket.Close(); fault.KindOf(err) != tt.kind {
				t.Errorf("Close() = %v, want %s", err, tt.kind)
			}
		})
	}
}
