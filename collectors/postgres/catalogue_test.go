package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// oneRow makes an answer of one row.
func oneRow(name string, cells map[string]string) pgsession.Result {
	columns := slices.Sorted(maps.Keys(cells))
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = cells[c]
	}
	return rows(name, columns, values)
}

// databaseRow is one of pg_stat_database in which every counter is 7 but those
// given.
func databaseRow(version int, cells map[string]string) map[string]string {
	all := map[string]string{"datid": "16384", "datname": "prod", "stats_reset": "1774980000"}
	for _, columns := range [][]databaseColumn{databaseColumns, conflictColumns, sessionColumns} {
		for _, c := range since(version, columns) {
			all[c.name] = "7"
		}
	}
	maps.Copy(all, cells)
	return all
}

func TestCatalogue(t *testing.T) {
	monitor := rows("rights", []string{"role", "monitor"}, []string{"mon", "t"})
	shared := databaseRow(15, map[string]string{"datid": "0", "datname": "∅", "stats_reset": "∅"})
	both := oneRow("databases", databaseRow(15, map[string]string{
		"blk_read_time": "∅", "blk_write_time": "∅", "active_time": "1500", "idle_in_transaction_time": "250", "sessions_killed": "0",
	}))
	both.Rows = append(both.Rows, oneRow("databases", shared).Rows...)
	checkpoints16 := map[string]string{"stats_reset": "1774980000"}
	for _, s := range bgwriter[:len(bgwriter)-1] {
		checkpoints16[s.column] = "7"
	}
	checkpoints17 := maps.Clone(checkpoints16)
	checkpoints17["checkpointer_reset"] = "1774970000"
	for _, s := range checkpointer {
		checkpoints17[s.column] = "8"
	}
	ioColumns := []string{"backend_type", "object", "fsync", "fsync_seconds", "read", "read_bytes", "read_seconds", "write", "write_bytes", "write_seconds", "extend", "extend_bytes", "extend_seconds"}
	tests := map[string]struct {
		version  int
		subjects []subject
		answer   pgsession.Result
	}{
		"databases_13":                          {13, databases(func() string { return "10.0.0.1:5432" }), oneRow("databases", databaseRow(13, nil))},
		"databases_without_io_timing":           {15, databases(func() string { return "10.0.0.1:5432" }), both},
		"databases_that_cannot_be_read":         {15, databases(func() string { return "" }), pgsession.Result{Name: "databases", Rows: both.Rows, Err: &fault.Error{Op: "read databases", Kind: fault.Timeout}}},
		"checkpoints_16":                        {16, checkpoints, oneRow("checkpoints", checkpoints16)},
		"checkpoints_17":                        {17, checkpoints, oneRow("checkpoints", checkpoints17)},
		"wal_13":                                {13, wal, oneRow("WAL", map[string]string{"position": "50331648"})},
		"wal_without_timing":                    {16, wal, oneRow("WAL", map[string]string{"position": "50331648", "wal_records": "900", "wal_fpi": "90", "wal_buffers_full": "0", "wal_write_time": "∅", "wal_sync_time": "∅", "stats_reset": "1774980000"})},
		"wal_of_a_standby_that_follows_nothing": {18, wal, oneRow("WAL", map[string]string{"position": "∅", "wal_records": "0", "wal_fpi": "0", "wal_buffers_full": "0", "stats_reset": "∅"})},
		"wal_directory":                         {15, []subject{walDirectory}, oneRow("WAL directory", map[string]string{"segments": "4", "bytes": "67108864"})},
		"io_without_timing": {17, inputOutput, rows("I/O", ioColumns,
			[]string{"client backend", "relation", "3", "∅", "100", "819200", "∅", "10", "81920", "∅", "5", "40960", "∅"},
			[]string{"other", "wal", "2", "0.125", "∅", "∅", "∅", "9", "8192", "0.5", "∅", "∅", "∅"})},
		"settings": {15, []subject{settings}, rows("parameters", []string{"name", "setting", "unit"},
			[]string{"shared_buffers", "16384", "8kB"}, []string{"checkpoint_timeout", "300", "s"}, []string{"autovacuum_naptime", "1", "min"},
			[]string{"fsync", "on", "∅"}, []string{"jit", "off", "∅"}, []string{"random_page_cost", "1.1", "∅"},
			[]string{"autovacuum_work_mem", "-1", "kB"}, []string{"pg_stat_statements.max", "5000", "∅"}, []string{"somebody.extension", "1", "∅"})},
		"limits_of_roles":     {15, []subject{roleLimits}, rows("limits of roles", []string{"name", "most"}, []string{"odoo", "64"}, []string{"postgres", "-1"})},
		"limits_of_databases": {15, []subject{databaseLimits}, rows("limits of databases", []string{"name", "most"}, []string{"prod", "-1"})},
		"wraparound": {15, []subject{wraparound}, rows("wraparound", []string{"datname", "xid", "multixact", "share", "used"},
			[]string{"prod", "250000000", "1000", "1.25", "0.1164"}, []string{"a \"quoted\"\nname \xff", "100000000", "1000", "0.5", "0.0466"})},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ask := func(_ context.Context, queries ...pgsession.Query) pgsession.Results {
				if len(queries) != 2 {
					t.Fatalf("%d queries asked of version %d, want the rights and one", len(queries), tt.version)
				}
				return pgsession.Results{monitor, tt.answer}
			}
			err := collectortest.Golden(t, Statistics{ask, func() int { return tt.version }, tt.subjects, true}, name)
			if (err != nil) != (tt.answer.Err != nil) {
				t.Errorf("Collect() = %v", err)
			}
		})
	}
}

