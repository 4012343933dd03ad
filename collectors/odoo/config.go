package odoo

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/collectors/odoo/serverlog"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// Config is the collecting half of an odoo component. URL, Host and Database
// are shared with the flows' half, which checks them.
type Config struct {
	URL       string    `yaml:"url"`       // of the deployment or its ingress
	Host      string    `yaml:"host"`      // sent as Host, when url names an ingress by address
	Database  string    `yaml:"database"`  // the tenant
	Companies []Company `yaml:"companies"` // short names of res_company rows
	Databases Databases `yaml:"databases"` // further databases of the server
	Copies    Copies    `yaml:"copies"`
	SQL       SQL       `yaml:"sql"`
	Health    Health    `yaml:"health"`
	Web       Web       `yaml:"web"`
	Log       Log       `yaml:"log"`
	Filestore string    `yaml:"filestore"` // folder of this database's attachments, when it can be read from here: /var/lib/odoo/filestore/prod; a sample of them is looked for
}

// A Company gives one res_company a name that may be a label.
type Company struct {
	ID        int    `yaml:"id"`
	Entity    string `yaml:"entity"`
	Synthetic bool   `yaml:"synthetic"` // belongs to our flows; its entity is "synthetic"
}

// Databases are further databases of the server, which are visited in turn and
// told of in few series each.
type Databases struct {
	Include []string `yaml:"include"` // names, the most important first, * stands for any characters; default none
	Exclude []string `yaml:"exclude"` // names to leave out, whatever includes them
	Max     int      `yaml:"max"`     // watched at most, database included; 1000
}

// ranking returns what tells the place of the pattern that includes a database,
// -1 for none.
func (d Databases) ranking() func(name string) int {
	excluded := func(string) bool { return false }
	if len(d.Exclude) > 0 {
		excluded = matcher(d.Exclude)
	}
	var included []func(string) bool
	for _, pattern := range d.Include {
		included = append(included, matcher([]string{pattern}))
	}
	return func(name string) int {
		if excluded(name) {
			return -1
		}
		return slices.IndexFunc(included, func(fits func(string) bool) bool { return fits(name) })
	}
}

// Copies is what a copy of production may have outside.
type Copies struct {
	Allow []string `yaml:"allow"` // of mail_out, mail_in, edi, bank, payments: those of this environment that are meant to be live
}

// SQL is how the database is read.
type SQL struct {
	DSN              secret.Value    `yaml:"dsn" secret:"url"` // of a read-only role; the database it names is replaced by database
	Interval         estate.Duration `yaml:"interval"`         // of queues, scheduled actions and postings; 15s
	SlowInterval     estate.Duration `yaml:"slowInterval"`     // of drafts, bank lines and lock dates; 1m
	StatementTimeout estate.Duration `yaml:"statementTimeout"` // 2s
	LockTimeout      estate.Duration `yaml:"lockTimeout"`      // 200ms
	Queue            bool            `yaml:"queue"`            // the jobs of OCA's queue_job are read, where the database has it; default true
	QueueJobLimit    estate.Duration `yaml:"queueJobLimit"`    // a job runs no longer: limit_time_real of the workers that run jobs, if they raise it; 10m
	AllowSuperuser   bool            `yaml:"allowSuperuser"`   // the role may be a superuser in production; as the postgres component says, when dsn is its own
	Actions          []string        `yaml:"actions"`          // scheduled actions to publish, * stands for any characters; default all, up to a bound
}

// Health is how the deployment is asked whether it lives.
type Health struct {
	URL      string          `yaml:"url"`      // default: /web/health below url
	Interval estate.Duration `yaml:"interval"` // 15s
	Timeout  estate.Duration `yaml:"timeout"`  // 5s; well below Odoo's limit_time_real
}

// Web is how the pages that need no login are asked for.
type Web struct {
	Interval  estate.Duration `yaml:"interval"`  // 1m
	Websocket string          `yaml:"websocket"` // URL; default: /websocket below url, unless that has a port of its own, which may be the workers'
}

// Log is Odoo's own log.
type Log struct {
	File   string          `yaml:"file"`   // Odoo's logfile, or a file its output is kept in
	Format string          `yaml:"format"` // auto, odoo, json (journalctl -o json, a container's JSON lines), journal (journalctl -o export) or cri
	Slow   estate.Duration `yaml:"slow"`   // from which a call counts as slow; 5s
}

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.SQL = SQL{
		Interval: estate.Duration(15 * time.Second), SlowInterval: estate.Duration(time.Minute),
		StatementTimeout: estate.Duration(2 * time.Second), LockTimeout: estate.Duration(200 * time.Millisecond), Queue: true, QueueJobLimit: estate.Duration(defaultJobLimit),
	}
	c.Databases.Max = maxDatabases
	c.Health = Health{Interval: estate.Duration(15 * time.Second), Timeout: estate.Duration(5 * time.Second)}
	c.Web = Web{Interval: estate.Duration(time.Minute)}
	c.Log = Log{Format: serverlog.Auto, Slow: estate.Duration(5 * time.Second)}
}

