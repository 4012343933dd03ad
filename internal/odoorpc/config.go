package odoorpc

import (
	"net/url"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// Config is how one Odoo database is reached, as an estate declares it.
type Config struct {
	URL      string          `yaml:"url"`      // of the deployment or its ingress: https://erp.example.com
	Host     string          `yaml:"host"`     // sent as Host and TLS server name, when url names an ingress by address
	Database string          `yaml:"database"` // the tenant
	Login    string          `yaml:"login"`
	Password secret.Value    `yaml:"password"` // for a web session
	APIKey   secret.Value    `yaml:"apiKey"`   // for JSON-2, or /jsonrpc below Odoo 19; used when there is no password
	Timeout  estate.Duration `yaml:"timeout"`  // of one call
}

// DefaultTimeout bounds a call when the configuration does not. It lies well
// below Odoo's own limit_time_real of 120 s.
const DefaultTimeout = 30 * time.Second

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() { c.Timeout = estate.Duration(DefaultTimeout) }

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var problems []estate.Problem
	add := func(field, what, remedy string) {
		problems = append(problems, estate.Problem{Field: field, What: what, Remedy: remedy})
	}
	if what := wrongURL(c.URL); what != "" {
		add("url", what, "write the address of Odoo or its ingress, such as https://erp.example.com")
	}
	if c.Database == "" {
		add("database", "is missing", "write the name of the Odoo database; one component watches one database")
	}
	if c.Login == "" {
		add("login", "is missing", "write the login of a least-privilege Odoo user made for monitoring")
	}
	if c.Password.IsZero() && c.APIKey.IsZero() {
		add("password", "is missing", "write password: ${env:NAME} or ${file:/path}, or apiKey: in the same way")
	}
	if c.Timeout.D() <= 0 {
		add("timeout", "is not positive", "write a duration such as 30s, below Odoo's limit_time_real")
	}
	return problems
}

// wrongURL says what keeps s from being a base address, or "".
func wrongURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "is missing"
	case err != nil, u.Host == "":
		return "is not an address"
	case u.Scheme != "http" && u.Scheme != "https":
		return "is neither http nor https"
	case u.User != nil:
		return "carries a login; credentials belong under login and password"
	case u.RawQuery != "", u.Fragment != "", strings.HasSuffix(u.Path, "/web"), strings.HasSuffix(u.Path, "/odoo"):
		return "is the address of a page"
	}
	return ""
}
