package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/starttls"
)

func at(n int) float64 { return float64(march31.AddDate(0, 0, n).Unix()) }

func target(t *testing.T, address string, roots ...pair) Target {
	t.Helper()
	return Target{Name: "erp", Served: address, ServerName: "erp.test", CA: write(t, encode(roots...))}
}

// C1: of several chains the one that lasts longest counts. Here an authority is
// vouched for by an old root as well, for servers whose clients are old; that
// voucher is sent along and ends in 3 days.
func TestSeveralChains(t *testing.T) {
	older, newer := authorityFor(t, "Old Root"), authorityFor(t, "New Root")
	crossed := issue(t, older, "New Root", newer.key, func(c *x509.Certificate) {
		asAuthority(c)
		c.NotAfter = march31.AddDate(0, 0, 3)
	})
	ca := intermediate(t, newer, nil)
	own := leaf(t, ca, nil)
	address := serve(t, own.chain(ca, crossed))
	for name, tt := range map[string]struct {
		roots []pair
		end   float64
		bad   bool
	}{
		"a client that trusts both":     {[]pair{older, newer}, at(60), false},
		"a client that trusts the new":  {[]pair{newer}, at(60), false},
		"a client that trusts the old":  {[]pair{older}, at(3), false},
		"a client that trusts neither":  {[]pair{authorityFor(t, "Other Root")}, 0, true},
		"a client that trusts the next": {[]pair{ca}, at(60), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := look(t, newWatch(target(t, address, tt.roots...), settings()))
			if err != nil {
				t.Fatal(err)
			}
			// The name of the peer says the earliest of what was sent, whatever it is for.
			expect(t, got, map[string]float64{"probe_ssl_earliest_cert_expiry": at(3), "certificate_not_after_timestamp_seconds/served": at(60)})
			if tt.bad {
				expect(t, got, map[string]float64{"certificate_valid/served": 0})
				absent(t, got, "certificate_chain_not_after_timestamp_seconds/served", "probe_ssl_last_chain_expiry_timestamp_seconds")
				return
			}
			expect(t, got, map[string]float64{
				"certificate_chain_not_after_timestamp_seconds/served": tt.end,
				"probe_ssl_last_chain_expiry_timestamp_seconds":        tt.end,
				"certificate_remaining_seconds/long/served":            tt.end - at(0),
				"certificate_valid/served":                             1,
			})
		})
	}
}

// C2: a server that redirects is judged by its own certificate. The host it
// redirects to, of another certificate, is not asked.
func TestRedirectsLeadNowhere(t *testing.T) {
	root := authorityFor(t, "Root")
	own := leaf(t, root, nil)
	var asked atomic.Bool
	elsewhere := listen(t, func(net.Conn) { asked.Store(true) })
	server := http.Server{
		Handler:           http.RedirectHandler("https://"+elsewhere+"/", http.StatusFound),
		ReadHeaderTimeout: time.Second,
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own.chain()}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	got, err := look(t, newWatch(target(t, l.Addr().String(), root), settings()))
	expect(t, got, map[string]float64{"certificate_valid/served": 1, "certificate_not_after_timestamp_seconds/served": at(60)})
	if err != nil || asked.Load() {
		t.Errorf("Collect() = %v, the other host was asked: %v", err, asked.Load())
	}
	_ = server.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// C3: every look is a new connection: a certificate that the server has loaded
// since is seen at once, and what changed is counted.
func TestRenewalIsSeenAtOnce(t *testing.T) {
	root, other := authorityFor(t, "Root"), authorityFor(t, "Other Root")
	longer := func(c *x509.Certificate) { c.NotAfter = march31.AddDate(0, 0, 89) }
	var shown atomic.Pointer[tls.Certificate]
	show := func(c tls.Certificate) { shown.Store(&c) }
	show(leaf(t, root, nil).chain())
	address := listen(t, shaking(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.Load(), nil }}))
	w := newWatch(target(t, address, root, other), settings())
	changes := func(certificates, issuers, keys float64) map[string]float64 {
		return map[string]float64{"certificate_changes_total/served/certificate": certificates, "certificate_changes_total/served/issuer": issuers, "certificate_changes_total/served/key": keys}
	}
	see := func(end float64, want map[string]float64) {
		t.Helper()
		got, err := look(t, w)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, got, want)
		expect(t, got, map[string]float64{"certificate_not_after_timestamp_seconds/served": end})
	}
	see(at(60), changes(0, 0, 0))
	see(at(60), changes(0, 0, 0))
	show(leaf(t, root, longer).chain())
	see(at(89), changes(1, 0, 0))
	show(issue(t, root, "erp.test", seeded("a new key"), longer).chain())
	see(at(89), changes(2, 0, 1))
	show(issue(t, other, "erp.test", seeded("a new key"), longer).chain())
	see(at(89), changes(3, 1, 1))
}

