package traefik

import (
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
)

// Config is what an estate writes below traefik.
type Config struct {
	Metrics       string            `yaml:"metrics"`       // URL of Traefik's Prometheus metrics
	AccessLog     string            `yaml:"accessLog"`     // absolute path of the access log
	Format        string            `yaml:"format"`        // auto, json or clf; default auto
	Ping          string            `yaml:"ping"`          // URL asked from outside, through the entrypoint users take
	Tenants       map[string]string `yaml:"tenants"`       // request host -> tenant
	DefaultTenant string            `yaml:"defaultTenant"` // tenant of every other host, and of CLF lines, which have none
	Operations    []string          `yaml:"operations"`    // further model/method pairs that get their own label
	Interval      estate.Duration   `yaml:"interval"`      // default 15s
}

// Bounds of what a configuration may ask for.
const (
	maxTenants    = 100
	maxOperations = 200
	maxInterval   = time.Minute
	minInterval   = time.Second
)

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.Format = formatAuto
	c.Interval = estate.Duration(15 * time.Second)
}

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var ps []estate.Problem
	add := func(field, what, remedy string) {
		ps = append(ps, estate.Problem{Field: field, What: what, Remedy: remedy})
	}
	if c.Metrics == "" && c.AccessLog == "" && c.Ping == "" {
		add("", "watches nothing", "write metrics, accessLog or ping")
	}
	if !isHTTP(c.Metrics) {
		add("metrics", "is not an HTTP URL", "write http://host:8080/metrics, where Traefik's metrics.prometheus.entryPoint listens")
	}
	if !isHTTP(c.Ping) {
		add("ping", "is not an HTTP URL", "write http://host:8080/ping or any URL served through the entrypoint")
	}
	if c.AccessLog != "" && !filepath.IsAbs(c.AccessLog) {
		add("accessLog", "is not an absolute path", "write the path of Traefik's accessLog.filePath from the root on")
	}
	switch c.Format {
	case formatAuto, formatJSON, formatCLF:
	default:
		add("format", "is not a known format", "write auto, json or clf")
	}
	if d := c.Interval.D(); d < minInterval || d > maxInterval {
		add("interval", "is out of range", "write a duration from 1s to 1m")
	}
	if len(c.Tenants) > maxTenants {
		add("tenants", "maps more than 100 hosts", "map the hosts of finance tenants and leave the rest to defaultTenant")
	}
	for host, tenant := range c.Tenants {
		if tenant == "" {
			add("tenants."+host, "has no tenant", "write the name of the Odoo database behind this host")
		}
	}
	if len(c.Operations) > maxOperations {
		add("operations", "lists more than 200 operations", "list only those an objective is about")
	}
	for _, op := range c.Operations {
		if model, method, ok := strings.Cut(op, "/"); !ok || model == "" || method == "" || strings.ContainsAny(op, "? \"\\") {
			add("operations", "has an entry that is not model/method", "write entries such as sale.order/action_confirm")
		}
	}
	return ps
}

func isHTTP(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
