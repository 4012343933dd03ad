package certificate

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

// Config is what an estate says about a set of certificates.
type Config struct {
	Targets  []Target        `yaml:"targets"`
	CA       string          `yaml:"ca"`       // PEM file of the authorities to trust; the system's
	Interval estate.Duration `yaml:"interval"` // 1m
	Timeout  estate.Duration `yaml:"timeout"`  // of reading one target; 10s
}

// A Target is one certificate: where it is shown, where it is kept, or both.
type Target struct {
	Name       string            `yaml:"name"`       // becomes a label
	Served     string            `yaml:"served"`     // host:port of a server
	ServerName string            `yaml:"serverName"` // what it is asked for and must be valid for; the host
	StartTLS   starttls.Protocol `yaml:"startTLS"`   // postgres, smtp or imap; TLS from the first byte
	File       string            `yaml:"file"`       // PEM file, the certificate first and its chain after it
	// CA is a PEM file of the authorities to trust for this target. A
	// self-signed certificate is trusted by naming it here.
	CA string `yaml:"ca"`
}

// Bounds of what a configuration may ask for. Signals count a certificate as
// unknown when two of the longest intervals have passed.
const (
	maxTargets  = 64
	minInterval = 5 * time.Second
	maxInterval = 5 * time.Minute
	minTimeout  = 100 * time.Millisecond
)

// targetName is what may become a label value: small letters, digits, dots and
// dashes.
var targetName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.Interval = estate.Duration(time.Minute)
	c.Timeout = estate.Duration(10 * time.Second)
}

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var ps []estate.Problem
	switch {
	case len(c.Targets) == 0:
		ps = append(ps, estate.Missing("targets", "write at least one, such as {name: erp, served: \"erp.example.com:443\"}"))
	case len(c.Targets) > maxTargets:
		ps = append(ps, estate.Problem{Field: "targets", What: fmt.Sprintf("lists more than %d targets", maxTargets), Remedy: "declare another component"})
	}
	seen := map[string]bool{}
	for i, target := range c.Targets {
		if target.Name != "" && seen[target.Name] {
			ps = append(ps, estate.Problem{Field: fmt.Sprintf("targets[%d].name", i), What: "is the name of another target", Remedy: "give each target a name of its own"})
		}
		seen[target.Name] = true
	}
	ps = append(ps, absolute("ca", c.CA)...)
	switch interval, timeout := c.Interval.D(), c.Timeout.D(); {
	case interval < minInterval || interval > maxInterval:
		ps = append(ps, estate.Problem{Field: "interval", What: "is out of range", Remedy: "write a duration from 5s to 5m"})
	case timeout < minTimeout || timeout > interval:
		ps = append(ps, estate.Problem{Field: "timeout", What: "is out of range", Remedy: "write a duration from 100ms to the interval"})
	}
	return ps
}

// Validate implements estate.Validator.
func (t *Target) Validate() []estate.Problem {
	var ps []estate.Problem
	if !targetName.MatchString(t.Name) {
		ps = append(ps, estate.Problem{Field: "name", What: "is not a short name", Remedy: "use small letters, digits, dots and dashes, at most 63"})
	}
	if t.Served == "" && t.File == "" {
		ps = append(ps, estate.Problem{What: "is neither served nor in a file", Remedy: "write served: host:port, file: /path, or both"})
	}
	if t.Served != "" && !isAddress(t.Served) {
		ps = append(ps, estate.Problem{Field: "served", What: "is not an address", Remedy: "write host:port"})
	}
	if t.StartTLS != "" {
		if p, bad := estate.OneOf("startTLS", t.StartTLS, starttls.Postgres, starttls.SMTP, starttls.IMAP); bad {
			ps = append(ps, p)
		}
	}
	if t.Served == "" && t.StartTLS != "" {
		ps = append(ps, estate.Missing("served", "write host:port of the server that speaks "+string(t.StartTLS)))
	}
	ps = append(ps, absolute("file", t.File)...)
	return append(ps, absolute("ca", t.CA)...)
}

// serverName is the name a target must be valid for; "" for a file alone that
// says none.
func (t Target) serverName() string {
	if t.ServerName != "" || t.Served == "" {
		return t.ServerName
	}
	host, _, _ := net.SplitHostPort(t.Served)
	return host
}

func absolute(field, path string) []estate.Problem {
	if path == "" || filepath.IsAbs(path) {
		return nil
	}
	return []estate.Problem{{Field: field, What: "is not an absolute path", Remedy: "write the path of a PEM file from the root on"}}
}

// isAddress reports whether s is host:port.
func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, errPort := strconv.ParseUint(port, 10, 16)
	return err == nil && errPort == nil && host != "" && n > 0
}
