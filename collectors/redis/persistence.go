package redis

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	failingDesc = prometheus.NewDesc("redis_persistence_failing",
		"Whether the latest snapshot or write to the append-only file failed.", nil, nil)
	unsavedDesc = prometheus.NewDesc("redis_unsaved_seconds",
		"Time since the last snapshot while changes wait to be saved and no append-only file holds them; 0 when none wait. This is what a crash would lose at most.", nil, nil)
)

func describePersistence(ch chan<- *prometheus.Desc) {
	ch <- failingDesc
	ch <- unsavedDesc
}

// publishPersistence judges whether what is in memory is also on disk. The
// status of the last snapshot stays "ok" however long ago it was; the age of
// unsaved changes does not.
func publishPersistence(ch chan<- prometheus.Metric, i info, now time.Time) {
	snapshot, ok := i["rdb_last_bgsave_status"]
	if !ok {
		return // not told, as on some managed servers
	}
	appendOnly := i["aof_enabled"] == "1"
	failing := snapshot != "ok" || (appendOnly && i["aof_last_write_status"] != "ok")
	v := 0.0
	if failing {
		v = 1
	}
	gauge(ch, failingDesc, v)
	changes, okChanges := i.number("rdb_changes_since_last_save")
	saved, okSaved := i.number("rdb_last_save_time")
	switch {
	case !okChanges || !okSaved:
	case changes == 0 || (appendOnly && !failing):
		gauge(ch, unsavedDesc, 0)
	default:
		gauge(ch, unsavedDesc, max(now.Sub(time.Unix(int64(saved), 0)).Seconds(), 0))
	}
}
