package prometheus

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// Config is what an estate says about one server and what is asked of it.
type Config struct {
	// URL is what /api/v1/query is appended to: http://127.0.0.1:9090, or with
	// the path under which Mimir, VictoriaMetrics and Thanos serve the API. It
	// is never shown.
	URL secret.Value `yaml:"url" secret:"url"`
	// Headers are sent with each request; each value is a reference.
	Headers map[string]secret.Value `yaml:"headers"`
	Basic   *Basic                  `yaml:"basic"`
	Bearer  secret.Value            `yaml:"bearer"`
	CA      string                  `yaml:"ca"` // PEM file of the authorities to trust; the system's
	// Tenant is whose series are asked for, where one server has those of many.
	Tenant       string          `yaml:"tenant"`
	TenantHeader string          `yaml:"tenantHeader"` // that carries Tenant; X-Scope-OrgID
	Queries      []Query         `yaml:"queries"`
	Interval     estate.Duration `yaml:"interval"` // 30s
	Timeout      estate.Duration `yaml:"timeout"`  // of one query; 10s
}

// Basic is a user with a password.
type Basic struct {
	Username string       `yaml:"username"`
	Password secret.Value `yaml:"password"`
}

// Bounds of what a configuration may ask for.
const (
	maxQueries  = 64
	minInterval = 5 * time.Second
	maxInterval = 5 * time.Minute
	minTimeout  = 100 * time.Millisecond
)

// SetDefaults implements estate.Defaulter. The header is Mimir's, and that of
// Thanos and others when told so.
func (c *Config) SetDefaults() {
	c.TenantHeader = "X-Scope-OrgID"
	c.Interval = estate.Duration(30 * time.Second)
	c.Timeout = estate.Duration(10 * time.Second)
}

// Validate implements estate.Validator. No problem repeats a value that may be
// a secret.
func (c *Config) Validate() []estate.Problem {
	ps := slices.Concat(c.urlProblems(), c.headerProblems())
	if c.CA != "" && !filepath.IsAbs(c.CA) {
		ps = append(ps, estate.Problem{Field: "ca", What: "is not an absolute path", Remedy: "write the path of a PEM file from the root on"})
	}
	switch interval, timeout := c.Interval.D(), c.Timeout.D(); {
	case interval < minInterval || interval > maxInterval:
		ps = append(ps, estate.Problem{Field: "interval", What: "is out of range", Remedy: "write a duration from 5s to 5m"})
	case timeout < minTimeout || timeout > interval:
		ps = append(ps, estate.Problem{Field: "timeout", What: "is out of range", Remedy: "write a duration from 100ms to the interval"})
	}
	return append(ps, c.queryProblems()...)
}

func (c *Config) urlProblems() []estate.Problem {
	const example = "write http://127.0.0.1:9090, or what its documentation says comes before /api/v1"
	u, err := url.Parse(c.URL.Reveal())
	switch {
	case c.URL.IsZero():
		return []estate.Problem{estate.Missing("url", example)}
	case err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return []estate.Problem{{Field: "url", What: "is not an http or https URL", Remedy: example}}
	case u.User != nil:
		return []estate.Problem{{Field: "url", What: "names a user", Remedy: "write basic: {username: …, password: \"${env:NAME}\"}"}}
	case u.RawQuery != "" || u.Fragment != "":
		return []estate.Problem{{Field: "url", What: "is a URL with a query or a fragment", Remedy: example}}
	case strings.Contains(u.Path+"/", "/api/v1/"):
		return []estate.Problem{{Field: "url", What: "holds the path of the API, which is appended to it", Remedy: "remove /api/v1 and what follows"}}
	}
	return nil
}

func (c *Config) headerProblems() []estate.Problem {
	var ps []estate.Problem
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(c.Headers[name].Reveal()) {
			ps = append(ps, estate.Problem{Field: "headers." + name, What: "is not a header", Remedy: "write a name, and a reference to a value of one line"})
		}
	}
	if !httpguts.ValidHeaderFieldName(c.TenantHeader) {
		ps = append(ps, estate.Problem{Field: "tenantHeader", What: "is not the name of a header", Remedy: "write X-Scope-OrgID for Mimir, THANOS-TENANT for Thanos"})
	}
	if !httpguts.ValidHeaderFieldValue(c.Tenant) {
		ps = append(ps, estate.Problem{Field: "tenant", What: "is not a value of one line", Remedy: "write the tenant's name"})
	}
	if c.Basic != nil && !c.Bearer.IsZero() {
		ps = append(ps, estate.Problem{Field: "bearer", What: "is a second way to authenticate beside basic", Remedy: "keep one of them"})
	}
	if !httpguts.ValidHeaderFieldValue(c.Bearer.Reveal()) {
		ps = append(ps, estate.Problem{Field: "bearer", What: "is not a value of one line", Remedy: "refer to the token alone"})
	}
	return ps
}

// queryProblems are those that only show beside the other queries.
func (c *Config) queryProblems() []estate.Problem {
	var ps []estate.Problem
	switch {
	case len(c.Queries) == 0:
		ps = append(ps, estate.Missing("queries", "write at least one, such as {name: targets-down, query: count(up == 0) or vector(0), warning: 0}"))
	case len(c.Queries) > maxQueries:
		ps = append(ps, estate.Problem{Field: "queries", What: fmt.Sprintf("lists more than %d queries", maxQueries), Remedy: "declare another component for the same server"})
	}
	seen := map[string]bool{}
	for i, q := range c.Queries {
		at := fmt.Sprintf("queries[%d].", i)
		if q.Name != "" && seen[q.Name] {
			ps = append(ps, estate.Problem{Field: at + "name", What: "is the name of another query", Remedy: "give each query a name of its own"})
		}
		seen[q.Name] = true
		if q.Fresh != 0 && q.Fresh < 2*c.Interval {
			ps = append(ps, estate.Problem{Field: at + "fresh", What: "is less than two intervals: a late answer would leave the value unknown", Remedy: "write more, or a shorter interval"})
		}
	}
	return ps
}

// Validate implements estate.Validator.
func (b *Basic) Validate() []estate.Problem {
	var ps []estate.Problem
	if b.Username == "" {
		ps = append(ps, estate.Missing("username", "write the name of a user that may read only"))
	}
	if b.Password.IsZero() {
		ps = append(ps, estate.Missing("password", "write ${env:NAME} or ${file:/path}"))
	}
	return ps
}
