package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxCredentials bounds what is looked at, in bytes: a token of the estate or
// a name with a password is far shorter.
const maxCredentials = 2048

// wellFormed is b64token of RFC 6750, section 2.1.
var wellFormed = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// A secretToken is what remains of a token: nobody can read it from memory.
type secretToken struct {
	digest [sha256.Size]byte
	who    identity
}

// present judges an Authorization header. Credentials that were right before
// from the same address are right again, at no cost and whatever else was
// tried from there.
func (g *Guard) present(r *http.Request, header string) (identity, *refusal) {
	from := remoteOf(r)
	key := g.known.key(from.addr, header)
	if who, ok := g.known.get(key); ok {
		return who, nil
	}
	if wait := g.attempts.take(from.neighbourhood()); wait > 0 {
		return identity{kind: unknown}, limited("too many attempts with wrong credentials", wait)
	}
	who, no := g.verify(r.Context(), header)
	if no == nil || no.outcome == Limited { // right, or not looked at
		g.attempts.giveBack(from.neighbourhood())
	}
	if no != nil {
		return identity{kind: unknown}, no
	}
	g.known.put(key, who)
	return who, nil
}

func (g *Guard) verify(ctx context.Context, header string) (identity, *refusal) {
	scheme, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimLeft(rest, " ")
	switch {
	case len(header) > maxCredentials:
		return identity{}, malformed("the Authorization header is too long")
	case strings.EqualFold(scheme, "Bearer"):
		return g.bearer(rest)
	case strings.EqualFold(scheme, "Basic"):
		return g.basic(ctx, rest)
	}
	return identity{}, malformed("the Authorization header is neither Bearer nor Basic")
}

// bearer compares a token with every known one, so that how long it takes
// tells nothing.
func (g *Guard) bearer(presented string) (identity, *refusal) {
	if !wellFormed.MatchString(presented) {
		return identity{}, malformed("the bearer token has characters that no token has")
	}
	digest := sha256.Sum256([]byte(presented))
	var who identity
	found := 0
	for _, t := range g.tokens {
		if subtle.ConstantTimeCompare(t.digest[:], digest[:]) == 1 {
			who, found = t.who, 1
		}
	}
	if found == 0 {
		return identity{}, g.wrong("invalid_token", "the token is not known")
	}
	return who, nil
}

func (g *Guard) basic(ctx context.Context, encoded string) (identity, *refusal) {
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	name, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok || !utf8.Valid(decoded) {
		return identity{}, malformed("the name and the password are not encoded as RFC 7617 says")
	}
	right, busy := g.passwords.check(ctx, name, password)
	switch {
	case busy:
		return identity{}, limited("too many passwords are being checked", busyWait)
	case !right:
		return identity{}, g.wrong("", "the name or the password is wrong")
	}
	return g.users[name], nil
}

// lower is for names of hosts.
func lower(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// realm is told to people who are asked for a password.
const realm = `realm="closewatch"`

// challenge says how one may prove who one is.
func (g *Guard) challenge(h http.Header, code string) {
	if len(g.users) > 0 {
		h.Add("WWW-Authenticate", "Basic "+realm+`, charset="UTF-8"`)
	}
	if len(g.tokens) == 0 && len(g.users) > 0 && code == "" {
		return
	}
	value := "Bearer " + realm
	if code != "" {
		value += `, error="` + code + `"`
	}
	h.Add("WWW-Authenticate", value)
}
