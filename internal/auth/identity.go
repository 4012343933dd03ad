package auth

import (
	"context"
	"net/http"

	"github.com/closewatch/closewatch/internal/estate"
)

// kind is how an identity is known.
type kind string

const (
	token     kind = "token"
	user      kind = "user"
	client    kind = "client"
	loopback  kind = "loopback"
	anonymous kind = "anonymous"
	unknown   kind = "unknown" // what was presented is nobody's
)

// An identity is who asks. Its name comes from the configuration, never from
// the request.
type identity struct {
	kind   kind
	name   string
	scopes []Scope
}

// String is "token:grafana", "user:alice", "client:CN", "loopback",
// "anonymous" or "unknown".
func (i identity) String() string {
	if i.name == "" {
		return string(i.kind)
	}
	return string(i.kind) + ":" + i.name
}

// anonymous reports whether nothing was proved.
func (i identity) anonymous() bool { return i.kind == loopback || i.kind == anonymous }

// identify says who asks. What is presented counts: a wrong password is not
// made good by the address it comes from.
func (g *Guard) identify(r *http.Request) (identity, *refusal) {
	switch presented := r.Header["Authorization"]; len(presented) {
	case 0:
	case 1:
		return g.present(r, presented[0])
	default:
		return identity{kind: unknown}, malformed("more than one Authorization header")
	}
	if who, ok := g.certified(r); ok {
		return who, nil
	}
	return g.bare(remoteOf(r)), nil
}

// certified is the subject of the certificate a client proved to hold.
func (g *Guard) certified(r *http.Request) (identity, bool) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return identity{}, false
	}
	leaf := r.TLS.PeerCertificates[0]
	if g.now().After(leaf.NotAfter) { // the connection has outlived it
		return identity{}, false
	}
	who, ok := g.clients[leaf.Subject.CommonName]
	return who, ok
}

// bare is who presents nothing.
func (g *Guard) bare(from remote) identity {
	who := identity{kind: anonymous}
	here := from.class() == here
	if here {
		who.kind = loopback
	}
	if g.open == estate.Everywhere || g.open == estate.Loopback && here {
		who.scopes = []Scope{Read, Scrape}
	}
	return who
}

type identityKey struct{}

func with(r *http.Request, who identity) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), identityKey{}, who.String()))
}

// Identity is who sent a request that the guard let through, as events name
// them; "" for a request that did not pass it.
func Identity(r *http.Request) string {
	who, _ := r.Context().Value(identityKey{}).(string)
	return who
}
