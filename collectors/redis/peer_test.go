package redis

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/lab"
)

// What redis_exporter has and this collector tells in another way.
var servedDifferently = map[string]string{
	"redis_exporter_build_info":                       "closewatch_build_info: one program, not one for each server",
	"redis_exporter_last_scrape_connect_time_seconds": "redis_ping_duration_seconds: connections are kept, so connecting says nothing about a look",
	"redis_exporter_last_scrape_error":                "closewatch_scrape_collector_success, and closewatch_scrape_collector_failures_total by kind: an error text is no label",
	"redis_exporter_scrape_duration_seconds":          "closewatch_scrape_collector_duration_seconds: a scrape asks no server",
	"redis_exporter_scrapes_total":                    "closewatch_scrape_collector_requests_total: looks have a cadence of their own",
}

// What it has and this collector leaves out.
var leftOut = map[string]string{
	"redis_target_scrape_request_errors_total":           "there is no ?target=: servers to ask are named in the estate only",
	"redis_last_key_groups_scrape_duration_milliseconds": "keys are grouped by a script with redis_exporter; nothing is run on a server here",
}

// Families that a server tells at certain times only, which are in a golden.
var atTimes = map[string]string{
	"redis_aof_current_rewrite_duration_sec": "while the file is rewritten; redis_exporter says -1 otherwise",
	"redis_aof_last_rewrite_duration_sec":    "after a rewrite; redis_exporter says -1 before",
	"redis_rdb_current_bgsave_duration_sec":  "while a snapshot is written; redis_exporter says -1 otherwise",
}

// TestPeerFamilies lists what redis_exporter has and says of each family whether
// a real server makes it published here.
func TestPeerFamilies(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/redis_exporter-1.88.txt")
	must(t, err)
	r := startRedis(t, startLab(t), lab.RedisOptions{Args: []string{"--enable-debug-command", "yes", "--latency-monitor-threshold", "1", "--slowlog-log-slower-than", "0", "--save", "3600 1"}})
	c := dial(t, r.URL())
	do(t, c, "SET", "k", "v", "EX", "100")
	do(t, c, "DEBUG", "SLEEP", "0.05")
	do(t, c, "SAVE")
	do(t, c, "BGSAVE")
	tasks, _ := watch(t, r.URL())
	there := map[string]bool{}
	becomes(t, tasks["info"], "saved in the background", func(p published) bool {
		return p.values["redis_rdb_last_bgsave_duration_sec"] >= 0 && p.families["redis_rdb_last_bgsave_duration_sec"] != nil
	})
	for _, task := range []string{"server", "info"} {
		for name := range becomes(t, tasks[task], "there", func(p published) bool { return len(p.values) > 0 }).families {
			there[name] = true
		}
	}
	of := described()
	var report strings.Builder
	served, total := 0, 0
	for name := range strings.Lines(string(data)) {
		if name = strings.TrimSpace(name); strings.HasPrefix(name, "#") {
			continue
		}
		total++
		switch {
		case servedDifferently[name] != "":
			fmt.Fprintf(&report, "%s\tserved differently\t%s\n", name, servedDifferently[name])
		case leftOut[name] != "":
			fmt.Fprintf(&report, "%s\tleft out\t%s\n", name, leftOut[name])
		case !of[name]:
			t.Errorf("%s is neither served nor said to be left out", name)
		case !there[name] && atTimes[name] == "":
			t.Errorf("%s is described, and a real server does not make it published", name)
		case atTimes[name] != "":
			served++
			fmt.Fprintf(&report, "%s\tserved\t%s\n", name, atTimes[name])
		default:
			served++
			fmt.Fprintf(&report, "%s\tserved\t\n", name)
		}
		if (servedDifferently[name] != "" || leftOut[name] != "") && of[name] {
			t.Errorf("%s is served, and said not to be", name)
		}
	}
	golden(t, "testdata/coverage.tsv", report.String())
	t.Logf("%d of %d families of redis_exporter 1.88 are served: %.1f %%", served, total, 100*float64(served)/float64(total))
	if 100*served < 95*total {
		t.Errorf("%d of %d families are served, want 95 %%", served, total)
	}
}

// The names of a family's labels are redis_exporter's.
func TestPeerLabels(t *testing.T) {
	want := map[string]string{
		"redis_commands_total": "cmd", "redis_commands_latencies_usec": "cmd", "redis_latency_percentiles_usec": "cmd",
		"redis_config_client_output_buffer_limit_bytes": "class,limit", "redis_db_keys": "db", "redis_errors_total": "err",
		"redis_instance_info":      "master_replid,maxmemory_policy,os,process_id,redis_build_id,redis_mode,redis_version,role,run_id,tcp_port",
		"redis_latency_spike_last": "event_name", "redis_key_size": "db,key", "redis_stream_length": "db,stream", "redis_stream_group_lag": "db,group,stream",
		"redis_up": "",
	}
	got := map[string]string{}
	for name, f := range collectAll(t, NewInfo(Queue, []string{"jobs", "gone", "feed"}, recorded(t, "redis_7.0", full()).ask, then)).families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		got[name] = strings.Join(labels, ",")
	}
	for name, labels := range want {
		if got[name] != labels {
			t.Errorf("%s has the labels %s, want %s", name, got[name], labels)
		}
	}
}
