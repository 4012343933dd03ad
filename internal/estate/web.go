package estate

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// Web is where people and Prometheus find the daemon, and who may do what.
type Web struct {
	Listen      string `yaml:"listen"`      // host:port; loopback unless told
	ExternalURL string `yaml:"externalURL"` // what links in alerts start with

	// ConfigFile is a web configuration file of Prometheus' exporter toolkit:
	// TLS, passwords, headers. It is relative to the estate file.
	ConfigFile      string             `yaml:"configFile"`
	Unauthenticated Unauthenticated    `yaml:"unauthenticated"`
	Tokens          []Token            `yaml:"tokens"`
	Users           map[string][]Scope `yaml:"users"` // of ConfigFile; who is not listed may read
	Clients         []Client           `yaml:"clients"`
}

// A Scope is one thing an identity may do. Admin includes operate, operate
// includes read; scrape stands alone.
type Scope string

// The closed set of scopes.
const (
	ScopeScrape  Scope = "scrape"  // GET /metrics
	ScopeRead    Scope = "read"    // pages, the API, queries
	ScopeOperate Scope = "operate" // acknowledge, tell of changes
	ScopeAdmin   Scope = "admin"   // reload
)

// Unauthenticated says who may read and scrape without credentials. Nobody may
// change anything without.
type Unauthenticated string

// The closed set of who needs no credentials to read.
const (
	Loopback   Unauthenticated = "loopback"   // this machine
	Everywhere Unauthenticated = "everywhere" // whoever reaches the address
	Nowhere    Unauthenticated = "nowhere"    // nobody: as on a machine that is shared, or behind a proxy on it
)

// A Token lets its bearer do what its scopes say.
type Token struct {
	Name   string       `yaml:"name"` // told in evidence; never the token
	Scopes []Scope      `yaml:"scopes"`
	Token  secret.Value `yaml:"token"`
}

// A Client is who proves by a certificate that it is the subject of that name.
type Client struct {
	Name   string  `yaml:"name"` // the common name of the certificate's subject
	Scopes []Scope `yaml:"scopes"`
}

// A WebFile is what an estate is checked against about its web.configFile.
type WebFile struct {
	Users   []string // who have a password
	Clients bool     // certificates of clients are verified
}

const (
	minToken      = 24 // characters: 144 bits when they are random base64
	maxToken      = 512
	maxIdentities = 1000 // tokens, users or clients
	// maxCommonName is ub-common-name of RFC 5280, appendix A.1.
	maxCommonName = 64
)

// bearer is what a header can carry: b64token of RFC 6750, section 2.1.
var bearer = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// SetDefaults implements Defaulter.
func (w *Web) SetDefaults() { w.Listen, w.Unauthenticated = "127.0.0.1:9977", Loopback }

// Validate implements Validator.
func (w *Web) Validate() []Problem {
	var ps []Problem
	_, port, err := net.SplitHostPort(w.Listen)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		ps = append(ps, Problem{"listen", fmt.Sprintf("is not host:port: %q", clip(w.Listen)), "write 127.0.0.1:9977"})
	}
	if what := checkURL(w.ExternalURL); w.ExternalURL != "" && what != "" {
		ps = append(ps, Problem{"externalURL", what, "write a URL such as https://closewatch.example.com"})
	}
	if p, bad := OneOf("unauthenticated", w.Unauthenticated, Loopback, Everywhere, Nowhere); bad {
		ps = append(ps, p)
	}
	if n := max(len(w.Tokens), len(w.Users), len(w.Clients)); n > maxIdentities {
		ps = append(ps, Problem{"", fmt.Sprintf("lists %d identities of one kind", n), fmt.Sprintf("list at most %d", maxIdentities)})
		return ps
	}
	for _, name := range slices.Sorted(maps.Keys(w.Users)) {
		ps = append(ps, scopeProblems("users."+clip(name), w.Users[name])...)
	}
	return slices.Concat(ps, w.tokenProblems(), w.clientProblems())
}

func (w *Web) tokenProblems() []Problem {
	var ps []Problem
	names, values := map[string]bool{}, map[string]bool{}
	for i, t := range w.Tokens {
		at := fmt.Sprintf("tokens[%d]", i)
		if p, bad := nameProblem(at+".name", t.Name); bad {
			if t.Name == "" {
				p = Missing(at+".name", "write a short name such as grafana")
			}
			ps = append(ps, p)
		} else if names[t.Name] {
			ps = append(ps, Problem{at + ".name", fmt.Sprintf("%q is used twice", t.Name), "give each token a name of its own"})
		}
		ps = append(ps, scopeProblems(at+".scopes", t.Scopes)...)
		value := t.Token.Reveal()
		switch {
		case value == "":
			ps = append(ps, Missing(at+".token", byReference))
		case len(value) < minToken || len(value) > maxToken:
			ps = append(ps, Problem{at + ".token", fmt.Sprintf("does not have %d to %d characters", minToken, maxToken), "make one with openssl rand -hex 32"})
		case !bearer.MatchString(value):
			ps = append(ps, Problem{at + ".token", "holds characters that a header cannot carry as a token", "make one with openssl rand -hex 32"})
		case values[value]:
			ps = append(ps, Problem{at + ".token", "is the token of another name", "give each name a token of its own"})
		}
		names[t.Name], values[value] = true, true
	}
	return ps
}

