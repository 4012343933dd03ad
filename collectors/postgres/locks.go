package postgres

import (
	"cmp"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var lockCount = prometheus.NewDesc("pg_locks_count",
	"Locks held or waited for, by database and mode.", []string{"datname", "mode"}, nil)

// locks counts locks as the peer does, without our own.
var locks = subject{
	descs: []*prometheus.Desc{lockCount},
	query: pgsession.Query{Name: "locks", SQL: `
SELECT d.datname, lower(l.mode) AS mode, count(*) AS count
  FROM pg_locks l
  JOIN pg_database d ON d.oid = l.database
 WHERE l.pid IS DISTINCT FROM pg_backend_pid()
 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 5000`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for k, n := range foldLocks(r.Rows) {
			gauge(ch, lockCount, n, k.database, k.mode)
		}
	},
}

type lockKey struct{ database, mode string }

// lockDatabases bounds the databases of which locks are told; PostgreSQL has
// nine modes.
const lockDatabases = 8

// foldLocks keeps the databases with most locks and adds up those of the others
// by mode under the name "other".
func foldLocks(rows []pgsession.Row) map[lockKey]float64 {
	counts, byDatabase := map[lockKey]float64{}, map[string]float64{}
	for _, row := range rows {
		if n, ok := row.Float("count"); ok {
			k := lockKey{row.String("datname"), row.String("mode")}
			counts[k] += n
			byDatabase[k.database] += n
		}
	}
	kept := largest(byDatabase, lockDatabases)
	folded := map[lockKey]float64{}
	for k, n := range counts {
		if !kept[k.database] {
			k.database = residual
		}
		folded[k] += n
	}
	return folded
}

// largest names up to most of the values, the largest first, and one less when
// there are more, to leave room for a residual.
func largest(values map[string]float64, most int) map[string]bool {
	names := byValue(values)
	if len(names) > most {
		names = names[:most-1]
	}
	kept := make(map[string]bool, len(names))
	for _, name := range names {
		kept[name] = true
	}
	return kept
}

// byValue names the values, the largest first.
func byValue(values map[string]float64) []string {
	return slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(cmp.Compare(values[b], values[a]), cmp.Compare(a, b))
	})
}
