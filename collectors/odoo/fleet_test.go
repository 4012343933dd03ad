package odoo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// How a database of fakes does not answer in time.
var (
	errLogin     = errors.New("the login hangs")
	errStatement = errors.New("the statement hangs")
)

// A server of fakes: databases that answer, hang or refuse, and who is
// connected.
type fakes struct {
	mu      sync.Mutex
	bad     map[string]error // by database
	visits  map[string][]time.Time
	open    int // visitors
	most    int
	waiting int // for an answer
	busiest int
}

func (f *fakes) list(context.Context, ...pgsession.Query) pgsession.Results {
	return pgsession.Results{{}}
}

func (f *fakes) visitor(database string) visitor {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	f.most = max(f.most, f.open)
	return &fake{of: f, database: database}
}

type fake struct {
	of       *fakes
	database string
	pending  bool
}

func (v *fake) LoggingIn() bool { return v.pending }

func (v *fake) Close() {
	v.of.mu.Lock()
	defer v.of.mu.Unlock()
	v.of.open--
}

func (v *fake) Batch(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
	v.of.mu.Lock()
	bad := v.of.bad[v.database]
	v.of.visits[v.database] = append(v.of.visits[v.database], time.Now())
	v.of.waiting++
	v.of.busiest = max(v.of.busiest, v.of.waiting)
	v.of.mu.Unlock()
	defer func() {
		v.of.mu.Lock()
		defer v.of.mu.Unlock()
		v.of.waiting--
	}()
	v.pending = errors.Is(bad, errLogin)
	if v.pending || errors.Is(bad, errStatement) {
		<-ctx.Done()
		bad = fault.Wrap("log in", ctx.Err(), "")
	} else {
		time.Sleep(30 * time.Millisecond) // of the bubble: a login and its answers
	}
	rs := make(pgsession.Results, len(queries))
	for i, q := range queries {
		rs[i] = pgsession.Result{Name: q.Name, Err: bad}
	}
	return rs
}

// newFakes has a fleet of n databases, of which some are bad.
func newFakes(n int, bad map[string]error) (*fakes, *fleet) {
	f := &fakes{bad: bad, visits: map[string][]time.Time{}}
	w := newFleet(&database{tenant: "own", ask: f.list, now: time.Now}, Databases{Include: []string{"*"}, Max: 1000}, newCopyWatch(Settings{}), f.visitor)
	w.listed = time.Now().Add(24 * time.Hour) // what is listed is given
	var rows []pgsession.Row
	for i := range n {
		name, yes := fmt.Sprintf("db%04d", i), "t"
		rows = append(rows, pgsession.NewRow([]string{"datname", "permitted"}, &name, &yes))
	}
	w.choose(rows)
	return f, w
}

// work runs the task as the runner does.
func work(t *testing.T, w *fleet, during time.Duration) {
	t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		w.visitDue(ctx)
		cancel()
		if took := time.Since(begun); took > 10*time.Second {
			t.Fatalf("a run took %v", took)
		}
		time.Sleep(time.Until(begun.Add(fleetInterval)))
	}
}

// Whatever hangs, every database that answers has its turn in each round, at
// most two are asked at a time and few logins are left open.
func TestEveryDatabaseHasItsTurn(t *testing.T) {
	tests := map[string]struct {
		n       int
		bad     func(i int) error
		healthy time.Duration // longest between two visits to one that answers
		failing time.Duration // longest between two to one that refuses; 0 for not looked at
	}{
		"three databases":                          {3, func(int) error { return nil }, fleetRound, 0},
		"a thousand databases":                     {1000, func(int) error { return nil }, fleetRound + time.Minute, 0},
		"a thousand, of which three hang at login": {1000, func(i int) error { return hung(i%400 == 0, errLogin) }, 10 * time.Minute, fleetRound + time.Minute},
		"a thousand, of which a fifth are slow":    {1000, func(i int) error { return hung(i%5 == 0, errStatement) }, 10 * time.Minute, 0},
		"a thousand, of which half refuse": {1000, func(i int) error {
			if i%2 == 0 {
				return &fault.Error{Op: "log in", Kind: fault.Denied}
			}
			return nil
		}, 10 * time.Minute, 15 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad := map[string]error{}
				for i := range tt.n {
					if err := tt.bad(i); err != nil {
						bad[fmt.Sprintf("db%04d", i)] = err
					}
				}
				f, w := newFakes(tt.n, bad)
				if name == "a thousand, of which a fifth are slow" {
					work(t, w, 30*time.Minute) // until it is known which
					f.visits = map[string][]time.Time{}
				}
				begun := time.Now()
				work(t, w, 20*time.Minute)
				for name := range w.members {
					last, longest := begun, time.Duration(0)
					for _, at := range append(f.visits[name], time.Now()) {
						longest, last = max(longest, at.Sub(last)), at
					}
					limit := tt.healthy
					if err := bad[name]; err != nil {
						limit = tt.failing
					}
					if limit > 0 && longest > limit {
						t.Fatalf("%s was not visited for %v, longer than %v", name, longest, limit)
					}
				}
				if f.busiest > 2 || f.most > maxHung+2 {
					t.Errorf("%d were asked at a time and %d connections were open, want at most 2 and %d", f.busiest, f.most, maxHung+2)
				}
				w.close()
				if f.open != 0 {
					t.Errorf("%d connections are left open", f.open)
				}
			})
		})
	}
}

