package odoo

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	copyUnneutralized = prometheus.NewDesc(
		"odoo_copy_unneutralized", "Whether a database that carries the identity of production lacks the mark of a neutralised copy: 1 or 0; absent for other databases, and when the identity is not known.", tenantLabel, nil,
	)
	copyMail = prometheus.NewDesc(
		"odoo_copy_mail_servers_live", "Mail servers in use of a database outside production, by direction (out, in); those of this machine and Odoo's stand-in for none left out.",
		[]string{"tenant", "direction"}, nil,
	)
	copyLinks = prometheus.NewDesc(
		"odoo_copy_links_live", "Live links of a database outside production, by link: edi, users of the e-invoicing proxy in production mode; bank, connected bank feeds; payments, enabled payment providers other than manual ones.",
		[]string{"tenant", "link"}, nil,
	)
)

func describeCopies(ch chan<- *prometheus.Desc) {
	ch <- copyUnneutralized
	ch <- copyMail
	ch <- copyLinks
}

// Identities are those of the production databases that one process watches, so
// that a copy in another environment is recognised. They are hashes and are kept
// in memory only. It is safe for concurrent use.
type Identities struct {
	mu         sync.Mutex
	production map[string]string // identity by component
}

func (i *Identities) learn(component, identity string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.production == nil {
		i.production = map[string]string{}
	}
	i.production[component] = identity
}

// carried reports whether production has an identity; known is false while
// none of production is.
func (i *Identities) carried(identity string) (carried, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range i.production {
		carried = carried || p == identity
	}
	return carried && identity != "", len(i.production) > 0 && identity != ""
}

// copyTables are those that tell what a database can act on outside.
var copyTables = []string{"account_edi_proxy_client_user", "account_online_link", "fetchmail_server", "ir_mail_server", "payment_provider"}

// Names of what a copy may have, as copies.allow writes them.
const (
	mailOut, mailIn            = "mail_out", "mail_in"
	linkEDI, linkBank, linkPay = "edi", "bank", "payments"
)

var copyChannels = []string{mailOut, mailIn, linkEDI, linkBank, linkPay}

// A channel to the outside, and how its live ends are counted. The tables have
// tens of rows.
var liveSQL = map[string]struct {
	table   string
	columns []string
	sql     string
}{
	// A neutralised database has an active server named invalid, lest Odoo fall
	// back to the one of its command line.
	mailOut: {
		"ir_mail_server",
		[]string{"active", "smtp_host"},
		`select count(*) as n from ir_mail_server where active and lower(coalesce(smtp_host, '')) not in ('', 'invalid', 'localhost', '127.0.0.1', '::1')`,
	},
	mailIn: {
		"fetchmail_server",
		[]string{"active", "state", "server_type"},
		`select count(*) as n from fetchmail_server where active and state = 'done' and server_type <> 'local'`,
	},
	linkEDI: {
		"account_edi_proxy_client_user",
		[]string{"active", "edi_mode"},
		`select count(*) as n from account_edi_proxy_client_user where active is not false and edi_mode = 'prod'`,
	},
	linkBank: {
		"account_online_link",
		[]string{"state"},
		`select count(*) as n from account_online_link where state = 'connected'`,
	},
	linkPay: {
		"payment_provider",
		[]string{"state", "code"},
		`select count(*) as n from payment_provider where state = 'enabled' and code not in ('none', 'custom', 'demo')`,
	},
}

const marksSQL = `select identity, neutralized, pg_is_in_recovery() as standby from closewatch_copy_marks()`

// copyQueries are those that the tables and rights allow.
func copyQueries(t *tables) []pgsession.Query {
	var queries []pgsession.Query
	if t.marks {
		queries = append(queries, pgsession.Query{Name: "marks", SQL: marksSQL})
	}
	for _, channel := range copyChannels {
		if live := liveSQL[channel]; t.require(live.table, live.columns...) == nil {
			queries = append(queries, pgsession.Query{Name: channel, SQL: live.sql})
		}
	}
	return queries
}