// Bounds of what a configuration may ask for.
const (
	maxCompanies = 200
	maxPatterns  = 200
	maxDatabases = 1000
)

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var ps []estate.Problem
	add := func(field, what, remedy string) {
		ps = append(ps, estate.Problem{Field: field, What: what, Remedy: remedy})
	}
	if len(c.Companies) > maxCompanies {
		add("companies", "lists more than 200 companies", "list those finance answers for")
	}
	seen := map[int]bool{}
	for i, company := range c.Companies {
		field := fmt.Sprintf("companies[%d]", i)
		switch {
		case company.ID <= 0:
			add(field+".id", "is not a company id", "write the id of the row in res_company")
		case seen[company.ID]:
			add(field+".id", "is listed twice", "give each company one entity")
		}
		seen[company.ID] = true
		if company.Entity == "" && !company.Synthetic {
			add(field+".entity", "is missing", "write a short name such as acme-uk, or synthetic: true")
		}
	}
	if !c.SQL.DSN.IsZero() {
		if _, err := pgsession.Addresses(c.SQL.DSN); err != nil {
			add("sql.dsn", "is not a PostgreSQL connection string", fault.HintOf(err))
		}
	}
	if c.Filestore != "" && !filepath.IsAbs(c.Filestore) {
		add("filestore", "is not the path of a folder", "write the folder below Odoo's data_dir, such as /var/lib/odoo/filestore/prod, or leave it out")
	}
	if len(c.SQL.Actions) > maxPatterns {
		add("sql.actions", "lists more than 200 patterns", "use * to name several actions at once")
	}
	if len(c.Databases.Include)+len(c.Databases.Exclude) > maxPatterns {
		add("databases", "lists more than 200 patterns", "use * to name several databases at once")
	}
	if c.Databases.Max < 1 || c.Databases.Max > maxDatabases {
		add("databases.max", "is not between 1 and 1000", "write a number in that range, or leave it out")
	}
	for n, channel := range c.Copies.Allow {
		if !slices.Contains(copyChannels, channel) {
			add(fmt.Sprintf("copies.allow[%d]", n), "is nothing that a copy may have", "write one of "+strings.Join(copyChannels, ", "))
		}
	}
	if c.Health.URL != "" {
		if u, err := url.Parse(c.Health.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			add("health.url", "is not an HTTP URL", "write http://odoo:8069/web/health")
		}
	}
	if c.Web.Websocket != "" {
		if u, err := url.Parse(c.Web.Websocket); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			add("web.websocket", "is not an HTTP URL", "write https://erp.example.com/websocket")
		}
	}
	if c.Log.File != "" && !filepath.IsAbs(c.Log.File) {
		add("log.file", "is not an absolute path", "write /var/log/odoo/odoo.log")
	}
	if !slices.Contains(serverlog.Formats(), c.Log.Format) {
		add("log.format", "is not known", "write one of "+strings.Join(serverlog.Formats(), ", ")+", or leave it out")
	}
	for _, d := range []struct {
		field       string
		value       estate.Duration
		least, most time.Duration
	}{
		{"sql.interval", c.SQL.Interval, time.Second, time.Minute},
		{"sql.slowInterval", c.SQL.SlowInterval, time.Second, 15 * time.Minute},
		{"sql.statementTimeout", c.SQL.StatementTimeout, 10 * time.Millisecond, 30 * time.Second},
		{"sql.lockTimeout", c.SQL.LockTimeout, time.Millisecond, 10 * time.Second},
		{"sql.queueJobLimit", c.SQL.QueueJobLimit, 10 * time.Second, 24 * time.Hour},
		{"health.interval", c.Health.Interval, time.Second, time.Minute},
		{"health.timeout", c.Health.Timeout, 100 * time.Millisecond, time.Minute},
		{"web.interval", c.Web.Interval, 5 * time.Second, 2 * time.Minute},
		{"log.slow", c.Log.Slow, 10 * time.Millisecond, time.Hour},
	} {
		if d.value.D() < d.least || d.value.D() > d.most {
			add(d.field, "is out of range", fmt.Sprintf("write a duration from %v to %v, or leave it out", d.least, d.most))
		}
	}
	return ps
}

// Buckets are the upper bounds, in seconds, of the histogram of requests that
// Odoo's log tells of.
func Buckets() []float64 { return serverlog.Buckets() }
