package odoo

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// Kind is the component kind this package watches, as an estate writes it.
const Kind = "odoo"

// Settings is what the daemon passes besides the user's Config.
type Settings struct {
	Component   string
	Environment string
	Config      Config
	// DSN is used when Config.SQL.DSN is not set: that of the PostgreSQL
	// component the database lives in. Without either, only health is asked.
	DSN secret.Value
	// AllowSuperuser is said with DSN of its role.
	AllowSuperuser bool
	// Companies come from elsewhere in the estate: its entities, the synthetic
	// company of the flows. Config.Companies wins.
	Companies []Company
	// DefaultEntity stands for companies nobody named; "" calls them by id,
	// company-7.
	DefaultEntity string
	// Identities are shared by all components of a process; nil keeps those of
	// this one.
	Identities *Identities
	Log        *slog.Logger
	Now        func() time.Time
}

// instance watches one Odoo database.
type instance struct {
	s       Settings
	client  *http.Client
	session *pgsession.Session // nil without a DSN
	db      *database
	open    func(database string) visitor // a login of its own to another database
	copies  *copyWatch
	fleet   *fleet // nil without further databases
}

// New returns what watches one Odoo database. It does no I/O.
func New(s Settings) collector.Instance {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	i := &instance{s: s, client: newClient()}
	dsn, allowed := s.Config.SQL.DSN, s.Config.SQL.AllowSuperuser
	if dsn.IsZero() {
		dsn, allowed = s.DSN, allowed || s.AllowSuperuser
	}
	if !dsn.IsZero() {
		settings := pgsession.Settings{
			DSN: dsn, Database: s.Config.Database, StatementTimeout: s.Config.SQL.StatementTimeout.D(), LockTimeout: s.Config.SQL.LockTimeout.D(), Now: s.Now,
			Superuser: pgsession.NoSuperuser(s.Environment, allowed, s.Log.With("component", s.Component)),
		}
		i.session = pgsession.Open(settings)
		i.db = &database{
			tenant: s.Config.Database, ask: i.session.Batch, now: s.Now,
			entities: newEntities(append(append([]Company{}, s.Companies...), s.Config.Companies...), s.DefaultEntity),
		}
		i.copies = newCopyWatch(s)
		i.open = func(database string) visitor {
			other := settings
			other.Database = database
			return pgsession.Open(other)
		}
	}
	return i
}

// budget is for each run of a task that asks the database: a look at the tables,
// which is due now and then, and its own questions, all answered from indexes.
var budget = collector.Budget{Requests: 24, Waiting: time.Second, CPU: 100 * time.Millisecond}

// Tasks implements collector.Instance.
func (i *instance) Tasks() []collector.Task {
	c := i.s.Config
	var tasks []collector.Task
	add := func(name string, what collector.Collector, interval time.Duration, maxSeries int, budget collector.Budget) {
		tasks = append(tasks, collector.Task{
			Component: i.s.Component, Environment: i.s.Environment, Name: name, Kind: Kind, Collector: what,
			Interval: interval, Timeout: min(interval, 10*time.Second), MaxSeries: maxSeries, Budget: budget, Fresh: fresh,
		})
	}
	if target := healthURL(c); target != "" {
		add("health", health{url: target, host: c.Host, tenant: c.Database, timeout: c.Health.Timeout.D(), client: i.client, now: i.s.Now}, c.Health.Interval.D(), 10, collector.Budget{})
	}
	if i.db != nil {
		fast, slow := c.SQL.Interval.D(), c.SQL.SlowInterval.D()
		add("actions", &actions{db: i.db, patterns: c.SQL.Actions}, fast, 2000, budget)
		if c.SQL.Queue {
			add("queue", newQueue(i.db), fast, 2000, budget)
		}
		add("postings", newPostings(i.db), fast, 1000, budget)
		add("ledger", &ledger{db: i.db}, slow, 3000, budget)
		add("measured", &measured{db: i.db}, slow, 500, budget)
		add("copies", &copies{db: i.db, watch: i.copies}, slow, 20, budget)
		if len(c.Databases.Include) > 0 {
			i.fleet = newFleet(i.db, c.Databases, i.copies, i.open)
			add("fleet", i.fleet, fleetInterval, 20*maxDatabases, collector.Budget{})
		}
	}
	return tasks
}

// Run implements collector.Instance; nothing needs to run between tasks.
func (*instance) Run(context.Context) error { return nil }

// Close implements collector.Instance.
func (i *instance) Close() {
	i.client.CloseIdleConnections()
	if i.fleet != nil {
		i.fleet.close()
	}
	if i.session != nil {
		i.session.Close()
	}
}

// healthURL is where the deployment is asked, "" when nothing says.
func healthURL(c Config) string {
	if c.Health.URL != "" || c.URL == "" {
		return c.Health.URL
	}
	return strings.TrimRight(c.URL, "/") + "/web/health"
}
