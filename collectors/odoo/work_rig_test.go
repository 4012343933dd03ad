package odoo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

// A workplace is a database of the stand-in, whose clock can be moved.
type workplace struct {
	*tenant
	later time.Duration // how far the server's clock is ahead
}

// workDatabase makes one database for all tests, on first use.
var workDatabase = sync.OnceValues(func() (string, error) {
	p, err := server()
	if err != nil {
		return "", err
	}
	const name = "work"
	seed := odoosim.Seed{AdminPassword: "a", LoadPassword: "b", ProbePassword: "c", Rounds: 1}
	if err := odoosim.InitDatabase(context.Background(), p.DSN("postgres", name), seed); err != nil {
		return "", err
	}
	return name, p.Exec(context.Background(), "postgres", name, odoosim.GrantSQL("reader"))
})

// newWorkplace has neither jobs nor anything overdue.
func newWorkplace(t *testing.T) *workplace {
	t.Helper()
	name, err := workDatabase()
	if err != nil {
		t.Fatal(err)
	}
	p, err := server()
	if err != nil {
		t.Fatal(err)
	}
	w := &workplace{tenant: &tenant{t: t, p: p, name: name, now: time.Now()}}
	session := pgsession.Open(pgsession.Settings{DSN: secret.New(p.DSN("reader", "postgres")), Database: name})
	t.Cleanup(session.Close)
	w.db = &database{tenant: "prod", now: time.Now, ask: func(ctx context.Context, qs ...pgsession.Query) pgsession.Results {
		for i := range qs {
			qs[i].SQL = strings.ReplaceAll(qs[i].SQL, "clock_timestamp()", fmt.Sprintf("clock_timestamp() + interval '%d seconds'", int(w.later.Seconds())))
		}
		return session.Batch(ctx, qs...)
	}}
	return w.in(t)
}

// in is the workplace for a subtest, with neither jobs nor anything overdue.
func (w *workplace) in(t *testing.T) *workplace {
	t.Helper()
	inner := *w.tenant
	inner.t = t
	w.later = 0
	w.tenant = &inner
	w.exec(`DELETE FROM queue_job; DELETE FROM ir_cron_progress; DELETE FROM ir_cron_trigger; ALTER SEQUENCE queue_job_id_seq RESTART;
		UPDATE ir_module_module SET state = 'installed';
		UPDATE ir_cron SET active = cron_name NOT IN ('Mail: Fetchmail Service', 'Automation Rules: check and execute'), failure_count = 0, first_failure_date = NULL,
			lastcall = CASE WHEN active THEN (now() AT TIME ZONE 'utc') - interval '2 minutes' END, nextcall = (now() AT TIME ZONE 'utc') + interval '1 day'`)
	return w
}

// session opens a session of an application whose last statement is sql.
func (w *workplace) session(application, sql string) *pgx.Conn {
	w.t.Helper()
	config, err := pgx.ParseConfig(w.p.DSN("postgres", w.name))
	if err != nil {
		w.t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = application
	conn, err := pgx.ConnectConfig(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
	return conn
}

// jobs adds n jobs whose dates are so long ago, "" for none, and more columns as
// column=value with _ for a space.
func (w *workplace) jobs(n int, channel, state, created, enqueued, started, more string) {
	w.t.Helper()
	ago := func(d string) string {
		if d == "" {
			return "NULL"
		}
		return "(now() AT TIME ZONE 'utc') - interval '" + d + "'"
	}
	columns, values := "", ""
	for pair := range strings.FieldsSeq(more) {
		column, value, _ := strings.Cut(pair, "=")
		columns, values = columns+", "+column, values+", "+strings.ReplaceAll(value, "_", " ")
	}
	w.exec(`INSERT INTO queue_job (uuid, channel, state, date_created, date_enqueued, date_started%s)
		SELECT gen_random_uuid()::text, '%s', '%s', %s, %s, %s%s FROM generate_series(1, %d)`, columns, channel, state, ago(created), ago(enqueued), ago(started), values, n)
}

// findings collects from each and returns the signals of work that are not well
// when that holds for an hour, as "name{label} state".
func (w *workplace) findings(collectors ...collector.Collector) []string {
	w.t.Helper()
	var samples []signal.Sample
	for _, c := range collectors {
		samples = append(samples, samplesOf(w.t, c)...)
	}
	e, err := signal.NewEvaluator(slices.Concat(queueSignals(), runnerSignals(), actionSignals()))
	if err != nil {
		w.t.Fatal(err)
	}
	var found []string
	start := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{start, start.Add(time.Hour)} {
		for i := range samples {
			samples[i].At = at
		}
		found = nil
		for _, r := range e.Evaluate(at, samples) {
			if r.State == signal.Warning || r.State == signal.Critical {
				var labels []string
				for _, v := range r.Labels {
					labels = append(labels, v)
				}
				found = append(found, r.Signal+"{"+strings.Join(labels, ",")+"} "+r.State.String())
			}
		}
	}
	return found
}

func samplesOf(t *testing.T, c collector.Collector) []signal.Sample {
	t.Helper()
	o := &once{Collector: c, ctx: t.Context()}
	reg := prometheus.NewRegistry()
	reg.MustRegister(o)
	families, err := reg.Gather()
	if err != nil || o.err != nil {
		t.Fatal(err, o.err)
	}
	var samples []signal.Sample
	for _, mf := range families {
		for _, m := range mf.GetMetric() {
			labels := map[string]string{"environment": "test", "component": "erp"}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			samples = append(samples, signal.Sample{Name: mf.GetName(), Labels: labels, Value: m.GetGauge().GetValue() + m.GetCounter().GetValue()})
		}
	}
	return samples
}
