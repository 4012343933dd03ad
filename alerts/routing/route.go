package routing

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Match is a condition on one label. An absent label is empty.
type Match struct {
	Label  string
	Values []string // any of them
	Not    bool     // none of them
}

// A pattern among the values is written with a prefix that ends in *: "Finance*".
func (m Match) holds(labels map[string]string) bool {
	is := slices.ContainsFunc(m.Values, func(v string) bool {
		if prefix, open := strings.CutSuffix(v, "*"); open {
			return strings.HasPrefix(labels[m.Label], prefix)
		}
		return labels[m.Label] == v
	})
	return is != m.Not
}

// String writes the condition as Alertmanager reads it.
func (m Match) String() string {
	operator, value := "=", strings.Join(m.Values, "")
	if m.Not {
		operator = "!="
	}
	if len(m.Values) != 1 || strings.HasSuffix(value, "*") {
		quoted := make([]string, len(m.Values))
		for i, v := range m.Values {
			prefix, open := strings.CutSuffix(v, "*")
			quoted[i] = regexp.QuoteMeta(prefix)
			if open {
				quoted[i] += ".*"
			}
		}
		value, operator = strings.Join(quoted, "|"), map[bool]string{false: "=~", true: "!~"}[m.Not]
	}
	return m.Label + operator + strconv.Quote(value)
}

func matches(all []Match, labels map[string]string) bool {
	return !slices.ContainsFunc(all, func(m Match) bool { return !m.holds(labels) })
}

// is and among make conditions; some is a label that is there.
func is(label, value string) Match          { return Match{Label: label, Values: []string{value}} }
func among(label string, v ...string) Match { return Match{Label: label, Values: v} }
func some(label string) Match               { return Match{Label: label, Values: []string{""}, Not: true} }

// A Route is a node of the tree: the alerts that match it go to its children, or to
// its receiver where none of them takes them.
type Route struct {
	Says     string // a comment for people
	Match    []Match
	Receiver string
	GroupBy  []string
	Wait     time.Duration // before a new group is told; 0 is the parent's
	Interval time.Duration // before what is new in a group is
	Repeat   time.Duration // before what goes on is told again
	Active   []string      // intervals outside all of which nothing is told; nil is always
	Continue bool          // and the next siblings
	Routes   []Route
}

// reached are the routes that take an alert, as Alertmanager walks the tree.
func (r *Route) reached(labels map[string]string) []*Route {
	if !matches(r.Match, labels) {
		return nil
	}
	var out []*Route
	for i := range r.Routes {
		taken := r.Routes[i].reached(labels)
		out = append(out, taken...)
		if len(taken) > 0 && !r.Routes[i].Continue {
			break
		}
	}
	if len(out) == 0 {
		out = append(out, r)
	}
	return out
}

// An Inhibition has alerts mute others with equal labels. No alert is on both sides of
// one, for which Alertmanager has a rule of its own.
type Inhibition struct {
	Says   string // a comment for people
	Source []Match
	Target []Match
	Equal  []string
}

func (x Inhibition) mutes(source, target map[string]string) bool {
	if !matches(x.Target, target) || !matches(x.Source, source) {
		return false
	}
	return !slices.ContainsFunc(x.Equal, func(l string) bool { return source[l] != target[l] })
}

// Told lists who is told of an alert that fires at an instant, while others
// fire: the receivers of the routes that take it, in the order of the file, without
// those that are silent at this time; none when another alert mutes it.
func (c *Config) Told(labels map[string]string, others []map[string]string, at time.Time) []string {
	if c.Muted(labels, others) {
		return nil
	}
	return c.through(labels, func(r *Route) bool { return c.active(r, at) })
}

// Reached lists the receivers of the routes that take an alert, at whatever time.
func (c *Config) Reached(labels map[string]string) []string {
	return c.through(labels, func(*Route) bool { return true })
}

func (c *Config) through(labels map[string]string, open func(*Route) bool) []string {
	var out []string
	for _, r := range c.Root.reached(labels) {
		if !slices.Contains(out, r.Receiver) && open(r) {
			out = append(out, r.Receiver)
		}
	}
	return out
}

// Muted reports whether one of the alerts that fire mutes an alert.
func (c *Config) Muted(labels map[string]string, firing []map[string]string) bool {
	return slices.ContainsFunc(c.Inhibitions, func(x Inhibition) bool {
		return slices.ContainsFunc(firing, func(source map[string]string) bool { return x.mutes(source, labels) })
	})
}

func (c *Config) active(r *Route, at time.Time) bool {
	return len(r.Active) == 0 || slices.ContainsFunc(c.Intervals, func(i Interval) bool { return slices.Contains(r.Active, i.Name) && i.Holds(at) })
}
