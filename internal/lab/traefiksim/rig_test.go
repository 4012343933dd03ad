package traefiksim_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab/traefiksim"
	"github.com/closewatch/closewatch/internal/secret"
)

// A rig is the set-up of the recordings: one proxy, a backend that behaves
// and misbehaves by path, and an address where nothing listens.
type rig struct {
	proxy   *traefiksim.Proxy
	backend string // URL
	dead    string // URL
	log     string // path of the access log
}

func newRig(t *testing.T, access traefiksim.AccessLog) *rig {
	t.Helper()
	r := &rig{backend: newBackend(t), dead: "http://" + unusedAddress(t), log: filepath.Join(t.TempDir(), "access.log")}
	access.Path = r.log
	proxy, err := traefiksim.New(traefiksim.Options{
		EntryPoints: []traefiksim.EntryPoint{
			{Name: "web", Address: "127.0.0.1:0"},
			{Name: "websecure", Address: "127.0.0.1:0", TLS: newTLS(t)},
			{Name: "unrouted", Address: "127.0.0.1:0", TLS: newTLS(t)},
		},
		Routers: []traefiksim.Router{
			{Name: "app", EntryPoints: []string{"web"}, Service: "app", Priority: 1},
			{Name: "apptls", EntryPoints: []string{"websecure"}, Service: "app"},
			{Name: "dead", EntryPoints: []string{"web"}, PathPrefix: "/dead", Service: "dead"},
			{Name: "allunhealthy", EntryPoints: []string{"web"}, PathPrefix: "/unhealthy", Service: "unhealthy"},
			{
				Name: "limited", EntryPoints: []string{"web"}, PathPrefix: "/limited", Service: "app",
				RateLimit: &traefiksim.RateLimit{Average: 1, Burst: 1},
			},
			{
				Name: "auth", EntryPoints: []string{"web"}, PathPrefix: "/auth", Service: "app",
				BasicAuth: map[string]secret.Value{"test": secret.New("open sesame")},
			},
			{Name: "timeout", EntryPoints: []string{"web"}, PathPrefix: "/slow/timeout", Service: "slow"},
			{Name: "hosted", EntryPoints: []string{"web"}, Host: "erp.example.test", Service: "single"},
			{
				Name: "redir", EntryPoints: []string{"web"}, PathPrefix: "/tohttps", Service: "app",
				Redirect: &traefiksim.Redirect{Scheme: "https", Port: "18443"},
			},
		},
		Services: []traefiksim.Service{
			{Name: "app", Servers: []string{r.backend}, HealthCheck: &traefiksim.HealthCheck{Path: "/ok", Interval: time.Minute, Timeout: time.Second}},
			{Name: "single", Servers: []string{r.backend}},
			{Name: "dead", Servers: []string{r.dead}},
			{Name: "unhealthy", Servers: []string{r.dead}, HealthCheck: &traefiksim.HealthCheck{Path: "/ok", Interval: time.Minute, Timeout: time.Second}},
			{Name: "slow", Servers: []string{r.backend}, ResponseHeaderTimeout: 50 * time.Millisecond},
		},
		AccessLog: access,
		Hostname:  "vm",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := proxy.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Kill)
	r.proxy = proxy
	r.await(t, "the health checks to have run", func() bool {
		metrics := r.metrics(t)
		return strings.Contains(metrics, `service="unhealthy@file",url="`+r.dead+`"} 0`) &&
			strings.Contains(metrics, `service="app@file",url="`+r.backend+`"} 1`)
	})
	return r
}

// await polls until done or the test has waited too long.
func (r *rig) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited 10 s for %s", what)
		case <-ticker.C:
		}
	}
}

// lines waits for the log to hold n lines and returns them.
func (r *rig) lines(t *testing.T, n int) []string {
	t.Helper()
	var data []byte
	r.await(t, fmt.Sprintf("line %d of the access log", n), func() bool {
		var err error
		if data, err = os.ReadFile(r.log); err != nil {
			t.Fatal(err)
		}
		return bytes.Count(data, []byte("\n")) >= n
	})
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func (r *rig) metrics(t *testing.T) string {
	t.Helper()
	return r.get(t, r.proxy.MetricsURL())
}

func (r *rig) get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// newBackend answers "b1 <path>\n" with the few headers of the recordings.
func newBackend(t *testing.T) string {
	t.Helper()
	plain := func(w http.ResponseWriter, r *http.Request, status int) {
		body := "b1 " + r.URL.EscapedPath() + "\n"
		h := w.Header()
		h["Date"] = nil
		h.Set("X-Backend", "b1")
		h.Set("Content-Type", "text/plain")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { plain(w, r, http.StatusOK) })
	mux.HandleFunc("/404", func(w http.ResponseWriter, r *http.Request) { plain(w, r, http.StatusNotFound) })
	mux.HandleFunc("/500", func(w http.ResponseWriter, r *http.Request) { plain(w, r, http.StatusInternalServerError) })
	mux.HandleFunc("/301", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/ok")
		plain(w, r, http.StatusMovedPermanently)
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, _ *http.Request) { raw(w, "") })
	mux.HandleFunc("/trunc", func(w http.ResponseWriter, _ *http.Request) {
		raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello")
	})
	mux.HandleFunc("/slow/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		plain(w, r, http.StatusOK)
	})
	mux.HandleFunc("/ws/chat", func(w http.ResponseWriter, _ *http.Request) {
		raw(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// raw takes the connection over, sends bytes, and closes; an upgraded one
// only once its peer has spoken.
func raw(w http.ResponseWriter, bytes string) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, bytes)
	if strings.HasPrefix(bytes, "HTTP/1.1 101") {
		_, _ = rw.ReadByte()
	}
}

func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// newTLS offers one RSA certificate, made once, because the recording's
// TLS 1.2 cipher needs RSA.
func newTLS(t *testing.T) *tls.Config {
	t.Helper()
	certificate, err := localhost()
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
}

var localhost = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(42),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
})

// A call is one request as the recording's client sent it.
type call struct {
	entryPoint string // default "web"
	method     string // default GET
	path       string
	host       string
	body       string
	headers    map[string]string // beside curl's Accept and User-Agent
	tls        *tls.Config
	patience   time.Duration // 0 waits for the answer
	mayFail    bool          // the answer may break off
}

// send makes the call and reads the answer to its end, if there is one.
func (r *rig) send(t *testing.T, c call) {
	t.Helper()
	if c.entryPoint == "" {
		c.entryPoint = "web"
	}
	ctx := t.Context()
	if c.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.patience)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, r.proxy.URL(c.entryPoint)+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.host != "" {
		req.Host = c.host
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "curl/7.88.1")
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableCompression: true, TLSClientConfig: c.tls, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		if c.patience == 0 && !c.mayFail {
			t.Fatal(err)
		}
		return
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
}

// dial sends raw bytes to an entry point and returns the connection.
func (r *rig) dial(t *testing.T, bytes string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", r.proxy.Address("web"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, bytes); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// serve starts a backend with one handler.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
