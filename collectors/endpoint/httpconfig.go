package endpoint

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// An HTTP check is one request and what its answer must be.
type HTTP struct {
	// URL may carry secrets by reference in its query, and is never shown.
	URL    secret.Value `yaml:"url" secret:"url"`
	Method string       `yaml:"method"` // GET, HEAD, OPTIONS or POST; GET
	Body   string       `yaml:"body"`   // of a POST
	// Headers are sent as they are; those that hold a secret are SecretHeaders.
	Headers       map[string]string       `yaml:"headers"`
	SecretHeaders map[string]secret.Value `yaml:"secretHeaders"`
	Basic         *Basic                  `yaml:"basic"`
	Bearer        secret.Value            `yaml:"bearer"`
	TLS           *TLS                    `yaml:"tls"`
	// Proxy is the URL of the one proxy to go through; without it the service
	// is called directly, whatever the environment says.
	Proxy secret.Value `yaml:"proxy" secret:"url"`
	// FollowRedirects follows up to 5, to another host only when the check has
	// no credentials.
	FollowRedirects bool   `yaml:"followRedirects"`
	Expect          Expect `yaml:"expect"`
}

// Basic is a user with a password.
type Basic struct {
	Username string       `yaml:"username"`
	Password secret.Value `yaml:"password"`
}

// Expect is what the answer must be: all of it.
type Expect struct {
	Status       []int  `yaml:"status"`       // one of these; any from 200 to 299
	BodyContains string `yaml:"bodyContains"` // this text, to the letter
	BodyMatches  string `yaml:"bodyMatches"`  // this regular expression (RE2)
	// JSON says which fields must have which values: a JSON Pointer (RFC 6901)
	// and the value as text, "true" and "42" included.
	JSON map[string]string `yaml:"json"`
	// MaxBytes bounds how much of the body is read; 65536.
	MaxBytes int `yaml:"maxBytes"`
}

const (
	defaultMaxBytes = 64 << 10
	maxMaxBytes     = 4 << 20
)

// SetDefaults implements estate.Defaulter.
func (c *HTTP) SetDefaults() { c.Method = http.MethodGet }

// SetDefaults implements estate.Defaulter.
func (c *Expect) SetDefaults() { c.MaxBytes = defaultMaxBytes }

// Validate implements estate.Validator. No problem repeats a value that may be
// a secret.
func (c *HTTP) Validate() []estate.Problem {
	ps := c.urlProblems()
	if p, bad := estate.OneOf("method", c.Method, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost); bad {
		ps = append(ps, p)
	}
	if c.Body != "" && c.Method != http.MethodPost {
		ps = append(ps, estate.Problem{Field: "body", What: "is sent by a POST only", Remedy: "write method: POST, or remove it"})
	}
	if e := c.Expect; c.Method == http.MethodHead && (e.BodyContains != "" || e.BodyMatches != "" || len(e.JSON) > 0) {
		ps = append(ps, estate.Problem{Field: "expect", What: "is about a body, which the answer to a HEAD has not", Remedy: "write method: GET"})
	}
	if c.Basic != nil && !c.Bearer.IsZero() {
		ps = append(ps, estate.Problem{Field: "bearer", What: "is a second way to authenticate beside basic", Remedy: "keep one of them"})
	}
	return append(ps, c.headerProblems()...)
}

func (c *HTTP) urlProblems() []estate.Problem {
	var ps []estate.Problem
	switch u, err := url.Parse(c.URL.Reveal()); {
	case c.URL.IsZero():
		ps = append(ps, estate.Missing("url", "write https://api.example.com/health"))
	case err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https"):
		ps = append(ps, estate.Problem{Field: "url", What: "is not an http or https URL", Remedy: "write https://api.example.com/health"})
	case u.User != nil:
		ps = append(ps, estate.Problem{Field: "url", What: "names a user", Remedy: "write basic: {username: …, password: \"${env:NAME}\"}"})
	}
	if c.Proxy.IsZero() {
		return ps
	}
	if u, err := url.Parse(c.Proxy.Reveal()); err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		ps = append(ps, estate.Problem{Field: "proxy", What: "is not the URL of an HTTP proxy", Remedy: "write http://proxy.example.com:3128"})
	}
	return ps
}

// carries finds names of headers whose values are secrets.
var carries = regexp.MustCompile(`(?i)^(proxy-)?authorization$|^cookie$|key|secret|token|password`)

func (c *HTTP) headerProblems() []estate.Problem {
	var ps []estate.Problem
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		field := "headers." + name
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(c.Headers[name]):
			ps = append(ps, estate.Problem{Field: field, What: "is not a header", Remedy: "write a name and a value of one line"})
		case carries.MatchString(name):
			ps = append(ps, estate.Problem{Field: field, What: "looks like a secret in clear", Remedy: "write it under basic, bearer or secretHeaders"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.SecretHeaders)) {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(c.SecretHeaders[name].Reveal()) {
			ps = append(ps, estate.Problem{Field: "secretHeaders." + name, What: "is not a header", Remedy: "write a name, and a reference to a value of one line"})
		}
	}
	if !httpguts.ValidHeaderFieldValue(c.Bearer.Reveal()) {
		ps = append(ps, estate.Problem{Field: "bearer", What: "is not a value of one line", Remedy: "refer to the token alone"})
	}
	return ps
}

// Validate implements estate.Validator.
func (c *Basic) Validate() []estate.Problem {
	var ps []estate.Problem
	if c.Username == "" {
		ps = append(ps, estate.Missing("username", "write the name of a user that may read only"))
	}
	if c.Password.IsZero() {
		ps = append(ps, estate.Missing("password", "write ${env:NAME} or ${file:/path}"))
	}
	return ps
}

// Validate implements estate.Validator.
func (c *Expect) Validate() []estate.Problem {
	var ps []estate.Problem
	for i, status := range c.Status {
		if status < 200 || status > 599 {
			ps = append(ps, estate.Problem{Field: fmt.Sprintf("status[%d]", i), What: "is not a status of an answer", Remedy: "write a number from 200 to 599"})
		}
	}
	if _, err := regexp.Compile(c.BodyMatches); err != nil {
		ps = append(ps, estate.Problem{Field: "bodyMatches", What: "is not a regular expression", Remedy: "write one as RE2 understands it"})
	}
	for _, pointer := range slices.Sorted(maps.Keys(c.JSON)) {
		if !strings.HasPrefix(pointer, "/") {
			ps = append(ps, estate.Problem{Field: "json", What: "has a key that is not a JSON Pointer", Remedy: "write keys such as /status or /accounts/0/state"})
		}
	}
	if c.MaxBytes < 1 || c.MaxBytes > maxMaxBytes {
		ps = append(ps, estate.Problem{Field: "maxBytes", What: "is out of range", Remedy: "write a number from 1 to 4194304"})
	}
	return ps
}
