package postgres

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	ioLabels = []string{"backend_type", "object", "operation"}

	ioOperations = prometheus.NewDesc("pg_io_operations_total",
		"Reads, writes, extensions and syncs of files, by whom and of what: backends that are neither of clients nor of autovacuum are other.", ioLabels, nil)
	ioBytes = prometheus.NewDesc("pg_io_bytes_total",
		"Bytes read, written and added to files.", ioLabels, nil)
	ioSeconds = prometheus.NewDesc("pg_io_seconds_total",
		"Time spent on them; absent unless track_io_timing is on, of WAL unless track_wal_io_timing is.", ioLabels, nil)
)

// inputOutput is pg_stat_io, which version 16 has first, at most 73 series. It
// costs 0.2 ms.
var inputOutput = []subject{
	{from: 16, until: 17, query: ioQuery("%[1]ss * op_bytes"), descs: []*prometheus.Desc{ioOperations, ioBytes, ioSeconds}, publish: publishIO},
	{from: 18, query: ioQuery("%[1]s_bytes"), publish: publishIO},
}

// ioQuery adds up contexts and the types of backends. bytes is how a version
// counts those of an operation.
func ioQuery(bytes string) pgsession.Query {
	var sql strings.Builder
	sql.WriteString(`
SELECT CASE WHEN backend_type IN ('client backend', 'autovacuum worker') THEN backend_type ELSE 'other' END AS backend_type, object,
       sum(fsyncs) AS fsync, sum(fsync_time) FILTER (WHERE timed) / 1000 AS fsync_seconds`)
	for _, operation := range []string{"read", "write", "extend"} {
		fmt.Fprintf(&sql, `,
       sum(%[1]ss) AS %[1]s, sum(`+bytes+`) AS %[1]s_bytes, sum(%[1]s_time) FILTER (WHERE timed) / 1000 AS %[1]s_seconds`, operation)
	}
	return pgsession.Query{Name: "I/O", SQL: sql.String() + `
  FROM (SELECT *, current_setting(CASE object WHEN 'wal' THEN 'track_wal_io_timing' ELSE 'track_io_timing' END) = 'on' AS timed FROM pg_stat_io) AS io
 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 20`}
}

func publishIO(ch chan<- prometheus.Metric, r pgsession.Result) {
	for _, row := range r.Rows {
		send := func(d *prometheus.Desc, column, operation string) {
			if v, ok := row.Float(column); ok {
				counter(ch, d, v, row.String("backend_type"), row.String("object"), operation)
			}
		}
		for _, operation := range []string{"read", "write", "extend"} {
			send(ioOperations, operation, operation)
			send(ioBytes, operation+"_bytes", operation)
			send(ioSeconds, operation+"_seconds", operation)
		}
		send(ioOperations, "fsync", "fsync")
		send(ioSeconds, "fsync_seconds", "fsync")
	}
}
