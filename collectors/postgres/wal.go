package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	walBytes = prometheus.NewDesc("pg_wal_bytes_total",
		"Bytes of the write-ahead log up to where it is written, or received on a standby: its rate is what the server writes.", nil, nil)
	walReset = prometheus.NewDesc("pg_wal_stats_reset_timestamp_seconds",
		"When the WAL's counters other than its bytes were last reset.", nil, nil)

	// walCounters are pg_stat_wal's; the seconds are only there when
	// track_wal_io_timing is on, and in pg_io_seconds_total from 18 on.
	walCounters = []statistic{
		{"wal_records", walDesc("records_total", "WAL records written.")},
		{"wal_fpi", walDesc("full_page_images_total", "Pages written to WAL whole, as the first change after a checkpoint makes them.")},
		{"wal_buffers_full", walDesc("buffers_full_total", "Times WAL was written because its buffers were full.")},
	}
	walTimes = []statistic{
		{"wal_write_time", walDesc("write_seconds_total", "Time spent writing WAL; absent unless track_wal_io_timing is on, and from version 18 on.")},
		{"wal_sync_time", walDesc("sync_seconds_total", "Time spent syncing WAL to disk; absent unless track_wal_io_timing is on, and from version 18 on.")},
	}
)

func walDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("pg_wal_"+name, help, nil, nil)
}

// walPosition is 0.02 ms on the server, as is all of the statement.
const walPosition = `
SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                            ELSE pg_current_wal_lsn() END, '0/0') AS position`

// wal reports what is written to the log.
var wal = []subject{
	{until: 13, query: pgsession.Query{Name: "WAL", SQL: walPosition}, descs: []*prometheus.Desc{walBytes}, publish: publishWAL(nil)},
	{
		from: 14, until: 17, descs: append(descsOf(walTimes), walReset),
		query: pgsession.Query{Name: "WAL", SQL: walPosition + `, wal_records, wal_fpi, wal_buffers_full,
       CASE WHEN current_setting('track_wal_io_timing') = 'on' THEN wal_write_time / 1000 END AS wal_write_time,
       CASE WHEN current_setting('track_wal_io_timing') = 'on' THEN wal_sync_time / 1000 END AS wal_sync_time,
       extract(epoch FROM stats_reset) AS stats_reset
  FROM pg_stat_wal`},
		publish: publishWAL(append(walTimes, walCounters...)),
	},
	{
		from: 18, descs: descsOf(walCounters),
		query: pgsession.Query{Name: "WAL", SQL: walPosition + `, wal_records, wal_fpi, wal_buffers_full,
       extract(epoch FROM stats_reset) AS stats_reset
  FROM pg_stat_wal`},
		publish: publishWAL(walCounters),
	},
}

func publishWAL(counters []statistic) func(chan<- prometheus.Metric, pgsession.Result) {
	return func(ch chan<- prometheus.Metric, r pgsession.Result) {
		if v, ok := r.First().Float("position"); ok {
			counter(ch, walBytes, v)
		}
		if counters == nil {
			return
		}
		publishStatistics(counters)(ch, r)
		v, ok := r.First().Float("stats_reset")
		known(ch, walReset, v, ok)
	}
}

var (
	walSegments = prometheus.NewDesc("pg_wal_segments",
		"Files of the write-ahead log on disk.", nil, nil)
	walSize = prometheus.NewDesc("pg_wal_size_bytes",
		"Disk space they use.", nil, nil)
)

// walDirectory asks for every file's size: 0.1 ms for 10 files, 10 ms for
// 4,096. Another role than pg_monitor's may not.
var walDirectory = subject{
	needsMonitor: true,
	descs:        []*prometheus.Desc{walSegments, walSize},
	query:        pgsession.Query{Name: "WAL directory", SQL: `SELECT count(*) AS segments, sum(size) AS bytes FROM pg_ls_waldir()`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		row := r.First()
		v, ok := row.Float("segments")
		known(ch, walSegments, v, ok)
		v, ok = row.Float("bytes")
		known(ch, walSize, v, ok)
	},
}