func hung(yes bool, how error) error {
	if yes {
		return how
	}
	return nil
}

// When the whole server hangs few logins wait there; when it goes on, all
// databases have their turn again.
func TestAServerThatHangsIsNotFilledWithLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := map[string]error{}
		for i := range 1000 {
			bad[fmt.Sprintf("db%04d", i)] = errLogin
		}
		f, w := newFakes(1000, bad)
		work(t, w, 25*time.Minute)
		if f.most > maxHung+2 {
			t.Errorf("%d connections were open", f.most)
		}
		f.bad = nil
		f.visits = map[string][]time.Time{}
		work(t, w, 10*time.Minute)
		if len(f.visits) != len(w.members) {
			t.Errorf("%d databases were visited after it went on", len(f.visits))
		}
		w.close()
	})
}

func TestImportantDatabasesComeFirst(t *testing.T) {
	rows := func(names ...string) []pgsession.Row {
		var rows []pgsession.Row
		for _, name := range names {
			permitted := strconv.FormatBool(!strings.HasPrefix(name, "private"))
			rows = append(rows, pgsession.NewRow([]string{"datname", "permitted"}, &name, &permitted))
		}
		return rows
	}
	w := newFleet(&database{tenant: "own", now: time.Now}, Databases{Include: []string{"main_*", "*"}, Exclude: []string{"*_test"}, Max: 4}, nil, nil)
	w.choose(rows("own", "a", "b", "c", "main_x", "main_test", "private", "z"))
	var got []string
	for _, m := range w.members.due(false, fleetRound) {
		got = append(got, m.name)
	}
	if diff := cmp.Diff([]string{"main_x", "a", "b"}, got); diff != "" {
		t.Errorf("visited (-want +got):\n%s", diff)
	}
	want := map[string]int{"excluded": 1, "beyond_limit": 2, "unreadable": 1}
	if diff := cmp.Diff(want, w.left); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

// Twenty databases of a real server, some of which are no Odoo, closed, locked or
// not ours to read.
func TestFleet(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO ir_module_module (name, latest_version) VALUES ('base', '18.0.1.3');
		INSERT INTO ir_cron (cron_name, active, nextcall, interval_number, interval_type, failure_count) VALUES
			('late', true, now() at time zone 'utc' - interval '3 hours', 1, 'hours', 2), ('off', false, '2020-01-01', 1, 'days', 9);
		INSERT INTO account_journal (id, code, type, company_id) VALUES (1, 'INV', 'sale', 1);
		INSERT INTO account_move (state, journal_id, company_id, move_type, auto_post, date) VALUES
			('draft', 1, 1, 'entry', 'at_date', current_date - 2), ('draft', 1, 1, 'entry', 'no', current_date - 2);
		INSERT INTO queue_job (uuid, state, channel, date_created) VALUES ('a', 'pending', 'root', '2026-11-22 09:00:00'), ('b', 'failed', 'root', now()), ('c', 'done', 'root', now());
		INSERT INTO mail_mail (mail_message_id, state, create_date) VALUES (1, 'exception', now()), (2, 'exception', '2020-01-01'), (3, 'sent', now())`)
	var make strings.Builder
	for i := range 20 {
		fmt.Fprintf(&make, "CREATE DATABASE fleet%02d TEMPLATE %s\n", i, te.name)
	}
	run := func(database, statements string) {
		t.Helper()
		for statement := range strings.Lines(statements) {
			if err := te.p.Exec(t.Context(), "postgres", database, statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	run("postgres", make.String())
	run("fleet01", `UPDATE ir_cron SET nextcall = now() + interval '1 day', failure_count = 0`)
	run("fleet02", `DROP TABLE queue_job, mail_mail, ir_module_module`)
	run("fleet03", `DROP TABLE ir_cron`)
	run("postgres", "REVOKE CONNECT ON DATABASE fleet04 FROM public\nALTER DATABASE fleet05 ALLOW_CONNECTIONS false")
	run("fleet06", `REVOKE SELECT ON ir_cron FROM reader`)

	s := Settings{Component: "erp", Environment: "test"}
	s.Config.SetDefaults()
	s.Config.Database, s.Config.SQL.DSN = te.name, secret.New(te.p.DSN("reader", "postgres"))
	s.Config.Databases = Databases{Include: []string{"fleet*"}, Exclude: []string{"fleet07"}, Max: 16}
	now := time.Now()
	s.Now = func() time.Time { return now }
	i := New(s).(*instance)
	defer i.Close()
	i.Tasks()
	var got map[string]float64
	var err error
	for range int(fleetRound/fleetInterval) + 2 { // a round, of which nobody waits for the minutes
		got, err = collectBut(t, i.fleet, "")
		now = now.Add(fleetInterval)
	}
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "fleet06") || !strings.Contains(fault.HintOf(err), "GRANT SELECT (active, nextcall) ON ir_cron TO reader") {
		t.Errorf("err = %v (%s)", err, fault.HintOf(err))
	}
	want := map[string]float64{
		"odoo_databases{watched}": 14, "odoo_databases{beyond_limit}": 2, "odoo_databases{not_odoo}": 1, "odoo_databases{unreadable}": 2,
		"odoo_database_up{fleet00}": 1, "odoo_info{fleet00,18.0}": 1, "odoo_tenant_scheduled_actions_overdue{fleet00}": 1, "odoo_tenant_scheduled_actions_failing{fleet00}": 1,
		"odoo_tenant_queue_jobs_open{fleet00}": 1, "odoo_tenant_queue_jobs_failed{fleet00}": 1, "odoo_tenant_journal_entries_auto_post_due{fleet00}": 1, "odoo_tenant_mails_failed{fleet00}": 1,
		"odoo_tenant_queue_job_oldest_pending_timestamp_seconds{fleet00}": float64(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).Unix()),
		"odoo_tenant_scheduled_actions_overdue{fleet01}":                  0, "odoo_tenant_scheduled_actions_failing{fleet01}": 0,
		"odoo_database_up{fleet02}": 1, "odoo_tenant_scheduled_actions_overdue{fleet02}": 1,
	}
	for series, v := range want {
		if have, found := got[series]; !found || have != v {
			t.Errorf("%s = %v (%v), want %v", series, have, found, v)
		}
	}
	for series := range got {
		for _, absent := range []string{"{fleet03", "{fleet04", "{fleet05", "{fleet06", "{fleet07", "jobs_open{fleet02", "mails_failed{fleet02", "odoo_info{fleet02"} {
			if strings.Contains(series, absent) {
				t.Errorf("%s is published", series)
			}
		}
	}
	for patience := time.Now().Add(30 * time.Second); ; { // a server takes its time to see that a client is gone
		n, err := te.p.Value(t.Context(), "postgres", "postgres", `SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'fleet%'`)
		if err != nil || time.Now().After(patience) {
			t.Fatalf("%s connections are left, %v", n, err)
		}
		if n == "0" {
			break
		}
	}
	now = now.Add(fleetRounds*fleetRound + time.Minute) // nobody visited since
	got, _ = collectBut(t, publishing(i.fleet.publish), "")
	for series := range got {
		if strings.HasPrefix(series, "odoo_tenant") || strings.HasPrefix(series, "odoo_database_up") {
			t.Errorf("%s is published, long after the visit", series)
		}
	}
}

// What a visit told, as it is read at /metrics.
func TestFleetGolden(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	known := &Identities{}
	known.learn("erp", "prod")
	w := newFleet(&database{tenant: "own", now: func() time.Time { return now }}, Databases{}, newCopyWatch(Settings{Environment: "staging", Identities: known}), nil)
	w.left = map[string]int{"excluded": 2, "beyond_limit": 0, "unreadable": 0}
	told := summary{at: now.Add(-time.Minute), version: "18.0", copy: copyFacts{identity: "prod", live: map[string]float64{mailOut: 1, mailIn: 0, linkEDI: 2, linkBank: 0, linkPay: 1}}}
	for n, desc := range []*prometheus.Desc{tenantOverdue, tenantFailing, tenantJobs, tenantJobsFailed, tenantAutoPost, tenantMailsFailed} {
		told.values = append(told.values, reading{desc, float64(n)})
	}
	for _, desc := range []*prometheus.Desc{tenantDue, tenantOldestJob} {
		told.values = append(told.values, reading{desc, float64(now.Unix())})
	}
	w.members = members{
		"erp_at":   {name: "erp_at", visited: now, told: told},
		"erp_down": {name: "erp_down", visited: now, err: &fault.Error{Op: "log in", Kind: fault.Timeout}},
		"erp_gone": {name: "erp_gone", visited: now.Add(-time.Hour), told: told},
		"erp_new":  {name: "erp_new"},
		"postgres": {name: "postgres", visited: now, told: summary{foreign: true}},
	}
	if err := collectortest.Golden(t, described{publishing(w.publish), w}, "fleet"); err != nil {
		t.Error(err)
	}
}

// described is one collector with what another describes.
type described struct {
	publishing
	as interface {
		Describe(chan<- *prometheus.Desc)
	}
}

func (d described) Describe(ch chan<- *prometheus.Desc) { d.as.Describe(ch) }

// publishing is a collector that asks nothing.
type publishing func(chan<- prometheus.Metric)

func (publishing) Describe(chan<- *prometheus.Desc) {}

func (p publishing) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	p(ch)
	return nil
}

// BenchmarkVisit is what one database of many costs: a login and the summary.
func BenchmarkVisit(b *testing.B) {
	p, err := server()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := pgsession.Open(pgsession.Settings{DSN: secret.New(p.DSN("postgres", "postgres"))})
		if _, err := summarize(b.Context(), s.Batch); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
