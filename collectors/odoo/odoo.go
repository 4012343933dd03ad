package odoo

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/closewatch/closewatch/collectors/odoo/serverlog"
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
	// StateDir is where what was seen is kept: lock dates, hashes, actions and
	// the position in the log. "" keeps it in memory only.
	StateDir string
	Now      func() time.Time
}

// instance watches one Odoo database.
type instance struct {
	s       Settings
	client  *http.Client
	pages   *http.Client       // of the other pages: the health page must not wait for them
	session *pgsession.Session // nil without a DSN
	db      *database
	log     *serverlog.Log                // nil without a log
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
	i := &instance{s: s, client: newClient(), pages: newClient()}
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
	if c := s.Config.Log; c.File != "" {
		i.log = serverlog.New(serverlog.Settings{
			Component: s.Component, File: c.File, Format: c.Format, Slow: c.Slow.D(), Tenants: []string{s.Config.Database},
			StateDir: s.StateDir, Log: s.Log.With("component", s.Component), Now: s.Now,
		})
	}
	return i
}

// budget is for each run of a task that asks the database: a look at the tables,
// which is due now and then, and its own questions, all answered from indexes.
var budget = collector.Budget{Requests: 24, Waiting: time.Second, CPU: 100 * time.Millisecond}

// maxWebRequests is what a look at the pages takes at most: the version, the
// database server, the login page three times, the websocket.
const maxWebRequests = 6

// What the log is published with: how often, and how many series at most.
const (
	logInterval  = 15 * time.Second
	maxLogSeries = 5000
)

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
	if c.URL != "" {
		a := pages{client: i.pages, host: c.Host}
		add("web", &web{base: baseURL(c), websocket: websocketURL(c), tenant: c.Database, timeout: c.Health.Timeout.D(), pages: a}, c.Web.Interval.D(), 10, collector.Budget{Requests: maxWebRequests})
		tasks[len(tasks)-1].Fresh = pagesFresh
		add("exposure", exposure{base: baseURL(c), tenant: c.Database, pages: a}, exposureInterval, 10, collector.Budget{Requests: 2})
		tasks[len(tasks)-1].Timeout, tasks[len(tasks)-1].Fresh = 2*exposureTimeout, exposureFresh
	}
	if i.log != nil {
		add("log", i.log, logInterval, maxLogSeries, collector.Budget{})
	}
	if i.db != nil {
		fast, slow := c.SQL.Interval.D(), c.SQL.SlowInterval.D()
		add("actions", newActions(i.db, c.SQL.Actions, i.keeper("actions", "which scheduled actions are active")), fast, 4000, budget)
		if c.SQL.Queue {
			add("queue", newQueue(i.db).within(c.SQL.QueueJobLimit.D()), fast, 4000, budget)
		}
		add("postings", newPostings(i.db), fast, 1000, budget)
		add("ledger", newLedger(i.db, i.keeper("locks", "how far the books were locked")), slow, 5000, budget)
		add("controls", newControls(i.db), controlsEach*slow, 3000, budget)
		add("hashes", newHashes(i.db, i.keeper("hashes", "a sample of the hashes of entries")), controlsEach*slow, 1000, budget)
		add("einvoices", newEInvoices(i.db), slow, 5000, budget)
		add("mails", newMails(i.db), slow, 500, budget)
		add("reports", &reports{db: i.db}, slow, 10, budget)
		add("filestore", newFilestore(i.db, c.Filestore), slow, 20, budget)
		add("measured", &measured{db: i.db}, slow, 500, budget)
		add("copies", &copies{db: i.db, watch: i.copies}, slow, 20, budget)
		if len(c.Databases.Include) > 0 {
			i.fleet = newFleet(i.db, c.Databases, i.copies, i.open)
			add("fleet", i.fleet, fleetInterval, 20*maxDatabases, collector.Budget{})
		}
	}
	return tasks
}

// Run implements collector.Instance: it follows the log.
func (i *instance) Run(ctx context.Context) error {
	if i.log != nil {
		i.log.Run(ctx)
	}
	return nil
}

// Close implements collector.Instance.
func (i *instance) Close() {
	i.client.CloseIdleConnections()
	if i.fleet != nil {
		i.fleet.close()
	}
	i.pages.CloseIdleConnections()
	if i.session != nil {
		i.session.Close()
	}
}

// healthURL is where the deployment is asked, "" when nothing says.
func healthURL(c Config) string {
	if c.Health.URL != "" || c.URL == "" {
		return c.Health.URL
	}
	return baseURL(c) + "/web/health"
}

func baseURL(c Config) string { return strings.TrimRight(c.URL, "/") }

// websocketURL is where a browser opens its websocket, "" when that is not
// known: a port of its own may be that of the workers, who take none, while
// users come in through an ingress that knows the other one.
func websocketURL(c Config) string {
	u, err := url.Parse(c.URL)
	if c.Web.Websocket != "" || err != nil || u.Port() != "" && c.Host == "" {
		return c.Web.Websocket
	}
	return baseURL(c) + "/websocket"
}
