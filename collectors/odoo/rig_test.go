package odoo

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// server starts one PostgreSQL for all tests, on first use.
var server = sync.OnceValues(func() (*lab.Postgres, error) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		return nil, err
	}
	shared.lab = l
	p, err := l.Postgres(context.Background(), lab.PostgresOptions{Settings: map[string]string{"autovacuum": "off", "timezone": "Asia/Tokyo"}})
	if err != nil {
		return nil, err
	}
	return p, p.Exec(context.Background(), "postgres", "postgres", "CREATE ROLE reader LOGIN; GRANT pg_monitor TO reader")
})

var shared struct {
	lab  *lab.Lab
	mu   sync.Mutex
	last int
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.lab != nil {
		if err := shared.lab.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// A tenant is a database in the shape of one version of Odoo and a role that
// may read it.
type tenant struct {
	t    *testing.T
	p    *lab.Postgres
	name string
	db   *database
	now  time.Time
}

// newTenant makes an empty database that the reader may read. Two companies are
// known by name, company 3 belongs to the flows.
func newTenant(t *testing.T, version int) *tenant {
	t.Helper()
	return makeTenant(t, version, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;")
}

// templates are databases with the tables of each version, made on first use.
var templates = func() map[int]func() (string, error) {
	all := map[int]func() (string, error){}
	for _, v := range versions {
		all[v] = sync.OnceValues(func() (string, error) { return makeTemplate(v) })
	}
	return all
}()

func makeTemplate(version int) (string, error) {
	p, err := server()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("odoo%d", version)
	if err := p.Exec(context.Background(), "postgres", "postgres", "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	for _, file := range []string{name[len("odoo"):], "common"} {
		sql, err := os.ReadFile("testdata/schema/" + file + ".sql")
		if err != nil {
			return "", err
		}
		if err := p.Exec(context.Background(), "postgres", name, string(sql)); err != nil {
			return "", err
		}
	}
	return name, nil
}

// makeTenant makes a database with the tables of a version, and begins it with
// some SQL.
func makeTenant(t *testing.T, version int, begin string) *tenant {
	t.Helper()
	template, err := templates[version]()
	if err != nil {
		t.Fatal(err)
	}
	p, err := server()
	if err != nil {
		t.Fatal(err)
	}
	shared.mu.Lock()
	shared.last++
	name := fmt.Sprintf("tenant%d", shared.last)
	shared.mu.Unlock()
	if err := p.Exec(t.Context(), "postgres", "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	te := &tenant{t: t, p: p, name: name, now: time.Now()}
	te.exec(begin)
	session := pgsession.Open(pgsession.Settings{DSN: secret.New(p.DSN("reader", "postgres")), Database: name})
	t.Cleanup(session.Close)
	te.db = &database{
		tenant: "prod", ask: session.Batch, now: time.Now,
		entities: newEntities([]Company{{ID: 1, Entity: "acme-uk"}, {ID: 2, Entity: "acme-at"}, {ID: 3, Synthetic: true}}, ""),
	}
	return te
}

func (te *tenant) exec(sql string, args ...any) {
	te.t.Helper()
	if len(args) > 0 {
		sql = fmt.Sprintf(sql, args...)
	}
	if err := te.p.Exec(te.t.Context(), "postgres", te.name, sql); err != nil {
		te.t.Fatal(err)
	}
}

// once is a collector as client_golang sees it, undescribed.
type once struct {
	collector.Collector
	ctx context.Context
	err error
}

func (o *once) Describe(chan<- *prometheus.Desc)    {}
func (o *once) Collect(ch chan<- prometheus.Metric) { o.err = o.Collector.Collect(o.ctx, ch) }

// collect gathers once and returns every series by its name and label values,
// as name{a,b}. The tenant is left out.
func collect(t *testing.T, c collector.Collector) (map[string]float64, error) {
	t.Helper()
	return collectBut(t, c, "tenant")
}

// collectBut is collect, with one label left out.
func collectBut(t *testing.T, c collector.Collector, omitted string) (map[string]float64, error) {
	t.Helper()
	o := &once{Collector: c, ctx: t.Context()}
	reg := prometheus.NewRegistry()
	reg.MustRegister(o)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, mf := range families {
		for _, m := range mf.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				if l.GetName() != omitted {
					labels = append(labels, l.GetValue())
				}
			}
			values[mf.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values, o.err
}

// mustCollect is collect for a look that finds nothing wrong.
func mustCollect(t *testing.T, c collector.Collector) map[string]float64 {
	t.Helper()
	values, err := collect(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// without leaves one family out of a collector: one that differs each time.
type without struct {
	collector.Collector
	desc *prometheus.Desc
}

func (w without) Describe(ch chan<- *prometheus.Desc) {
	all := make(chan *prometheus.Desc)
	go func() { defer close(all); w.Collector.Describe(all) }()
	for d := range all {
		if d != w.desc {
			ch <- d
		}
	}
}

func (w without) Collect(ctx context.Context, ch chan<- prometheus.Metric) (err error) {
	all := make(chan prometheus.Metric)
	go func() { defer close(all); err = w.Collector.Collect(ctx, all) }()
	for m := range all {
		if m.Desc() != w.desc {
			ch <- m
		}
	}
	return err
}
