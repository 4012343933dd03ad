package collectors_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/collectors/odoo"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// oneOfEach is an estate with a component of each kind that asks.
const oneOfEach = `apiVersion: closewatch/v1
kind: Estate
metadata: {name: one-of-each}
components:
  db: {postgres: {dsn: "postgres://mon@127.0.0.1:1/postgres"}}
  cache: {redis: {url: "redis://127.0.0.1:1/0", keys: [jobs], sentinels: {master: m, urls: ["redis://127.0.0.1:1"]}}}
  ingress: {traefik: {metrics: "http://127.0.0.1:1/metrics", ping: "http://127.0.0.1:1/ping"}}
  erp: {odoo: {url: "http://127.0.0.1:1", database: prod}}
  bank: {endpoint: {class: bank, checks: [{name: open, tcp: {address: "127.0.0.1:1"}}]}}
  certificates: {certificate: {targets: [{name: erp, served: "127.0.0.1:1"}]}}
  metrics: {prometheus: {url: "http://127.0.0.1:1", queries: [{name: disk, title: Disks, query: up, warning: 1, says: it is full}]}}
`

// tasks of all components of an estate, and the least that a reader of each
// metric allows it to age.
func tasks(t *testing.T) (list []collector.Task, fresh map[string]time.Duration) {
	t.Helper()
	catalog := collectors.Catalog(func(s estate.Section) (c odoo.Config, m estate.Mistakes) { m = s.Decode(&c); return c, m })
	var kinds []string
	for _, k := range catalog {
		kinds = append(kinds, k.Name)
	}
	e, err := estate.Parse("one-of-each.yaml", []byte(oneOfEach), estate.Options{Kinds: kinds})
	must(t, err)
	fresh = map[string]time.Duration{}
	for _, c := range e.Components {
		k := catalog[slices.Index(kinds, c.Kind)]
		watch, mistakes := k.Decode(c.Section)
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		signals := k.Signals()
		if watch.Signals != nil {
			signals = append(signals, watch.Signals(c.Name)...)
		}
		for _, s := range signals {
			if known, ok := fresh[s.Metric]; !ok || s.Fresh < known {
				fresh[s.Metric] = s.Fresh
			}
		}
		i := watch.Open(collectors.Site{Component: c.Name, Environment: "test", Now: time.Now, DSN: secret.New("postgres://mon@127.0.0.1:1/prod")})
		t.Cleanup(i.Close)
		list = append(list, i.Tasks()...)
	}
	return list, fresh
}

// A target that costs too much is asked less, but never so rarely that a signal
// takes what is known of it for outdated.
func TestNoTaskIsSlowedBeyondItsSignals(t *testing.T) {
	list, fresh := tasks(t)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	judged := 0
	for _, task := range list {
		if task.Budget == (collector.Budget{}) {
			continue // it keeps its pace
		}
		descs := make(chan *prometheus.Desc)
		go func() {
			defer close(descs)
			task.Collector.Describe(descs)
		}()
		for d := range descs {
			metric := name.FindStringSubmatch(d.String())[1]
			allowed, read := fresh[metric]
			if !read {
				continue
			}
			judged++
			if task.Fresh == 0 || task.Fresh > allowed {
				t.Errorf("task %s of %s takes %s for current for %v, a signal for %v", task.Name, task.Component, metric, task.Fresh, allowed)
			}
		}
	}
	if judged < 10 {
		t.Errorf("only %d metrics of signals were looked at", judged)
	}
}

// Whoever asks a monitored system again and again within bounds says which.
func TestWhoAsksHasABudget(t *testing.T) {
	// These read memory, or are checks that ask once. What looks at PostgreSQL cost
	// in the background is the budget of replication.
	none := []string{"db/server", "cache/server", "cache/sentinels", "ingress/ping", "erp/health", "bank/open", "certificates/erp"}
	list, _ := tasks(t)
	for _, task := range list {
		id := task.Component + "/" + task.Name
		if got, want := task.Budget == (collector.Budget{}), slices.Contains(none, id); got != want {
			t.Errorf("task %s without a budget: %v, want %v", id, got, want)
		}
	}
}

// Whatever a run asks of somebody else is charged to it, also when nobody is
// there.
func TestWhoAsksIsCharged(t *testing.T) {
	memory := []string{"db/server", "db/replication", "cache/server", "cache/sentinels"}
	list, _ := tasks(t)
	tried := map[string]bool{}
	for _, task := range list {
		id := task.Component + "/" + task.Name
		var meter collector.Meter
		metrics := make(chan prometheus.Metric)
		go func() {
			defer close(metrics)
			_ = task.Collector.Collect(collector.WithMeter(t.Context(), &meter), metrics) // nobody is there
		}()
		for range metrics {
			continue // it is the cost that counts
		}
		got, want := meter.Spent(), !slices.Contains(memory, id)
		if (got.Waiting > 0) != want || want && !tried[task.Component] && got.Connections == 0 {
			t.Errorf("task %s is charged with %+v; it asks: %v", id, got, want)
		}
		tried[task.Component] = tried[task.Component] || want // the next shares its connection, and the pause after its failure
	}
}