// However many databases there are, what is published of them is bounded and
// adds up.
func TestDatabasesAreBounded(t *testing.T) {
	for _, n := range []int{20, 60, 200} {
		r := oneRow("databases", databaseRow(15, map[string]string{"datid": "0", "datname": "∅"}))
		for i := range n {
			r.Rows = append(r.Rows, oneRow("databases", databaseRow(15, map[string]string{
				"datid": strconv.Itoa(16384 + i), "datname": fmt.Sprintf("odoo%d", i), "xact_commit": strconv.Itoa(i),
			})).Rows...)
		}
		ch := make(chan prometheus.Metric, 1000)
		databases(func() string { return "10.0.0.1:5432" })[1].publish(ch, r)
		close(ch)
		series, commits, own := 0, 0.0, 0
		for m := range ch {
			series++
			if strings.Contains(m.Desc().String(), `"pg_stat_database_xact_commit"`) {
				var out dto.Metric
				_ = m.Write(&out)
				commits += out.GetCounter().GetValue()
				own++
			}
		}
		if want := float64(n * (n - 1) / 2); commits != want || own > maxDatabases+1 || series > 560 {
			t.Errorf("of %d databases %d series; %d of commits add up to %v, want %v", n, series, own, commits, want)
		}
	}
}

func TestSettingValue(t *testing.T) {
	tests := map[string]struct {
		setting, unit string
		want          float64
		base          string
		ok            bool
	}{
		"on":                   {"on", "", 1, "", true},
		"off":                  {"off", "", 0, "", true},
		"plain":                {"0.9", "", 0.9, "", true},
		"blocks":               {"16384", "8kB", 128 << 20, "bytes", true},
		"segments":             {"64", "16MB", 1 << 30, "bytes", true},
		"milliseconds":         {"250", "ms", 0.25, "seconds", true},
		"microseconds":         {"250", "us", 0.00025, "seconds", true},
		"minutes":              {"1440", "min", 86400, "seconds", true},
		"none":                 {"-1", "kB", -1, "bytes", true},
		"none, in minutes":     {"-1", "min", -1, "seconds", true},
		"an unknown unit":      {"5", "furlong", 0, "", false},
		"an impossible number": {"5", strings.Repeat("9", 400) + "kB", 0, "", false},
		"text":                 {"replica", "", 0, "", false},
		"nothing":              {"", "", 0, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v, base, ok := settingValue(tt.setting, tt.unit)
			if ok != tt.ok || (ok && (v != tt.want || base != tt.base)) {
				t.Errorf("settingValue(%q, %q) = %v %s, %v; want %v %s, %v", tt.setting, tt.unit, v, base, ok, tt.want, tt.base, tt.ok)
			}
		})
	}
}

// The parameters fit into the share of their task.
func TestParametersAreBounded(t *testing.T) {
	if n := len(parameters); n < 250 || n > 320 {
		t.Errorf("%d parameters, and the share of the task has room for about 300", n)
	}
	for name, d := range parameters {
		if strings.ContainsAny(name, " \t") {
			t.Errorf("%q is no parameter: %v", name, d)
		}
	}
}
