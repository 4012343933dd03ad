package app

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A host is an estate of many tenants on one database cluster, one Redis and one
// ingress, each with an Odoo of its own: what a provider runs. Some tenants have
// a second company, so that there are twenty processes for each tenant.
type host struct {
	*decider
	at     time.Time
	series map[string][]signal.Sample
	growth map[string]bool // counters
	scribe *scribe
}

// hosted is an estate of so many tenants.
func hosted(tenants int) []byte {
	var b strings.Builder
	b.WriteString(`apiVersion: closewatch/v1
kind: Estate
metadata: {name: host}
components:
  db: {postgres: {dsn: "postgres://closewatch@127.0.0.1:1/postgres"}}
  cache: {redis: {url: "redis://127.0.0.1:1/0"}}
  ingress: {traefik: {metrics: "http://127.0.0.1:1/metrics"}}
`)
	for i := range tenants {
		fmt.Fprintf(&b, "  erp-%04d:\n    odoo: {url: \"http://127.0.0.1:1\", database: t%04d, login: cw, password: \"${env:CLOSEWATCH_BENCH}\", synthetic: {company: 2, saleJournal: S, bankJournal: B, partner: 3}}\n", i, i)
	}
	b.WriteString("entities:\n")
	for i := range tenants {
		fmt.Fprintf(&b, "  - {name: e%04d, tenant: t%04d, company: 1}\n", i, i)
		if i*54/100 != (i+1)*54/100 { // 1.54 companies have 20 of the catalogue's 13 processes
			fmt.Fprintf(&b, "  - {name: e%04d-2, tenant: t%04d, company: 2}\n", i, i)
		}
	}
	return []byte(b.String())
}

