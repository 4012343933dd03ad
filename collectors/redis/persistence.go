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
	if _, ok := i["rdb_last_bgsave_status"]; !ok {
		return // not told, as on some managed servers
	}
	gauge(ch, failingDesc, truth(fails(i)))
	if waited, ok := unsavedFor(i, now); ok {
		gauge(ch, unsavedDesc, waited.Seconds())
	}
}

func fails(i info) bool {
	return i["rdb_last_bgsave_status"] != "ok" || i["aof_enabled"] == "1" && i["aof_last_write_status"] != "ok"
}

// unsavedFor is how long changes have waited for the disk at most.
func unsavedFor(i info, now time.Time) (time.Duration, bool) {
	changes, okChanges := i.number("rdb_changes_since_last_save")
	saved, okSaved := i.number("rdb_last_save_time")
	if !okChanges || !okSaved {
		return 0, false
	}
	held := i["aof_enabled"] == "1" && i["aof_last_write_status"] == "ok"
	if changes == 0 || held {
		return 0, true
	}
	return max(now.Sub(time.Unix(int64(saved), 0)), 0), true
}