// C4: the server is asked for its name. One that does not know it shows what it
// shows to everybody, which is told.
func TestNameIsAskedFor(t *testing.T) {
	root := authorityFor(t, "Root")
	named := leaf(t, root, nil)
	standard := issue(t, pair{}, "DEFAULT", seeded("default"), func(c *x509.Certificate) { c.DNSNames = []string{"default.test"} })
	address := listen(t, shaking(&tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := standard.chain()
		if hello.ServerName == "erp.test" {
			c = named.chain()
		}
		return &c, nil
	}}))
	got, err := look(t, newWatch(target(t, address, root), settings()))
	if expect(t, got, map[string]float64{"certificate_valid/served": 1}); err != nil {
		t.Error(err)
	}
	unknown := target(t, address, root)
	unknown.ServerName = "crm.test"
	got, err = look(t, newWatch(unknown, settings()))
	if p := problems(got, fromServer); err != nil || len(p) != 2 || !p[hostname] || !p[selfSigned] {
		t.Errorf("a name that is not known: %v, %v, want hostname and self_signed", p, err)
	}
	bare := target(t, address, root) // an address is no name to ask for
	bare.ServerName = ""
	got, err = look(t, newWatch(bare, settings()))
	if p := problems(got, fromServer); err != nil || !p[hostname] {
		t.Errorf("an address: %v, %v, want hostname", p, err)
	}
	onlyNamed := listen(t, shaking(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, io.EOF }}))
	if got, err = look(t, newWatch(target(t, onlyNamed, root), settings())); fault.KindOf(err) != fault.TLS {
		t.Errorf("a server that wants a name it knows: %v, want kind tls", err)
	}
	expect(t, got, map[string]float64{"certificate_readable/served": 0})
}

// C5: a certificate that has not begun is refused, however long it lasts.
func TestNotYetValid(t *testing.T) {
	root := authorityFor(t, "Root")
	early := leaf(t, root, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = march31.AddDate(0, 0, 1), march31.AddDate(1, 0, 0)
	})
	got, err := look(t, newWatch(target(t, serve(t, early.chain()), root), settings()))
	if p := problems(got, fromServer); err != nil || len(p) != 1 || !p[notYetValid] {
		t.Errorf("problems %v, %v, want not_yet_valid", p, err)
	}
	expect(t, got, map[string]float64{"certificate_valid/served": 0, "certificate_not_before_timestamp_seconds/served": at(1)})
}

// C6: what was renewed on disk and not loaded.
func TestRenewedAndNotLoaded(t *testing.T) {
	root := authorityFor(t, "Root")
	old := leaf(t, root, func(c *x509.Certificate) { c.NotAfter = march31.AddDate(0, 0, 2) })
	renewed := leaf(t, root, nil)
	t.Run("renewed", func(t *testing.T) {
		tt := target(t, serve(t, old.chain()), root)
		tt.File = write(t, encode(renewed, root))
		got, err := look(t, newWatch(tt, settings()))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, got, map[string]float64{
			"certificate_mismatch": 1, "certificate_valid/file": 1, "certificate_valid/served": 1,
			"certificate_not_after_timestamp_seconds/file": at(60), "certificate_not_after_timestamp_seconds/served": at(2),
			"certificate_changes_total/served/certificate": 0, "certificate_changes_total/file/certificate": 0,
		})
	})
	t.Run("loaded", func(t *testing.T) {
		tt := target(t, serve(t, renewed.chain()), root)
		tt.File = write(t, encode(renewed, root))
		got, err := look(t, newWatch(tt, settings()))
		if expect(t, got, map[string]float64{"certificate_mismatch": 0}); err != nil {
			t.Error(err)
		}
	})
	t.Run("file not readable", func(t *testing.T) {
		tt := target(t, serve(t, renewed.chain()), root)
		tt.File = "/nowhere/certificate.pem"
		got, err := look(t, newWatch(tt, settings()))
		if expect(t, got, map[string]float64{"certificate_readable/file": 0, "certificate_readable/served": 1, "certificate_valid/served": 1}); fault.KindOf(err) != fault.Unreachable {
			t.Error(err)
		}
		absent(t, got, "certificate_mismatch", "certificate_valid/file", "certificate_not_after_timestamp_seconds/file")
	})
	t.Run("server gone", func(t *testing.T) {
		tt := target(t, closed(t), root)
		tt.File = write(t, encode(renewed, root))
		got, err := look(t, newWatch(tt, settings()))
		if expect(t, got, map[string]float64{"certificate_readable/file": 1, "certificate_readable/served": 0, "certificate_valid/file": 1}); fault.KindOf(err) != fault.Unreachable {
			t.Error(err)
		}
		absent(t, got, "certificate_mismatch", "certificate_valid/served", "probe_ssl_earliest_cert_expiry")
	})
}

