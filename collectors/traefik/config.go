package traefik

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
)

// Config is what an estate writes below traefik.
type Config struct {
	Metrics       string            `yaml:"metrics"`       // URL of Traefik's Prometheus metrics
	AccessLog     string            `yaml:"accessLog"`     // absolute path of the access log
	Format        string            `yaml:"format"`        // of the access log: auto, json or clf; default auto
	Log           string            `yaml:"log"`           // absolute path of Traefik's own log, log.filePath there: the only place that tells of refused configurations and failed renewals
	Ping          estate.Texts      `yaml:"ping"`          // URL, or a list of them, asked from outside through the entrypoints users take
	Tenants       map[string]string `yaml:"tenants"`       // request host -> tenant; "*.erp.example.com": "*" makes a tenant of each first label
	DefaultTenant string            `yaml:"defaultTenant"` // tenant of every other host, and of CLF lines, which have none
	Operations    []string          `yaml:"operations"`    // further model/method pairs that get their own label
	Rules         []Rule            `yaml:"rules"`         // operations by path, for integrations; the first that matches wins
	EntryPoints   []string          `yaml:"entryPoints"`   // entrypoints whose requests the access log should have; default all but traefik, metrics and ping
	Interval      estate.Duration   `yaml:"interval"`      // default 15s
}

// Bounds of what a configuration may ask for.
const (
	maxTenants    = 100
	maxOperations = 200
	maxPings      = 10
	maxEntries    = 50
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
	if c.Metrics == "" && c.AccessLog == "" && c.Log == "" && len(c.Ping) == 0 {
		add("", "watches nothing", "write metrics, accessLog, log or ping")
	}
	if !isHTTP(c.Metrics) {
		add("metrics", "is not an HTTP URL", "write http://host:8080/metrics, where Traefik's metrics.prometheus.entryPoint listens")
	}
	ps = append(ps, c.validatePings()...)
	if c.AccessLog != "" && !filepath.IsAbs(c.AccessLog) {
		add("accessLog", "is not an absolute path", "write the path of Traefik's accessLog.filePath from the root on")
	}
	if c.Log != "" && !filepath.IsAbs(c.Log) {
		add("log", "is not an absolute path", "write the path of Traefik's log.filePath from the root on")
	}
	if c.Log != "" && c.Log == c.AccessLog {
		add("log", "is the access log", "write the path of Traefik's log.filePath, which is another file than accessLog.filePath")
	}
	switch c.Format {
	case formatAuto, formatJSON, formatCLF:
	default:
		add("format", "is not a known format", "write auto, json or clf")
	}
	if d := c.Interval.D(); d < minInterval || d > maxInterval {
		add("interval", "is out of range", "write a duration from 1s to 1m")
	}
	ps = append(ps, c.validateTenants()...)
	if len(c.Operations) > maxOperations {
		add("operations", "lists more than 200 operations", "list only those an objective is about")
	}
	for _, op := range c.Operations {
		if model, method, ok := strings.Cut(op, "/"); !ok || model == "" || method == "" || strings.ContainsAny(op, "? \"\\") {
			add("operations", "has an entry that is not model/method", "write entries such as sale.order/action_confirm")
		}
	}
	if len(c.Rules) > maxRules {
		add("rules", fmt.Sprintf("lists more than %d rules", maxRules), "name the paths an objective is about, with a star for what they share")
	}
	if len(c.EntryPoints) > maxEntries {
		add("entryPoints", fmt.Sprintf("lists more than %d entrypoints", maxEntries), "list those that users and integrations come in through")
	}
	return ps
}

func (c *Config) validatePings() []estate.Problem {
	var ps []estate.Problem
	if len(c.Ping) > maxPings {
		ps = append(ps, estate.Problem{Field: "ping", What: fmt.Sprintf("lists more than %d URLs", maxPings), Remedy: "ask one URL through each entrypoint"})
	}
	for i, u := range c.Ping {
		field := "ping"
		if len(c.Ping) > 1 {
			field = fmt.Sprintf("ping[%d]", i)
		}
		switch {
		case u == "" || !isHTTP(u):
			ps = append(ps, estate.Problem{Field: field, What: "is not an HTTP URL", Remedy: "write http://host:8080/ping or any URL served through the entrypoint"})
		case slices.ContainsFunc(c.Ping[:i], func(other string) bool { return shown(other) == shown(u) }):
			ps = append(ps, estate.Problem{Field: field, What: "is listed twice", Remedy: "list each URL once"})
		}
	}
	return ps
}

func (c *Config) validateTenants() []estate.Problem {
	var ps []estate.Problem
	add := func(field, what, remedy string) {
		ps = append(ps, estate.Problem{Field: field, What: what, Remedy: remedy})
	}
	if len(c.Tenants) > maxTenants {
		add("tenants", "maps more than 100 hosts", "map the hosts of finance tenants and leave the rest to defaultTenant")
	}
	for _, host := range slices.Sorted(maps.Keys(c.Tenants)) {
		tenant, field := c.Tenants[host], "tenants."+host
		domain, wild := strings.CutPrefix(host, "*.")
		switch {
		case tenant == "":
			add(field, "has no tenant", "write the name of the Odoo database behind this host")
		case strings.Contains(domain, "*"):
			add(field, "has a star that does not stand for the first label", "write *.erp.example.com")
		case strings.Contains(tenant, "*") && (tenant != "*" || !wild):
			add(field, "has a star that no first label stands for", `write "*" for the first label of a host such as *.erp.example.com, or a name`)
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
