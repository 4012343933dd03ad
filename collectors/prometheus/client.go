package prometheus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// agent is the User-Agent of every request of ours, by which logs tell them
// from users'.
const agent = "closewatch-probe/1"

// Bounds of talking to a server.
const (
	maxConns       = 4
	maxBody        = 1 << 20
	maxRefusal     = 64 << 10 // of a body that says why there is no answer
	maxHeaderBytes = 64 << 10
	maxRedirects   = 5
	idleFor        = 90 * time.Second
)

// lookback is how far Prometheus looks back for a sample unless told otherwise
// (--query.lookback-delta).
const lookback = 5 * time.Minute

// A client asks one server. It is safe for concurrent use; at most maxConns
// requests are under way.
type client struct {
	config Config
	http   http.Client
}

func newClient(c Config) *client {
	return &client{config: c, http: http.Client{Transport: collector.Transport(c.transport()), CheckRedirect: stayThere}}
}

// transport uses no proxy of the environment: the estate names whom we call.
func (c *Config) transport() *http.Transport {
	dialer := &net.Dialer{}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return newListener(conn), nil
		},
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			config, err := c.tls() // anew, so that a renewed file needs no restart
			if err != nil {
				return nil, err
			}
			return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, address)
		},
		MaxConnsPerHost: maxConns, MaxIdleConnsPerHost: maxConns, IdleConnTimeout: idleFor, MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// tls trusts the authorities of the configuration's file, or the system's.
func (c *Config) tls() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return out, nil
	}
	pem, err := os.ReadFile(c.CA)
	out.RootCAs = x509.NewCertPool()
	if err == nil && !out.RootCAs.AppendCertsFromPEM(pem) {
		err = fmt.Errorf("%s holds no PEM certificate", c.CA)
	}
	if err == nil {
		return out, nil
	}
	f := &fault.Error{Op: "read the authorities to trust", Kind: fault.Internal, Err: err, Hint: "write the PEM file under ca, readable by the daemon's user"}
	if errors.Is(err, fs.ErrPermission) {
		f.Kind = fault.Denied
	}
	return nil, f
}

// stayThere follows redirects on one server only: another host, another port or
// a fall back from TLS would be shown who we are.
func stayThere(next *http.Request, past []*http.Request) error {
	switch {
	case next.URL.Scheme != past[0].URL.Scheme || next.URL.Host != past[0].URL.Host:
		return &fault.Error{Op: "it redirects to another host", Kind: fault.Blocked, Hint: "write the URL of that host if it is the server; a log-in page means credentials are missing"}
	case len(past) > maxRedirects:
		return &fault.Error{Op: fmt.Sprintf("more than %d redirects", maxRedirects), Kind: fault.Schema, Hint: "write the URL they should lead to"}
	}
	return nil
}

// A question is one expression at one instant.
type question struct {
	query    string
	at       time.Time
	lookBack time.Duration // how far a sample may lie before at
}

// ask returns the answer to one question. Its error is a *fault.Error that
// repeats no secret, no URL and no label of a series.
func (c *client) ask(ctx context.Context, q question) (answer, error) {
	a, err := c.exchange(ctx, q)
	if err != nil {
		return answer{}, c.explain(err)
	}
	return a, nil
}

func (c *client) exchange(ctx context.Context, q question) (answer, error) {
	req, err := c.request(ctx, q)
	if err != nil {
		return answer{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
		return answer{}, refused(resp.StatusCode, body)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case len(body) > maxBody:
		return answer{}, &fault.Error{Op: fmt.Sprintf("the answer is longer than %d bytes", maxBody), Kind: fault.Limit, Hint: "aggregate or narrow it in the query"}
	case err != nil:
		return answer{}, err
	}
	return decode(body)
}

func (c *client) request(ctx context.Context, q question) (*http.Request, error) {
	at := strings.TrimRight(c.config.URL.Reveal(), "/") + "/api/v1/query?" + q.values(c.config.Timeout.D()).Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	if c.config.Tenant != "" {
		req.Header.Set(c.config.TenantHeader, c.config.Tenant)
	}
	for name, value := range c.config.Headers {
		req.Header.Set(name, value.Reveal())
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if c.config.Basic != nil {
		req.SetBasicAuth(c.config.Basic.Username, c.config.Basic.Password.Reveal())
	}
	if !c.config.Bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+c.config.Bearer.Reveal())
	}
	return req, nil
}

// values are the parameters of the question. The server is to give up when we
// do, and not to look back farther than wanted: lookback_delta is so called by
// Prometheus, Mimir and Thanos, max_lookback by VictoriaMetrics. A server looks
// back no farther than it does by itself.
func (q question) values(timeout time.Duration) url.Values {
	v := url.Values{"query": {q.query}, "time": {seconds(time.Duration(q.at.UnixNano()))}, "timeout": {seconds(timeout)}}
	if q.lookBack < lookback {
		v.Set("lookback_delta", seconds(q.lookBack))
		v.Set("max_lookback", seconds(q.lookBack))
	}
	return v
}

// seconds writes d as every server reads durations and instants.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}

// secrets lists what no text may repeat.
func (c *client) secrets() []string {
	var out []string
	add := func(v secret.Value) {
		if len(v.Reveal()) > 3 { // shorter ones would blank ordinary words
			out = append(out, v.Reveal())
		}
	}
	add(c.config.Bearer)
	if c.config.Basic != nil {
		add(c.config.Basic.Password)
	}
	for _, v := range c.config.Headers {
		add(v)
	}
	return out
}
