package auth_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/auth"
)

// An authority issues certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := authority{key: newKey(t)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate of that subject and its key.
func (a authority) issue(t *testing.T, name string, serial int64, until time.Time) (cert, key []byte) {
	t.Helper()
	k := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// A site is a server with its files.
type site struct {
	dir     string
	ca      authority
	address string
	log     *text
}

// text is written to from many sides.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// renew gives the server another certificate.
func (s *site) renew(t *testing.T, serial int64) {
	t.Helper()
	cert, key := s.ca.issue(t, "a server", serial, time.Now().Add(time.Hour))
	put(t, filepath.Join(s.dir, "tls.crt"), cert)
	put(t, filepath.Join(s.dir, "tls.key"), key)
}

// newSite serves routes on loopback until the test ends. conf is the web
// configuration file, beside tls.crt, tls.key and ca.crt.
func newSite(t *testing.T, conf string) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), ca: newAuthority(t), log: &text{}}
	s.renew(t, 2)
	put(t, filepath.Join(s.dir, "ca.crt"), s.ca.pem)
	put(t, filepath.Join(s.dir, "web.yml"), []byte(conf+users(t)))
	file, err := auth.ReadFile(filepath.Join(s.dir, "web.yml"))
	if err != nil {
		t.Fatal(err)
	}
	_, h := guarded(t, auth.Settings{Web: web(), File: file})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	log := slog.New(slog.NewTextHandler(s.log, nil))
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelInfo)}
	var served sync.WaitGroup
	served.Go(func() {
		if err := file.Serve(server, l, log); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve() = %v", err)
		}
	})
	t.Cleanup(func() {
		_ = server.Close() // clients that fail a handshake may still hang on
		served.Wait()
		said := s.log.String()
		if strings.Contains(said, "panic") {
			t.Errorf("the server said:\n%s", said)
		}
		noSecret(t, "the server's log", said)
	})
	return s
}

// An answer is what a client got.
type answer struct {
	status int
	text   string
	proto  string
	tls    *tls.ConnectionState
	err    error
}

// ask sends a request on a connection of its own. config is the client's TLS;
// nil speaks without.
func (s *site) ask(t *testing.T, config *tls.Config, method, path, with string) answer {
	t.Helper()
	scheme := "http://"
	if config != nil {
		scheme = "https://"
		config = config.Clone()
		if config.RootCAs == nil {
			config.RootCAs = x509.NewCertPool()
			config.RootCAs.AddCert(s.ca.cert)
		}
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, scheme+s.address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if with != "" {
		req.Header.Set("Authorization", with)
	}
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(body), resp.Proto, resp.TLS, err}
}

// shows is a client with a certificate of an authority.
func shows(t *testing.T, a authority, name string, until time.Time) *tls.Config {
	t.Helper()
	cert, key := a.issue(t, name, 7, until)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

const serverTLS = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n"

func TestWithoutTLS(t *testing.T) {
	s := newSite(t, "")
	if got := s.ask(t, nil, "GET", "/", ""); got.status != http.StatusOK || got.text != "hello loopback" {
		t.Errorf("answer = %+v", got)
	}
	if got := s.ask(t, nil, "POST", "/-/reload", bearer(adminToken)); got.status != http.StatusOK {
		t.Errorf("with a token = %+v", got)
	}
	if got := s.ask(t, nil, "POST", "/-/reload", ""); got.status != http.StatusUnauthorized {
		t.Errorf("without = %+v", got)
	}
	if got := s.ask(t, &tls.Config{MinVersion: tls.VersionTLS12}, "GET", "/", ""); got.err == nil {
		t.Errorf("over TLS = %+v", got)
	}
}

func TestTLS(t *testing.T) {
	s := newSite(t, serverTLS+"  min_version: TLS13\n")
	plain := &tls.Config{MinVersion: tls.VersionTLS12}
	got := s.ask(t, plain, "GET", "/", basic("alice", alicesWord))
	if got.status != http.StatusOK || got.text != "hello user:alice" || got.proto != "HTTP/2.0" || got.tls.Version != tls.VersionTLS13 {
		t.Errorf("answer = %+v", got)
	}
	if got := s.ask(t, plain, "GET", "/", basic("alice", "hunter2")); got.status != http.StatusUnauthorized {
		t.Errorf("a wrong password = %+v", got)
	}
	if got := s.ask(t, &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}, "GET", "/", ""); got.err == nil {
		t.Errorf("TLS 1.2 = %+v, want none", got)
	}
	if got := s.ask(t, nil, "GET", "/", ""); got.status != http.StatusBadRequest {
		t.Errorf("without TLS = %+v", got)
	}
	stranger := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if got := s.ask(t, stranger, "GET", "/", bearer(adminToken)); got.err == nil || !strings.Contains(got.err.Error(), "unknown authority") {
		t.Errorf("a client that does not know the authority = %+v", got)
	}
}