func (w *Web) clientProblems() []Problem {
	var ps []Problem
	names := map[string]bool{}
	for i, c := range w.Clients {
		at := fmt.Sprintf("clients[%d]", i)
		switch {
		case c.Name == "":
			ps = append(ps, Missing(at+".name", "write the common name of the certificate's subject"))
		case len(c.Name) > maxCommonName:
			ps = append(ps, Problem{at + ".name", fmt.Sprintf("is longer than %d characters", maxCommonName), "write the common name of the certificate's subject"})
		case names[c.Name]:
			ps = append(ps, Problem{at + ".name", fmt.Sprintf("%q is used twice", clip(c.Name)), "list each subject once, with all its scopes"})
		}
		ps = append(ps, scopeProblems(at+".scopes", c.Scopes)...)
		names[c.Name] = true
	}
	return ps
}

func scopeProblems(field string, scopes []Scope) []Problem {
	if len(scopes) == 0 {
		return []Problem{Missing(field, "write some of read, operate, admin, scrape")}
	}
	var ps []Problem
	for i, s := range scopes {
		at := fmt.Sprintf("%s[%d]", field, i)
		if p, bad := OneOf(at, s, ScopeRead, ScopeOperate, ScopeAdmin, ScopeScrape); bad {
			ps = append(ps, p)
		} else if slices.Index(scopes, s) < i {
			ps = append(ps, Problem{at, "is listed twice", "keep one of the two"})
		}
	}
	return ps
}

// web checks what only the web configuration file can tell.
func (c checker) web() {
	w := c.e.Web
	var f WebFile
	if w.ConfigFile != "" {
		if c.opts.WebFile == nil {
			return
		}
		var err error
		if f, err = c.opts.WebFile(c.e.WebConfigFile()); err != nil {
			c.problem("web.configFile", clipTo(fault.TextOf(err), mostReason), fault.HintOf(err))
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Users)) {
		if !slices.Contains(f.Users, name) {
			c.stranger("web.users."+clip(name), name, f.Users)
		}
	}
	if len(w.Clients) > 0 && !f.Clients {
		c.problem("web.clients", "nothing verifies certificates of clients", "write client_auth_type and client_ca_file below tls_server_config in the file that web.configFile names")
	}
	if !OnlyThisMachine(w.Listen) && w.Unauthenticated != Everywhere && !w.Protected(f) {
		c.problem("web.listen", "can be reached from other machines, and nothing says who may read",
			"add web.tokens, or basic_auth_users in the file that web.configFile names; or listen on 127.0.0.1")
	}
}

// stranger reports a user without a password.
func (c checker) stranger(path, name string, users []string) {
	const what = "has no password"
	switch meant, ok := suggest(name, users); {
	case ok:
		c.problem(path, what, "write "+meant)
	case c.e.Web.ConfigFile == "":
		c.problem(path, what, "name a web.configFile that lists it under basic_auth_users")
	default:
		c.problem(path, what, "list it under basic_auth_users in the file that web.configFile names, or remove it here")
	}
}

// mostReason is how much of the reason is told why a web configuration file is
// refused: it holds a path and a position.
const mostReason = 300

// WebConfigFile is where web.configFile leads, or "" when there is none.
func (e *Estate) WebConfigFile() string {
	if e.Web.ConfigFile == "" || filepath.IsAbs(e.Web.ConfigFile) {
		return e.Web.ConfigFile
	}
	return filepath.Join(filepath.Dir(e.File), e.Web.ConfigFile)
}

// Protected reports whether anybody can prove who they are.
func (w Web) Protected(f WebFile) bool {
	return len(w.Tokens) > 0 || len(f.Users) > 0 || f.Clients && len(w.Clients) > 0
}

// OnlyThisMachine reports whether host:port can be reached from this machine
// alone. A name other than localhost can be anything.
func OnlyThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// URL is what links start with, without a slash at the end.
func (w Web) URL() string {
	if w.ExternalURL == "" {
		return "http://" + w.Listen
	}
	return strings.TrimRight(w.ExternalURL, "/")
}
