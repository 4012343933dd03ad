package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	roleLimit = prometheus.NewDesc("pg_roles_connection_limit",
		"Connections a role may have at once; -1 is no limit. The roles that may log in and have the least.", []string{"rolname"}, nil)
	databaseLimit = prometheus.NewDesc("pg_database_connection_limit",
		"Connections a database may have at once; -1 is no limit. The databases that have the least.", []string{"datname"}, nil)
)

// roleLimits and databaseLimits are bounded: a limit that is set matters more
// than the many that are not. Each costs less than 0.1 ms.
var (
	roleLimits = subject{
		descs: []*prometheus.Desc{roleLimit},
		query: pgsession.Query{Name: "limits of roles", SQL: `
SELECT rolname AS name, rolconnlimit AS most
  FROM pg_roles WHERE rolcanlogin
 ORDER BY rolconnlimit < 0, rolconnlimit, rolname LIMIT 20`},
		publish: publishLimits(roleLimit),
	}
	databaseLimits = subject{
		descs: []*prometheus.Desc{databaseLimit},
		query: pgsession.Query{Name: "limits of databases", SQL: `
SELECT datname AS name, datconnlimit AS most
  FROM pg_database WHERE datallowconn
 ORDER BY datconnlimit < 0, datconnlimit, oid LIMIT 25`},
		publish: publishLimits(databaseLimit),
	}
)

func publishLimits(d *prometheus.Desc) func(chan<- prometheus.Metric, pgsession.Result) {
	return func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			v, ok := row.Float("most")
			known(ch, d, v, ok && !ofPerson(row.String("name")), row.String("name"))
		}
	}
}
