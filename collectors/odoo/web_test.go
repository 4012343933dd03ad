package odoo

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// standIn starts an Odoo stand-in on the shared PostgreSQL.
func standIn(t *testing.T, db string, version int) *odoosim.Server {
	t.Helper()
	p, err := server()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Exec(t.Context(), "postgres", "postgres", "DROP DATABASE IF EXISTS "+db); err != nil { // of an earlier round
		t.Fatal(err)
	}
	dsn := p.DSN("postgres", db)
	if err := odoosim.InitDatabase(t.Context(), dsn, odoosim.Seed{AdminPassword: "a", LoadPassword: "l", ProbePassword: "p", Version: version}); err != nil {
		t.Fatal(err)
	}
	s, err := odoosim.New(odoosim.Options{DSN: dsn, Version: version})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pageVisitor asks the pages at a URL.
func pageVisitor(t *testing.T, base string) (*web, exposure) {
	t.Helper()
	client := newClient()
	t.Cleanup(client.CloseIdleConnections)
	a := pages{client: client}
	return &web{base: base, websocket: base + "/websocket", tenant: "prod", timeout: 30 * time.Second, pages: a}, exposure{base: base, tenant: "prod", pages: a}
}

// The pages of the stand-in, which answers as recordings of Odoo do, under one
// fault after the other.
func TestPages(t *testing.T) {
	s := standIn(t, "pages", 18)
	faults := s.Faults()
	healthy := map[string]float64{
		"odoo_server_info{18.0}": 1, "odoo_database_server_reachable{}": 1, "odoo_login_page{}": 1, "odoo_database_found{}": 1, "odoo_websocket_up{}": 1,
		"odoo_database_manager_exposed{}": 0, "odoo_database_manager_unprotected{}": 0, "odoo_database_list_exposed{}": 0,
	}
	w, e := pageVisitor(t, s.URL())
	for _, tt := range []struct {
		situation string
		breaks    func()
		want      map[string]float64 // other than healthy; below 0 for absent
	}{
		{"all is well", func() {}, nil},
		{"the ingress does not know the gevent port", func() { faults.SetWebsocketMisrouted(true) }, map[string]float64{"odoo_websocket_up{}": 0}},
		{"the database manager is open", func() { faults.SetManagerExposed(true) }, map[string]float64{
			"odoo_database_manager_exposed{}": 1, "odoo_database_manager_unprotected{}": 1, "odoo_database_list_exposed{}": 1,
		}},
		{"dbfilter does not let the database through", func() { faults.SetDatabaseHidden(true) }, map[string]float64{
			"odoo_database_found{}": 0, "odoo_login_page{}": -1, "odoo_websocket_up{}": -1,
		}},
		{"all is well again", func() {}, nil},
	} {
		if err := faults.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		tt.breaks()
		want := map[string]float64{}
		for name, value := range healthy {
			if changed, ok := tt.want[name]; ok {
				value = changed
			}
			if value >= 0 {
				want[name] = value
			}
		}
		got := mustCollect(t, w)
		maps.Copy(got, mustCollect(t, e))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.situation, diff)
		}
	}
	for name, c := range map[string]collector.Collector{"web": w, "exposure": e} {
		if err := collectortest.Golden(t, c, name); err != nil {
			t.Error(err)
		}
	}
	faults.SetHTMLInstead(true)
	if got, err := collect(t, w); len(got) > 0 || err != nil { // the health page tells it
		t.Errorf("behind a maintenance page: %v, %v", got, err)
	}
}

