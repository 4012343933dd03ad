package traefik

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
)

// reaching is a client that reaches srv whatever host it is asked for, so that
// labels do not change from run to run.
func reaching(t *testing.T, srv *httptest.Server, roots *x509.CertPool) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	c := newClient(false)
	c.Transport = transport
	return c
}

func TestPing(t *testing.T) {
	for status, golden := range map[int]string{200: "ping_up", 404: "ping_up", 302: "ping_up", 503: "ping_503"} {
		srv := serve(t, status, "")
		clock := noon()
		now := func() time.Time { clock = clock.Add(50 * time.Millisecond); return clock }
		err := collectortest.Golden(t, ping{urls: []string{"http://erp.example.com/web/health?db=1"}, client: reaching(t, srv, nil), now: now}, golden)
		if (status >= 500) != (err != nil) {
			t.Errorf("%d: err = %v", status, err)
		}
	}
}

func TestPingOfAStoppedEntrypoint(t *testing.T) {
	srv := serve(t, 200, "")
	srv.Close()
	if err := collectortest.Golden(t, ping{urls: []string{"http://erp.example.com"}, client: reaching(t, srv, nil), now: time.Now}, "ping_down"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("err = %v, want unreachable", err)
	}
}

func TestPingAsksEveryURL(t *testing.T) {
	ok, broken := serve(t, 200, ""), serve(t, 502, "")
	p := ping{urls: []string{ok.URL, broken.URL}, client: testClient(t), now: time.Now}
	got, err := labelledValues(t, p, "traefik_entrypoint_reachable")
	if diff := cmp.Diff(map[string]float64{ok.URL: 1, broken.URL: 0}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("err = %v, want unavailable", err)
	}
}

// certified serves TLS with a certificate for a name and a time, of an
// authority that the pool trusts.
func certified(t *testing.T, name string, until time.Time) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv, pool
}

func TestPingTellsWhyTLSFails(t *testing.T) {
	const name = "erp.example.com"
	later := time.Now().Add(time.Hour)
	plain := serve(t, 200, "")
	tests := map[string]struct {
		serving   func() (*httptest.Server, *x509.CertPool)
		reachable float64
		reason    string // "" is none
	}{
		"accepted":         {func() (*httptest.Server, *x509.CertPool) { return certified(t, name, later) }, 1, ""},
		"expired":          {func() (*httptest.Server, *x509.CertPool) { return certified(t, name, time.Now().Add(-time.Hour)) }, 0, tlsExpired},
		"for another name": {func() (*httptest.Server, *x509.CertPool) { return certified(t, "other.example.com", later) }, 0, tlsHostname},
		"of nobody we know": {func() (*httptest.Server, *x509.CertPool) {
			s, _ := certified(t, name, later)
			return s, x509.NewCertPool()
		}, 0, tlsUntrusted},
		"no TLS on this port": {func() (*httptest.Server, *x509.CertPool) { return plain, nil }, 0, tlsHandshake},
	}
	for situation, tt := range tests {
		t.Run(situation, func(t *testing.T) {
			srv, roots := tt.serving()
			p := ping{urls: []string{"https://" + name}, client: reaching(t, srv, roots), now: time.Now}
			reachable, err := labelledValues(t, p, "traefik_entrypoint_reachable")
			if reachable["https://"+name] != tt.reachable || (err == nil) != (tt.reachable == 1) {
				t.Errorf("reachable = %v (%v), want %v", reachable, err, tt.reachable)
			}
			failed, _ := labelledValues(t, p, "traefik_entrypoint_tls_failed")
			want := map[string]float64{}
			for _, r := range tlsReasons {
				want[r+" https://"+name] = truth(r == tt.reason)
			}
			if diff := cmp.Diff(want, failed); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
