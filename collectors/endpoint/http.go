package endpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// agent is the User-Agent of every request of ours, by which logs tell them
// from users'.
const agent = "closewatch-probe/1"

// Bounds of an answer besides its body.
const (
	maxHeaderBytes = 64 << 10
	maxRedirects   = 5
)

// httpAsker sends one request and judges the answer.
type httpAsker struct {
	HTTP
	expect expectation
	Settings
}

func (a httpAsker) ask(ctx context.Context) (answer, error) {
	watch := newStopwatch(a.Now)
	out, err := a.exchange(ctx, watch)
	out.phases = watch.phases()
	if err != nil {
		return out, explain("ask "+a.host(), err, watch)
	}
	return out, nil
}

// host is all of the URL that is shown.
func (a httpAsker) host() string {
	u, err := url.Parse(a.URL.Reveal())
	if err != nil {
		return "the service"
	}
	return u.Host
}

func (a httpAsker) exchange(ctx context.Context, watch *stopwatch) (answer, error) {
	req, err := a.request(watch.trace(ctx))
	if err != nil {
		return answer{}, err
	}
	transport, err := a.transport()
	if err != nil {
		return answer{}, err
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: collector.Transport(transport), CheckRedirect: a.redirect}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	out := answer{status: resp.StatusCode}
	if !a.Expect.passes(resp.StatusCode) {
		return out, refused(resp.StatusCode)
	}
	b, err := readBody(resp.Body, a.Expect.MaxBytes)
	if err != nil {
		return out, err
	}
	watch.stop(transfer)
	out.cut = b.cut
	return out, a.expect.judge(b)
}

func (a httpAsker) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, a.Method, a.URL.Reveal(), strings.NewReader(a.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	for name, value := range a.Headers {
		req.Header.Set(name, value)
	}
	for name, value := range a.SecretHeaders {
		req.Header.Set(name, value.Reveal())
	}
	req.Host = cmp.Or(req.Header.Get("Host"), req.Host)
	if a.Basic != nil {
		req.SetBasicAuth(a.Basic.Username, a.Basic.Password.Reveal())
	}
	if !a.Bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+a.Bearer.Reveal())
	}
	return req, nil
}

// transport is one of its own for each run: no connection outlives it, and no
// proxy of the environment is used.
func (a httpAsker) transport() (*http.Transport, error) {
	config, err := a.TLS.config("")
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Resolver: a.Resolver}
	t := &http.Transport{
		DialContext: listenAfterSpeaking(dialer.DialContext), TLSClientConfig: config, ForceAttemptHTTP2: true,
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeaderBytes,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			f := &fault.Error{Op: "go through the proxy", Kind: fault.KindOf(refused(resp.StatusCode)), Err: errors.New(statusText(resp.StatusCode))}
			if resp.StatusCode == http.StatusProxyAuthRequired {
				f.Hint = fault.HintOf(refused(resp.StatusCode))
			}
			return f
		},
	}
	if !a.Proxy.IsZero() {
		proxy, err := url.Parse(a.Proxy.Reveal())
		if err != nil {
			return nil, &fault.Error{Op: "read the proxy's URL", Kind: fault.Internal}
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	return t, nil
}

// redirect decides whether to follow. The Referer that the library adds would
// take the query of our URL to whoever we are sent to.
func (a httpAsker) redirect(next *http.Request, past []*http.Request) error {
	next.Header.Del("Referer")
	switch {
	case !a.FollowRedirects:
		return http.ErrUseLastResponse
	case len(past) > maxRedirects:
		return &fault.Error{Op: fmt.Sprintf("more than %d redirects", maxRedirects), Kind: fault.Schema, Hint: "write the URL they should lead to"}
	case a.hasCredentials() && !sameOrigin(past[0].URL, next.URL):
		return &fault.Error{Op: "a redirect would take credentials to another host", Kind: fault.Blocked, Hint: "write the URL of that host if it is the service"}
	}
	return nil
}

// hasCredentials reports whether a request shows who we are.
func (a httpAsker) hasCredentials() bool {
	return a.Basic != nil || !a.Bearer.IsZero() || len(a.SecretHeaders) > 0 || (a.TLS != nil && a.TLS.Certificate != "")
}

// sameOrigin also refuses a fall back from TLS and another port.
func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }
