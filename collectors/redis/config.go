package redis

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// The roles a Redis server plays for an ERP.
const (
	Cache   = "cache"   // may lose everything
	Session = "session" // losing a key logs a person out
	Queue   = "queue"   // losing a key loses work
)

// Config is what an estate says about one Redis server.
type Config struct {
	// URL is redis://user:password@host:port/database, rediss:// for TLS or
	// unix://path.
	URL secret.Value `yaml:"url" secret:"url"`
	// Role says what the server is used for: cache, session or queue; session.
	Role string `yaml:"role"`
	// Interval is the cadence of INFO; 15s.
	Interval estate.Duration `yaml:"interval"`
	// PingInterval is the cadence of PING; 1s.
	PingInterval estate.Duration `yaml:"pingInterval"`
	// Timeout bounds each PING, and each step of connecting; 1s.
	Timeout estate.Duration `yaml:"timeout"`
}

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.Role = Session
	c.Interval = estate.Duration(15 * time.Second)
	c.PingInterval = estate.Duration(time.Second)
	c.Timeout = estate.Duration(time.Second)
}

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var problems []estate.Problem
	if c.URL.IsZero() {
		problems = append(problems, estate.Problem{Field: "url", What: "is missing", Remedy: "write redis://host:6379/0, a password as ${env:NAME}"})
	} else if _, err := options(c.URL); err != nil {
		problems = append(problems, estate.Problem{Field: "url", What: "is not a Redis URL", Remedy: unreadableHint})
	}
	switch c.Role {
	case Cache, Session, Queue:
	default:
		problems = append(problems, estate.Problem{Field: "role", What: fmt.Sprintf("%q is not a role", c.Role), Remedy: "write cache, session or queue"})
	}
	for _, d := range []struct {
		field string
		value estate.Duration
		least time.Duration
	}{
		{"interval", c.Interval, time.Second},
		{"pingInterval", c.PingInterval, 100 * time.Millisecond},
		{"timeout", c.Timeout, 10 * time.Millisecond},
	} {
		if d.value.D() < d.least {
			problems = append(problems, estate.Problem{Field: d.field, What: fmt.Sprintf("is below %v", d.least), Remedy: "write a longer duration or leave it out"})
		}
	}
	return problems
}
