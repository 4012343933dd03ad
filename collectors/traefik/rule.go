package traefik

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/estate"
)

// A Rule names an operation of its own: requests to Path, such as those of an
// integration that comes in through the ingress. Rules are asked in order, and
// the first that matches wins. They do not reach what Odoo's client calls, at
// /web/dataset/ and /json/2/: operations names that. The query of a request is
// not part of its path, so no rule can see what is secret there.
type Rule struct {
	Path   string `yaml:"path"`   // of the request, without its query; * is any text: /api/bank/*
	Name   string `yaml:"name"`   // becomes the label: small letters, digits, dashes and underscores
	Method string `yaml:"method"` // of HTTP; any when left out
}

// Bounds of rules.
const (
	maxRules = 50
	maxStars = 4
)

var (
	ruleName   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
	ruleMethod = regexp.MustCompile(`^[A-Z]{1,20}$`)
)

// Validate implements estate.Validator.
func (r *Rule) Validate() []estate.Problem {
	var ps []estate.Problem
	add := func(field, what, remedy string) {
		ps = append(ps, estate.Problem{Field: field, What: what, Remedy: remedy})
	}
	switch {
	case !strings.HasPrefix(r.Path, "/") || strings.ContainsFunc(r.Path, func(c rune) bool { return c <= ' ' || c == '?' || c == '#' || c == 0x7f }):
		add("path", "is not the path of a request", "write one such as /api/bank/*, without host and query")
	case strings.Count(r.Path, "*") > maxStars:
		add("path", fmt.Sprintf("has more than %d stars", maxStars), "write one star for all that follows: /api/*")
	case strings.HasPrefix(r.Path, dataset) || strings.HasPrefix(r.Path, json2):
		add("path", "is one of Odoo's calls, which are told apart by model and method", "list the model/method under operations")
	}
	switch {
	case !ruleName.MatchString(r.Name):
		add("name", "is not a short name", "use small letters, digits, dashes and underscores, at most 40")
	case slices.Contains(shapes, r.Name):
		add("name", "is the name of an operation that is there already", "choose another")
	}
	if r.Method != "" && !ruleMethod.MatchString(r.Method) {
		add("method", "is not a method of HTTP", "write POST, GET or another in capitals, or leave it out for all")
	}
	return ps
}

// A matcher is a rule made ready: what lies between the stars of its path.
type matcher struct {
	method []byte   // empty is any
	parts  [][]byte // the first begins the path, the last ends it
	op     int
}

func (r Rule) matcher(op int) matcher {
	return matcher{[]byte(r.Method), bytes.Split([]byte(r.Path), []byte("*")), op}
}

// matches allocates nothing. Each part is looked for as far to the left as
// possible, which finds a match when there is one.
func (m *matcher) matches(method, path []byte) bool {
	if len(m.method) > 0 && !bytes.Equal(m.method, method) {
		return false
	}
	first, last := m.parts[0], m.parts[len(m.parts)-1]
	if len(m.parts) == 1 {
		return bytes.Equal(path, first)
	}
	if len(path) < len(first)+len(last) || !bytes.HasPrefix(path, first) || !bytes.HasSuffix(path, last) {
		return false
	}
	path = path[len(first) : len(path)-len(last)]
	for _, part := range m.parts[1 : len(m.parts)-1] {
		i := bytes.Index(path, part)
		if i < 0 {
			return false
		}
		path = path[i+len(part):]
	}
	return true
}
