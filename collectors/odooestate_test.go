package collectors_test

import (
	"context"
	"crypto/sha1" // how Odoo names the files of attachments
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors/odoo"
	"github.com/closewatch/closewatch/collectors/traefik"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

// An odooEstate is an Odoo with its database, its files and its logs on a clock
// of its own, behind a Traefik of which there is the access log, and what watches
// them. Its scheduled actions run as time passes, all but those that are stopped.
type odooEstate struct {
	*testing.T            // of the part of the test that runs
	whole      *testing.T // as long as which servers live
	dir        string
	instant    atomic.Int64 // seconds
	clock      *lab.Clock
	server     *lab.Postgres
	odoo       *odoosim.Server
	db         *pgx.Conn
	runner     *pgx.Conn // the job runner's session; nil when it has none
	stopped    map[int]bool
	lines      int // written to the logs, so that no two are equal

	judge *signal.Evaluator
	tasks []collector.Task
	leave func() // stops watching
}

// utc is the server's time as Odoo writes it.
const utc = "(now() AT TIME ZONE 'utc')"

// newOdooEstate is healthy, and watched from a first look on.
func newOdooEstate(t *testing.T, begin time.Time) *odooEstate {
	t.Helper()
	l := startLab(t)
	e := &odooEstate{T: t, whole: t, dir: t.TempDir(), stopped: map[int]bool{}}
	e.instant.Store(begin.Unix())
	var err error
	e.clock, err = l.NewClock(begin)
	must(t, err)
	e.server, err = l.Postgres(t.Context(), lab.PostgresOptions{Clock: e.clock, Settings: map[string]string{"fsync": "off"}})
	must(t, err)
	dsn := e.server.DSN("postgres", "prod")
	must(t, odoosim.InitDatabase(t.Context(), dsn, odoosim.Seed{AdminPassword: "a", LoadPassword: "b", ProbePassword: "c", Rounds: 1}))
	e.db, err = pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = e.db.Close(context.Background()) })
	e.sql("CREATE ROLE reader LOGIN; GRANT pg_monitor TO reader;" + odoosim.GrantSQL("reader"))
	e.startOdoo("127.0.0.1:0")
	e.attach(20)
	e.startRunner()
	must(t, os.Mkdir(filepath.Join(e.dir, "state"), 0o700))
	must(t, os.WriteFile(filepath.Join(e.dir, "odoo.log"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(e.dir, "access.log"), nil, 0o600))
	e.sql("UPDATE ir_cron SET lastcall = " + utc + " WHERE active")
	e.judge, err = signal.NewEvaluator(slices.Concat(odoo.Signals(), traefik.Signals()))
	must(t, err)
	e.judge.Expect([]signal.Subject{{Kind: odoo.Kind, Environment: "production", Component: "erp"}, {Kind: traefik.Kind, Environment: "production", Component: "ingress"}})
	e.watch()
	return e
}

// startOdoo starts the stand-in, whose own workers leave the tables alone.
func (e *odooEstate) startOdoo(addr string) {
	e.Helper()
	o, err := odoosim.New(odoosim.Options{DSN: e.server.DSN("postgres", "prod"), Now: e.now})
	must(e.T, err)
	o.Faults().SetIdle(true)
	o.Faults().SetJobrunnerDeaf(true) // jobs are what a test says they are
	must(e.T, o.Start(e.whole.Context(), addr))
	e.odoo = o
	e.whole.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		must(e.T, o.Stop(ctx))
	})
}

