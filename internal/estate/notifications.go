package estate

import (
	"fmt"
	"net"
	"net/mail"
	"path/filepath"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/closewatch/closewatch/internal/secret"
)

// Notifications is how alerts get to people.
type Notifications struct {
	// GroupInterval is that of Alertmanager's routes: a resolve waits so long
	// after its alert was last sent. It is multiplied by timing.scale.
	GroupInterval Duration `yaml:"groupInterval"`
	// GroupWait is how long those routes gather what comes together before they
	// tell it the first time, multiplied likewise.
	GroupWait GroupWait `yaml:"groupWait"`
	// WorkingHours are those in which people are told what is for information, on
	// working days and in the zone of each entity.
	WorkingHours Day `yaml:"workingHours"`
	// FallbackAfter is how long no Alertmanager may have answered before pages
	// go to the webhook and by email. Without any Alertmanager they always do.
	FallbackAfter Duration `yaml:"fallbackAfter"`
	Alertmanager  Access   `yaml:"alertmanager"` // to each of the Alertmanagers
	Webhook       *Webhook `yaml:"webhook"`      // takes what Alertmanager's webhook receiver sends
	Email         *Email   `yaml:"email"`
}

// A GroupWait is how long alerts of each severity wait for others.
type GroupWait struct {
	Page   Duration `yaml:"page"`
	Ticket Duration `yaml:"ticket"`
	Info   Duration `yaml:"info"`
}

// An Access is what a server that is called wants to see, and the way to it.
type Access struct {
	Basic  *Basic       `yaml:"basic"`
	Bearer secret.Value `yaml:"bearer"`
	TLS    *ClientTLS   `yaml:"tls"`
	// Proxy is the URL of the one proxy to go through; without it the server is
	// called directly, whatever the environment says.
	Proxy secret.Value `yaml:"proxy" secret:"url"`
}

// Basic is a user with a password.
type Basic struct {
	Username string       `yaml:"username"`
	Password secret.Value `yaml:"password"`
}

// A ClientTLS says whom to trust, and who we are.
type ClientTLS struct {
	CA          string `yaml:"ca"`          // PEM file of authorities; the system's
	Certificate string `yaml:"certificate"` // PEM file of ours, for servers that want one
	Key         string `yaml:"key"`         // PEM file of its private key
	ServerName  string `yaml:"serverName"`  // the host's
}

// A Webhook is posted pages to when no Alertmanager is there to.
type Webhook struct {
	URL secret.Value `yaml:"url"` // a reference: whoever has it can post
	Access
}

// An Email is sent pages by when no Alertmanager is there to.
type Email struct {
	Server   string        `yaml:"server"` // host:port of the mail server
	From     string        `yaml:"from"`
	To       []string      `yaml:"to"`
	Basic    *Basic        `yaml:"basic"`
	Security EmailSecurity `yaml:"security"` // starttls, tls or none; starttls
	TLS      *ClientTLS    `yaml:"tls"`
}

// An EmailSecurity is how a mail server is spoken to.
type EmailSecurity string

// How a mail server is spoken to.
const (
	EmailStartTLS EmailSecurity = "starttls" // TLS that is asked for first; without it nothing is sent
	EmailTLS      EmailSecurity = "tls"
	EmailPlain    EmailSecurity = "none" // on this machine only
)

// maxRecipients bounds the addresses of an email.
const maxRecipients = 20

// SetDefaults implements Defaulter.
func (n *Notifications) SetDefaults() {
	n.GroupInterval, n.FallbackAfter = Duration(time.Minute), Duration(2*time.Minute)
	n.WorkingHours = Day{From: ClockTime{Hour: 8}, To: ClockTime{Hour: 18}}
}

// SetDefaults implements Defaulter.
func (g *GroupWait) SetDefaults() {
	*g = GroupWait{Page: Duration(10 * time.Second), Ticket: Duration(time.Minute), Info: Duration(time.Minute)}
}

// Validate implements Validator.
func (g *GroupWait) Validate() []Problem {
	var ps []Problem
	for _, wait := range []struct {
		field string
		is    Duration
		say   string
	}{{"page", g.Page, "10s"}, {"ticket", g.Ticket, "1m"}, {"info", g.Info, "1m"}} {
		if wait.is.D() < time.Second || wait.is.D() > 10*time.Minute {
			ps = append(ps, Problem{wait.field, "is not between 1s and 10m", "write how long such alerts wait for others, such as " + wait.say})
		}
	}
	return ps
}

