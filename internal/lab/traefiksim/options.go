package traefiksim

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/secret"
)

// Options describe one proxy. New checks them.
type Options struct {
	EntryPoints []EntryPoint
	Routers     []Router
	Services    []Service
	AccessLog   AccessLog
	OwnLog      OwnLog

	// MetricsAddress is where /metrics and /ping are served; "" is a free
	// port on 127.0.0.1. The entry point is called "metrics".
	MetricsAddress string
	// Buckets are the histograms' upper bounds in seconds; nil means
	// Traefik's own 0.1, 0.3, 1.2, 5.
	Buckets []float64
	// Hostname is sent to backends as X-Forwarded-Server; "" is this host's.
	Hostname string
	// Log receives what the proxy has to say about itself; nil discards it.
	Log *slog.Logger
}

// An EntryPoint is one listening address.
type EntryPoint struct {
	Name    string
	Address string // host:port; port 0 is chosen at the first Start and kept
	// TLS makes the entry point speak TLS (and HTTP/2). It must hold the
	// certificates to offer.
	TLS *tls.Config
	// ReadTimeout bounds the reading of one whole request; 0 means Traefik's
	// default of a minute.
	ReadTimeout time.Duration
}

// A Router sends the requests that match it to a service. Empty conditions
// match everything; the router with the longest rule wins, as in Traefik.
type Router struct {
	Name        string
	EntryPoints []string // names; empty means all
	Host        string   // without port
	PathPrefix  string
	Service     string
	Priority    int // 0 means the length of the rule

	BasicAuth map[string]secret.Value // password by user; empty means open
	RateLimit *RateLimit
	Redirect  *Redirect
}

// Rule is the router's condition in Traefik's language.
func (r Router) Rule() string {
	var rules []string
	if r.Host != "" {
		rules = append(rules, fmt.Sprintf("Host(`%s`)", r.Host))
	}
	if r.PathPrefix != "" || r.Host == "" {
		rules = append(rules, fmt.Sprintf("PathPrefix(`%s`)", cmp.Or(r.PathPrefix, "/")))
	}
	return strings.Join(rules, " && ")
}

func (r Router) priority() int { return cmp.Or(r.Priority, len(r.Rule())) }

// A RateLimit admits Average requests per second and client address, with
// bursts of up to Burst.
type RateLimit struct {
	Average float64
	Burst   int
}

// A Redirect answers 302 with another scheme instead of forwarding.
type Redirect struct {
	Scheme string
	Port   string // "" leaves the scheme's default port
}

// A Service is a set of servers that are asked in turn.
type Service struct {
	Name        string
	Servers     []string // base URLs
	HealthCheck *HealthCheck
	// ResponseHeaderTimeout turns a backend's silence into a 504; 0 waits.
	ResponseHeaderTimeout time.Duration
}

// A HealthCheck asks each server for Path and takes it out of the rotation
// until it answers 2xx or 3xx.
type HealthCheck struct {
	Path     string
	Interval time.Duration
	Timeout  time.Duration
}

// A Format is how access-log lines are written.
type Format string

// The formats of the access log.
const (
	JSON   Format = "json"
	Common Format = "common"
)

// An AccessLog says where lines go. Authorization and Cookie are redacted in
// both directions of a kept header.
type AccessLog struct {
	Path   string // "" writes no log
	Format Format // "" means JSON
	// DropHeaders leaves all headers out, as Traefik does by default.
	DropHeaders bool
}

// Provider is the suffix Traefik gives to names from its file provider.
const Provider = "@file"

const (
	metricsEntryPoint  = "metrics"
	defaultReadTimeout = time.Minute
)

// DefaultBuckets returns Traefik's own histogram bounds in seconds.
func DefaultBuckets() []float64 { return []float64{0.1, 0.3, 1.2, 5} }

// Validate returns every mistake in o, joined.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if len(o.EntryPoints) == 0 {
		bad("there is no entry point")
	}
	var entryPoints []string
	for _, e := range o.EntryPoints {
		if e.Name == "" || e.Name == metricsEntryPoint || slices.Contains(entryPoints, e.Name) {
			bad("entry point %q: the name must be unique, not empty and not %q", e.Name, metricsEntryPoint)
		}
		entryPoints = append(entryPoints, e.Name)
	}
	var services []string
	for _, s := range o.Services {
		services = append(services, s.Name)
		errs = append(errs, s.validate()...)
	}
	for _, r := range o.Routers {
		if r.Name == "" {
			bad("a router has no name")
		}
		if !slices.Contains(services, r.Service) {
			bad("router %q: there is no service %q", r.Name, r.Service)
		}
		for _, e := range r.EntryPoints {
			if !slices.Contains(entryPoints, e) {
				bad("router %q: there is no entry point %q", r.Name, e)
			}
		}
		if r.RateLimit != nil && (r.RateLimit.Average <= 0 || r.RateLimit.Burst < 1) {
			bad("router %q: a rate limit needs an average above 0 and a burst of at least 1", r.Name)
		}
	}
	if v := o.OwnLog.Version; v != 0 && v != 2 && v != 3 {
		bad("own log: there is no Traefik %d", v)
	}
	if f := o.AccessLog.Format; f != "" && f != JSON && f != Common {
		bad("access log: unknown format %q", f)
	}
	return errors.Join(errs...)
}

func (s Service) validate() (errs []error) {
	if s.Name == "" {
		errs = append(errs, errors.New("a service has no name"))
	}
	for _, server := range s.Servers {
		if u, err := url.Parse(server); err != nil || u.Scheme == "" || u.Host == "" {
			errs = append(errs, fmt.Errorf("service %q: server %q is not a URL such as http://127.0.0.1:8069", s.Name, server))
		}
	}
	if h := s.HealthCheck; h != nil && (h.Interval <= 0 || h.Timeout <= 0) {
		errs = append(errs, fmt.Errorf("service %q: a health check needs an interval and a timeout", s.Name))
	}
	return errs
}