// TestVisits is what else can stand at /web/login.
func TestVisits(t *testing.T) {
	const form = `<form action="/web/login"><input name="login"/><input type="password" name="password"/></form>`
	shows := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = w.Write([]byte(body)) }
	}
	leads := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusSeeOther) }
	}
	// several answers a pageVisitor without a session with one, and sends him back;
	// known are the databases it would do so for.
	several := func(known string, visits *int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			*visits++
			db := r.URL.Query().Get("db")
			if c, err := r.Cookie("session_id"); err == nil && c.Value == "of-"+known {
				_, _ = w.Write([]byte(form))
				return
			}
			if db != known {
				http.Redirect(w, r, "/web/database/selector", http.StatusSeeOther)
				return
			}
			http.SetCookie(w, &http.Cookie{Name: "session_id", Value: "of-" + db})
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		}
	}
	var visits int
	tests := map[string]struct {
		login http.HandlerFunc
		want  string
		kind  fault.Kind
	}{
		"a form":                               {shows(200, form), "form=1 database=1", ""},
		"a form in capitals, of another brand": {shows(200, strings.ToUpper(form)), "form=1 database=1", ""},
		"a page that asks for no password":     {shows(200, "<html>Log in with ACME</html>"), "database=1", ""},
		"an identity provider":                 {leads("https://idp.example.com/authorize"), "database=1", ""},
		"the selector of databases":            {leads("/web/database/selector"), "database=0", ""},
		"one of several databases":             {several("prod", &visits), "form=1 database=1", ""},
		"none of several databases":            {several("other", &visits), "database=0", ""},
		"an error":                             {shows(500, "x"), "form=0", ""},
		"nothing there":                        {shows(404, "x"), "form=0", ""},
		"the ingress limits us":                {shows(429, "x"), "", fault.Limit},
		"a firewall keeps us out":              {shows(403, "x"), "", fault.Denied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tt.login)
			defer s.Close()
			w, _ := pageVisitor(t, s.URL)
			v, err := w.login(t.Context())
			var said []string
			for _, f := range []struct {
				name string
				finding
			}{{"form", v.form}, {"database", v.database}} {
				if f.known {
					said = append(said, f.name+"="+map[bool]string{true: "1", false: "0"}[f.yes])
				}
			}
			if got := strings.Join(said, " "); got != tt.want || fault.KindOf(err) != tt.kind && tt.kind != "" || err == nil != (tt.kind == "") {
				t.Errorf("login() = %q, %v, want %q, %q", got, err, tt.want, tt.kind)
			}
		})
	}

	t.Run("a session is kept, until its database is gone", func(t *testing.T) {
		known := "prod"
		visits = 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { several(known, &visits)(w, r) }))
		defer s.Close()
		w, _ := pageVisitor(t, s.URL)
		for range 3 {
			if v, err := w.login(t.Context()); err != nil || !v.form.yes {
				t.Errorf("login() = %+v, %v", v, err)
			}
		}
		if visits != 4 {
			t.Errorf("%d requests for three looks, want 2, 1 and 1", visits)
		}
		known = "other"
		if v, err := w.login(t.Context()); err != nil || v.database != (finding{false, true}) {
			t.Errorf("login() = %+v, %v, want that the database is not found", v, err)
		}
	})
}

func TestWebsocket(t *testing.T) {
	tests := map[string]struct {
		answer http.HandlerFunc
		up     bool
		kind   fault.Kind
	}{
		"a worker answers":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, false, ""},
		"nobody listens behind":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, false, ""},
		"it is taken for a page":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, false, ""},
		"a firewall keeps us out": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, false, fault.Denied},
		"another's answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}, false, ""},
		"it upgrades": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Origin") != "http://"+r.Host || r.UserAgent() != "closewatch-probe/1" || r.ProtoMajor != 1 {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Accept", accept(r.Header.Get("Sec-WebSocket-Key")))
			w.WriteHeader(http.StatusSwitchingProtocols)
		}, true, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tt.answer)
			defer s.Close()
			w, _ := pageVisitor(t, s.URL)
			up, err := w.upgrade(t.Context())
			if up != tt.up || tt.kind == "" && err != nil || tt.kind != "" && fault.KindOf(err) != tt.kind {
				t.Errorf("upgrade() = %v, %v, want %v, %q", up, err, tt.up, tt.kind)
			}
		})
	}
	t.Run("over an ingress that speaks HTTP/2", func(t *testing.T) {
		s := httptest.NewUnstartedServer(tests["it upgrades"].answer)
		s.EnableHTTP2 = true
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Origin", strings.Replace(r.Header.Get("Origin"), "https:", "http:", 1))
			tests["it upgrades"].answer(w, r)
		})
		s.StartTLS()
		defer s.Close()
		w, _ := pageVisitor(t, s.URL)
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}}
		defer client.CloseIdleConnections()
		w.pages.client = client
		if up, err := w.upgrade(t.Context()); !up || err != nil {
			t.Errorf("upgrade() = %v, %v", up, err)
		}
	})
	// The example of RFC 6455, section 1.3.
	if got := accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("accept() = %s", got)
	}
}

