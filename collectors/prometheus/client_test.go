package prometheus

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

const up = `{"metric":{},"value":[NOW,"1"]}`

// Every way in which a server fails to answer has its kind, sends nothing and
// shows neither a secret, nor the URL, nor the labels of a series.
func TestFailures(t *testing.T) {
	refusal := func(errorType, text string) string {
		body, err := json.Marshal(envelope{Status: "error", ErrorType: errorType, Error: text})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		kind    fault.Kind
		says    string
	}{
		"expression is wrong":         {answering(400, refusal("bad_data", `1:5: parse error: unclosed left parenthesis`)), fault.Rejected, "parse error: unclosed"},
		"expression is too expensive": {answering(422, refusal("execution", "query processing would load too many samples into memory")), fault.Rejected, "too many samples"},
		"VictoriaMetrics refuses":     {answering(422, refusal("422", "cannot execute query: unknown func")), fault.Rejected, "unknown func"},
		"labels are named":            {answering(422, refusal("execution", `found duplicate series for the match group {partner="`+hushed+`}", b="\"x"} on the right`)), fault.Rejected, "match group {…} on the right"},
		"labels are named, cut off":   {answering(422, refusal("execution", `found {partner="`+hushed)), fault.Rejected, "found {…}"},
		"a secret is repeated":        {answering(400, refusal("bad_data", "no tenant for "+hushed)), fault.Rejected, "no tenant for <secret>"},
		"a text without end":          {answering(400, refusal("bad_data", strings.Repeat("é", 10_000))), fault.Rejected, "…"},
		"control characters":          {answering(400, refusal("bad_data", "one\ntwo\x1b[31m")), fault.Rejected, "one two [31m"},
		"it gave up":                  {answering(503, refusal("timeout", "query timed out in expression evaluation")), fault.Timeout, "timed out"},
		"it stops":                    {answering(503, refusal("canceled", "query was canceled")), fault.Unavailable, ""},
		"it is not ready":             {answering(503, refusal("unavailable", "TSDB not ready")), fault.Unavailable, "not ready"},
		"it fails":                    {answering(500, refusal("internal", "disk")), fault.Unavailable, "disk"},
		"Mimir limits the rate":       {answering(429, refusal("too_many_requests", "limit exceeded")), fault.Limit, ""},
		"credentials are refused":     {answering(401, hushed), fault.Auth, "HTTP 401 Unauthorized"},
		"credentials lack the right":  {answering(403, hushed), fault.Denied, "HTTP 403"},
		"it is another path":          {answering(404, "404 page not found"), fault.Schema, "path of url"},
		"a gateway has no upstream":   {answering(502, "<html>"+hushed), fault.Unavailable, "HTTP 502"},
		"it knows a new status":       {answering(299, vector(up, "")), fault.Schema, "HTTP 299"},
		"a page comes instead":        {answering(200, "<html>"+hushed), fault.Schema, "not that of a Prometheus API"},
		"the answer is too long":      {answering(200, vector(strings.Repeat(up+",", maxBody/len(up))+up, "")), fault.Limit, "longer than 1048576 bytes"},
		"the answer has no end": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, fault.Limit, "longer than"},
		"it hangs up in the answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"status":`)
			panic(http.ErrAbortHandler)
		}, fault.Unreachable, "firewall"},
		"headers have no end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeaderBytes))
		}, fault.Schema, "cannot be read as HTTP"},
		"it redirects to a log-in page": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://login.example.com/?next="+hushed, http.StatusFound)
		}, fault.Blocked, "another host"},
		"it redirects to itself for ever": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusFound)
		}, fault.Schema, "more than 5 redirects"},
		"it does not answer": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fault.Timeout, "the deadline passed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings(serve(t, tt.handler), query("up", nil))
			s.Config.Bearer = secret.New(hushed)
			timeout := 10 * time.Second
			if tt.kind == fault.Timeout {
				timeout = 200 * time.Millisecond
			}
			families, err := collect(t, start(t, s)[0], timeout)
			if kind := fault.KindOf(err); kind != tt.kind {
				t.Fatalf("Collect() = %v of kind %q, want %q", err, kind, tt.kind)
			}
			if text := err.Error(); !strings.Contains(text, tt.says) || strings.Contains(text, hushed) || strings.Contains(text, "api/v1/query?") || len(text) > 450 {
				t.Errorf("Collect() = %q, want a short text with %q, without a secret", text, tt.says)
			}
			if len(families) > 0 {
				t.Errorf("%d families were sent with a failure", len(families))
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	_, err = run(t, start(t, settings("http://"+l.Addr().String(), query("up", nil)))[0])
	if fault.KindOf(err) != fault.Unreachable || !strings.HasPrefix(err.Error(), "query q: ask "+l.Addr().String()+": ") {
		t.Errorf("Collect() = %v of kind %s, want unreachable", err, fault.KindOf(err))
	}
}

