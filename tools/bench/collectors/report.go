package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/closewatch/closewatch/internal/fault"
)

// A report is everything that was measured.
type report struct {
	postgres, redis measurement
	peers           []peer
	daemon          daemon
}

// failed is what went wrong in the tasks: what a failing one costs says nothing.
func (r report) failed() error { return errors.Join(r.postgres.failed(), r.redis.failed()) }

func (m measurement) failed() error {
	var errs []error
	for _, t := range m.tasks {
		if t.err != nil {
			errs = append(errs, fmt.Errorf("task %s of %s failed while it was measured: %w", t.name, m.name, t.err))
		}
	}
	return errors.Join(errs...)
}

// A table is what people read.
type table struct{ *tabwriter.Writer }

func newTable(out io.Writer) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)}
	t.row("what is run", "how often", "own CPU ms", "server CPU ms", "statements", "logins", "series", "in 15 s: own", "server")
	return t
}

func (t table) row(cells ...any) { fmt.Fprintln(t, strings.Join(texts(cells), "\t")+"\t") }

// print writes a table of one collector.
func (m measurement) print(out io.Writer) {
	t := newTable(out)
	m.rows(t)
	_ = t.Flush()
}

func (m measurement) rows(to table) {
	for _, t := range m.tasks {
		name := m.name + " " + t.name
		if t.err != nil {
			name += " (failed: " + string(fault.KindOf(t.err)) + ")"
		}
		to.row(name, t.interval, t.each.own, t.each.server, t.each.statements, t.each.logins, t.series, t.perTier().own, t.perTier().server)
	}
	fast, whole := m.fast(), m.whole()
	to.row(m.name+" sampler, apart", "1s", "", "", m.sampler.statements, m.sampler.logins, "", m.sampler.own, m.sampler.server)
	to.row(m.name+" fast tier", tier, "", "", fast.statements, fast.logins, "", fast.own, fast.server)
	to.row(m.name+" whole", tier, "", "", whole.statements, whole.logins, m.series(), whole.own, whole.server)
}

// print writes a table for people and one line for programs.
func (r report) print(out io.Writer) {
	t := newTable(out)
	r.postgres.rows(t)
	r.redis.rows(t)
	for _, p := range r.peers {
		t.row(p.name, "a scrape", p.each.own, p.each.server, p.each.statements, p.each.logins, p.series, p.each.own, p.each.server)
	}
	d := r.daemon
	t.row("the daemon on both, slow tasks aside", tier, "", "", d.used.statements, d.used.logins, d.series, d.used.own, d.used.server+d.redis)
	t.row("the daemon on neither", tier, "", "", "", "", "", d.idle, "")
	t.row("waking up once a second", tier, "", "", "", "", "", d.tick, "")
	_ = t.Flush()
	fmt.Fprintf(out, "/metrics of the daemon: %d series, %.2f ms of CPU, answered in %.2f ms (median) and %.2f ms (99th percentile)\n",
		d.series, d.scrapeCPU, d.scrapeP50, d.scrapeP99)
	fmt.Fprintln(out, r.line())
}

func texts(cells []any) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		if v, ok := c.(float64); ok {
			c = strings.Replace(fmt.Sprintf("%.2f", v), "-0.00", "0.00", 1)
		}
		out[i] = fmt.Sprint(c)
	}
	return out
}

// line is the last one: key=value words.
func (r report) line() string {
	var words []string
	add := func(key string, value float64, decimals int) {
		words = append(words, fmt.Sprintf("%s=%.*f", key, decimals, value))
	}
	fast, whole, cache := r.postgres.fast(), r.postgres.whole(), r.redis.whole()
	add("pg_fast_cpu_ms", fast.own, 2)
	add("pg_fast_server_ms", fast.server, 2)
	add("pg_fast_statements", fast.statements, 1)
	add("pg_fast_logins", fast.logins, 2)
	add("pg_whole_cpu_ms", whole.own, 2)
	add("pg_whole_server_ms", whole.server, 2)
	add("pg_series", float64(r.postgres.series()), 0)
	add("redis_cpu_ms", cache.own, 2)
	add("redis_server_ms", cache.server, 2)
	add("rss_mb", r.daemon.memory, 1)
	add("pg_sampler_cpu_ms", r.postgres.sampler.own, 2)
	add("pg_sampler_server_ms", r.postgres.sampler.server, 2)
	add("redis_sampler_cpu_ms", r.redis.sampler.own, 2)
	add("redis_sampler_server_ms", r.redis.sampler.server, 2)
	add("redis_series", float64(r.redis.series()), 0)
	add("daemon_cpu_ms", r.daemon.used.own, 1)
	add("daemon_idle_cpu_ms", r.daemon.idle, 1)
	add("tick_cpu_ms", r.daemon.tick, 1)
	add("scrape_p99_ms", r.daemon.scrapeP99, 2)
	for _, p := range r.peers {
		add(p.key+"_cpu_ms", p.each.own, 2)
		add(p.key+"_server_ms", p.each.server, 2)
		if p.key != "rexp" {
			add(p.key+"_statements", p.each.statements, 1)
			add(p.key+"_logins", p.each.logins, 2)
		}
		add(p.key+"_series", float64(p.series), 0)
		add(p.key+"_rss_mb", p.memory, 1)
	}
	for _, p := range r.peers {
		ours := map[string]cost{"pge": fast, "pge_all": whole, "rexp": cache}[p.key]
		add(p.key+"_times_cpu", p.each.own/ours.own, 1)
		add(p.key+"_times_server", p.each.server/ours.server, 1)
		if p.key != "rexp" {
			add(p.key+"_times_statements", p.each.statements/ours.statements, 1)
		}
	}
	return "bench-collectors: " + strings.Join(words, " ")
}
