package endpoint

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/secret"
)

// hushed is in every secret of the tests and must be in nothing people read.
const hushed = "hunter2"

// host resolves to loopback, without being a name of loopback, which no proxy
// would be asked for.
const host = "service.test"

// resolver answers host with loopback, over a DNS server in this process.
func resolver(t *testing.T) *net.Resolver {
	t.Helper()
	server := startDNS(t, func(q dnsmessage.Question) dnsmessage.Message {
		if q.Name.String() == host+"." && q.Type == dnsmessage.TypeA {
			return records(q, &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}})
		}
		if q.Name.String() == host+"." {
			return records(q)
		}
		return failing(q, dnsmessage.RCodeNameError)
	})
	return &net.Resolver{PreferGo: true, Dial: dialTo(server)}
}

// dialTo asks one server, whichever this machine would ask. The library waits
// for an answer up to five seconds after its caller has gone; here it is told.
func dialTo(server string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, server)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

func settings(t *testing.T) Settings {
	t.Helper()
	return Settings{Component: "service", Environment: "test", Config: Config{Class: Bank}, Now: time.Now, Resolver: resolver(t)}
}

// httpCheck is a check with its defaults.
func httpCheck(url string, change func(*HTTP)) Check {
	c := Check{Name: "api", HTTP: &HTTP{}}
	c.SetDefaults()
	c.HTTP.SetDefaults()
	c.HTTP.Expect.SetDefaults()
	c.HTTP.URL = secret.New(url)
	if change != nil {
		change(c.HTTP)
	}
	return c
}

func tcpCheck(address string, change func(*TCP)) Check {
	c := Check{Name: "port", TCP: &TCP{Address: address}}
	c.SetDefaults()
	if change != nil {
		change(c.TCP)
	}
	return c
}

func dnsCheck(server, recordType string, expect ...string) Check {
	c := Check{Name: "name", DNS: &DNS{Name: "api.example.com", Type: recordType, Server: server, Expect: expect}}
	c.SetDefaults()
	return c
}

// at is the address of a server, by the name that only the rig resolves.
func at(server string) string {
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(server, "https://"), "http://"))
	return net.JoinHostPort(host, port)
}

// runFor runs a check once, within its registry's rules.
func runFor(t *testing.T, c collector.Collector, timeout time.Duration) (map[string]float64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	a := &adapter{Collector: c, ctx: ctx}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(a)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	collectortest.Lint(t, families)
	values := map[string]float64{}
	for _, f := range families {
		collector.Flatten(f, func(s collector.Series) {
			key := s.Name
			for _, l := range s.Labels {
				if l.GetName() != "check" && l.GetName() != "class" {
					key += "/" + l.GetValue()
				}
			}
			values[key+s.ExtraValue] = s.Value
		})
	}
	return values, a.err
}

func run(t *testing.T, c collector.Collector) (map[string]float64, error) {
	t.Helper()
	return runFor(t, c, 10*time.Second)
}

type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

// serve starts a web server that ends with the test.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func serveTLS(t *testing.T, handler http.HandlerFunc, change func(*httptest.Server)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = quiet
	if change != nil {
		change(s)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// authority writes the server's certificate, which is its own authority, and
// its key to files, and returns what trusts it.
func authority(t *testing.T, s *httptest.Server) *TLS {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return &TLS{
		CA:         write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})),
		Key:        write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		ServerName: "example.com",
	}
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listen starts a server that hands each connection to talk and closes it when
// talk returns and the test ends.
func listen(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Pointer[[]net.Conn]
	open.Store(&[]net.Conn{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns := append(*open.Load(), conn)
			open.Store(&conns)
			talk(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		for _, c := range *open.Load() {
			_ = c.Close()
		}
		<-done
	})
	return l.Addr().String()
}

// silent accepts and says nothing, not even that it has heard.
func silent(net.Conn) {}

// closed is an address nobody listens at.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
