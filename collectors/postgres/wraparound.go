package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	// The names are the peer's: it says seconds, and counts transactions.
	xidAge = prometheus.NewDesc("pg_database_wraparound_age_datfrozenxid_seconds",
		"Transactions since the oldest one of the database that is not frozen: not seconds.", []string{"datname"}, nil)
	multixactAge = prometheus.NewDesc("pg_database_wraparound_age_datminmxid_seconds",
		"Multixacts since the oldest one of the database that is not frozen: not seconds.", []string{"datname"}, nil)
	freezeRatio = prometheus.NewDesc("pg_wraparound_freeze_ratio",
		"The greater of these ages as a share of that at which autovacuum must freeze (autovacuum_freeze_max_age, "+
			"autovacuum_multixact_freeze_max_age); above 1 it has not kept up.", []string{"datname"}, nil)
	wraparoundRatio = prometheus.NewDesc("pg_wraparound_used_ratio",
		"The greater of these ages as a share of the 2^31 there are: near 1 the server accepts no writes.", []string{"datname"}, nil)
)

// wraparound reports how near each database is to the end of its transaction
// numbers, the nearest first. A database that nobody may connect to counts like
// any other. It costs less than 0.1 ms.
var wraparound = subject{
	descs: []*prometheus.Desc{xidAge, multixactAge, freezeRatio, wraparoundRatio},
	query: pgsession.Query{Name: "wraparound", SQL: `
SELECT datname, age(datfrozenxid) AS xid, mxid_age(datminmxid) AS multixact,
       greatest(age(datfrozenxid) / current_setting('autovacuum_freeze_max_age')::float8,
                mxid_age(datminmxid) / current_setting('autovacuum_multixact_freeze_max_age')::float8) AS share,
       greatest(age(datfrozenxid), mxid_age(datminmxid)) / 2147483648.0 AS used
  FROM pg_database
 ORDER BY share DESC, oid LIMIT 25`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			name := row.String("datname")
			v, ok := row.Float("xid")
			known(ch, xidAge, v, ok, name)
			v, ok = row.Float("multixact")
			known(ch, multixactAge, v, ok, name)
			v, ok = row.Float("share")
			known(ch, freezeRatio, v, ok, name)
			v, ok = row.Float("used")
			known(ch, wraparoundRatio, v, ok, name)
		}
	},
}
