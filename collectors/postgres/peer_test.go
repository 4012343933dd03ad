package postgres_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What postgres_exporter has and this collector tells in another way.
var servedDifferently = map[string]string{
	"pg_exporter_last_scrape_duration_seconds": "closewatch_scrape_collector_duration_seconds: a scrape asks no server",
	"pg_exporter_last_scrape_error":            "closewatch_scrape_collector_success, and closewatch_scrape_collector_failures_total by kind",
	"pg_exporter_scrapes_total":                "closewatch_scrape_collector_requests_total: tasks have a cadence of their own",
	"pg_scrape_collector_duration_seconds":     "closewatch_scrape_collector_duration_seconds by component and task",
	"pg_scrape_collector_success":              "closewatch_scrape_collector_success by component and task",
	"postgres_exporter_build_info":             "closewatch_build_info: one program, not one for each server",
}

// What it has and this collector leaves out.
var leftOut = map[string]string{
	"postgres_exporter_config_last_reload_successful":                "the daemon's configuration is not a server's",
	"postgres_exporter_config_last_reload_success_timestamp_seconds": "the daemon's configuration is not a server's",
	"pg_settings_default_transaction_read_only":                      own,
	"pg_settings_transaction_read_only":                              own,
	"pg_settings_statement_timeout_seconds":                          own,
	"pg_settings_lock_timeout_seconds":                               own,
	"pg_settings_idle_in_transaction_session_timeout_seconds":        own,
}

const own = "what a session sees is its own, and ours are bounded and read-only: what others have cannot be seen"

// Families that a server tells at certain times only, which are in a golden.
var atTimes = map[string]string{
	"pg_stat_user_tables_last_autovacuum":  "of a table that autovacuum has vacuumed; theirs is 0 before",
	"pg_stat_user_tables_last_autoanalyze": "of a table that autovacuum has analyzed; theirs is 0 before",
	"pg_replication_last_replay_seconds":   "by a standby that has replayed a transaction; theirs is 0 before, and grows after a promotion",
}

// peerFamilies lists what postgres_exporter has by default and says of each
// family whether it is published here, given the labels of those that a real
// server of version 15, on which that list was made, makes published.
func peerFamilies(t *testing.T, described map[string]bool, there map[string]string) {
	t.Helper()
	data, err := os.ReadFile("testdata/postgres_exporter-0.20.1.tsv")
	must(t, err)
	var report strings.Builder
	served, total := 0, 0
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		_, labels, _ := strings.Cut(rest, "\t")
		got, published := there[name]
		verdict, why := "served", ""
		total++
		switch {
		case servedDifferently[name] != "":
			verdict, why = "served differently", servedDifferently[name]
		case leftOut[name] != "":
			verdict, why = "left out", leftOut[name]
		case !described[name]:
			t.Errorf("%s is neither served nor said to be left out", name)
		case atTimes[name] != "":
			why = atTimes[name]
			served++
		case !published:
			t.Errorf("%s is described, and a real server does not make it published", name)
		case got != labels:
			t.Errorf("%s has the labels %s, want %s", name, got, labels)
		default:
			served++
		}
		fmt.Fprintf(&report, "%s\t%s\t%s\n", name, verdict, why)
		if verdict != "served" && described[name] {
			t.Errorf("%s is served, and said not to be", name)
		}
	}
	goldenText(t, "testdata/coverage.tsv", report.String())
	t.Logf("%d of %d families of postgres_exporter 0.20.1 are served: %.1f %%", served, total, 100*float64(served)/float64(total))
	if 100*served < 95*total {
		t.Errorf("%d of %d families are served, want 95 %%", served, total)
	}
}
