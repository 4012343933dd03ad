package traefiksim

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A chain is what a request passes: entry point, router, middlewares,
// service. One chain serves all entry points of a run.
type chain struct {
	routes    []route // most specific first
	telemetry *telemetry
	log       *logFile
	hostname  string
	requests  atomic.Uint64
	report    func(error) // a log line could not be written
}

// A route is a router made ready to serve.
type route struct {
	conf    Router
	name    string // with provider suffix
	service string // with provider suffix
	handler http.Handler
}

func newRoute(conf Router, b *backend, t *telemetry) route {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.serve(w, r, t) })
	if conf.Redirect != nil {
		h = redirect(*conf.Redirect)
	}
	if conf.RateLimit != nil {
		h = limit(*conf.RateLimit, h)
	}
	if len(conf.BasicAuth) > 0 {
		h = requireUser(conf.BasicAuth, h)
	}
	return route{conf: conf, name: conf.Name + Provider, service: b.name, handler: h}
}

func (t route) matches(entryPoint string, r *http.Request) bool {
	host, _ := splitHostPort(r.Host)
	return (len(t.conf.EntryPoints) == 0 || slices.Contains(t.conf.EntryPoints, entryPoint)) &&
		(t.conf.Host == "" || strings.EqualFold(t.conf.Host, host)) &&
		strings.HasPrefix(r.URL.Path, t.conf.PathPrefix)
}

// handler serves one entry point: it keeps the record, whatever happens
// further down, and writes its line at the end.
func (c *chain) handler(entryPoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &record{
			start:      time.Now().UTC(),
			count:      c.requests.Add(1),
			entryPoint: entryPoint,
			path:       loggedPath(r.URL),
			body:       &body{ReadCloser: r.Body, length: r.ContentLength},
			writer:     &capture{ResponseWriter: w},
			user:       "-",
		}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		rec.req = r
		if r.Body != http.NoBody {
			r.Body = rec.body
		}
		defer func() {
			rec.duration = time.Now().UTC().Sub(rec.start)
			if err := c.log.write(rec); err != nil {
				c.report(err)
			}
		}()
		rec.writer.Header()["Content-Type"] = nil // Traefik never guesses the type
		c.telemetry.entryPoint.measure(rec.writer, r, http.HandlerFunc(c.route), entryPoint)
	})
}

func (c *chain) route(w http.ResponseWriter, r *http.Request) {
	rec := recordOf(r.Context())
	setForwarded(r, c.hostname)
	for _, t := range c.routes {
		if t.matches(rec.entryPoint, r) {
			rec.router = t.name
			c.telemetry.router.measure(w, r, t.handler, t.name, t.service)
			return
		}
	}
	http.NotFound(w, r)
}

// setForwarded replaces what a client claims about proxies with what this one
// knows.
func setForwarded(r *http.Request, hostname string) {
	for _, name := range []string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
		"X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Prefix", "X-Real-Ip",
	} {
		r.Header.Del(name)
	}
	scheme, port := "http", "80"
	if protocolOf(r) == "websocket" {
		scheme = "ws"
	}
	if r.TLS != nil {
		scheme, port = scheme+"s", "443"
	}
	if _, p, err := net.SplitHostPort(r.Host); err == nil {
		port = p
	}
	client, _ := splitHostPort(r.RemoteAddr)
	r.Header.Set("X-Real-Ip", client)
	r.Header.Set("X-Forwarded-Host", r.Host)
	r.Header.Set("X-Forwarded-Port", port)
	r.Header.Set("X-Forwarded-Proto", scheme)
	r.Header.Set("X-Forwarded-Server", hostname)
}
