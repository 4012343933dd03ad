package endpoint

import (
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/closewatch/closewatch/internal/estate"
)

// A DNS check puts one question to one server.
type DNS struct {
	Name   string `yaml:"name"`   // always a whole name: no search list applies
	Type   string `yaml:"type"`   // A, AAAA, CNAME, MX, NS, SRV or TXT; A
	Server string `yaml:"server"` // host or host:port; port 53
	// Expect is exactly what must be answered, in any order; anything but
	// nothing. An MX is written "10 mx.example.com", an SRV "0 5 443
	// host.example.com".
	Expect []string `yaml:"expect"`
}

// recordTypes are the types that can be asked for.
var recordTypes = map[string]dnsmessage.Type{
	"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "CNAME": dnsmessage.TypeCNAME, "MX": dnsmessage.TypeMX,
	"NS": dnsmessage.TypeNS, "SRV": dnsmessage.TypeSRV, "TXT": dnsmessage.TypeTXT,
}

// SetDefaults implements estate.Defaulter.
func (c *DNS) SetDefaults() { c.Type = "A" }

// Validate implements estate.Validator.
func (c *DNS) Validate() []estate.Problem {
	var ps []estate.Problem
	if _, err := c.question(); err != nil || strings.Trim(c.Name, ".") == "" {
		ps = append(ps, estate.Problem{Field: "name", What: "is not a domain name", Remedy: "write one such as api.example.com"})
	}
	if p, bad := estate.OneOf("type", c.Type, "A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"); bad {
		ps = append(ps, p)
	}
	if !isAddress(c.server()) {
		ps = append(ps, estate.Problem{Field: "server", What: "is not the address of a name server", Remedy: "write its host, or host:port"})
	}
	return ps
}

// server is the address to ask.
func (c *DNS) server() string {
	if _, _, err := net.SplitHostPort(c.Server); err == nil || c.Server == "" {
		return c.Server
	}
	return net.JoinHostPort(strings.Trim(c.Server, "[]"), "53")
}

// question is what is asked: an error when the name cannot be put in a message.
func (c *DNS) question() (dnsmessage.Question, error) {
	name, err := dnsmessage.NewName(strings.TrimSuffix(c.Name, ".") + ".")
	q := dnsmessage.Question{Name: name, Type: recordTypes[c.Type], Class: dnsmessage.ClassINET}
	if err != nil {
		return q, err
	}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{q}}
	_, err = m.Pack()
	return q, err
}
