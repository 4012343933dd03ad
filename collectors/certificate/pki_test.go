package certificate

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var march31 = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

// A pair is a certificate with its key. Keys come from seeds and Ed25519 signs
// the same way every time, so that goldens can hold fingerprints.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func seeded(seed string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(seed))
	return ed25519.NewKeyFromSeed(sum[:])
}

// authorityFor makes an authority of a name, signed by itself.
func authorityFor(tb testing.TB, name string) pair {
	tb.Helper()
	return issue(tb, pair{}, name, seeded(name), func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.ExtKeyUsage, c.DNSNames = nil, nil
		c.NotBefore, c.NotAfter = march31.AddDate(-5, 0, 0), march31.AddDate(5, 0, 0)
	})
}

// intermediate makes an authority signed by another.
func intermediate(tb testing.TB, by pair, change func(*x509.Certificate)) pair {
	tb.Helper()
	const name = "Issuing CA"
	return issue(tb, by, name, seeded(name), func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.DNSNames = nil
		c.NotBefore, c.NotAfter = march31.AddDate(-1, 0, 0), march31.AddDate(3, 0, 0)
		if change != nil {
			change(c)
		}
	})
}

// leaf makes a certificate of 90 days for erp.test, 60 of which are left.
func leaf(tb testing.TB, by pair, change func(*x509.Certificate)) pair {
	tb.Helper()
	return issue(tb, by, "erp.test", seeded("erp.test"), change)
}

// issue makes a certificate signed by another, or by itself.
func issue(tb testing.TB, by pair, name string, key crypto.Signer, change func(*x509.Certificate)) pair {
	tb.Helper()
	id := sha256.Sum256([]byte(name))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(id[0]) + 1), Subject: pkix.Name{CommonName: name}, SubjectKeyId: id[:20],
		NotBefore: march31.AddDate(0, 0, -30), NotAfter: march31.AddDate(0, 0, 60),
		DNSNames: []string{"erp.test"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	parent, signer := by.cert, by.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return pair{cert, key}
}

// chain is what a server sends: its pair's certificate and others.
func (p pair) chain(others ...pair) tls.Certificate {
	out := tls.Certificate{Certificate: [][]byte{p.cert.Raw}, PrivateKey: p.key}
	for _, o := range others {
		out.Certificate = append(out.Certificate, o.cert.Raw)
	}
	return out
}

func encode(pairs ...pair) []byte {
	var b bytes.Buffer
	for _, p := range pairs {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
	}
	return b.Bytes()
}

func (p pair) encodeKey(tb testing.TB) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func pool(pairs ...pair) *x509.CertPool {
	out := x509.NewCertPool()
	for _, p := range pairs {
		out.AddCert(p.cert)
	}
	return out
}

func certificates(pairs ...pair) []*x509.Certificate {
	var out []*x509.Certificate
	for _, p := range pairs {
		out = append(out, p.cert)
	}
	return out
}

func write(tb testing.TB, content []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "certificate.pem")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