// What is asked, of whom, as whom: and a redirect on the same server is
// followed with all of it.
func TestRequest(t *testing.T) {
	type asked struct {
		path, agent, tenant, key, user, password, bearer string
		values                                           url.Values
	}
	var got asked
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/new/") {
			http.Redirect(w, r, "/new"+r.URL.Path+"?"+r.URL.RawQuery, http.StatusPermanentRedirect)
			return
		}
		got = asked{path: r.Method + " " + r.URL.Path, agent: r.UserAgent(), tenant: r.Header.Get("X-Scope-OrgID"), key: r.Header.Get("X-Key"), values: r.URL.Query()}
		got.user, got.password, _ = r.BasicAuth()
		got.bearer, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		_, _ = io.WriteString(w, vector(up, ""))
	})
	s := settings(server+"/prometheus/", query("sum(up) > 1", func(q *Query) { q.Fresh = duration(90 * time.Second) }))
	s.Now = func() time.Time { return march31.Add(29 * time.Second) }
	s.Config.Tenant, s.Config.Headers = "finance", map[string]secret.Value{"X-Key": secret.New(hushed)}
	s.Config.Basic = &Basic{"closewatch", secret.New(hushed)}
	want := asked{
		path: "GET /new/prometheus/api/v1/query", agent: agent, tenant: "finance", key: hushed, user: "closewatch", password: hushed, bearer: "Basic Y2xvc2V3YXRjaDpodW50ZXIy",
		values: url.Values{"query": {"sum(up) > 1"}, "time": {"1774980000"}, "timeout": {"10"}, "lookback_delta": {"90"}, "max_lookback": {"90"}},
	}
	values, err := run(t, start(t, s)[0])
	if err != nil || values["value"] != 1 {
		t.Fatalf("Collect() = %v, %v", values, err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(asked{})); diff != "" {
		t.Errorf("the request differs (-want +got):\n%s", diff)
	}

	s.Config.Basic, s.Config.Bearer, s.Config.Queries[0].Fresh = nil, secret.New("token"), 0
	if _, err := run(t, start(t, s)[0]); err != nil {
		t.Fatal(err)
	}
	if got.bearer != "token" || got.values.Has("lookback_delta") {
		t.Errorf("bearer %q, values %v: want the token, and the server's own look back", got.bearer, got.values)
	}
	if s.Config.transport().Proxy != nil {
		t.Error("a proxy is used that the estate does not name")
	}
}

// The authority is read when a connection is made: a server that is not trusted
// becomes so without a restart.
func TestAuthorities(t *testing.T) {
	server := httptest.NewUnstartedServer(answering(200, vector(up, "")))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	s := settings(server.URL, query("up", nil))
	if _, err := run(t, start(t, s)[0]); fault.KindOf(err) != fault.TLS {
		t.Errorf("without its authority: %v of kind %s, want tls", err, fault.KindOf(err))
	}
	s.Config.CA = filepath.Join(t.TempDir(), "ca.pem")
	c := start(t, s)[0]
	if _, err := run(t, c); fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), s.Config.CA) {
		t.Errorf("without the file: %v of kind %s, want internal with its name", err, fault.KindOf(err))
	}
	write := func(text []byte) {
		if err := os.WriteFile(s.Config.CA, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("no certificate"))
	if _, err := run(t, c); fault.KindOf(err) != fault.Internal {
		t.Errorf("with an empty file: %v of kind %s, want internal", err, fault.KindOf(err))
	}
	write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if values, err := run(t, c); err != nil || values["value"] != 1 {
		t.Errorf("with its authority: %v, %v", values, err)
	}
	s.Config.URL = secret.New(strings.Replace(server.URL, "https", "http", 1))
	if _, err := run(t, start(t, s)[0]); fault.KindOf(err) != fault.Rejected {
		t.Errorf("without TLS: %v of kind %s, want rejected", err, fault.KindOf(err))
	}
	s.Config.URL = secret.New(strings.Replace(serve(t, answering(200, "")), "http", "https", 1))
	if _, err := run(t, start(t, s)[0]); fault.KindOf(err) != fault.TLS {
		t.Errorf("with a server that speaks no TLS: %v of kind %s, want tls", err, fault.KindOf(err))
	}
}

// A server that speaks first speaks no HTTP, and what it says is not repeated.
func TestServerThatSpeaksFirst(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "220 "+hushed+"\r\n")
		_, _ = conn.Read(make([]byte, 1<<10))
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	_, err = run(t, start(t, settings("http://"+l.Addr().String(), query("up", nil)))[0])
	if fault.KindOf(err) != fault.Schema || strings.Contains(err.Error(), hushed) {
		t.Errorf("Collect() = %v of kind %s, want schema", err, fault.KindOf(err))
	}
}

// Many queries at once are a few requests at once, and all are answered.
func TestFewRequestsAtOnce(t *testing.T) {
	arrived, release := make(chan struct{}, maxQueries), make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(w, vector(up, ""))
	})
	s := settings(server)
	for i := range 5 * maxConns {
		s.Config.Queries = append(s.Config.Queries, query("up", func(q *Query) { q.Name = strconv.Itoa(i) }))
	}
	var wg sync.WaitGroup
	for _, c := range start(t, s) {
		wg.Go(func() {
			if values, err := run(t, c); err != nil || values["value"] != 1 {
				t.Errorf("Collect() = %v, %v", values, err)
			}
		})
	}
	for range maxConns {
		<-arrived
	}
	select {
	case <-arrived:
		t.Errorf("another request came while %d were under way", maxConns)
	case <-time.After(200 * time.Millisecond):
	}
	close(release)
	wg.Wait()
}

// Connections are kept from one question to the next, and given back at the
// end.
func TestConnections(t *testing.T) {
	opened, closed := make(chan struct{}, 10), make(chan struct{}, 10)
	server := httptest.NewUnstartedServer(answering(200, vector(up, "")))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened <- struct{}{}
		case http.StateClosed:
			closed <- struct{}{}
		default:
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	i := New(settings(server.URL, query("up", nil)))
	c := i.Tasks()[0].Collector
	for range 3 {
		if _, err := run(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(opened); n != 1 {
		t.Errorf("%d connections for three questions, want 1", n)
	}
	i.Close()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection is not given back")
	}
}

func TestDeadline(t *testing.T) {
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if err := collectortest.Deadline(t, start(t, settings(server, query("up", nil)))[0]); fault.KindOf(err) != fault.Timeout {
		t.Errorf("Collect() = %v, want a timeout", err)
	}
}
