package postgres_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/lab"
)

// TestVersions runs every task on a real server of every supported version:
// none fails or is denied anything, and the families each publishes, with their
// labels, are those of the version's golden and, of 15, those of
// postgres_exporter.
func TestVersions(t *testing.T) {
	t.Parallel()
	versions, err := lab.PostgresVersions()
	must(t, err)
	atOnce := make(chan struct{}, 2) // servers of the same moment
	for _, v := range versions {
		t.Run(strconv.Itoa(v.Major), func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			options := lab.PostgresOptions{BinDir: v.BinDir}
			if v.Major >= 14 {
				options.Settings = map[string]string{"track_wal_io_timing": "on"}
			}
			p := startPostgres(t, options)
			w := busyWatch(t, p)
			var report strings.Builder
			there := map[string]string{}
			for _, task := range w.order {
				for _, f := range w.families(t, task) {
					there[f.GetName()] = labelsOf(f)
					fmt.Fprintf(&report, "%s\t%s\t%s\t%s\n", task, f.GetName(), strings.ToLower(f.GetType().String()), labelsOf(f))
				}
			}
			goldenText(t, fmt.Sprintf("testdata/versions/%d.tsv", v.Major), report.String())
			everyParameter(t, p, report.String())
			if v.Major == 15 {
				peerFamilies(t, describe(w), there)
			}
		})
	}
}

// A tasksWatch is a watch whose tasks are known in order.
type tasksWatch struct {
	*watch
	order []string
}

// busyWatch runs an instance on a server that has something to show: a lock
// held, a file archived, a role, statements and a table that was vacuumed.
func busyWatch(t *testing.T, p *lab.Postgres) tasksWatch {
	t.Helper()
	for _, sql := range []string{"SELECT pg_switch_wal(), pg_stat_reset()", "CREATE INDEX ON moves (n)", "VACUUM moves", "ANALYZE moves"} {
		execute(t, p, sql)
	}
	awaitStatistics(t, p)
	connect(t, p, "odoo", "BEGIN; INSERT INTO moves VALUES (1)")
	w := tasksWatch{watch: startWatch(t, p.DSN("mon", "postgres"), t.TempDir())}
	for name := range w.tasks {
		w.order = append(w.order, name)
	}
	slices.Sort(w.order)
	w.becomes(t, is("pg_up", 1))
	w.eventually(t, "statistics", between("pg_stat_archiver_archived_count", 1, 1e6))
	return w
}

// awaitStatistics waits until what was done to the table is counted, which
// takes a moment before version 15.
func awaitStatistics(t *testing.T, p *lab.Postgres) {
	t.Helper()
	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pass(t) {
		counted, err := p.Value(t.Context(), "postgres", "postgres",
			"SELECT last_vacuum IS NOT NULL AND last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'moves'")
		must(t, err)
		if counted == "t" {
			return
		}
	}
	t.Fatalf("after %v the statistics know nothing of VACUUM and ANALYZE", patience)
}

// eventually collects a task until a check holds.
func (w *watch) eventually(t *testing.T, task string, c check) {
	t.Helper()
	const patience = 20 * time.Second
	wrong := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pass(t) {
		got, err := w.collect(t, task)
		must(t, err)
		if wrong = c(got); wrong == "" {
			return
		}
	}
	t.Fatalf("after %v: %s", patience, wrong)
}

// families runs a task twice, since some only tell differences, and checks what
// it publishes as collectortest does.
func (w *watch) families(t *testing.T, task string) []*dto.MetricFamily {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	reg := prometheus.NewPedanticRegistry()
	a := &adapter{Collector: w.tasks[task], ctx: ctx}
	must(t, reg.Register(a))
	var families []*dto.MetricFamily
	for range 2 {
		var err error
		families, err = reg.Gather()
		must(t, err)
		if a.err != nil {
			t.Errorf("task %s: %v", task, a.err)
		}
	}
	collectortest.Lint(t, families)
	return families
}

func labelsOf(f *dto.MetricFamily) string {
	var names []string
	for _, l := range f.GetMetric()[0].GetLabel() {
		names = append(names, l.GetName())
	}
	return strings.Join(names, ",")
}

// What a session sets for itself, and the transaction it is in, says nothing of
// the server.
var ownParameters = map[string]bool{
	"default_transaction_read_only": true, "transaction_read_only": true,
	"statement_timeout": true, "lock_timeout": true, "idle_in_transaction_session_timeout": true,
}

// everyParameter wants all parameters of a server that are numbers or switches
// to be published.
func everyParameter(t *testing.T, p *lab.Postgres, report string) {
	t.Helper()
	list, err := p.Value(t.Context(), "postgres", "postgres",
		"SELECT string_agg(name, ' ') FROM pg_settings WHERE vartype IN ('bool', 'integer', 'real')")
	must(t, err)
	for name := range strings.FieldsSeq(list) {
		family := "\tpg_settings_" + strings.ReplaceAll(name, ".", "_")
		there := strings.Contains(report, family+"\t") || strings.Contains(report, family+"_seconds\t") || strings.Contains(report, family+"_bytes\t")
		if there == ownParameters[name] {
			t.Errorf("the parameter %s is published: %v", name, there)
		}
	}
}

// goldenText compares a text with a golden file.
func goldenText(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}
