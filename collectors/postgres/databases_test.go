package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/lab"
)

// awkward is a name that has to be quoted everywhere.
const awkward = "prod \"Zürich\" 会社's\nbooks \\ {a=\"b\"}"

// TestDatabases watches a server of databases whose names are hard, whose
// connections are refused, and which come and go. The one called as the
// residual is has no series of its own.
func TestDatabases(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{})
	create := func(name string) {
		t.Helper()
		execute(t, p, `CREATE DATABASE "`+strings.ReplaceAll(name, `"`, `""`)+`"`)
		must(t, p.Exec(t.Context(), "postgres", name, "CREATE TABLE moves AS SELECT 1"))
	}
	for _, name := range []string{awkward, "other", "closed", "template", "limited"} {
		create(name)
	}
	execute(t, p, `ALTER DATABASE closed ALLOW_CONNECTIONS false; ALTER DATABASE template IS_TEMPLATE true; ALTER DATABASE limited CONNECTION LIMIT 5`)
	w := startWatch(t, p.DSN("mon", "postgres"), t.TempDir())
	w.becomes(t, is("pg_up", 1))
	shares := map[string]int{}
	for _, task := range w.Tasks() {
		shares[task.Name] = task.MaxSeries
	}
	collect := func() series {
		t.Helper()
		all := series{}
		for _, task := range []string{"statistics", "settings", "sizes"} {
			got, err := w.collect(t, task)
			must(t, err)
			if len(got) > shares[task] {
				t.Errorf("task %s publishes %d series, its share is %d", task, len(got), shares[task])
			}
			maps.Copy(all, got)
		}
		return all
	}

	t.Run("series are bounded and add up", func(t *testing.T) {
		got := collect()
		total, err := p.Value(t.Context(), "postgres", "postgres", "SELECT sum(tup_inserted) FROM pg_stat_database WHERE datname IS NOT NULL")
		must(t, err)
		var want float64
		_, err = fmt.Sscan(total, &want)
		must(t, err)
		if sum, n := got.sum("pg_stat_database_tup_inserted{"); math.Abs(sum-want) > 100 || n != 8 {
			t.Errorf("%d series add up to %v, want 8 of about %v", n, sum, want)
		}
		total, err = p.Value(t.Context(), "postgres", "postgres", "SELECT sum(pg_database_size(oid)) FROM pg_database")
		must(t, err)
		_, err = fmt.Sscan(total, &want)
		must(t, err)
		if sum, n := got.sum("pg_database_size_bytes{"); math.Abs(sum-want) > 0.01*want || n != 8 {
			t.Errorf("%d series add up to %v, want 8 of %v", n, sum, want)
		}
		for _, c := range []check{
			between("pg_stat_database_xact_commit{datid="+oidOf(t, p, awkward)+",datname="+awkward+"}", 1, 1e6),
			absent("pg_stat_database_stats_reset{datid=0"),
			between("pg_stat_database_xact_commit{datid=0,datname=other}", 1, 1e9),
			is("pg_database_connection_limit{datname=limited}", 5),
			between("pg_storage_used_bytes", want, 10*want),
			between("pg_wraparound_freeze_ratio{datname=template0}", 0, 0.01),
		} {
			if wrong := c(got); wrong != "" {
				t.Error(wrong)
			}
		}
	})

	t.Run("databases come and go", func(t *testing.T) {
		before := collect()
		execute(t, p, "DROP DATABASE other")
		execute(t, p, "DROP DATABASE limited")
		create("other")
		w.notBelow(t, before, collect())
	})

	t.Run("statistics are reset", func(t *testing.T) {
		before := collect()
		must(t, p.Exec(t.Context(), "postgres", "other", "SELECT pg_stat_reset()"))
		must(t, p.Exec(t.Context(), "postgres", awkward, "SELECT pg_stat_reset()"))
		w.notBelow(t, before, collect())
	})

	t.Run("the server crashes and recovers", func(t *testing.T) {
		before := collect()
		must(t, p.Kill())
		must(t, p.Start(context.WithoutCancel(t.Context())))
		w.becomes(t, is("pg_up", 1))
		var after series
		w.eventually(t, "statistics", func(got series) string { after = got; return "" })
		w.notBelow(t, before, after)
		for name, v := range after {
			if v < 0 {
				t.Errorf("%s = %v", name, v)
			}
		}
	})
}

// notBelow wants the counters that are added up not to fall, whatever happens
// to the databases they come from.
func (w *watch) notBelow(t *testing.T, before, after series) {
	t.Helper()
	for _, name := range []string{
		"pg_stat_database_xact_commit{datid=0,datname=other}", "pg_stat_database_blks_hit{datid=0,datname=other}",
		"pg_sessions_established_total", "pg_checksum_failures_total",
	} {
		was, now := before[name], after[name]
		if _, ok := after[name]; !ok || now < was {
			t.Errorf("%s was %v and is %v (published: %v)", name, was, now, ok)
		}
	}
}

// sum adds up the series whose name begins so.
func (s series) sum(prefix string) (sum float64, n int) {
	for name, v := range s {
		if strings.HasPrefix(name, prefix) {
			sum += v
			n++
		}
	}
	return sum, n
}

func oidOf(t *testing.T, p *lab.Postgres, database string) string {
	t.Helper()
	v, err := p.Value(t.Context(), "postgres", database, "SELECT oid FROM pg_database WHERE datname = current_database()")
	must(t, err)
	return v
}