// Where a websocket is tried, and where nobody knows its port.
func TestWebsocketURL(t *testing.T) {
	tests := map[string]struct{ url, host, websocket, want string }{
		"users' address":           {"https://erp.example.com/", "", "", "https://erp.example.com/websocket"},
		"an ingress by address":    {"http://127.0.0.1:8000", "erp.example.com", "", "http://127.0.0.1:8000/websocket"},
		"the workers' own port":    {"http://odoo:8069", "", "", ""},
		"both ports are written":   {"http://odoo:8069", "", "http://odoo:8072/websocket", "http://odoo:8072/websocket"},
		"nothing is asked by HTTP": {"", "", "", "/websocket"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := websocketURL(Config{URL: tt.url, Host: tt.host, Web: Web{Websocket: tt.websocket}}); got != tt.want {
				t.Errorf("websocketURL() = %q, want %q", got, tt.want)
			}
		})
	}
}

// Versions as they are told, and whether they have websockets.
func TestVersions(t *testing.T) {
	tests := map[string]struct {
		body   string
		series string // "" for an error
		major  int
	}{
		"18":           {`{"jsonrpc": "2.0", "id": null, "result": {"server_version": "18.0", "server_version_info": [18, 0, 0, "final", 0, ""], "server_serie": "18.0", "protocol_version": 1}}`, "18.0", 18},
		"15":           {`{"result": {"server_serie": "15.0"}}`, "15.0", 15},
		"hosted":       {`{"result": {"server_serie": "saas~18.2"}}`, "saas~18.2", 18},
		"hosted later": {`{"result": {"server_serie": "saas-19.1"}}`, "saas-19.1", 19},
		"of nobody":    {`{"result": {"server_serie": "Miller's 18.0"}}`, "other", 0},
		"an error":     {`{"error": {"code": 200}}`, "", 0},
		"no JSON":      {`<html>`, "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(tt.body)) }))
			defer s.Close()
			w, _ := pageVisitor(t, s.URL)
			series, err := w.version(t.Context())
			if series != tt.series || (err != nil) != (tt.series == "") {
				t.Errorf("version() = %q, %v, want %q", series, err, tt.series)
			}
			if got := major(series); got != tt.major {
				t.Errorf("major(%q) = %d", series, got)
			}
		})
	}
}

// Odoo 16 does not know the question for its database server: it ignores it, and
// writes a warning to its log each time.
func TestOnlyAnOdooThatKnowsTheQuestionIsAskedForItsDatabaseServer(t *testing.T) {
	for series, want := range map[string]int{"16.0": 0, "saas~16.4": 0, "17.0": 1, "19.0": 1} {
		t.Run(series, func(t *testing.T) {
			asked := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("db_server_status") {
					asked++
				}
				_, _ = w.Write([]byte(`{"result": {"server_serie": "` + series + `"}, "db_server_status": true}`))
			}))
			defer s.Close()
			w, _ := pageVisitor(t, s.URL)
			w.websocket = ""
			mustCollect(t, w)
			if asked != want {
				t.Errorf("asked %d times, want %d", asked, want)
			}
		})
	}
}

// A page that needs a redirect says which URL is to be written.
func TestRedirectedToHTTPS(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, (&url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path}).String(), http.StatusPermanentRedirect)
	}))
	defer s.Close()
	w, _ := pageVisitor(t, s.URL)
	if got, err := collect(t, w); len(got) > 0 || fault.HintOf(err) != "write url as it is after the redirect, such as with https" {
		t.Errorf("Collect() = %v, %v (%s)", got, err, fault.HintOf(err))
	}
}
