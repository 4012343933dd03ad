package odoorpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxBody bounds an answer, in bytes.
const maxBody = 4 << 20

// Language is what every call asks Odoo to speak, so that its messages can be
// recognised. It is the one language that every database has.
const Language = "en_US"

// Options are what the program, not the user, decides.
type Options struct {
	Version   string            // of this program, for the User-Agent
	Transport http.RoundTripper // nil: one of its own, without proxies
}

// A Client calls one Odoo database as one user. It is safe for concurrent use:
// callers share a session and log in at most once at a time.
type Client struct {
	cfg       Config
	base      *url.URL
	userAgent string
	http      *http.Client
	owned     *http.Transport // nil when the caller brought one
	id        atomic.Int64

	mu      sync.Mutex // guards what follows, and is held while logging in
	session session
	doubted bool // Odoo may have become another version: ask before the next call
}

// New returns a client that connects when it is first used.
func New(cfg Config, opts Options) (*Client, error) {
	if problems := cfg.Validate(); len(problems) > 0 {
		p := problems[0]
		return nil, &fault.Error{Op: "configure the Odoo client", Kind: fault.Internal, Err: fmt.Errorf("%s %s", p.Field, p.What), Hint: p.Remedy}
	}
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil {
		return nil, fault.Wrap("configure the Odoo client", err, "correct url")
	}
	if opts.Version == "" {
		opts.Version = "dev"
	}
	c := &Client{cfg: cfg, base: base, userAgent: "closewatch-probe/" + opts.Version}
	transport := opts.Transport
	if transport == nil {
		c.owned = newTransport(cfg)
		transport = c.owned
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// newTransport dials anew after a short rest, so that a call seldom meets a
// connection which the other side is just closing.
func newTransport(cfg Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy:                  nil, // what is watched is reached directly, whatever the environment says
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        4 * time.Second,
		MaxIdleConnsPerHost:    2,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if cfg.Host != "" {
		name := cfg.Host
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		t.TLSClientConfig.ServerName = name
	}
	return t
}

// Close releases idle connections. Odoo forgets the session by itself.
func (c *Client) Close() {
	if c.owned != nil {
		c.owned.CloseIdleConnections()
	}
}

// Call runs a method of a model. args are positional: the ids first, unless
// the method belongs to the model. kwargs may be nil; the language is added to
// their context. The result is stored in out; nil discards it, and a method
// that returns None leaves out as it was. Creating from one set of values
// gives one id, from a list of them a list, whatever the dialect.
func (c *Client) Call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	if args == nil {
		args = []any{}
	}
	what := call{model: model, method: method, args: args, kwargs: withLanguage(kwargs)}
	var stale session
	for {
		s, err := c.login(ctx, stale)
		if err != nil {
			return err
		}
		err = c.callAs(ctx, s, what, out)
		if errors.Is(err, errExpired) && stale == (session{}) {
			stale = s
			continue
		}
		c.doubt(s, err)
		return err
	}
}

func (c *Client) callAs(ctx context.Context, s session, what call, out any) error {
	switch s.dialect {
	case jsonTwo:
		return c.callJSON2(ctx, what.op(), what, out)
	case jsonRPC:
		return c.callJSONRPC(ctx, s, what, out)
	default:
		return c.callSession(ctx, s, what, out)
	}
}

// UserID returns the id of the user as whom calls are made. It logs in when
// there is no session yet.
func (c *Client) UserID(ctx context.Context) (int64, error) {
	s, err := c.login(ctx, session{})
	return s.uid, err
}

// withLanguage returns a copy of kwargs whose context names the language.
func withLanguage(kwargs map[string]any) map[string]any {
	out := make(map[string]any, len(kwargs)+1)
	maps.Copy(out, kwargs)
	wide := map[string]any{"lang": Language}
	if given, ok := out["context"].(map[string]any); ok {
		maps.Copy(wide, given)
	}
	out["context"] = wide
	return out
}
