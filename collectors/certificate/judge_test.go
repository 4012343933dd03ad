package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	root := authorityFor(t, "Root")
	ca := intermediate(t, root, nil)
	good := leaf(t, ca, nil)
	other := authorityFor(t, "Other Root")
	days := func(n int) time.Time { return march31.AddDate(0, 0, n) }
	within := func(from, to int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = days(from), days(to) }
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sha1 := certificates(good, ca)
	old := *sha1[0]
	old.SignatureAlgorithm = x509.SHA1WithRSA
	sha1[0] = &old
	own := *leaf(t, pair{}, nil).cert
	own.SignatureAlgorithm = x509.SHA1WithRSA
	brief := intermediate(t, root, within(-300, 5))
	over := intermediate(t, root, within(-300, -5))
	client := leaf(t, ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })

	shortRoot := issue(t, pair{}, "Short Root", short, asAuthority)
	all := question{now: march31, roots: pool(root), name: "erp.test", usage: x509.ExtKeyUsageServerAuth}
	ask := func(change func(*question)) question {
		q := all
		change(&q)
		return q
	}
	tests := map[string]struct {
		sent     []*x509.Certificate
		question question
		problems []reason
		end      time.Time // of the chain; zero: none verifies
	}{
		"good":                              {sent: certificates(good, ca), question: all, end: days(60)},
		"good, the authority sent along":    {sent: certificates(good, ca, root), question: all, end: days(60)},
		"good, in another order":            {sent: certificates(good, root, ca), question: all, end: days(60)},
		"expired yesterday":                 {sent: certificates(leaf(t, ca, within(-90, -1)), ca), question: all, problems: []reason{expired}, end: days(-1)},
		"expired this second":               {sent: certificates(good, ca), question: ask(func(q *question) { q.now = days(60) }), end: days(60)},
		"expired a second ago":              {sent: certificates(good, ca), question: ask(func(q *question) { q.now = days(60).Add(time.Second) }), problems: []reason{expired}, end: days(60)},
		"begins tomorrow":                   {sent: certificates(leaf(t, ca, within(1, 90)), ca), question: all, problems: []reason{notYetValid}, end: days(90)},
		"for another host":                  {sent: certificates(leaf(t, ca, func(c *x509.Certificate) { c.DNSNames = []string{"www.erp.test"} }), ca), question: all, problems: []reason{hostname}, end: days(60)},
		"for any host of the domain":        {sent: certificates(leaf(t, ca, func(c *x509.Certificate) { c.DNSNames = []string{"*.test"} }), ca), question: all, end: days(60)},
		"with a common name only":           {sent: certificates(leaf(t, ca, func(c *x509.Certificate) { c.DNSNames = nil }), ca), question: all, problems: []reason{hostname}, end: days(60)},
		"for no host, of no matter":         {sent: certificates(leaf(t, ca, func(c *x509.Certificate) { c.DNSNames = nil }), ca), question: ask(func(q *question) { q.name = "" }), end: days(60)},
		"self-signed":                       {sent: certificates(leaf(t, pair{}, nil)), question: all, problems: []reason{selfSigned}},
		"self-signed and named":             {sent: certificates(leaf(t, pair{}, nil)), question: ask(func(q *question) { q.roots = pool(leaf(t, pair{}, nil)) }), end: days(60)},
		"of an authority nobody knows":      {sent: certificates(good, ca), question: ask(func(q *question) { q.roots = pool(other) }), problems: []reason{untrusted}},
		"without the one between":           {sent: certificates(good), question: all, problems: []reason{untrusted}},
		"the one between ends first":        {sent: certificates(good, brief), question: all, end: days(5)},
		"the one between has ended":         {sent: certificates(good, over), question: all, problems: []reason{untrusted}},
		"a client's for a server":           {sent: certificates(client, ca), question: all, problems: []reason{untrusted}},
		"a client's":                        {sent: certificates(client, ca), question: ask(func(q *question) { q.usage = x509.ExtKeyUsageAny }), end: days(60)},
		"a short key":                       {sent: certificates(issue(t, ca, "erp.test", short, nil), ca), question: all, problems: []reason{weak}, end: days(60)},
		"a small curve":                     {sent: certificates(issue(t, ca, "erp.test", curve, nil), ca), question: all, problems: []reason{weak}, end: days(60)},
		"an old signature":                  {sent: sha1, question: ask(func(q *question) { q.roots = nil }), problems: []reason{weak}},
		"an old signature of its own":       {sent: []*x509.Certificate{&own}, question: ask(func(q *question) { q.roots = nil })},
		"a short key between":               {sent: certificates(leaf(t, issue(t, root, "Short CA", short, asAuthority), nil), issue(t, root, "Short CA", short, asAuthority)), question: all, problems: []reason{weak}, end: days(60)},
		"everything at once":                {sent: certificates(issue(t, pair{}, "x", short, within(-9, -1))), question: all, problems: []reason{expired, selfSigned, weak}},
		"no authorities known":              {sent: certificates(good, ca), question: ask(func(q *question) { q.roots = nil }), problems: nil},
		"an authority with a short key":     {sent: certificates(leaf(t, shortRoot, nil)), question: ask(func(q *question) { q.roots = pool(shortRoot) }), end: days(60)},
		"an unneeded one that ended":        {sent: certificates(good, ca, over), question: all, end: days(60)},
		"an unneeded one with a short key":  {sent: certificates(good, ca, issue(t, root, "Short CA", short, asAuthority)), question: all, end: days(60)},
		"a self-signed one that has ended":  {sent: certificates(leaf(t, pair{}, within(-90, -1))), question: all, problems: []reason{expired, selfSigned}},
		"an unknown authority's, ended too": {sent: certificates(leaf(t, other, within(-90, -1))), question: all, problems: []reason{expired, untrusted}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := judge(tt.sent, tt.question)
			maps.DeleteFunc(v.problems, func(_ reason, there bool) bool { return !there })
			got := slices.Sorted(maps.Keys(v.problems))
			slices.Sort(tt.problems)
			if diff := cmp.Diff(tt.problems, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if !v.end.Equal(tt.end) {
				t.Errorf("the chain ends %v, want %v", v.end, tt.end)
			}
			refused := slices.ContainsFunc(tt.problems, func(r reason) bool { return r != weak })
			if v.valid() == refused {
				t.Errorf("valid() = %v with %v", v.valid(), tt.problems)
			}
		})
	}
}

func asAuthority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.DNSNames = true, true, x509.KeyUsageCertSign, nil
	c.NotAfter = march31.AddDate(1, 0, 0)
}

func TestLives(t *testing.T) {
	for days, want := range map[int]string{6: "short", 10: "short", 45: "medium", 47: "medium", 63: "medium", 64: "long", 90: "long", 398: "long"} {
		c := &x509.Certificate{NotBefore: march31, NotAfter: march31.Add(time.Duration(days) * day)}
		if got := lifeOf(c); got != want {
			t.Errorf("%d days are %s, want %s", days, got, want)
		}
	}
}
