package postgres

import (
	"fmt"
	"strconv"
	"strings"
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
	// Pools are the connection pools of applications, to judge whether the server
	// has room for all of them when they are full. Without any, what is seen is
	// published and not judged.
	Pools []Pool `yaml:"pools"`
	// PgBouncer lists the poolers before the cluster, whose admin consoles are
	// read.
	PgBouncer []PgBouncer `yaml:"pgbouncer"`
	// Interval is the cadence of statistics; 15s.
	Interval estate.Duration `yaml:"interval"`
	// SizesInterval is how often the size of each database is read, which costs
	// I/O; 15m.
	SizesInterval estate.Duration `yaml:"sizesInterval"`
	// Capacity is the size of the volume that holds databases and WAL; without
	// it nothing says when it is full.
	Capacity Size `yaml:"capacity"`
	// TablesInterval is the cadence of looks into databases, ten of them each; 5m.
	TablesInterval estate.Duration `yaml:"tablesInterval"`
	// Databases says which databases are looked into.
	Databases DatabaseChoice `yaml:"databases"`
	// Tables says which of their tables have series of their own.
	Tables TableChoice `yaml:"tables"`
	// StatementsInterval is the cadence of pg_stat_statements; 5m.
	StatementsInterval estate.Duration `yaml:"statementsInterval"`
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

// A Pool is what the processes of one application may open.
type Pool struct {
	// Application is the name its sessions have in pg_stat_activity, without the
	// number of the process: odoo for odoo-12345.
	Application string `yaml:"application"`
	// Processes is how many processes it has: of Odoo, the workers, the cron
	// workers and the one for the bus (gevent), of all servers together.
	Processes int `yaml:"processes"`
	// MaxConnections is the limit of each process: Odoo's db_maxconn, which is 64
	// unless set.
	MaxConnections int `yaml:"maxConnections"`
}

// A PgBouncer is a connection pooler with an admin console.
type PgBouncer struct {
	// Name is the pgbouncer label of its series; its host and port unless set.
	Name string `yaml:"name"`
	// DSN is a connection string of a user in stats_users or admin_users, of one
	// host. The database is pgbouncer unless set.
	DSN secret.Value `yaml:"dsn" secret:"url"`
}

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.Interval = estate.Duration(15 * time.Second)
	c.SizesInterval = estate.Duration(15 * time.Minute)
	c.TablesInterval = estate.Duration(5 * time.Minute)
	c.Databases.SetDefaults()
	c.Tables.SetDefaults()
	c.StatementsInterval = estate.Duration(5 * time.Minute)
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
	problems = append(problems, c.poolProblems()...)
	problems = append(problems, c.pgBouncerProblems()...)
	for _, d := range []struct {
		field string
		value estate.Duration
		least time.Duration
	}{
		{"interval", c.Interval, time.Second},
		{"sizesInterval", c.SizesInterval, time.Second},
		{"tablesInterval", c.TablesInterval, 10 * time.Second},
		{"statementsInterval", c.StatementsInterval, time.Second},
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

// Bounds on servers looked at and on what is declared of applications.
const (
	maxHosts         = 8
	maxStandbys      = 16
	maxDeclaredPools = 10
	maxPgBouncers    = 4
)

func (c *Config) poolProblems() (problems []estate.Problem) {
	add := func(field, what, remedy string) {
		problems = append(problems, estate.Problem{Field: field, What: what, Remedy: remedy})
	}
	if len(c.Pools) > maxDeclaredPools {
		add("pools", fmt.Sprintf("lists more than %d applications", maxDeclaredPools), "declare the applications with most connections")
	}
	seen := map[string]bool{}
	for i, p := range c.Pools {
		field := func(name string) string { return fmt.Sprintf("pools[%d].%s", i, name) }
		switch {
		case p.Application == "":
			add(field("application"), "is missing", "write the application_name of its sessions, such as odoo")
		case application(p.Application) != p.Application:
			add(field("application"), "ends in a number, which is taken for that of a process", "write the name without it: "+application(p.Application))
		case p.Application == residual:
			add(field("application"), "is the name under which small pools are added up", "give the application another application_name")
		case seen[p.Application]:
			add(field("application"), "is declared twice", "add the processes up in one entry")
		}
		seen[p.Application] = true
		if p.Processes < 1 {
			add(field("processes"), "is below 1", "write how many processes hold a pool: workers, cron workers and the gevent process")
		}
		if p.MaxConnections < 1 {
			add(field("maxConnections"), "is below 1", "write the connections each process may open: Odoo's db_maxconn, 64 unless set")
		}
	}
	return problems
}

func (c *Config) pgBouncerProblems() (problems []estate.Problem) {
	if len(c.PgBouncer) > maxPgBouncers {
		problems = append(problems, estate.Problem{Field: "pgbouncer", What: fmt.Sprintf("lists more than %d poolers", maxPgBouncers), Remedy: "declare a component of its own for the others"})
	}
	seen := map[string]bool{}
	for i, b := range c.PgBouncer {
		field := fmt.Sprintf("pgbouncer[%d].dsn", i)
		switch found := dsnProblems(field, b.DSN, 1); {
		case b.DSN.IsZero():
			problems = append(problems, estate.Problem{Field: field, What: "is missing", Remedy: `write "${env:CLOSEWATCH_PGBOUNCER_DSN}" and set it to postgres://closewatch:password@host:6432/pgbouncer`})
		case len(found) > 0:
			found[0].Remedy = "write postgres://user@host:6432/pgbouncer, with one host; declare each further pooler as an entry of its own"
			problems = append(problems, found...)
		case seen[b.label()]:
			problems = append(problems, estate.Problem{Field: fmt.Sprintf("pgbouncer[%d].name", i), What: "is that of another pooler", Remedy: "give each pooler a name of its own"})
		default:
			seen[b.label()] = true
		}
	}
	return problems
}

// label tells a pooler apart in its series.
func (b PgBouncer) label() string {
	if b.Name != "" {
		return b.Name
	}
	addresses, err := pgsession.Addresses(b.DSN)
	if err != nil {
		return ""
	}
	return addresses[0]
}

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

// A Size is a number of bytes, written as one or with a unit: 500GiB.
type Size uint64

// sizeUnits are those that disks, volumes and file systems are sold and shown
// in.
var sizeUnits = map[string]float64{
	"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(b []byte) error {
	text := string(b)
	digits := strings.TrimRight(text, "BkKMGTPi ")
	v, err := strconv.ParseFloat(digits, 64)
	times, ok := sizeUnits[strings.TrimSpace(text[len(digits):])]
	if bytes := v * times; err == nil && ok && bytes >= 1 && bytes < 1<<63 {
		*s = Size(bytes)
		return nil
	}
	return fmt.Errorf("%q is not a size such as 500GiB, 1.5TB or 536870912000", b)
}