func loadHost(tb testing.TB, tenants int) *Plan {
	tb.Helper()
	tb.Setenv("CLOSEWATCH_BENCH", "pw")
	body := hosted(tenants)
	p, err := loadFrom(func(o estate.Options) (*estate.Estate, error) { return estate.Parse("host.yaml", body, o) })
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// newHost is a host that has been watched for a while, and is healthy.
func newHost(tb testing.TB, tenants int) *host {
	tb.Helper()
	p := loadHost(tb, tenants)
	d, err := newDecider(p, newCalendars(p.Estate, entities(p.Estate, p.tenants)))
	if err != nil {
		tb.Fatal(err)
	}
	h := &host{decider: d, at: noon, series: map[string][]signal.Sample{}, growth: map[string]bool{}}
	if h.scribe, err = newScribe(); err != nil {
		tb.Fatal(err)
	}
	for _, c := range p.Estate.Components {
		for name, up := range map[string]string{process.Postgres: "pg_up", process.Redis: "redis_up", process.Odoo: "odoo_up", process.Traefik: "traefik_up"} {
			if c.Kind == name {
				h.add(up, 1, labels{"component": c.Name})
			}
		}
		if c.Kind == process.Postgres {
			for name, value := range map[string]float64{
				"pg_replication_is_replica": 0, "pg_primaries": 1, "pg_connections_used_ratio": 0.3, "pg_longest_idle_in_transaction_seconds": 0,
				"pg_longest_prepared_transaction_seconds": 0, "pg_longest_transaction_seconds": 1, "pg_active_sessions": 4,
			} {
				h.add(name, value, labels{"component": c.Name})
			}
		}
	}
	of := map[string][]*subject{}
	for i := range d.assembler.subjects {
		s := &d.assembler.subjects[i]
		of[s.key.Tenant] = append(of[s.key.Tenant], s)
	}
	for i, t := range p.tenants {
		h.tenant(t, of[t.name], i)
	}
	for name, all := range h.series {
		h.growth[name] = strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_bucket")
		h.series[name] = slices.Clip(all)
	}
	return h
}

func (h *host) add(name string, value float64, more labels) {
	l := labels{"environment": "production"}
	maps.Copy(l, more)
	h.series[name] = append(h.series[name], signal.Sample{Name: name, Labels: l, Value: value})
}

// tenant has a tenant be used and tried out: what its ingress, its Odoo and its
// flows publish.
func (h *host) tenant(t tenant, subjects []*subject, seed int) {
	of := func(component string, more labels) labels {
		l := labels{"component": component, "tenant": t.name}
		maps.Copy(l, more)
		return l
	}
	seen := map[string]bool{}
	once := func(key string) bool {
		was := seen[key]
		seen[key] = true
		return !was
	}
	for _, s := range subjects {
		for _, f := range s.flows {
			if !once("flow " + f) {
				continue
			}
			for _, outcome := range []string{"passed", "failed"} {
				h.add("closewatch_probe_runs_total", 1, of("probe", labels{"flow": f, "level": "L3", "outcome": outcome}))
			}
			h.histogram("closewatch_probe_duration_seconds", of("probe", labels{"flow": f, "level": "L3"}))
		}
		for _, operation := range s.process.Operations {
			if !once("operation " + operation) {
				continue
			}
			for _, outcome := range []string{"ok", "client", "server"} {
				h.add("traefik_finance_operations_total", 1, of("ingress", labels{"operation": operation, "client": "user", "outcome": outcome}))
			}
			h.histogram("traefik_finance_operation_duration_seconds", of("ingress", labels{"operation": operation, "client": "user"}))
		}
		if m := s.process.Progress; m != "" && once(m+s.key.Entity) {
			h.add(m, float64(seed), of("erp-"+t.name[1:], labels{"entity": s.key.Entity}))
		}
	}
}

func (h *host) histogram(name string, l labels) {
	h.add(name+"_count", 1, l)
	for _, le := range histograms()[name].Bounds {
		h.add(name+"_bucket", 1, with(l, "le", strconv.FormatFloat(le.Seconds(), 'g', -1, 64)))
	}
	h.add(name+"_bucket", 1, with(l, "le", "+Inf"))
}

// Flow implements flowEvidence: every flow passes, every five minutes.
func (h *host) Flow(_, tenant, name string, at time.Time) (tiering.Flow, []flow.Run) {
	after := time.Duration(len(name)+int(tenant[len(tenant)-1])) % 10 * tick
	return tiering.Flow{Name: name, Level: "L3", State: tiering.FlowPassing, LastRun: at.Add(-after).Truncate(5 * time.Minute).Add(after)}, nil
}

// step is a tick: a few of the counters have grown, and all is decided and
// written down.
func (h *host) step() (payload int, t *Tick) {
	h.at = h.at.Add(tick)
	n := int(h.at.Unix() / 30)
	for name, all := range h.series {
		family := len(strings.TrimSuffix(strings.TrimSuffix(name, "_count"), "_bucket")) // a histogram grows as a whole
		for i := range all {
			all[i].At = h.at
			if h.growth[name] && all[i].Labels["outcome"] != "server" && all[i].Labels["outcome"] != "failed" && all[i].Labels["outcome"] != "client" && (family+n)%10 == 0 {
				all[i].Value++
			}
		}
	}
	t = h.decide(h.at, given{published: func(metric string) []signal.Sample { return h.series[metric] }, flows: h, warm: true})
	return len(h.scribe.write(t, h.judge, tick, nil)), t
}

// BenchmarkTenants decides ticks of a thousand tenants with twenty processes
// each, all of them healthy: from what is published to the record of what was
// decided. CLOSEWATCH_TENANTS has fewer. Its numbers are processor time.
func BenchmarkTenants(b *testing.B) {
	tenants, err := strconv.Atoi(cmp.Or(os.Getenv("CLOSEWATCH_TENANTS"), "1000"))
	if err != nil {
		b.Fatal(err)
	}
	began := processorTime(b)
	h := newHost(b, tenants)
	b.ReportMetric((processorTime(b)-began).Seconds()*1000, "start_ms")
	var last *Tick
	for range 12 {
		_, last = h.step()
	}
	for _, c := range last.Components {
		if c.State != signal.OK {
			b.Fatalf("%s is %v", c.Name, c.State)
		}
	}
	for _, im := range last.Impacts {
		if im.Tier > tiering.None || im.Now > tiering.None {
			b.Fatalf("%v is %v: %v", im.Key, im.Tier, im.Reasons)
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began = processorTime(b)
	bytes, ticks := 0, 0
	for b.Loop() {
		n, _ := h.step()
		bytes, ticks = bytes+n, ticks+1
	}
	took := processorTime(b) - began
	runtime.ReadMemStats(&after)
	subjects := float64(len(h.assembler.subjects))
	b.ReportMetric(subjects, "processes")
	b.ReportMetric(float64(len(h.objectives.tracked)), "objectives")
	b.ReportMetric(took.Seconds()*1000/float64(ticks), "cpu_ms/tick")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(ticks), "allocs/tick")
	b.ReportMetric(float64(before.HeapAlloc)/(1<<20), "heap_MB")
	b.ReportMetric(float64(bytes)/float64(ticks), "bytes/tick")
}

// BenchmarkLoadTenants reads and checks the estate of a thousand tenants.
func BenchmarkLoadTenants(b *testing.B) {
	tenants, err := strconv.Atoi(cmp.Or(os.Getenv("CLOSEWATCH_TENANTS"), "1000"))
	if err != nil {
		b.Fatal(err)
	}
	began := processorTime(b)
	for b.Loop() {
		loadHost(b, tenants)
	}
	b.ReportMetric((processorTime(b)-began).Seconds()*1000/float64(b.N), "cpu_ms")
}