// Validate implements Validator.
func (n *Notifications) Validate() []Problem {
	var ps []Problem
	if n.GroupInterval.D() < 0 || n.GroupInterval.D() > time.Hour {
		ps = append(ps, Problem{"groupInterval", "is not between 0s and 1h", "write the group_interval of Alertmanager's routes, such as 1m"})
	}
	if n.FallbackAfter.D() < time.Second || n.FallbackAfter.D() > day.D() {
		ps = append(ps, Problem{"fallbackAfter", "is not between 1s and 1d", "write 2m"})
	}
	return ps
}

// Validate implements Validator. No problem repeats a value that may be a
// secret.
func (a *Access) Validate() []Problem {
	var ps []Problem
	if a.Basic != nil && !a.Bearer.IsZero() {
		ps = append(ps, Problem{"bearer", "is a second way to authenticate beside basic", "keep one of them"})
	}
	if !httpguts.ValidHeaderFieldValue(a.Bearer.Reveal()) {
		ps = append(ps, Problem{"bearer", "is not a value of one line", "refer to the token alone"})
	}
	if what := checkURL(a.Proxy.Reveal()); !a.Proxy.IsZero() && what != "" {
		ps = append(ps, Problem{"proxy", what, "write a URL such as http://proxy.example.com:3128"})
	}
	return ps
}

// Validate implements Validator.
func (b *Basic) Validate() []Problem {
	var ps []Problem
	if b.Username == "" {
		ps = append(ps, Missing("username", "write the name of the user"))
	}
	if b.Password.IsZero() {
		ps = append(ps, Missing("password", byReference))
	}
	return ps
}

// Validate implements Validator.
func (c *ClientTLS) Validate() []Problem {
	var ps []Problem
	for _, file := range []struct{ field, path string }{{"ca", c.CA}, {"certificate", c.Certificate}, {"key", c.Key}} {
		if file.path != "" && !filepath.IsAbs(file.path) {
			ps = append(ps, Problem{file.field, "is not an absolute path", "write the path of a PEM file from the root on"})
		}
	}
	if (c.Certificate == "") != (c.Key == "") {
		ps = append(ps, Problem{"certificate", "and key are not both given", "write both, or neither"})
	}
	return ps
}

// Validate implements Validator.
func (w *Webhook) Validate() []Problem {
	if w.URL.IsZero() {
		return append(w.Access.Validate(), Missing("url", byReference))
	}
	if what := checkHook(w.URL.Reveal()); what != "" {
		return append(w.Access.Validate(), Problem{"url", what, "refer to a URL such as https://hooks.example.com/closewatch"})
	}
	return w.Access.Validate()
}

// checkHook is checkURL for a URL that may have a query.
func checkHook(s string) string {
	what := checkURL(s)
	if what == "is a URL with a query or a fragment" {
		return ""
	}
	return what
}

// SetDefaults implements Defaulter.
func (e *Email) SetDefaults() { e.Security = EmailStartTLS }

// Validate implements Validator.
func (e *Email) Validate() []Problem {
	var ps []Problem
	host, _, err := net.SplitHostPort(e.Server)
	switch {
	case e.Server == "":
		ps = append(ps, Missing("server", "write host and port, such as mail.example.com:587"))
	case err != nil || host == "":
		ps = append(ps, Problem{"server", "is not a host and a port", "write mail.example.com:587"})
	}
	if p, bad := OneOf("security", e.Security, EmailStartTLS, EmailTLS, EmailPlain); bad {
		ps = append(ps, p)
	}
	if e.Security == EmailPlain && err == nil && !loopback(host) {
		ps = append(ps, Problem{"security", "is none for a server that is not this machine", "write starttls or tls"})
	}
	if e.From == "" {
		ps = append(ps, Missing("from", "write the address pages come from"))
	} else if _, err := mail.ParseAddress(e.From); err != nil {
		ps = append(ps, Problem{"from", "is not an address", "write one such as closewatch@example.com"})
	}
	switch {
	case len(e.To) == 0:
		ps = append(ps, Missing("to", "write the addresses of who is paged, such as [on-call@example.com]"))
	case len(e.To) > maxRecipients:
		ps = append(ps, Problem{"to", fmt.Sprintf("lists more than %d addresses", maxRecipients), "write the address of a list"})
	}
	for i, to := range e.To {
		if _, err := mail.ParseAddress(to); err != nil {
			ps = append(ps, Problem{fmt.Sprintf("to[%d]", i), "is not an address", "write one such as on-call@example.com"})
		}
	}
	return ps
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Fallback reports whether pages can get to people without an Alertmanager.
func (n *Notifications) Fallback() bool { return n.Webhook != nil || n.Email != nil }