func TestHTTP2CanBeSwitchedOff(t *testing.T) {
	s := newSite(t, serverTLS+"http_server_config: {http2: false}\n")
	if got := s.ask(t, &tls.Config{MinVersion: tls.VersionTLS12}, "GET", "/", ""); got.status != http.StatusOK || got.proto != "HTTP/1.1" {
		t.Errorf("answer = %+v", got)
	}
}

func TestClientCertificates(t *testing.T) {
	tests := map[string]struct {
		mode string
		want map[string]string // by client: what reload says, or "handshake"
	}{
		"optional": {"VerifyClientCertIfGiven", map[string]string{
			"deploy": "200 hello client:deploy", "prometheus": "403 client:prometheus lacks", "mallory": "401 this needs", "none": "401 this needs",
			"other authority": "handshake", "expired": "handshake", "none, with a token": "200 hello token:deploy", "mallory, with a token": "200 hello token:deploy",
		}},
		"required": {"RequireAndVerifyClientCert", map[string]string{
			"deploy": "200 hello client:deploy", "prometheus": "403 client:prometheus lacks", "mallory": "401 this needs", "none": "handshake",
			"other authority": "handshake", "expired": "handshake", "none, with a token": "handshake", "mallory, with a token": "200 hello token:deploy",
		}},
		"asked for and not verified": {"RequestClientCert", map[string]string{
			"deploy": "401 this needs", "other authority": "401 this needs", "expired": "401 this needs", "none": "401 this needs",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, serverTLS+"  client_auth_type: "+tt.mode+"\n  client_ca_file: ca.crt\n")
			later := time.Now().Add(time.Hour)
			clients := map[string]*tls.Config{
				"deploy": shows(t, s.ca, "deploy", later), "prometheus": shows(t, s.ca, "prometheus", later), "mallory": shows(t, s.ca, "mallory", later),
				"none": {MinVersion: tls.VersionTLS12}, "other authority": shows(t, newAuthority(t), "deploy", later), "expired": shows(t, s.ca, "deploy", time.Now().Add(-time.Hour)),
			}
			for who, want := range tt.want {
				whose, token, _ := strings.Cut(who, ", ")
				with := ""
				if token != "" {
					with = bearer(adminToken)
				}
				config := clients[whose].Clone()
				for i := range config.Certificates { // shown whether or not the server knows its authority
					c := &config.Certificates[i]
					config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c, nil }
				}
				a := s.ask(t, config, "POST", "/-/reload", with)
				got := fmt.Sprintf("%d %s", a.status, a.text)
				if a.err != nil {
					got = "handshake"
				}
				if !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s (%v), want %s", who, got, a.err, want)
				}
			}
		})
	}
}

// With names that are allowed, a certificate may still be optional.
func TestAllowedNamesOfClients(t *testing.T) {
	s := newSite(t, serverTLS+"  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n  client_allowed_sans: [127.0.0.1]\n")
	if got := s.ask(t, &tls.Config{MinVersion: tls.VersionTLS12}, "GET", "/", ""); got.status != http.StatusOK {
		t.Errorf("without a certificate = %+v", got)
	}
	if got := s.ask(t, shows(t, s.ca, "deploy", time.Now().Add(time.Hour)), "POST", "/-/reload", ""); got.status != http.StatusOK {
		t.Errorf("with one = %+v", got)
	}
}

// A renewed certificate counts at once. While a renewal is half done, the one
// before counts, and it is said once.
func TestRenewedCertificates(t *testing.T) {
	s := newSite(t, serverTLS)
	serial := func() int64 {
		t.Helper()
		got := s.ask(t, &tls.Config{MinVersion: tls.VersionTLS12}, "GET", "/", "")
		if got.err != nil {
			t.Fatal(got.err)
		}
		return got.tls.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 2 {
		t.Fatalf("serial = %d, want 2", got)
	}
	s.renew(t, 3)
	if got := serial(); got != 3 {
		t.Errorf("serial after a renewal = %d, want 3", got)
	}
	put(t, filepath.Join(s.dir, "tls.crt"), []byte("half a certif"))
	for range 2 {
		if got := serial(); got != 3 {
			t.Errorf("serial while it is renewed = %d, want 3", got)
		}
	}
	if n := strings.Count(s.log.String(), "certificates cannot be read; those read last are used"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, s.log)
	}
	s.renew(t, 4)
	if got := serial(); got != 4 {
		t.Errorf("serial after all = %d, want 4", got)
	}
}