// copyFacts are what one database tells of itself.
type copyFacts struct {
	identity    string // a hash; "" when it is not known
	neutralized bool
	standby     bool               // a replica is production waiting, not a copy
	live        map[string]float64 // by channel; those that cannot be measured are absent
}

func readCopy(rs pgsession.Results) copyFacts {
	f := copyFacts{live: map[string]float64{}}
	for _, r := range rs {
		row := r.First()
		if r.Name == "marks" {
			f.identity = row.String("identity")
			f.neutralized, _ = row.Bool("neutralized")
			f.standby, _ = row.Bool("standby")
		}
		if _, channel := liveSQL[r.Name]; channel {
			if n, ok := row.Float("n"); ok {
				f.live[r.Name] = n
			}
		}
	}
	if f.neutralized { // its bank feeds keep their state and lose their credentials
		delete(f.live, linkBank)
	}
	return f
}

// copyWatch judges whether databases are copies of production, and says what
// they could do there.
type copyWatch struct {
	component  string
	production bool // the component's environment is
	allow      []string
	known      *Identities
}

func newCopyWatch(s Settings) *copyWatch {
	w := &copyWatch{component: s.Component, production: s.Environment == estate.Production, allow: s.Config.Copies.Allow, known: s.Identities}
	if w.known == nil {
		w.known = &Identities{}
	}
	return w
}

// templated is how many databases of a server may carry one identity before it
// is that of the template they were all made from.
const templated = 5

// publish says what another database is; alike is how many of them carry the
// same identity. In production only a copy of the component's own says anything:
// others are tenants.
func (w *copyWatch) publish(ch chan<- prometheus.Metric, tenant string, f copyFacts, alike int) {
	isCopy, known := w.known.carried(f.identity)
	if f.standby || w.production && (!isCopy || alike > templated) {
		return
	}
	if known && isCopy {
		gauge(ch, copyUnneutralized, truth(!f.neutralized), tenant)
	}
	for _, channel := range copyChannels {
		n, measured := f.live[channel]
		if !measured || slices.Contains(w.allow, channel) {
			continue
		}
		if direction, mail := strings.CutPrefix(channel, "mail_"); mail {
			gauge(ch, copyMail, n, tenant, direction)
		} else {
			gauge(ch, copyLinks, n, tenant, channel)
		}
	}
}

// copies looks whether the component's own database is a copy.
type copies struct {
	db    *database
	watch *copyWatch
}

// Describe implements collector.Collector.
func (*copies) Describe(ch chan<- *prometheus.Desc) { describeCopies(ch) }

// Collect implements collector.Collector.
func (c *copies) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := c.db.look(ctx)
	if err != nil {
		return err
	}
	rs := c.db.ask(ctx, copyQueries(t)...)
	f := readCopy(rs)
	switch {
	case !c.watch.production:
		c.watch.publish(ch, c.db.tenant, f, 1)
	case f.identity != "":
		c.watch.known.learn(c.watch.component, f.identity)
	}
	return c.db.judge(rs)
}

// copySignals say whether a copy of production could act in its place.
func copySignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_copy_unneutralized", Title: "Copies of production are neutralised", Metric: "odoo_copy_unneutralized",
			Aggregate: signal.Max, Direction: signal.Above, Warning: signal.Never(), Critical: 0,
			Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "Database {tenant} is a copy of production and was not neutralised: it may send mail, fetch bank lines and post beside production; stop its Odoo and run odoo-bin neutralize",
		},
		{
			Name: "odoo_copy_links_live", Title: "Copies have no live bank, e-invoicing or payment links", Metric: "odoo_copy_links_live",
			By: []string{"link"}, Aggregate: signal.Max, Direction: signal.Above, Warning: signal.Never(), Critical: 0,
			Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "Database {tenant} is not production and has {value} live links of kind {link}: switch them to test mode, or allow them under copies",
		},
		{
			Name: "odoo_copy_mail_live", Title: "Copies send and fetch no mail", Metric: "odoo_copy_mail_servers_live",
			By: []string{"direction"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "Database {tenant} is not production and has {value} mail servers in use (direction {direction}): archive them, or allow them under copies",
		},
	}
}
