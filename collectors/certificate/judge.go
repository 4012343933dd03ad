package certificate

import (
	"bytes"
	"crypto/dsa" //nolint:staticcheck // read, to say that it is weak
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// A reason is why a certificate is refused, or should be.
type reason string

// The reasons: those a client refuses a certificate for, and weak, for which
// it will.
const (
	expired     reason = "expired"       // its time is over
	notYetValid reason = "not_yet_valid" // its time has not come, or a clock is wrong
	hostname    reason = "hostname"      // it is for other names
	selfSigned  reason = "self_signed"   // it vouches for itself, and nobody was told to trust it
	untrusted   reason = "untrusted"     // no chain leads from it to an authority that is trusted
	weak        reason = "weak"          // a key or a signature in its chain is too short or too old
)

var reasons = []reason{expired, notYetValid, hostname, selfSigned, untrusted, weak}

// A question is what a certificate is judged against.
type question struct {
	now   time.Time
	roots *x509.CertPool // nil when they are not known: then trust is not judged
	name  string         // it must be valid for; "" is any
	usage x509.ExtKeyUsage
}

// A verdict is what is known of a certificate and the chain sent along.
type verdict struct {
	leaf     *x509.Certificate
	earliest time.Time // end of the first to end of all that were sent
	// end is when the last chain that verifies ends, the authority included;
	// zero when none verifies or trust is not judged.
	end      time.Time
	problems map[reason]bool
	judged   bool // trust was
}

// judge takes a chain of at least one certificate, which is its own first.
func judge(chain []*x509.Certificate, q question) verdict {
	leaf := chain[0]
	v := verdict{leaf: leaf, earliest: leaf.NotAfter, problems: map[reason]bool{}, judged: q.roots != nil}
	for _, c := range chain {
		v.earliest = soonest(v.earliest, c.NotAfter)
	}
	v.problems[expired] = q.now.After(leaf.NotAfter)
	v.problems[notYetValid] = q.now.Before(leaf.NotBefore)
	v.problems[hostname] = q.name != "" && leaf.VerifyHostname(q.name) != nil
	v.problems[weak] = isWeak(leaf)
	if q.roots == nil {
		return v
	}
	verified := q.chains(chain)
	for _, way := range verified {
		end := leaf.NotAfter
		for _, c := range way {
			end = soonest(end, c.NotAfter)
		}
		if end.After(v.end) {
			v.end = end
		}
	}
	v.problems[weak] = v.problems[weak] || weakly(chain, verified)
	if len(verified) == 0 {
		v.problems[untrusted], v.problems[selfSigned] = !isSelfSigned(leaf), isSelfSigned(leaf)
	}
	return v
}

// chains returns every way from the first certificate to an authority. A
// certificate that is out of its own time is looked at as it was within: it is
// not for that reason distrusted, too.
func (q question) chains(sent []*x509.Certificate) [][]*x509.Certificate {
	between := x509.NewCertPool()
	for _, c := range sent[1:] {
		between.AddCert(c)
	}
	at := q.now
	switch leaf := sent[0]; {
	case at.After(leaf.NotAfter):
		at = leaf.NotAfter
	case at.Before(leaf.NotBefore):
		at = leaf.NotBefore
	}
	found, err := sent[0].Verify(x509.VerifyOptions{
		Roots: q.roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{q.usage},
	})
	if err != nil {
		return nil
	}
	return found
}

// valid reports whether a client would take the certificate now.
func (v verdict) valid() bool {
	for _, r := range reasons {
		if r != weak && v.problems[r] {
			return false
		}
	}
	return true
}

// until is when clients stop taking the certificate: the end of its chain, or
// its own when no chain is known.
func (v verdict) until() time.Time {
	if v.end.IsZero() {
		return v.leaf.NotAfter
	}
	return v.end
}

func soonest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// vouchesForItself reports whether a certificate names itself as its issuer.
func vouchesForItself(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

func isSelfSigned(c *x509.Certificate) bool {
	return vouchesForItself(c) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// weakly reports whether every way to an authority has a weak certificate, or
// the one that was sent when there is no way. Authorities sign themselves:
// their signature proves nothing and does not count.
func weakly(sent []*x509.Certificate, verified [][]*x509.Certificate) bool {
	if len(verified) == 0 {
		verified = [][]*x509.Certificate{sent}
	}
	for _, way := range verified {
		bad := false
		for n, c := range way {
			isRoot := n > 0 && n == len(way)-1 && vouchesForItself(c)
			bad = bad || (!isRoot && isWeak(c))
		}
		if !bad {
			return false
		}
	}
	return true
}

// The least that is asked of keys and signatures: NIST SP 800-131A rev. 2, and
// the CA/Browser Forum's baseline requirements, 6.1.5.
const (
	leastRSA   = 2048
	leastCurve = 256
)

func isWeak(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.DSAWithSHA256, x509.ECDSAWithSHA1:
		if !vouchesForItself(c) { // or else its signature proves nothing
			return true
		}
	default:
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() < leastRSA
	case *ecdsa.PublicKey:
		return key.Params().BitSize < leastCurve
	case *dsa.PublicKey:
		return true
	}
	return false
}

// keyOf names the kind of key: "RSA 2048".
func keyOf(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return fmt.Sprintf("ECDSA %d", key.Params().BitSize)
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "other"
}
