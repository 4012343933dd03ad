package postgres

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// Config is what an estate says about one PostgreSQL cluster.
type Config struct {
	// DSN is a connection string of a role with pg_monitor. It may name several
	// hosts; the one that accepts writes is read.
	DSN secret.Value `yaml:"dsn" secret:"url"`
	// Standbys are read themselves, besides being seen from the primary.
	Standbys []Standby `yaml:"standbys"`
	// Interval is the cadence of statistics; 15s.
	Interval estate.Duration `yaml:"interval"`
	// SizesInterval is the cadence of database sizes, which cost I/O; 5m.
	SizesInterval estate.Duration `yaml:"sizesInterval"`
	// StatementTimeout bounds each statement on the server; 3s.
	StatementTimeout estate.Duration `yaml:"statementTimeout"`
	// LockTimeout bounds each lock wait on the server; 250ms.
	LockTimeout estate.Duration `yaml:"lockTimeout"`
	// ConnectTimeout bounds dialling and authentication; 3s.
	ConnectTimeout estate.Duration `yaml:"connectTimeout"`
	// ForgetStandbyAfter is how long a standby that is not declared stays on
	// record after it was last seen; 24h.
	ForgetStandbyAfter estate.Duration `yaml:"forgetStandbyAfter"`
	// AllowSuperuser lets the role be a superuser in production, where nothing is
	// asked as one unless told so: who reads statistics needs pg_monitor only.
	AllowSuperuser bool `yaml:"allowSuperuser"`
}

// A Standby is a standby with an address of its own.
type Standby struct {
	// Name is the standby label of its series; its host and port unless set.
	Name string `yaml:"name"`
	// DSN is its connection string, of one host.
	DSN secret.Value `yaml:"dsn" secret:"url"`
}

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.Interval = estate.Duration(15 * time.Second)
	c.SizesInterval = estate.Duration(5 * time.Minute)
	c.StatementTimeout = estate.Duration(3 * time.Second)
	c.LockTimeout = estate.Duration(250 * time.Millisecond)
	c.ConnectTimeout = estate.Duration(3 * time.Second)
	c.ForgetStandbyAfter = estate.Duration(24 * time.Hour)
}

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	problems := dsnProblems("dsn", c.DSN, maxHosts)
	if len(c.Standbys) > maxStandbys {
		problems = append(problems, estate.Problem{Field: "standbys", What: fmt.Sprintf("lists more than %d servers", maxStandbys), Remedy: "declare the standbys that matter for recovery; the others are seen from the primary"})
	}
	for i, s := range c.Standbys {
		problems = append(problems, dsnProblems(fmt.Sprintf("standbys[%d].dsn", i), s.DSN, 1)...)
	}
	for _, d := range []struct {
		field string
		value estate.Duration
		least time.Duration
	}{
		{"interval", c.Interval, time.Second},
		{"sizesInterval", c.SizesInterval, time.Second},
		{"statementTimeout", c.StatementTimeout, 10 * time.Millisecond},
		{"lockTimeout", c.LockTimeout, time.Millisecond},
		{"connectTimeout", c.ConnectTimeout, 10 * time.Millisecond},
		{"forgetStandbyAfter", c.ForgetStandbyAfter, time.Minute},
	} {
		if d.value.D() < d.least {
			problems = append(problems, estate.Problem{Field: d.field, What: fmt.Sprintf("is below %v", d.least), Remedy: "write a longer duration or leave it out"})
		}
	}
	return problems
}

// Bounds on servers looked at.
const (
	maxHosts    = 8
	maxStandbys = 16
)

func dsnProblems(field string, dsn secret.Value, hosts int) []estate.Problem {
	if dsn.IsZero() {
		return []estate.Problem{{Field: field, What: "is missing", Remedy: `write "${env:CLOSEWATCH_PG_DSN}" and set it to postgres://closewatch:password@host:5432/postgres`}}
	}
	addresses, err := pgsession.Addresses(dsn)
	switch {
	case err != nil:
		return []estate.Problem{{Field: field, What: "is not a PostgreSQL connection string", Remedy: fault.HintOf(err)}}
	case len(addresses) > hosts:
		return []estate.Problem{{Field: field, What: fmt.Sprintf("names %d hosts, at most %d are allowed here", len(addresses), hosts), Remedy: "declare each further standby under standbys"}}
	}
	return nil
}
