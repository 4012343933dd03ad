package endpoint

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/starttls"
)

// A Class is what a service is to finance.
type Class string

// The classes.
const (
	Bank      Class = "bank"
	Tax       Class = "tax"
	Identity  Class = "identity"
	Reporting Class = "reporting"
	Documents Class = "documents"
)

// Classes lists the closed set.
func Classes() []Class { return []Class{Bank, Tax, Identity, Reporting, Documents} }

// Config is what an estate says about one service.
type Config struct {
	Class  Class   `yaml:"class"` // bank, tax, identity, reporting or documents
	Checks []Check `yaml:"checks"`
}

// A Check is one way to find out whether the service works: exactly one of
// HTTP, TCP and DNS.
type Check struct {
	Name     string          `yaml:"name"` // becomes a label
	HTTP     *HTTP           `yaml:"http"`
	TCP      *TCP            `yaml:"tcp"`
	DNS      *DNS            `yaml:"dns"`
	Interval estate.Duration `yaml:"interval"` // 1m
	Timeout  estate.Duration `yaml:"timeout"`  // of the whole check; 10s
}

// A TCP check is passed when the connection stands, and its TLS if wanted.
type TCP struct {
	Address string `yaml:"address"` // host:port
	// TLS, also written {}, wants a handshake with a certificate that is valid
	// for the host.
	TLS *TLS `yaml:"tls"`
	// StartTLS says what is spoken before TLS: postgres or smtp.
	StartTLS starttls.Protocol `yaml:"startTLS"`
}

// TLS says whom to trust and who we are. Its files are read at each run, so
// that a renewed certificate needs no restart.
type TLS struct {
	CA          string `yaml:"ca"`          // PEM file of authorities; the system's
	Certificate string `yaml:"certificate"` // PEM file of ours, for servers that want one
	Key         string `yaml:"key"`         // PEM file of its private key
	ServerName  string `yaml:"serverName"`  // the host's
}

// Bounds of what a configuration may ask for. Signals count a check as unknown
// when two of the longest intervals have passed.
const (
	maxChecks   = 32
	minInterval = 5 * time.Second
	maxInterval = 5 * time.Minute
	minTimeout  = 100 * time.Millisecond
)

// checkName is what may become a label value: small letters, digits, dots and
// dashes.
var checkName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var ps []estate.Problem
	if p, bad := estate.OneOf("class", c.Class, Classes()...); bad {
		ps = append(ps, p)
	}
	switch {
	case len(c.Checks) == 0:
		ps = append(ps, estate.Missing("checks", "write at least one, such as {name: api, http: {url: https://api.example.com/health}}"))
	case len(c.Checks) > maxChecks:
		ps = append(ps, estate.Problem{Field: "checks", What: fmt.Sprintf("lists more than %d checks", maxChecks), Remedy: "declare a component for each service"})
	}
	seen := map[string]bool{}
	for i, check := range c.Checks {
		if check.Name != "" && seen[check.Name] {
			ps = append(ps, estate.Problem{Field: fmt.Sprintf("checks[%d].name", i), What: "is the name of another check", Remedy: "give each check a name of its own"})
		}
		seen[check.Name] = true
	}
	return ps
}

// SetDefaults implements estate.Defaulter.
func (c *Check) SetDefaults() {
	c.Interval = estate.Duration(time.Minute)
	c.Timeout = estate.Duration(10 * time.Second)
}

// Validate implements estate.Validator.
func (c *Check) Validate() []estate.Problem {
	var ps []estate.Problem
	if !checkName.MatchString(c.Name) {
		ps = append(ps, estate.Problem{Field: "name", What: "is not a short name", Remedy: "use small letters, digits, dots and dashes, at most 63"})
	}
	kinds := 0
	for _, there := range []bool{c.HTTP != nil, c.TCP != nil, c.DNS != nil} {
		if there {
			kinds++
		}
	}
	if kinds != 1 {
		ps = append(ps, estate.Problem{What: "needs exactly one of http, tcp and dns", Remedy: "write a check for each"})
	}
	switch interval, timeout := c.Interval.D(), c.Timeout.D(); {
	case interval < minInterval || interval > maxInterval:
		ps = append(ps, estate.Problem{Field: "interval", What: "is out of range", Remedy: "write a duration from 5s to 5m"})
	case timeout < minTimeout || timeout > interval:
		ps = append(ps, estate.Problem{Field: "timeout", What: "is out of range", Remedy: "write a duration from 100ms to the interval"})
	}
	return ps
}

// Validate implements estate.Validator.
func (c *TCP) Validate() []estate.Problem {
	var ps []estate.Problem
	if !isAddress(c.Address) {
		ps = append(ps, estate.Problem{Field: "address", What: "is not an address", Remedy: "write host:port"})
	}
	if c.StartTLS != "" {
		if p, bad := estate.OneOf("startTLS", c.StartTLS, starttls.Postgres, starttls.SMTP); bad {
			ps = append(ps, p)
		}
		if c.TLS == nil {
			ps = append(ps, estate.Missing("tls", "write tls: {}, since startTLS asks for it"))
		}
	}
	return ps
}

// Validate implements estate.Validator.
func (c *TLS) Validate() []estate.Problem {
	var ps []estate.Problem
	for _, f := range []struct{ field, path string }{{"ca", c.CA}, {"certificate", c.Certificate}, {"key", c.Key}} {
		if f.path != "" && !filepath.IsAbs(f.path) {
			ps = append(ps, estate.Problem{Field: f.field, What: "is not an absolute path", Remedy: "write the path of a PEM file from the root on"})
		}
	}
	switch {
	case c.Certificate != "" && c.Key == "":
		ps = append(ps, estate.Missing("key", "name the PEM file of the certificate's private key"))
	case c.Key != "" && c.Certificate == "":
		ps = append(ps, estate.Missing("certificate", "name the PEM file of the key's certificate"))
	}
	return ps
}

// isAddress reports whether s is host:port.
func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, errPort := strconv.ParseUint(port, 10, 16)
	return err == nil && errPort == nil && host != "" && n > 0
}