// C7: certificates behind STARTTLS.
func TestBehindSTARTTLS(t *testing.T) {
	root := authorityFor(t, "Root")
	over := shaking(&tls.Config{Certificates: []tls.Certificate{leaf(t, root, nil).chain()}})
	speaking := func(lines ...string) string { // server and client take turns
		return listen(t, func(conn net.Conn) {
			for n, line := range lines {
				if _, _ = io.WriteString(conn, line); n < len(lines)-1 {
					hear(conn)
				}
			}
			over(conn)
		})
	}
	for protocol, address := range map[starttls.Protocol]string{
		starttls.SMTP: speaking("220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"),
		starttls.IMAP: speaking("* OK ready\r\n", "t1 OK go\r\n"),
		starttls.Postgres: listen(t, func(conn net.Conn) {
			_, _ = io.ReadFull(conn, make([]byte, 8))
			_, _ = io.WriteString(conn, "S")
			over(conn)
		}),
	} {
		t.Run(string(protocol), func(t *testing.T) {
			tt := target(t, address, root)
			tt.StartTLS = protocol
			got, err := look(t, newWatch(tt, settings()))
			if expect(t, got, map[string]float64{"certificate_valid/served": 1, "certificate_not_after_timestamp_seconds/served": at(60)}); err != nil {
				t.Error(err)
			}
		})
	}
}

// C7 on the real thing: a PostgreSQL that gets its certificate while it runs.
func TestPostgres(t *testing.T) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	root := authorityFor(t, "Root")
	own := leaf(t, root, nil)
	tt := target(t, net.JoinHostPort(p.Host, strconv.Itoa(p.Port)), root)
	tt.StartTLS = starttls.Postgres
	w := newWatch(tt, settings())
	if _, err := look(t, w); fault.KindOf(err) != fault.TLS || fault.HintOf(err) != "set ssl = on in postgresql.conf" {
		t.Errorf("Collect() = %v, want that the server offers none", err)
	}
	put := func(name string, content []byte) string {
		return fmt.Sprintf("COPY (SELECT '%s') TO PROGRAM 'umask 077; base64 -d >%s'", base64.StdEncoding.EncodeToString(content), name)
	}
	for _, sql := range []string{
		put("server.crt", encode(own)), put("server.key", own.encodeKey(t)),
		"ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()",
	} {
		if err := p.Exec(t.Context(), "postgres", "postgres", sql); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		got, err := look(t, w)
		if err == nil {
			expect(t, got, map[string]float64{"certificate_valid/served": 1, "certificate_not_after_timestamp_seconds/served": at(60)})
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// A server that wants a certificate of ours has shown its own by then.
func TestServerThatWantsAClientCertificate(t *testing.T) {
	root := authorityFor(t, "Root")
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{leaf(t, root, nil).chain()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(root), MaxVersion: version}
			got, err := look(t, newWatch(target(t, listen(t, shaking(config)), root), settings()))
			if expect(t, got, map[string]float64{"certificate_valid/served": 1}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Old servers are read, too.
func TestServerOfOldTimes(t *testing.T) {
	root := authorityFor(t, "Root")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{issue(t, root, "erp.test", key, nil).chain()}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
	if got, err := look(t, newWatch(target(t, listen(t, shaking(config)), root), settings())); err != nil {
		t.Errorf("Collect() = %v with %v", err, got)
	}
}

func TestServersThatCannotBeRead(t *testing.T) {
	root := authorityFor(t, "Root")
	tests := map[string]struct {
		address string
		ca      string
		kind    fault.Kind
	}{
		"nobody listens":       {address: closed(t), kind: fault.Unreachable},
		"hangs up":             {address: listen(t, func(net.Conn) {}), kind: fault.Unreachable},
		"speaks SSH":           {address: listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); hear(c) }), kind: fault.TLS},
		"has no common suite":  {address: listen(t, shaking(&tls.Config{Certificates: []tls.Certificate{leaf(t, root, nil).chain()}, CurvePreferences: []tls.CurveID{tls.CurveP521}, MaxVersion: tls.VersionTLS11})), kind: fault.TLS},
		"authorities not read": {address: serve(t, leaf(t, root, nil).chain()), ca: "/nowhere/ca.pem", kind: fault.Unreachable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := target(t, tt.address, root)
			if tt.ca != "" {
				c.CA = tt.ca
			}
			got, err := look(t, newWatch(c, settings()))
			if fault.KindOf(err) != tt.kind {
				t.Errorf("Collect() = %v of kind %q, want %q", err, fault.KindOf(err), tt.kind)
			}
			// Whom to trust is not known: the dates still are.
			readable := truth(tt.ca != "")
			expect(t, got, map[string]float64{"certificate_readable/served": readable})
			absent(t, got, "certificate_valid/served", "certificate_problem/untrusted/served", "certificate_chain_not_after_timestamp_seconds/served")
			if _, dated := got["certificate_not_after_timestamp_seconds/served"]; dated != (readable == 1) {
				t.Errorf("dates were published: %v", dated)
			}
		})
	}
}

func TestDeadlines(t *testing.T) {
	mute := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	for _, protocol := range []starttls.Protocol{"", starttls.Postgres, starttls.SMTP, starttls.IMAP} {
		t.Run("mute "+string(protocol), func(t *testing.T) {
			tt := target(t, mute, authorityFor(t, "Root"))
			tt.StartTLS = protocol
			if err := collectortest.Deadline(t, newWatch(tt, settings())); fault.KindOf(err) != fault.Timeout {
				t.Errorf("Collect() = %v, want kind timeout", err)
			}
		})
	}
}

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
