package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/time/rate"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// Settings is what New needs.
type Settings struct {
	Web      estate.Web
	Listen   string // where the daemon is asked; empty means Web.Listen
	File     *File  // that Web.ConfigFile names; nil when there is none
	Recorder Recorder
	Own      *telemetry.Own
	Now      func() time.Time // nil means time.Now
}

// A Guard knows who may do what. It is safe for concurrent use, and not
// changed after New: a reload makes another.
type Guard struct {
	file      *File
	open      estate.Unauthenticated
	protected bool
	names     map[string]bool // of hosts, that are this daemon's
	now       func() time.Time

	tokens    []secretToken
	users     map[string]identity
	clients   map[string]identity
	passwords *passwords
	known     *known
	attempts  *attempts
	origins   *http.CrossOriginProtection
	flood     *rate.Limiter

	book     *book
	failures map[string]*metrics.Counter
}

// New returns the guard of an estate.
func New(s Settings) (*Guard, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Own == nil {
		s.Own = telemetry.NewOwn()
	}
	g := &Guard{
		file: s.File, open: s.Web.Unauthenticated, protected: s.Web.Protected(s.File.Facts()), names: map[string]bool{}, now: s.Now,
		users: map[string]identity{}, clients: map[string]identity{}, passwords: newPasswords(s.File.hashes()),
		known: newKnown(), attempts: newAttempts(s.Now), origins: http.NewCrossOriginProtection(), flood: s.File.flood(),
		book: newBook(s.Recorder, s.Now), failures: map[string]*metrics.Counter{},
	}
	for _, t := range s.Web.Tokens {
		g.tokens = append(g.tokens, secretToken{sha256.Sum256([]byte(t.Token.Reveal())), identity{token, t.Name, t.Scopes}})
	}
	for _, name := range s.File.Facts().Users {
		scopes, listed := s.Web.Users[name]
		if !listed {
			scopes = []Scope{Read}
		}
		g.users[name] = identity{user, name, scopes}
	}
	for _, c := range s.Web.Clients {
		g.clients[c.Name] = identity{client, c.Name, c.Scopes}
	}
	for _, k := range refusalKinds() {
		g.failures[k] = s.Own.Counter("closewatch_auth_failures_total", "Requests that were refused, by what was wrong.", "kind", k)
	}
	if err := g.answerTo(cmp.Or(s.Listen, s.Web.Listen), s.Web.ExternalURL); err != nil {
		return nil, err
	}
	return g, nil
}

// answerTo notes the names under which the daemon is asked.
func (g *Guard) answerTo(listen, externalURL string) error {
	g.names[hostOf(listen)] = true
	if externalURL == "" {
		return nil
	}
	u, err := url.Parse(externalURL)
	if err != nil {
		return fmt.Errorf("web.externalURL is not a URL: %w", err)
	}
	g.names[lower(u.Hostname())] = true
	return g.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host)
}

// Run tells gathered events until ctx ends, and the rest then.
func (g *Guard) Run(ctx context.Context) { g.book.run(ctx) }
