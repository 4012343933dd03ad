package odoo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var databaseStates = prometheus.NewDesc(
	"odoo_databases", "Databases of the server, by state: watched, the tenant of this component included; excluded; beyond_limit, more than databases.max; not_odoo; unreadable, the role may not connect or not read the tables, or the name cannot be a label.",
	[]string{"state"}, nil,
)

// Cadence and bounds of the visits.
const (
	fleetInterval = 15 * time.Second // between two runs of the task
	fleetRound    = 5 * time.Minute  // in which every database is to be visited once
	fleetRounds   = 3                // after which a visit says nothing any more
	relist        = time.Minute      // between two lists of the databases
	visitTimeout  = 4 * time.Second
	maxHung       = 4 // logins that the server has not ended, beyond which none is begun
)

// A visitor is a connection to one database: a pgsession.Session.
type visitor interface {
	Batch(context.Context, ...pgsession.Query) pgsession.Results
	LoggingIn() bool
	Close()
}

// fleet visits the other databases of the server in turn, each with a login of
// its own, and reports a summary of each.
//
// Two lanes visit at a time. One has the databases that answered last time, the
// other those that did not, so that what hangs delays what hangs. Each takes
// the longest unvisited first, as many as are due for a round in fleetRound. A
// login that the server neither ends nor refuses is kept and waited for at the
// next visit: begun again each time it would pile up there. With maxHung of them
// it is the server that hangs, and no other login is begun until one ends.
type fleet struct {
	own    string // the component's database, which has tasks of its own
	choice Databases
	list   asker // asks the component's database
	open   func(database string) visitor
	copies *copyWatch
	now    func() time.Time

	listed  time.Time
	ran     time.Time
	members members
	left    map[string]int // databases that are not visited, by state
	hung    atomic.Int64   // logins that are kept
}

// A member is one database that is visited.
type member struct {
	name    string
	place   int       // in the order of importance
	visited time.Time // zero until it was
	err     error     // why the last visit failed
	told    summary   // of the last visit, unless it failed
	visitor visitor   // kept since the last visit, in which the login hung
}

type members map[string]*member

func newFleet(db *database, choice Databases, copies *copyWatch, open func(string) visitor) *fleet {
	return &fleet{own: db.tenant, choice: choice, list: db.ask, open: open, copies: copies, now: db.now, members: members{}}
}

// Describe implements collector.Collector.
func (*fleet) Describe(ch chan<- *prometheus.Desc) {
	ch <- databaseStates
	ch <- databaseUp
	describeSummary(ch)
	describeCopies(ch)
}

// Collect implements collector.Collector.
func (f *fleet) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	err := f.discover(ctx)
	if err != nil && len(f.members) == 0 {
		return err
	}
	f.visitDue(ctx)
	f.publish(ch)
	return only([]error{err, f.failures()})
}

// close ends what is kept.
func (f *fleet) close() {
	for _, m := range f.members {
		f.release(m)
	}
}

const databasesSQL = `
select datname, has_database_privilege(oid, 'connect') as permitted
from pg_database where datallowconn and not datistemplate order by datname limit 10000`

// discover lists the databases, now and then, and chooses among them.
func (f *fleet) discover(ctx context.Context) error {
	if now := f.now(); !f.listed.IsZero() && now.Sub(f.listed) < relist {
		return nil
	}
	rs := f.list(ctx, pgsession.Query{Name: "list of databases", SQL: databasesSQL})
	if err := rs.Err(); err != nil {
		return err
	}
	f.listed = f.now()
	f.choose(rs[0].Rows)
	return nil
}

// choose takes the databases that are to be visited, the important ones first.
func (f *fleet) choose(rows []pgsession.Row) {
	type found struct {
		name string
		rank int
	}
	var chosen []found
	rankOf := f.choice.ranking()
	f.left = map[string]int{"excluded": 0, "beyond_limit": 0, "unreadable": 0}
	for _, row := range rows {
		name := row.String("datname")
		permitted, _ := row.Bool("permitted")
		rank := rankOf(name)
		switch {
		case name == f.own:
		case rank < 0:
			f.left["excluded"]++
		case !permitted, label(name) != name:
			f.left["unreadable"]++
		default:
			chosen = append(chosen, found{name, rank})
		}
	}
	slices.SortStableFunc(chosen, func(a, b found) int { return a.rank - b.rank })
	if most := f.choice.Max - 1; len(chosen) > most {
		f.left["beyond_limit"] = len(chosen) - most
		chosen = chosen[:most]
	}
	keep := members{}
	for place, c := range chosen {
		m := f.members[c.name]
		if m == nil {
			m = &member{name: c.name}
		}
		m.place = place
		keep[c.name] = m
	}
	for name, m := range f.members {
		if keep[name] == nil {
			f.release(m)
		}
	}
	f.members = keep
}

// visitDue visits what is due, in both lanes at a time.
func (f *fleet) visitDue(ctx context.Context) {
	now, elapsed := f.now(), fleetInterval
	if !f.ran.IsZero() {
		elapsed = min(now.Sub(f.ran), fleetRound)
	}
	f.ran = now
	var lanes sync.WaitGroup
	for _, due := range [][]*member{f.members.due(false, elapsed), f.members.due(true, elapsed)} {
		lanes.Go(func() {
			for _, m := range due {
				if end, bounded := ctx.Deadline(); ctx.Err() != nil || bounded && time.Until(end) < visitTimeout {
					return
				}
				if m.visitor != nil || f.hung.Load() < maxHung {
					f.visit(ctx, m)
				}
			}
		})
	}
	lanes.Wait()
}

