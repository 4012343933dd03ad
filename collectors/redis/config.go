package redis

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// What an ERP can bear to lose of what a Redis server keeps.
const (
	Cache   = "cache"   // everything: it is computed again
	Session = "session" // little: losing a key logs a person out
	Queue   = "queue"   // nothing: losing a key loses work
)

// Config is what an estate says about one Redis server.
type Config struct {
	// URL is redis://user:password@host:port/database, rediss:// for TLS or
	// unix://path.
	URL secret.Value `yaml:"url" secret:"url"`
	// Tolerance says what may be lost: cache, session or queue; cache.
	Tolerance string `yaml:"tolerance"`
	// Sentinels are asked who the primary is; nil when there are none.
	Sentinels *Sentinels `yaml:"sentinels"`
	// Keys are lists, sets, sorted sets, hashes, streams or strings of the URL's
	// database whose size is published under their exact names.
	Keys []string `yaml:"keys"`
	// Scan counts keys by pattern, in the background; nil scans nothing.
	Scan *Scan `yaml:"scan"`
	// Interval is the cadence of INFO; 15s.
	Interval estate.Duration `yaml:"interval"`
	// PingInterval is the cadence of PING; 1s.
	PingInterval estate.Duration `yaml:"pingInterval"`
	// Timeout bounds each PING, and each step of connecting; 1s.
	Timeout estate.Duration `yaml:"timeout"`
}

// Sentinels are those of one primary.
type Sentinels struct {
	// Master is the name under which they monitor it.
	Master string `yaml:"master"`
	// URLs are theirs. The server watched is the primary that most of them name,
	// with the password and database of the component's url.
	URLs []secret.Value `yaml:"urls" secret:"url"`
}

// Scan visits every key of the URL's database with SCAN.
type Scan struct {
	// Patterns are what keys are matched with, as SCAN does.
	Patterns []string `yaml:"patterns"`
	// Interval is the rest between two scans; 10m.
	Interval estate.Duration `yaml:"interval"`
	// KeysPerSecond is the pace; 1000.
	KeysPerSecond int `yaml:"keysPerSecond"`
	// MaxKeys is how many keys one scan may visit before it is given up; 1000000.
	MaxKeys int `yaml:"maxKeys"`
}

// Bounds of lists in a Config.
const (
	maxSentinels = 9
	maxKeys      = 64
	maxPatterns  = 4
)

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.Tolerance = Cache
	c.Interval = estate.Duration(15 * time.Second)
	c.PingInterval = estate.Duration(time.Second)
	c.Timeout = estate.Duration(time.Second)
}

// SetDefaults implements estate.Defaulter.
func (s *Scan) SetDefaults() {
	s.Interval = estate.Duration(10 * time.Minute)
	s.KeysPerSecond = 1000
	s.MaxKeys = 1_000_000
}

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	problems := urlProblems("url", c.URL)
	switch c.Tolerance {
	case Cache, Session, Queue:
	default:
		problems = append(problems, estate.Problem{Field: "tolerance", What: fmt.Sprintf("%.40q is no tolerance for loss", c.Tolerance), Remedy: "write cache, session or queue"})
	}
	problems = append(problems, nameProblems("keys", c.Keys, maxKeys, "the exact name of a key")...)
	return append(problems, durationProblems(
		atLeast{"interval", c.Interval, time.Second},
		atLeast{"pingInterval", c.PingInterval, 100 * time.Millisecond},
		atLeast{"timeout", c.Timeout, 10 * time.Millisecond},
	)...)
}

// Validate implements estate.Validator.
func (s *Sentinels) Validate() []estate.Problem {
	var problems []estate.Problem
	if s.Master == "" {
		problems = append(problems, estate.Problem{Field: "master", What: "is missing", Remedy: "write the name that sentinel monitor gives the primary, such as mymaster"})
	}
	if n := len(s.URLs); n == 0 || n > maxSentinels {
		problems = append(problems, estate.Problem{Field: "urls", What: fmt.Sprintf("lists %d Sentinels", n), Remedy: fmt.Sprintf("list one to %d, such as redis://sentinel-1:26379", maxSentinels)})
	}
	seen := map[string]bool{}
	for n, url := range s.URLs {
		field := fmt.Sprintf("urls[%d]", n)
		problems = append(problems, urlProblems(field, url)...)
		o, err := options(url)
		if err == nil && seen[o.Addr] {
			problems = append(problems, estate.Problem{Field: field, What: "is there twice", Remedy: "list each Sentinel once"})
		}
		if err == nil {
			seen[o.Addr] = true
		}
	}
	return problems
}

// Validate implements estate.Validator.
func (s *Scan) Validate() []estate.Problem {
	var problems []estate.Problem
	if len(s.Patterns) == 0 {
		problems = append(problems, estate.Problem{Field: "patterns", What: "is empty", Remedy: `list patterns such as "queue:*", or leave scan out`})
	}
	problems = append(problems, nameProblems("patterns", s.Patterns, maxPatterns, `a pattern such as "queue:*"`)...)
	for _, n := range []struct {
		field       string
		value       int
		least, most int
	}{
		{"keysPerSecond", s.KeysPerSecond, scanStep, 100_000},
		{"maxKeys", s.MaxKeys, scanStep, 100_000_000},
	} {
		if n.value < n.least || n.value > n.most {
			problems = append(problems, estate.Problem{Field: n.field, What: fmt.Sprintf("is not between %d and %d", n.least, n.most), Remedy: "write a number in that range or leave it out"})
		}
	}
	return append(problems, durationProblems(atLeast{"interval", s.Interval, time.Minute})...)
}

func urlProblems(field string, url secret.Value) []estate.Problem {
	if url.IsZero() {
		return []estate.Problem{{Field: field, What: "is missing", Remedy: "write redis://host:6379/0, a password as ${env:NAME}"}}
	}
	if _, err := options(url); err != nil {
		return []estate.Problem{{Field: field, What: "is not a Redis URL", Remedy: unreadableHint}}
	}
	return nil
}

// maxName bounds what becomes a label.
const maxName = 128

func nameProblems(field string, names []string, most int, what string) []estate.Problem {
	if len(names) > most {
		return []estate.Problem{{Field: field, What: fmt.Sprintf("lists more than %d", most), Remedy: "list those that matter"}}
	}
	var problems []estate.Problem
	seen := map[string]bool{}
	for n, name := range names {
		at := fmt.Sprintf("%s[%d]", field, n)
		switch {
		case name == "" || len(name) > maxName || !utf8.ValidString(name):
			problems = append(problems, estate.Problem{Field: at, What: fmt.Sprintf("is empty, longer than %d bytes or not UTF-8", maxName), Remedy: "write " + what})
		case seen[name]:
			problems = append(problems, estate.Problem{Field: at, What: "is there twice", Remedy: "list it once"})
		}
		seen[name] = true
	}
	return problems
}

// atLeast is a duration with the least that makes sense.
type atLeast struct {
	field string
	value estate.Duration
	least time.Duration
}

func durationProblems(durations ...atLeast) []estate.Problem {
	var problems []estate.Problem
	for _, d := range durations {
		if d.value.D() < d.least {
			problems = append(problems, estate.Problem{Field: d.field, What: fmt.Sprintf("is below %v", d.least), Remedy: "write a longer duration or leave it out"})
		}
	}
	return problems
}
