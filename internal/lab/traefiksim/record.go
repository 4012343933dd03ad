package traefiksim

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A record is what becomes one line of the access log. It belongs to the
// goroutine of its request until that ends.
type record struct {
	start      time.Time
	count      uint64
	entryPoint string
	req        *http.Request
	path       string
	body       *body
	writer     *capture

	user   string
	router string // with provider suffix; "" when none matched
	server *server
	origin origin

	duration time.Duration
}

// An origin is what the backend answered; zero until it has, and for good
// when it never finished.
type origin struct {
	status   int
	size     int64
	duration time.Duration
	header   http.Header
}

type recordKey struct{}

func recordOf(ctx context.Context) *record {
	return ctx.Value(recordKey{}).(*record)
}

// loggedPath is the request's path and query as the log shows them.
func loggedPath(u *url.URL) string {
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}).String()
}

// fields are the values of a line under Traefik's own names.
func (r *record) fields() map[string]any {
	requestHost, requestPort := splitHostPort(r.req.Host)
	clientHost, clientPort := splitHostPort(r.req.RemoteAddr)
	f := map[string]any{
		"ClientAddr":            r.req.RemoteAddr,
		"ClientHost":            clientHost,
		"ClientPort":            clientPort,
		"ClientUsername":        r.user,
		"DownstreamContentSize": r.writer.size,
		"DownstreamStatus":      r.writer.status,
		"Duration":              int64(r.duration),
		"OriginContentSize":     r.origin.size,
		"OriginDuration":        int64(r.origin.duration),
		"OriginStatus":          r.origin.status,
		"Overhead":              int64(r.duration - r.origin.duration),
		"RequestAddr":           r.req.Host,
		"RequestContentSize":    r.body.size.Load(),
		"RequestCount":          r.count,
		"RequestHost":           requestHost,
		"RequestMethod":         r.req.Method,
		"RequestPath":           r.path,
		"RequestPort":           requestPort,
		"RequestProtocol":       r.req.Proto,
		"RequestScheme":         "http",
		"RetryAttempts":         0,
		"StartLocal":            r.start.Local(),
		"StartUTC":              r.start,
		"entryPointName":        r.entryPoint,
	}
	if size := r.writer.size; size != 0 && size != r.origin.size {
		f["GzipRatio"] = float64(r.origin.size) / float64(size)
	}
	if state := r.req.TLS; state != nil {
		f["RequestScheme"] = "https"
		f["TLSVersion"] = tlsVersion(state)
		f["TLSCipher"] = tls.CipherSuiteName(state.CipherSuite)
	}
	if r.router != "" {
		f["RouterName"] = r.router
	}
	if r.server != nil {
		f["ServiceAddr"] = r.server.url.Host
		f["ServiceName"] = r.server.service
		f["ServiceURL"] = r.server.url.String()
	}
	return f
}

// headers adds the headers of all three sides, those with credentials
// redacted. A header that was set to nothing is logged as "".
func (r *record) headers(f map[string]any) {
	for prefix, header := range map[string]http.Header{
		"request_": r.req.Header, "origin_": r.origin.header, "downstream_": r.writer.Header(),
	} {
		for name, values := range header {
			value := strings.Join(values, ",")
			if name == "Authorization" || name == "Cookie" {
				value = "REDACTED"
			}
			f[prefix+name] = value
		}
	}
}

func splitHostPort(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, "-"
	}
	return host, port
}

func tlsVersion(state *tls.ConnectionState) string {
	return strings.TrimPrefix(tls.VersionName(state.Version), "TLS ")
}