// watch begins to watch, or begins anew as a restarted daemon does.
func (e *odooEstate) watch() {
	e.Helper()
	if e.leave != nil {
		e.leave()
	}
	var c odoo.Config
	c.SetDefaults()
	c.URL, c.Database, c.Filestore = e.odoo.URL(), "prod", e.filestore()
	c.Web.Websocket = e.odoo.URL() + "/websocket"
	c.Log.File = filepath.Join(e.dir, "odoo.log")
	c.Companies = []odoo.Company{{ID: 1, Entity: "acme"}, {ID: 2, Synthetic: true}}
	c.SQL.DSN = secret.New(e.server.DSN("reader", "prod"))
	var in traefik.Config
	in.SetDefaults()
	in.AccessLog, in.DefaultTenant = filepath.Join(e.dir, "access.log"), "prod"
	state := filepath.Join(e.dir, "state")
	instances := []collector.Instance{
		odoo.New(odoo.Settings{Component: "erp", Environment: "production", Config: c, StateDir: state, Now: e.now}),
		traefik.New(traefik.Settings{Component: "ingress", Environment: "production", Config: in, StateDir: state, Now: e.now}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(instances))
	e.tasks = nil
	for _, i := range instances {
		e.tasks = append(e.tasks, i.Tasks()...)
		if r, ok := i.(interface{ Run(context.Context) error }); ok {
			go func() { ended <- r.Run(ctx) }()
		} else {
			ended <- nil
		}
	}
	e.leave = func() {
		cancel()
		for _, i := range instances {
			must(e.T, <-ended)
			i.Close()
		}
	}
	e.whole.Cleanup(func() {
		if e.leave != nil {
			e.leave()
			e.leave = nil
		}
	})
}

func (e *odooEstate) now() time.Time { return time.Unix(e.instant.Load(), 0).UTC() }

// sql executes statements on Odoo's tables.
func (e *odooEstate) sql(statements string, args ...any) {
	e.Helper()
	if len(args) > 0 || strings.Contains(statements, "%%") {
		statements = fmt.Sprintf(statements, args...)
	}
	if _, err := e.db.Exec(e.Context(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		e.Fatalf("%v\n%s", err, statements)
	}
}

// session opens a session of one of Odoo's processes.
func (e *odooEstate) session(pid int) *pgx.Conn {
	e.Helper()
	config, err := pgx.ParseConfig(e.server.DSN("postgres", "prod"))
	must(e.T, err)
	config.RuntimeParams["application_name"] = fmt.Sprintf("odoo-%d", pid)
	conn, err := pgx.ConnectConfig(e.Context(), config)
	must(e.T, err)
	e.whole.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(e.Context(), "SELECT 1", pgx.QueryExecModeSimpleProtocol)
	must(e.T, err)
	return conn
}

func (e *odooEstate) startRunner() { e.runner = e.session(4301) }

func (e *odooEstate) stopRunner() {
	e.Helper()
	must(e.T, e.runner.Close(e.Context()))
	e.runner = nil
	for {
		var left int
		must(e.T, e.db.QueryRow(e.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'odoo-4301'").Scan(&left))
		if left == 0 {
			return
		}
		pause(e.T, 5*time.Millisecond)
	}
}

func (e *odooEstate) filestore() string { return filepath.Join(e.dir, "filestore") }

// attach adds attachments with their files.
func (e *odooEstate) attach(n int) {
	e.Helper()
	for range n {
		e.lines++
		content := fmt.Appendf(nil, "attachment %d", e.lines)
		sum := sha1.Sum(content)
		name := hex.EncodeToString(sum[:])
		name = name[:2] + "/" + name
		must(e.T, os.MkdirAll(filepath.Dir(filepath.Join(e.filestore(), name)), 0o700))
		must(e.T, os.WriteFile(filepath.Join(e.filestore(), name), content, 0o600))
		e.sql(`INSERT INTO ir_attachment (name, type, store_fname, checksum, file_size, create_date) VALUES ('a', 'binary', '%s', '%s', %d, %s)`, name, name[3:], len(content), utc)
	}
}

// advance lets time pass, in which the scheduled actions that are due run.
func (e *odooEstate) advance(d time.Duration) {
	e.Helper()
	e.instant.Add(int64(d.Seconds()))
	must(e.T, e.clock.Set(e.now()))
	e.runActions()
}

// runActions has those that are due, and not stopped, run and keep to their
// rhythm.
func (e *odooEstate) runActions() {
	e.Helper()
	stopped := "0"
	for id := range e.stopped {
		stopped += fmt.Sprintf(", %d", id)
	}
	e.sql(`WITH due AS (
			SELECT id, nextcall, make_interval(days => CASE interval_type WHEN 'days' THEN interval_number WHEN 'weeks' THEN 7 * interval_number ELSE 0 END,
				hours => CASE interval_type WHEN 'hours' THEN interval_number ELSE 0 END, mins => CASE interval_type WHEN 'minutes' THEN interval_number ELSE 0 END) AS every
			FROM ir_cron WHERE active AND nextcall <= %[1]s AND id NOT IN (%[2]s)
		), ran AS (
			UPDATE ir_cron c SET lastcall = due.nextcall + floor(extract(epoch FROM %[1]s - due.nextcall) / extract(epoch FROM every)) * every,
				nextcall = due.nextcall + (floor(extract(epoch FROM %[1]s - due.nextcall) / extract(epoch FROM every)) + 1) * every, failure_count = 0, first_failure_date = NULL
			FROM due WHERE due.id = c.id RETURNING c.id, c.lastcall
		) INSERT INTO ir_cron_progress (cron_id, remaining, done, timed_out_counter, deactivate, create_date, write_date)
			SELECT id, 0, 1, 0, false, lastcall, lastcall + interval '1 second' FROM ran;
		DELETE FROM ir_cron_progress WHERE create_date < %[1]s - interval '7 days'`, utc, stopped)
}

// say writes lines to one of the logs and waits until they are read.
func (e *odooEstate) say(log string, lines ...string) {
	e.Helper()
	task, metric := "log", "odoo_log_lines_total"
	if log == "access.log" {
		task, metric = "accesslog", "traefik_accesslog_lines_total"
	}
	before := e.read(task, metric)
	f, err := os.OpenFile(filepath.Join(e.dir, log), os.O_APPEND|os.O_WRONLY, 0o600)
	must(e.T, err)
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	must(e.T, err)
	must(e.T, f.Close())
	deadline := time.Now().Add(30 * time.Second)
	for e.read(task, metric) < before+float64(len(lines)) {
		if time.Now().After(deadline) {
			e.Fatalf("%s was not read: %v of %v lines", log, e.read(task, metric)-before, len(lines))
		}
		pause(e.T, 50*time.Millisecond)
		e.instant.Add(1) // what was read is told when a while has passed
	}
	must(e.T, e.clock.Set(e.now()))
}

// read adds up a metric of one task.
func (e *odooEstate) read(task, metric string) float64 {
	e.Helper()
	total := 0.0
	for _, s := range e.samples(func(t collector.Task) bool { return t.Name == task }) {
		if s.Name == metric {
			total += s.Value
		}
	}
	return total
}

// record is a line of Odoo's log, of now.
func (e *odooEstate) record(level, logger, message string) string {
	e.lines++
	return fmt.Sprintf("%s,%03d 31 %s prod %s: %s", e.now().Format(time.DateTime), e.lines%1000, level, logger, message)
}

// request is a line of the access log, of now.
func (e *odooEstate) request(path string, status int, took time.Duration) string {
	e.lines++
	return fmt.Sprintf(`{"DownstreamStatus":%d,"OriginStatus":%[1]d,"OriginDuration":%d,"Duration":%d,"RequestCount":%d,"RequestHost":"erp.example.com","RequestPath":%q,"ServiceName":"odoo@file","StartUTC":%q}`,
		status, took, took+time.Millisecond, e.lines, path, e.now().Add(time.Duration(e.lines)*time.Microsecond).Format(time.RFC3339Nano))
}

// once is a collector as client_golang sees it, undescribed.
type once struct {
	collector.Collector
	ctx context.Context //nolint:containedctx // Collect takes none
	err error
}

func (*once) Describe(chan<- *prometheus.Desc)      {}
func (o *once) Collect(ch chan<- prometheus.Metric) { o.err = o.Collector.Collect(o.ctx, ch) }

// samples runs the tasks that are wanted and returns what they publish.
func (e *odooEstate) samples(wanted func(collector.Task) bool) []signal.Sample {
	e.Helper()
	var out []signal.Sample
	for _, task := range e.tasks {
		if !wanted(task) {
			continue
		}
		o := &once{Collector: task.Collector, ctx: e.Context()}
		reg := prometheus.NewRegistry()
		must(e.T, prometheus.WrapRegistererWith(prometheus.Labels{"component": task.Component, "environment": task.Environment}, reg).Register(o))
		families, err := reg.Gather()
		must(e.T, err)
		if o.err != nil && e.odoo != nil {
			e.Logf("%s: %s: %v", e.now().Format(time.DateTime), task.Name, o.err)
		}
		out = collector.AppendSamples(out, families, e.now())
	}
	return out
}

// A finding is a signal that is not well.
type finding struct {
	signal string
	state  signal.State
	says   string
}

// look runs every task and returns what is not well, by signal the worst.
func (e *odooEstate) look() map[string]finding {
	e.Helper()
	found := map[string]finding{}
	for _, r := range e.judge.Evaluate(e.now(), e.samples(func(collector.Task) bool { return true })) {
		if r.State > found[r.Signal].state && (r.State == signal.Warning || r.State == signal.Critical) {
			found[r.Signal] = finding{r.Signal, r.State, r.Text}
		}
	}
	return found
}

// said is what was found, a line each.
func said(found map[string]finding) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&b, "  %s is %v: %s\n", name, found[name].state, found[name].says)
	}
	return b.String()
}
