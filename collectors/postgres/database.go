package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// databaseColumns are the columns of pg_stat_database that are published as the
// peer does, pg_stat_database_<column>{datid,datname}.
var databaseColumns = []struct {
	column string
	value  prometheus.ValueType
	desc   *prometheus.Desc
}{
	{"numbackends", prometheus.GaugeValue, databaseDesc("numbackends", "Sessions connected to this database.")},
	{"xact_commit", prometheus.CounterValue, databaseDesc("xact_commit", "Transactions committed.")},
	{"xact_rollback", prometheus.CounterValue, databaseDesc("xact_rollback", "Transactions rolled back.")},
	{"blks_read", prometheus.CounterValue, databaseDesc("blks_read", "Blocks read from disk.")},
	{"blks_hit", prometheus.CounterValue, databaseDesc("blks_hit", "Blocks found in the buffer cache.")},
	{"tup_returned", prometheus.CounterValue, databaseDesc("tup_returned", "Rows returned by queries.")},
	{"tup_fetched", prometheus.CounterValue, databaseDesc("tup_fetched", "Rows fetched by queries.")},
	{"tup_inserted", prometheus.CounterValue, databaseDesc("tup_inserted", "Rows inserted.")},
	{"tup_updated", prometheus.CounterValue, databaseDesc("tup_updated", "Rows updated.")},
	{"tup_deleted", prometheus.CounterValue, databaseDesc("tup_deleted", "Rows deleted.")},
	{"conflicts", prometheus.CounterValue, databaseDesc("conflicts", "Queries of a standby cancelled for conflicts with recovery.")},
	{"temp_files", prometheus.CounterValue, databaseDesc("temp_files", "Temporary files created.")},
	{"temp_bytes", prometheus.CounterValue, databaseDesc("temp_bytes", "Bytes written to temporary files.")},
	{"deadlocks", prometheus.CounterValue, databaseDesc("deadlocks", "Deadlocks detected.")},
	{"blk_read_time", prometheus.CounterValue, databaseDesc("blk_read_time", "Milliseconds spent reading blocks; absent unless track_io_timing is on.")},
	{"blk_write_time", prometheus.CounterValue, databaseDesc("blk_write_time", "Milliseconds spent writing blocks; absent unless track_io_timing is on.")},
	{"stats_reset", prometheus.CounterValue, databaseDesc("stats_reset", "When these counters were last reset, in seconds since 1970.")},
}

func databaseDesc(column, help string) *prometheus.Desc {
	return prometheus.NewDesc("pg_stat_database_"+column, help, []string{"datid", "datname"}, nil)
}

var databases = subject{
	descs: databaseDescs(),
	query: pgsession.Query{Name: "databases", SQL: `
SELECT datid, datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit,
       tup_returned, tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts,
       temp_files, temp_bytes, deadlocks,
       CASE WHEN current_setting('track_io_timing') = 'on' THEN blk_read_time END AS blk_read_time,
       CASE WHEN current_setting('track_io_timing') = 'on' THEN blk_write_time END AS blk_write_time,
       extract(epoch FROM stats_reset) AS stats_reset
  FROM pg_stat_database WHERE datname IS NOT NULL
 ORDER BY datname LIMIT 200`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			for _, c := range databaseColumns {
				if v, ok := row.Float(c.column); ok {
					ch <- prometheus.MustNewConstMetric(c.desc, c.value, v, row.String("datid"), row.String("datname"))
				}
			}
		}
	},
}

func databaseDescs() []*prometheus.Desc {
	list := make([]*prometheus.Desc, len(databaseColumns))
	for i, c := range databaseColumns {
		list[i] = c.desc
	}
	return list
}

var databaseSize = prometheus.NewDesc("pg_database_size_bytes",
	"Disk space used by the database.", []string{"datname"}, nil)

// sizes reads every file's size: a task of its own, far apart. A database that
// the role may neither connect to nor read the statistics of is left out.
var sizes = subject{
	descs: []*prometheus.Desc{databaseSize},
	query: pgsession.Query{Name: "database sizes", SQL: `
SELECT datname, pg_database_size(oid) AS bytes
  FROM pg_database
 WHERE has_database_privilege(oid, 'CONNECT') OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
 ORDER BY datname LIMIT 200`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			v, ok := row.Float("bytes")
			known(ch, databaseSize, v, ok, row.String("datname"))
		}
	},
}
