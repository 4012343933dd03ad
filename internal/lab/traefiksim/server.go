package traefiksim

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"
	"time"
)

// statusClientClosedRequest is what Traefik answers a client that has left.
const statusClientClosedRequest = 499

// A server is one backend of one service.
type server struct {
	service string // with provider suffix
	url     *url.URL
	proxy   *httputil.ReverseProxy
	down    atomic.Bool
}

// A backend is a running service: its servers and the turn they take.
type backend struct {
	conf      Service
	name      string // with provider suffix
	servers   []*server
	transport *http.Transport
	turn      atomic.Uint64
}

func newBackend(conf Service, log *slog.Logger) (*backend, error) {
	b := &backend{conf: conf, name: conf.Name + Provider}
	b.transport = &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   200,
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: conf.ResponseHeaderTimeout,
		DisableCompression:    true, // a proxy hands on what it gets
	}
	for _, address := range conf.Servers {
		u, err := url.Parse(address)
		if err != nil {
			return b, err
		}
		b.servers = append(b.servers, &server{service: b.name, url: u, proxy: &httputil.ReverseProxy{
			Rewrite:       rewriteTo(u),
			Transport:     b.transport,
			FlushInterval: 100 * time.Millisecond,
			ErrorHandler:  answerError,
			ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		}})
	}
	return b, nil
}

// next returns the healthy server whose turn it is, or nil.
func (b *backend) next() *server {
	healthy := slices.DeleteFunc(slices.Clone(b.servers), func(s *server) bool { return s.down.Load() })
	if len(healthy) == 0 {
		return nil
	}
	return healthy[(b.turn.Add(1)-1)%uint64(len(healthy))]
}

// serve forwards one request, noting the origin's answer. When the backend
// cuts its response off, the reverse proxy panics past the notes: the record
// keeps the server and an origin of zero, as recorded.
func (b *backend) serve(w http.ResponseWriter, r *http.Request, t *telemetry) {
	s := b.next()
	if s == nil {
		http.Error(w, "no available server", http.StatusServiceUnavailable)
		return
	}
	rec := recordOf(r.Context())
	rec.server = s
	start := time.Now()
	t.service.measure(w, r, s.proxy, b.name)
	rec.origin = origin{
		status:   rec.writer.status,
		size:     rec.writer.size,
		duration: time.Since(start),
		header:   w.Header().Clone(),
	}
}

// rewriteTo aims a request at target, leaving Host as the client sent it.
func rewriteTo(target *url.URL) func(*httputil.ProxyRequest) {
	return func(pr *httputil.ProxyRequest) {
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
			pr.Out.Header[name] = pr.In.Header[name]
		}
		if ip, _, err := net.SplitHostPort(pr.In.RemoteAddr); err == nil {
			pr.Out.Header.Set("X-Forwarded-For", ip)
		}
		pr.Out.URL.Scheme = target.Scheme
		pr.Out.URL.Host = target.Host
		pr.Out.URL.RawQuery = pr.In.URL.RawQuery // as it came, odd parts included
	}
}

// answerError turns a failure to reach the backend into Traefik's answer.
//
// When a client leaves, the end of its request context and the broken read of
// its body race; what is recorded is that a broken upload counts as a bad
// gateway, so it does here whichever came first.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if status == statusClientClosedRequest && !recordOf(r.Context()).body.complete() {
		status = http.StatusBadGateway
	}
	text := http.StatusText(status)
	if status == statusClientClosedRequest {
		text = "Client Closed Request"
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func statusOf(err error) int {
	var netErr net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return http.StatusBadGateway
	case errors.Is(err, context.Canceled):
		return statusClientClosedRequest
	case errors.As(err, &netErr) && netErr.Timeout():
		return http.StatusGatewayTimeout
	case errors.As(err, &netErr):
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}
