package postgres

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	archiverEnabled = prometheus.NewDesc("pg_archiver_enabled",
		"Whether the server archives its WAL (archive_mode).", nil, nil)
	archivedCount = prometheus.NewDesc("pg_stat_archiver_archived_count",
		"WAL files archived.", nil, nil)
	failedCount = prometheus.NewDesc("pg_stat_archiver_failed_count",
		"Failed attempts to archive a WAL file.", nil, nil)
	lastArchived = prometheus.NewDesc("pg_archiver_last_archived_timestamp_seconds",
		"When a WAL file was last archived.", nil, nil)
	lastFailed = prometheus.NewDesc("pg_archiver_last_failed_timestamp_seconds",
		"When archiving a WAL file last failed.", nil, nil)
	archiverFailing = prometheus.NewDesc("pg_archiver_failing",
		"Whether the latest attempt to archive failed.", nil, nil)
	archiveLag = prometheus.NewDesc("pg_archive_lag_seconds",
		"Age of the oldest transaction that is not archived yet: at least (bound lower, 0 when none is known) and at most (bound upper).",
		[]string{"bound"}, nil)
	archiverReady = prometheus.NewDesc("pg_archiver_ready_files",
		"WAL files that are complete and not archived yet, by the positions of the server and of the last file archived.", nil, nil)
	lastArchiveAge = prometheus.NewDesc("pg_stat_archiver_last_archive_age",
		"Seconds since a WAL file was last archived; absent before the first.", nil, nil)
)

// archiver reports whether the log leaves the server. behind judges a position
// on the cluster's history.
//
// Archiving goes by the order of the log, so what was once archived stays so:
// the furthest position is remembered while the last file archived is one of
// those (histories, labels of backups) that have none.
func archiver(behind func(timeline uint32, pos uint64) (lsnclock.Bounds, bool)) subject {
	var furthest archived
	return subject{
		descs: []*prometheus.Desc{archiverEnabled, archivedCount, failedCount, lastArchived, lastFailed, archiverFailing, archiveLag, archiverReady, lastArchiveAge},
		query: pgsession.Query{Name: "archiver", SQL: `
SELECT archived_count, failed_count, last_archived_wal, last_archived_time, last_failed_time,
       CASE current_setting('archive_mode') WHEN 'off' THEN false WHEN 'always' THEN true
            ELSE NOT pg_is_in_recovery() END AS enabled,
       pg_size_bytes(current_setting('wal_segment_size')) AS segment,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END AS current,
       now() AS now
  FROM pg_stat_archiver`},
		publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
			row := r.First()
			enabled, ok := row.Bool("enabled")
			known(ch, archiverEnabled, number(enabled), ok)
			if !enabled {
				return
			}
			publishArchiver(ch, row)
			furthest = furthest.after(row)
			if furthest.end > 0 {
				publishBounds(ch, archiveLag)(behind(furthest.timeline, furthest.end))
				ready, ok := furthest.ready(row)
				known(ch, archiverReady, ready, ok)
			}
		},
	}
}

// archived is how far the log is in the archive.
type archived struct {
	timeline uint32
	end      uint64 // 0 when it is not known
	files    int64  // ever archived, by the server's count
}

// after is what an answer makes of what was known before: nothing when another
// server answers, or its statistics were reset.
func (a archived) after(row pgsession.Row) archived {
	files, _ := row.Int("archived_count")
	if files < a.files {
		a = archived{}
	}
	a.files = files
	if timeline, end, ok := archivedUpTo(row); ok {
		a.timeline, a.end = timeline, end
	}
	return a
}

// ready is how many whole files lie between the end of what is archived and the
// server's position.
func (a archived) ready(row pgsession.Row) (float64, bool) {
	current, ok := row.LSN("current")
	size, okSize := row.Int("segment")
	if !ok || !okSize || size <= 0 {
		return 0, false
	}
	complete, done := current/uint64(size), a.end/uint64(size)
	return float64(complete - min(done, complete)), true
}

func publishArchiver(ch chan<- prometheus.Metric, row pgsession.Row) {
	if v, ok := row.Float("archived_count"); ok {
		counter(ch, archivedCount, v)
	}
	if v, ok := row.Float("failed_count"); ok {
		counter(ch, failedCount, v)
	}
	last, everArchived := row.Time("last_archived_time")
	known(ch, lastArchived, unix(last), everArchived)
	now, okNow := row.Time("now")
	known(ch, lastArchiveAge, max(now.Sub(last), 0).Seconds(), everArchived && okNow)
	failed, everFailed := row.Time("last_failed_time")
	known(ch, lastFailed, unix(failed), everFailed)
	// The counters never fall: only the order of the two times tells whether a
	// failure has been overcome.
	gauge(ch, archiverFailing, number(everFailed && (!everArchived || failed.After(last))))
}

// archivedUpTo is the position at which the last archived segment ends. Names
// of other files (history, backup, partial) say nothing about it.
func archivedUpTo(row pgsession.Row) (timeline uint32, end uint64, ok bool) {
	name, _ := row.Text("last_archived_wal")
	size, okSize := row.Int("segment")
	if len(name) != 24 || !okSize || size <= 0 {
		return 0, 0, false
	}
	var part [3]uint64
	for i := range part {
		v, err := strconv.ParseUint(name[8*i:8*i+8], 16, 32)
		if err != nil {
			return 0, 0, false
		}
		part[i] = v
	}
	return uint32(part[0]), part[1]<<32 + (part[2]+1)*uint64(size), true
}

// publishBounds publishes what is known of a lag.
func publishBounds(ch chan<- prometheus.Metric, d *prometheus.Desc, labels ...string) func(lsnclock.Bounds, bool) {
	return func(b lsnclock.Bounds, ok bool) {
		if !ok {
			return
		}
		send := func(bound string, v time.Duration) { gauge(ch, d, v.Seconds(), append(labels, bound)...) }
		send("lower", b.Lower)
		if b.Bounded {
			send("upper", b.Upper)
		}
	}
}