// due returns the databases of one lane to visit after some time, so many that
// all have their turn in a round; the longest unvisited come first.
func (ms members) due(failed bool, elapsed time.Duration) []*member {
	var lane []*member
	for _, m := range ms {
		if (m.err != nil) == failed {
			lane = append(lane, m)
		}
	}
	slices.SortFunc(lane, func(a, b *member) int {
		if c := a.visited.Compare(b.visited); c != 0 {
			return c
		}
		return a.place - b.place
	})
	n := int((int64(len(lane))*int64(elapsed) + int64(fleetRound) - 1) / int64(fleetRound))
	return lane[:min(n, len(lane))]
}

// visit asks one database. It costs at most visitTimeout.
func (f *fleet) visit(ctx context.Context, m *member) {
	ctx, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	kept := m.visitor != nil
	if !kept {
		m.visitor = f.open(m.name)
	}
	m.told, m.err = summarize(ctx, m.visitor.Batch)
	m.visited = f.now()
	hangs := m.err != nil && m.visitor.LoggingIn()
	switch {
	case hangs && !kept:
		f.hung.Add(1)
	case !hangs && kept:
		f.release(m)
	case !hangs:
		m.visitor.Close()
		m.visitor = nil
	}
}

// release closes what is kept of a database.
func (f *fleet) release(m *member) {
	if m.visitor != nil {
		m.visitor.Close()
		m.visitor = nil
		f.hung.Add(-1)
	}
}

// publish sends what the last visits told, as long as that counts.
func (f *fleet) publish(ch chan<- prometheus.Metric) {
	states := maps.Clone(f.left)
	states["watched"], states["not_odoo"] = 1, 0
	alike := f.members.alike()
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		m := f.members[name]
		switch kind := fault.KindOf(m.err); {
		case m.told.foreign:
			states["not_odoo"]++
			continue
		case m.err != nil && (kind == fault.Denied || kind == fault.Auth):
			states["unreadable"]++
			continue
		}
		states["watched"]++
		if m.visited.IsZero() || f.now().Sub(m.visited) > fleetRounds*fleetRound {
			continue
		}
		tenant := label(name)
		if m.err != nil {
			gauge(ch, databaseUp, 0, tenant)
			continue
		}
		gauge(ch, databaseUp, 1, tenant)
		m.told.publish(ch, tenant)
		f.copies.publish(ch, tenant, m.told.copy, alike[m.told.copy.identity])
	}
	for _, state := range slices.Sorted(maps.Keys(states)) {
		gauge(ch, databaseStates, float64(states[state]), state)
	}
}

// alike counts the databases that carry each identity.
func (ms members) alike() map[string]int {
	n := map[string]int{}
	for _, m := range ms {
		n[m.told.copy.identity]++
	}
	return n
}

// failures is one finding for all databases that could not be read.
func (f *fleet) failures() error {
	var failed []*member
	for _, m := range f.members {
		if m.err != nil {
			failed = append(failed, m)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	slices.SortFunc(failed, func(a, b *member) int { return a.place - b.place })
	first := failed[0]
	return &fault.Error{
		Op:   fmt.Sprintf("read %d of %d other databases, %s for one", len(failed), len(f.members), label(first.name)),
		Kind: fault.KindOf(first.err), Err: errors.New(fault.TextOf(first.err)), Hint: fault.HintOf(first.err),
	}
}

// fleetSignals say how the other databases of the server fare.
func fleetSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_tenant_actions_overdue", Title: "Scheduled actions of every tenant run", Metric: "odoo_tenant_scheduled_actions_overdue",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 10 * time.Minute, Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "{value} scheduled actions of database {tenant} are more than an hour late: see that a scheduled-action worker of Odoo serves this database",
		},
		{
			Name: "odoo_tenant_actions_failing", Title: "Scheduled actions of every tenant succeed", Metric: "odoo_tenant_scheduled_actions_failing",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 10 * time.Minute, Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "{value} scheduled actions of database {tenant} failed the last time they ran",
		},
		{
			Name: "odoo_tenant_jobs_failed", Title: "Queue jobs of every tenant succeed", Metric: "odoo_tenant_queue_jobs_failed",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 10, Critical: signal.Never(), Exit: 0.5,
			Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "{value} queue jobs of database {tenant} have failed and wait for a person",
		},
		{
			Name: "odoo_tenant_auto_post_due", Title: "Drafts of every tenant are posted when due", Metric: "odoo_tenant_journal_entries_auto_post_due",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 24 * time.Hour, Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "{value} drafts of database {tenant} that should post themselves have not",
		},
		{
			Name: "odoo_tenant_mails_failed", Title: "Mail of every tenant is sent", Metric: "odoo_tenant_mails_failed",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 10, Critical: signal.Never(), Exit: 0.5,
			Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "{value} of the newest mails of database {tenant} could not be sent",
		},
		{
			Name: "odoo_databases_beyond_limit", Title: "Every tenant is watched", Metric: "odoo_databases",
			Match: map[string]string{"state": "beyond_limit"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			Fresh: fleetRounds * fleetRound, Optional: true, Role: signal.Context,
			Says: "{value} databases of {component} are not watched: raise databases.max or exclude those that need no watching",
		},
	}
}
