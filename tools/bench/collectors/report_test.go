package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// measured is a report in which every number can be reckoned by hand.
func measured() report {
	return report{
		postgres: measurement{name: "postgres", sampler: cost{own: 6, server: 9}, tasks: []task{
			{name: "replication", interval: 5 * time.Second, each: cost{own: 0.25}, series: 10},
			{name: "statistics", interval: tier, each: cost{own: 1, server: 2, statements: 8}, series: 400},
			{name: "sizes", interval: 5 * time.Minute, each: cost{own: 4, server: 100, statements: 2, logins: 20}, series: 20},
		}},
		redis: measurement{name: "redis", sampler: cost{own: 3, server: 1}, tasks: []task{
			{name: "info", interval: tier, each: cost{own: 0.8, server: 0.4}, series: 300},
		}},
		peers: []peer{
			{key: "pge", name: "one database", each: cost{own: 17.5, server: 60, statements: 12}, series: 1500, memory: 18},
			{key: "pge_all", name: "all databases", each: cost{own: 19.5, server: 140, statements: 32.4}, series: 1500, memory: 19},
			{key: "rexp", name: "redis", each: cost{own: 4, server: 0.8}, series: 370, memory: 16},
		},
		daemon: daemon{used: cost{own: 40}, idle: 5, tick: 3, memory: 58, series: 1200, scrapeP99: 4.5},
	}
}

func TestLastLine(t *testing.T) {
	const want = "bench-collectors: pg_fast_cpu_ms=1.75 pg_fast_server_ms=2.00 pg_fast_statements=8.0 pg_fast_logins=0.00 " +
		"pg_whole_cpu_ms=1.95 pg_whole_server_ms=7.00 pg_series=430 redis_cpu_ms=0.80 redis_server_ms=0.40 rss_mb=58.0 " +
		"pg_sampler_cpu_ms=6.00 pg_sampler_server_ms=9.00 redis_sampler_cpu_ms=3.00 redis_sampler_server_ms=1.00 redis_series=300 " +
		"daemon_cpu_ms=40.0 daemon_idle_cpu_ms=5.0 tick_cpu_ms=3.0 scrape_p99_ms=4.50 " +
		"pge_cpu_ms=17.50 pge_server_ms=60.00 pge_statements=12.0 pge_logins=0.00 pge_series=1500 pge_rss_mb=18.0 " +
		"pge_all_cpu_ms=19.50 pge_all_server_ms=140.00 pge_all_statements=32.4 pge_all_logins=0.00 pge_all_series=1500 pge_all_rss_mb=19.0 " +
		"rexp_cpu_ms=4.00 rexp_server_ms=0.80 rexp_series=370 rexp_rss_mb=16.0 " +
		"pge_times_cpu=10.0 pge_times_server=30.0 pge_times_statements=1.5 pge_all_times_cpu=10.0 pge_all_times_server=20.0 pge_all_times_statements=4.0 " +
		"rexp_times_cpu=5.0 rexp_times_server=2.0"
	var out bytes.Buffer
	measured().print(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFailedTaskIsNamedAndNoMeasurement(t *testing.T) {
	r := measured()
	if err := r.failed(); err != nil {
		t.Fatal(err)
	}
	r.postgres.tasks[2].err = &fault.Error{Op: "read sizes", Kind: fault.Timeout, Err: errors.New("no answer within the deadline")}
	if err := r.failed(); err == nil || !strings.Contains(err.Error(), "task sizes of postgres failed") {
		t.Errorf("failed() = %v", err)
	}
	var out bytes.Buffer
	r.print(&out)
	if !strings.Contains(out.String(), "postgres sizes (failed: timeout)") {
		t.Errorf("the table does not say so:\n%s", out.String())
	}
}

func TestSeriesOfTheExporterItselfDoNotCount(t *testing.T) {
	const exposition = "# HELP redis_up Whether.\n# TYPE redis_up gauge\nredis_up 1\n\ngo_goroutines 7\nprocess_open_fds 9\n" +
		"promhttp_metric_handler_requests_total{code=\"200\"} 1\nredis_db_keys{db=\"db0\"} 3\n"
	if got := seriesIn([]byte(exposition)); got != 2 {
		t.Errorf("%d series, want 2", got)
	}
}
